//! Which agent can, over grants and tools, come to hold which data and reach which effects.
//!
//! Data goes from agent to agent with requests and with their answers, and through a server that one agent changes and
//! another reads. It is a question about what the declaration makes possible, not about what a run does: everything
//! that an agent may see may be in everything that it says.

mod draw;
mod graph;

use std::collections::BTreeMap;

use maso_core::{AgentName, Class, Confidentiality, ContractName, Integrity, Label, RequestName, ServerName, ToolRef};

use self::graph::{Graph, Spreading};
use crate::{Deployment, ToolManifest};

/// What is possible between the agents of a deployment. Built once, in time linear in what is declared.
pub struct Ways<'a> {
    deployment: &'a Deployment,
    agents: Vec<&'a AgentName>,
    places: BTreeMap<&'a AgentName, usize>,
    holds: Vec<Vec<(Hold<'a>, Label)>>,
    graph: Graph<Way<'a>>,
}

/// Where an agent gets data from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold<'a> {
    /// What a tool answers.
    Tool(&'a ToolRef, Class),
    /// Resources or prompts of a server, or what it asks the agent's client for.
    Server(&'a ServerName),
}

/// One step of data on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// An agent gets it from outside.
    Gets {
        /// The agent.
        agent: &'a AgentName,
        /// Where from.
        from: Hold<'a>,
        /// As what.
        label: Label,
    },
    /// An agent puts it into a request to another.
    Asks {
        /// Who asks.
        from: &'a AgentName,
        /// What is asked.
        request: &'a RequestName,
        /// Who is asked.
        to: &'a AgentName,
    },
    /// An agent puts it into the answer to a request.
    Answers {
        /// Who answers.
        from: &'a AgentName,
        /// What was asked.
        request: &'a RequestName,
        /// Who asked.
        to: &'a AgentName,
    },
    /// One agent tells it another unasked.
    Tells {
        /// Who tells.
        from: &'a AgentName,
        /// As what.
        contract: &'a ContractName,
        /// Who is told.
        to: &'a AgentName,
    },
    /// An agent puts it into a server.
    Leaves {
        /// The agent.
        agent: &'a AgentName,
        /// With which tool.
        tool: &'a ToolRef,
    },
    /// An agent gets it from that server.
    Finds {
        /// The agent.
        agent: &'a AgentName,
        /// Where.
        from: Hold<'a>,
    },
}

/// How far some data spreads.
pub struct Spread<'r, 'a> {
    reach: &'r Ways<'a>,
    spreading: Spreading,
    is_meant: Box<dyn Fn(Label) -> bool + 'r>,
}

