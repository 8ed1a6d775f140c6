//! Who was invited to join, and did not yet (IA-2.1).

use std::collections::HashMap;

use maso_core::{AgentName, Digest, InstanceId, Timestamp};
use maso_log::v1;
use parking_lot::RwLock;
use uuid::Uuid;

/// A join token that nobody has used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Who may join with it.
    pub agent: AgentName,
    /// What is kept of it.
    pub hash: Digest,
    /// Until when.
    pub expires_at: Timestamp,
    /// The instance that joins with it, and no other; `None` for the agent itself.
    pub instance: Option<InstanceId>,
}

/// The join tokens that nobody has used. Those that have ended go with the next one.
#[derive(Debug, Default)]
pub struct Joins(RwLock<HashMap<Uuid, Invitation>>);

impl Joins {
    /// The invitation with this id, if nobody has used it. It may have ended.
    pub fn find(&self, id: Uuid) -> Option<Invitation> {
        self.0.read().get(&id).cloned()
    }

    pub(super) fn issued(&self, at: Timestamp, record: &v1::JoinTokenIssued) {
        let agent = record.agent.strip_prefix("agent:").and_then(|name| name.parse().ok());
        let instance = record.instance.as_deref().map(str::parse).transpose();
        let (Ok(id), Some(agent), Some(hash), Ok(instance)) =
            (record.id.parse(), agent, Digest::parse(&record.hash), instance)
        else {
            tracing::error!(id = record.id, "a join token on the record cannot be read");
            return;
        };
        let expires_at = Timestamp::from_millis(record.expires_at);
        let mut invitations = self.0.write();
        invitations.retain(|_, invitation| at < invitation.expires_at);
        invitations.insert(id, Invitation { agent, hash, expires_at, instance });
    }

    pub(super) fn used(&self, record: &v1::JoinTokenUsed) {
        if let Ok(id) = record.id.parse() {
            self.0.write().remove(&id);
        }
    }
}
