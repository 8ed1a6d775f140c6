//! Mandates and OISpecs: what an agent or a workflow may and must do (AT-1.1 to AT-1.4, OI-1.1).

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use maso_core::{AgentName, Confidentiality, Digest, RequestName, Risk, ServerName, Timestamp, ToolRef, WorkflowName};
use serde_json::Value;

use crate::parse::day_is_over;

/// What one agent may and must do; always inside its workflow's [`SolutionMandate`].
#[derive(Clone, Debug)]
pub struct AgentMandate {
    /// `AGT-…-v1`.
    pub id: String,
    /// Content address of the file it was read from.
    pub digest: Digest,
    /// Version, counted up.
    pub version: u32,
    /// The agent.
    pub agent: AgentName,
    /// The workflow whose mandate is its parent.
    pub workflow: WorkflowName,
    /// Its place in the sequence, from 1.
    pub sequence_position: u32,
    /// What it is for.
    pub intent: String,
    /// What it may bring about.
    pub outcome: String,
    /// Expected approach and tool order (AT-1.2).
    pub logic: Vec<String>,
    /// The tools it may call, and on what terms. What is not here does not exist for it.
    pub tools: BTreeMap<ToolRef, ToolTerms>,
    /// Tools it must not call although the parent grants them.
    pub prohibited: BTreeSet<ToolRef>,
    /// The resources it may read.
    pub resources: Vec<ResourceTerm>,
    /// The prompts it may get: server and prompt name, `*` for all of that server.
    pub prompts: Vec<(ServerName, String)>,
    /// Servers that may ask this agent's client for something (sampling, elicitation, roots).
    pub may_be_asked_by: BTreeSet<ServerName>,
    /// The highest confidentiality that it may receive (DP-1.1).
    pub clearance: Confidentiality,
    /// Calls per hour (EC-1.3, 100 recommended).
    pub calls_per_hour_max: u32,
    /// Who is told when it fails or times out; a person, never an agent (AT-2.9).
    pub escalation: String,
    /// The model behind it, for the AIBOM (SC-2.1): provider, name.
    pub model: Option<(String, String)>,
    /// Its intent specification.
    pub oispec: OiSpec,
}

/// On what terms an agent may call a tool: each named argument must satisfy its bound.
#[derive(Clone, Debug, Default)]
pub struct ToolTerms {
    /// Bounds, by JSON pointer of the argument (`/amount`).
    pub bounds: BTreeMap<String, Bound>,
    /// Why the agent needs the tool (AT-2.3).
    pub justification: Option<String>,
}

/// What an argument's value may be.
#[derive(Clone, Debug)]
pub enum Bound {
    /// One of these values.
    OneOf(Vec<Value>),
    /// A number at most this.
    AtMost(f64),
    /// A number at least this.
    AtLeast(f64),
    /// A string that begins so.
    Prefix(String),
    /// A string that matches this whole-string regular expression.
    Matches(regex::Regex),
}

/// Resources that an agent may read.
#[derive(Clone, Debug)]
pub struct ResourceTerm {
    /// The server.
    pub server: ServerName,
    /// What the URI must begin with; empty for all.
    pub uri_prefix: String,
}

/// What a workflow may and must do: the parent of its agents' mandates.
#[derive(Clone, Debug)]
pub struct SolutionMandate {
    /// `SOL-…-v1`.
    pub id: String,
    /// Content address of the file it was read from.
    pub digest: Digest,
    /// Version, counted up.
    pub version: u32,
    /// The workflow.
    pub workflow: WorkflowName,
    /// The business process it serves.
    pub business_process: String,
    /// What it is for.
    pub intent: String,
    /// What it may bring about.
    pub outcome: String,
    /// Its agents, in sequence.
    pub agents: Vec<AgentName>,
    /// All tools that any of its agents may hold.
    pub tools: BTreeSet<ToolRef>,
    /// What nobody in it may do.
    pub prohibited_actions: Vec<String>,
    /// Limits on volume, time and cost.
    pub limits: HardLimits,
    /// Values that the mandate itself vouches for, with operator integrity, by name.
    pub constants: BTreeMap<String, Value>,
    /// Which typed requests an agent may make of another.
    pub grants: Vec<Grant>,
    /// How many plan attempts are still accepted.
    pub plan_attempts: PlanAttempts,
    /// Who answers for the process.
    pub process_owner: String,
    /// Who answers for the technology.
    pub technical_owner: String,
    /// Who approved it.
    pub approved_by: Vec<String>,
    /// RFC 3339 date from which it holds.
    pub effective_date: String,
    /// The moment at which that day begins in UTC; before it nothing is granted. `None` where no date says so: then
    /// nothing is granted at all.
    pub effective_from: Option<Timestamp>,
    /// RFC 3339 date by which it must be reviewed.
    pub review_date: String,
    /// Its intent specification.
    pub oispec: OiSpec,
}

