//! The server that maso itself is to agents: one asks another for work, under a grant, and nowhere else do they meet.
//! Requests and their answers are hops; what lies in a mailbox was released.

mod messages;
mod post;
mod tasks;
mod told;
mod tools;

use std::{
    collections::{BTreeMap, VecDeque},
    future::Future,
    sync::Arc,
    time::Duration,
};

use futures::future::BoxFuture;
use maso_bus::{Carriage, Delivery, Full, Kind, Mailbox, NotPut};
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
use post::Post;
pub(crate) use tasks::{Progress, Request, came_of};
use told::Told;
pub(crate) use tools::tool;

/// The name under which maso itself is a server.
pub(crate) const SERVER: &str = ITSELF;

/// What agents ask each other, as this process knows it. Mailboxes are the bus's; what must outlast it belongs on the record.
pub(crate) struct Fleet {
    post: Post,
    requests: Mutex<BTreeMap<HopId, Open>>,
    told: Mutex<BTreeMap<HopId, Told>>,
    changed: Notify,
    /// Whether the record says of a request that it was answered, through whichever process.
    is_answered: Box<dyn Fn(HopId) -> bool + Send + Sync>,
    /// Reads what other processes have put on the record.
    hear: Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>,
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
    lies: Lies,
    /// Whether it was answered through this process.
    answered: bool,
    /// The answer, once it came to this process.
    result: Option<Value>,
    /// What the message said beside its content by which the request was made, if it was made by one.
    beside: Option<Value>,
    /// The same of the answer.
    beside_result: Option<Value>,
    /// Whether the answer lies with a listener of whoever asked.
    result_taken: bool,
    /// Whether whoever asked was told the answer when it asked for it.
    result_told: bool,
    /// Who said that it has what was handed to it: it is never handed out again.
    acknowledged: Acknowledged,
}

