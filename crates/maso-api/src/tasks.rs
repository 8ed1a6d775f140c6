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
    /// What it is about and how far it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// What is not to be touched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub out_of_scope: Vec<String>,
    /// How long it may run; the workflow's limit where absent.
    #[serde(default)]
    pub ttl_ms: Option<u64>,
    /// The agents that may begin it. Where none is named, those to which no grant of the workflow leads: the others are
    /// asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<String>,
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
    /// What it is about and how far it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// What is not to be touched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub out_of_scope: Vec<String>,
    /// What it leaves open that its workflow asks every task to say: nothing but reads is done for it until a person says
    /// it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unclear: Vec<String>,
    /// A word of its objective that nobody can measure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vague: Option<String>,
    /// Who answers for it.
    pub accountable_human: String,
    /// When it was opened.
    pub opened_at: i64,
    /// When it ends by itself.
    pub expires_at: i64,
    /// Hash of the immutable specification.
    pub specification: String,
}

/// A question about what is meant, and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClarificationView {
    /// The question.
    pub question: String,
    /// The task in which it was asked.
    pub task: String,
    /// Hash of that task's specification.
    pub specification: String,
    /// When it was asked.
    pub asked_at: i64,
    /// The agent that asked.
    pub asked_by: String,
    /// Who was asked: `operator:NAME` or `agent:NAME`.
    pub asked_of: String,
    /// A part of the task, or the hop of a request.
    pub about: String,
    /// What was asked, in the agent's words; absent if it cannot be read any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
    /// Answers that the agent offered to choose from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// Who answered it: `operator:NAME` or `agent:NAME`; absent while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<String>,
    /// What was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// What a person says more of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clarify {
    /// The question that it answers.
    #[serde(default)]
    pub question: Option<String>,
    /// The part of the task that it belongs to, where nobody asked.
    #[serde(default)]
    pub about: Option<String>,
    /// What is meant.
    pub answer: String,
}

/// Something that an agent takes for granted, and for whom it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssumptionView {
    /// The assumption.
    pub assumption: String,
    /// The task for which it was made.
    pub task: String,
    /// When it was made.
    pub made_at: i64,
    /// The agent whose it is.
    pub made_by: String,
    /// Its words, which are the agent's; absent if they cannot be read any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
    /// The messages and hops on which it rests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<String>,
    /// For whom it holds, by all that people said of what says the same in its task.
    pub scope: AssumptionScope,
    /// The operator who said for whom it holds; absent while nobody has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<String>,
}

/// For whom an assumption holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AssumptionScope {
    /// For the agent that made it.
    Local,
    /// For all who work on the task.
    Task,
    /// For everybody.
    Global,
}

/// What a person says of an assumption, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Promote {
    /// The assumption.
    pub assumption: String,
    /// For whom it holds from then on; `local` refuses it to travel.
    pub scope: AssumptionScope,
}

/// What closes a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloseTask {
    /// Why.
    pub reason: String,
}

/// What says whether a criterion of a task is met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssessTask {
    /// The criterion's id; `failure-N` for one that says when the task failed.
    pub criterion: String,
    /// Whether it is met.
    pub met: bool,
    /// Why.
    pub reason: String,
}

/// How an agent's part in a task was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvaluationView {
    /// The task.
    pub task: String,
    /// Its workflow.
    pub workflow: String,
    /// The agent.
    pub agent: String,
    /// The agent's mandate, by which the means were judged.
    pub mandate: String,
    /// When it was found; absent where it is found anew, as it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<i64>,
    /// The operator's own words of the task, where they are listed beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
    /// `normal-operation`, `execution-failure`, `visible-failure`, `creative-substitution` or `undecided`.
    pub class: String,
    /// `right`, `unfinished`, `wrong` or `unspecified`.
    pub means: String,
    /// `right`, `wrong` or `undecided`.
    pub outcome: String,
    /// What was not as the mandate prescribes.
    pub departures: Vec<DepartureView>,
    /// The criteria of the task.
    pub criteria: Vec<CriterionView>,
    /// The agent's plan attempts in the task, by tool.
    pub plan_attempts: std::collections::BTreeMap<String, u32>,
    /// What stands out in its plan attempts of thirty days.
    pub patterns: Vec<String>,
    /// What whoever receives it is to do.
    pub recommends: String,
    /// How much of it was decided, in percent.
    pub confidence: u8,
}

/// What was not as an agent's mandate prescribes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepartureView {
    /// The call; absent for a step that is open.
    pub hop: Option<String>,
    /// The tool.
    pub tool: String,
    /// `skip`, `reorder`, `repeat`, `substitution`, `unplanned`, `prohibited` or `open`.
    pub what: String,
    /// In words.
    pub detail: String,
}

/// A criterion of a task, as far as it is decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CriterionView {
    /// Its id.
    pub id: String,
    /// It, in words, where it is listed with them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Whether it says when the task failed.
    pub is_failure: bool,
    /// Whether it is met; absent while nothing decides it.
    pub is_met: Option<bool>,
    /// What decides it.
    pub decided_by: Option<String>,
}
