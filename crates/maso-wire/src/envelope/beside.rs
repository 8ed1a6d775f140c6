//! What a sender says beside its content: as what it says it, on what that rests, and what goes with it.

use std::{collections::HashSet, fmt, hash::Hash};

use maso_core::{Confidentiality, HopId, MessageId};
use serde_json::{Map, Value};

use super::{Assumption, Constraint, Kind, Text, write};
use crate::Malformed;

/// What a sender says beside its content, by whichever door it says it. None of it is believed.
#[derive(Clone, Debug, PartialEq)]
pub struct Beside {
    /// What it is for.
    pub kind: Kind,
    /// What its sender takes for granted.
    pub assumptions: Vec<Assumption>,
    /// What its sender does not know.
    pub unknowns: Vec<Text>,
    /// What binds whoever works on.
    pub constraints: Vec<Constraint>,
    /// Who may see it.
    pub classification: Confidentiality,
    /// On what it rests.
    pub inputs: Vec<Input>,
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

impl Beside {
    /// Entries of each list but one.
    pub const ENTRIES_MAX: usize = 64;
    /// Fields that were read out of documents.
    pub const EXTRACTIONS_MAX: usize = 256;

    /// All of it, by the members of a message.
    pub fn written(&self) -> Value {
        let mut told = Value::Object(Map::new());
        write::beside(&mut told, self);
        told
    }

    /// Whether it can stand beside this content, under this id: no list is longer than one may be or names something
    /// twice, each field that is said to be extracted is there, and it does not rest on itself.
    pub(super) fn check(&self, id: MessageId, content: &Map<String, Value>) -> Result<(), Malformed> {
        list("/assumptions", Self::ENTRIES_MAX, self.assumptions.iter().map(|assumption| &assumption.text))?;
        list("/unknowns", Self::ENTRIES_MAX, self.unknowns.iter())?;
        list("/constraints", Self::ENTRIES_MAX, self.constraints.iter().map(|constraint| &constraint.name))?;
        list("/inputs", Self::ENTRIES_MAX, self.inputs.iter())?;
        if self.inputs.contains(&Input::Message(id)) {
            return Err(Malformed::because("`/inputs` names the message itself"));
        }
        if let Some(evidence) = self.kind.evidence() {
            let fields = evidence.extraction.iter().map(|extraction| extraction.pointer.as_str());
            list("/extraction", Self::EXTRACTIONS_MAX, fields.clone())?;
            if let Some(index) = fields.clone().position(|pointer| !is_there(content, pointer)) {
                return Err(Malformed::because(format!("`/extraction/{index}/pointer` points at no field")));
            }
        }
        Ok(())
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
