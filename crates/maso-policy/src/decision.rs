//! What becomes of a hop.

use maso_core::{Digest, Findings, Refusal, Refused, Review, Timestamp};

use crate::{Verdicts, Weighed};

/// What becomes of a hop. The explanation is inside and never computed a second time.
#[derive(Debug)]
pub enum Decision {
    /// It may happen, once.
    Allow(Permit),
    /// It waits for people.
    Hold(Held),
    /// It does not happen.
    Deny(Denial),
}

/// The right to release exactly one hop, once. Only `settle` makes one.
#[derive(Debug)]
pub struct Permit {
    pub(crate) weighed: Weighed,
    pub(crate) verdicts: Verdicts,
}

impl Permit {
    /// The hop, with all that was found out about it.
    pub fn weighed(&self) -> &Weighed {
        &self.weighed
    }

    /// Who was heard.
    pub fn verdicts(&self) -> &Verdicts {
        &self.verdicts
    }
}

/// A hop that waits for people. It is decided again when they answered, never resumed.
#[derive(Debug)]
pub struct Held {
    pub(crate) weighed: Weighed,
    pub(crate) verdicts: Verdicts,
    pub(crate) awaited: Review,
    pub(crate) expires_at: Timestamp,
}

impl Held {
    /// The hop, with all that was found out about it.
    pub fn weighed(&self) -> &Weighed {
        &self.weighed
    }

    /// Who was heard so far.
    pub fn verdicts(&self) -> &Verdicts {
        &self.verdicts
    }

    /// What is still missing.
    pub fn awaited(&self) -> Review {
        self.awaited
    }

    /// When silence becomes a no.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// The action that must be approved.
    pub fn action(&self) -> Digest {
        self.weighed.resolved().action_digest()
    }
}

/// How far a denied hop had come.
#[derive(Debug)]
pub enum Subject {
    /// It parsed.
    Received(Box<maso_wire::Received>),
    /// Its sender was known.
    Identified(Box<maso_identity::Identified>),
    /// Everything was known about it.
    Weighed(Box<Weighed>),
}

/// A hop that does not happen. Anyone may deny.
#[derive(Debug)]
pub struct Denial {
    /// How far it had come.
    pub subject: Subject,
    /// The code that the agent is told.
    pub refusal: Refusal,
    /// Why, for operators.
    pub findings: Findings,
    /// Who was heard.
    pub verdicts: Verdicts,
}

impl From<Refused<maso_wire::Received>> for Denial {
    fn from(refused: Refused<maso_wire::Received>) -> Self {
        Self {
            subject: Subject::Received(Box::new(refused.subject)),
            refusal: refused.refusal,
            findings: Findings::from(vec![refused.finding]),
            verdicts: Verdicts::none(),
        }
    }
}

impl From<Refused<maso_identity::Identified>> for Denial {
    fn from(refused: Refused<maso_identity::Identified>) -> Self {
        Self {
            subject: Subject::Identified(Box::new(refused.subject)),
            refusal: refused.refusal,
            findings: Findings::from(vec![refused.finding]),
            verdicts: Verdicts::none(),
        }
    }
}
