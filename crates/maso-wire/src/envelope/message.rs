//! The message itself.

use std::{fmt, ops::Deref};

use maso_core::{ContractName, Digest, MessageId, SpiffeId, Timestamp};
use serde_json::{Map, Value};

use super::{Beside, Nonce};
use crate::{Limits, Malformed, UnverifiedToken};

/// A message that is well formed. Nothing in it is believed.
// INVARIANT: what `Message::of` looks at holds; nothing changes a message afterwards.
#[derive(Clone, PartialEq)]
pub struct Message(Parts);

/// What a message is made of.
#[derive(Clone, PartialEq)]
pub struct Parts {
    /// What its sender calls it.
    pub id: MessageId,
    /// Who says that it sends it.
    pub claimed_sender: SpiffeId,
    /// Whom it is for.
    pub recipient: SpiffeId,
    /// When it was made.
    pub at: Timestamp,
    /// The last moment at which it may be taken.
    pub valid_until: Timestamp,
    /// What it says.
    pub content: Map<String, Value>,
    /// What its sender says beside that.
    pub beside: Beside,
    /// The task under which it is said. What asks for something has one.
    pub task: Option<UnverifiedToken>,
    /// Hash of the specification of the task that it serves.
    pub goal: Digest,
    /// What its sender uses once.
    pub nonce: Nonce,
    /// What its content looks like.
    pub contract: Contract,
}

/// What the content of a message looks like: a contract that its receiver has published (EC-2.14).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Contract {
    /// Its name.
    pub name: ContractName,
    /// Its version, 1 or more.
    pub version: u32,
}

impl fmt::Display for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

impl Message {
    /// Milliseconds for which a message may be valid: ten minutes. For so long its nonce has to be remembered.
    pub const VALID_MS_MAX: u64 = 600_000;
    /// Bytes of the task token.
    pub const TASK_BYTES_MAX: usize = 33 << 10;

    /// Bounds on the JSON text of a message.
    pub const LIMITS: Limits = Limits {
        frame_bytes_max: 256 << 10,
        depth_max: 32,
        nodes_max: 10_000,
        string_bytes_max: 128 << 10,
        keys_max: 256,
        ..Limits::DEFAULT
    };

    /// A message of these parts.
    ///
    /// # Errors
    /// When it would be valid for too long or never, asks for something in no task, or says beside its content what cannot
    /// be said there ([`Beside`]).
    pub fn of(parts: Parts) -> Result<Self, Malformed> {
        if parts.valid_until <= parts.at {
            return Err(Malformed::because("`/valid_until` is not after `/timestamp`"));
        }
        if parts.valid_until.since_ms(parts.at) > Self::VALID_MS_MAX {
            return Err(Malformed::because(format!("`/valid_until` is more than {} ms away", Self::VALID_MS_MAX)));
        }
        parts.beside.check(parts.id, &parts.content)?;
        if parts.task.is_none() && parts.beside.kind.evidence().is_none() {
            return Err(Malformed::because("`/task_token` is missing"));
        }
        if parts.task.as_ref().is_some_and(|task| !(1..=Self::TASK_BYTES_MAX).contains(&task.expose().len())) {
            return Err(Malformed::because(format!("`/task_token` is not of 1 to {} bytes", Self::TASK_BYTES_MAX)));
        }
        if parts.contract.version == 0 {
            return Err(Malformed::because("`/contract/version` is not 1 or more"));
        }
        Ok(Self(parts))
    }

    /// Gives up the parts.
    pub fn into_parts(self) -> Parts {
        self.0
    }
}

impl Deref for Message {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl fmt::Debug for Message {
    // What it says may be confidential; its id finds it again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { id, claimed_sender, recipient, beside, .. } = &self.0;
        write!(f, "Message({} {id} from {claimed_sender} to {recipient})", beside.kind.as_str())
    }
}
