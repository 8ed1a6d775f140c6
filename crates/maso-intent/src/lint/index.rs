//! What many lints look up, found once.

use std::collections::{BTreeMap, BTreeSet};

use maso_core::{AgentName, ServerName, ToolRef, WorkflowName};

use crate::{AgentMandate, Deployment};

/// Look-ups over a deployment, so that no lint goes over everything for each thing it looks at.
pub(super) struct Index<'a> {
    /// The agents that say they belong to a workflow.
    pub(super) members: BTreeMap<&'a WorkflowName, Vec<&'a AgentMandate>>,
    /// The place of each agent in its workflow's sequence, from 0.
    pub(super) sequence: BTreeMap<(&'a WorkflowName, &'a AgentName), usize>,
    /// The tools that some agent of a workflow names.
    pub(super) held: BTreeSet<(&'a WorkflowName, &'a ToolRef)>,
    /// The servers of which some agent may use something, or on which something is tried out.
    pub(super) used: BTreeSet<&'a ServerName>,
    /// The ids of success criteria that some agent of a workflow covers.
    pub(super) covered: BTreeSet<(&'a WorkflowName, &'a str)>,
}

impl<'a> Index<'a> {
    pub(super) fn of(deployment: &'a Deployment) -> Self {
        let mut members: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for agent in deployment.agents.values() {
            members.entry(&agent.workflow).or_default().push(agent.as_ref());
        }
        let agents = || deployment.agents.values().map(AsRef::as_ref);
        Self {
            members,
            sequence: deployment
                .workflows
                .iter()
                // Backwards, so that the first place of an agent that is named twice is the one that stays.
                .flat_map(|(name, workflow)| {
                    workflow.agents.iter().enumerate().rev().map(move |(place, agent)| ((name, agent), place))
                })
                .collect(),
            held: agents().flat_map(|agent| agent.tools.keys().map(|tool| (&agent.workflow, tool))).collect(),
            used: deployment
                .authorities
                .values()
                .flat_map(|authority| authority.servers())
                .chain(dry_runs(deployment).map(|tool| &tool.server))
                .collect(),
            covered: agents()
                .flat_map(|agent| agent.oispec.covers.iter().map(|id| (&agent.workflow, id.as_str())))
                .collect(),
        }
    }

    /// The agents of a workflow.
    pub(super) fn members(&self, workflow: &WorkflowName) -> &[&'a AgentMandate] {
        self.members.get(workflow).map_or(&[], Vec::as_slice)
    }
}

/// The tools by which those are tried out that some agent may use.
fn dry_runs(deployment: &Deployment) -> impl Iterator<Item = &ToolRef> {
    let held = deployment.authorities.values().flat_map(|authority| authority.tools());
    held.filter_map(|tool| Some(&deployment.tool(tool)?.dry_run.as_ref()?.tool))
}
