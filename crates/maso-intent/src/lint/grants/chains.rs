//! Where chains of grants lead: round in a circle, too far, or not to an agent at all.

use std::collections::{BTreeMap, BTreeSet};

use maso_core::{AgentName, WorkflowName};

use super::{Found, Lint, LintRule, Workflow};

pub(super) fn check(lint: Lint<'_>, name: &WorkflowName, file: &Workflow<'_>, found: &mut Found) {
    let chains = Chains::of(file);
    match chains.circle() {
        Some(circle) => {
            let message = format!("grants go round in a circle: {}", drawn(&circle));
            let start = file.form.grants.iter().find(|grant| circle.contains(&&grant.from.value));
            let start = start.map_or(0, |grant| grant.from.start);
            found.add(LintRule::GrantCircle, file, start, message, "remove one grant of the circle");
        }
        None => depth(&chains, file, found),
    }
    unreachable(lint, name, file, &chains, found);
}

fn depth(chains: &Chains<'_>, file: &Workflow<'_>, found: &mut Found) {
    let chain = chains.longest();
    let n_hops = chain.len().saturating_sub(1);
    if n_hops > HOPS_MAX {
        let message = format!("work is handed on over {n_hops} grants: {}", drawn(&chain));
        let remedy = format!("at most {HOPS_MAX}: past that nobody can tell what became of the task's words");
        let first = file.form.grants.iter().find(|grant| Some(&&grant.from.value) == chain.first());
        found.add(LintRule::GrantChainDeep, file, first.map_or(0, |grant| grant.from.start), message, remedy);
    }
}

/// Agents that no chain of grants from the first agent leads to.
fn unreachable(lint: Lint<'_>, name: &WorkflowName, file: &Workflow<'_>, chains: &Chains<'_>, found: &mut Found) {
    let Some(first) = file.form.agents.first() else { return };
    let reached = chains.reached(&first.value);
    for agent in file.form.agents.iter().map(|agent| &agent.value).filter(|agent| !reached.contains(agent)) {
        let Some(agent_file) = lint.folder.agents.get(agent).filter(|file| file.form.workflow.value == *name) else {
            continue;
        };
        if agent_file.form.external.is_some() {
            // It begins by itself, over A2A.
            continue;
        }
        let start = agent_file.form.workflow.start;
        let remedy = format!("add a grant to `{agent}`, or present a task token to it directly");
        if file.form.grants.is_empty() {
            // Where no agent asks another, each gets its work from outside, with a task token.
            let message = format!("no agent may ask agent `{agent}`, or any other, for anything");
            found.add(LintRule::AgentsUnlinked, agent_file, start, message, remedy);
        } else {
            let message = format!("no chain of grants leads from `{}` to agent `{agent}`", first.value);
            found.add(LintRule::AgentUnreachable, agent_file, start, message, remedy);
        }
    }
}

/// Who may ask whom.
struct Chains<'a> {
    asks: BTreeMap<&'a AgentName, BTreeSet<&'a AgentName>>,
}

impl<'a> Chains<'a> {
    fn of(file: &'a Workflow<'_>) -> Self {
        let mut asks: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for grant in &file.form.grants {
            asks.entry(&grant.from.value).or_default().insert(&grant.to.value);
            asks.entry(&grant.to.value).or_default();
        }
        Self { asks }
    }

    /// Agents in an order in which each comes before those that it may ask, as far as that goes: those of a circle and
    /// behind one are left out.
    fn ordered(&self) -> Vec<&'a AgentName> {
        let mut n_askers: BTreeMap<&AgentName, usize> = self.asks.keys().map(|agent| (*agent, 0)).collect();
        for asked in self.asks.values().flatten() {
            *n_askers.entry(asked).or_default() += 1;
        }
        let mut ordered: Vec<_> = n_askers.iter().filter(|(_, n)| **n == 0).map(|(agent, _)| *agent).collect();
        let mut at = 0;
        while let Some(agent) = ordered.get(at).copied() {
            at += 1;
            for asked in self.asks.get(agent).into_iter().flatten() {
                if let Some(n) = n_askers.get_mut(asked) {
                    *n -= 1;
                    if *n == 0 {
                        ordered.push(asked);
                    }
                }
            }
        }
        ordered
    }

    /// A circle, if there is one: each agent once, and the first again at the end.
    fn circle(&self) -> Option<Vec<&'a AgentName>> {
        let ordered: BTreeSet<_> = self.ordered().into_iter().collect();
        // Each agent that is left over is asked by one that is left over too: walking back comes round.
        let mut asked_by: BTreeMap<&AgentName, &'a AgentName> = BTreeMap::new();
        for (agent, asked) in self.asks.iter().filter(|(agent, _)| !ordered.contains(*agent)) {
            for asked in asked.iter().filter(|asked| !ordered.contains(*asked)) {
                asked_by.entry(asked).or_insert(agent);
            }
        }
        let mut at = *asked_by.keys().next()?;
        let mut seen = BTreeMap::new();
        let mut way = Vec::new();
        while !seen.contains_key(at) {
            seen.insert(at, way.len());
            way.push(at);
            at = asked_by.get(at)?;
        }
        let mut circle: Vec<_> = way.split_off(seen.get(at).copied().unwrap_or(0));
        circle.reverse();
        // Begins with the agent of the first name, so that it reads the same whatever led to it.
        let first = circle.iter().enumerate().min_by_key(|(_, agent)| **agent).map_or(0, |(index, _)| index);
        circle.rotate_left(first);
        circle.extend(circle.first().copied());
        Some(circle)
    }

    /// The longest chain, where there is no circle.
    fn longest(&self) -> Vec<&'a AgentName> {
        // Backwards, so that what each may ask is known before it.
        let mut next: BTreeMap<&AgentName, (usize, Option<&'a AgentName>)> = BTreeMap::new();
        let ordered = self.ordered();
        for agent in ordered.iter().rev() {
            let asked = self.asks.get(agent).into_iter().flatten();
            let farthest = asked.map(|asked| (next.get(asked).map_or(0, |(n, _)| *n) + 1, *asked));
            let farthest = farthest.max_by_key(|(n, asked)| (*n, std::cmp::Reverse(*asked)));
            next.insert(agent, farthest.map_or((0, None), |(n, asked)| (n, Some(asked))));
        }
        let mut chain: Vec<&AgentName> = Vec::new();
        let mut at = ordered.into_iter().rev().max_by_key(|agent| next.get(agent).map_or(0, |(n, _)| *n));
        while let Some(agent) = at {
            chain.push(agent);
            at = next.get(agent).and_then(|(_, asked)| *asked);
        }
        chain
    }

    /// Who can be asked by an agent, directly or through others, and the agent itself.
    fn reached(&self, first: &'a AgentName) -> BTreeSet<&'a AgentName> {
        let mut reached = BTreeSet::from([first]);
        let mut open = vec![first];
        while let Some(agent) = open.pop() {
            for asked in self.asks.get(agent).into_iter().flatten() {
                if reached.insert(asked) {
                    open.push(asked);
                }
            }
        }
        reached
    }
}

fn drawn(agents: &[&AgentName]) -> String {
    agents.iter().map(|agent| format!("`{agent}`")).collect::<Vec<_>>().join(" → ")
}

/// Grants that one piece of work may be handed on over.
const HOPS_MAX: usize = 4;
