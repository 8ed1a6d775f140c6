//! Subscriptions to single resources, each of which is a hop.

use std::{
    collections::{BTreeSet, btree_map::Entry},
    sync::{Arc, Weak},
};

use maso_core::{Act, Principal, Turn};
use maso_path::Carried;
use maso_wire::{
    Arrival, Credential, Received,
    mcp::{self, Code, Members, Method, Reply},
};
use serde_json::Value;

use crate::{
    calls::Call,
    decider::{Carry, Decided, Go, Got},
    gateway::Gateway,
    listening::{RESOURCES_MAX, nothing, wanted::Wanted},
    proxy::{Asked, answered, broken, ours_failed},
    room::{Room, known_level, released},
    upstream::Leg,
};

/// For whom, and on which connection, resources are heard of.
pub(crate) struct Place<'a> {
    pub(crate) gateway: &'a Gateway,
    /// The request by which the agent listens.
    pub(crate) asked: &'a Arc<Asked>,
    pub(crate) room: &'a Arc<Room>,
    pub(crate) leg: &'a Arc<Leg>,
}

/// Subscriptions at a server with sessions, until they are dropped.
pub(super) struct Subscriptions {
    pub(super) gateway: Weak<Gateway>,
    pub(super) room: Weak<Room>,
    pub(super) leg: Weak<Leg>,
    pub(super) asked: Arc<Asked>,
    pub(super) resources: BTreeSet<String>,
}

impl Place<'_> {
    /// A hop that lets a resource be heard of on this connection, or no longer: there, and back where the server is asked
    /// for each. Whether it came to that. What is held for a person is not waited for: the client comes back when it was
    /// approved.
    pub(crate) async fn hop(&self, method: Method, uri: &str) -> bool {
        let Self { gateway, asked, room, leg } = *self;
        let agent = &room.agent;
        let mut params = Members::new();
        params.set_value("uri", &uri);
        let act = Act::ReadResource { server: room.server.clone(), uri: uri.to_owned() };
        // The agent was identified with the request that this belongs to.
        let arrival =
            Arrival { credential: Credential::Pipe(Principal::Agent(agent.clone())), ..asked.arrival(gateway) };
        let limits = gateway.decider.deployment().settings.limits;
        let bytes = params.to_raw();
        let Ok(received) = Received::from_bytes(arrival, act.clone(), Turn::Ask, bytes.get().as_bytes(), &limits)
        else {
            return false;
        };
        let (room, leg, resource) = (Arc::clone(room), Arc::clone(leg), uri.to_owned());
        let carry: Carry = Box::new(move |go| {
            Box::pin(async move {
                if go.replaced.is_some() {
                    let why = "something in its name may not go on, and without it it names something else";
                    return ours_failed(mcp::error(Code::InvalidParams, "unknown resource", None), why);
                }
                match method {
                    Method::SubscriptionsListen => Carried::Delivered(Got::Ours(nothing())),
                    Method::ResourcesSubscribe if leg.met().revision.is_stateless() => {
                        room.subscribe(&leg, resource).await
                    }
                    _ if leg.met().revision.is_stateless() => room.unsubscribe(&resource).await,
                    _ => room.tell_of(&leg, method, &params, resource).await,
                }
            })
        });
        match gateway.decider.clone().travel(received, carry).await {
            Decided::Released { hop, got } => {
                let call = Arc::new(Call::of_our_own(asked, agent));
                matches!(gateway.bring_back(asked, &call, method, act, hop, got).await, Reply::Result(_))
            }
            Decided::TryOut { .. } | Decided::Held { .. } | Decided::Refused { .. } => false,
        }
    }
}

impl Gateway {
    /// Carries what only revisions with sessions have: as it is to a server that has them, to a stateless one in its words.
    pub(crate) async fn carry_across(
        &self,
        asked: &Asked,
        call: &Arc<Call>,
        method: Method,
        go: &Go,
        room: &Arc<Room>,
    ) -> Carried<Got> {
        let leg = match room.leg().await {
            Ok(leg) => leg,
            Err(fault) => return broken(method, &fault),
        };
        let payload = released(go, mcp::payload_of(method, &asked.request.params));
        let payload: Value = serde_json::from_str(payload.get()).unwrap_or_default();
        let named = |key: &str| payload[key].as_str().unwrap_or_default().to_owned();
        let stateless = leg.met().revision.is_stateless();
        match method {
            Method::SetLevel => {
                let level = named("level");
                match known_level(&level) {
                    // Kept for a server with sessions as well: the next connection to it is told.
                    Some(level) => room.keep_level(level),
                    None if stateless => {
                        let why = "no such level";
                        return ours_failed(mcp::error(Code::InvalidParams, why, None), why);
                    }
                    None => {}
                }
                if stateless {
                    return Carried::Delivered(Got::Ours(nothing()));
                }
            }
            Method::ResourcesSubscribe if stateless => return room.subscribe(&leg, named("uri")).await,
            Method::ResourcesUnsubscribe if stateless => return room.unsubscribe(&named("uri")).await,
            _ => {}
        }
        self.forward(asked, call, method, go, room, Members::new()).await
    }
}

