//! The gateway: all that its doors share.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Weak},
    time::Duration,
};

use maso_core::{AgentName, Digest, Principal, Refusal, ServerName, Turn};
use maso_identity::Trust;
use maso_path::{Clock, Ids, Path};
use maso_wire::{
    Arrival, Credential, KnownHosts, Received, UnverifiedToken,
    mcp::{Members, Revision},
};
use parking_lot::Mutex;
use serde_json::Value;

use crate::{
    calls::Calls,
    client::Sessions,
    decider::{Decider, Paved},
    fleet::Fleet,
    outlet::Outlet,
    room::{Room, passable},
    upstream::Upstreams,
};

/// All that the doors of one deployment share.
pub struct Gateway {
    pub(crate) decider: Arc<dyn Decider>,
    pub(crate) upstreams: Upstreams,
    pub(crate) calls: Calls,
    pub(crate) sessions: Sessions,
    pub(crate) fleet: Fleet,
    pub(crate) doors: Doors,
    rooms: Mutex<HashMap<RoomKey, Arc<Room>>>,
    this: Weak<Gateway>,
}

/// What a gateway is made of.
pub struct Parts {
    /// Decides.
    pub path: Arc<Path>,
    /// Whose tokens and pipes are believed: the same that the path believes.
    pub trust: Arc<Trust>,
    /// Where moments come from.
    pub clock: Arc<dyn Clock>,
    /// Where ids come from.
    pub ids: Arc<dyn Ids>,
    /// The deployment folder, against which the working directories of servers are taken.
    pub folder: PathBuf,
    /// How the HTTP door is reached.
    pub doors: Doors,
}

/// How the HTTP door is reached. Requests that name another host, or come from a page of another origin, are turned away:
/// a web page must not be able to speak to a server on this machine by way of its name.
#[derive(Clone, Debug)]
pub struct Doors {
    /// What agents believe the address to be, without a path: `http://127.0.0.1:7680`. Proofs are bound to it.
    pub base_url: String,
    /// The hosts and pages that a request may name.
    pub hosts: KnownHosts,
}

impl Doors {
    /// A door on loopback.
    pub fn on_loopback(port: u16) -> Self {
        Self { base_url: format!("http://127.0.0.1:{port}"), hosts: KnownHosts::loopback() }
    }
}

/// Which stateless requests share a connection: those of one agent that declare the same.
type RoomKey = (AgentName, ServerName, Digest);

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("doors", &self.doors).finish_non_exhaustive()
    }
}

impl Gateway {
    /// A gateway before this path.
    pub fn new(parts: Parts) -> Arc<Self> {
        let Parts { path, trust, clock, ids, folder, doors } = parts;
        Self::before(Arc::new(Paved { path, trust, clock, ids }), folder, doors)
    }

    /// Lets go of all servers: children are ended, sessions forgotten.
    pub fn stop(&self) {
        self.rooms.lock().clear();
        self.sessions.forget_all();
    }

    pub(crate) fn before(decider: Arc<dyn Decider>, folder: PathBuf, doors: Doors) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            decider,
            upstreams: Upstreams::new(folder),
            calls: Calls::default(),
            sessions: Sessions::default(),
            fleet: Fleet::default(),
            doors,
            rooms: Mutex::new(HashMap::new()),
            this: Weak::clone(this),
        })
    }

    pub(crate) fn shared(&self) -> Arc<Self> {
        self.this.upgrade().expect("a gateway is made inside an `Arc`")
    }

    /// The room of a stateless request.
    pub(crate) fn room(
        &self,
        server: &ServerName,
        agent: &AgentName,
        revision: Revision,
        capabilities: &Value,
        log_level: Option<&str>,
    ) -> Arc<Room> {
        // What is declared in other words is the same declaration: whoever varies them gets no connection for each.
        let declared = serde_json::json!([passable(revision, capabilities), log_level]);
        let key = (agent.clone(), server.clone(), Digest::of_value(&declared));
        let mut rooms = self.rooms.lock();
        rooms.retain(|known, room| *known == key || !room.is_idle(ROOM_IDLE));
        if rooms.len() >= ROOMS_MAX && !rooms.contains_key(&key) {
            // The least harm: a connection without calls under way, of whomever.
            let idle = rooms.iter().find(|(_, room)| room.is_idle(Duration::ZERO)).map(|(key, _)| key.clone());
            idle.and_then(|idle| rooms.remove(&idle));
        }
        let make = || {
            Room::new(
                &self.shared(),
                server.clone(),
                agent.clone(),
                revision,
                capabilities,
                log_level.map(str::to_owned),
                Arc::new(Outlet::new()),
            )
        };
        Arc::clone(rooms.entry(key).or_insert_with(make))
    }

    /// Which agent this is, for what concerns the connection only.
    pub(crate) fn identify(
        &self,
        credential: Credential,
        task: Option<UnverifiedToken>,
        server: &ServerName,
    ) -> Result<AgentName, Refusal> {
        let arrival = Arrival {
            id: self.decider.hop_id(),
            at: self.decider.now(),
            credential,
            task,
            to: Principal::Server(server.clone()),
        };
        let act = maso_core::Act::List { server: server.clone(), listing: maso_core::Listing::Tools };
        let limits = self.decider.deployment().settings.limits;
        let nothing = Members::new().to_raw();
        let received = Received::from_bytes(arrival, act, Turn::Ask, nothing.get().as_bytes(), &limits)
            .map_err(|_| Refusal::Malformed)?;
        self.decider.identify(received)
    }
}

const ROOM_IDLE: Duration = Duration::from_secs(600);
const ROOMS_MAX: usize = 256;
