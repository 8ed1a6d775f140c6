//! Which of those that are one agent took a request: the agent itself, or one instance of it. Whoever took it answers it.
//!
//! A mailbox is the agent's, and whoever of them asks first takes what lies there. What an instance had taken when it ended
//! is there for the next.

use maso_core::{AgentName, HopId, InstanceId};

use super::{Fleet, Lies};
use crate::gateway::Gateway;

/// One of those that are an agent: the agent itself, or an instance of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taker(pub(crate) Option<InstanceId>);

impl Fleet {
    /// Notes who took these requests.
    pub(crate) fn taken(&self, ids: &[HopId], by: Taker) {
        let mut requests = self.requests.lock();
        for id in ids {
            if let Some(open) = requests.get_mut(id).filter(|open| open.lies == Lies::WithIt) {
                open.taken_by = Some(by);
            }
        }
    }

    /// Who took a request that nobody has given back, if that is known here: after a restart it is not.
    fn taker_of(&self, id: HopId) -> Option<Taker> {
        self.requests.lock().get(&id).filter(|open| open.lies == Lies::WithIt)?.taken_by
    }

    /// Puts back what instances of an agent took that are no more.
    fn free(&self, agent: &AgentName, has_ended: impl Fn(InstanceId) -> bool) {
        for open in self.requests.lock().values_mut().filter(|open| open.to == *agent && !open.answered) {
            if let (Lies::WithIt, Some(Taker(Some(instance)))) = (open.lies, open.taken_by)
                && has_ended(instance)
            {
                (open.lies, open.taken_by) = (Lies::Here, None);
                // The next may be told of it anew.
                open.acknowledged.request = false;
            }
        }
    }
}

impl Gateway {
    /// Whether whoever is this may answer a request that was made of its agent.
    pub(crate) fn may_answer(&self, id: HopId, by: Taker) -> bool {
        self.fleet.taker_of(id).is_none_or(|taker| taker == by)
    }

    /// Puts back what instances of an agent took that are no more.
    pub(crate) fn free_what_ended(&self, agent: &AgentName) {
        self.fleet.free(agent, |instance| self.decider.has_ended(instance));
    }
}

/// Why an answer is not taken.
pub(crate) const NOT_THE_TAKER: &str = "another one of the same agent took the request";
