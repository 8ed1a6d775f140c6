//! A hop that is under way: the places that it takes meanwhile, and what it meets.

use std::sync::Arc;

use maso_core::{AgentName, HopId, Phase, TaskId};
use maso_identity::Identified;
use parking_lot::Mutex;

use super::{World, party};

/// A hop that is under way, however often it is decided.
///
/// It takes places in rates and limits, so that many at once are not more than one after the other. They are given back
/// when nobody holds this any more: on the record by then, it counts by its record; else not at all.
#[derive(Debug)]
pub(crate) struct Passing {
    world: Arc<World>,
    hop: HopId,
    agent: Option<AgentName>,
    task: Option<TaskId>,
    /// The worst phases that it has met: the agent's, and around it.
    met: Mutex<(Phase, Phase)>,
}

impl World {
    /// Lets a hop be under way.
    pub(crate) fn passing(self: &Arc<Self>, identified: &Identified) -> Arc<Passing> {
        let agent = party(identified.hop()).cloned();
        let standing = || Some(self.tasks.standing(agent.as_ref()?)?.id);
        let task = identified.task().map(|claim| claim.task).or_else(standing);
        let met = Mutex::new((Phase::Primary, Phase::Primary));
        Arc::new(Passing { world: Arc::clone(self), hop: identified.hop().id, agent, task, met })
    }
}

impl Passing {
    /// Meets these phases, and gives the worst that were met so far. Whoever was sent back once is decided under no looser
    /// ones, so that phases which come and go cannot send it back for ever.
    pub(crate) fn meet(&self, agent_phase: Phase, around_phase: Phase) -> (Phase, Phase) {
        let mut met = self.met.lock();
        *met = (met.0.max(agent_phase), met.1.max(around_phase));
        *met
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        if let Some(agent) = &self.agent {
            self.world.standing.leave(agent, self.hop);
        }
        if let Some(task) = self.task {
            self.world.conduct.leave(task, self.hop);
        }
        self.world.histories.leave(self.hop);
        self.world.memories.leave(self.hop);
    }
}
