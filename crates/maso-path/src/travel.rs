//! The way of a hop.

use std::future::Future;

use maso_core::{Digest, HopId, Refusal, Review, Risk, TaskId, TicketId, Timestamp, ToolRef};
use maso_intent::{PinState, Resolved, ToolDefinition};
use maso_policy::Permit;
use maso_wire::Received;
use serde_json::Value;

/// The path of one deployment. Shared by all doors.
pub struct Path {}

/// A hop that may now be carried, exactly once: it is on the record.
#[derive(Debug)]
pub struct Release {
    permit: Permit,
    payload: Option<Value>,
}

impl Release {
    /// The permit.
    pub fn permit(&self) -> &Permit {
        &self.permit
    }

    /// The payload with the obligations applied; `None` if the bytes may go as they came.
    pub fn replaced_payload(&self) -> Option<&Value> {
        self.payload.as_ref()
    }
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

/// What became of a hop.
#[derive(Debug)]
pub enum Outcome<R> {
    /// It was released, and the carrier gave this back.
    Released {
        /// The hop.
        hop: HopId,
        /// Its task.
        task: TaskId,
        /// What the carrier gave back.
        reply: R,
    },
    /// It waits for people.
    Held(Waiting),
    /// It did not happen.
    Refused {
        /// The hop.
        hop: HopId,
        /// The code that the agent may be told.
        refusal: Refusal,
    },
}

/// What may be told about a held action.
#[derive(Clone, Debug, PartialEq)]
pub struct Ticket {
    /// The ticket.
    pub id: TicketId,
    /// The exact action.
    pub action: Digest,
    /// What is awaited.
    pub awaited: Review,
    /// Its risk.
    pub risk: Risk,
    /// When silence becomes a no.
    pub expires_at: Timestamp,
}

/// A held hop. It can be decided again, from stage 5, when somebody answered.
#[derive(Debug)]
pub struct Waiting {
    ticket: Ticket,
    resolved: Resolved,
}

impl Waiting {
    /// What may be told about it.
    pub fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    /// The hop, for the adapter that keeps it.
    pub fn resolved(&self) -> &Resolved {
        &self.resolved
    }
}

impl Path {
    /// The whole way of a hop: stages 2 to 11. `carry` is called at most once, and only with the permit on the record.
    pub async fn travel<R, F, C>(&self, received: Received, carry: C) -> Outcome<R>
    where
        C: FnOnce(Release) -> F + Send,
        F: Future<Output = Carried<R>> + Send,
        R: Send,
    {
        drop((received, carry));
        unimplemented!()
    }

    /// Waits up to `wait_ms` for the answer to a held hop, then decides it again from stage 5. Still unanswered, it
    /// comes back as [`Outcome::Held`]. Dropping the future loses nothing: the ticket stays, and an identical later
    /// hop finds it.
    pub async fn wait<R, F, C>(&self, waiting: Waiting, wait_ms: u64, carry: C) -> Outcome<R>
    where
        C: FnOnce(Release) -> F + Send,
        F: Future<Output = Carried<R>> + Send,
        R: Send,
    {
        drop((waiting, wait_ms, carry));
        unimplemented!()
    }

    /// Notes what a server publishes: each definition is scanned, compared with its pin, and recorded when it is new.
    /// What comes back says for each tool whether it may be shown and called.
    pub async fn published(&self, tools: Vec<(ToolRef, ToolDefinition)>) -> Vec<(ToolRef, PinState)> {
        drop(tools);
        unimplemented!()
    }
}
