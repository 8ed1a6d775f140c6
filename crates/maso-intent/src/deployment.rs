//! A deployment, as read from its folder.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use maso_core::{
    AgentName, Class, ControlId, Digest, JudgeName, OperatorName, ServerName, Tier, Timestamp, ToolRef, TrustDomain,
    WorkflowName, words,
};
use maso_identity::OperatorPublic;

use crate::{
    AgentMandate, Approval, Attestation, Authority, JudgeSpec, Rules, ServerManifest, Settings, SolutionMandate,
    ToolManifest,
};

/// A deployment: everything that was declared, as one immutable value.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Its name.
    pub name: String,
    /// Content address of all its files together: its version.
    pub digest: Digest,
    /// Who signed this version, and who must.
    pub approval: Approval,
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
    /// Temporal rules beside them.
    pub rules: Rules,
    /// Controls that must be in force. All that this version has are, so this asks and switches nothing.
    pub selected: BTreeSet<ControlId>,
    /// Controls that are switched off, each with who answers for that.
    pub deselected: Vec<Deselection>,
    /// What people attest.
    pub evidence: Vec<Attestation>,
    // INVARIANT: for each agent, what its mandate and its workflow's mandate both allow. Only `parse` fills it.
    pub(crate) authorities: BTreeMap<AgentName, Arc<Authority>>,
    // INVARIANT: for each workflow the content address of its mandate and its agents' together. Only `parse` fills it.
    pub(crate) mandates: BTreeMap<WorkflowName, Digest>,
}

impl Deployment {
    /// What the agent may do in normal operation; nothing for an agent that does not exist.
    pub fn authority(&self, agent: &AgentName) -> Arc<Authority> {
        self.authorities.get(agent).cloned().unwrap_or_default()
    }

    /// Content address of everything that binds a task of this workflow: its mandate and those of its agents (AT-1.3).
    pub fn mandates_of(&self, workflow: &WorkflowName) -> Option<Digest> {
        self.mandates.get(workflow).copied()
    }

    /// Whether the agent is outside: it comes over A2A alone, and nothing that it says is believed.
    pub fn is_outside(&self, agent: &AgentName) -> bool {
        self.agents.get(agent).is_some_and(|mandate| mandate.external.is_some())
    }

    /// What kind of action a tool performs; a tool that nobody described may run anything.
    pub fn class(&self, tool: &ToolRef) -> Class {
        self.tool(tool).map_or(Class::Execute, |tool| tool.class)
    }

    /// The manifest of a tool; `None` for a tool that nobody described, which is critical and irreversible.
    pub fn tool(&self, tool: &ToolRef) -> Option<&Arc<ToolManifest>> {
        self.servers.get(&tool.server)?.tools.get(&tool.tool)
    }
}

/// A control of the tier that is switched off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deselection {
    /// The control.
    pub control: ControlId,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: OperatorName,
    /// The moment from which it counts no more; if none, it counts until somebody takes it out.
    pub until: Option<Timestamp>,
}

/// A person who may sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// What the person may do.
    pub roles: BTreeSet<Role>,
    /// With what the person signs versions of the deployment.
    pub key: Option<OperatorPublic>,
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

words!(Role {
    Operator = "operator",
    Supervisor = "supervisor",
    Security = "security",
    IncidentCommander = "incident-commander",
});

/// A hand-written Cedar policy file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyFile {
    /// Its path inside the folder.
    pub path: String,
    /// Its text.
    pub text: String,
}
