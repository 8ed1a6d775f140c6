//! What clients listen to. A stateless client opens a stream that names all of it; a client with a session subscribes to
//! each resource. Whichever it does, a server hears it in the words of its own revision.
//!
//! Each resource is a hop of its own, so that nobody hears of what its mandate does not let it read.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, btree_map::Entry},
    sync::{Arc, Weak},
    time::Duration,
};

use bytes::Bytes;
use maso_core::{Act, Principal, Turn};
use maso_path::Carried;
use maso_wire::{
    Arrival, Credential, Received,
    mcp::{self, Code, Id, Members, Method, Notification, Reply, meta},
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::{
    admission::Admission,
    calls::Call,
    client::{Ends, one_line},
    decider::{Carry, Decided, Go, Got},
    gateway::Gateway,
    outlet::{Outlet, Weight},
    proxy::{Asked, answered, broken, ours_failed},
    room::{Room, known_level, released},
    upstream::{Leg, LegFault, stateless_meta},
};

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

/// A stateless client that listens.
pub(crate) struct Listener {
    /// The id of its request.
    id: Id,
    /// Where its notifications go.
    outlet: Arc<Outlet>,
    /// By what it listens.
    admission: Admission,
    heard: Mutex<Heard>,
    /// Nothing more will come.
    over: CancellationToken,
    /// Its stream at a stateless server, or its subscriptions at one with sessions.
    upstream: Mutex<Option<Upstream>>,
}

#[derive(Default)]
struct Heard {
    topics: BTreeSet<Method>,
    resources: BTreeSet<String>,
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

enum Upstream {
    Ear { _ear: Ear },
    Subscriptions { _subscriptions: Subscriptions },
}

/// A stream at a stateless server.
struct Stream {
    acknowledged: Option<oneshot::Sender<Value>>,
    /// For whom; nobody in particular where the client has a session.
    listener: Weak<Listener>,
}

/// A stream at a stateless server, until it is dropped.
struct Ear {
    room: Weak<Room>,
    leg: Weak<Leg>,
    id: i64,
}

/// Subscriptions at a server with sessions, until they are dropped.
struct Subscriptions {
    gateway: Weak<Gateway>,
    room: Weak<Room>,
    leg: Weak<Leg>,
    asked: Arc<Asked>,
    resources: BTreeSet<String>,
}

/// What a stateless client asked to be told of.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    topics: BTreeSet<Method>,
    resources: BTreeSet<String>,
}

/// The lists of whose changes one can be told: the word of the stateless revision, the notification, the capability.
const LISTS: [(&str, Method, &str); 3] = [
    ("toolsListChanged", Method::ToolsChanged, "tools"),
    ("promptsListChanged", Method::PromptsChanged, "prompts"),
    ("resourcesListChanged", Method::ResourcesChanged, "resources"),
];
const RESOURCES: &str = "resourceSubscriptions";

impl Wanted {
    /// What is asked for, less what the server does not offer.
    fn of(filter: &Value, offered: &Value) -> Result<Self, &'static str> {
        let lists = LISTS.into_iter().filter(|(word, _, capability)| {
            filter[*word] == json!(true) && offered[*capability]["listChanged"] == json!(true)
        });
        let topics = lists.map(|(_, method, _)| method).collect();
        let named = match &filter[RESOURCES] {
            Value::Null => &Vec::new(),
            Value::Array(uris) => uris,
            _ => return Err("`resourceSubscriptions` must be a list of URIs"),
        };
        if named.len() > RESOURCES_MAX {
            return Err("too many resources in one stream");
        }
        let mut resources = BTreeSet::new();
        for uri in named {
            resources.insert(uri.as_str().ok_or("`resourceSubscriptions` must be a list of URIs")?.to_owned());
        }
        if offered["resources"]["subscribe"] != json!(true) {
            resources.clear();
        }
        Ok(Self { topics, resources })
    }

    /// As the stateless revision writes it.
    fn filter(&self) -> Value {
        let mut filter = json!({});
        for (word, method, _) in LISTS {
            if self.topics.contains(&method) {
                filter[word] = json!(true);
            }
        }
        if !self.resources.is_empty() {
            filter[RESOURCES] = json!(self.resources);
        }
        filter
    }
}

