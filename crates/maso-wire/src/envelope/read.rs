//! Bytes to a message: every member is there once, with its type, and no other (EC-2.15).

use std::{fmt, str::FromStr};

use maso_core::{Confidentiality, Digest, MessageId, SpiffeId};
use serde_json::{Map, Value};

use super::{
    Assumption, Beside, Confidence, Constraint, Contract, Evidence, Extraction, Force, Input, Kind, Message, Method,
    Parts, Provenance, Reach, Source, Validation, kind, provenance,
};
use crate::{Malformed, Parsed, UnverifiedToken, parse};

impl Message {
    /// Reads the JSON text of a message. Nothing is converted, guessed or skipped.
    ///
    /// # Errors
    /// When the bytes are not one JSON text within [`Message::LIMITS`], or not a message. The reason names the member, as a
    /// JSON pointer, and what was expected there; never what stands there.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        Self::parse_with_content(bytes).map(|(message, _)| message)
    }

    /// The same, with its content as the payload of a hop, whose digest is that of all these bytes.
    ///
    /// # Errors
    /// As [`Message::parse`].
    pub fn parse_with_content(bytes: &[u8]) -> Result<(Self, Parsed), Malformed> {
        let whole = parse(bytes, &Self::LIMITS)?;
        let content = whole.part("/content");
        let mut members = Members::of(whole.into_value(), String::new())?;
        let parts = Parts {
            id: members.spelled("message_id")?,
            claimed_sender: members.spelled("sender_id")?,
            recipient: members.spelled("recipient_id")?,
            at: members.read("timestamp")?,
            valid_until: members.read("valid_until")?,
            beside: Beside {
                kind: kind_in(&mut members)?,
                assumptions: members.list("assumptions", assumption)?,
                unknowns: members
                    .list("unknowns", |entry| parsed(&text_of(&entry.value, &entry.path)?, &entry.path))?,
                constraints: members.list("constraints", constraint)?,
                classification: members.word("classification", Confidentiality::parse)?,
                inputs: members.list("inputs", input)?,
            },
            content: members.object("content")?.members,
            task: match members.optional("task_token") {
                Some(entry) => Some(UnverifiedToken::new(text_of(&entry.value, &entry.path)?)),
                None => None,
            },
            goal: members.digest("goal_hash")?,
            nonce: members.read("nonce")?,
            contract: contract(members.object("contract")?)?,
        };
        members.end()?;
        Ok((Self::of(parts)?, content))
    }
}

fn kind_in(members: &mut Members) -> Result<Kind, Malformed> {
    let word = members.text("message_type")?;
    Ok(match word.as_str() {
        kind::INSTRUCTION => Kind::Instruction,
        kind::DELEGATION => Kind::Delegation,
        told => {
            let kind = told_kind(told, members)?;
            return kind.ok_or_else(|| expected("/message_type", "one of data, instruction, claim, delegation"));
        }
    })
}

/// The kind of what tells something, with what such a thing must have; `None` for another word.
pub(super) fn told_kind(word: &str, members: &mut Members) -> Result<Option<Kind>, Malformed> {
    Ok(Some(match word {
        kind::DATA => {
            let evidence = evidence(members)?;
            let confidence = members.optional("confidence").map(|entry| confidence(&entry)).transpose()?;
            Kind::Data { evidence, confidence }
        }
        kind::CLAIM => Kind::Claim { evidence: evidence(members)?, confidence: members.confidence("confidence")? },
        _ => return Ok(None),
    }))
}

fn evidence(members: &mut Members) -> Result<Evidence, Malformed> {
    let mut stated = members.object("provenance")?;
    let source = stated.word("source", Source::parse)?;
    let source_id = stated.read("source_id")?;
    let is_verified = stated.flag("verified")?;
    let method = stated.text("verification_method")?;
    let verified = match (is_verified, Method::parse(&method)) {
        (true, Some(method)) => Some(method),
        (false, None) if method == provenance::UNVERIFIED => None,
        _ => return Err(expected("/provenance/verification_method", "the method of what is verified, or else `none`")),
    };
    stated.end()?;
    let extraction = members.list_if_there("extraction", extraction)?;
    Ok(Evidence { provenance: Provenance { source, source_id, verified }, extraction })
}

pub(super) fn assumption(entry: Entry) -> Result<Assumption, Malformed> {
    let mut members = Members::of(entry.value, entry.path)?;
    let assumption = Assumption { text: members.read("text")?, reach: members.word("scope", Reach::parse)? };
    members.end()?;
    Ok(assumption)
}

pub(super) fn constraint(entry: Entry) -> Result<Constraint, Malformed> {
    let mut members = Members::of(entry.value, entry.path)?;
    let constraint = Constraint {
        name: members.read("name")?,
        force: members.word("force", Force::parse)?,
        text: members.read("text")?,
    };
    members.end()?;
    Ok(constraint)
}

fn extraction(entry: Entry) -> Result<Extraction, Malformed> {
    let mut members = Members::of(entry.value, entry.path)?;
    let extraction = Extraction {
        pointer: members.text("pointer")?,
        document: members.digest("document")?,
        model: members.read("model")?,
        model_version: members.read("model_version")?,
        confidence: members.confidence("confidence")?,
        at: members.read("timestamp")?,
        validation: members.word("validation", Validation::parse)?,
    };
    members.end()?;
    Ok(extraction)
}

fn contract(mut members: Members) -> Result<Contract, Malformed> {
    let name = members.read("name")?;
    let version = members.required("version")?;
    let version = version.value.as_u64().and_then(|version| u32::try_from(version).ok());
    members.end()?;
    Ok(Contract { name, version: version.ok_or_else(|| expected("/contract/version", "a whole number"))? })
}

