//! What lies between one client's session and one server: the connection, the calls under way on it, and what the server
//! says unasked. Everything that it says travels before the client hears it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use maso_core::{Act, AgentName, HopId, Principal, ServerName, Turn, Wants};
use maso_path::Carried;
use maso_wire::{
    Arrival, Credential, Received, UnverifiedToken,
    mcp::{self, Code, Id, Members, Method, Notification, Reply, Request, Revision, meta},
};
use parking_lot::Mutex;
use serde_json::{Value, json, value::RawValue};
use tokio::sync::oneshot;

use crate::{
    calls::{Call, Question},
    decider::{Carry, Decided, Go, Got},
    gateway::Gateway,
    kept::Kept,
    listening::{Listening, subscription_of},
    outlet::{Outlet, Weight},
    upstream::{Hears, Leg, LegFault, Wish, not_passed_on},
};

/// Between one client's session and one server.
pub(crate) struct Room {
    gateway: Weak<Gateway>,
    pub(crate) server: ServerName,
    pub(crate) agent: AgentName,
    /// The revision that the client speaks.
    pub(crate) revision: Revision,
    capabilities: Value,
    log_level: Mutex<Option<&'static str>>,
    leg: tokio::sync::Mutex<Option<Arc<Leg>>>,
    calls: Mutex<BTreeMap<i64, Arc<Call>>>,
    /// What belongs to no request, for a client with a session.
    general: Arc<Outlet>,
    pub(crate) listening: Listening,
    /// What a client with a session subscribed to.
    pub(crate) kept: Kept,
    questions: Mutex<HashMap<String, Pending>>,
    used_at: Mutex<Instant>,
}

/// A question that a client with a session was asked.
pub(crate) struct Pending {
    /// The hop by which it was asked.
    pub(crate) hop: HopId,
    /// What was asked.
    pub(crate) act: Act,
    /// The task that it belongs to.
    pub(crate) task: Option<UnverifiedToken>,
    /// Where the answer goes.
    pub(crate) answer: oneshot::Sender<Reply>,
}

impl Room {
    pub(crate) fn new(
        gateway: Weak<Gateway>,
        server: ServerName,
        agent: AgentName,
        revision: Revision,
        capabilities: &Value,
        log_level: Option<&'static str>,
        general: Arc<Outlet>,
    ) -> Arc<Self> {
        Arc::new(Self {
            gateway,
            server,
            agent,
            revision,
            capabilities: passable(revision, capabilities),
            log_level: Mutex::new(log_level),
            leg: tokio::sync::Mutex::new(None),
            calls: Mutex::new(BTreeMap::new()),
            general,
            listening: Listening::default(),
            kept: Kept::default(),
            questions: Mutex::new(HashMap::new()),
            used_at: Mutex::new(Instant::now()),
        })
    }

    /// The connection: the one there is, or a new one.
    pub(crate) async fn leg(self: &Arc<Self>) -> Result<Arc<Leg>, LegFault> {
        self.touch();
        let gone = || LegFault::NotSent("maso is shutting down".to_owned());
        let gateway = self.gateway.upgrade().ok_or_else(gone)?;
        let mut slot = self.leg.lock().await;
        if let Some(leg) = slot.as_ref().filter(|leg| leg.is_open()) {
            return Ok(Arc::clone(leg));
        }
        let deployment = gateway.decider.deployment();
        let manifest = deployment
            .servers
            .get(&self.server)
            .ok_or_else(|| LegFault::NotSent(format!("no server `{}` is declared", self.server)))?;
        let wish = Wish { revision: self.revision, capabilities: self.capabilities.clone() };
        let hears = Arc::new(Ears(Arc::downgrade(self)));
        // One that ended gives its place up first.
        *slot = None;
        let place = gateway.place(&self.agent, &self.server).await?;
        let leg = gateway.upstreams.open(manifest, &deployment.settings, wish, hears, Some(place)).await?;
        gateway.note_definitions(&leg, &self.capabilities).await?;
        if let Some(level) = self.log_level()
            && !leg.met().revision.is_stateless()
            && leg.met().capabilities.get("logging").is_some()
        {
            let mut params = Members::new();
            params.set_value("level", &level);
            leg.ask(leg.fresh_id(), Method::SetLevel, &params, None).await?;
        }
        self.follow_lists(&leg);
        self.take_up_subscriptions(&gateway, &leg);
        *slot = Some(Arc::clone(&leg));
        Ok(leg)
    }

    /// The capabilities that are declared to the server for this client.
    pub(crate) fn capabilities(&self) -> &Value {
        &self.capabilities
    }

