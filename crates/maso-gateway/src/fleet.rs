//! The server that maso itself is to agents: one asks another for work, under a grant, and nowhere else do they meet.
//! Requests and their answers are hops; what lies in a mailbox was released.

mod messages;
mod tasks;
mod told;
mod tools;

use std::{
    collections::{BTreeMap, VecDeque},
    future::Future,
    sync::Arc,
    time::Duration,
};

use maso_core::{Act, AgentName, Digest, HopId, ITSELF, Principal, Refusal, RequestName, Timestamp, Turn, WorkStatus};
use maso_identity::{Delegation, Link};
use maso_path::Carried;
use maso_wire::{
    Arrival, Received, UnverifiedToken,
    mcp::{self, Code, Listed, Method, Reply, Revision},
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::{
    calls::Call,
    decider::{Carry, Got},
    gateway::Gateway,
    hold::{Settled, held_reply},
    proxy::{Asked, TurnedAway, refusal_reply, unknown_tool},
    rotation,
};

pub(crate) use messages::{Handed, Posted};
pub(crate) use tasks::{Progress, Request, came_of};
use told::Told;
pub(crate) use tools::tool;

/// The name under which maso itself is a server.
pub(crate) const SERVER: &str = ITSELF;

/// All mailboxes. They live as long as the process: what must outlast it belongs on the record.
#[derive(Default)]
pub(crate) struct Fleet {
    requests: Mutex<BTreeMap<HopId, Open>>,
    told: Mutex<BTreeMap<HopId, Told>>,
    changed: Notify,
}

/// A request of one agent to another that is not forgotten yet.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    /// Who made it.
    pub(crate) from: AgentName,
    to: AgentName,
    request: RequestName,
    content: Value,
    /// The token of the task in which it was made, if one was shown.
    pub(crate) task: Option<UnverifiedToken>,
    /// The token under which it is worked on: the same task, and no more than the request names.
    pub(crate) handed_on: Option<UnverifiedToken>,
    goal: Option<Digest>,
    at: Timestamp,
    taken: bool,
    result: Option<Value>,
    /// What the message said beside its content by which the request was made, if it was made by one.
    beside: Option<Value>,
    /// The same of the answer.
    beside_result: Option<Value>,
    /// Whether the answer lies with a listener of whoever asked.
    result_taken: bool,
    /// Who said that it has what was handed to it: it is never handed out again.
    acknowledged: Acknowledged,
}

/// Which sides of a request have what was for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Acknowledged {
    request: bool,
    result: bool,
}

impl Open {
    /// A request that nobody has taken yet.
    fn new(
        (from, to): (AgentName, AgentName),
        (request, content): (RequestName, Value),
        (task, handed_on): (Option<UnverifiedToken>, Option<UnverifiedToken>),
        goal: Option<Digest>,
        at: Timestamp,
    ) -> Self {
        Self {
            from,
            to,
            request,
            content,
            task,
            handed_on,
            goal,
            at,
            taken: false,
            result: None,
            beside: None,
            beside_result: None,
            result_taken: false,
            acknowledged: Acknowledged::default(),
        }
    }

    /// What whoever is asked is told of it.
    fn told(&self, id: HopId) -> Value {
        let mut told = json!({
            "id": id.to_string(),
            "from": self.from.as_str(),
            "request": self.request.as_str(),
            "content": self.content,
        });
        if let Some(goal) = &self.goal {
            told["goal_hash"] = json!(goal.to_string());
        }
        if let Some(task) = &self.handed_on {
            // It says which task the work belongs to, and nothing of who does it: it is no credential.
            told["task_token"] = json!(task.expose());
        }
        if let Some(beside) = &self.beside {
            told["message"] = beside.clone();
        }
        told
    }

    /// What whoever asked is told of the answer, once there is one.
    fn told_result(&self) -> Option<Value> {
        let mut told = json!({ "done": true, "result": self.result.clone()? });
        if let Some(beside) = &self.beside_result {
            told["message"] = beside.clone();
        }
        Some(told)
    }
}

