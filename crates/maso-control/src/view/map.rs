//! The map: what was declared, and over it what the record says went where.

mod instances;

use std::collections::{BTreeMap, BTreeSet};

use maso_api as api;
use maso_core::{AgentName, Principal, Scope, ServerName, Timestamp};
use maso_intent::Deployment;
use maso_path::{Counts, Credentials, Ends, Link, Party, Path, SPAN_MS};

/// The map at this moment.
pub fn map(path: &Path, now: Timestamp) -> api::MapView {
    let world = path.world();
    let flow = world.traffic().flow();
    let mut edges = declared(world.deployment());
    for (ends, edge) in &flow.edges {
        let drawn = edges.entry(ends.clone()).or_insert_with(|| blank(ends));
        drawn.decided = decided(edge.counts);
        drawn.lately = edge.lately(now).map(decided).to_vec();
        drawn.last_at = edge.last_at.map(Timestamp::as_millis);
    }
    let chain = |(task, links): &(_, Vec<Link>)| api::ChainView {
        task: ToString::to_string(task),
        words: world.tasks().open(*task).map(|task| task.words.clone()),
        links: links.iter().map(link).collect(),
    };
    api::MapView {
        at: now.as_millis(),
        sequence: flow.sequence,
        span_ms: SPAN_MS,
        ended_shown_ms: instances::ENDED_SHOWN_MS,
        nodes: nodes(path, edges.keys(), &flow.credentials, now),
        edges: edges.into_values().collect(),
        n_left_out: flow.n_left_out,
        chains: flow.chains.iter().map(chain).collect(),
    }
}

/// What mandates and grants allow, before anything went over it.
fn declared(deployment: &Deployment) -> BTreeMap<Ends, api::EdgeView> {
    let mut edges = BTreeMap::new();
    for mandate in deployment.agents.values() {
        for tool in mandate.tools.keys() {
            edge(&mut edges, &mandate.agent, server(&tool.server)).tools.push(tool.to_string());
        }
        for term in &mandate.resources {
            let begin = if term.uri_prefix.is_empty() { "*" } else { term.uri_prefix.as_str() };
            edge(&mut edges, &mandate.agent, server(&term.server)).resources.push(begin.to_owned());
        }
        for (named, prompt) in &mandate.prompts {
            edge(&mut edges, &mandate.agent, server(named)).prompts.push(prompt.clone());
        }
    }
    for grant in deployment.workflows.values().flat_map(|solution| &solution.grants) {
        let granted = api::GrantedView { request: grant.request.to_string(), depth: grant.depth, ttl_ms: grant.ttl_ms };
        edge(&mut edges, &grant.from, Principal::Agent(grant.to.clone())).grants.push(granted);
    }
    for channel in deployment.workflows.values().flat_map(|solution| &solution.channels) {
        let to = Principal::Agent(channel.to.clone());
        edge(&mut edges, &channel.from, to).tells.push(channel.contract.to_string());
    }
    edges
}

fn server(name: &ServerName) -> Principal {
    Principal::Server(name.clone())
}

/// The edge between these two, a new one where there is none.
fn edge<'a>(edges: &'a mut BTreeMap<Ends, api::EdgeView>, from: &AgentName, to: Principal) -> &'a mut api::EdgeView {
    let ends = Ends { from: Party::Known(Principal::Agent(from.clone())), to: Party::Known(to) };
    edges.entry(ends).or_insert_with_key(blank)
}

fn blank(ends: &Ends) -> api::EdgeView {
    api::EdgeView {
        from: ends.from.to_string(),
        to: ends.to.to_string(),
        tools: Vec::new(),
        resources: Vec::new(),
        prompts: Vec::new(),
        grants: Vec::new(),
        tells: Vec::new(),
        decided: api::DecidedView::default(),
        lately: Vec::new(),
        last_at: None,
    }
}

fn decided(counts: Counts) -> api::DecidedView {
    api::DecidedView { allowed: counts.n_allowed, held: counts.n_held, refused: counts.n_refused }
}

fn link(link: &Link) -> api::LinkView {
    api::LinkView {
        hop: link.hop.to_string(),
        from: Principal::Agent(link.from.clone()).to_string(),
        to: Principal::Agent(link.to.clone()).to_string(),
        request: link.request.clone(),
        chain: link.chain.iter().map(ToString::to_string).collect(),
        at: link.at.as_millis(),
        revoked: link.is_revoked,
    }
}

/// Everybody who was declared, and whoever else took part.
fn nodes<'a>(
    path: &Path,
    edges: impl Iterator<Item = &'a Ends>,
    credentials: &BTreeMap<AgentName, Credentials>,
    now: Timestamp,
) -> Vec<api::NodeView> {
    let deployment = path.world().deployment();
    let started = instances::by_agent(path.trust().instances(), now);
    let agents = deployment.agents.keys().map(|agent| Party::Known(Principal::Agent(agent.clone())));
    let servers = deployment.servers.keys().map(|name| Party::Known(server(name)));
    let took_part = edges.flat_map(|ends| [ends.from.clone(), ends.to.clone()]);
    let parties: BTreeSet<_> = agents.chain(servers).chain(took_part).collect();
    parties
        .into_iter()
        .map(|party| {
            let (kind, agent) = match &party {
                Party::Known(Principal::Agent(name)) => {
                    let instances = started.get(name).cloned().unwrap_or_default();
                    ("agent", agent(path, name, (credentials.get(name), instances), now))
                }
                Party::Known(Principal::Server(_)) => ("server", None),
                Party::Known(Principal::Operator(_)) => ("operator", None),
                Party::Stranger => ("stranger", None),
            };
            api::NodeView { party: party.to_string(), kind: kind.to_owned(), agent }
        })
        .collect()
}

fn agent(
    path: &Path,
    name: &AgentName,
    (credentials, instances): (Option<&Credentials>, api::InstancesView),
    now: Timestamp,
) -> Option<api::AgentNode> {
    let world = path.world();
    let mandate = world.deployment().agents.get(name)?;
    let in_force = credentials.and_then(|held| held.in_force(now));
    Some(api::AgentNode {
        workflow: mandate.workflow.to_string(),
        sequence_position: mandate.sequence_position,
        phase: world.standing().phase_of(&Scope::Agent(name.clone())).to_string(),
        around_phase: world.phase(name).to_string(),
        stopped: world.is_stopped(name),
        revoked: credentials.is_some_and(Credentials::is_revoked),
        n_credentials: in_force.map_or(0, |(n_credentials, _)| n_credentials),
        credentials_until: in_force.map(|(_, until)| until.as_millis()),
        instances,
    })
}