/// Where a request lies until it is worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lies {
    /// In the mailbox, or with another process.
    InMailbox,
    /// In this process, for the next who asks for it here.
    Here,
    /// With whom it is for.
    WithIt,
    /// Nowhere: whoever asked took it back before anybody had it.
    TakenBack,
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
            lies: Lies::InMailbox,
            answered: false,
            result: None,
            beside: None,
            beside_result: None,
            result_taken: false,
            result_told: false,
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
    /// The fleet behind this bus. `is_answered` says what the record does.
    #[cfg(test)]
    pub(crate) fn new(
        carriage: Arc<dyn Carriage>,
        is_answered: impl Fn(HopId) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self::hearing(carriage, is_answered, || Box::pin(async {}))
    }

    /// The same, where `hear` reads what other processes have put on the record.
    pub(crate) fn hearing(
        carriage: Arc<dyn Carriage>,
        is_answered: impl Fn(HopId) -> bool + Send + Sync + 'static,
        hear: impl Fn() -> BoxFuture<'static, ()> + Send + Sync + 'static,
    ) -> Self {
        Self {
            post: Post::new(carriage),
            requests: Mutex::default(),
            told: Mutex::default(),
            changed: Notify::new(),
            is_answered: Box::new(is_answered),
            hear: Box::new(hear),
        }
    }

    /// Puts a request in the mailbox of whom it is for. It is known here from then on, so that its answer is.
    async fn put(&self, id: HopId, open: Open) -> Result<(), NotPut> {
        {
            let mut requests = self.requests.lock();
            let now = open.at;
            let is_old = |known: &Open| now.since_ms(known.at) >= KEPT_MS;
            let old: Vec<HopId> = requests.iter().filter(|(_, known)| is_old(known)).map(|(id, _)| *id).collect();
            if !old.is_empty() {
                self.post.forget(&old);
                requests.retain(|_, known| !is_old(known));
            }
            if requests.len() >= REQUESTS_MAX {
                return Err(NotPut::Full(Full::Mailbox));
            }
            requests.insert(id, open.clone());
        }
        let put = self.post.ask(id, &open).await;
        // Of what nobody knows whether it arrived, the answer may come.
        if let Err(NotPut::Full(_) | NotPut::Unavailable(_)) = &put {
            self.requests.lock().remove(&id);
        }
        put
    }

    /// Takes in what came from a mailbox: for whoever asks for it here, and once.
    async fn arrive(&self, delivery: Delivery) {
        let parcel = &delivery.parcel;
        let (id, kind) = (parcel.id(), parcel.route().into.kind);
        if self.find(id).is_none() {
            // The bus may be faster than the record: what led to it is known here before anybody works on it.
            (self.hear)().await;
        }
        if kind == Kind::Told {
            return self.arrive_told(delivery).await;
        }
        let Some(open) = Open::read(parcel) else {
            tracing::warn!(?parcel, "what came from a mailbox cannot be read, and is dropped");
            return self.post.drop_it(&delivery).await;
        };
        let is_new = {
            let mut requests = self.requests.lock();
            // What one process of ours sealed says of this request what another sealed before; if not, it is none of this.
            let is_its = requests.get(&id).is_none_or(|known| known.from == open.from && known.to == open.to);
            match kind {
                Kind::Request => {
                    let is_over = |known: &Open| {
                        known.answered
                            || known.result.is_some()
                            || known.acknowledged.request
                            || known.lies == Lies::TakenBack
                    };
                    let is_new = is_its && !requests.get(&id).is_some_and(is_over) && !(self.is_answered)(id);
                    if is_new {
                        let known = requests.entry(id).or_insert(open);
                        // The broker may not have heard that somebody here is at work.
                        if known.lies != Lies::WithIt {
                            known.lies = Lies::Here;
                        }
                    }
                    is_new
                }
                Kind::Answer => {
                    let is_new = is_its && !requests.get(&id).is_some_and(|known| known.acknowledged.result);
                    if is_new {
                        let known = requests.entry(id).or_insert_with(|| open.clone());
                        // The first counts, whoever gave it.
                        if known.result.is_none() {
                            (known.result, known.beside_result) = (open.result, open.beside_result);
                        }
                    }
                    is_new
                }
                Kind::Told => false,
            }
        };
        if !is_new {
            return self.post.drop_it(&delivery).await;
        }
        self.post.keep(&delivery);
        self.changed.notify_waiters();
    }

    /// Puts requests back that were taken for a client that is gone: for the next, in whichever process.
    async fn give_back(&self, ids: &[HopId]) {
        for id in ids {
            let to = {
                let mut requests = self.requests.lock();
                let open = requests.get_mut(id).filter(|open| !open.answered && !open.acknowledged.request);
                open.map(|open| {
                    open.lies = Lies::InMailbox;
                    open.to.clone()
                })
            };
            if let Some(to) = to {
                self.post.give_back(&to, Kind::Request, *id).await;
            }
        }
    }

    /// Gives back what came for an agent that asks for nothing here any more.
    async fn let_go(&self, agent: &AgentName) {
        let unclaimed = {
            let mut requests = self.requests.lock();
            let mut unclaimed = Vec::new();
            for (id, open) in requests.iter_mut() {
                if open.to == *agent && open.lies == Lies::Here {
                    open.lies = Lies::InMailbox;
                    unclaimed.push((Kind::Request, *id));
                }
                if open.from == *agent && open.result.is_some() && !open.result_taken && !open.result_told {
                    (open.result, open.beside_result) = (None, None);
                    unclaimed.push((Kind::Answer, *id));
                }
            }
            unclaimed
        };
        for (kind, id) in unclaimed {
            self.post.give_back(agent, kind, id).await;
        }
        self.let_go_told(agent).await;
    }

    /// Ends what an agent was told at the MCP door: that it asks for something else now shows that it has that.
    async fn end_told(&self, agent: &AgentName) {
        self.end_shown(agent).await;
        let told: Vec<HopId> = {
            let requests = self.requests.lock();
            let is_told = |open: &Open| open.from == *agent && open.result_told && !open.acknowledged.result;
            requests.iter().filter(|(_, open)| is_told(open)).map(|(id, _)| *id).collect()
        };
        for id in told {
            if self.post.end(agent, Kind::Answer, id).await.is_ok()
                && let Some(open) = self.requests.lock().get_mut(&id)
            {
                open.acknowledged.result = true;
            }
        }
    }

    /// Takes up to `max` requests out of an agent's mailbox, waiting for the first as [`Fleet::within`] does.
    async fn receive(&self, to: &AgentName, max: usize, wait_ms: u64, over: impl Future<Output = ()>) -> Vec<Value> {
        self.end_told(to).await;
        let look = |max: usize| {
            let mut requests = self.requests.lock();
            let mut ready: VecDeque<_> =
                requests.iter_mut().filter(|(_, open)| open.to == *to && open.lies == Lies::Here).collect();
            ready.make_contiguous().sort_by_key(|(_, open)| open.at);
            let taken: Vec<Value> = ready
                .into_iter()
                .take(max)
                .map(|(id, open)| {
                    open.lies = Lies::WithIt;
                    open.told(*id)
                })
                .collect();
            (!taken.is_empty()).then_some(taken)
        };
        let mailbox = Mailbox::new(to.clone(), Kind::Request);
        self.receive_from(&mailbox, max, wait_ms, over, look).await
    }

    /// Takes up to `max` of what comes into a mailbox: what `look` finds of it, and what lies there when it has found the first.
    async fn receive_from(
        &self,
        mailbox: &Mailbox,
        max: usize,
        wait_ms: u64,
        over: impl Future<Output = ()>,
        look: impl Fn(usize) -> Option<Vec<Value>>,
    ) -> Vec<Value> {
        let first = self.within(std::slice::from_ref(mailbox), wait_ms, over, || look(max)).await;
        let mut taken = first.unwrap_or_default();
        while (1..max).contains(&taken.len())
            && let Some(delivery) = self.post.take(mailbox, Duration::ZERO).await
        {
            self.arrive(delivery).await;
            taken.extend(look(max - taken.len()).unwrap_or_default());
        }
        self.let_go(&mailbox.of).await;
        taken
    }

    pub(crate) fn find(&self, id: HopId) -> Option<Open> {
        self.requests.lock().get(&id).cloned()
    }

    /// The same for whoever may have asked in another process: the answer says what the request was.
    async fn find_for(&self, id: HopId, asker: &AgentName) -> Option<Open> {
        let mailbox = Mailbox::new(asker.clone(), Kind::Answer);
        while self.find(id).is_none()
            && let Some(delivery) = self.post.take(&mailbox, Duration::ZERO).await
        {
            self.arrive(delivery).await;
        }
        self.find(id)
    }

    /// Puts the answer in the mailbox of whoever asked, and ends the request; `false` if it was answered already.
    async fn complete(&self, id: HopId, result: Value, beside: Option<Value>) -> Result<bool, NotPut> {
        let open = match self.requests.lock().get_mut(&id) {
            Some(open) if !open.answered && open.result.is_none() && !(self.is_answered)(id) => {
                // Whoever answers at the same time is second.
                open.answered = true;
                open.clone()
            }
            Some(_) | None => return Ok(false),
        };
        if let Err(not_put) = self.post.answer(id, &open, &result, beside.as_ref()).await {
            if let Some(open) = self.requests.lock().get_mut(&id) {
                // Put again it is the same parcel: it comes once.
                open.answered = false;
            }
            return Err(not_put);
        }
        // Should this not arrive, the request comes again, and to nobody: it is answered.
        if let Err(unavailable) = self.post.end(&open.to, Kind::Request, id).await {
            tracing::debug!(%unavailable, "a request that was answered comes once more");
        }
        self.changed.notify_waiters();
        Ok(true)
    }

    async fn result(&self, id: HopId, wait_ms: u64, over: impl Future<Output = ()>) -> Option<Value> {
        let asker = self.find(id)?.from;
        self.end_told(&asker).await;
        let mailbox = Mailbox::new(asker.clone(), Kind::Answer);
        let look = || {
            let mut requests = self.requests.lock();
            let open = requests.get_mut(&id)?;
            let told = open.told_result()?;
            open.result_told = true;
            Some(told)
        };
        let told = self.within(&[mailbox], wait_ms, over, look).await;
        self.let_go(&asker).await;
        told
    }

    /// Looks until there is something, for so long at most, and no longer than until `over`: whoever left takes nothing.
    /// Meanwhile it takes in what comes into these mailboxes.
    async fn within<T>(
        &self,
        mailboxes: &[Mailbox],
        wait_ms: u64,
        over: impl Future<Output = ()>,
        look: impl Fn() -> Option<T>,
    ) -> Option<T> {
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
        let once = async {
            if let Some(found) = look() {
                return Some(found);
            }
            for mailbox in mailboxes {
                if let Some(delivery) = self.post.take(mailbox, Duration::ZERO).await {
                    self.arrive(delivery).await;
                }
            }
            look()
        };
        let wait = Duration::from_millis(wait_ms.min(WAIT_MS_MAX));
        let waiting = async {
            if wait.is_zero() {
                return once.await;
            }
            let taking_in = async {
                futures::future::join_all(mailboxes.iter().map(|mailbox| self.take_in(mailbox))).await;
                // Whoever looks into none waits all the same.
                std::future::pending::<()>().await;
            };
            tokio::select! {
                biased;
                found = tokio::time::timeout(wait, looking) => found.ok(),
                () = taking_in => None,
            }
        };
        tokio::select! {
            biased;
            () = over => None,
            found = waiting => found,
        }
    }

    /// Takes in what comes into a mailbox, one after the other, for as long as it is asked.
    async fn take_in(&self, mailbox: &Mailbox) {
        loop {
            if let Some(delivery) = self.post.take(mailbox, Duration::from_millis(WAIT_MS_MAX)).await {
                self.arrive(delivery).await;
            }
            // Whoever looks gets to, before the next is taken.
            tokio::task::yield_now().await;
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
                    call.if_abandoned(move || drop(tokio::spawn(async move { gateway.fleet.give_back(&taken).await })));
                    let mut told = json!({ "requests": requests });
                    if let Some(context) = self.decider.context_of(&agent) {
                        told["context"] = rotation::told(&context);
                    }
                    structured(&told)
                } else {
                    let known = match request_id(&arguments) {
                        Some(id) => self.fleet.find_for(id, &agent).await.map(|open| (id, open)),
                        None => None,
                    };
                    match known {
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
        let shown = self.fleet.receive_told(&agent, max, wait_ms, self.waiting_over(call)).await;
        let (gateway, taken) = (self.shared(), shown.iter().filter_map(request_id).collect::<Vec<_>>());
        call.if_abandoned(move || {
            drop(tokio::spawn(async move { gateway.fleet.give_back_told(&agent, &taken).await }));
        });
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
                    match gateway.fleet.put(id, open).await {
                        Ok(()) => {
                            Carried::Delivered(Got::Ours(structured(&json!({ "id": id.to_string(), "there": there }))))
                        }
                        Err(not_put) => not_carried(&not_put, unavailable()),
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
        let hop = arrival.id;
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
                    match gateway.fleet.complete(id, go.replaced.unwrap_or(result), None).await {
                        Ok(true) => Carried::Delivered(Got::Ours(structured(&json!({ "done": true })))),
                        Ok(false) => {
                            let fault = "it was answered already".to_owned();
                            Carried::Failed { reply: Got::Ours(unknown_request()), fault }
                        }
                        Err(not_put) => not_carried(&not_put, Got::Ours(mcp::refused_tool(Refusal::Unavailable, hop))),
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

/// What came of something that is in no mailbox, or of which nobody knows whether it is.
fn not_carried(not_put: &NotPut, reply: Got) -> Carried<Got> {
    let fault = not_put.to_string();
    match not_put {
        NotPut::Full(_) | NotPut::Unavailable(_) => Carried::Failed { reply, fault },
        NotPut::Unknown(_) => Carried::Unknown { reply, fault },
    }
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

const REQUESTS_MAX: usize = 10_000;
const RECEIVE_MAX: usize = 100;
const WAIT_MS_MAX: u64 = 30_000;
const KEPT_MS: u64 = 24 * 60 * 60 * 1000;

#[cfg(test)]
mod tests {
    use std::future::pending;

    use maso_bus::{Bounds, InProcess};

    use super::*;

    fn fleet() -> Fleet {
        Fleet::new(Arc::new(InProcess::default()), |_| false)
    }

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
        let fleet = fleet();
        let analysis: AgentName = "analysis".parse().unwrap();
        fleet.put(id(2), open("analysis", 1)).await.unwrap();
        fleet.put(id(1), open("analysis", 2)).await.unwrap();
        fleet.put(id(3), open("intake", 3)).await.unwrap();
        let taken = fleet.receive(&analysis, 10, 0, pending()).await;
        let order: Vec<_> = taken.iter().map(|request| request["content"]["at"].clone()).collect();
        assert_eq!(order, [json!(1), json!(2)]);
        assert!(fleet.receive(&analysis, 10, 0, pending()).await.is_empty());
        fleet.give_back(&[id(2)]).await;
        let again = fleet.receive(&analysis, 10, 0, pending()).await;
        assert_eq!(again.len(), 1, "what nobody got is taken again");
        assert_eq!(fleet.result(id(2), 0, pending()).await, None);
        assert!(fleet.complete(id(2), json!({ "ok": true }), None).await.unwrap());
        assert!(!fleet.complete(id(2), json!({ "ok": false }), None).await.unwrap());
        assert_eq!(fleet.result(id(2), 0, pending()).await, Some(json!({ "done": true, "result": { "ok": true } })));
    }

    #[tokio::test]
    async fn whoever_left_takes_nothing_and_waits_no_longer() {
        let fleet = fleet();
        let analysis: AgentName = "analysis".parse().unwrap();
        let (leave, left) = tokio::sync::oneshot::channel::<()>();
        let over = async { drop(left.await) };
        let mut orphan = std::pin::pin!(fleet.receive(&analysis, 10, WAIT_MS_MAX, over));
        assert!(futures::poll!(&mut orphan).is_pending());
        leave.send(()).unwrap();
        fleet.put(id(1), open("analysis", 1)).await.unwrap();
        assert!(orphan.await.is_empty(), "it came when nobody waited for it");
        assert_eq!(fleet.receive(&analysis, 10, 0, pending()).await.len(), 1);
    }

    #[tokio::test]
    async fn a_mailbox_is_bounded() {
        let (fleet, bounds) = (fleet(), Bounds::DEFAULT);
        for n in 0..bounds.mailbox_max {
            let from = format!("agent-{}", n / bounds.edge_max);
            assert_eq!(fleet.put(id(n as u128), from_to(&from, "analysis", 1)).await, Ok(()));
        }
        assert_eq!(fleet.put(id(u128::MAX), open("analysis", 1)).await, Err(NotPut::Full(Full::Mailbox)));
        assert!(fleet.find(id(u128::MAX)).is_none());
        assert_eq!(fleet.put(id(u128::MAX), open("intake", 1)).await, Ok(()));
    }

    #[tokio::test]
    async fn one_agent_fills_no_mailbox_of_another_alone() {
        let fleet = fleet();
        for n in 0..Bounds::DEFAULT.edge_max {
            assert_eq!(fleet.put(id(n as u128), open("analysis", 1)).await, Ok(()));
        }
        assert_eq!(fleet.put(id(u128::MAX), open("analysis", 1)).await, Err(NotPut::Full(Full::Edge)));
        assert_eq!(fleet.put(id(u128::MAX), from_to("audit", "analysis", 1)).await, Ok(()));
    }

    #[tokio::test]
    async fn what_one_process_was_asked_another_hands_out_and_answers() {
        let bus = Arc::new(InProcess::default());
        let process = || Fleet::new(bus.clone(), |_| false);
        let (one, other) = (process(), process());
        let analysis: AgentName = "analysis".parse().unwrap();
        let mut asked = from_to("intake", "analysis", 1);
        (asked.task, asked.handed_on) = (Some(UnverifiedToken::new("a")), Some(UnverifiedToken::new("b")));
        (asked.goal, asked.beside) = (Some(Digest::of(b"goal")), Some(json!({ "said": "this" })));
        let shown = asked.told(id(1));
        one.put(id(1), asked).await.unwrap();
        assert_eq!(other.receive(&analysis, 10, 0, pending()).await, [shown]);
        assert!(one.receive(&analysis, 10, 0, pending()).await.is_empty());
        assert!(other.complete(id(1), json!({ "ok": true }), Some(json!({ "said": "that" }))).await.unwrap());
        let answer = json!({ "done": true, "result": { "ok": true }, "message": { "said": "that" } });
        assert_eq!(one.result(id(1), 0, pending()).await, Some(answer.clone()));
        assert_eq!(one.result(id(1), 0, pending()).await, Some(answer), "and again, as often as it is asked for");
    }

    #[tokio::test]
    async fn what_was_answered_is_worked_on_by_nobody_again() {
        let bus = Arc::new(InProcess::default());
        let analysis: AgentName = "analysis".parse().unwrap();
        let one = Fleet::new(bus.clone(), |_| false);
        one.put(id(1), open("analysis", 1)).await.unwrap();
        one.put(id(2), open("analysis", 2)).await.unwrap();
        // A process that the record tells that the first was answered, by another that could not end it any more.
        let told = Fleet::new(bus.clone(), |request| request == id(1));
        let received = told.receive(&analysis, 10, 0, pending()).await;
        assert_eq!(received.len(), 0, "the first look finds what is over");
        let received = told.receive(&analysis, 10, 0, pending()).await;
        assert_eq!(received.iter().filter_map(request_id).collect::<Vec<_>>(), [id(2)]);
        assert!(!told.complete(id(1), json!({}), None).await.unwrap());
    }

    #[tokio::test]
    async fn what_somebody_works_on_is_not_handed_out_beside() {
        let bus = Arc::new(InProcess::default());
        let (one, other) = (Fleet::new(bus.clone(), |_| false), Fleet::new(bus, |_| false));
        let analysis: AgentName = "analysis".parse().unwrap();
        one.put(id(1), open("analysis", 1)).await.unwrap();
        assert_eq!(other.receive(&analysis, 10, 0, pending()).await.len(), 1);
        // As when a broker did not hear that this process is at work, and hands it out once more.
        other.post.give_back(&analysis, Kind::Request, id(1)).await;
        assert!(other.receive(&analysis, 10, 0, pending()).await.is_empty());
        assert!(other.complete(id(1), json!({}), None).await.unwrap());
    }

    #[tokio::test]
    async fn answers_that_nobody_fetched_here_can_be_fetched_elsewhere() {
        let bus = Arc::new(InProcess::default());
        let process = || Fleet::new(bus.clone(), |_| false);
        let (one, other) = (process(), process());
        let analysis: AgentName = "analysis".parse().unwrap();
        one.put(id(1), open("analysis", 1)).await.unwrap();
        other.put(id(2), open("analysis", 2)).await.unwrap();
        assert_eq!(one.receive(&analysis, 10, 0, pending()).await.len(), 2);
        assert!(one.complete(id(2), json!({}), None).await.unwrap());
        assert_eq!(one.result(id(1), 0, pending()).await, None, "it came for another request");
        assert!(other.result(id(2), 0, pending()).await.is_some());
        // Whoever asks where nobody knows of the request learns of it by its answer.
        assert!(one.complete(id(1), json!({}), None).await.unwrap());
        let third = process();
        let intake: AgentName = "intake".parse().unwrap();
        assert_eq!(third.find_for(id(1), &intake).await.map(|open| open.to), Some(analysis));
        assert!(third.find_for(id(3), &intake).await.is_none());
    }
}
