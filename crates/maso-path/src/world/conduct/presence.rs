//! Which agents were heard of lately, so that nothing is handed to one that is not there (EC-1.7).

use std::{collections::HashMap, sync::Arc};

use maso_core::{Act, AgentName, Finding, Principal, Timestamp, Turn, Word};
use maso_intent::{Deployment, Resolved};
use maso_log::v1;
use parking_lot::RwLock;

/// When each agent was last heard of: by what it did, on the record, and by what it asked of this process.
#[derive(Debug)]
pub(super) struct Presence {
    deployment: Arc<Deployment>,
    seen: RwLock<HashMap<AgentName, Timestamp>>,
}

impl Presence {
    pub(super) fn new(deployment: &Arc<Deployment>) -> Self {
        Self { deployment: Arc::clone(deployment), seen: RwLock::default() }
    }

    /// Notes that an agent showed itself. Only those that are declared are kept.
    pub(super) fn seen(&self, agent: &AgentName, at: Timestamp) {
        if let Some(last) = self.seen.read().get(agent)
            && *last >= at
        {
            return;
        }
        if self.deployment.agents.contains_key(agent) {
            let mut seen = self.seen.write();
            let last = seen.entry(agent.clone()).or_insert(at);
            *last = (*last).max(at);
        }
    }

    /// Takes in a recorded decision: whoever sent the hop was there.
    pub(super) fn decided(&self, decided: &v1::HopDecided) {
        let Some(Principal::Agent(agent)) = decided.from.as_deref().and_then(Principal::parse) else { return };
        self.seen(&agent, Timestamp::from_millis(decided.received_at));
    }

    /// Whether an agent was heard of lately.
    pub(super) fn is_there(&self, agent: &AgentName, now: Timestamp) -> bool {
        let seen = self.seen.read();
        seen.get(agent).is_some_and(|last| now.since_ms(*last) <= self.deployment.settings.alive_within_ms)
    }

    /// What is wrong with asking an agent for work that is stopped or, where its grant does not let requests wait, not
    /// there.
    pub(super) fn limits(&self, asked: &Asked, is_stopped: bool, now: Timestamp) -> Option<Finding> {
        if !self.deployment.applies(ALIVE, now) {
            return None;
        }
        let why = if is_stopped {
            format!("agent `{}` is stopped", asked.agent)
        } else if !asked.waits && !self.is_there(&asked.agent, now) {
            let within = self.deployment.settings.alive_within_ms / 1_000;
            format!("agent `{}` was not heard of for {within} s", asked.agent)
        } else {
            return None;
        };
        Some(Finding::new(ALIVE, Word::NoGo, why))
    }

    /// Whether the agent that is asked is still there.
    pub(super) fn bear(&self, asked: &Asked, is_stopped: bool, now: Timestamp) -> bool {
        !self.deployment.applies(ALIVE, now) || !is_stopped && (asked.waits || self.is_there(&asked.agent, now))
    }
}

/// An agent that is asked for work.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The agent.
    pub(crate) agent: AgentName,
    /// Whether the request may wait until it is there.
    waits: bool,
}

/// Whom this hop asks for work.
pub(crate) fn asked(resolved: &Resolved) -> Option<Asked> {
    let hop = resolved.hop();
    match (&hop.act, &hop.from, hop.turn) {
        (Act::Request { agent, request }, Principal::Agent(from), Turn::Ask) if resolved.clarifying().is_none() => {
            let grant = resolved.solution().grant(from, agent, request);
            let waits = grant.is_none_or(|grant| grant.waits(resolved.deployment().tier));
            Some(Asked { agent: agent.clone(), waits })
        }
        _ => None,
    }
}

const ALIVE: &str = "EC-1.7";