impl SolutionMandate {
    /// Whether the day by which it must be reviewed has passed (AT-2.2). That is reported and takes nothing away.
    pub fn review_is_overdue(&self, now: Timestamp) -> bool {
        day_is_over(&self.review_date, now)
    }
}

/// Hard limits of a workflow; reaching one stops it (AT rule 5).
#[derive(Clone, Debug, PartialEq)]
pub struct HardLimits {
    /// Transactions in one task.
    pub max_transactions_per_batch: u64,
    /// Milliseconds that one task may run.
    pub max_execution_ms: u64,
    /// Money that one task may move, in the smallest unit of the deployment's currency.
    pub max_value_minor: u64,
    /// The currency of it, as ISO 4217 writes it; `None` where the mandate names none.
    pub currency: Option<String>,
}

/// An edge in the solution mandate: a typed request that one agent may make of another.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Who may ask.
    pub from: AgentName,
    /// Who is asked.
    pub to: AgentName,
    /// What may be asked.
    pub request: RequestName,
    /// JSON Schema of the request's content.
    pub schema: Arc<Value>,
}

/// How many plan attempts are still accepted; one more escalates and is a hard stop (AT-2.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanAttempts {
    /// In one task.
    pub single_session: u32,
    /// In seven days.
    pub rolling_7day: u32,
    /// In thirty days.
    pub rolling_30day: u32,
}

impl Default for PlanAttempts {
    fn default() -> Self {
        Self { single_session: 3, rolling_7day: 10, rolling_30day: 25 }
    }
}

/// An intent specification (OI-1.1): what success and failure are.
#[derive(Clone, Debug)]
pub struct OiSpec {
    /// The goal, in words.
    pub goal: String,
    /// When it succeeded.
    pub success_criteria: Vec<String>,
    /// Ids of the success criteria, in the same order; `criterion-1` and so on where the file names none.
    pub criterion_ids: Vec<String>,
    /// Ids of the workflow's success criteria that this agent serves (OI-1.5); empty for a workflow.
    pub covers: BTreeSet<String>,
    /// When it failed.
    pub failure_criteria: Vec<String>,
    /// What must not be done, in words and, where a word is a `server:tool`, by rule.
    pub prohibited_actions: Vec<String>,
    /// Fields that its outputs must have, by JSON pointer.
    pub required_fields: Vec<String>,
    /// Text that its outputs must not contain, case-insensitively.
    pub prohibited_content: Vec<String>,
    /// How risky it is as a whole.
    pub risk_classification: Risk,
    /// When it is evaluated.
    pub evaluation: Evaluation,
}

/// When an OISpec is evaluated, the seldomest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evaluation {
    /// After the run.
    PostExecution,
    /// At the end of each phase.
    PerPhase,
    /// At each action.
    EveryAction,
}

impl Evaluation {
    /// How often it must be at least, for how risky a thing is as a whole (OI-2.1).
    pub const fn due(risk: Risk) -> Self {
        match risk {
            Risk::Low => Self::PostExecution,
            Risk::Medium => Self::PerPhase,
            Risk::High | Risk::Critical => Self::EveryAction,
        }
    }
}

impl fmt::Display for Evaluation {
    /// As the deployment's files write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PostExecution => "post-execution",
            Self::PerPhase => "per-phase",
            Self::EveryAction => "every-action",
        })
    }
}