impl Fleet {
    /// Puts a request in the mailbox of whom it is for; `false` when that is full.
    fn put(&self, id: HopId, open: Open) -> bool {
        {
            let mut requests = self.requests.lock();
            let now = open.at;
            requests.retain(|_, known| now.since_ms(known.at) < KEPT_MS);
            let waiting = || requests.values().filter(|known| known.to == open.to && known.result.is_none());
            let of_edge = waiting().filter(|known| known.from == open.from).count();
            if of_edge >= EDGE_MAX || waiting().count() >= MAILBOX_MAX || requests.len() >= REQUESTS_MAX {
                return false;
            }
            requests.insert(id, open);
        }
        self.changed.notify_waiters();
        true
    }

    /// Puts requests back that were taken for a client that is gone.
    fn give_back(&self, ids: &[HopId]) {
        for id in ids {
            let mut requests = self.requests.lock();
            let open = requests.get_mut(id).filter(|open| open.result.is_none() && !open.acknowledged.request);
            if let Some(open) = open {
                open.taken = false;
            }
        }
        self.changed.notify_waiters();
    }

    /// Takes up to `max` requests out of an agent's mailbox, waiting for the first as [`Fleet::within`] does.
    async fn receive(&self, to: &AgentName, max: usize, wait_ms: u64, over: impl Future<Output = ()>) -> Vec<Value> {
        self.within(wait_ms, over, || {
            let mut requests = self.requests.lock();
            let mut ready: VecDeque<_> =
                requests.iter_mut().filter(|(_, open)| open.to == *to && !open.taken).collect();
            ready.make_contiguous().sort_by_key(|(_, open)| open.at);
            let taken: Vec<Value> = ready
                .into_iter()
                .take(max)
                .map(|(id, open)| {
                    open.taken = true;
                    open.told(*id)
                })
                .collect();
            (!taken.is_empty()).then_some(taken)
        })
        .await
        .unwrap_or_default()
    }

    pub(crate) fn find(&self, id: HopId) -> Option<Open> {
        self.requests.lock().get(&id).cloned()
    }

    fn complete(&self, id: HopId, result: Value, beside: Option<Value>) -> bool {
        let done = match self.requests.lock().get_mut(&id) {
            Some(open) if open.result.is_none() => {
                (open.result, open.beside_result) = (Some(result), beside);
                true
            }
            Some(_) | None => false,
        };
        self.changed.notify_waiters();
        done
    }

    async fn result(&self, id: HopId, wait_ms: u64, over: impl Future<Output = ()>) -> Option<Value> {
        self.within(wait_ms, over, || self.requests.lock().get(&id).and_then(Open::told_result)).await
    }

    /// Looks until there is something, for so long at most, and no longer than until `over`: whoever left takes nothing.
    async fn within<T>(&self, wait_ms: u64, over: impl Future<Output = ()>, look: impl Fn() -> Option<T>) -> Option<T> {
        let looking = async {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                // Enabled before looking, so that what comes in between is noticed.
                changed.as_mut().enable();
                if let Some(found) = look() {
                    return found;
                }
                changed.await;
            }
        };
        tokio::select! {
            biased;
            () = over => None,
            found = tokio::time::timeout(Duration::from_millis(wait_ms.min(WAIT_MS_MAX)), looking) => found.ok(),
        }
    }
}

impl Gateway {
    /// Serves a request to maso itself.
    pub(crate) async fn fleet_reply(&self, asked: &Arc<Asked>, call: &Arc<Call>, method: Method) -> Reply {
        if method == Method::ToolsCall {
            return self.fleet_call(asked, call).await;
        }
        let agent = match self.known_agent(asked) {
            Ok(agent) => agent,
            Err(reply) => return *reply,
        };
        let result = match method {
            Method::Ping => json!({}),
            Method::Initialize | Method::Discover => {
                let mut told = json!({
                    "capabilities": { "tools": {} },
                    "serverInfo": { "name": "maso", "version": env!("CARGO_PKG_VERSION") },
                });
                if asked.revision.is_stateless() {
                    let versions: Vec<_> = Revision::ALL.iter().rev().map(|known| known.as_str()).collect();
                    told["supportedVersions"] = json!(versions);
                } else {
                    told["protocolVersion"] = json!(asked.revision.as_str());
                }
                told
            }
            Method::ToolsList => {
                json!({ "tools": tools::tools_of(&self.decider.deployment(), &agent) })
            }
            _ => return mcp::error(Code::MethodNotFound, "Method not found", None),
        };
        let raw = serde_json::value::to_raw_value(&result).expect("a JSON value is serializable");
        Reply::Result(mcp::result_for(asked.revision, method, &raw, Listed::Shaped))
    }

