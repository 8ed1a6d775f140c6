//! Stage 10: what a carrier is handed, and what it gives back.

use std::borrow::Cow;

use maso_core::{Act, AgentName, Digest, Label, Principal, Source, TaskId, Turn};
use maso_guard::Redaction;
use maso_intent::{Resolved, ResultLabels};
use maso_log::{Buffered, Recorded};
use maso_policy::{Denial, Held, Permit, Subject, labels_of, source_of};
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
    fn resolved(&self) -> Option<&Resolved> {
        match self {
            Self::Permit(permit) => Some(permit.value().weighed().resolved()),
            Self::Buffered(permit) => Some(permit.value().weighed().resolved()),
            Self::Observed(observed) => match observed.value() {
                Observed::Held(held) => Some(held.weighed().resolved()),
                Observed::Denied(denial) => match &denial.subject {
                    Subject::Weighed(weighed) => Some(weighed.resolved()),
                    Subject::Identified(_) | Subject::Received(_) => None,
                },
            },
        }
    }

    fn label(&self) -> Label {
        match self {
            Self::Permit(permit) => permit.value().weighed().label(),
            Self::Buffered(permit) => permit.value().weighed().label(),
            Self::Observed(_) => Label::WORST,
        }
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

    /// What the task will have seen once this was delivered: an answer, or another agent's words.
    pub(crate) fn lesson(&self) -> Option<Lesson> {
        let resolved = self.passage.resolved()?;
        let hop = resolved.hop();
        let payload = self.payload.as_ref().map_or(Cow::Borrowed(&hop.payload), Cow::Borrowed);
        // What servers say of themselves is no source of values: an example in a schema makes no account verified.
        if matches!(hop.act, Act::List { .. }) {
            return None;
        }
        let labels = match (&hop.from, hop.turn) {
            (Principal::Server(_), _) => labels_of(resolved),
            // Relay does not launder: what an agent passes on is believed as little as the least of what it is made of.
            (Principal::Agent(_), _) if matches!(hop.act, Act::Request { .. }) => {
                ResultLabels { default: self.passage.label(), fields: Vec::new() }
            }
            (Principal::Agent(_), Turn::Ask | Turn::Answer { .. }) | (Principal::Operator(_), _) => return None,
        };
        let source = source_of(resolved);
        Some(Lesson { resolved: resolved.clone(), source, labels, value: payload.into_owned() })
    }
}

/// What a task learns from a delivered hop.
#[derive(Debug)]
pub(crate) struct Lesson {
    pub(crate) resolved: Resolved,
    pub(crate) source: Source,
    pub(crate) labels: ResultLabels,
    pub(crate) value: Value,
}

/// What came of carrying a hop.
#[derive(Debug)]
pub enum Carried<R> {
    /// The other side took it, and this is what it gave back.
    Delivered(R),
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
            Self::Delivered(_) => ("delivered", None),
            Self::Failed { fault, .. } => ("failed", Some(fault.clone())),
            Self::Unknown { fault, .. } => ("unknown", Some(fault.clone())),
        }
    }

    pub(crate) fn into_reply(self) -> R {
        match self {
            Self::Delivered(reply) | Self::Failed { reply, .. } | Self::Unknown { reply, .. } => reply,
        }
    }
}
