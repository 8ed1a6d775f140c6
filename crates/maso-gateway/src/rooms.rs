//! The rooms of stateless clients. Their requests stand alone, but servers may remember; so requests share a connection
//! only where they may share what a server remembers: those of one agent in one task that declare the same.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use maso_core::{AgentName, Digest, ServerName};
use maso_intent::OpenLimits;
use maso_wire::{UnverifiedToken, mcp::Revision};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::{
    gateway::Gateway,
    outlet::Outlet,
    room::{Room, passable},
};

/// What the requests in a room have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RoomKey {
    agent: AgentName,
    server: ServerName,
    /// The token of the task; `None` is the agent's standing task.
    task: Option<Digest>,
    declared: Digest,
}

/// What a stateless request says of its client.
pub(crate) struct Declared<'a> {
    pub(crate) revision: Revision,
    pub(crate) capabilities: &'a Value,
    pub(crate) log_level: Option<&'static str>,
    pub(crate) task: Option<&'a UnverifiedToken>,
}

/// All rooms of stateless clients.
#[derive(Default)]
pub(crate) struct Rooms(Mutex<HashMap<RoomKey, Arc<Room>>>);

impl Rooms {
    /// The room with a connection that this agent left alone the longest, of those with this server, and since when.
    pub(crate) fn left_alone(&self, agent: &AgentName, server: Option<&ServerName>) -> Option<(Instant, RoomKey)> {
        left_alone(&self.0.lock(), agent, server, Room::holds_idle_since)
    }

    pub(crate) fn end(&self, key: &RoomKey) {
        self.0.lock().remove(key);
    }

    /// Ends the rooms that nobody used since then.
    pub(crate) fn end_idle(&self, now: Instant, idle: Duration) {
        self.0
            .lock()
            .retain(|_, room| room.idle_since().is_none_or(|since| now.saturating_duration_since(since) < idle));
    }

    pub(crate) fn forget_all(&self) {
        self.0.lock().clear();
    }
}

impl Gateway {
    /// The room of a stateless request.
    pub(crate) fn room(&self, server: &ServerName, agent: &AgentName, declared: &Declared<'_>) -> Arc<Room> {
        let Declared { revision, capabilities, log_level, task } = *declared;
        // What is declared in other words is the same declaration: whoever varies them gets no connection for each.
        let key = RoomKey {
            agent: agent.clone(),
            server: server.clone(),
            task: task.map(|token| Digest::of(token.expose().as_bytes())),
            declared: Digest::of_value(&json!([passable(revision, capabilities), log_level])),
        };
        let mut rooms = self.rooms.0.lock();
        if let Some(room) = rooms.get(&key) {
            room.touch();
            return Arc::clone(room);
        }
        let outlet = Arc::new(Outlet::new());
        let room = Room::new(self.weak(), server.clone(), agent.clone(), revision, capabilities, log_level, outlet);
        // Past its share and with all of them in use, what the agent declares next is remembered for this request alone.
        if make_room(&mut rooms, agent, server, &self.decider.deployment().settings.open) {
            rooms.insert(key, Arc::clone(&room));
        }
        room
    }
}

/// Whether this agent may have one room more with this server; what it left alone the longest gives way.
fn make_room(
    rooms: &mut HashMap<RoomKey, Arc<Room>>,
    agent: &AgentName,
    server: &ServerName,
    limits: &OpenLimits,
) -> bool {
    for (of, own_max) in [(Some(server), limits.connections_per_agent_max), (None, limits.connections_of_agent_max())] {
        let is_own = |key: &RoomKey| key.agent == *agent && of.is_none_or(|server| key.server == *server);
        if rooms.keys().filter(|key| is_own(key)).count() >= own_max {
            let Some((_, key)) = left_alone(rooms, agent, of, Room::idle_since) else { return false };
            rooms.remove(&key);
        }
    }
    true
}

fn left_alone(
    rooms: &HashMap<RoomKey, Arc<Room>>,
    agent: &AgentName,
    server: Option<&ServerName>,
    idle_since: impl Fn(&Room) -> Option<Instant>,
) -> Option<(Instant, RoomKey)> {
    rooms
        .iter()
        .filter(|(key, _)| key.agent == *agent && server.is_none_or(|server| key.server == *server))
        .filter_map(|(key, room)| Some((idle_since(room)?, key)))
        .min_by_key(|(since, _)| *since)
        .map(|(since, key)| (since, key.clone()))
}

#[cfg(test)]
mod tests {
    use std::sync::Weak;

    use maso_wire::mcp::Id;

    use super::*;
    use crate::{calls::Call, room::UnderWay};

    const REVISION: Revision = Revision::V2026_07_28;

    fn room(agent: &str, server: &str, declared: &str) -> (RoomKey, Arc<Room>) {
        let (agent, server): (AgentName, ServerName) = (agent.parse().unwrap(), server.parse().unwrap());
        let outlet = Arc::new(Outlet::new());
        let room = Room::new(Weak::new(), server.clone(), agent.clone(), REVISION, &json!({}), None, outlet);
        (RoomKey { agent, server, task: None, declared: Digest::of(declared.as_bytes()) }, room)
    }

    /// Something is under way in it until what comes back is dropped.
    fn busy(room: &Arc<Room>) -> UnderWay {
        let call = Call::new(Id::Number(1), REVISION, None, None, Arc::new(Outlet::new()));
        room.under_way(1, &Arc::new(call))
    }

    #[test]
    fn past_its_share_an_agent_loses_what_it_left_alone_the_longest_and_nobody_else_does() {
        let limits = OpenLimits { connections_per_agent_max: 2, connections_max: 12, ..OpenLimits::DEFAULT };
        let of = |rooms: &mut HashMap<_, _>, server: &str| {
            make_room(rooms, &"own".parse().unwrap(), &server.parse().unwrap(), &limits)
        };
        let all = [("other", "s", "x"), ("own", "s", "a"), ("own", "t", "b"), ("own", "s", "c")];
        let all = all.map(|(agent, server, declared)| room(agent, server, declared));
        let mut rooms: HashMap<_, _> = all.iter().cloned().collect();
        let [other, oldest, elsewhere, newest] = &all;
        assert!(of(&mut rooms, "s"), "its share of one server");
        assert!(!rooms.contains_key(&oldest.0));
        assert!([other, elsewhere, newest].iter().all(|(key, _)| rooms.contains_key(key)));

        rooms.insert(oldest.0.clone(), Arc::clone(&oldest.1));
        let busy_ones = [&oldest.1, &newest.1].map(busy);
        assert!(!of(&mut rooms, "s"), "what is in use does not give way");
        assert!(of(&mut rooms, "u"), "its share of all servers");
        assert!(!rooms.contains_key(&elsewhere.0), "of those that are not in use");
        assert!(rooms.contains_key(&other.0));
        drop(busy_ones);
        assert!(of(&mut rooms, "s"));
        assert!(!rooms.contains_key(&oldest.0));
    }

    #[test]
    fn a_room_that_nobody_uses_ends() {
        let (idle, used) = (room("own", "s", "a"), room("own", "s", "b"));
        let rooms = Rooms(Mutex::new(HashMap::from([idle, used.clone()])));
        let _busy = busy(&used.1);
        let (now, after) = (Instant::now(), Duration::from_secs(60));
        rooms.end_idle(now, after);
        assert_eq!(rooms.0.lock().len(), 2);
        rooms.end_idle(now + after, after);
        assert!(rooms.0.lock().keys().eq([&used.0]));
    }
}
