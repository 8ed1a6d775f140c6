//! What counts as an event.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use maso_core::{Act, AgentName, Class, Confidentiality, Integrity, RequestName, ServerName, ToolName, ToolRef};

use super::{parser::is_keyword, told::Told};

/// The name of an event, as rules speak of it: `payment`, `confidential-read`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventName(String);

impl EventName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EventName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shown: String = text.chars().take(80).collect();
        let is_name = (1..=64).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !is_name {
            return Err(format!("`{shown}` is not an event's name: 1 to 64 of a-z, 0-9, `-`, beginning with a letter"));
        }
        if is_keyword(text) {
            return Err(format!("`{shown}` is a word of the language of rules, and no name for an event"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Occurrence {
    /// An agent's call, read or request was let through.
    Call,
    /// An answer to one was let through.
    Answer,
    /// A call was held for people.
    Hold,
    /// A call, or an answer, was refused.
    Refusal,
    /// A person approved a held call.
    Approval,
    /// A person rejected a held call.
    Rejection,
}

impl Occurrence {
    /// All of them.
    pub const ALL: &'static [Self] =
        &[Self::Call, Self::Answer, Self::Hold, Self::Refusal, Self::Approval, Self::Rejection];

    /// The word used in rules.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Answer => "answer",
            Self::Hold => "hold",
            Self::Refusal => "refusal",
            Self::Approval => "approval",
            Self::Rejection => "rejection",
        }
    }

    /// Reads the word, exactly as written.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|occurrence| occurrence.as_str() == word)
    }
}

impl fmt::Display for Occurrence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which hops are an event. All that is said must be true of a hop; what is not said, is not asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventPattern {
    /// What happened.
    pub occurrence: Occurrence,
    /// What it was about: one of these, or anything if there are none.
    pub subjects: BTreeSet<Subject>,
    /// The class of the tool: one of these, or any if there are none. What is no tool call is a `read`.
    pub classes: BTreeSet<Class>,
    /// The agent that asked: one of these, or any if there are none.
    pub agents: BTreeSet<AgentName>,
    /// Its data is at least that confidential.
    pub confidentiality_min: Option<Confidentiality>,
    /// Its data is believed no more than that.
    pub integrity_max: Option<Integrity>,
    /// What is asked of single values, by JSON pointer into the arguments, or into the result of an answer.
    pub values: BTreeMap<String, ValueTerm>,
}

/// What a hop is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A tool.
    Tool(ToolRef),
    /// All tools, resources and prompts of a server.
    Server(ServerName),
    /// A typed request to an agent.
    Request(AgentName, RequestName),
}

impl Subject {
    /// All that such an act is about, narrowest first.
    pub fn all_of(act: &Act) -> Vec<Self> {
        match act {
            Act::CallTool(tool) => vec![Self::Tool(tool.clone()), Self::Server(tool.server.clone())],
            Act::Request { agent, request } => vec![Self::Request(agent.clone(), request.clone())],
            act => act.server().cloned().map(Self::Server).into_iter().collect(),
        }
    }
}

/// How rules name tools: one, or with `*` all of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolTerm {
    /// The server.
    pub server: ServerName,
    /// The tool; `None` for all.
    pub tool: Option<ToolName>,
}

impl FromStr for ToolTerm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_suffix(":*") {
            Some(server) => {
                let server = server.parse().map_err(|error: maso_core::IdError| error.to_string())?;
                Ok(Self { server, tool: None })
            }
            None => {
                let tool: ToolRef = text.parse().map_err(|error: maso_core::IdError| error.to_string())?;
                Ok(Self { server: tool.server, tool: Some(tool.tool) })
            }
        }
    }
}

impl From<ToolTerm> for Subject {
    fn from(term: ToolTerm) -> Self {
        match term.tool {
            Some(tool) => Self::Tool(ToolRef::new(term.server, tool)),
            None => Self::Server(term.server),
        }
    }
}

/// What is asked of one value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ValueTerm {
    /// It is a whole number, and no more than that.
    AtMost(i64),
    /// It is a whole number, and no less than that.
    AtLeast(i64),
    /// It is one of these.
    OneOf(BTreeSet<Told>),
}

impl ValueTerm {
    /// Whether the value satisfies it; `None` where nobody can say: a number was needed, and there is none.
    pub fn admits(&self, value: &Told) -> Option<bool> {
        match (self, value) {
            (Self::OneOf(values), value) => Some(values.contains(value)),
            (Self::AtMost(most), Told::Whole(value)) => Some(value <= most),
            (Self::AtLeast(least), Told::Whole(value)) => Some(value >= least),
            (Self::AtMost(_) | Self::AtLeast(_), Told::Other(_) | Told::Absent) => None,
        }
    }
}
