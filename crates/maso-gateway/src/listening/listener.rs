//! A stateless client that listens: what it hears, and when.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use maso_wire::mcp::{self, Id, Members, Method, meta};
use parking_lot::Mutex;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{
    admission::Admission,
    calls::Call,
    listening::{ear::Ear, subscriptions::Subscriptions, wanted::Wanted},
    outlet::{Outlet, Weight},
};

/// A stateless client that listens.
pub(crate) struct Listener {
    /// The id of its request.
    id: Id,
    /// Where its notifications go.
    outlet: Arc<Outlet>,
    /// By what it listens.
    pub(super) admission: Admission,
    pub(super) heard: Mutex<Heard>,
    /// Nothing more will come.
    pub(super) over: CancellationToken,
    /// Its stream at a stateless server, or its subscriptions at one with sessions.
    pub(super) upstream: Mutex<Option<Upstream>>,
}

#[derive(Default)]
pub(super) struct Heard {
    topics: BTreeSet<Method>,
    pub(super) resources: BTreeSet<String>,
    /// What came before the client was told that it listens, which must be the first that it is told.
    early: Option<Vec<Early>>,
}

/// What came early, and of what it tells.
struct Early {
    method: Method,
    uri: Option<String>,
    frame: Bytes,
}

impl Heard {
    fn wants(&self, method: Method, uri: Option<&str>) -> bool {
        match method {
            // A server may tell of what lies below what was subscribed to.
            Method::ResourceUpdated => uri.is_some_and(|uri| self.resources.iter().any(|known| is_at(uri, known))),
            _ => self.topics.contains(&method),
        }
    }
}

pub(super) enum Upstream {
    Ear { _ear: Ear },
    Subscriptions { _subscriptions: Subscriptions },
}

impl Listener {
    pub(super) fn new(call: &Call, admission: Admission, topics: BTreeSet<Method>) -> Arc<Self> {
        Arc::new(Self {
            id: call.client_id.clone(),
            outlet: call.outlet(),
            admission,
            heard: Mutex::new(Heard { topics, resources: BTreeSet::new(), early: Some(Vec::new()) }),
            over: CancellationToken::new(),
            upstream: Mutex::new(None),
        })
    }

    /// Tells the client, if it asked for this.
    pub(super) fn tell(&self, method: Method, uri: Option<&str>, params: &Members) {
        let mut heard = self.heard.lock();
        if !heard.wants(method, uri) {
            return;
        }
        let mut params = params.clone();
        params.set_value("_meta", &json!({ (meta::SUBSCRIPTION_ID): self.id }));
        let frame = mcp::notification(method.as_str(), &params);
        match &mut heard.early {
            Some(early) if early.len() < EARLY_MAX => {
                early.push(Early { method, uri: uri.map(str::to_owned), frame: frame.into() });
            }
            Some(_) => {}
            None => self.outlet.push(frame, Weight::May),
        }
    }

    /// Tells the client what it listens to, and then what came of that meanwhile.
    pub(super) fn acknowledge(&self, honoured: Wanted) {
        let mut params = Members::new();
        params.set_value("_meta", &json!({ (meta::SUBSCRIPTION_ID): self.id }));
        params.set_value("notifications", &honoured.filter());
        let mut heard = self.heard.lock();
        self.outlet.push(mcp::notification(Method::SubscriptionsAcknowledged.as_str(), &params), Weight::Must);
        heard.topics = honoured.topics;
        heard.resources = honoured.resources;
        for Early { method, uri, frame } in heard.early.take().unwrap_or_default() {
            // What was refused in the end may have been heard before.
            if heard.wants(method, uri.as_deref()) {
                self.outlet.push(frame, Weight::May);
            }
        }
    }

    /// Waits until nothing more will come, or nothing more may be heard.
    pub(crate) async fn over(&self) {
        tokio::select! {
            () = self.over.cancelled() => {}
            () = self.admission.ended() => self.over.cancel(),
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.is_cancelled()
    }
}

/// Whether a URI is this one or lies below it.
fn is_at(uri: &str, known: &str) -> bool {
    uri.strip_prefix(known)
        .is_some_and(|rest| rest.is_empty() || known.ends_with('/') || rest.starts_with(['/', '?', '#']))
}

const EARLY_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_refused_is_not_heard_of_even_if_it_changed_before() {
        let outlet = Arc::new(Outlet::new());
        let (open, secret) = ("notes://open/a", "notes://secret/b");
        let listener = Listener {
            id: Id::Number(1),
            outlet: Arc::clone(&outlet),
            admission: Admission::lost(),
            heard: Mutex::new(Heard {
                topics: BTreeSet::new(),
                resources: [open, secret].map(str::to_owned).into(),
                early: Some(Vec::new()),
            }),
            over: CancellationToken::new(),
            upstream: Mutex::new(None),
        };
        for uri in [secret, open] {
            let mut params = Members::new();
            params.set_value("uri", &uri);
            listener.tell(Method::ResourceUpdated, Some(uri), &params);
        }
        listener.acknowledge(Wanted { topics: BTreeSet::new(), resources: BTreeSet::from([open.to_owned()]) });
        outlet.close();
        let mut frames = Vec::new();
        while let Some((_, frame)) = outlet.next(frames.len() as u64).await {
            frames.push(String::from_utf8(frame.to_vec()).unwrap());
        }
        assert_eq!(frames.len(), 2, "the acknowledgement, and one change");
        assert!(frames.iter().all(|frame| !frame.contains(secret)));
    }

    #[test]
    fn a_name_that_begins_alike_lies_elsewhere() {
        for (uri, known, expected) in [
            ("notes://a", "notes://a", true),
            ("notes://a/b", "notes://a", true),
            ("notes://a/b", "notes://a/", true),
            ("notes://ab", "notes://a", false),
            ("notes://", "notes://a", false),
        ] {
            assert_eq!(is_at(uri, known), expected, "{uri} at {known}");
        }
    }
}