impl Room {
    /// Has a server with sessions tell of a resource, or no longer.
    async fn tell_of(&self, leg: &Arc<Leg>, method: Method, params: &Members, uri: String) -> Carried<Got> {
        let mut at_server = self.listening.at_server.lock().await;
        let takes_back = method == Method::ResourcesUnsubscribe;
        if takes_back && self.listening.is_wanted(&uri) {
            // Somebody came meanwhile who wants it.
            return Carried::Delivered(Got::Ours(nothing()));
        }
        match leg.ask(leg.fresh_id(), method, params, None).await {
            Ok(answer) => {
                match answer.reply {
                    Reply::Result(_) if takes_back => drop(at_server.on(leg).remove(&uri)),
                    Reply::Result(_) => drop(at_server.on(leg).insert(uri)),
                    Reply::Error(_) => {}
                }
                answered(answer)
            }
            Err(fault) => broken(method, &fault),
        }
    }

    /// Subscribes a client with a session to a resource of a stateless server.
    async fn subscribe(self: &Arc<Self>, leg: &Arc<Leg>, uri: String) -> Carried<Got> {
        let _turn = self.listening.at_server.lock().await;
        {
            let subscribed = self.listening.subscribed.lock();
            if subscribed.contains_key(&uri) {
                return Carried::Delivered(Got::Ours(nothing()));
            }
            if subscribed.len() >= RESOURCES_MAX {
                let why = "too many subscriptions";
                return ours_failed(mcp::error(Code::InvalidParams, why, None), why);
            }
        }
        let wanted = Wanted { topics: BTreeSet::new(), resources: BTreeSet::from([uri.clone()]) };
        match self.open_ear(leg, &wanted, Weak::new()).await {
            Ok((ear, honoured, ended)) if honoured.resources.contains(&uri) => {
                let (room, id) = (Arc::downgrade(self), ear.id);
                self.listening.subscribed.lock().insert(uri.clone(), ear);
                tokio::spawn(async move {
                    ended.await.ok();
                    // Whoever subscribes again gets a new stream, and not the memory of this one.
                    if let Some(room) = room.upgrade()
                        && let Entry::Occupied(known) = room.listening.subscribed.lock().entry(uri)
                        && known.get().id == id
                    {
                        known.remove();
                    }
                });
                Carried::Delivered(Got::Ours(nothing()))
            }
            Ok(_) => {
                let why = "the server does not tell of this resource";
                ours_failed(mcp::error(Code::InvalidParams, why, None), why)
            }
            Err(fault) => broken(Method::ResourcesSubscribe, &fault),
        }
    }

    /// Takes a subscription of a client with a session back from a stateless server.
    async fn unsubscribe(&self, uri: &str) -> Carried<Got> {
        let _turn = self.listening.at_server.lock().await;
        let ear = self.listening.subscribed.lock().remove(uri);
        drop(ear);
        Carried::Delivered(Got::Ours(nothing()))
    }
}

impl Drop for Subscriptions {
    fn drop(&mut self) {
        let (Some(gateway), Some(room)) = (self.gateway.upgrade(), self.room.upgrade()) else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        // A connection that ended has taken it back already.
        let Some(leg) = self.leg.upgrade().filter(|leg| leg.is_open()) else { return };
        let (asked, resources) = (Arc::clone(&self.asked), std::mem::take(&mut self.resources));
        runtime.spawn(async move {
            for uri in resources {
                let is_told = room.listening.at_server.lock().await.on(&leg).contains(&uri);
                if is_told && !room.listening.is_wanted(&uri) {
                    let place = Place { gateway: &gateway, asked: &asked, room: &room, leg: &leg };
                    place.hop(Method::ResourcesUnsubscribe, &uri).await;
                }
            }
        });
    }
}
