//! Reachability against brute force, on small random deployments.

use std::collections::BTreeSet;

use maso_core::{AgentName, Confidentiality, Integrity, Label};
use proptest::{collection::vec, prelude::*, sample::subsequence};

use super::*;
use crate::{Hold, Spread, Step, Ways};

/// A deployment as sets of indices.
#[derive(Clone, Debug)]
struct World {
    /// For each server, whether what it says is external, and whether it is confidential.
    servers: Vec<(bool, bool)>,
    agents: Vec<Member>,
    /// Who may ask whom.
    grants: BTreeSet<(usize, usize)>,
}

#[derive(Clone, Debug)]
struct Member {
    reads: BTreeSet<usize>,
    writes: BTreeSet<usize>,
    is_cleared: bool,
}

const N_AGENTS: usize = 4;
const N_SERVERS: usize = 3;

fn worlds() -> impl Strategy<Value = World> {
    let servers = || subsequence((0..N_SERVERS).collect::<Vec<_>>(), 0..=2).prop_map(BTreeSet::from_iter);
    let member = (servers(), servers(), any::<bool>()).prop_map(|(reads, writes, is_cleared)| Member {
        reads,
        writes,
        is_cleared,
    });
    let pairs: Vec<_> = (0..N_AGENTS).flat_map(|from| (0..N_AGENTS).map(move |to| (from, to))).collect();
    let grants = subsequence(pairs, 0..=4).prop_map(BTreeSet::from_iter);
    (vec(any::<(bool, bool)>(), N_SERVERS), vec(member, N_AGENTS), grants).prop_map(|(servers, agents, grants)| World {
        servers,
        agents,
        grants,
    })
}

impl World {
    /// The deployment in words.
    fn source(&self) -> Source {
        let mut source = minimal();
        source.files.retain(|path, _| path == "maso.toml");
        let names: Vec<String> = (0..N_AGENTS).map(|agent| format!("\"a{agent}\"")).collect();
        let tools: Vec<String> =
            (0..N_SERVERS).flat_map(|server| ["get", "put"].map(|tool| format!("\"s{server}:{tool}\""))).collect();
        let grants = self.grants.iter().map(|(from, to)| {
            format!("[[grants]]\nfrom = \"a{from}\"\nto = \"a{to}\"\nrequest = \"ask\"\nschema = {{}}\n")
        });
        let workflow = format!(
            "id = \"w\"\nbusiness_process = \"w\"\nintent = \"w\"\noutcome = \"w\"\nagents = [{}]\ntools = [{}]\n\
             [limits]\nmax_transactions_per_batch = 1\nmax_execution = \"1h\"\nmax_value_minor = 0\n\
             [oispec]\ngoal = \"w\"\nrisk_classification = \"low\"\n{}",
            names.join(", "),
            tools.join(", "),
            grants.collect::<String>(),
        );
        source.files.insert("workflows/w.toml".to_owned(), workflow);
        for (index, agent) in self.agents.iter().enumerate() {
            let clearance = if agent.is_cleared { "confidential" } else { "internal" };
            let gets = agent.reads.iter().map(|server| format!("[tools.\"s{server}:get\"]\n"));
            let puts = agent.writes.iter().map(|server| format!("[tools.\"s{server}:put\"]\n"));
            let text = format!(
                "id = \"a\"\nworkflow = \"w\"\nintent = \"a\"\noutcome = \"a\"\nescalation = \"owner\"\n\
                 clearance = \"{clearance}\"\n[oispec]\ngoal = \"a\"\nrisk_classification = \"low\"\n{}",
                gets.chain(puts).collect::<String>(),
            );
            source.files.insert(format!("agents/a{index}.toml"), text);
        }
        for (index, (external, confidential)) in self.servers.iter().enumerate() {
            let integrity = if *external { "external" } else { "internal" };
            let confidentiality = if *confidential { "confidential" } else { "internal" };
            let text = format!(
                "label = {{ integrity = \"{integrity}\", confidentiality = \"{confidentiality}\" }}\n\
                 [transport]\nkind = \"stdio\"\ncommand = \"s\"\n[tools.get]\nclass = \"read\"\n\
                 [tools.put]\nclass = \"write\"\n",
            );
            source.files.insert(format!("tools/s{index}.toml"), text);
        }
        source
    }

    /// The agents that hold some data, by going over all of them until nothing changes.
    fn holders(&self, is_meant: impl Fn((bool, bool)) -> bool, may_have: impl Fn(&Member) -> bool) -> BTreeSet<usize> {
        let mut agents: BTreeSet<usize> = BTreeSet::new();
        let mut servers: BTreeSet<usize> = BTreeSet::new();
        loop {
            let before = (agents.len(), servers.len());
            for (index, agent) in self.agents.iter().enumerate().filter(|(_, agent)| may_have(agent)) {
                let answers = agent.reads.union(&agent.writes).any(|server| is_meant(self.servers[*server]));
                let told = agents
                    .iter()
                    .any(|other| self.grants.contains(&(*other, index)) || self.grants.contains(&(index, *other)));
                let finds = agent.reads.iter().any(|server| servers.contains(server));
                if answers || told || finds {
                    agents.insert(index);
                }
            }
            for agent in &agents {
                servers.extend(&self.agents[*agent].writes);
            }
            if before == (agents.len(), servers.len()) {
                return agents;
            }
        }
    }

