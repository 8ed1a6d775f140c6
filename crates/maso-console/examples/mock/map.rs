//! The map of what the mock remembers.

use std::collections::BTreeMap;

use maso_api::{
    AgentNode, AgentView, ChainView, DecidedView, EdgeView, EndedView, GrantedView, HopView, InstanceView,
    InstancesView, LinkView, MapView, NodeView, ScopeView,
};

use crate::desk::now_ms;

const SPAN_MS: i64 = 10_000;
const SPANS: usize = 6;
const ENDED_SHOWN_MS: i64 = 300_000;

/// From who asks to who is asked.
pub fn ends(hop: &HopView) -> (String, String) {
    let (from, to) = (hop.from.clone().unwrap_or_else(|| "stranger".to_owned()), hop.to.clone());
    if hop.answers.is_some() { (to, from) } else { (from, to) }
}

pub fn map(agents: &[AgentView], scopes: &[ScopeView], hops: &[HopView], sequence: u64) -> MapView {
    let mut edges = declared(agents);
    for hop in hops {
        let (from, to) = ends(hop);
        let edge = edges.entry((from.clone(), to.clone())).or_insert_with(|| edge(&from, &to));
        add(&mut edge.decided, &hop.decision);
        edge.last_at = Some(hop.at);
        let ago = usize::try_from(now_ms() / SPAN_MS - hop.at / SPAN_MS).unwrap_or(0);
        if ago < SPANS {
            edge.lately.resize(SPANS, DecidedView::default());
            add(&mut edge.lately[ago], &hop.decision);
        }
    }
    let mut nodes: BTreeMap<String, NodeView> = BTreeMap::new();
    for party in edges.keys().flat_map(|(from, to)| [from, to]) {
        let kind = party.split(':').next().unwrap_or_default().to_owned();
        nodes.insert(party.clone(), NodeView { party: party.clone(), kind, agent: None });
    }
    for agent in agents {
        let party = format!("agent:{}", agent.agent);
        let node = NodeView { party: party.clone(), kind: "agent".to_owned(), agent: Some(node(agent, scopes)) };
        nodes.insert(party, node);
    }
    MapView {
        at: now_ms(),
        sequence,
        span_ms: SPAN_MS,
        ended_shown_ms: ENDED_SHOWN_MS,
        nodes: nodes.into_values().collect(),
        edges: edges.into_values().collect(),
        n_left_out: 0,
        chains: chains(hops),
    }
}

fn declared(agents: &[AgentView]) -> BTreeMap<(String, String), EdgeView> {
    let mut edges = BTreeMap::new();
    for agent in agents {
        let from = format!("agent:{}", agent.agent);
        for tool in &agent.tools {
            let to = format!("server:{}", tool.tool.split(':').next().unwrap_or_default());
            let edge = edges.entry((from.clone(), to.clone())).or_insert_with(|| edge(&from, &to));
            edge.tools.push(tool.tool.clone());
        }
        for grant in &agent.grants {
            let to = format!("agent:{}", grant.to);
            let edge = edges.entry((from.clone(), to.clone())).or_insert_with(|| edge(&from, &to));
            edge.grants.push(GrantedView { request: grant.request.clone(), depth: Some(1), ttl_ms: Some(600_000) });
        }
    }
    edges
}

fn edge(from: &str, to: &str) -> EdgeView {
    EdgeView {
        from: from.to_owned(),
        to: to.to_owned(),
        tools: Vec::new(),
        resources: Vec::new(),
        prompts: Vec::new(),
        grants: Vec::new(),
        tells: Vec::new(),
        decided: DecidedView::default(),
        lately: Vec::new(),
        last_at: None,
    }
}

fn add(counts: &mut DecidedView, decision: &str) {
    match decision {
        "allow" => counts.allowed += 1,
        "hold" => counts.held += 1,
        _ => counts.refused += 1,
    }
}

fn node(agent: &AgentView, scopes: &[ScopeView]) -> AgentNode {
    let is_stopped = agent.phase != "primary" || scopes.iter().any(|scope| scope.phase == "emergency");
    AgentNode {
        workflow: agent.workflow.clone(),
        sequence_position: agent.sequence_position,
        phase: agent.phase.clone(),
        around_phase: agent.around_phase.clone(),
        stopped: is_stopped,
        revoked: false,
        n_credentials: 1,
        credentials_until: Some(now_ms() + 3_600_000),
        instances: instances(agent),
    }
}

/// Of whoever is second in its workflow there is one that has joined, one that has not, and one that has left.
fn instances(agent: &AgentView) -> InstancesView {
    if agent.sequence_position != 2 {
        return InstancesView::default();
    }
    let started = |number: u32, joined: bool, ended: bool| InstanceView {
        instance: format!("inst_{number:032x}"),
        by: "agent:intake".to_owned(),
        since: now_ms() - 120_000,
        until: now_ms() + 780_000,
        joined: joined.then(|| now_ms() - 110_000),
        ended: ended.then(|| EndedView { at: now_ms() - 60_000, why: "left".to_owned() }),
    };
    let latest = vec![started(1, true, false), started(2, false, false), started(3, true, true)];
    InstancesView { n_live: 2, latest }
}

fn chains(hops: &[HopView]) -> Vec<ChainView> {
    let mut chains: BTreeMap<&str, ChainView> = BTreeMap::new();
    for hop in hops.iter().filter(|hop| hop.verb == "request" && hop.answers.is_none() && hop.decision == "allow") {
        let (Some(task), Some(from)) = (hop.task.as_deref(), hop.from.clone()) else { continue };
        let chain = chains.entry(task).or_insert_with(|| ChainView {
            task: task.to_owned(),
            words: Some("Settle the claims that came in today.".to_owned()),
            links: Vec::new(),
        });
        chain.links.push(LinkView {
            hop: hop.hop.clone(),
            from,
            to: hop.to.clone(),
            request: hop.object.clone(),
            chain: hop.chain.clone(),
            at: hop.at,
            revoked: false,
        });
    }
    chains.into_values().collect()
}
