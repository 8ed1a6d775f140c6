//! What decides a success criterion, written as `judge:NAME`, `person:OPERATOR`, `schema:SERVER:TOOL`, `schema:REQUEST` or
//! `field:/POINTER`.

use maso_core::{JudgeName, OperatorName, RequestName, ToolRef};

use schemars::{Schema, json_schema};

use super::text::{FromText, Pointer};
use crate::Decider;

impl FromText for Decider {
    fn from_text(text: &str) -> Result<Self, String> {
        let (kind, name) = text.split_once(':').unwrap_or((text, ""));
        match kind {
            "judge" => JudgeName::from_text(name).map(Self::Judge),
            "person" => OperatorName::from_text(name).map(Self::Person),
            "schema" if name.contains(':') => ToolRef::from_text(name).map(Self::Tool),
            "schema" => RequestName::from_text(name).map(Self::Request),
            "field" => Pointer::from_text(name).map(|pointer| Self::Field(pointer.0)),
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