    /// The servers on which an agent can have something changed.
    fn effects(&self, agent: usize) -> BTreeSet<(usize, usize)> {
        let mut asked = BTreeSet::from([agent]);
        for _ in 0..N_AGENTS {
            let next = self.grants.iter().filter(|(from, _)| asked.contains(from)).map(|(_, to)| *to);
            asked = asked.iter().copied().chain(next.collect::<Vec<_>>()).collect();
        }
        asked.iter().flat_map(|agent| self.agents[*agent].writes.iter().map(|server| (*agent, *server))).collect()
    }
}

fn name(agent: usize) -> AgentName {
    format!("a{agent}").parse().unwrap()
}

fn index(name: &impl ToString) -> usize {
    name.to_string()[1..].parse().unwrap()
}

/// Each step of a way is possible, begins where the one before it ended, and the last ends at the agent.
fn holds_together(world: &World, way: &[Step<'_>], agent: usize, is_meant: impl Fn(Label) -> bool) {
    let mut at: Result<usize, usize> = Ok(usize::MAX);
    for (nth, step) in way.iter().enumerate() {
        match *step {
            Step::Gets { agent, from: Hold::Tool(tool, _), label } => {
                assert!(nth == 0 && is_meant(label), "{way:?}");
                let (agent, server) = (index(agent), index(&tool.server));
                assert!(world.agents[agent].reads.contains(&server) || world.agents[agent].writes.contains(&server));
                at = Ok(agent);
            }
            Step::Asks { from, to, .. } => {
                assert_eq!(at, Ok(index(from)));
                assert!(world.grants.contains(&(index(from), index(to))));
                at = Ok(index(to));
            }
            Step::Answers { from, to, .. } => {
                assert_eq!(at, Ok(index(from)));
                assert!(world.grants.contains(&(index(to), index(from))));
                at = Ok(index(to));
            }
            Step::Leaves { agent, tool } => {
                assert_eq!(at, Ok(index(agent)));
                assert!(world.agents[index(agent)].writes.contains(&index(&tool.server)));
                at = Err(index(&tool.server));
            }
            Step::Finds { agent, from: Hold::Tool(tool, _) } => {
                assert_eq!(at, Err(index(&tool.server)));
                assert!(world.agents[index(agent)].reads.contains(&index(&tool.server)));
                at = Ok(index(agent));
            }
            Step::Gets { .. } | Step::Finds { .. } | Step::Tells { .. } => {
                panic!("there are no resources and no messages here: {way:?}")
            }
        }
    }
    assert_eq!(at, Ok(agent), "{way:?}");
}

fn agrees(world: &World, spread: &Spread<'_, '_>, expected: &BTreeSet<usize>, is_meant: impl Fn(Label) -> bool + Copy) {
    for agent in 0..N_AGENTS {
        assert_eq!(spread.gets_to(&name(agent)), expected.contains(&agent), "agent {agent} of {world:?}");
        match spread.way_to(&name(agent)) {
            Some(way) => holds_together(world, &way, agent, is_meant),
            None => assert!(!expected.contains(&agent)),
        }
    }
}

proptest! {
    #[test]
    fn data_and_effects_are_reached_where_brute_force_reaches_them(world in worlds()) {
        let deployment = deployment(&world.source());
        let reach = Ways::of(&deployment);
        let external = |label: Label| label.integrity == Integrity::External;
        agrees(&world, &reach.untrusted(), &world.holders(|(external, _)| external, |_| true), external);
        let confidential = |label: Label| label.confidentiality >= Confidentiality::Confidential;
        let cleared = world.holders(|(_, confidential)| confidential, |agent| agent.is_cleared);
        agrees(&world, &reach.private(), &cleared, confidential);
        for agent in 0..N_AGENTS {
            let effects = reach.effects(&name(agent));
            let effects: BTreeSet<_> = effects.iter().map(|(agent, tool)| (index(agent), index(&tool.server))).collect();
            prop_assert_eq!(effects, world.effects(agent));
        }
    }
}

#[test]
fn a_deployment_that_no_longer_keeps_clearances_lets_private_data_everywhere() {
    let off = "\n[[controls.deselected]]\ncontrol = \"DP-1.1\"\nreason = \"trial\"\nowner = \"supervisor\"\n";
    let mut source = edit(team(), "agents/intake.toml", "clearance = \"confidential\"", "clearance = \"public\"");
    let kept = deployment(&source);
    assert!(!Ways::of(&kept).private().gets_to(&"intake".parse().unwrap()));
    source.files.get_mut("maso.toml").unwrap().push_str(off);
    assert!(Ways::of(&deployment(&source)).private().gets_to(&"intake".parse().unwrap()));
}
