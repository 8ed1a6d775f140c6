//! Stage 6: labels and origins of values (DP-1.1, PG-1.4, PG-2.5).

use maso_core::{Findings, Label, Origin, Source};
use maso_intent::{Resolved, ResultLabels};
use serde_json::Value;

/// What a task has seen so far, and where each value in it came from. Bounded.
#[derive(Clone, Debug, Default)]
pub struct Memory {}

impl Memory {
    /// Remembers a piece of data with the label that its source gives it.
    pub fn learn(&mut self, source: Source, value: &Value, labels: &ResultLabels) {
        unimplemented!("{source:?}{value:?}{labels:?}")
    }

    /// The label of everything that was seen, combined.
    pub fn label(&self) -> Label {
        unimplemented!()
    }
}

/// A hop whose label is known, and where each value in it came from.
#[derive(Clone, Debug)]
pub struct Traced {
    pub(crate) resolved: Resolved,
    pub(crate) label: Label,
    pub(crate) origins: Vec<Origin>,
    pub(crate) findings: Findings,
}

impl Traced {
    /// The hop.
    pub fn resolved(&self) -> &Resolved {
        &self.resolved
    }

    /// The label of its payload as a whole.
    pub fn label(&self) -> Label {
        self.label
    }

    /// Where each value in it came from.
    pub fn origins(&self) -> &[Origin] {
        &self.origins
    }
}

/// Stage 6. Unknown origin is the worst origin.
pub fn trace(memory: &Memory, resolved: Resolved) -> Traced {
    unimplemented!("{memory:?}{resolved:?}")
}
