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
        let room = Room::new(&self.shared(), server.clone(), agent.clone(), revision, capabilities, log_level, outlet);
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
