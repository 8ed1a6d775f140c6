//! Over how many hops work is handed on (EC-1.5a): a request that is made while working on a request stands one deeper.
//!
//! An agent works on what it was asked and has not answered. `max_delegation_depth` of each agent on the way bounds what is
//! below it. Who works on several requests at once is bounded by the narrowest of them: for which of them it asks, nobody
//! can tell.

use std::collections::{BTreeMap, HashMap, VecDeque};

use maso_core::{AgentName, Finding, Findings, HopId, Word};
use maso_intent::Deployment;
use parking_lot::Mutex;

use super::requests::{Request, Run};

/// The requests that wait for answers and have a bound above them, folded from the record.
#[derive(Debug, Default)]
pub(super) struct Depths(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    runs: HashMap<Run, Open>,
    /// In which run a request waits for its answer.
    whose: HashMap<HopId, Run>,
}

/// What waits in one run.
#[derive(Debug, Default)]
struct Open {
    /// Who was asked, and how many hops its own requests may still go.
    requests: HashMap<HopId, (AgentName, u32)>,
    /// The same by agent, counted.
    rooms: HashMap<AgentName, BTreeMap<u32, u32>>,
    /// In the order in which they were made, with some that were answered.
    order: VecDeque<HopId>,
}

impl Depths {
    /// What the bounds above this request say of it.
    pub(super) fn limits(&self, request: &Request, deployment: &Deployment) -> Findings {
        let mut findings = Findings::none();
        if !self.bear(request, deployment) {
            let why = format!("`{}` works on a request that may not be handed on so far", request.from);
            findings.add(Finding::new("EC-1.5a", Word::NoGo, why));
        }
        findings
    }

    pub(super) fn bear(&self, request: &Request, deployment: &Deployment) -> bool {
        self.0.lock().room(request, deployment) != Some(0)
    }

    /// Takes in a request that was released.
    pub(super) fn asked(&self, request: &Request, deployment: &Deployment) {
        let mut inner = self.0.lock();
        let Some(room) = inner.room(request, deployment) else { return };
        let room = room.saturating_sub(1);
        let open = inner.runs.entry(request.run.clone()).or_default();
        open.requests.insert(request.hop, (request.to.clone(), room));
        *open.rooms.entry(request.to.clone()).or_default().entry(room).or_default() += 1;
        open.order.push_back(request.hop);
        let mut forgotten = Vec::new();
        while open.order.len() > OPEN_MAX {
            forgotten.extend(open.order.pop_front());
        }
        inner.whose.insert(request.hop, request.run.clone());
        forgotten.into_iter().for_each(|hop| inner.end(hop));
    }

    /// Takes in that a request was answered, or never arrived.
    pub(super) fn ended(&self, hop: HopId) {
        self.0.lock().end(hop);
    }

    pub(super) fn closed(&self, run: &Run) {
        let mut inner = self.0.lock();
        if let Some(open) = inner.runs.remove(run) {
            open.requests.keys().for_each(|hop| drop(inner.whose.remove(hop)));
        }
    }
}

impl Inner {
    /// How many hops are left for this request and what follows from it; `None` where nothing bounds them.
    fn room(&self, request: &Request, deployment: &Deployment) -> Option<u32> {
        let own = deployment.agents.get(&request.from).and_then(|mandate| mandate.powers.max_delegation_depth);
        let above = self.runs.get(&request.run).and_then(|open| Some(*open.rooms.get(&request.from)?.keys().next()?));
        own.into_iter().chain(above).min()
    }

    fn end(&mut self, hop: HopId) {
        let Some(open) = self.whose.remove(&hop).and_then(|run| self.runs.get_mut(&run)) else { return };
        let Some((agent, room)) = open.requests.remove(&hop) else { return };
        let Some(rooms) = open.rooms.get_mut(&agent) else { return };
        match rooms.get_mut(&room) {
            Some(n) if *n > 1 => *n -= 1,
            _ => drop(rooms.remove(&room)),
        }
        if rooms.is_empty() {
            open.rooms.remove(&agent);
        }
    }
}

/// Requests of one run that are kept while they wait for answers; the oldest go.
const OPEN_MAX: usize = 10_000;
