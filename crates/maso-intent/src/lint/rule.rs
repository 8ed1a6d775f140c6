//! What the lint can find: one row for each rule, from which the documentation and SARIF's rules are made too.

use maso_core::{ControlId, Tier};

use crate::Severity;

/// Declares [`LintRule`]: variant, id, control (`-` for none), severity at tier 1, 2 and 3 (`_` where it is no finding), what
/// is found, and what to do about it.
macro_rules! rules {
    ($( $variant:ident $id:literal $control:literal $first:tt $second:tt $third:tt $summary:literal $help:literal; )+) => {
        /// One thing that `maso check` looks for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum LintRule {
            $( #[doc = $summary] $variant, )+
        }

        impl LintRule {
            /// All rules, by subject.
            pub const ALL: &'static [Self] = &[$( Self::$variant, )+];

            /// Its stable name.
            pub const fn id(self) -> &'static str {
                match self { $( Self::$variant => $id, )+ }
            }

            /// What it finds, as a fragment.
            pub const fn summary(self) -> &'static str {
                match self { $( Self::$variant => $summary, )+ }
            }

            /// What to do about it, as a fragment. A problem's own remedy is more precise.
            pub const fn help(self) -> &'static str {
                match self { $( Self::$variant => $help, )+ }
            }

            /// How grave it is at each tier, from tier 1; `None` where the tier does not ask for it.
            pub const fn severities(self) -> [Option<Severity>; 3] {
                match self { $( Self::$variant => [level!($first), level!($second), level!($third)], )+ }
            }

            pub(super) const fn control_text(self) -> &'static str {
                match self { $( Self::$variant => $control, )+ }
            }
        }
    };
}

macro_rules! level {
    (E) => {
        Some(Severity::Error)
    };
    (W) => {
        Some(Severity::Warning)
    };
    (N) => {
        Some(Severity::Note)
    };
    (_) => {
        None
    };
}

mod table;

pub use table::LintRule;

impl LintRule {
    /// The control that asks for it; none for what is no valid file, or names no control of the framework.
    pub fn control(self) -> Option<ControlId> {
        match self.control_text() {
            "-" => None,
            id => Some(ControlId::known(id)),
        }
    }

    /// How grave it is at this tier.
    pub const fn severity(self, tier: Tier) -> Option<Severity> {
        let [first, second, third] = self.severities();
        match tier {
            Tier::Supervised => first,
            Tier::Managed => second,
            Tier::Autonomous => third,
        }
    }
}
