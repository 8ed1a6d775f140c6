//! Where what is said came from, as far as its sender says.

use maso_core::words;

use super::Text;

/// Where what is said came from, by its sender's own words (PG-2.5). What it says is held against what was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// What kind of source it was.
    pub source: Source,
    /// Which one: the name of a tool, a document or an agent, as the sender knows it.
    pub source_id: Text,
    /// How it was verified; `None` for what nobody verified. On the wire `verified` and `verification_method` say it
    /// together, and never apart.
    pub verified: Option<Method>,
}

/// What kind of source something came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// A tool returned it.
    Tool,
    /// It was retrieved from a store of documents.
    Retrieval,
    /// An agent's model made it.
    Agent,
    /// A person entered it.
    User,
}
words!(Source { Tool = "tool", Retrieval = "rag", Agent = "agent-generated", User = "user-input" });

/// How something was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// Against what a tool returned.
    ToolOutput,
    /// Against what was retrieved.
    Retrieval,
}
words!(Method { ToolOutput = "tool-output", Retrieval = "rag-retrieval" });

impl Provenance {
    /// Whether an agent made it and nobody verified it: no such thing is a fact (PG-2.5).
    pub fn is_unverified_and_made_up(&self) -> bool {
        self.source == Source::Agent && self.verified.is_none()
    }
}

/// The method of what nobody verified.
pub(super) const UNVERIFIED: &str = "none";