    /// The agent that asks, for what concerns nobody but itself.
    pub(crate) fn known_agent(&self, asked: &Asked) -> Result<AgentName, Box<Reply>> {
        let agent = match self.identify(asked.credential.clone(), asked.task.clone(), &asked.server) {
            Ok(agent) => agent,
            Err(refusal) => {
                asked.turn_away(TurnedAway::Unauthentic);
                return Err(Box::new(mcp::error(Code::Refused, refusal.as_str(), None)));
            }
        };
        if let Some(session) = &asked.session {
            if !session.is_of(&agent) {
                asked.turn_away(TurnedAway::NotItsSession);
                return Err(Box::new(mcp::error(Code::InvalidRequest, "session not found", None)));
            }
            session.bind(&agent);
        }
        self.decider.seen(&agent);
        Ok(agent)
    }

    async fn fleet_call(&self, asked: &Arc<Asked>, call: &Arc<Call>) -> Reply {
        let params = asked.request.params_value();
        let arguments = params.get("arguments").cloned().unwrap_or_else(|| json!({}));
        let name = params.get("name").and_then(Value::as_str).unwrap_or_default();
        let reply = match name {
            "send_request" => self.send_request(asked, call, &arguments).await,
            "complete_request" => self.complete_request(asked, call, &arguments).await,
            "report_status" => self.report_status(asked, call, &arguments).await,
            "ask_clarification" => self.ask_clarification(asked, call, &arguments).await,
            "answer_clarification" => self.answer_clarification(asked, call, &arguments).await,
            "clarifications" => self.clarifications(asked),
            "receive_requests" | "request_result" => {
                let agent = match self.known_agent(asked) {
                    Ok(agent) => agent,
                    Err(reply) => return *reply,
                };
                // What lies in a mailbox was released to an agent that was not stopped then.
                if self.decider.is_stopped(&agent) {
                    return mcp::refused_tool(Refusal::Suspended, self.decider.hop_id());
                }
                let (max, wait_ms) = room_and_patience(&arguments);
                let over = self.waiting_over(call);
                if name == "receive_requests" {
                    let requests = self.fleet.receive(&agent, max, wait_ms, over).await;
                    let gateway = self.shared();
                    let taken: Vec<HopId> = requests.iter().filter_map(request_id).collect();
                    call.if_abandoned(move || gateway.fleet.give_back(&taken));
                    let mut told = json!({ "requests": requests });
                    if let Some(context) = self.decider.context_of(&agent) {
                        told["context"] = rotation::told(&context);
                    }
                    structured(&told)
                } else {
                    match request_id(&arguments).and_then(|id| Some((id, self.fleet.find(id)?))) {
                        Some((id, open)) if open.from == agent => match self.fleet.result(id, wait_ms, over).await {
                            Some(told) => structured(&told),
                            None => structured(&json!({ "done": false })),
                        },
                        _ => unknown_request(),
                    }
                }
            }
            "receive_messages" => self.receive_messages(asked, call, &arguments).await,
            rotation::CHECKPOINT | rotation::RESUME => self.rotation_call(asked, name).await,
            _ => unknown_tool(name),
        };
        match reply {
            Reply::Result(result) => {
                Reply::Result(mcp::result_for(asked.revision, Method::ToolsCall, &result, Listed::Shaped))
            }
            reply @ Reply::Error(_) => reply,
        }
    }

    /// Hands out what other agents told this one.
    async fn receive_messages(&self, asked: &Arc<Asked>, call: &Arc<Call>, arguments: &Value) -> Reply {
        let agent = match self.known_agent(asked) {
            Ok(agent) => agent,
            Err(reply) => return *reply,
        };
        if self.decider.is_stopped(&agent) {
            return mcp::refused_tool(Refusal::Suspended, self.decider.hop_id());
        }
        let (max, wait_ms) = room_and_patience(arguments);
        let taken = self.fleet.receive_told(&agent, max, wait_ms, self.waiting_over(call)).await;
        let shown: Vec<Value> = taken.iter().map(|(id, told)| told.shown(*id)).collect();
        let gateway = self.shared();
        call.if_abandoned(move || gateway.fleet.put_back(taken));
        structured(&json!({ "messages": shown }))
    }

