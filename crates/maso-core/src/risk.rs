//! Risk of an action, and the review that it needs before commit (EC-2.1, EC-2.9, mechanisms §6).

use std::fmt;

use crate::words;

/// Risk of an action, low to high. What nobody classified is critical.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Risk {
    /// Reads in scope, staged reversible writes.
    Low,
    /// E-mail, record update, external API.
    Medium,
    /// Payment, permission, bulk.
    High,
    /// Deploy, filing, irreversible, or unclassified.
    Critical,
}
words!(Risk { Low = "low", Medium = "medium", High = "high", Critical = "critical" });

/// What kind of action a tool performs (EC-2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Changes nothing.
    Read,
    /// Changes or adds.
    Write,
    /// Sends something to a party outside.
    Send,
    /// Removes.
    Delete,
    /// Moves money or rights.
    Transfer,
    /// Runs code or commands.
    Execute,
}
words!(Class {
    Read = "read",
    Write = "write",
    Send = "send",
    Delete = "delete",
    Transfer = "transfer",
    Execute = "execute",
});

/// Whether an action can be undone (EC-1.6). Best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reversibility {
    /// Can be undone at any time.
    Reversible,
    /// Can be undone for a while.
    TimeBounded,
    /// Cannot be undone.
    Irreversible,
}
words!(Reversibility {
    Reversible = "reversible",
    TimeBounded = "time-bounded",
    Irreversible = "irreversible",
});

/// What must have been heard before the action may be committed. Reviews only ever add up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Review {
    /// Independent judges that must approve.
    pub n_judges: u8,
    /// Different people that must approve.
    pub n_people: u8,
    /// Whether a dry run must have succeeded (EC-2.7a).
    pub dry_run: bool,
}

impl Review {
    /// Layer 1 alone.
    pub const NONE: Self = Self { n_judges: 0, n_people: 0, dry_run: false };

    /// The review that satisfies both.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        Self {
            n_judges: self.n_judges.max(other.n_judges),
            n_people: self.n_people.max(other.n_people),
            dry_run: self.dry_run || other.dry_run,
        }
    }
}

impl fmt::Display for Review {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        match self.n_judges {
            0 => {}
            1 => parts.push("judge".to_owned()),
            n => parts.push(format!("{n} judges")),
        }
        match self.n_people {
            0 => {}
            1 => parts.push("person".to_owned()),
            n => parts.push(format!("{n} people")),
        }
        if self.dry_run {
            parts.push("dry run".to_owned());
        }
        if parts.is_empty() { f.write_str("layer 1") } else { f.write_str(&parts.join(" + ")) }
    }
}
