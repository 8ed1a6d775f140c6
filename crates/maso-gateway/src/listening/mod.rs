//! What clients listen to. A stateless client opens a stream that names all of it; a client with a session subscribes to
//! each resource. Whichever it does, a server hears it in the words of its own revision.
//!
//! Each resource is a hop of its own, so that nobody hears of what its mandate does not let it read.

mod ear;
mod listener;
mod opening;
mod subscriptions;
mod wanted;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Weak},
};

use maso_wire::mcp::{Members, Method, Notification, Reply, meta};
use parking_lot::Mutex;

use crate::{
    listening::ear::{Ear, Stream},
    upstream::Leg,
};

pub(crate) use listener::Listener;
pub(crate) use subscriptions::Place;

/// All that is listened to in one room.
#[derive(Default)]
pub(crate) struct Listening {
    /// Stateless clients that listen.
    listeners: Mutex<Vec<Weak<Listener>>>,
    /// Streams that a stateless server was asked for, by the id of the request.
    streams: Mutex<HashMap<i64, Stream>>,
    /// What a client with a session subscribed to at a stateless server.
    subscribed: Mutex<BTreeMap<String, Ear>>,
    /// A session's ear for changed lists at a stateless server.
    lists: Mutex<Option<Ear>>,
    /// What stateless clients subscribed to at a server with sessions. Locked while it is told, so that it hears what is
    /// subscribed to and what is taken back in order; not while hops travel, which take as long as they take.
    at_server: tokio::sync::Mutex<AtServer>,
}

/// What a server with sessions was told on one connection.
#[derive(Default)]
struct AtServer {
    leg: Weak<Leg>,
    resources: BTreeSet<String>,
}

impl AtServer {
    /// What it was told on this connection; what it was told on another ended with that.
    fn on(&mut self, leg: &Arc<Leg>) -> &mut BTreeSet<String> {
        let leg = Arc::downgrade(leg);
        if !Weak::ptr_eq(&self.leg, &leg) {
            *self = Self { leg, resources: BTreeSet::new() };
        }
        &mut self.resources
    }
}

impl Listening {
    /// Whether somebody listens.
    pub(crate) fn is_quiet(&self) -> bool {
        self.listeners.lock().iter().all(|listener| listener.strong_count() == 0)
    }

    /// Whether a stateless client wants to hear of exactly this.
    fn is_wanted(&self, uri: &str) -> bool {
        let listeners: Vec<_> = self.listeners.lock().iter().filter_map(Weak::upgrade).collect();
        listeners.iter().any(|listener| listener.heard.lock().resources.contains(uri))
    }

    fn add(&self, listener: &Arc<Listener>) -> bool {
        let mut listeners = self.listeners.lock();
        listeners.retain(|known| known.strong_count() > 0);
        let has_room = listeners.len() < LISTENERS_MAX;
        if has_room {
            listeners.push(Arc::downgrade(listener));
        }
        has_room
    }

    /// Hears what concerns the streams alone; `true` if that is all there is to it.
    pub(crate) fn takes(&self, method: Method, told: &Notification) -> bool {
        if method != Method::SubscriptionsAcknowledged {
            return false;
        }
        let acknowledged = subscription_of(told)
            .and_then(|id| self.streams.lock().get_mut(&id).and_then(|stream| stream.acknowledged.take()));
        if let Some(acknowledged) = acknowledged {
            // Whoever no longer waits does not need to know.
            acknowledged.send(told.params_value()["notifications"].clone()).ok();
        }
        true
    }

    /// Tells stateless clients what belongs to no request: the one whose stream it came on, or all that asked for it.
    pub(crate) fn tell(&self, method: Method, stream: Option<i64>, params: &Members) {
        let uri = params.named("uri").and_then(|uri| serde_json::from_str::<String>(uri.get()).ok());
        let listeners: Vec<_> = match stream {
            Some(id) => self.streams.lock().get(&id).and_then(|stream| stream.listener.upgrade()).into_iter().collect(),
            None => self.listeners.lock().iter().filter_map(Weak::upgrade).collect(),
        };
        for listener in listeners.iter().filter(|listener| listener.admission.counts()) {
            listener.tell(method, uri.as_deref(), params);
        }
    }

    /// The connection ended, and with it all that was listened to on it.
    pub(crate) fn end_all(&self) {
        for listener in self.listeners.lock().iter().filter_map(Weak::upgrade) {
            listener.over.cancel();
        }
        self.streams.lock().clear();
        let ears = std::mem::take(&mut *self.subscribed.lock());
        drop((ears, self.lists.lock().take()));
    }
}

/// The stream that a stateless server's notification came on.
pub(crate) fn subscription_of(told: &Notification) -> Option<i64> {
    told.params_value().get("_meta")?.get(meta::SUBSCRIPTION_ID)?.as_i64()
}

/// An answer that says nothing but yes.
fn nothing() -> Reply {
    Reply::Result(Members::new().to_raw())
}

const LISTENERS_MAX: usize = 64;
pub(crate) const RESOURCES_MAX: usize = 64;
