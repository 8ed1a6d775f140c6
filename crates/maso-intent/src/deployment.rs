//! A deployment, as read from its folder.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use maso_core::{AgentName, Digest, JudgeName, OperatorName, ServerName, Tier, TrustDomain, WorkflowName};

use crate::{AgentMandate, ServerManifest, Settings, SolutionMandate};

/// A deployment: everything that was declared, as one immutable value.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Its name.
    pub name: String,
    /// Content address of all its files together.
    pub digest: Digest,
    /// Its trust domain.
    pub trust_domain: TrustDomain,
    /// Its tier.
    pub tier: Tier,
    /// The person who answers for standing tasks (OB-2.7).
    pub accountable_human: OperatorName,
    /// Numbers.
    pub settings: Settings,
    /// Workflows, by name.
    pub workflows: BTreeMap<WorkflowName, Arc<SolutionMandate>>,
    /// Agents, by name.
    pub agents: BTreeMap<AgentName, Arc<AgentMandate>>,
    /// Tool servers, by name.
    pub servers: BTreeMap<ServerName, Arc<ServerManifest>>,
    /// Judges, by name.
    pub judges: BTreeMap<JudgeName, Arc<JudgeSpec>>,
    /// The people who may sign in.
    pub operators: BTreeMap<OperatorName, Operator>,
    /// Hand-written policies beside the compiled mandates.
    pub policies: Vec<PolicyFile>,
}

/// A person who may sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// What the person may do.
    pub roles: BTreeSet<Role>,
}

/// What an operator may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Opens and closes tasks, looks at everything.
    Operator,
    /// Approves and rejects held actions and tool definitions.
    Supervisor,
    /// Moves PACE to Contingency and back.
    Security,
    /// Moves PACE anywhere, pulls the kill switch, ends an Emergency.
    IncidentCommander,
}

/// A judge's intent specification (OI-1.2).
#[derive(Clone, Debug, PartialEq)]
pub struct JudgeSpec {
    /// The judge.
    pub name: JudgeName,
    /// How it judges.
    pub kind: JudgeKind,
    /// What it looks for, as yes/no criteria.
    pub criteria: Vec<String>,
    /// What it expressly does not evaluate.
    pub exclusions: Vec<String>,
    /// How long it may take; later counts as silence (5000).
    pub max_evaluation_latency_ms: u64,
}

/// How a judge judges.
#[derive(Clone, Debug, PartialEq)]
pub enum JudgeKind {
    /// By rules over the OISpec.
    Rules,
    /// By a model behind an OpenAI-compatible endpoint.
    Model {
        /// Base URL, up to and including `/v1`.
        endpoint: url::Url,
        /// The model's name.
        model: String,
        /// The environment variable that holds the API key, if one is needed.
        api_key_env: Option<String>,
    },
}

/// A hand-written Cedar policy file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyFile {
    /// Its path inside the folder.
    pub path: String,
    /// Its text.
    pub text: String,
}
