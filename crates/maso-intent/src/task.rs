//! A task: one run of a workflow, with its immutable specification (PG-2.2, PG-3.2).

use maso_core::{AgentName, Digest, OperatorName, TaskId, Timestamp, WorkflowName};

/// Where a task comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskKind {
    /// An operator or a trusted front end opened it.
    Opened,
    /// The agent's standing task, whose only operator words are its mandate.
    Standing(AgentName),
}

/// The immutable specification of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskSpec {
    /// The task.
    pub id: TaskId,
    /// Where it comes from.
    pub kind: TaskKind,
    /// The workflow that it is one run of.
    pub workflow: WorkflowName,
    /// The operator's own words; empty for a standing task.
    pub words: String,
    /// When it succeeded.
    pub success_criteria: Vec<String>,
    /// The person who answers for it (OB-2.7).
    pub accountable_human: OperatorName,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

impl TaskSpec {
    /// The hash of the specification, which travels with every hop.
    pub fn digest(&self) -> Digest {
        Digest::of_value(&serde_json::json!({
            "id": self.id.to_string(),
            "standing": match &self.kind { TaskKind::Opened => None, TaskKind::Standing(agent) => Some(agent.as_str()) },
            "workflow": self.workflow.as_str(),
            "words": self.words,
            "success_criteria": self.success_criteria,
            "accountable_human": self.accountable_human.as_str(),
            "opened_at_ms": self.opened_at.as_millis(),
            "expires_at_ms": self.expires_at.as_millis(),
        }))
    }
}
