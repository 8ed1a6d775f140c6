//! Stage 4: what deterministic scanners say of a hop. An error is a finding.

use maso_core::Findings;
use maso_intent::Resolved;
use serde_json::Value;

/// All scanners, compiled once and shared.
#[derive(Debug)]
pub struct Scanner {}

/// What kind of text is scanned: the same words mean different things in different places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// Arguments that an agent sends.
    Arguments,
    /// What a server, resource or prompt returned.
    Result,
    /// A tool's name, description or schema.
    Description,
    /// What one agent says to another.
    Message,
}

/// A place in the payload that must not be forwarded as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redaction {
    /// JSON pointer to the string.
    pub pointer: String,
    /// What stands in its place: the whole new string.
    pub replacement: String,
}

/// What the scanners said.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// Their findings.
    pub findings: Findings,
    /// What must be replaced before the payload is forwarded.
    pub redactions: Vec<Redaction>,
}

impl Scanner {
    /// Compiles the scanners.
    pub fn new() -> Self {
        unimplemented!()
    }

    /// Stage 4.
    pub fn scan(&self, resolved: &Resolved) -> Scan {
        unimplemented!("{resolved:?}")
    }

    /// Scans one value outside a hop, such as a tool's definition.
    pub fn scan_value(&self, surface: Surface, value: &Value) -> Scan {
        unimplemented!("{surface:?}{value:?}")
    }
}