#[derive(Clone, Copy, Debug)]
enum Way<'a> {
    Asks(&'a RequestName),
    Answers(&'a RequestName),
    Tells(&'a ContractName),
    Leaves(&'a ToolRef),
    Finds(Hold<'a>),
}

impl<'a> Ways<'a> {
    /// What is possible in this deployment.
    pub fn of(deployment: &'a Deployment) -> Self {
        let agents: Vec<&AgentName> = deployment.agents.keys().collect();
        let places: BTreeMap<_, _> = agents.iter().enumerate().map(|(place, agent)| (*agent, place)).collect();
        let servers: BTreeMap<_, _> =
            deployment.servers.keys().enumerate().map(|(index, server)| (server, agents.len() + index)).collect();
        let mut reach = Self {
            deployment,
            holds: vec![Vec::new(); agents.len()],
            graph: Graph::new(agents.len() + servers.len()),
            agents,
            places,
        };
        for workflow in deployment.workflows.values() {
            for grant in &workflow.grants {
                let (Some(&from), Some(&to)) = (reach.places.get(&grant.from), reach.places.get(&grant.to)) else {
                    continue;
                };
                reach.graph.way(from, to, Way::Asks(&grant.request));
                reach.graph.way(to, from, Way::Answers(&grant.request));
            }
            for channel in &workflow.channels {
                if let (Some(&from), Some(&to)) = (reach.places.get(&channel.from), reach.places.get(&channel.to)) {
                    reach.graph.way(from, to, Way::Tells(&channel.contract));
                }
            }
        }
        for place in 0..reach.agents.len() {
            reach.tools(place, &servers);
            reach.other(place, &servers);
        }
        reach
    }

    /// The tools of one agent: what they answer, and what passes through their servers.
    fn tools(&mut self, place: usize, servers: &BTreeMap<&'a ServerName, usize>) {
        let agent = self.agents[place];
        let deployment = self.deployment;
        let Some(authority) = deployment.authorities.get(agent) else { return };
        // One way in and one way out of each server says as much as one for each tool.
        let (mut leaves, mut finds) = (BTreeMap::new(), BTreeMap::new());
        for tool in authority.tools() {
            let Some((&server, manifest)) = servers.get(&tool.server).zip(deployment.tool(tool)) else { continue };
            let hold = Hold::Tool(tool, manifest.class);
            self.holds[place].push((hold, worst(manifest)));
            if manifest.class != Class::Read {
                leaves.entry(server).or_insert(tool);
            }
            if matches!(manifest.class, Class::Read | Class::Execute) {
                finds.entry(server).or_insert(hold);
            }
        }
        for (server, tool) in leaves {
            self.graph.way(place, server, Way::Leaves(tool));
        }
        for (server, hold) in finds {
            self.graph.way(server, place, Way::Finds(hold));
        }
    }

    /// Resources, prompts and questions of servers.
    fn other(&mut self, place: usize, servers: &BTreeMap<&'a ServerName, usize>) {
        let deployment = self.deployment;
        let Some(mandate) = deployment.agents.get(self.agents[place]) else { return };
        let resources = mandate.resources.iter().map(|term| &term.server);
        let prompts = mandate.prompts.iter().map(|(server, _)| server);
        for name in resources.chain(prompts).chain(&mandate.may_be_asked_by) {
            let Some((&server, manifest)) = servers.get(name).zip(deployment.servers.get(name)) else { continue };
            self.holds[place].push((Hold::Server(name), manifest.label));
            self.graph.way(server, place, Way::Finds(Hold::Server(name)));
        }
    }

    /// How far data spreads that anyone could have written.
    pub fn untrusted(&self) -> Spread<'_, 'a> {
        self.spread(|label| label.integrity == Integrity::External, |_| true)
    }

    /// How far data spreads that is not for everyone's eyes: confidential or more. It does not get to an agent that is
    /// not cleared for it, while the deployment keeps clearances (DP-1.1).
    pub fn private(&self) -> Spread<'_, 'a> {
        let kept = self.deployment.may_apply("DP-1.1");
        let cleared = move |agent: &AgentName| {
            let mandate = self.deployment.agents.get(agent);
            !kept || mandate.is_some_and(|mandate| mandate.clearance >= Confidentiality::Confidential)
        };
        self.spread(|label| label.confidentiality >= Confidentiality::Confidential, cleared)
    }

    /// How far data of these labels spreads among the agents that may have it.
    pub fn spread<'r>(
        &'r self,
        is_meant: impl Fn(Label) -> bool + 'r,
        may_have: impl Fn(&AgentName) -> bool,
    ) -> Spread<'r, 'a> {
        let starts = self.holds.iter().enumerate().filter(|(_, holds)| holds.iter().any(|(_, label)| is_meant(*label)));
        let starts = starts.map(|(place, _)| place);
        let enters = |place: usize| self.agents.get(place).is_none_or(|agent| may_have(agent));
        let spreading = self.graph.spread(starts, |_| true, enters);
        Spread { reach: self, spreading, is_meant: Box::new(is_meant) }
    }

    /// The tools that do more than read and that an agent can bring about, its own and those of the agents that it may
    /// ask, directly or through others: each with who calls it.
    pub fn effects(&self, agent: &AgentName) -> Vec<(&'a AgentName, &'a ToolRef)> {
        let start = self.places.get(agent).copied();
        let spreading = self.graph.spread(start, |way| matches!(way, Way::Asks(_)), |_| true);
        let reached = (0..self.agents.len()).filter(|place| spreading.reaches(*place));
        reached
            .flat_map(|place| {
                self.holds[place].iter().filter_map(move |(hold, _)| match hold {
                    Hold::Tool(tool, class) if *class != Class::Read => Some((self.agents[place], *tool)),
                    _ => None,
                })
            })
            .collect()
    }
}

impl<'a> Spread<'_, 'a> {
    /// Whether an agent can come to hold the data.
    pub fn gets_to(&self, agent: &AgentName) -> bool {
        self.reach.places.get(agent).is_some_and(|place| self.spreading.reaches(*place))
    }

    /// A shortest way on which an agent can come to hold the data; `None` where there is none.
    pub fn way_to(&self, agent: &AgentName) -> Option<Vec<Step<'a>>> {
        let Ways { agents, holds, graph, .. } = self.reach;
        let (start, ways) = graph.path(&self.spreading, *self.reach.places.get(agent)?)?;
        // What is read says more than what some other tool answers too.
        let meant = || holds[start].iter().filter(|(_, label)| (self.is_meant)(*label));
        let reads = |(hold, _): &&(Hold<'_>, Label)| matches!(hold, Hold::Tool(_, Class::Read));
        let (from, label) = meant().find(reads).or_else(|| meant().next())?;
        let mut steps = vec![Step::Gets { agent: agents[start], from: *from, label: *label }];
        steps.extend(ways.into_iter().map(|(from, way, to)| match *way {
            Way::Asks(request) => Step::Asks { from: agents[from], request, to: agents[to] },
            Way::Answers(request) => Step::Answers { from: agents[from], request, to: agents[to] },
            Way::Tells(contract) => Step::Tells { from: agents[from], contract, to: agents[to] },
            Way::Leaves(tool) => Step::Leaves { agent: agents[from], tool },
            Way::Finds(hold) => Step::Finds { agent: agents[to], from: hold },
        }));
        Some(steps)
    }
}

/// The worst that an answer of the tool may be, field by field.
pub(crate) fn worst(tool: &ToolManifest) -> Label {
    tool.result.fields.iter().fold(tool.result.default, |worst, (_, label)| Label {
        integrity: worst.integrity.min(label.integrity),
        confidentiality: worst.confidentiality.max(label.confidentiality),
    })
}