    /// The least level of log notifications that the client wants.
    pub(crate) fn log_level(&self) -> Option<&'static str> {
        *self.log_level.lock()
    }

    /// From now on it wants this level.
    pub(crate) fn keep_level(&self, level: &'static str) {
        *self.log_level.lock() = Some(level);
    }

    /// Notes that a request to the server is under way, until the guard is dropped.
    pub(crate) fn under_way(self: &Arc<Self>, id: i64, call: &Arc<Call>) -> UnderWay {
        self.calls.lock().insert(id, Arc::clone(call));
        UnderWay { room: Arc::clone(self), id }
    }

    /// The latest request under way: what a server says in passing most likely belongs to it.
    fn latest_call(&self) -> Option<Arc<Call>> {
        self.calls.lock().last_key_value().map(|(_, call)| Arc::clone(call))
    }

    /// Somebody is about to use it.
    pub(crate) fn touch(&self) {
        *self.used_at.lock() = Instant::now();
    }

    /// Since when nobody uses it, whether or not it has a connection; `None` while something is under way in it.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        // Locked while a connection is being opened.
        let is_opening = self.leg.try_lock().is_err();
        let is_idle = !is_opening && self.calls.lock().is_empty() && self.listening.is_quiet();
        is_idle.then(|| *self.used_at.lock())
    }

    /// Since when nobody uses the connection that it holds.
    pub(crate) fn holds_idle_since(&self) -> Option<Instant> {
        let is_connected = self.leg.try_lock().is_ok_and(|leg| leg.is_some());
        self.idle_since().filter(|_| is_connected)
    }

    /// The connection that there is.
    pub(crate) async fn known_leg(&self) -> Option<Arc<Leg>> {
        self.leg.lock().await.clone().filter(|leg| leg.is_open())
    }

    /// The question that this id names, once.
    pub(crate) fn take_question(&self, id: &Id) -> Option<Pending> {
        match id {
            Id::Text(text) => self.questions.lock().remove(text),
            Id::Number(_) => None,
        }
    }

    /// A hop from the server to the agent.
    pub(crate) fn server_hop(
        &self,
        gateway: &Gateway,
        act: Act,
        task: Option<UnverifiedToken>,
        payload: &RawValue,
    ) -> Option<Received> {
        let arrival = Arrival {
            id: gateway.decider.hop_id(),
            at: gateway.decider.now(),
            credential: Credential::Pipe(Principal::Server(self.server.clone())),
            task,
            to: Principal::Agent(self.agent.clone()),
        };
        let limits = gateway.decider.deployment().settings.limits;
        Received::from_bytes(arrival, act, Turn::Ask, payload.get().as_bytes(), &limits).ok()
    }

    async fn told(self: &Arc<Self>, told: Notification) {
        let Some(gateway) = self.gateway.upgrade() else { return };
        let Some(method) = Method::parse(&told.method) else {
            tracing::debug!(server = %self.server, method = told.method, "a notification that nobody knows is dropped");
            return;
        };
        if self.listening.takes(method, &told) {
            return;
        }
        let Ok(act) = mcp::act_of(&self.server, method, told.params_value()) else { return };
        if method == Method::ToolsChanged {
            self.note_changed_tools(&gateway);
        }
        let mut call = None;
        if method == Method::Progress {
            let token = told.params_value().get(meta::PROGRESS_TOKEN).and_then(Value::as_i64);
            call = token.and_then(|token| self.calls.lock().get(&token).cloned());
            if call.as_ref().is_none_or(|call| call.progress_token.is_none()) {
                return;
            }
        } else if method == Method::Message {
            call = self.latest_call();
        }
        let stream = subscription_of(&told);
        let mut payload = told.params.clone();
        payload.retain(|name| name != "_meta" && name != meta::PROGRESS_TOKEN);
        let payload = payload.to_raw();
        let task = call.as_ref().or(self.latest_call().as_ref()).and_then(|call| call.task.clone());
        let Some(received) = self.server_hop(&gateway, act, task, &payload) else { return };
        let room = Arc::clone(self);
        let carry: Carry = Box::new(move |go| {
            Box::pin(async move {
                room.pass_on(method, call.as_deref(), stream, &released(&go, payload));
                Carried::Delivered(Got::Ours(Reply::Result(Members::new().to_raw())))
            })
        });
        // What is held or refused is not heard: it is on the record, and a notification waits for nobody.
        drop(gateway.decider.clone().travel(received, carry).await);
    }

    /// Notes what the server publishes now, so that a changed definition blocks its tool before anybody lists it. Not
    /// here and now: the listing's answer comes by the way on which this was heard.
    fn note_changed_tools(self: &Arc<Self>, gateway: &Arc<Gateway>) {
        let (room, gateway) = (Arc::clone(self), Arc::clone(gateway));
        tokio::spawn(async move {
            let leg = room.leg.lock().await.clone();
            if let Some(leg) = leg
                && let Err(fault) = gateway.note_definitions(&leg, &room.capabilities).await
            {
                tracing::warn!(server = %room.server, %fault, "changed tools could not be listed");
            }
        });
    }

    fn pass_on(&self, method: Method, call: Option<&Call>, stream: Option<i64>, payload: &RawValue) {
        let mut params = Members::of(payload).unwrap_or_default();
        if method == Method::Progress {
            let mut ordered = Members::new();
            ordered.set_value(meta::PROGRESS_TOKEN, &call.and_then(|call| call.progress_token.clone()));
            for (name, value) in params.iter() {
                ordered.set(name, value.to_owned());
            }
            params = ordered;
        }
        if !method.sides(self.revision).server {
            return;
        }
        // A stateless client that names no level wants no log.
        if method == Method::Message && self.revision.is_stateless() && self.log_level().is_none() {
            return;
        }
        match call {
            Some(call) => call.outlet().push(mcp::notification(method.as_str(), &params), Weight::May),
            None if !self.revision.is_stateless() => {
                self.general.push(mcp::notification(method.as_str(), &params), Weight::May);
            }
            None => self.listening.tell(method, stream, &params),
        }
    }

    /// Passes a server's question on and gives the client's answer.
    async fn ask(self: &Arc<Self>, request: &Request) -> Reply {
        let Some(gateway) = self.gateway.upgrade() else { return not_passed_on() };
        let Some(method) = Method::parse(&request.method) else { return not_passed_on() };
        let Ok(act) = mcp::act_of(&self.server, method, request.params_value()) else { return not_passed_on() };
        if !matches!(act, Act::AskClient { .. }) || !declares(&self.capabilities, &act) {
            return not_passed_on();
        }
        let call = self.latest_call();
        let payload = mcp::payload_of(method, &request.params);
        let task = call.as_ref().and_then(|call| call.task.clone());
        let Some(received) = self.server_hop(&gateway, act.clone(), task.clone(), &payload) else {
            return mcp::error(Code::InvalidParams, "malformed", None);
        };
        let hop = received.arrival().id;
        let (answer, answered) = oneshot::channel();
        let slot = Arc::new(Mutex::new(Some(answer)));
        let make_carry = || -> Carry {
            let (room, call, slot) = (Arc::clone(self), call.clone(), Arc::clone(&slot));
            let (act, task, payload) = (act.clone(), task.clone(), payload.clone());
            Box::new(move |go| {
                Box::pin(async move {
                    let params = released(&go, payload);
                    let ours = Got::Ours(Reply::Result(Members::new().to_raw()));
                    let Some(answer) = slot.lock().take() else { return Carried::Delivered(ours) };
                    if room.put(method, params, Pending { hop, act, task, answer }, call.as_deref()) {
                        Carried::Delivered(ours)
                    } else {
                        Carried::Failed { reply: ours, fault: "no client to ask".to_owned() }
                    }
                })
            })
        };
        let settings = gateway.decider.deployment().settings.clone();
        let mut decided = gateway.decider.clone().travel(received, make_carry()).await;
        if let Decided::Held { again, .. } = decided {
            decided = again(settings.hold_open_ms, make_carry()).await;
        }
        if !matches!(decided, Decided::Released { .. }) {
            return mcp::error(Code::Refused, "maso refused this", None);
        }
        match tokio::time::timeout(Duration::from_millis(settings.server_wait_ms), answered).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(_)) | Err(_) => mcp::error(Code::Internal, "the client did not answer", None),
        }
    }

    /// Puts a question to the client, in the form that its revision has.
    fn put(&self, method: Method, params: Box<RawValue>, pending: Pending, call: Option<&Call>) -> bool {
        if self.revision.is_stateless() {
            let Some(call) = call else { return false };
            let Pending { hop, act, answer, .. } = pending;
            call.ask(Question { method: method.as_str().to_owned(), params, hop, act, answer });
            return true;
        }
        let id = format!("maso-{}", pending.hop.as_uuid().simple());
        {
            let mut questions = self.questions.lock();
            questions.retain(|_, pending| !pending.answer.is_closed());
            if questions.len() >= QUESTIONS_MAX {
                return false;
            }
            questions.insert(id.clone(), pending);
        }
        let frame = mcp::request(&Id::Text(id), method.as_str(), &params);
        call.map_or_else(|| Arc::clone(&self.general), Call::outlet).push(frame, Weight::Must);
        true
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // Whoever listens is told; a connection that ends later finds nobody to tell.
        self.listening.end_all();
    }
}

