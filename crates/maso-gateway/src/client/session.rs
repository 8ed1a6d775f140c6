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
use maso_intent::OpenLimits;
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
    streams: Mutex<BTreeMap<u64, Stream>>,
    next_stream: AtomicU64,
    listening: AtomicBool,
    used_at: Mutex<Instant>,
}

/// A stream of frames, and the call whose answer comes on it.
struct Stream {
    outlet: Arc<Outlet>,
    call: Weak<Call>,
}

impl Stream {
    fn new(outlet: Arc<Outlet>) -> Self {
        Self { outlet, call: Weak::new() }
    }
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
            streams: Mutex::new(BTreeMap::from([(GENERAL, Stream::new(Arc::clone(&general)))])),
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
            Room::new(gateway.weak(), self.server.clone(), agent.clone(), self.revision, capabilities, None, general)
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
        streams.insert(number, Stream::new(Arc::clone(&outlet)));
        while streams.len() > STREAMS_MAX {
            let Some(oldest) = streams.keys().find(|number| **number != GENERAL).copied() else { break };
            streams.remove(&oldest);
        }
        (number, outlet)
    }

    /// The answer to this call comes on the stream of this number.
    pub(crate) fn answers_on(&self, number: u64, call: &Arc<Call>) {
        if let Some(stream) = self.streams.lock().get_mut(&number) {
            stream.call = Arc::downgrade(call);
        }
    }

    /// The stream of this number, and the call whose answer comes on it, while that is known.
    pub(crate) fn find_stream(&self, number: u64) -> Option<(Arc<Outlet>, Option<Arc<Call>>)> {
        self.streams.lock().get(&number).map(|stream| (Arc::clone(&stream.outlet), stream.call.upgrade()))
    }

    /// Claims the stream of what belongs to no request; one reader at a time, since a frame goes to one stream only.
    pub(crate) fn listen(self: &Arc<Self>) -> Option<Listening> {
        (!self.listening.swap(true, Ordering::AcqRel)).then(|| Listening(Arc::clone(self)))
    }

    pub(crate) fn touch(&self) {
        *self.used_at.lock() = Instant::now();
    }

    /// Since when nobody uses it; `None` while something is under way in it.
    fn idle_since(&self) -> Option<Instant> {
        let is_idle = self.inflight.is_empty() && !self.listening.load(Ordering::Acquire);
        is_idle.then(|| *self.used_at.lock())
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
        calls.retain(|_, call| call.upgrade().is_some_and(|call| call.is_under_way() && !call.is_abandoned()));
        if calls.len() >= INFLIGHT_MAX || calls.contains_key(&call.client_id) {
            return false;
        }
        calls.insert(call.client_id.clone(), Arc::downgrade(call));
        true
    }

    /// Whether a request with this id could begin now.
    pub(crate) fn admits(&self, id: &Id) -> bool {
        let mut calls = self.0.lock();
        calls.retain(|_, call| call.upgrade().is_some_and(|call| call.is_under_way() && !call.is_abandoned()));
        calls.len() < INFLIGHT_MAX && !calls.contains_key(id)
    }

    pub(crate) fn find(&self, id: &Id) -> Option<Arc<Call>> {
        self.0.lock().get(id)?.upgrade()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Call>> {
        self.0.lock().values().filter_map(Weak::upgrade).collect()
    }

    fn is_empty(&self) -> bool {
        self.0.lock().values().all(|call| call.upgrade().is_none_or(|call| !call.is_under_way()))
    }
}

/// All sessions of the HTTP door.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<HashMap<String, Arc<Session>>>);

impl Sessions {
    /// Takes a session in; `false` when there are too many. Past an agent's own share, the one that it left alone the
    /// longest ends: clients forget sessions more often than they end them.
    pub(crate) fn begin(&self, session: &Arc<Session>, limits: &OpenLimits) -> bool {
        let mut sessions = self.0.lock();
        let own = sessions.values().filter(|other| other.agent() == session.agent()).count();
        if own >= limits.sessions_per_agent_max {
            let forgotten = session.agent().and_then(|agent| {
                left_alone(&sessions, |other| other.agent() == Some(agent)).map(|(_, id)| id.to_owned())
            });
            if forgotten.and_then(|id| sessions.remove(&id)).is_none() {
                return false;
            }
        }
        if sessions.len() >= limits.sessions_max {
            return false;
        }
        sessions.insert(session.id.clone(), Arc::clone(session));
        true
    }

