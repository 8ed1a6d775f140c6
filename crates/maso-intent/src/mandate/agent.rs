//! Agents' mandates (AT-1.2).

use std::collections::{BTreeMap, BTreeSet};

use maso_core::{AgentName, Confidentiality, DataSourceName, Digest, ServerName, ToolRef, WorkflowName, WorkloadId};
use serde_json::Value;

use crate::ExternalTerms;

use super::{Access, AfterFailure, AgentRole, ContextTerms, History, OiSpec, Plan, Powers, ProcessTerms, SpawnTerms};

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
    /// Who wrote it, and what came before it.
    pub history: History,
    /// The workflow whose mandate is its parent.
    pub workflow: WorkflowName,
    /// The parent's id and version, where the mandate names them: of any other version it holds nothing (AT-1.2).
    pub parent: Option<(String, u32)>,
    /// What it is in its workflow.
    pub role: AgentRole,
    /// Its place in the sequence, from 1. Agents of one place act side by side.
    pub sequence_position: u32,
    /// What it is for.
    pub intent: String,
    /// What it may bring about.
    pub outcome: String,
    /// Expected approach and tool order (AT-1.2).
    pub logic: Vec<String>,
    /// The tools in the order in which they are expected (PG-3.4, AT-2.7); empty where none is.
    pub plan: Plan,
    /// The tools that must have run for a piece of its work before that is done (EC-2.8).
    pub required_tools: Vec<ToolRef>,
    /// The tools it may call, and on what terms. What is not here does not exist for it.
    pub tools: BTreeMap<ToolRef, ToolTerms>,
    /// Tools it must not call although the parent grants them.
    pub prohibited: BTreeSet<ToolRef>,
    /// The data sources that it may use, and how; `None` where its tools alone say so. A tool that leads to another
    /// declared source does not exist for it.
    pub data_scope: Option<BTreeMap<DataSourceName, Access>>,
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
    /// Milliseconds that it has in one task; `None` for as long as the task has.
    pub time_boundary_ms: Option<u64>,
    /// Which process it is, to the Workload API; `None` where none is believed to be it.
    pub process: Option<ProcessTerms>,
    /// Which workload of another trust domain it is; `None` where it is none.
    pub workload: Option<WorkloadId>,
    /// On what terms it comes from outside; `None` where it is the deployment's own.
    pub external: Option<ExternalTerms>,
    /// The agents of which it may start instances, and on what terms (EC-1.5a).
    pub spawns: BTreeMap<AgentName, SpawnTerms>,
    /// What it may do with its own authority.
    pub powers: Powers,
    /// What happens when it failed.
    pub on_fail: Option<AfterFailure>,
    /// What happens when it ran out of time.
    pub on_timeout: Option<AfterFailure>,
    /// Who is told when it fails or times out; a person, never an agent (AT-2.9).
    pub escalation: String,
    /// The model behind it, for the AIBOM (SC-2.1): provider, name.
    pub model: Option<(String, String)>,
    /// What a million tokens of that model cost, in the smallest unit of the currency of the workflow's limits.
    pub price_per_million_tokens_minor: Option<u64>,
    /// How much its model's context holds (EC-1.9); `None` where nobody says, and nobody watches it.
    pub context: Option<ContextTerms>,
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
    /// The tools that a model might use in its place, each with what was decided about it (AT-2.3).
    pub substitutes: BTreeMap<ToolRef, String>,
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