impl Listener {
    fn new(call: &Call, admission: Admission, topics: BTreeSet<Method>) -> Arc<Self> {
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
    fn tell(&self, method: Method, uri: Option<&str>, params: &Members) {
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
    fn acknowledge(&self, honoured: Wanted) {
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
        let honoured = if leg.met().revision.is_stateless() {
            match self.hear_stateless(asked, room, &leg, &listener, wanted).await {
                Ok(honoured) => honoured,
                Err(fault) => return broken(method, &fault),
            }
        } else {
            self.hear_with_session(asked, room, &leg, &listener, wanted).await
        };
        listener.acknowledge(honoured);
        call.keep_listening(listener);
        Carried::Delivered(Got::Ours(nothing()))
    }

    /// Listens at a stateless server, on a stream for this listener.
    async fn hear_stateless(
        &self,
        asked: &Arc<Asked>,
        room: &Arc<Room>,
        leg: &Arc<Leg>,
        listener: &Arc<Listener>,
        wanted: Wanted,
    ) -> Result<Wanted, LegFault> {
        let mut resources = BTreeSet::new();
        for uri in wanted.resources {
            if self.subscription_hop(asked, room, leg, Method::SubscriptionsListen, &uri).await {
                resources.insert(uri);
            }
        }
        let wanted = Wanted { topics: wanted.topics, resources };
        listener.heard.lock().resources = wanted.resources.clone();
        let (ear, honoured, ended) = room.open_ear(leg, &wanted, Arc::downgrade(listener)).await?;
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
    async fn hear_with_session(
        &self,
        asked: &Arc<Asked>,
        room: &Arc<Room>,
        leg: &Arc<Leg>,
        listener: &Arc<Listener>,
        wanted: Wanted,
    ) -> Wanted {
        // Before the first of them is asked for: whatever comes of it, what the server was told is taken back in the end.
        let subscriptions = Subscriptions {
            gateway: Arc::downgrade(&self.shared()),
            room: Arc::downgrade(room),
            leg: Arc::downgrade(leg),
            asked: Arc::clone(asked),
            resources: wanted.resources.clone(),
        };
        *listener.upstream.lock() = Some(Upstream::Subscriptions { _subscriptions: subscriptions });
        let mut resources = BTreeSet::new();
        for uri in wanted.resources {
            listener.heard.lock().resources.insert(uri.clone());
            if self.subscription_hop(asked, room, leg, Method::ResourcesSubscribe, &uri).await {
                resources.insert(uri);
            } else {
                listener.heard.lock().resources.remove(&uri);
            }
        }
        Wanted { topics: wanted.topics, resources }
    }

    /// A hop that lets a resource be heard of on this connection, or no longer: there, and back where the server is asked
    /// for each. Whether it came to that. What is held for a person is not waited for: the client comes back when it was
    /// approved.
    pub(crate) async fn subscription_hop(
        &self,
        asked: &Arc<Asked>,
        room: &Arc<Room>,
        leg: &Arc<Leg>,
        method: Method,
        uri: &str,
    ) -> bool {
        let agent = &room.agent;
        let mut params = Members::new();
        params.set_value("uri", &uri);
        let act = Act::ReadResource { server: room.server.clone(), uri: uri.to_owned() };
        // The agent was identified with the request that this belongs to.
        let arrival = Arrival { credential: Credential::Pipe(Principal::Agent(agent.clone())), ..asked.arrival(self) };
        let limits = self.decider.deployment().settings.limits;
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
        match self.decider.clone().travel(received, carry).await {
            Decided::Released { hop, got } => {
                let call = Arc::new(Call::of_our_own(asked, agent));
                matches!(self.bring_back(asked, &call, method, act, hop, got).await, Reply::Result(_))
            }
            Decided::Held { .. } | Decided::Refused { .. } => false,
        }
    }

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

    /// Has a stateless server tell of changed lists, as one with sessions does unasked. Not waited for: what a client asks
    /// meanwhile does not depend on it.
    pub(crate) fn follow_lists(self: &Arc<Self>, leg: &Arc<Leg>) {
        let all = json!({ "toolsListChanged": true, "promptsListChanged": true, "resourcesListChanged": true });
        let Ok(wanted) = Wanted::of(&all, &leg.met().capabilities) else { return };
        if self.revision.is_stateless() || !leg.met().revision.is_stateless() || wanted.topics.is_empty() {
            return;
        }
        let (room, leg) = (Arc::downgrade(self), Arc::downgrade(leg));
        tokio::spawn(async move {
            let (Some(room), Some(leg)) = (room.upgrade(), leg.upgrade()) else { return };
            match room.open_ear(&leg, &wanted, Weak::new()).await {
                Ok((ear, _, _)) => *room.listening.lists.lock() = Some(ear),
                Err(fault) => tracing::debug!(server = %room.server, %fault, "its lists cannot be followed"),
            }
        });
    }

    /// Opens a stream at a stateless server; gives what it agreed to of what was wanted, and what comes at its end.
    async fn open_ear(
        self: &Arc<Self>,
        leg: &Arc<Leg>,
        wanted: &Wanted,
        listener: Weak<Listener>,
    ) -> Result<(Ear, Wanted, oneshot::Receiver<Result<crate::upstream::Answer, LegFault>>), LegFault> {
        let id = leg.fresh_id();
        let (acknowledged, agreed) = oneshot::channel();
        let ear = Ear { room: Arc::downgrade(self), leg: Arc::downgrade(leg), id };
        self.listening.streams.lock().insert(id, Stream { acknowledged: Some(acknowledged), listener });
        let mut params = Members::new();
        params.set_value("notifications", &wanted.filter());
        params.set_value("_meta", &stateless_meta(self.capabilities()));
        let mut ended = leg.begin_listening(id, &params).await?;
        let agreed = async {
            tokio::select! {
                agreed = agreed => agreed.map_err(|_| LegFault::Broken("the connection ended".to_owned())),
                ended = &mut ended => Err(match ended {
                    Ok(Err(fault)) => fault,
                    Ok(Ok(_)) | Err(_) => LegFault::Broken("the server opens no stream".to_owned()),
                }),
            }
        };
        let silent = |_| LegFault::Broken("the server did not acknowledge the stream".to_owned());
        let agreed = tokio::time::timeout(ACKNOWLEDGE_WAIT, agreed).await.map_err(silent)??;
        // What nobody asked for is nobody's, whatever the server says.
        let offered = json!({
            "tools": { "listChanged": wanted.topics.contains(&Method::ToolsChanged) },
            "prompts": { "listChanged": wanted.topics.contains(&Method::PromptsChanged) },
            "resources": { "listChanged": wanted.topics.contains(&Method::ResourcesChanged), "subscribe": true },
        });
        let mut honoured = Wanted::of(&agreed, &offered).unwrap_or_default();
        honoured.resources.retain(|uri| wanted.resources.contains(uri));
        Ok((ear, honoured, ended))
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        if let Some(room) = self.room.upgrade() {
            room.listening.streams.lock().remove(&self.id);
        }
        if let (Some(leg), Ok(runtime)) = (self.leg.upgrade(), tokio::runtime::Handle::try_current()) {
            let id = self.id;
            runtime.spawn(async move { leg.cancel(id).await });
        }
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
                    gateway.subscription_hop(&asked, &room, &leg, Method::ResourcesUnsubscribe, &uri).await;
                }
            }
        });
    }
}

