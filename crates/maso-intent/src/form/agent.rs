//! The written form of `agents/*.toml`.

use std::collections::BTreeMap;

use maso_core::{
    AgentName, Confidentiality, DataSourceName, Digest, OperatorName, ServerName, ToolRef, WorkflowName, WorkloadId,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    context::ContextForm,
    oispec::OiSpecForm,
    step::StepForm,
    text::{At, Moment, Pointer, Span},
};
use crate::{Access, AgentRole, OnDeviation};

/// An agent's mandate, inside its workflow's. The name of the file is the name of the agent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AgentForm {
    /// The mandate's id, such as `AGT-2026-0101-v1`.
    pub(crate) id: At<String>,
    /// The mandate's version, counted up.
    #[serde(default = "super::one")]
    pub(crate) version: u32,
    /// Content addresses (`sha256:…`) of the versions before this one, oldest first.
    #[serde(default)]
    pub(crate) version_history: Vec<At<Digest>>,
    /// The id of its intent specification, a UUID.
    pub(crate) oispec_id: Option<At<uuid::Uuid>>,
    /// Who wrote it: a person, never an agent.
    pub(crate) created_by: Option<At<String>>,
    /// When it was written, such as `2026-11-01T09:00:00Z`.
    pub(crate) created_at: Option<At<Moment>>,
    /// The workflow whose mandate bounds this one.
    pub(crate) workflow: At<WorkflowName>,
    /// The exact version of that mandate. Under any other version the agent may do nothing.
    pub(crate) parent: Option<ParentForm>,
    /// What it is in its workflow (`task`). An evaluator or observer only looks.
    pub(crate) role: Option<At<AgentRole>>,
    /// Its place in the sequence, from 1; the place in the workflow's `agents`, where it is left out. The place of the agent
    /// before it puts both side by side.
    pub(crate) sequence_position: Option<u32>,
    /// What it is for.
    pub(crate) intent: At<String>,
    /// What it may bring about.
    pub(crate) outcome: At<String>,
    /// Its steps, for judges and people.
    #[serde(default)]
    pub(crate) logic: Vec<String>,
    /// The tools in the order in which they are expected: `server:tool` for a step after the one before it, or
    /// `{ tool = "server:tool", after = ["…"], optional = true, repeats = true }`.
    #[serde(default)]
    pub(crate) tool_order: Vec<StepForm>,
    /// What becomes of a call that departs from `tool_order` (`note` at Tier 1, `escalate` above it).
    pub(crate) on_deviation: Option<At<OnDeviation>>,
    /// The tools that must have run for a piece of its work before that is done or handed on, as `server:tool`.
    #[serde(default)]
    pub(crate) required_tools: Vec<At<ToolRef>>,
    /// The tools that it may call, each with its terms. What is not here does not exist for it.
    #[serde(default)]
    pub(crate) tools: BTreeMap<At<ToolRef>, TermsForm>,
    /// Tools that stay forbidden whoever grants them.
    #[serde(default)]
    pub(crate) prohibited: Vec<At<ToolRef>>,
    /// The workflow's data sources that it may use, and how: source = `read`, `write` or `read-write`. A tool that leads
    /// to another one does not exist for it.
    pub(crate) data_scope: Option<BTreeMap<At<DataSourceName>, At<Access>>>,
    /// The resources that it may read.
    #[serde(default)]
    pub(crate) resources: Vec<ResourceForm>,
    /// The prompts that it may get.
    #[serde(default)]
    pub(crate) prompts: Vec<PromptForm>,
    /// Servers that may ask this agent's client (sampling, elicitation, roots).
    #[serde(default)]
    pub(crate) may_be_asked_by: Vec<At<ServerName>>,
    /// The highest confidentiality that it may be shown (`internal`).
    pub(crate) clearance: Option<At<Confidentiality>>,
    /// Tool calls in an hour.
    pub(crate) calls_per_hour_max: Option<u32>,
    /// How long it may work in one task. Recorded; the workflow's `max_execution` is what ends tasks.
    pub(crate) time_boundary: Option<At<Span>>,
    /// The operator who is told when it fails.
    pub(crate) escalation: At<OperatorName>,
    /// What happens when it failed. It halts whatever is written here.
    pub(crate) on_fail: Option<AfterFailureForm>,
    /// What happens when it ran out of time. It halts whatever is written here.
    pub(crate) on_timeout: Option<AfterFailureForm>,
    /// The model behind it.
    pub(crate) model: Option<ModelForm>,
    /// How much its model's context holds; what maso.toml says, where it is left out.
    pub(crate) context: Option<ContextForm>,
    /// Which process it is, to the Workload API; none, where it is left out.
    pub(crate) process: Option<ProcessForm>,
    /// Which workload of another trust domain it is; none, where it is left out.
    pub(crate) identity: Option<IdentityForm>,
    /// That it is outside, and comes over A2A alone: nothing that it says is believed.
    pub(crate) external: Option<ExternalForm>,
    /// The agents of which it may start instances, each on its terms. What those may do is their own mandate to say.
    #[serde(default)]
    pub(crate) spawns: BTreeMap<At<AgentName>, SpawnForm>,
    /// What it may do with its own authority.
    #[serde(default)]
    pub(crate) authority: PowersForm,
    /// What its success and failure are.
    pub(crate) oispec: OiSpecForm,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ParentForm {
    /// The solution mandate's id.
    pub(crate) id: At<String>,
    /// The solution mandate's version.
    pub(crate) version: u32,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TermsForm {
    /// Why the agent needs a tool that does more than read.
    pub(crate) justification: Option<At<String>>,
    /// Which tools a model might use in its place, and what was decided about each.
    #[serde(default)]
    pub(crate) substitutes: BTreeMap<At<ToolRef>, At<String>>,
    /// Pointer of an argument = what it may be.
    #[serde(default)]
    pub(crate) bounds: BTreeMap<At<Pointer>, BoundForm>,
}

/// What an argument may be: exactly one of the keys.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub(crate) struct BoundForm {
    /// One of these values.
    #[schemars(with = "Option<Vec<serde_json::Value>>")]
    pub(crate) one_of: Option<Vec<toml::Value>>,
    /// A number at most this.
    pub(crate) at_most: Option<f64>,
    /// A number at least this.
    pub(crate) at_least: Option<f64>,
    /// A string that begins so, and has no `..`.
    pub(crate) prefix: Option<String>,
    /// A string that matches this regular expression as a whole.
    pub(crate) matches: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResourceForm {
    /// The server.
    pub(crate) server: At<ServerName>,
    /// What the address must begin with; left out, all of that server.
    #[serde(default)]
    pub(crate) uri_prefix: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PromptForm {
    /// The server.
    pub(crate) server: At<ServerName>,
    /// The prompt's name; left out, all of that server.
    pub(crate) prompt: Option<String>,
}

impl PromptForm {
    /// The server and the prompt's name, `*` for all of them.
    pub(crate) fn term(&self) -> (ServerName, String) {
        (self.server.value.clone(), self.prompt.clone().unwrap_or_else(|| "*".to_owned()))
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AfterFailureForm {
    /// How often it may be tried again first (0); of `on_fail`, it bounds the retries of the workflow (EC-1.10).
    #[serde(default)]
    pub(crate) retry_max: u32,
    /// The operator who is told; `escalation`, where it is left out.
    pub(crate) tell: Option<At<OperatorName>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelForm {
    /// Who offers it.
    pub(crate) provider: At<String>,
    /// Its name.
    pub(crate) name: At<String>,
    /// What a million tokens of it cost, in cents or the like, in the currency of the workflow's limits. With it,
    /// `max_cost_minor` binds.
    pub(crate) price_per_million_tokens_minor: Option<u64>,
}

/// Which workload of another trust domain an agent is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IdentityForm {
    /// Its id there, such as `spiffe://prod.example/ns/claims/sa/intake`.
    pub(crate) spiffe_id: At<WorkloadId>,
}

/// By what the process of an agent is known. All that is given must fit; `uid` or `executable` must be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("anyOf" = [{ "required": ["uid"] }, { "required": ["executable"] }]))]
pub(crate) struct ProcessForm {
    /// The user that it runs as.
    pub(crate) uid: Option<u32>,
    /// The content of the program that it runs, as `sha256:…`.
    pub(crate) executable: Option<At<Digest>>,
    /// Its control group as a whole, such as `/system.slice/intake.service`.
    #[schemars(regex(pattern = "^/"))]
    pub(crate) cgroup: Option<String>,
}

/// On what terms an agent may start instances of another.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SpawnForm {
    /// How many of them may be there at once.
    pub(crate) at_most: u32,
    /// How many may be started within an hour.
    pub(crate) per_hour: u32,
    /// After how long each of them ends, such as `15m`. It never outlives who started it.
    pub(crate) ttl: At<Span>,
}

/// An agent that is outside the deployment.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExternalForm {
    /// Beginnings of the addresses at which it may be called back; none, where this is left out.
    #[serde(default)]
    pub(crate) push: Vec<At<url::Url>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PowersForm {
    /// Whether it may ask other agents; `false` takes every grant from it.
    #[schemars(with = "Option<bool>")]
    pub(crate) can_delegate: Option<toml::Spanned<bool>>,
    /// Over how many hops its requests may lead at most, along the grants; 0 is the same as `can_delegate = false`.
    #[schemars(with = "Option<u32>")]
    pub(crate) max_delegation_depth: Option<toml::Spanned<u32>>,
    /// Always `false`: no agent makes another one. Instances of declared agents are started under `spawns`.
    #[schemars(with = "Option<bool>", extend("const" = false))]
    pub(crate) can_create_agents: Option<toml::Spanned<bool>>,
    /// Always `false`: no agent changes a workflow.
    #[schemars(with = "Option<bool>", extend("const" = false))]
    pub(crate) can_modify_workflow: Option<toml::Spanned<bool>>,
}