    /// Resolves when waiting for something to come serves nobody any more: the client left, or maso is about to end.
    async fn waiting_over(&self, call: &Call) {
        tokio::select! {
            () = call.left() => {}
            () = self.drain.begun() => {}
        }
    }

    async fn send_request(&self, asked: &Arc<Asked>, call: &Arc<Call>, arguments: &Value) -> Reply {
        let text = |key: &str| arguments.get(key).and_then(Value::as_str).unwrap_or_default();
        let (Ok(to), Ok(request)) = (text("to").parse::<AgentName>(), text("request").parse::<RequestName>()) else {
            return mcp::error(Code::InvalidParams, "`to` and `request` must be names", None);
        };
        let act = Act::Request { agent: to.clone(), request: request.clone() };
        let arrival = Arrival { to: Principal::Agent(to.clone()), ..self.fleet_arrival(asked) };
        let id = arrival.id;
        let payload = asked.request.parsed.clone().pointer("/params/arguments/content");
        let content = payload.value().clone();
        let received = Received::from_parsed(arrival, act.clone(), Turn::Ask, payload)
            .claiming_context(asked.claimed_context())
            .attesting(goal_in(arguments));
        let make_carry = || -> Carry {
            let (gateway, asked, call) = (self.shared(), Arc::clone(asked), Arc::clone(call));
            let (to, request, content) = (to.clone(), request.clone(), content.clone());
            Box::new(move |go| {
                Box::pin(async move {
                    let unavailable = || Got::Ours(mcp::refused_tool(Refusal::Unavailable, id));
                    let Some(from) = go.agent.clone() else {
                        let fault = "nobody knows whose hop this is".to_owned();
                        return Carried::Failed { reply: unavailable(), fault };
                    };
                    call.carried_as(&from);
                    if let Some(action) = go.action {
                        let refused = || mcp::refused_tool(Refusal::Unavailable, id);
                        if let Some(instead) = gateway.instead_of(action, &call, refused).await {
                            return instead;
                        }
                    }
                    let at = gateway.decider.now();
                    let content = go.replaced.unwrap_or(content);
                    let (task, goal) = (asked.task.clone(), go.goal);
                    let handed_on = match gateway.hand_on(task.as_ref(), go.link.as_ref()) {
                        Ok(token) => token,
                        Err(fault) => return Carried::Failed { reply: unavailable(), fault: fault.to_string() },
                    };
                    let there = gateway.decider.is_there(&to);
                    let open = Open::new((from, to), (request, content), (task, handed_on), goal, at);
                    if gateway.fleet.put(id, open) {
                        Carried::Delivered(Got::Ours(structured(&json!({ "id": id.to_string(), "there": there }))))
                    } else {
                        Carried::Failed { reply: unavailable(), fault: "the mailbox is full".to_owned() }
                    }
                })
            })
        };
        self.fleet_settled(asked, call, &act, received, make_carry).await
    }

    /// The token under which a request is worked on: of its task, with this link. Without a grant, which only a deployment
    /// that observes lets pass, nothing is handed on.
    fn hand_on(
        &self,
        task: Option<&UnverifiedToken>,
        link: Option<&Link>,
    ) -> Result<Option<UnverifiedToken>, Delegation> {
        task.zip(link).map(|(task, link)| self.decider.hand_on(task, link)).transpose()
    }

