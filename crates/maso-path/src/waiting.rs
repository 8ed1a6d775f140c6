//! Held hops, and the waiting for their answers.

use std::time::Duration;

use maso_core::{Digest, Finding, Review, Risk, TicketId, Timestamp};
use maso_intent::Resolved;
use maso_policy::Held;

use crate::{Path, world::Answer};

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

/// A held hop. It can be decided again when somebody answered.
#[derive(Debug)]
pub struct Waiting {
    pub(crate) ticket: Ticket,
    pub(crate) resolved: Box<Resolved>,
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
    /// The ticket of this action: the open one if there is one, else a fresh one. A finding when too many are open.
    pub(crate) fn ticket_for(&self, held: &Held) -> Result<Ticket, Finding> {
        let action = held.action();
        let known = self.world.tickets().of_action(&action).filter(|ticket| ticket.answer == Answer::Open);
        let (id, expires_at) = match known {
            Some(ticket) => (ticket.id, ticket.expires_at),
            None => {
                self.world.tickets().room_for(&held.weighed().resolved().mandate().agent)?;
                (self.ids.ticket(), held.expires_at())
            }
        };
        Ok(Ticket { id, action, awaited: held.awaited(), risk: held.weighed().risk(), expires_at })
    }

    /// Whether the ticket was answered, or its time ran out, within `wait_ms`.
    pub(crate) async fn answered_within(&self, id: TicketId, wait_ms: u64) -> bool {
        let mut changes = self.world.tickets().changes();
        let is_open = || self.world.tickets().find(id).is_some_and(|ticket| ticket.answer == Answer::Open);
        let answered = async {
            while is_open() {
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_millis(wait_ms), answered).await.is_ok()
    }
}
