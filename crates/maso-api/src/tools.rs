//! Tool definitions that wait for a person.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::FindingView;

/// A tool whose published definition nobody approved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WaitingTool {
    /// `server:tool`.
    pub tool: String,
    /// Digest of the published definition; an approval is bound to it.
    pub digest: String,
    /// The published definition.
    pub definition: Value,
    /// The approved definition, if there was one.
    #[serde(default)]
    pub approved: Option<Value>,
    /// The difference, line by line, each beginning with ` `, `-` or `+`.
    pub difference: Vec<String>,
    /// What the scanners said of it.
    pub findings: Vec<FindingView>,
}

/// What approves a definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApproveTool {
    /// `server:tool`.
    pub tool: String,
    /// Digest of the definition that the person saw.
    pub digest: String,
}
