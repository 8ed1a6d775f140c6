//! Stage 7: risk, reversibility, and the review that the hop needs (EC-1.6, EC-2.1, EC-2.9).

use maso_core::{Findings, Label, Origin, Reversibility, Review, Risk};
use maso_intent::Resolved;

use crate::Traced;

/// A hop whose risk is known, and the review that it needs.
#[derive(Clone, Debug)]
pub struct Weighed {
    pub(crate) traced: Traced,
    pub(crate) findings: Findings,
    pub(crate) risk: Risk,
    pub(crate) reversibility: Reversibility,
    pub(crate) review: Review,
}

impl Weighed {
    /// The hop under its authority.
    pub fn resolved(&self) -> &Resolved {
        self.traced.resolved()
    }

    /// Its label.
    pub fn label(&self) -> Label {
        self.traced.label()
    }

    /// Where its values came from.
    pub fn origins(&self) -> &[Origin] {
        self.traced.origins()
    }

    /// What all controls said.
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// Its risk.
    pub fn risk(&self) -> Risk {
        self.risk
    }

    /// Whether it can be undone.
    pub fn reversibility(&self) -> Reversibility {
        self.reversibility
    }

    /// What must have been heard before it may be committed.
    pub fn review(&self) -> Review {
        self.review
    }
}

/// Stage 7. What nobody classified is critical.
pub fn weigh(traced: Traced, findings: Findings) -> Weighed {
    unimplemented!("{traced:?}{findings:?}")
}
