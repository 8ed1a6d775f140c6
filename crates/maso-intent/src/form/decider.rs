//! What decides a success criterion.

use maso_core::{JudgeName, OperatorName, RequestName, ToolRef};

use schemars::{Schema, json_schema};

use super::text::{FromText, Pointer};

/// What decides whether a criterion is met, written as `judge:NAME`, `person:OPERATOR`, `schema:SERVER:TOOL`,
/// `schema:REQUEST` or `field:/POINTER`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decider {
    /// A judge, by a question to its model.
    Judge(JudgeName),
    /// A person.
    Person(OperatorName),
    /// The published schema of a tool.
    Tool(ToolRef),
    /// The schema of a request that one agent may make of another.
    Request(RequestName),
    /// A field that every write must have.
    Field(Pointer),
}

impl FromText for Decider {
    fn from_text(text: &str) -> Result<Self, String> {
        let (kind, name) = text.split_once(':').unwrap_or((text, ""));
        match kind {
            "judge" => JudgeName::from_text(name).map(Self::Judge),
            "person" => OperatorName::from_text(name).map(Self::Person),
            "schema" if name.contains(':') => ToolRef::from_text(name).map(Self::Tool),
            "schema" => RequestName::from_text(name).map(Self::Request),
            "field" => Pointer::from_text(name).map(Self::Field),
            _ => Err(format!(
                "`{text}` is none of `judge:NAME`, `person:OPERATOR`, `schema:SERVER:TOOL`, \
                 `schema:REQUEST`, `field:/POINTER`"
            )),
        }
    }

    fn schema() -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^(judge:|person:|schema:|field:/).",
            "examples": ["judge:outcome", "person:supervisor", "schema:ledger:pay", "field:/reason"],
        })
    }
}