    async fn complete_request(&self, asked: &Arc<Asked>, call: &Arc<Call>, arguments: &Value) -> Reply {
        let Some((id, open)) = request_id(arguments).and_then(|id| Some((id, self.fleet.find(id)?))) else {
            return unknown_request();
        };
        let act = Act::Request { agent: open.to.clone(), request: open.request.clone() };
        let arrival = Arrival { to: Principal::Agent(open.from.clone()), ..self.fleet_arrival(asked) };
        // An answer belongs to the task of what it answers.
        let arrival = Arrival { task: arrival.task.clone().or(open.handed_on.clone()), ..arrival };
        let payload = asked.request.parsed.clone().pointer("/params/arguments/result");
        let result = payload.value().clone();
        let received = Received::from_parsed(arrival, act.clone(), Turn::Answer { to: id }, payload)
            .claiming_context(asked.claimed_context())
            .attesting(goal_in(arguments));
        let make_carry = || -> Carry {
            let (gateway, to, result) = (self.shared(), open.to.clone(), result.clone());
            Box::new(move |go| {
                Box::pin(async move {
                    if go.agent.as_ref() != Some(&to) {
                        let fault = "the request was made of another agent".to_owned();
                        return Carried::Failed { reply: Got::Ours(unknown_request()), fault };
                    }
                    if gateway.fleet.complete(id, go.replaced.unwrap_or(result), None) {
                        Carried::Delivered(Got::Ours(structured(&json!({ "done": true }))))
                    } else {
                        let fault = "it was answered already".to_owned();
                        Carried::Failed { reply: Got::Ours(unknown_request()), fault }
                    }
                })
            })
        };
        self.fleet_settled(asked, call, &act, received, make_carry).await
    }

    async fn report_status(&self, asked: &Arc<Asked>, call: &Arc<Call>, arguments: &Value) -> Reply {
        let said = arguments.get("status").and_then(Value::as_str).and_then(WorkStatus::parse);
        let Some(status) = said else {
            return mcp::error(Code::InvalidParams, "`status` must be `completed`, `failed` or `incomplete`", None);
        };
        let act = Act::Report { status };
        let arrival = Arrival { to: Principal::itself(), ..self.fleet_arrival(asked) };
        let payload = asked.request.parsed.clone().pointer("/params/arguments");
        let received = Received::from_parsed(arrival, act.clone(), Turn::Ask, payload);
        let make_carry = || -> Carry {
            // It is told by being on the record, and goes no further.
            Box::new(move |_| {
                Box::pin(
                    async move { Carried::Delivered(Got::Ours(structured(&json!({ "reported": status.as_str() })))) },
                )
            })
        };
        self.fleet_settled(asked, call, &act, received, make_carry).await
    }

    pub(crate) fn fleet_arrival(&self, asked: &Asked) -> Arrival {
        Arrival {
            id: self.decider.hop_id(),
            at: self.decider.now(),
            credential: asked.credential.clone(),
            task: asked.task.clone(),
            to: Principal::Server(asked.server.clone()),
        }
    }

    pub(crate) async fn fleet_settled(
        &self,
        asked: &Asked,
        call: &Arc<Call>,
        act: &Act,
        received: Received,
        make_carry: impl Fn() -> Carry + Send + Sync,
    ) -> Reply {
        let hop = received.arrival().id;
        match self.settle(call, received, make_carry).await {
            Settled::Released { got: Got::Ours(reply), .. } | Settled::Earlier(reply) => reply,
            // No tool is called, so there is nothing to try out.
            Settled::Released { .. } | Settled::TryOut { .. } => mcp::refused_tool(Refusal::Unavailable, hop),
            Settled::Held(ticket) => held_reply(Method::ToolsCall, asked.revision, &ticket, self.decider.now()),
            Settled::Refused { hop, refusal } => {
                if refusal == Refusal::Unauthentic {
                    asked.turn_away(TurnedAway::Unauthentic);
                }
                refusal_reply(Method::ToolsCall, asked.revision, act, refusal, hop)
            }
        }
    }
}

/// How many a client wants at most, and how long it waits for the first, in milliseconds.
fn room_and_patience(arguments: &Value) -> (usize, u64) {
    let number = |key: &str| arguments.get(key).and_then(Value::as_u64);
    let max = number("max").and_then(|max| usize::try_from(max).ok()).unwrap_or(1);
    (max.clamp(1, RECEIVE_MAX), number("wait_ms").unwrap_or(0))
}

pub(crate) fn request_id(arguments: &Value) -> Option<HopId> {
    arguments.get("id")?.as_str()?.parse().ok()
}

/// The hash of the goal that the sender says it works on. What is no text is another goal than any.
fn goal_in(arguments: &Value) -> Option<String> {
    arguments.get("goal_hash").map(|goal| goal.as_str().unwrap_or_default().to_owned())
}

fn unknown_request() -> Reply {
    mcp::tool_error("there is no such request", json!({ "unknown": "request" }))
}

