//! Labels: how far a piece of data may be believed, and who may see it (DP-1.1, PG-1.4, PG-2.5).

use std::fmt;

use crate::{AgentName, ServerName, TaskId, words};

/// Who could have written a piece of data, from anyone to the human principal. Low to high.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Integrity {
    /// Anyone could have written it.
    External,
    /// Our own systems wrote it, nobody checked it.
    Internal,
    /// Checked against a primary source.
    Verified,
    /// A human principal's own words, or a constant of a mandate.
    Operator,
}

/// Who may see a piece of data. Low to high.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidentiality {
    /// Anyone.
    Public,
    /// Our own people and agents.
    Internal,
    /// Those who need it.
    Confidential,
    /// Named people and agents.
    Restricted,
}

words!(Integrity { External = "external", Internal = "internal", Verified = "verified", Operator = "operator" });
words!(Confidentiality {
    Public = "public",
    Internal = "internal",
    Confidential = "confidential",
    Restricted = "restricted",
});

/// Integrity and confidentiality of one piece of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Label {
    /// How far it may be believed.
    pub integrity: Integrity,
    /// Who may see it.
    pub confidentiality: Confidentiality,
}

impl Label {
    /// Believed least, fenced most: the label of data whose origin nobody knows.
    pub const WORST: Self = Self { integrity: Integrity::External, confidentiality: Confidentiality::Restricted };

    /// Believed most, fenced least: the neutral element of [`Label::combine`].
    pub const NEUTRAL: Self = Self { integrity: Integrity::Operator, confidentiality: Confidentiality::Public };

    /// The label of a combination: the lowest integrity and the highest confidentiality of its parts.
    #[must_use]
    pub fn combine(self, other: Self) -> Self {
        Self {
            integrity: self.integrity.min(other.integrity),
            confidentiality: self.confidentiality.max(other.confidentiality),
        }
    }

    /// Reads what [`fmt::Display`] writes: `integrity/confidentiality`.
    pub fn parse(text: &str) -> Option<Self> {
        let (integrity, confidentiality) = text.split_once('/')?;
        Some(Self {
            integrity: Integrity::parse(integrity)?,
            confidentiality: Confidentiality::parse(confidentiality)?,
        })
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.integrity, self.confidentiality)
    }
}

/// Where a value was first seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The operator's own words for the task.
    Task(TaskId),
    /// A constant of the mandate, by its name.
    Mandate(String),
    /// What a server returned, with the tool, resource or prompt it came from.
    Server {
        /// The server.
        server: ServerName,
        /// The tool, resource URI or prompt.
        item: String,
    },
    /// What another agent said.
    Agent(AgentName),
    /// Nowhere that maso saw: the model made it up, or it came by another way.
    Unknown,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Task(task) => write!(f, "the operator's words in {task}"),
            Self::Mandate(name) => write!(f, "the mandate's constant `{name}`"),
            Self::Server { server, item } => write!(f, "`{item}` of server `{server}`"),
            Self::Agent(agent) => write!(f, "agent `{agent}`"),
            Self::Unknown => f.write_str("no source that was seen"),
        }
    }
}

/// Where the value of one argument came from, and how far that makes it believable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// JSON pointer to the argument (RFC 6901).
    pub pointer: String,
    /// Whether the tool's manifest says that this argument carries authority.
    pub authority: bool,
    /// The best source in which the value was found.
    pub source: Source,
    /// The integrity that the source gives it.
    pub integrity: Integrity,
    /// The highest confidentiality under which it was seen.
    pub confidentiality: Confidentiality,
    /// The least integrity that the action needs here, for arguments that carry authority.
    pub needed: Option<Integrity>,
}
