//! The message itself.

use std::{collections::HashSet, fmt, hash::Hash, ops::Deref};

use maso_core::{Confidentiality, ContractName, Digest, HopId, MessageId, SpiffeId, Timestamp};
use serde_json::{Map, Value};

use super::{Assumption, Constraint, Kind, Nonce, Text};
use crate::{Limits, Malformed};

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
    /// What it is for.
    pub kind: Kind,
    /// What it says.
    pub content: Map<String, Value>,
    /// What its sender takes for granted.
    pub assumptions: Vec<Assumption>,
    /// What its sender does not know.
    pub unknowns: Vec<Text>,
    /// What binds whoever works on.
    pub constraints: Vec<Constraint>,
    /// Who may see it.
    pub classification: Confidentiality,
    /// Hash of the specification of the task that it serves.
    pub goal: Digest,
    /// What its sender uses once.
    pub nonce: Nonce,
    /// What its content looks like.
    pub contract: Contract,
    /// On what it rests.
    pub inputs: Vec<Input>,
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

/// Something on which a message rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Input {
    /// Another message.
    Message(MessageId),
    /// A hop: what a server returned, or an answer.
    Hop(HopId),
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(id) => fmt::Display::fmt(id, f),
            Self::Hop(id) => fmt::Display::fmt(id, f),
        }
    }
}

impl Message {
    /// Milliseconds for which a message may be valid: ten minutes. For so long its nonce has to be remembered.
    pub const VALID_MS_MAX: u64 = 600_000;
    /// Entries of each list but one.
    pub const ENTRIES_MAX: usize = 64;
    /// Fields that were read out of documents.
    pub const EXTRACTIONS_MAX: usize = 256;
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
    /// When it would be valid for too long or never, a list is longer than one may be or names something twice, it says
    /// that a field was extracted which is not there, or it rests on itself.
    pub fn of(parts: Parts) -> Result<Self, Malformed> {
        if parts.valid_until <= parts.at {
            return Err(Malformed::because("`/valid_until` is not after `/timestamp`"));
        }
        if parts.valid_until.since_ms(parts.at) > Self::VALID_MS_MAX {
            return Err(Malformed::because(format!("`/valid_until` is more than {} ms away", Self::VALID_MS_MAX)));
        }
        list("/assumptions", Self::ENTRIES_MAX, parts.assumptions.iter().map(|assumption| &assumption.text))?;
        list("/unknowns", Self::ENTRIES_MAX, parts.unknowns.iter())?;
        list("/constraints", Self::ENTRIES_MAX, parts.constraints.iter().map(|constraint| &constraint.name))?;
        list("/inputs", Self::ENTRIES_MAX, parts.inputs.iter())?;
        if parts.inputs.contains(&Input::Message(parts.id)) {
            return Err(Malformed::because("`/inputs` names the message itself"));
        }
        if let Some(evidence) = parts.kind.evidence() {
            let fields = evidence.extraction.iter().map(|extraction| extraction.pointer.as_str());
            list("/extraction", Self::EXTRACTIONS_MAX, fields.clone())?;
            if let Some(index) = fields.clone().position(|pointer| !is_there(&parts.content, pointer)) {
                return Err(Malformed::because(format!("`/extraction/{index}/pointer` points at no field")));
            }
        }
        if parts.kind.task().is_some_and(|task| !(1..=Self::TASK_BYTES_MAX).contains(&task.expose().len())) {
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
        let Parts { id, claimed_sender, recipient, kind, .. } = &self.0;
        write!(f, "Message({} {id} from {claimed_sender} to {recipient})", kind.as_str())
    }
}

/// Whether a list is as long as one may be, and names nothing twice.
fn list<T: Eq + Hash>(path: &str, n_max: usize, entries: impl Iterator<Item = T> + Clone) -> Result<(), Malformed> {
    let n_entries = entries.clone().count();
    if n_entries > n_max {
        return Err(Malformed::because(format!("`{path}` has {n_entries} entries, {n_max} allowed")));
    }
    let mut seen = HashSet::with_capacity(n_entries);
    for (index, entry) in entries.enumerate() {
        if !seen.insert(entry) {
            return Err(Malformed::because(format!("`{path}/{index}` names what is named before")));
        }
    }
    Ok(())
}

/// Whether a JSON pointer (RFC 6901) points at something inside of the content.
fn is_there(content: &Map<String, Value>, pointer: &str) -> bool {
    let Some(rest) = pointer.strip_prefix('/') else { return false };
    let (key, deeper) = rest.split_once('/').map_or((rest, ""), |(key, _)| (key, &rest[key.len()..]));
    content.get(&unescaped(key)).is_some_and(|value| value.pointer(deeper).is_some())
}

fn unescaped(key: &str) -> String {
    key.replace("~1", "/").replace("~0", "~")
}