/// A tool result with the same content as data and as text.
pub(crate) fn structured(value: &Value) -> Reply {
    let result = json!({
        "content": [{ "type": "text", "text": value.to_string() }],
        "structuredContent": value,
    });
    Reply::Result(serde_json::value::to_raw_value(&result).expect("a JSON value is serializable"))
}

const MAILBOX_MAX: usize = 1_000;
/// Of one agent in the mailbox of another: a quarter of it, so that one noisy agent does not silence the others.
const EDGE_MAX: usize = MAILBOX_MAX / 4;
const REQUESTS_MAX: usize = 10_000;
const RECEIVE_MAX: usize = 100;
const WAIT_MS_MAX: u64 = 30_000;
const KEPT_MS: u64 = 24 * 60 * 60 * 1000;

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    fn open(to: &str, at: i64) -> Open {
        from_to("intake", to, at)
    }

    fn from_to(from: &str, to: &str, at: i64) -> Open {
        let ways = (from.parse().unwrap(), to.parse().unwrap());
        let asked = ("assess_claim".parse().unwrap(), json!({ "at": at }));
        Open::new(ways, asked, (None, None), None, Timestamp::from_millis(at))
    }

    fn id(n: u128) -> HopId {
        HopId::from_uuid(uuid::Uuid::from_u128(n))
    }

    #[tokio::test]
    async fn a_request_is_taken_once_and_answered_once() {
        let fleet = Fleet::default();
        let analysis: AgentName = "analysis".parse().unwrap();
        assert!(fleet.put(id(2), open("analysis", 1)));
        assert!(fleet.put(id(1), open("analysis", 2)));
        assert!(fleet.put(id(3), open("intake", 3)));
        let taken = fleet.receive(&analysis, 10, 0, pending()).await;
        let order: Vec<_> = taken.iter().map(|request| request["content"]["at"].clone()).collect();
        assert_eq!(order, [json!(1), json!(2)]);
        assert!(fleet.receive(&analysis, 10, 0, pending()).await.is_empty());
        fleet.give_back(&[id(2)]);
        let again = fleet.receive(&analysis, 10, 0, pending()).await;
        assert_eq!(again.len(), 1, "what nobody got is taken again");
        assert_eq!(fleet.result(id(2), 0, pending()).await, None);
        assert!(fleet.complete(id(2), json!({ "ok": true }), None));
        assert!(!fleet.complete(id(2), json!({ "ok": false }), None));
        assert_eq!(fleet.result(id(2), 0, pending()).await, Some(json!({ "done": true, "result": { "ok": true } })));
    }

    #[tokio::test]
    async fn whoever_left_takes_nothing_and_waits_no_longer() {
        let fleet = Fleet::default();
        let analysis: AgentName = "analysis".parse().unwrap();
        let (leave, left) = tokio::sync::oneshot::channel::<()>();
        let over = async { drop(left.await) };
        let mut orphan = std::pin::pin!(fleet.receive(&analysis, 10, WAIT_MS_MAX, over));
        assert!(futures::poll!(&mut orphan).is_pending());
        leave.send(()).unwrap();
        assert!(fleet.put(id(1), open("analysis", 1)));
        assert!(orphan.await.is_empty(), "it came when nobody waited for it");
        assert_eq!(fleet.receive(&analysis, 10, 0, pending()).await.len(), 1);
    }

    #[test]
    fn a_mailbox_is_bounded() {
        let fleet = Fleet::default();
        for n in 0..MAILBOX_MAX {
            let from = format!("agent-{}", n / EDGE_MAX);
            assert!(fleet.put(id(n as u128), from_to(&from, "analysis", 1)));
        }
        assert!(!fleet.put(id(u128::MAX), open("analysis", 1)));
        assert!(fleet.put(id(u128::MAX), open("intake", 1)));
    }

    #[test]
    fn one_agent_fills_no_mailbox_of_another_alone() {
        let fleet = Fleet::default();
        for n in 0..EDGE_MAX {
            assert!(fleet.put(id(n as u128), open("analysis", 1)));
        }
        assert!(!fleet.put(id(u128::MAX), open("analysis", 1)));
        assert!(fleet.put(id(u128::MAX), from_to("audit", "analysis", 1)));
    }
}
