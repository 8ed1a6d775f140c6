//! What clients with sessions subscribed to. A server that is started again knows nothing of it, so each new connection
//! is told, by hops that are decided anew.

use std::{collections::BTreeMap, sync::Arc};

use maso_wire::mcp::{Method, Reply};
use parking_lot::Mutex;
use serde_json::Value;

use crate::{
    gateway::Gateway,
    listening::{Place, RESOURCES_MAX},
    proxy::Asked,
    room::Room,
    upstream::Leg,
};

/// Subscriptions of one client, by resource, with the request by which each was made.
#[derive(Default)]
pub(crate) struct Kept(Mutex<BTreeMap<String, Arc<Asked>>>);

impl Kept {
    /// Past the limit it is not kept, and ends with the connection.
    fn keep(&self, uri: &str, asked: &Asked) {
        let mut kept = self.0.lock();
        if kept.len() < RESOURCES_MAX || kept.contains_key(uri) {
            kept.insert(uri.to_owned(), Arc::new(asked.without_session()));
        }
    }

    fn forget(&self, uri: &str) {
        self.0.lock().remove(uri);
    }

    fn has(&self, uri: &str) -> bool {
        self.0.lock().contains_key(uri)
    }

    fn all(&self) -> Vec<(String, Arc<Asked>)> {
        self.0.lock().iter().map(|(uri, asked)| (uri.clone(), Arc::clone(asked))).collect()
    }
}

impl Gateway {
    /// Notes what a client with a session subscribed to, or no longer wants, when that went through.
    pub(crate) fn note_subscription(&self, asked: &Asked, method: Method, reply: &Reply) {
        let room = asked.session.as_ref().and_then(|session| session.known_room());
        let uri = asked.request.params_value().get("uri").and_then(Value::as_str);
        let (Some(room), Some(uri), Reply::Result(_)) = (room, uri, reply) else { return };
        match method {
            Method::ResourcesSubscribe => room.kept.keep(uri, asked),
            Method::ResourcesUnsubscribe => room.kept.forget(uri),
            _ => {}
        }
    }
}

impl Room {
    /// Tells a new connection what the client subscribed to on an earlier one. Not waited for: what the client asks
    /// meanwhile does not depend on it. No other connection is opened for it, so a server that ends at each subscription
    /// is not started again and again.
    pub(crate) fn take_up_subscriptions(self: &Arc<Self>, gateway: &Arc<Gateway>, leg: &Arc<Leg>) {
        let kept = self.kept.all();
        if kept.is_empty() {
            return;
        }
        let (gateway, room, leg) = (Arc::clone(gateway), Arc::downgrade(self), Arc::downgrade(leg));
        tokio::spawn(async move {
            for (uri, asked) in kept {
                let (Some(room), Some(leg)) = (room.upgrade(), leg.upgrade().filter(|leg| leg.is_open())) else {
                    return;
                };
                if gateway.decider.admits(&asked.credential, asked.task.as_ref()).is_err() || !room.kept.has(&uri) {
                    continue;
                }
                let place = Place { gateway: &gateway, asked: &asked, room: &room, leg: &leg };
                if !place.hop(Method::ResourcesSubscribe, &uri).await {
                    tracing::debug!(server = %room.server, "a subscription was not taken up again");
                } else if !room.kept.has(&uri) {
                    // The client took it back meanwhile, and the server may have heard of that first.
                    place.hop(Method::ResourcesUnsubscribe, &uri).await;
                }
            }
        });
    }
}