/// What a room's connection hears. Weak, so that a room that nobody uses ends with its connection.
struct Ears(Weak<Room>);

#[async_trait]
impl Hears for Ears {
    async fn notification(&self, told: Notification) {
        if let Some(room) = self.0.upgrade() {
            room.told(told).await;
        }
    }

    fn asked(&self, leg: Arc<Leg>, request: Request) {
        let Some(room) = self.0.upgrade() else { return };
        tokio::spawn(async move {
            let reply = room.ask(&request).await;
            if let Err(fault) = leg.answer(&request.id, &reply).await {
                tracing::debug!(server = %room.server, %fault, "an answer to a server could not be sent");
            }
        });
    }

    fn ended(&self) {
        if let Some(room) = self.0.upgrade() {
            room.questions.lock().clear();
            room.listening.end_all();
        }
    }
}

/// Keeps a request under way in its room's list.
pub(crate) struct UnderWay {
    room: Arc<Room>,
    id: i64,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.room.calls.lock().remove(&self.id);
    }
}

/// The payload as it may go on.
pub(crate) fn released(go: &Go, payload: Box<RawValue>) -> Box<RawValue> {
    match &go.replaced {
        None => payload,
        Some(value) => serde_json::value::to_raw_value(value).expect("a JSON value is serializable"),
    }
}

