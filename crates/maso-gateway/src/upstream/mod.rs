//! Connections to tool servers. One per server and agent session: a server that remembers must not carry what it
//! remembers from one agent to another.

mod a2a;
mod callback;
mod connection;
mod dial;
mod http;
mod leg;
mod negotiate;
mod stdio;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use maso_core::ServerName;
use maso_intent::{ServerManifest, Settings, Transport};
use maso_wire::{mcp::Revision, sse};
use parking_lot::Mutex;

use crate::places::Place;

use dial::Dialer;
pub(crate) use leg::{Answer, Hears, Leg, LegFault, not_passed_on};
pub(crate) use negotiate::{Met, Wish, stateless_meta};
pub(crate) use stdio::bounded_line;

/// All that is known of how servers are reached.
pub(crate) struct Upstreams {
    folder: PathBuf,
    dialer: Arc<Dialer>,
    states: Mutex<BTreeMap<ServerName, State>>,
}

/// What was learnt of one server.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// The revision it settled on with a client of the handshake kind, and with one of the stateless kind.
    settled: [Option<Revision>; 2],
    n_failures: u32,
    not_before: Option<Instant>,
}

impl Upstreams {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, dialer: Arc::new(Dialer::new()), states: Mutex::new(BTreeMap::new()) }
    }

    /// Opens a connection and negotiates a revision. A server that keeps failing is left alone for a while.
    pub(crate) async fn open(
        &self,
        manifest: &ServerManifest,
        settings: &Settings,
        wish: Wish,
        hears: Arc<dyn Hears>,
        place: Option<Place>,
    ) -> Result<Arc<Leg>, LegFault> {
        let era = usize::from(wish.revision.is_stateless());
        let state = self.states.lock().get(&manifest.name).copied().unwrap_or_default();
        if state.not_before.is_some_and(|moment| Instant::now() < moment) {
            return Err(LegFault::NotSent("it failed lately and is left alone for a moment".to_owned()));
        }
        let opened = self.open_now(manifest, settings, (&wish, state.settled[era]), hears, place).await;
        let mut states = self.states.lock();
        let state = states.entry(manifest.name.clone()).or_default();
        match &opened {
            Ok(leg) => {
                state.n_failures = 0;
                state.not_before = None;
                state.settled[era] = Some(leg.met().revision);
            }
            Err(_) => {
                state.n_failures = state.n_failures.saturating_add(1);
                let pause_ms = BACKOFF_FIRST_MS << state.n_failures.min(BACKOFF_DOUBLINGS_MAX);
                state.not_before = Some(Instant::now() + Duration::from_millis(pause_ms));
                state.settled[era] = None;
            }
        }
        opened
    }

    /// How much longer a server that failed is left alone.
    pub(crate) fn left_alone_for(&self, server: &ServerName) -> Duration {
        let not_before = self.states.lock().get(server).and_then(|state| state.not_before);
        not_before.map_or(Duration::ZERO, |moment| moment.saturating_duration_since(Instant::now()))
    }

    async fn open_now(
        &self,
        manifest: &ServerManifest,
        settings: &Settings,
        (wish, settled): (&Wish, Option<Revision>),
        hears: Arc<dyn Hears>,
        place: Option<Place>,
    ) -> Result<Arc<Leg>, LegFault> {
        // A process holds its place until it has ended, which may be later than its connection.
        let (link, inbox, place) = match &manifest.transport {
            Transport::Stdio { command, args, env, env_from, cwd } => {
                let directory = cwd.as_ref().map_or_else(|| self.folder.clone(), |cwd| self.folder.join(cwd));
                let environment = environment(env, env_from)?;
                let child =
                    stdio::Child { server: &manifest.name, command, args, env: &environment, directory: &directory };
                let (link, inbox) = stdio::spawn(&child, &settings.limits, place)?;
                (link, inbox, None)
            }
            Transport::Http { url, headers_from_env } => {
                let (link, inbox) = http::connect(&self.dialer, url, headers_from_env, settings.limits)?;
                (link, inbox, place)
            }
            Transport::A2a(peer) => {
                let (link, inbox) = a2a::connect(&self.dialer, manifest, peer, settings)?;
                (link, inbox, place)
            }
        };
        let leg = Leg::begin(manifest.name.clone(), link, inbox, settings, hears, place);
        leg.negotiate(wish, settled).await?;
        Ok(leg)
    }
}

/// What a child gets besides what all of them inherit: what the manifest says, and what it says to take from ours.
fn environment(
    env: &BTreeMap<String, String>,
    env_from: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, LegFault> {
    let mut environment = env.clone();
    for (name, variable) in env_from {
        let value = std::env::var(variable)
            .map_err(|_| LegFault::NotSent(format!("the environment variable `{variable}` for `{name}` is not set")))?;
        environment.insert(name.clone(), value);
    }
    Ok(environment)
}

const BACKOFF_FIRST_MS: u64 = 100;
const BACKOFF_DOUBLINGS_MAX: u32 = 8;
