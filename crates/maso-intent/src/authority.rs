//! What an agent may do. It can only shrink.

use std::collections::BTreeSet;

use maso_core::{Act, AgentName, ContractName, Phase, RequestName, ServerName, ToolRef, lies_within};
use maso_identity::{Link, TaskClaim};

use crate::{AgentMandate, Deployment, SolutionMandate};

/// Which acts are possible. There is a `meet` and no way to add: authority can only shrink (IA-2.4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authority {
    tools: BTreeSet<ToolRef>,
    // INVARIANT: no term lies inside another term of the same server, so that equal authority has one form.
    resources: BTreeSet<(ServerName, String)>,
    // INVARIANT: a server with `*` has no other term.
    prompts: BTreeSet<(ServerName, String)>,
    asked_by: BTreeSet<ServerName>,
    requests: BTreeSet<(AgentName, RequestName)>,
    tells: BTreeSet<(AgentName, ContractName)>,
    reports: bool,
    spawns: BTreeSet<AgentName>,
}

impl Authority {
    /// Nothing is possible.
    pub fn none() -> Self {
        Self::default()
    }

    /// What both the agent's mandate and its workflow's mandate allow (AT-2.1), less what is prohibited and what leads to
    /// data outside the agent's scope; no tool for who only hands out work (IA-2.5). Nothing, if the parent is not the version that the agent's mandate names (AT-1.2)
    /// or was withdrawn (AT-2.2).
    pub fn of(mandate: &AgentMandate, parent: &SolutionMandate) -> Self {
        let is_parent =
            mandate.parent.as_ref().is_none_or(|(id, version)| (id, version) == (&parent.id, &parent.version));
        if !is_parent || parent.is_withdrawn() {
            return Self::none();
        }
        let holds = mandate.role.holds_tools();
        let granted = mandate.tools.keys().filter(|tool| holds && parent.tools.contains(tool));
        let granted = granted.filter(|tool| !mandate.prohibited.contains(tool));
        Self {
            tools: granted.filter(|tool| in_scope(tool, mandate, parent)).cloned().collect(),
            resources: reduced(
                mandate.resources.iter().map(|term| (term.server.clone(), term.uri_prefix.clone())).collect(),
                |wide, narrow| narrow.starts_with(wide),
            ),
            prompts: reduced(mandate.prompts.iter().cloned().collect(), |wide, narrow| wide == "*" || wide == narrow),
            asked_by: mandate.may_be_asked_by.clone(),
            requests: parent
                .grants
                .iter()
                .filter(|grant| {
                    mandate.powers.may_delegate() && grant.from == mandate.agent && parent.agents.contains(&grant.to)
                })
                .map(|grant| (grant.to.clone(), grant.request.clone()))
                .collect(),
            tells: parent
                .channels
                .iter()
                .filter(|channel| channel.from == mandate.agent && parent.agents.contains(&channel.to))
                .map(|channel| (channel.to.clone(), channel.contract.clone()))
                .collect(),
            reports: parent.sequence.is_some(),
            spawns: mandate.spawns.keys().filter(|agent| parent.agents.contains(agent)).cloned().collect(),
        }
    }

    /// What both allow.
    #[must_use]
    pub fn meet(&self, other: &Self) -> Self {
        Self {
            tools: self.tools.intersection(&other.tools).cloned().collect(),
            resources: meet_terms(&self.resources, &other.resources, |wide, narrow| narrow.starts_with(wide)),
            prompts: meet_terms(&self.prompts, &other.prompts, |wide, narrow| wide == "*" || wide == narrow),
            asked_by: self.asked_by.intersection(&other.asked_by).cloned().collect(),
            requests: self.requests.intersection(&other.requests).cloned().collect(),
            tells: self.tells.intersection(&other.tells).cloned().collect(),
            reports: self.reports && other.reports,
            spawns: self.spawns.intersection(&other.spawns).cloned().collect(),
        }
    }

    /// What is left of it in these PACE phases.
    #[must_use]
    pub fn under(&self, agent: Phase, around: Phase) -> Self {
        if agent >= Phase::Alternate || around >= Phase::Emergency {
            return Self::none();
        }
        if around >= Phase::Contingency {
            // The bus between agents is off.
            let (requests, tells, spawns) = Default::default();
            return Self { requests, tells, spawns, ..self.clone() };
        }
        self.clone()
    }

