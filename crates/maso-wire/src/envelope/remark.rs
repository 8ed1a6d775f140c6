//! What a sender that signs nothing says beside its content: through a tool, in the words of a message.

use maso_core::{Confidentiality, MessageId};
use serde_json::{Map, Value, json};

use super::{
    Beside, Kind, kind,
    read::{Members, assumption, constraint, expected, input, parsed, text_of, told_kind},
    write,
};
use crate::Malformed;

/// What is said beside a content without a signature. It is well formed, has an id of our own making, and is believed no more
/// than a message is.
// INVARIANT: `Beside::check` holds of what is beside; nothing changes a remark afterwards.
#[derive(Clone, Debug, PartialEq)]
pub struct Remark {
    id: MessageId,
    beside: Beside,
}

/// Beside what a remark stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remarked {
    /// A request: `delegation`, where it does not say what it is.
    Request,
    /// An answer: `data` or a `claim`, and it says which.
    Answer,
}

impl Remark {
    /// Reads a remark beside this content. Members are named, typed and bounded as those of a message; lists that are not
    /// there are empty, and nothing is fenced by a classification that is not there.
    ///
    /// # Errors
    /// When it is no such thing. The reason names the member and what was expected there; never what stands there.
    pub fn read(id: MessageId, value: Value, of: Remarked, content: &Value) -> Result<Self, Malformed> {
        let mut members = Members::of(value, String::new())?;
        let beside = Beside {
            kind: kind_of(&mut members, of)?,
            assumptions: members.list_if_there("assumptions", assumption)?,
            unknowns: members
                .list_if_there("unknowns", |entry| parsed(&text_of(&entry.value, &entry.path)?, &entry.path))?,
            constraints: members.list_if_there("constraints", constraint)?,
            classification: match members.has("classification") {
                true => members.word("classification", Confidentiality::parse)?,
                false => Confidentiality::Public,
            },
            inputs: members.list_if_there("inputs", input)?,
        };
        members.end()?;
        beside.check(id, content.as_object().unwrap_or(&Map::new()))?;
        Ok(Self { id, beside })
    }

    /// What it is called, should others rest on it.
    pub const fn id(&self) -> MessageId {
        self.id
    }

    /// What it says.
    pub const fn beside(&self) -> &Beside {
        &self.beside
    }

    /// As whom it is for is told of it: the members of a message that it has.
    pub fn told(&self) -> Value {
        let mut told = json!({ "message_id": self.id.to_string() });
        write::beside(&mut told, &self.beside);
        told
    }
}

fn kind_of(members: &mut Members, of: Remarked) -> Result<Kind, Malformed> {
    match of {
        Remarked::Request if !members.has("message_type") => Ok(Kind::Delegation),
        Remarked::Request => match members.text("message_type")?.as_str() {
            kind::DELEGATION => Ok(Kind::Delegation),
            kind::INSTRUCTION => Ok(Kind::Instruction),
            _ => Err(expected("/message_type", "one of delegation, instruction")),
        },
        Remarked::Answer => {
            let word = members.text("message_type")?;
            told_kind(&word, members)?.ok_or_else(|| expected("/message_type", "one of data, claim"))
        }
    }
}
