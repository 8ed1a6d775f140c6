//! Opening a stateless client's stream, in the words of its server's revision, and its end.

use std::{collections::BTreeSet, sync::Arc};

use maso_path::Carried;
use maso_wire::mcp::{self, Code, Members, Method, Reply, meta};
use serde_json::{Value, json};

use crate::{
    calls::Call,
    client::{Ends, one_line},
    decider::{Go, Got},
    gateway::Gateway,
    listening::{
        listener::{Listener, Upstream},
        nothing,
        subscriptions::{Place, Subscriptions},
        wanted::Wanted,
    },
    outlet::{Outlet, Weight},
    proxy::{Asked, broken, ours_failed},
    room::{Room, released},
    upstream::LegFault,
};

impl Gateway {
    /// Opens a stateless client's stream of notifications. It goes on until the client goes away or the server ends it.
    pub(crate) async fn listen(&self, asked: &Arc<Asked>, call: &Arc<Call>, room: &Arc<Room>, go: &Go) -> Carried<Got> {
        let method = Method::SubscriptionsListen;
        let leg = match room.leg().await {
            Ok(leg) => leg,
            Err(fault) => return broken(method, &fault),
        };
        let payload = released(go, mcp::payload_of(method, &asked.request.params));
        let payload: Value = serde_json::from_str(payload.get()).unwrap_or_default();
        let wanted = match Wanted::of(&payload["notifications"], &leg.met().capabilities) {
            Ok(wanted) => wanted,
            Err(why) => return ours_failed(mcp::error(Code::InvalidParams, why, None), why),
        };
        let Ok(admission) = self.admit(&asked.credential, asked.task.as_ref()) else {
            let why = "what it was asked by counts no more";
            return ours_failed(mcp::error(Code::Internal, "unavailable", None), why);
        };
        let listener = Listener::new(call, admission, wanted.topics.clone());
        if !room.listening.add(&listener) {
            let why = "too many streams are open";
            return ours_failed(mcp::error(Code::Internal, why, None), why);
        }
        let place = Place { gateway: self, asked, room, leg: &leg };
        let honoured = if leg.met().revision.is_stateless() {
            match place.hear_stateless(&listener, wanted).await {
                Ok(honoured) => honoured,
                Err(fault) => return broken(method, &fault),
            }
        } else {
            place.hear_with_session(&listener, wanted).await
        };
        listener.acknowledge(honoured);
        call.keep_listening(listener);
        Carried::Delivered(Got::Ours(nothing()))
    }

    /// Waits until a stream that was opened has come to its end, and tells its client.
    pub(crate) async fn put_end_of_listening(&self, call: &Arc<Call>, outlet: &Outlet, ends: Ends) {
        let has_one_of_its_own = matches!(ends, Ends::WithReply | Ends::WithError);
        tokio::select! {
            biased;
            () = call.cancelled() => {
                if has_one_of_its_own {
                    outlet.close();
                }
                return;
            }
            () = call.listening_over() => {}
        }
        let mut result = Members::new();
        result.set_value("resultType", &"complete");
        result.set_value("_meta", &json!({ (meta::SUBSCRIPTION_ID): call.client_id }));
        let frame = one_line(mcp::response(Some(&call.client_id), &Reply::Result(result.to_raw())));
        if has_one_of_its_own { outlet.push_last(frame) } else { outlet.push(frame, Weight::Must) }
    }
}

impl Place<'_> {
    /// Listens at a stateless server, on a stream for this listener.
    async fn hear_stateless(&self, listener: &Arc<Listener>, wanted: Wanted) -> Result<Wanted, LegFault> {
        let mut resources = BTreeSet::new();
        for uri in wanted.resources {
            if self.hop(Method::SubscriptionsListen, &uri).await {
                resources.insert(uri);
            }
        }
        let wanted = Wanted { topics: wanted.topics, resources };
        listener.heard.lock().resources = wanted.resources.clone();
        let (ear, honoured, ended) = self.room.open_ear(self.leg, &wanted, Arc::downgrade(listener)).await?;
        *listener.upstream.lock() = Some(Upstream::Ear { _ear: ear });
        let over = listener.over.clone();
        tokio::spawn(async move {
            // However it ends, nothing more will come.
            ended.await.ok();
            over.cancel();
        });
        Ok(honoured)
    }

    /// Subscribes at a server with sessions, resource by resource.
    async fn hear_with_session(&self, listener: &Arc<Listener>, wanted: Wanted) -> Wanted {
        // Before the first of them is asked for: whatever comes of it, what the server was told is taken back in the end.
        let subscriptions = Subscriptions {
            gateway: Arc::downgrade(&self.gateway.shared()),
            room: Arc::downgrade(self.room),
            leg: Arc::downgrade(self.leg),
            asked: Arc::clone(self.asked),
            resources: wanted.resources.clone(),
        };
        *listener.upstream.lock() = Some(Upstream::Subscriptions { _subscriptions: subscriptions });
        let mut resources = BTreeSet::new();
        for uri in wanted.resources {
            listener.heard.lock().resources.insert(uri.clone());
            if self.hop(Method::ResourcesSubscribe, &uri).await {
                resources.insert(uri);
            } else {
                listener.heard.lock().resources.remove(&uri);
            }
        }
        Wanted { topics: wanted.topics, resources }
    }
}
