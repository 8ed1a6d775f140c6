//! Stage 10: what a carrier is handed, and what it gives back.

use maso_core::{Act, AgentName, Digest, Principal, TaskId, Turn};
use maso_guard::Redaction;
use maso_identity::Link;
use maso_intent::Resolved;
use maso_log::{Buffered, Recorded};
use maso_policy::{Denial, Held, Permit, Subject, Weighed};
use serde_json::Value;

/// What lies on the record and may therefore be released.
#[derive(Debug)]
pub(crate) enum Passage {
    /// A permit.
    Permit(Recorded<Permit>),
    /// A permit for a pure read, which does not wait for the disk.
    Buffered(Buffered<Permit>),
    /// A hold or a denial that does not bind, because the deployment only observes.
    Observed(Recorded<Observed>),
}

/// A decision that would have stopped the hop.
#[derive(Debug)]
pub(crate) enum Observed {
    Held(Box<Held>),
    Denied(Denial),
}

impl Passage {
    fn weighed(&self) -> Option<&Weighed> {
        match self {
            Self::Permit(permit) => Some(permit.value().weighed()),
            Self::Buffered(permit) => Some(permit.value().weighed()),
            Self::Observed(observed) => match observed.value() {
                Observed::Held(held) => Some(held.weighed()),
                Observed::Denied(denial) => match &denial.subject {
                    Subject::Weighed(weighed) => Some(weighed),
                    Subject::Identified(_) | Subject::Received(_) => None,
                },
            },
        }
    }

    fn resolved(&self) -> Option<&Resolved> {
        self.weighed().map(Weighed::resolved)
    }

    pub(crate) fn task(&self) -> Option<TaskId> {
        self.resolved().map(|resolved| resolved.task().id)
    }

    pub(crate) fn action(&self) -> Option<Digest> {
        self.resolved().map(Resolved::action_digest)
    }
}

/// A hop that may now be carried, exactly once: the decision is on the record.
#[derive(Debug)]
pub struct Release {
    passage: Passage,
    payload: Option<Value>,
}

impl Release {
    pub(crate) fn new(passage: Passage, redactions: &[Redaction]) -> Self {
        let payload = passage.resolved().filter(|_| !redactions.is_empty()).map(|resolved| {
            let mut payload = resolved.hop().payload.clone();
            Redaction::apply(&mut payload, redactions);
            payload
        });
        Self { passage, payload }
    }

    /// The permit; `None` when the deployment only observes and the hop would have been stopped.
    pub fn permit(&self) -> Option<&Permit> {
        match &self.passage {
            Passage::Permit(permit) => Some(permit.value()),
            Passage::Buffered(permit) => Some(permit.value()),
            Passage::Observed(_) => None,
        }
    }

    /// The agent that the hop concerns, where its sender was established.
    pub fn agent(&self) -> Option<&AgentName> {
        match &self.passage {
            Passage::Observed(observed) => match observed.value() {
                Observed::Denied(Denial { subject: Subject::Identified(identified), .. }) => identified.hop().agent(),
                Observed::Denied(_) | Observed::Held(_) => self.passage.resolved()?.hop().agent(),
            },
            Passage::Permit(_) | Passage::Buffered(_) => self.passage.resolved()?.hop().agent(),
        }
    }

    /// The payload with the obligations applied; `None` if the bytes may go as they came.
    pub fn replaced_payload(&self) -> Option<&Value> {
        self.payload.as_ref()
    }

    /// What a request to another agent adds to its task's chain, where a grant is what it is made under.
    pub fn link(&self) -> Option<Link> {
        let resolved = self.passage.resolved()?;
        let (hop, now) = (resolved.hop(), resolved.circumstances().now);
        let (Act::Request { agent, request }, Principal::Agent(from), Turn::Ask) = (&hop.act, &hop.from, hop.turn)
        else {
            return None;
        };
        let grant = resolved.solution().grant(from, agent, request)?;
        Some(grant.link(hop.id, self.payload.as_ref().unwrap_or(&hop.payload), now))
    }

    /// The hop as it was weighed, where it came so far.
    pub(crate) fn weighed(&self) -> Option<&Weighed> {
        self.passage.weighed()
    }
}

/// What came of carrying a hop.
#[derive(Debug)]
pub enum Carried<R> {
    /// The other side took it, and this is what it gave back.
    Delivered(R),
    /// The other side took it, and says itself that it did not succeed. Whether anything happened there, only it knows.
    Unsuccessful(R),
    /// The other side said no; nothing happened there.
    Failed {
        /// What to pass back.
        reply: R,
        /// Why, for operators.
        fault: String,
    },
    /// It broke midway: nobody knows whether it happened.
    Unknown {
        /// What to pass back.
        reply: R,
        /// Why, for operators.
        fault: String,
    },
}

impl<R> Carried<R> {
    pub(crate) fn outcome(&self) -> (&'static str, Option<String>) {
        match self {
            Self::Delivered(_) | Self::Unsuccessful(_) => ("delivered", None),
            Self::Failed { fault, .. } => ("failed", Some(fault.clone())),
            Self::Unknown { fault, .. } => ("unknown", Some(fault.clone())),
        }
    }

    pub(crate) fn into_reply(self) -> R {
        match self {
            Self::Delivered(reply)
            | Self::Unsuccessful(reply)
            | Self::Failed { reply, .. }
            | Self::Unknown { reply, .. } => reply,
        }
    }
}
