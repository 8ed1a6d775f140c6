//! Tasks.

use serde::{Deserialize, Serialize};

/// What opens a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenTask {
    /// The workflow that it is one run of.
    pub workflow: String,
    /// The operator's own words.
    pub words: String,
    /// When it succeeded.
    #[serde(default)]
    pub success_criteria: Vec<String>,
    /// How long it may run; the workflow's limit where absent.
    #[serde(default)]
    pub ttl_ms: Option<u64>,
}

/// An opened task, and the token that its agents present.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenedTask {
    /// The task.
    pub task: TaskView,
    /// The task token; shown once.
    pub token: String,
}

/// A task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskView {
    /// The task.
    pub task: String,
    /// The workflow.
    pub workflow: String,
    /// The operator's own words.
    pub words: String,
    /// When it succeeded.
    pub success_criteria: Vec<String>,
    /// Who answers for it.
    pub accountable_human: String,
    /// When it was opened.
    pub opened_at: i64,
    /// When it ends by itself.
    pub expires_at: i64,
    /// Hash of the immutable specification.
    pub specification: String,
}

/// What closes a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloseTask {
    /// Why.
    pub reason: String,
}