    /// Whether the act is possible.
    pub fn permits(&self, act: &Act) -> bool {
        match act {
            Act::CallTool(tool) => self.tools.contains(tool),
            Act::ReadResource { server, uri } => {
                let terms = self.resources.iter().filter(|(of, _)| of == server);
                terms.map(|(_, prefix)| prefix).any(|prefix| lies_within(uri, prefix))
            }
            Act::GetPrompt { server, prompt } => {
                self.prompts.iter().any(|(of, term)| of == server && (term == "*" || term == prompt))
            }
            Act::Complete { server } | Act::List { server, .. } | Act::Notify { server, .. } => self.concerns(server),
            Act::AskClient { server, .. } => self.asked_by.contains(server),
            Act::Request { agent, request } => self.requests.iter().any(|(to, what)| to == agent && what == request),
            Act::Tell { agent, contract } => self.tells.iter().any(|(to, what)| to == agent && what == contract),
            Act::Report { .. } => self.reports,
            Act::Spawn { agent } => self.spawns.contains(agent),
        }
    }

    /// Whether anything of this server is possible.
    pub fn concerns(&self, server: &ServerName) -> bool {
        self.asked_by.contains(server)
            || self.tools.iter().any(|tool| tool.server == *server)
            || self.resources.iter().chain(&self.prompts).any(|(of, _)| of == server)
    }

    /// The servers of which anything is possible; one may be named more than once.
    pub(crate) fn servers(&self) -> impl Iterator<Item = &ServerName> {
        let terms = self.resources.iter().chain(&self.prompts).map(|(server, _)| server);
        self.tools.iter().map(|tool| &tool.server).chain(terms).chain(&self.asked_by)
    }

    /// The tools that may be called, in order.
    pub fn tools(&self) -> impl Iterator<Item = &ToolRef> {
        self.tools.iter()
    }

    /// The requests that may be made, each with the agent that is asked.
    pub fn requests(&self) -> impl Iterator<Item = (&AgentName, &RequestName)> {
        self.requests.iter().map(|(agent, request)| (agent, request))
    }

    /// What may be told unasked, each with the agent that is told.
    pub fn tells(&self) -> impl Iterator<Item = (&AgentName, &ContractName)> {
        self.tells.iter().map(|(agent, contract)| (agent, contract))
    }

    /// The agents of which instances may be started.
    pub fn spawns(&self) -> impl Iterator<Item = &AgentName> {
        self.spawns.iter()
    }

    /// Whether nothing at all is possible.
    pub fn is_none(&self) -> bool {
        *self == Self::none()
    }
}

/// The tools of a server that exist for an agent: what `tools/list` may show it (AT-1.4). Of who works for another, those
/// that every request on the way to it names, then and now (IA-2.4).
pub fn visible_tools(
    deployment: &Deployment,
    agent: &AgentName,
    server: &ServerName,
    claim: Option<&TaskClaim>,
) -> Vec<ToolRef> {
    let solution = deployment.agents.get(agent).and_then(|mandate| deployment.workflows.get(&mandate.workflow));
    let grants = |link: &Link, tool: &ToolRef| {
        let grant = solution.and_then(|solution| solution.grant(&link.from, &link.to, &link.request));
        link.remit.tools.contains(tool)
            && grant.is_some_and(|grant| grant.remit.tools.contains(tool))
            && solution.is_some_and(|solution| {
                let beyond = |scope| solution.source_beyond(tool, deployment.class(tool), scope);
                link.data.as_ref().and_then(beyond).is_none()
            })
    };
    let links = claim.map_or(&[][..], |claim| claim.chain.links());
    let authority = deployment.authority(agent);
    let of_server = authority.tools().filter(|tool| tool.server == *server);
    of_server.filter(|tool| links.iter().all(|link| grants(link, tool))).cloned().collect()
}

/// Whether the tool leads to no declared data source but those in the agent's scope.
fn in_scope(tool: &ToolRef, mandate: &AgentMandate, parent: &SolutionMandate) -> bool {
    let Some(scope) = &mandate.data_scope else { return true };
    let mut sources = parent.data_sources.iter().filter(|(_, source)| source.through.contains(tool));
    sources.all(|(name, _)| scope.contains_key(name))
}

type Terms = BTreeSet<(ServerName, String)>;

/// The terms without those that lie inside another one.
fn reduced(terms: Terms, covers: impl Fn(&str, &str) -> bool) -> Terms {
    let inside = |term: &(ServerName, String)| {
        terms.iter().any(|other| other != term && other.0 == term.0 && covers(&other.1, &term.1))
    };
    terms.iter().filter(|term| !inside(term)).cloned().collect()
}

/// For each pair of terms the narrower one, where one lies inside the other.
fn meet_terms(one: &Terms, other: &Terms, covers: impl Fn(&str, &str) -> bool + Copy) -> Terms {
    let mut both = Terms::new();
    for (server, term) in one {
        for (_, with) in other.iter().filter(|(of, _)| of == server) {
            if covers(term, with) {
                both.insert((server.clone(), with.clone()));
            } else if covers(with, term) {
                both.insert((server.clone(), term.clone()));
            }
        }
    }
    reduced(both, covers)
}
