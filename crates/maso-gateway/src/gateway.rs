//! The gateway: all that its doors share.

use std::{
    path::PathBuf,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use axum::http::Extensions;
use futures::future::BoxFuture;
use maso_bus::Carriage;
use maso_core::{Act, AgentName, Listing, Principal, Refusal, ServerName, Turn};
use maso_identity::{AuthorityKey, Messages, Trust};
use maso_path::{Carried, Clock, Ids, Path};
use maso_wire::{
    Arrival, Credential, KnownHosts, Received, UnverifiedToken,
    mcp::{self, Code, Members},
};
use tokio::sync::watch;

use crate::{
    bodies::Bodies,
    calls::Calls,
    client::{Sessions, a2a},
    decider::{Carry, Decider, Got, Paved},
    drain::Drain,
    fleet::Fleet,
    meeting::Meetings,
    mirrors::Mirrors,
    places::Places,
    rooms::Rooms,
    serving::KnownAs,
    upstream::Upstreams,
};

/// All that the doors of one deployment share.
pub struct Gateway {
    pub(crate) decider: Arc<dyn Decider>,
    pub(crate) upstreams: Upstreams,
    pub(crate) calls: Calls,
    pub(crate) sessions: Sessions,
    pub(crate) fleet: Fleet,
    pub(crate) a2a_tasks: a2a::Tasks,
    pub(crate) doors: Doors,
    pub(crate) rooms: Rooms,
    pub(crate) places: Arc<Places>,
    pub(crate) bodies: Bodies,
    pub(crate) meetings: Meetings,
    pub(crate) mirrors: Mirrors,
    pub(crate) drain: Drain,
    /// Those who look again at what only time, a person or another process changes are woken by it.
    pub(crate) ticks: watch::Sender<()>,
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
    /// The deployment's key: it signs the tokens under which agents work for others.
    pub authority: AuthorityKey,
    /// The deployment folder, against which the working directories of servers are taken.
    pub folder: PathBuf,
    /// How the HTTP door is reached.
    pub doors: Doors,
    /// What carries what agents say to each other.
    pub carriage: Arc<dyn Carriage>,
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

    /// How whoever sent this request believes a path here to be reached.
    pub(crate) fn address(&self, request: &Extensions, path: &str) -> String {
        let known_as = request.get::<KnownAs>().map_or(self.base_url.as_str(), |KnownAs(url)| url);
        format!("{}{path}", known_as.trim_end_matches('/'))
    }
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("doors", &self.doors).finish_non_exhaustive()
    }
}

impl Gateway {
    /// A gateway before this path.
    pub fn new(parts: Parts) -> Arc<Self> {
        let Parts { path, trust, clock, ids, authority, folder, doors, carriage } = parts;
        let messages = Messages::new(MESSAGES_MAX, clock.now());
        Self::before(Arc::new(Paved { path, trust, messages, clock, ids, authority }), folder, doors, carriage)
    }

    /// Lets go of all servers: children are ended, sessions forgotten.
    pub fn stop(&self) {
        self.rooms.forget_all();
        self.sessions.forget_all();
    }

    /// Ends the sessions and connections that nobody has used for long, and the streams of those who may not be told
    /// anything any more. Whoever serves calls it about once a second.
    pub fn tick(&self) {
        let idle = Duration::from_millis(self.decider.deployment().settings.open.session_idle_ms);
        let now = Instant::now();
        self.sessions.end_idle(now, idle);
        self.rooms.end_idle(now, idle);
        self.fleet.forget_old(self.decider.now());
        self.ticks.send_replace(());
    }

    pub(crate) fn before(
        decider: Arc<dyn Decider>,
        folder: PathBuf,
        doors: Doors,
        carriage: Arc<dyn Carriage>,
    ) -> Arc<Self> {
        let (record, others) = (Arc::clone(&decider), Arc::clone(&decider));
        let hear = move || -> BoxFuture<'static, ()> {
            let record = Arc::clone(&others);
            Box::pin(async move { record.hear().await })
        };
        let fleet = Fleet::hearing(carriage, move |request, handed_on| record.ended(request, handed_on), hear);
        let bodies = Bodies::new(&decider.deployment().settings.open);
        Arc::new_cyclic(|this| Self {
            decider,
            upstreams: Upstreams::new(folder),
            calls: Calls::default(),
            sessions: Sessions::default(),
            fleet,
            a2a_tasks: a2a::Tasks::default(),
            doors,
            rooms: Rooms::default(),
            places: Arc::default(),
            bodies,
            meetings: Meetings::default(),
            mirrors: Mirrors::default(),
            drain: Drain::default(),
            ticks: watch::Sender::new(()),
            this: Weak::clone(this),
        })
    }

    pub(crate) fn weak(&self) -> Weak<Self> {
        Weak::clone(&self.this)
    }

    pub(crate) fn shared(&self) -> Arc<Self> {
        self.this.upgrade().expect("a gateway is made inside an `Arc`")
    }

    /// Puts somebody who is not believed on the record, without a look at what it sent: the hop comes as far as stage 2.
    pub(crate) async fn note_stranger(
        &self,
        credential: Credential,
        task: Option<UnverifiedToken>,
        server: &ServerName,
    ) {
        let Ok(received) = self.bare_hop(credential, task, server) else { return };
        let carry: Carry = Box::new(|_| {
            Box::pin(async {
                let reply = Got::Ours(mcp::error(Code::Refused, "unavailable", None));
                Carried::Failed { reply, fault: "its token counts only now".to_owned() }
            })
        });
        drop(self.decider.clone().travel(received, carry).await);
    }

    /// Which agent this is, for what concerns the connection only.
    pub(crate) fn identify(
        &self,
        credential: Credential,
        task: Option<UnverifiedToken>,
        server: &ServerName,
    ) -> Result<AgentName, Refusal> {
        self.decider.identify(self.bare_hop(credential, task, server)?)
    }

    /// A hop that asks for nothing.
    pub(crate) fn bare_hop(
        &self,
        credential: Credential,
        task: Option<UnverifiedToken>,
        server: &ServerName,
    ) -> Result<Received, Refusal> {
        let arrival = Arrival {
            id: self.decider.hop_id(),
            at: self.decider.now(),
            credential,
            task,
            to: Principal::Server(server.clone()),
        };
        let act = Act::List { server: server.clone(), listing: Listing::Tools };
        let limits = self.decider.deployment().settings.limits;
        let nothing = Members::new().to_raw();
        Received::from_bytes(arrival, act, Turn::Ask, nothing.get().as_bytes(), &limits).map_err(|_| Refusal::Malformed)
    }
}

/// Messages that are remembered for as long as they could be shown again, of all agents together.
const MESSAGES_MAX: usize = 1 << 18;
