//! What an agent can show for itself: how many tokens and SVIDs that have not ended, and until when.

use std::collections::VecDeque;

use maso_core::{AgentName, Timestamp};
use maso_log::v1;

/// What was issued to one agent and has not ended.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    held: VecDeque<Credential>,
    is_revoked: bool,
}

/// One token or SVID.
#[derive(Clone, Debug)]
struct Credential {
    id: String,
    key: Option<String>,
    expires_at: Timestamp,
}

impl Credentials {
    /// Those that count at this moment: how many there are at least, and when the last of them ends.
    pub fn in_force(&self, now: Timestamp) -> Option<(usize, Timestamp)> {
        let live = || self.held.iter().map(|credential| credential.expires_at).filter(|expires_at| now < *expires_at);
        live().max().filter(|_| !self.is_revoked).map(|last| (live().count(), last))
    }

    /// Whether the agent itself was revoked: nothing that it shows is believed.
    pub fn is_revoked(&self) -> bool {
        self.is_revoked
    }

    pub(super) fn issued(&mut self, at: Timestamp, id: &str, key: Option<&str>, expires_at: i64) {
        self.held.retain(|credential| at < credential.expires_at);
        if self.held.len() >= HELD_MAX {
            self.held.pop_front();
        }
        let expires_at = Timestamp::from_millis(expires_at);
        self.held.push_back(Credential { id: id.to_owned(), key: key.map(str::to_owned), expires_at });
    }

    pub(super) fn revoked(&mut self, agent: &AgentName, revoked: &v1::Revoked) {
        match revoked.what.as_str() {
            "agent" => self.is_revoked |= revoked.subject == agent.as_str(),
            "token" => self.held.retain(|credential| credential.id != revoked.subject),
            "key" => self.held.retain(|credential| credential.key.as_deref() != Some(revoked.subject.as_str())),
            _ => {}
        }
    }
}

/// Credentials of one agent that are known at once.
const HELD_MAX: usize = 256;
