//! Places for connections to tool servers. A server over pipes is a process for each connection, so they are counted: for
//! each agent and server, and all together.

use std::{collections::HashMap, sync::Arc, time::Duration};

use maso_core::{AgentName, ServerName};
use maso_intent::OpenLimits;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::{gateway::Gateway, upstream::LegFault};

/// All places.
#[derive(Default)]
pub(crate) struct Places {
    taken: Mutex<Taken>,
    freed: Notify,
}

#[derive(Default)]
struct Taken {
    by: HashMap<(AgentName, ServerName), usize>,
    total: usize,
}

/// A place, until it is dropped.
pub(crate) struct Place {
    places: Arc<Places>,
    holder: (AgentName, ServerName),
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Full {
    /// The agent has all that it may have to this server.
    Share,
    /// The agent has all that it may have to all servers.
    Own,
    /// All are taken.
    All,
}

impl Places {
    fn take(self: &Arc<Self>, agent: &AgentName, server: &ServerName, limits: &OpenLimits) -> Result<Place, Full> {
        let mut taken = self.taken.lock();
        let holder = (agent.clone(), server.clone());
        if taken.by.get(&holder).is_some_and(|own| *own >= limits.connections_per_agent_max) {
            return Err(Full::Share);
        }
        let own: usize = taken.by.iter().filter(|((of, _), _)| of == agent).map(|(_, own)| own).sum();
        if own >= limits.connections_of_agent_max() {
            return Err(Full::Own);
        }
        if taken.total >= limits.connections_max {
            return Err(Full::All);
        }
        *taken.by.entry(holder.clone()).or_default() += 1;
        taken.total += 1;
        Ok(Place { places: Arc::clone(self), holder })
    }

    /// Waits for a place. What the agent itself left alone may give way to it: `make_way` ends one such holder, of those
    /// with this server or of all, and says whether there was one.
    async fn wait_for(
        self: &Arc<Self>,
        agent: &AgentName,
        server: &ServerName,
        limits: &OpenLimits,
        make_way: impl Fn(Option<&ServerName>) -> bool,
    ) -> Place {
        let mut made_way = false;
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            // Enabled before looking, so that what comes in between is noticed.
            freed.as_mut().enable();
            match self.take(agent, server, limits) {
                Ok(place) => return place,
                // Who waits costs the agent one of its own at most, however often others are quicker.
                Err(_) if made_way => {}
                Err(Full::Share) => made_way = make_way(Some(server)),
                Err(Full::Own | Full::All) => made_way = make_way(None),
            }
            freed.await;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        {
            let mut taken = self.places.taken.lock();
            taken.total -= 1;
            if let Some(own) = taken.by.get_mut(&self.holder) {
                *own -= 1;
                if *own == 0 {
                    taken.by.remove(&self.holder);
                }
            }
        }
        self.places.freed.notify_waiters();
    }
}

impl Gateway {
    /// A place for one more connection of this agent to this server. What the agent itself left alone the longest gives
    /// way to it; what others have does not.
    pub(crate) async fn place(&self, agent: &AgentName, server: &ServerName) -> Result<Place, LegFault> {
        let limits = self.decider.deployment().settings.open;
        let waiting = self.places.wait_for(agent, server, &limits, |of| self.make_way(agent, of));
        tokio::time::timeout(PLACE_WAIT, waiting)
            .await
            .map_err(|_| LegFault::NotSent(format!("agent `{agent}` has too many connections, or all are taken")))
    }

    /// Ends the session or room that this agent left alone the longest, of those with this server; `false` if there is
    /// none.
    fn make_way(&self, agent: &AgentName, server: Option<&ServerName>) -> bool {
        let room = self.rooms.left_alone(agent, server);
        let session = self.sessions.left_alone(agent, server);
        match (room, session) {
            (Some((since, key)), Some((other, _))) if since <= other => self.rooms.end(&key),
            (_, Some((_, id))) => self.sessions.end(&id),
            (Some((_, key)), None) => self.rooms.end(&key),
            (None, None) => return false,
        }
        true
    }
}

/// How long one waits for a place: a process that is told to end takes a moment.
const PLACE_WAIT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_has_its_share_and_all_have_an_end() {
        let limits = OpenLimits { connections_per_agent_max: 2, connections_max: 9, ..OpenLimits::DEFAULT };
        let places = Arc::new(Places::default());
        let take = |agent: &str, server: &str| places.take(&agent.parse().unwrap(), &server.parse().unwrap(), &limits);
        let mut held = vec![take("a", "s").ok().unwrap(), take("a", "s").ok().unwrap()];
        assert_eq!(take("a", "s").err(), Some(Full::Share));
        held.push(take("a", "t").ok().unwrap());
        assert_eq!(take("a", "u").err(), Some(Full::Own), "a quarter of nine, whatever the servers");
        held.extend(
            ["b", "c"].iter().flat_map(|agent| ["s", "t", "u"].map(|server| take(agent, server).ok().unwrap())),
        );
        assert_eq!(take("d", "s").err(), Some(Full::All));
        held.remove(0);
        held.push(take("a", "s").ok().unwrap());
        held.clear();
        assert_eq!(places.taken.lock().total, 0);
        assert!(places.taken.lock().by.is_empty());
    }

    #[tokio::test]
    async fn one_holder_ends_for_each_wait_however_often_others_are_quicker() {
        let limits = OpenLimits { connections_per_agent_max: 2, connections_max: 3, ..OpenLimits::DEFAULT };
        let places = Arc::new(Places::default());
        let take = |agent: &str| places.take(&agent.parse().unwrap(), &"s".parse().unwrap(), &limits).ok().unwrap();
        let (own, mut others) = (take("a"), vec![take("b"), take("c")]);
        let (agent, server) = ("a".parse().unwrap(), "s".parse().unwrap());
        let n_ended = std::cell::Cell::new(0);
        let mut waiting = std::pin::pin!(places.wait_for(&agent, &server, &limits, |_| {
            n_ended.set(n_ended.get() + 1);
            true
        }));
        assert!(futures::poll!(&mut waiting).is_pending());
        for other in ["d", "e", "f"] {
            others.pop();
            others.push(take(other));
            assert!(futures::poll!(&mut waiting).is_pending());
        }
        assert_eq!(n_ended.get(), 1);
        drop(own);
        waiting.await;
        assert_eq!(n_ended.get(), 1);
    }
}
