//! What no longer counts, although it is signed and not expired (IA-2.1, IA-3.4).

use std::collections::HashSet;

use maso_core::{AgentName, TaskId};
use parking_lot::RwLock;
use uuid::Uuid;

use crate::Thumbprint;

/// Something that is no longer believed, from the next hop on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Revocation {
    /// One agent token, by its id.
    Token(Uuid),
    /// All that an agent shows, its pipe included.
    Agent(AgentName),
    /// Every token that is bound to this key.
    Key(Thumbprint),
    /// Every token of a task.
    Task(TaskId),
}

/// All revocations in force. It grows only by what operators and breakers revoke, never by what is presented.
#[derive(Debug, Default)]
pub(crate) struct Revoked(RwLock<HashSet<Revocation>>);

impl Revoked {
    pub(crate) fn add(&self, revocation: Revocation) {
        self.0.write().insert(revocation);
    }

    pub(crate) fn remove(&self, revocation: &Revocation) -> bool {
        self.0.write().remove(revocation)
    }

    pub(crate) fn contains(&self, revocation: &Revocation) -> bool {
        self.0.read().contains(revocation)
    }
}