    /// The session with a connection to this server that the agent left alone the longest, and since when.
    pub(crate) fn left_alone(&self, agent: &AgentName, server: Option<&ServerName>) -> Option<(Instant, String)> {
        let sessions = self.0.lock();
        let (since, id) = left_alone(&sessions, |session| {
            session.agent() == Some(agent)
                && server.is_none_or(|server| session.server == *server)
                && session.known_room().is_some_and(|room| room.holds_idle_since().is_some())
        })?;
        Some((since, id.to_owned()))
    }

    /// Ends the sessions that nobody has used for so long.
    pub(crate) fn end_idle(&self, now: Instant, idle: Duration) {
        self.0
            .lock()
            .retain(|_, session| session.idle_since().is_none_or(|since| now.saturating_duration_since(since) < idle));
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

fn left_alone(sessions: &HashMap<String, Arc<Session>>, of: impl Fn(&Session) -> bool) -> Option<(Instant, &str)> {
    sessions
        .iter()
        .filter(|(_, session)| of(session))
        .filter_map(|(id, session)| Some((session.idle_since()?, id.as_str())))
        .min_by_key(|(since, _)| *since)
}

/// The number of the stream of what belongs to no request.
pub(crate) const GENERAL: u64 = 0;
const STREAMS_MAX: usize = 32;
const INFLIGHT_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn session(agent: &str) -> Arc<Session> {
        let session = Session::new("notes".parse().unwrap(), Revision::V2025_11_25, Arc::new(Outlet::new()));
        session.bind(&agent.parse().unwrap());
        session
    }

    fn limits(sessions_per_agent_max: usize, sessions_max: usize) -> OpenLimits {
        OpenLimits { sessions_per_agent_max, sessions_max, ..OpenLimits::DEFAULT }
    }

    #[test]
    fn an_agent_past_its_share_loses_what_it_left_alone_and_nobody_else_does() {
        let (sessions, limits) = (Sessions::default(), limits(2, 10));
        let [other, oldest, newer, newest] = ["other", "own", "own", "own"].map(session);
        for begun in [&other, &oldest, &newer, &newest] {
            assert!(sessions.begin(begun, &limits));
        }
        let known = |session: &Session| sessions.find(&session.id, &session.server).is_some();
        assert!(!known(&oldest));
        assert!(known(&other) && known(&newer) && known(&newest));
        let _both = (newer.listen().unwrap(), newest.listen().unwrap());
        assert!(!sessions.begin(&session("own"), &limits), "what is in use does not give way");
        assert!(sessions.begin(&session("other"), &limits));
    }

    #[test]
    fn all_sessions_have_an_end() {
        let (sessions, limits) = (Sessions::default(), limits(2, 3));
        for agent in ["a", "a", "b"] {
            assert!(sessions.begin(&session(agent), &limits));
        }
        assert!(!sessions.begin(&session("b"), &limits), "nobody else's gives way");
        assert!(sessions.begin(&session("a"), &limits), "its own does");
    }

    #[test]
    fn a_session_that_nobody_uses_ends() {
        let (sessions, limits) = (Sessions::default(), limits(2, 10));
        let [idle, listened] = ["a", "a"].map(session);
        assert!(sessions.begin(&idle, &limits) && sessions.begin(&listened, &limits));
        let _listening = listened.listen().unwrap();
        let (now, after) = (Instant::now(), Duration::from_secs(60));
        sessions.end_idle(now, after);
        assert_eq!(sessions.0.lock().len(), 2);
        sessions.end_idle(now + after, after);
        assert!(sessions.0.lock().keys().eq([&listened.id]));
    }
}