pub(super) fn input(entry: Entry) -> Result<Input, Malformed> {
    let text = text_of(&entry.value, &entry.path)?;
    let message = text.parse().ok().map(Input::Message);
    let input = message.or_else(|| text.parse().ok().map(Input::Hop));
    // Ids have several spellings; what is named here is compared with what was written elsewhere.
    input.filter(|input| input.to_string() == text).ok_or_else(|| expected(&entry.path, "the id of a message or a hop"))
}

fn confidence(entry: &Entry) -> Result<Confidence, Malformed> {
    let number = entry.value.as_f64().and_then(Confidence::from_number);
    number.ok_or_else(|| expected(&entry.path, "a number from 0 to 1 of six decimals at most"))
}

/// A value, with its place.
pub(super) struct Entry {
    pub(super) value: Value,
    pub(super) path: String,
}

/// The members of an object that were not read yet, with its place.
pub(super) struct Members {
    members: Map<String, Value>,
    path: String,
}

impl Members {
    pub(super) fn of(value: Value, path: String) -> Result<Self, Malformed> {
        match value {
            Value::Object(members) => Ok(Self { members, path }),
            _ => Err(expected(&path, "an object")),
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    fn optional(&mut self, name: &str) -> Option<Entry> {
        let path = format!("{}/{name}", self.path);
        self.members.remove(name).map(|value| Entry { value, path })
    }

    fn required(&mut self, name: &str) -> Result<Entry, Malformed> {
        self.optional(name).ok_or_else(|| Malformed::because(format!("`{}/{name}` is missing", self.path)))
    }

    fn object(&mut self, name: &str) -> Result<Self, Malformed> {
        let Entry { value, path } = self.required(name)?;
        Self::of(value, path)
    }

    fn list<T>(&mut self, name: &str, read: impl Fn(Entry) -> Result<T, Malformed>) -> Result<Vec<T>, Malformed> {
        let Entry { value, path } = self.required(name)?;
        let Value::Array(entries) = value else { return Err(expected(&path, "a list")) };
        let entries = entries.into_iter().enumerate();
        entries.map(|(index, value)| read(Entry { value, path: format!("{path}/{index}") })).collect()
    }

    /// The same of a list that need not be there: it is empty then.
    pub(super) fn list_if_there<T>(
        &mut self,
        name: &str,
        read: impl Fn(Entry) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        if self.has(name) { self.list(name, read) } else { Ok(Vec::new()) }
    }

    pub(super) fn text(&mut self, name: &str) -> Result<String, Malformed> {
        let Entry { value, path } = self.required(name)?;
        text_of(&value, &path)
    }

    /// A text that says something.
    fn read<T: FromStr>(&mut self, name: &str) -> Result<T, Malformed> {
        parsed(&self.text(name)?, &format!("{}/{name}", self.path))
    }

    /// A text that says something and has one spelling.
    fn spelled<T: Spelled>(&mut self, name: &str) -> Result<T, Malformed> {
        let text = self.text(name)?;
        let read = text.parse().ok().filter(|read: &T| read.to_string() == text);
        read.ok_or_else(|| expected(&format!("{}/{name}", self.path), T::EXPECTED))
    }

    pub(super) fn word<T>(&mut self, name: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, Malformed> {
        let word = self.text(name)?;
        parse(&word).ok_or_else(|| expected(&format!("{}/{name}", self.path), "one of the words for it"))
    }

    fn flag(&mut self, name: &str) -> Result<bool, Malformed> {
        let Entry { value, path } = self.required(name)?;
        value.as_bool().ok_or_else(|| expected(&path, "true or false"))
    }

    fn digest(&mut self, name: &str) -> Result<Digest, Malformed> {
        let text = self.text(name)?;
        let digest = Digest::parse(&text).filter(|digest| digest.to_string() == text);
        digest.ok_or_else(|| expected(&format!("{}/{name}", self.path), "`sha256:` and 64 lowercase digits"))
    }

    fn confidence(&mut self, name: &str) -> Result<Confidence, Malformed> {
        confidence(&self.required(name)?)
    }

    /// Nothing may be left that nobody read.
    pub(super) fn end(self) -> Result<(), Malformed> {
        match self.members.keys().next() {
            None => Ok(()),
            Some(unknown) => {
                let start: String = unknown.chars().take(64).collect();
                Err(Malformed::because(format!("`{}` has no member {start:?}", self.path)))
            }
        }
    }
}

/// What has several spellings in general, and one in a message.
trait Spelled: FromStr + fmt::Display {
    /// What would have been read.
    const EXPECTED: &'static str;
}

impl Spelled for MessageId {
    const EXPECTED: &'static str = "an id as `msg_` and 32 lowercase digits";
}

impl Spelled for SpiffeId {
    const EXPECTED: &'static str = "an agent as `spiffe://<trust-domain>/agent/<name>`";
}

/// A text that says something, read at its place. The reason why not would repeat what stands there.
pub(super) fn parsed<T: FromStr>(text: &str, path: &str) -> Result<T, Malformed> {
    text.parse().map_err(|_| expected(path, "what its form allows"))
}

pub(super) fn text_of(value: &Value, path: &str) -> Result<String, Malformed> {
    value.as_str().map(str::to_owned).ok_or_else(|| expected(path, "a text"))
}

pub(super) fn expected(path: &str, what: &str) -> Malformed {
    Malformed::because(format!("`{path}` is not {what}"))
}