/// Whether a URI is this one or lies below it.
fn is_at(uri: &str, known: &str) -> bool {
    uri.strip_prefix(known)
        .is_some_and(|rest| rest.is_empty() || known.ends_with('/') || rest.starts_with(['/', '?', '#']))
}

/// An answer that says nothing but yes.
fn nothing() -> Reply {
    Reply::Result(Members::new().to_raw())
}

const LISTENERS_MAX: usize = 64;
pub(crate) const RESOURCES_MAX: usize = 64;
const EARLY_MAX: usize = 64;
const ACKNOWLEDGE_WAIT: Duration = Duration::from_secs(30);

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

    #[test]
    fn what_a_server_does_not_offer_is_not_wanted() {
        let filter = json!({ "toolsListChanged": true, "promptsListChanged": true, "resourcesListChanged": false,
            "resourceSubscriptions": ["notes://a", "notes://a"] });
        let offered = json!({ "tools": { "listChanged": true }, "prompts": {}, "resources": { "subscribe": true } });
        let wanted = Wanted::of(&filter, &offered).unwrap();
        assert_eq!(wanted.filter(), json!({ "toolsListChanged": true, "resourceSubscriptions": ["notes://a"] }));
        assert_eq!(Wanted::of(&filter, &json!({})), Ok(Wanted::default()));
        assert!(Wanted::of(&json!({ "resourceSubscriptions": "notes://a" }), &offered).is_err());
        assert!(Wanted::of(&json!({ "resourceSubscriptions": [1] }), &offered).is_err());
        let many: Vec<_> = (0..=RESOURCES_MAX).map(|n| format!("notes://{n}")).collect();
        assert!(Wanted::of(&json!({ "resourceSubscriptions": many }), &offered).is_err());
    }
}
