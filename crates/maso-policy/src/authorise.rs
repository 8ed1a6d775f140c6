//! Stage 5: policy over the effective authority (IA-1.4, EC-1.2).

use maso_core::{Findings, Label};
use maso_intent::{Deployment, Resolved};

/// The policies of a deployment, compiled and indexed.
#[derive(Debug)]
pub struct Policies {}

/// Why policies could not be compiled: file, line, cause.
#[derive(Debug, thiserror::Error)]
#[error("{path}:{line}: {cause}")]
pub struct CompileError {
    /// The policy file.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub cause: String,
}

impl Policies {
    /// Compiles the mandates and the hand-written policies of a deployment.
    ///
    /// # Errors
    /// When a hand-written policy does not parse or does not fit the schema.
    pub fn compile(deployment: &Deployment) -> Result<Self, Vec<CompileError>> {
        unimplemented!("{deployment:?}")
    }
}

/// Stage 5. `seen` is the label of all that the task has read so far. No permit is a deny; an error is a forbid.
pub fn authorise(policies: &Policies, resolved: &Resolved, seen: Label) -> Findings {
    unimplemented!("{policies:?}{resolved:?}{seen:?}")
}
