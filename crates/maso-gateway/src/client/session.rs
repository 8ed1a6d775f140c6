//! Sessions of clients whose revision has them. A session belongs to the agent that began it, and proves nothing.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use maso_core::{AgentName, ServerName};
use maso_wire::mcp::{Id, Request, Revision};
use parking_lot::Mutex;
use uuid::Uuid;

use crate::{calls::Call, gateway::Gateway, outlet::Outlet, room::Room};

/// One client's session with one server.
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) server: ServerName,
    pub(crate) revision: Revision,
    agent: OnceLock<AgentName>,
    room: OnceLock<Arc<Room>>,
    inflight: Inflight,
    general: Arc<Outlet>,
    streams: Mutex<BTreeMap<u64, Arc<Outlet>>>,
    next_stream: AtomicU64,
    listening: AtomicBool,
    used_at: Mutex<Instant>,
}

impl Session {
    /// A session that nobody owns yet; the agent that begins it will.
    pub(crate) fn new(server: ServerName, revision: Revision, general: Arc<Outlet>) -> Arc<Self> {
        Arc::new(Self {
            id: Uuid::new_v4().simple().to_string(),
            server,
            revision,
            agent: OnceLock::new(),
            room: OnceLock::new(),
            inflight: Inflight::default(),
            streams: Mutex::new(BTreeMap::from([(GENERAL, Arc::clone(&general))])),
            general,
            next_stream: AtomicU64::new(GENERAL + 1),
            listening: AtomicBool::new(false),
            used_at: Mutex::new(Instant::now()),
        })
    }

    /// The agent that owns it.
    pub(crate) fn agent(&self) -> Option<&AgentName> {
        self.agent.get()
    }

    /// Whether it is this agent's, or nobody's yet.
    pub(crate) fn is_of(&self, agent: &AgentName) -> bool {
        self.agent.get().is_none_or(|owner| owner == agent)
    }

    /// The room between it and its server, made for the agent that asks first.
    pub(crate) fn room(&self, gateway: &Gateway, agent: &AgentName, request: &Request) -> Arc<Room> {
        let agent = self.agent.get_or_init(|| agent.clone());
        let make = || {
            let capabilities = &request.params_value()["capabilities"];
            let general = Arc::clone(&self.general);
            Room::new(&gateway.shared(), self.server.clone(), agent.clone(), self.revision, capabilities, None, general)
        };
        Arc::clone(self.room.get_or_init(make))
    }

    /// The room, if there is one.
    pub(crate) fn known_room(&self) -> Option<&Arc<Room>> {
        self.room.get()
    }

    /// Makes a session without a server its agent's.
    pub(crate) fn bind(&self, agent: &AgentName) {
        self.agent.get_or_init(|| agent.clone());
    }

    pub(crate) fn inflight(&self) -> &Inflight {
        &self.inflight
    }

    /// A new stream of frames, which can be read again by its number. The oldest is given up when there are too many.
    pub(crate) fn stream(&self) -> (u64, Arc<Outlet>) {
        let number = self.next_stream.fetch_add(1, Ordering::Relaxed);
        let outlet = Arc::new(Outlet::new());
        let mut streams = self.streams.lock();
        streams.insert(number, Arc::clone(&outlet));
        while streams.len() > STREAMS_MAX {
            let Some(oldest) = streams.keys().find(|number| **number != GENERAL).copied() else { break };
            streams.remove(&oldest);
        }
        (number, outlet)
    }

    /// The stream of this number.
    pub(crate) fn find_stream(&self, number: u64) -> Option<Arc<Outlet>> {
        self.streams.lock().get(&number).cloned()
    }

    /// Claims the stream of what belongs to no request; one reader at a time, since a frame goes to one stream only.
    pub(crate) fn listen(self: &Arc<Self>) -> Option<Listening> {
        (!self.listening.swap(true, Ordering::AcqRel)).then(|| Listening(Arc::clone(self)))
    }

    pub(crate) fn touch(&self) {
        *self.used_at.lock() = Instant::now();
    }

    fn is_idle(&self) -> bool {
        self.used_at.lock().elapsed() > SESSION_IDLE
            && self.inflight.is_empty()
            && !self.listening.load(Ordering::Acquire)
    }
}

/// The right to read what belongs to no request.
pub(crate) struct Listening(Arc<Session>);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.listening.store(false, Ordering::Release);
    }
}

/// Requests under way, by the ids that the client gave them. One whose client went away no longer takes its id.
#[derive(Default)]
pub(crate) struct Inflight(Mutex<HashMap<Id, Weak<Call>>>);

impl Inflight {
    /// Notes a request; `false` if its id is taken or there are too many.
    pub(crate) fn begin(&self, call: &Arc<Call>) -> bool {
        let mut calls = self.0.lock();
        calls.retain(|_, call| call.upgrade().is_some_and(|call| !call.is_done() && !call.is_abandoned()));
        if calls.len() >= INFLIGHT_MAX || calls.contains_key(&call.client_id) {
            return false;
        }
        calls.insert(call.client_id.clone(), Arc::downgrade(call));
        true
    }

    /// Whether a request with this id could begin now.
    pub(crate) fn admits(&self, id: &Id) -> bool {
        let mut calls = self.0.lock();
        calls.retain(|_, call| call.upgrade().is_some_and(|call| !call.is_done() && !call.is_abandoned()));
        calls.len() < INFLIGHT_MAX && !calls.contains_key(id)
    }

    pub(crate) fn find(&self, id: &Id) -> Option<Arc<Call>> {
        self.0.lock().get(id)?.upgrade()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Call>> {
        self.0.lock().values().filter_map(Weak::upgrade).collect()
    }

    fn is_empty(&self) -> bool {
        self.0.lock().values().all(|call| call.upgrade().is_none_or(|call| call.is_done()))
    }
}

/// All sessions of the HTTP door.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<HashMap<String, Arc<Session>>>);

impl Sessions {
    /// Takes a session in; `false` when there are too many.
    pub(crate) fn begin(&self, session: &Arc<Session>) -> bool {
        let mut sessions = self.0.lock();
        sessions.retain(|_, session| !session.is_idle());
        let own = sessions.values().filter(|other| other.agent() == session.agent()).count();
        if sessions.len() >= SESSIONS_MAX || own >= SESSIONS_PER_AGENT_MAX {
            return false;
        }
        sessions.insert(session.id.clone(), Arc::clone(session));
        true
    }

    /// The session of this id with this server.
    pub(crate) fn find(&self, id: &str, server: &ServerName) -> Option<Arc<Session>> {
        let session = self.0.lock().get(id).filter(|session| session.server == *server).cloned()?;
        session.touch();
        Some(session)
    }

    pub(crate) fn end(&self, id: &str) {
        self.0.lock().remove(id);
    }

    pub(crate) fn forget_all(&self) {
        self.0.lock().clear();
    }
}

/// The number of the stream of what belongs to no request.
pub(crate) const GENERAL: u64 = 0;
const STREAMS_MAX: usize = 32;
const INFLIGHT_MAX: usize = 256;
const SESSIONS_MAX: usize = 2048;
const SESSIONS_PER_AGENT_MAX: usize = 256;
const SESSION_IDLE: Duration = Duration::from_secs(30 * 60);