/// What may be declared to a server of what a client declared: what maso can pass on, in words that the protocol has.
/// No hop carries it and no scanner sees it, so nothing else may stand in it.
pub(crate) fn passable(revision: Revision, capabilities: &Value) -> Value {
    let mut declared = json!({});
    for name in ["roots", "sampling", "elicitation"] {
        if let Some(capability) = capabilities.get(name).filter(|capability| capability.is_object()) {
            declared[name] = known_switches(capability, SWITCHES_DEPTH);
        }
    }
    if revision == Revision::V2025_06_18 {
        // That revision knows neither tools in sampling nor links in elicitation.
        for name in ["sampling", "elicitation"] {
            if declared.get(name).is_some() {
                declared[name] = json!({});
            }
        }
    }
    if revision.is_stateless() && declared.get("roots").is_some() {
        declared["roots"] = json!({});
    }
    declared
}

/// The members that the protocol knows, of those that say yes, no or what lies below them. Nothing lies deeper than the
/// protocol has it, so there is an end to what can be declared.
fn known_switches(capability: &Value, depth: usize) -> Value {
    let mut known = json!({});
    for name in ["listChanged", "context", "tools", "form", "url", "applyDefaults"] {
        match capability.get(name) {
            Some(Value::Bool(switch)) => known[name] = json!(switch),
            Some(Value::Object(_)) if depth == 0 => known[name] = json!({}),
            Some(below @ Value::Object(_)) => known[name] = known_switches(below, depth - 1),
            _ => {}
        }
    }
    known
}

/// The level if it is one that the protocol has.
pub(crate) fn known_level(level: &str) -> Option<&'static str> {
    ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]
        .into_iter()
        .find(|known| *known == level)
}

/// Whether the client declared that it can be asked this.
pub(crate) fn declares(capabilities: &Value, act: &Act) -> bool {
    let name = match act {
        Act::AskClient { wants: Wants::Sample, .. } => "sampling",
        Act::AskClient { wants: Wants::Elicit, .. } => "elicitation",
        Act::AskClient { wants: Wants::Roots, .. } => "roots",
        _ => return false,
    };
    capabilities.get(name).is_some()
}

const QUESTIONS_MAX: usize = 64;
const SWITCHES_DEPTH: usize = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declaration_carries_nothing_but_what_the_protocol_knows() {
        let declared = json!({
            "roots": { "listChanged": true, "of": "the account is DE89 3704 0044 0532 0130 00" },
            "sampling": { "tools": { "secret": "x" }, "context": "said in words" },
            "elicitation": { "form": { "applyDefaults": true }, "url": {} },
            "experimental": { "channel": {} },
        });
        let passed = json!({
            "roots": { "listChanged": true },
            "sampling": { "tools": {} },
            "elicitation": { "form": { "applyDefaults": true }, "url": {} },
        });
        assert_eq!(passable(Revision::V2025_11_25, &declared), passed);
        let deep = json!({ "sampling": { "tools": { "tools": { "tools": { "tools": {} } } } } });
        assert_eq!(
            passable(Revision::V2025_11_25, &deep),
            json!({ "sampling": { "tools": { "tools": {} } } }),
            "who nests deeper declares nothing more"
        );
        assert_eq!(known_level("info"), Some("info"));
        assert_eq!(known_level("info; the account is DE89"), None);
    }
}
