//! The way of a client's request: there as one hop, back as another.

use std::{collections::BTreeMap, future::Future, panic::AssertUnwindSafe, sync::Arc};

use futures::FutureExt as _;
use maso_core::{Act, AgentName, Class, HopId, Mode, Principal, Refusal, ServerName, ToolRef, Turn};
use maso_intent::PinState;
use maso_path::Carried;
use maso_wire::{
    Arrival, Credential, Parsed, Received, UnverifiedToken,
    mcp::{self, Code, ErrorReply, Listed, Meaningless, Members, Method, Reply, Request, Revision, meta},
};
use parking_lot::Mutex;
use serde_json::{Value, json, value::RawValue};

use crate::{
    calls::{Call, Owner, Parked, Question, Turn as CallTurn, Waits},
    client::Session,
    decider::{Carry, Go, Got},
    fleet,
    gateway::Gateway,
    hold::{HELD_STATE, Settled, held_reply, refused_code},
    listing,
    outlet::Outlet,
    room::{Room, declares, known_level, released},
    rooms::Declared,
    upstream::{Answer, Leg, LegFault, stateless_meta},
};

/// A client's request, with all that its door knows of it.
pub(crate) struct Asked {
    pub(crate) credential: Credential,
    pub(crate) task: Option<UnverifiedToken>,
    pub(crate) revision: Revision,
    pub(crate) server: ServerName,
    /// The session, in revisions that have one.
    pub(crate) session: Option<Arc<Session>>,
    pub(crate) request: Request,
    turned_away: Mutex<Option<TurnedAway>>,
}

/// Why a request went no further than the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TurnedAway {
    /// Nobody knows who it is.
    Unauthentic,
    /// The session is somebody else's.
    NotItsSession,
}

impl Asked {
    pub(crate) fn new(
        credential: Credential,
        task: Option<UnverifiedToken>,
        revision: Revision,
        server: ServerName,
        session: Option<Arc<Session>>,
        request: Request,
    ) -> Self {
        // A task token in `_meta` is for maso; it goes no further, as nothing of `_meta` does.
        let in_meta = request.meta(meta::TASK).and_then(Value::as_str).map(UnverifiedToken::new);
        let task = task.or(in_meta);
        Self { credential, task, revision, server, session, request, turned_away: Mutex::new(None) }
    }

    /// The same request for later, when its session may be over.
    pub(crate) fn without_session(&self) -> Self {
        let (credential, task, request) = (self.credential.clone(), self.task.clone(), self.request.clone());
        Self::new(credential, task, self.revision, self.server.clone(), None, request)
    }

    /// Why it went no further than the door, if so.
    pub(crate) fn turned_away(&self) -> Option<TurnedAway> {
        *self.turned_away.lock()
    }

    pub(crate) fn turn_away(&self, why: TurnedAway) {
        *self.turned_away.lock() = Some(why);
    }

    fn method_name(&self) -> &str {
        &self.request.method
    }

    /// How many tokens the client says are in the context of the agent's model.
    pub(crate) fn claimed_context(&self) -> Option<u64> {
        self.request.meta(meta::CONTEXT_TOKENS).and_then(Value::as_u64)
    }

    fn capabilities(&self) -> Value {
        self.request.meta(meta::CLIENT_CAPABILITIES).cloned().unwrap_or_else(|| json!({}))
    }

    /// Whose request it is, made as this agent.
    pub(crate) fn owner(&self, agent: &AgentName) -> Owner {
        let (server, task) = (self.server.clone(), self.task.clone());
        Owner { agent: agent.clone(), server, task, method: self.request.method.clone() }
    }

    pub(crate) fn arrival(&self, gateway: &Gateway) -> Arrival {
        Arrival {
            id: gateway.decider.hop_id(),
            at: gateway.decider.now(),
            credential: self.credential.clone(),
            task: self.task.clone(),
            to: Principal::Server(self.server.clone()),
        }
    }
}

impl Gateway {
    /// Takes a request on: the call, and the work of serving it, which begins when it is first awaited.
    pub(crate) fn serve(
        &self,
        asked: &Arc<Asked>,
        outlet: Arc<Outlet>,
    ) -> (Arc<Call>, impl Future<Output = ()> + Send + use<>) {
        let progress_token = asked.request.meta(meta::PROGRESS_TOKEN).filter(|token| !token.is_null()).cloned();
        let call =
            Arc::new(Call::new(asked.request.id.clone(), asked.revision, progress_token, asked.task.clone(), outlet));
        let (gateway, asked, served) = (self.shared(), Arc::clone(asked), Arc::clone(&call));
        let serving = self.drain.keep(async move {
            // Whoever waits is told even then; nothing of the request is looked at again.
            let run = AssertUnwindSafe(gateway.run(&asked, &served)).catch_unwind();
            let reply = run.await.unwrap_or_else(|_| {
                tracing::error!("serving a request broke off");
                mcp::error(Code::Internal, "unavailable", None)
            });
            served.finish(reply);
        });
        (call, serving)
    }

    /// From the request to its answer.
    async fn run(&self, asked: &Arc<Asked>, call: &Arc<Call>) -> Reply {
        let Some(method) = Method::parse(asked.method_name())
            .filter(|method| method.sides(asked.revision).client && !method.is_notification())
        else {
            return mcp::error(Code::MethodNotFound, &format!("Method not found: {}", asked.method_name()), None);
        };
        if asked.server.as_str() == fleet::SERVER {
            return self.fleet_reply(asked, call, method).await;
        }
        let act = match mcp::act_of(&asked.server, method, asked.request.params_value()) {
            Ok(act) => act,
            Err(Meaningless::UnknownTool(tool)) => return unknown_tool(&tool),
            Err(Meaningless::BadParams(why)) => return mcp::error(Code::InvalidParams, &why, None),
            Err(Meaningless::Protocol(_)) => return mcp::error(Code::MethodNotFound, "Method not found", None),
        };
        if method == Method::Ping {
            return match self.identify(asked.credential.clone(), asked.task.clone(), &asked.server) {
                Ok(_) => Reply::Result(Members::new().to_raw()),
                Err(refusal) => self.refused(asked, method, &act, refusal, self.decider.hop_id()),
            };
        }
        self.meet_before_call(asked, &act).await;
        let Some(received) = self.receive(asked, method, act.clone()) else {
            return mcp::error(Code::InvalidRequest, "malformed", None);
        };
        let make_carry = || -> Carry {
            let (gateway, asked, call) = (self.shared(), Arc::clone(asked), Arc::clone(call));
            Box::new(move |go| Box::pin(async move { gateway.carry(&asked, &call, method, go).await }))
        };
        let hop = received.arrival().id;
        let mut settled = self.settle(call, received, &make_carry).await;
        for _ in 0..TRIALS_MAX {
            let Settled::TryOut { trial, then } = settled else { break };
            let came = self.try_out(asked, &trial).await;
            // It keeps the hop under way, which what follows does by itself.
            drop(trial);
            settled = self.await_people(call, then(came, make_carry()).await, &make_carry).await;
        }
        match settled {
            Settled::Released { hop, got } => {
                let reply = self.bring_back(asked, call, method, act, hop, got).await;
                self.note_subscription(asked, method, &reply);
                reply
            }
            // Each time what it showed did not count any more before everybody had been heard.
            Settled::TryOut { .. } => self.refused(asked, method, &act, Refusal::Unavailable, hop),
            Settled::Held(ticket) => held_reply(method, asked.revision, &ticket, self.decider.now()),
            Settled::Earlier(reply) => reply,
            Settled::Refused { hop, refusal } => self.refused(asked, method, &act, refusal, hop),
        }
    }

    /// Stage 1 of what the client asks.
    fn receive(&self, asked: &Asked, method: Method, act: Act) -> Option<Received> {
        let arrival = asked.arrival(self);
        if matches!(method, Method::ToolsCall | Method::PromptsGet) {
            let payload = asked.request.parsed.clone().pointer("/params/arguments");
            return Some(
                Received::from_parsed(arrival, act, Turn::Ask, payload).claiming_context(asked.claimed_context()),
            );
        }
        let payload = mcp::payload_of(method, &asked.request.params);
        let limits = self.decider.deployment().settings.limits;
        let received = Received::from_bytes(arrival, act, Turn::Ask, payload.get().as_bytes(), &limits).ok()?;
        Some(received.claiming_context(asked.claimed_context()))
    }

    /// Carries a released request to its server.
    async fn carry(&self, asked: &Arc<Asked>, call: &Arc<Call>, method: Method, go: Go) -> Carried<Got> {
        let known = asked.session.as_ref().and_then(|session| session.agent().cloned());
        let Some(agent) = go.agent.clone().or(known) else {
            return ours_failed(unavailable(method), "nobody knows whose hop this is");
        };
        if asked.session.as_ref().is_some_and(|session| !session.is_of(&agent)) {
            asked.turn_away(TurnedAway::NotItsSession);
            return ours_failed(mcp::error(Code::InvalidRequest, "session not found", None), "another agent's session");
        }
        call.carried_as(&agent);
        call.owned_by(asked.owner(&agent));
        if self.only_reads(asked, method) {
            call.may_be_stopped();
        }
        if let Some(action) = go.action.filter(|_| method == Method::ToolsCall)
            && let Some(instead) = self.instead_of(action, call, || unavailable(method)).await
        {
            return instead;
        }
        let room = self.room_of(asked, &agent);
        if method.may_need_input() {
            match self.come_back_for(asked, &agent) {
                Ok(None) => {}
                Err(reply) => return ours_failed(reply, "its state is none that the agent was given"),
                Ok(Some(Waits::Call(earlier, questions))) => {
                    return self.go_on(asked, call, &agent, earlier, questions).await;
                }
                Ok(Some(Waits::Server(state, questions))) => {
                    let more = self.answers_for(asked, &agent, state, questions).await;
                    return self.forward(asked, call, method, &go, &room, more).await;
                }
            }
        }
        match method {
            Method::Initialize | Method::Discover => match room.leg().await {
                Ok(leg) => Carried::Delivered(Got::Shaped(introduction(asked.revision, &leg))),
                Err(fault) => broken(method, &fault),
            },
            Method::ToolsList => {
                match self.list_tools(call, &room, (asked.request.params_value(), asked.task.as_ref())).await {
                    Ok(reply) => Carried::Delivered(Got::Shaped(reply)),
                    Err(fault) => broken(method, &fault),
                }
            }
            Method::SubscriptionsListen => self.listen(asked, call, &room, &go).await,
            Method::SetLevel | Method::ResourcesSubscribe | Method::ResourcesUnsubscribe => {
                self.carry_across(asked, call, method, &go, &room).await
            }
            _ => self.forward(asked, call, method, &go, &room, Members::new()).await,
        }
    }

    /// Whether stopping it halfway leaves nothing half done.
    fn only_reads(&self, asked: &Asked, method: Method) -> bool {
        match called_tool(asked, method) {
            None => method != Method::ToolsCall,
            Some(tool) => self
                .decider
                .deployment()
                .servers
                .get(&tool.server)
                .and_then(|server| server.tools.get(&tool.tool))
                .is_some_and(|manifest| manifest.class == Class::Read),
        }
    }

    pub(crate) fn room_of(&self, asked: &Asked, agent: &AgentName) -> Arc<Room> {
        match &asked.session {
            Some(session) => session.room(self, agent, &asked.request),
            None => {
                let declared = Declared {
                    revision: asked.revision,
                    capabilities: &asked.capabilities(),
                    log_level: asked.request.meta(meta::LOG_LEVEL).and_then(Value::as_str).and_then(known_level),
                    task: asked.task.as_ref(),
                };
                self.room(&asked.server, agent, &declared)
            }
        }
    }

    /// Sends the request on and waits for the server's answer. `more` are params that maso adds.
    pub(crate) async fn forward(
        &self,
        asked: &Asked,
        call: &Arc<Call>,
        method: Method,
        go: &Go,
        room: &Arc<Room>,
        more: Members,
    ) -> Carried<Got> {
        let leg = match room.leg().await {
            Ok(leg) => leg,
            Err(fault) => return broken(method, &fault),
        };
        if !method.sides(leg.met().revision).client {
            let reply = mcp::error(Code::MethodNotFound, "the server does not offer this", None);
            return ours_failed(reply, "the method is not part of the server's revision");
        }
        // The connection may be younger than the decision: what it publishes must still be what was approved.
        if let Some(tool) = called_tool(asked, method)
            && self.decider.mode() == Mode::Enforce
            && self.decider.pin(&tool) != PinState::Pinned
        {
            return ours_failed(
                unknown_tool(tool.tool.as_str()),
                "the definition on this connection is not the approved one",
            );
        }
        let id = leg.fresh_id();
        let payload = released(go, mcp::payload_of(method, &asked.request.params));
        let mut params = Members::new();
        if matches!(method, Method::ToolsCall | Method::PromptsGet) {
            if let Some(name) = asked.request.params.named("name") {
                params.set("name", name.to_owned());
            }
            if asked.request.params.named("arguments").is_some() || go.replaced.is_some() {
                params.set("arguments", payload.clone());
            }
        } else {
            params = Members::of(&payload).unwrap_or_default();
        }
        for (name, value) in more.iter() {
            params.set(name, value.to_owned());
        }
        let mut about = json!({});
        if leg.met().revision.is_stateless() {
            let capabilities = if asked.revision.is_stateless() { room.capabilities() } else { &json!({}) };
            about = stateless_meta(capabilities);
            if let Some(level) = room.log_level() {
                about[meta::LOG_LEVEL] = json!(level);
            }
        }
        if call.progress_token.is_some() {
            about[meta::PROGRESS_TOKEN] = json!(id);
        }
        if about.as_object().is_some_and(|about| !about.is_empty()) {
            params.set_value("_meta", &about);
        }
        let _under_way = room.under_way(id, call);
        call.sent(&leg, id);
        match leg.ask(id, method, &params, Some(&payload)).await {
            Ok(answer) => answered(answer),
            Err(fault) => broken(method, &fault),
        }
    }

    /// The answer's way back: a hop from the server to the agent.
    pub(crate) async fn bring_back(
        &self,
        asked: &Arc<Asked>,
        call: &Arc<Call>,
        method: Method,
        act: Act,
        hop: HopId,
        got: Got,
    ) -> Reply {
        let (reply, payload) = match got {
            Got::Ours(reply) => return reply,
            Got::Shaped(reply) => {
                let bytes = match &reply {
                    Reply::Result(result) => result.get(),
                    Reply::Error(error) => error.raw.get(),
                };
                // What was put together from several frames may be larger than one of them; it is still bounded.
                let mut limits = self.decider.deployment().settings.limits;
                limits.frame_bytes_max = limits.frame_bytes_max.saturating_mul(listing::PAGES_MAX);
                limits.nodes_max = limits.nodes_max.saturating_mul(listing::PAGES_MAX);
                let parsed = maso_wire::parse(bytes.as_bytes(), &limits);
                match parsed {
                    Ok(parsed) => (reply, parsed),
                    Err(_) => return mcp::error(Code::Internal, "unavailable", None),
                }
            }
            Got::Answer(answer) => {
                let Answer { reply, frame } = *answer;
                let pointer = if matches!(reply, Reply::Result(_)) { "/result" } else { "/error" };
                (reply, frame.pointer(pointer))
            }
        };
        let Some(agent) = self.agent_of(asked, call) else { return unavailable(method) };
        let kept = payload.value().clone();
        let received = self.answer_hop(asked, &agent, act.clone(), hop, payload);
        let own_hop = received.arrival().id;
        let reply = Arc::new(reply);
        let make_carry = || -> Carry {
            let reply = Arc::clone(&reply);
            Box::new(move |go| {
                Box::pin(async move { Carried::Delivered(Got::Ours(with_obligations((*reply).clone(), &go))) })
            })
        };
        match self.settle(call, received, make_carry).await {
            Settled::Released { got: Got::Ours(reply), .. } => {
                self.shaped(asked, &agent, method, hop, &kept, reply).await
            }
            // Nobody tries an answer out.
            Settled::Released { .. } | Settled::TryOut { .. } => {
                self.refused(asked, method, &act, Refusal::Unavailable, own_hop)
            }
            Settled::Held(ticket) => held_reply(method, asked.revision, &ticket, self.decider.now()),
            Settled::Earlier(reply) => reply,
            Settled::Refused { hop, refusal } => self.refused(asked, method, &act, refusal, hop),
        }
    }

    fn answer_hop(&self, asked: &Asked, agent: &AgentName, act: Act, to: HopId, payload: Parsed) -> Received {
        let arrival = Arrival {
            id: self.decider.hop_id(),
            at: self.decider.now(),
            credential: Credential::Pipe(Principal::Server(asked.server.clone())),
            task: asked.task.clone(),
            to: Principal::Agent(agent.clone()),
        };
        Received::from_parsed(arrival, act, Turn::Answer { to }, payload)
    }

    /// The agent as which the request was carried.
    fn agent_of(&self, asked: &Asked, call: &Call) -> Option<AgentName> {
        call.agent().or_else(|| asked.session.as_ref().and_then(|session| session.agent().cloned()))
    }

    /// The reply in the form that the client's revision has.
    async fn shaped(
        &self,
        asked: &Asked,
        agent: &AgentName,
        method: Method,
        hop: HopId,
        value: &Value,
        reply: Reply,
    ) -> Reply {
        match reply {
            Reply::Result(result) => {
                if value.get("resultType").and_then(Value::as_str) == Some("input_required") {
                    return self.passed_questions(asked, agent, method, hop, &result).await;
                }
                let listed = match method {
                    Method::ToolsList | Method::Discover => Listed::Shaped,
                    _ => Listed::AsServed,
                };
                Reply::Result(mcp::result_for(asked.revision, method, &result, listed))
            }
            Reply::Error(error) if asked.revision.is_stateless() && error.code == RESOURCE_NOT_FOUND => {
                let mut members = Members::of(&error.raw).unwrap_or_default();
                members.set_value("code", &Code::InvalidParams.number());
                Reply::Error(ErrorReply { code: Code::InvalidParams.number(), raw: members.to_raw() })
            }
            reply @ Reply::Error(_) => reply,
        }
    }

    /// What the agent is told of a refusal: a code, and nothing to probe with. A tool that it may not call is told of in
    /// the words for one that is not there.
    fn refused(&self, asked: &Asked, method: Method, act: &Act, refusal: Refusal, hop: HopId) -> Reply {
        if refusal == Refusal::Unauthentic {
            asked.turn_away(TurnedAway::Unauthentic);
        }
        refusal_reply(method, asked.revision, act, refusal, hop)
    }

    /// What the client came back for, if it did. A state that it was not given is refused, whoever made it up.
    fn come_back_for(&self, asked: &Asked, agent: &AgentName) -> Result<Option<Waits>, Reply> {
        if !asked.revision.is_stateless() {
            return Ok(None);
        }
        let Some(state) = asked.request.params_value().get("requestState") else { return Ok(None) };
        // The identical request finds its ticket by itself.
        if state.as_str().is_some_and(|state| state.starts_with(HELD_STATE)) {
            return Ok(None);
        }
        let waits = state.as_str().and_then(|state| self.calls.unpark(state, &asked.owner(agent), self.decider.now()));
        waits.map(Some).ok_or_else(|| mcp::error(Code::InvalidParams, "unknown `requestState`", None))
    }

    /// Goes on with a call whose server asked something, now that the client came back with answers.
    async fn go_on(
        &self,
        asked: &Asked,
        call: &Arc<Call>,
        agent: &AgentName,
        earlier: Arc<Call>,
        questions: BTreeMap<String, Question>,
    ) -> Carried<Got> {
        earlier.redirect(call.outlet());
        let responses = responses_in(asked);
        for (key, question) in questions {
            let reply = match responses.as_ref().and_then(|responses| responses.named(&key)) {
                None => mcp::error(Code::Internal, "the client did not answer", None),
                Some(response) => self.answer_to_server(asked, agent, question.act, question.hop, response).await,
            };
            // A server that no longer waits does not need to know.
            question.answer.send(reply).ok();
        }
        let reply = self.turn_of(&earlier).await;
        if earlier.is_done() {
            self.calls.delivered(&earlier);
        }
        Carried::Delivered(Got::Ours(reply))
    }

    /// The next reply to the client of this call.
    pub(crate) async fn next_reply(&self, call: &Arc<Call>) -> Reply {
        match call.agent() {
            Some(_) => self.turn_of(call).await,
            // Nothing asks the client of a call before it is carried.
            None => match call.first_turn().await {
                Some(_) => self.turn_of(call).await,
                None => call.answer().await,
            },
        }
    }

    /// What a call comes to next, for a stateless client: its answer, or the questions that it must come back with.
    pub(crate) async fn turn_of(&self, call: &Arc<Call>) -> Reply {
        match call.turn().await {
            CallTurn::Done(reply) => reply,
            CallTurn::Asks(questions) => {
                let mut shown = Members::new();
                let mut waiting = BTreeMap::new();
                for question in questions {
                    let key = format!("maso-{}", question.hop.as_uuid().simple());
                    shown.set(&key, input_request(&question.method, &question.params));
                    waiting.insert(key, question);
                }
                let now = self.decider.now();
                let expires_at = now.plus_ms(self.decider.deployment().settings.server_wait_ms);
                let what = Waits::Call(Arc::clone(call), waiting);
                // Only a call that was carried has a server that asks.
                let Some(owner) = call.owner().cloned() else { return mcp::error(Code::Internal, "unavailable", None) };
                let handle = self.calls.park(Parked { owner, expires_at, what }, now);
                mcp::input_required(&shown, &handle.to_string(), None)
            }
        }
    }

    /// A stateless server's own questions: each travels as a hop, and its state stays here under a handle.
    async fn passed_questions(
        &self,
        asked: &Asked,
        agent: &AgentName,
        method: Method,
        hop: HopId,
        result: &RawValue,
    ) -> Reply {
        let refused = || mcp::error(refused_code(asked.revision), "maso refused this", None);
        if !asked.revision.is_stateless() || !method.may_need_input() {
            // Nothing was declared that it could have asked for, or it may not ask before it answers this.
            return refused();
        }
        let mut members = Members::of(result).unwrap_or_default();
        let requests = members.take("inputRequests").and_then(|requests| Members::of(&requests)).unwrap_or_default();
        let state = members.take("requestState");
        let room = self.room_of(asked, agent);
        let mut shown = Members::new();
        let mut waiting = BTreeMap::new();
        for (key, question) in requests.iter() {
            let question = Members::of(question).unwrap_or_default();
            let method_named = question.named("method").and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
            let params = question.named("params").and_then(Members::of).unwrap_or_default();
            let Some(wanted) = method_named.as_deref().and_then(Method::parse) else { return refused() };
            let Ok(act @ Act::AskClient { .. }) = mcp::act_of(&asked.server, wanted, &Value::Null) else {
                return refused();
            };
            if !declares(room.capabilities(), &act) {
                return refused();
            }
            let payload = mcp::payload_of(wanted, &params);
            let Some(received) = room.server_hop(self, act.clone(), asked.task.clone(), &payload) else {
                return refused();
            };
            let question_hop = received.arrival().id;
            let carry: Carry = Box::new(move |go| {
                Box::pin(async move { Carried::Delivered(Got::Ours(Reply::Result(released(&go, payload)))) })
            });
            match self.decider.clone().travel(received, carry).await {
                crate::decider::Decided::Released { got: Got::Ours(Reply::Result(params)), .. } => {
                    shown.set(key, input_request(wanted.as_str(), &params));
                    waiting.insert(key.to_owned(), (question_hop, act));
                }
                _ => return refusal_reply(method, asked.revision, &act, Refusal::Denied, hop),
            }
        }
        let now = self.decider.now();
        let expires_at = now.plus_ms(self.decider.deployment().settings.server_wait_ms);
        let what = Waits::Server(state, waiting);
        let handle = self.calls.park(Parked { owner: asked.owner(agent), expires_at, what }, now);
        mcp::input_required(&shown, &handle.to_string(), None)
    }

    /// The params that bring a stateless server what it asked for.
    async fn answers_for(
        &self,
        asked: &Asked,
        agent: &AgentName,
        state: Option<Box<RawValue>>,
        questions: BTreeMap<String, (HopId, Act)>,
    ) -> Members {
        let mut answers = Members::new();
        let responses = responses_in(asked).unwrap_or_default();
        for (key, (hop, act)) in questions {
            let Some(response) = responses.named(&key) else { continue };
            // What is refused is left out: the server asks again, or does without.
            if let Reply::Result(result) = self.answer_to_server(asked, agent, act, hop, response).await {
                answers.set(&key, result);
            }
        }
        let mut more = Members::new();
        if !answers.is_empty() {
            more.set("inputResponses", answers.to_raw());
        }
        if let Some(state) = state {
            more.set("requestState", state);
        }
        more
    }

    /// A client's answer to a server's question, as a hop. The agent was identified with the request that brought it.
    async fn answer_to_server(
        &self,
        asked: &Asked,
        agent: &AgentName,
        act: Act,
        to: HopId,
        response: &RawValue,
    ) -> Reply {
        let refused = || mcp::error(Code::Refused, "maso refused this", None);
        let arrival = Arrival { credential: Credential::Pipe(Principal::Agent(agent.clone())), ..asked.arrival(self) };
        let limits = self.decider.deployment().settings.limits;
        let bytes = response.get().as_bytes();
        let Ok(received) = Received::from_bytes(arrival, act, Turn::Answer { to }, bytes, &limits) else {
            return refused();
        };
        let response = response.to_owned();
        let carry: Carry = Box::new(move |go| {
            Box::pin(async move { Carried::Delivered(Got::Ours(Reply::Result(released(&go, response)))) })
        });
        match self.decider.clone().travel(received, carry).await {
            crate::decider::Decided::Released { got: Got::Ours(reply), .. } => reply,
            _ => refused(),
        }
    }
}

/// What a server says of itself, in the form that the client's revision has. What maso does not pass on is not offered.
fn introduction(revision: Revision, leg: &Leg) -> Reply {
    let met = leg.met();
    let said = Members::of(&met.introduction).unwrap_or_default();
    let server_info = said
        .named("serverInfo")
        .map(ToOwned::to_owned)
        .or_else(|| said.named("_meta").and_then(Members::of).and_then(|mut about| about.take(meta::SERVER_INFO)));
    let mut capabilities = met.capabilities.clone();
    if let Some(capabilities) = capabilities.as_object_mut() {
        capabilities
            .retain(|name, _| ["tools", "prompts", "resources", "completions", "logging"].contains(&name.as_str()));
    }
    let mut told = Members::new();
    if revision.is_stateless() {
        told.set_value(
            "supportedVersions",
            &Revision::ALL.iter().rev().map(|known| known.as_str()).collect::<Vec<_>>(),
        );
    } else {
        told.set_value("protocolVersion", &revision.as_str());
    }
    told.set_value("capabilities", &capabilities);
    told.set(
        "serverInfo",
        server_info.unwrap_or_else(|| raw(&json!({ "name": leg.server().as_str(), "version": "0" }))),
    );
    if let Some(instructions) = said.named("instructions") {
        told.set("instructions", instructions.to_owned());
    }
    Reply::Result(told.to_raw())
}

pub(crate) fn answered(answer: Answer) -> Carried<Got> {
    let (code, complains) = match &answer.reply {
        Reply::Result(result) => (None, is_error(result)),
        Reply::Error(error) => (Some(error.code), false),
    };
    let reply = Got::Answer(Box::new(answer));
    match code {
        None if complains => Carried::Unsuccessful(reply),
        None => Carried::Delivered(reply),
        // The codes by which a server turns a request away before it does anything.
        Some(code @ (-32700 | -32602..=-32600 | RESOURCE_NOT_FOUND | -32022..=-32020)) => {
            Carried::Failed { reply, fault: format!("the server answered with error {code}") }
        }
        Some(code) => Carried::Unknown { reply, fault: format!("the server answered with error {code}") },
    }
}

/// Whether a result says itself that it is none. Most are not looked into for that.
fn is_error(result: &RawValue) -> bool {
    result.get().contains("\"isError\"")
        && Members::of(result).is_some_and(|members| members.named("isError").is_some_and(|it| it.get() == "true"))
}

/// How often one request is tried out.
const TRIALS_MAX: usize = 3;

/// The tool that a request calls.
fn called_tool(asked: &Asked, method: Method) -> Option<ToolRef> {
    let name = asked.request.params_value().get("name")?.as_str()?;
    (method == Method::ToolsCall).then_some(())?;
    Some(ToolRef::new(asked.server.clone(), name.parse().ok()?))
}

pub(crate) fn broken(method: Method, fault: &LegFault) -> Carried<Got> {
    let reply = Got::Ours(unavailable(method));
    match fault {
        LegFault::NotSent(_) => Carried::Failed { reply, fault: fault.to_string() },
        LegFault::Broken(_) => Carried::Unknown { reply, fault: fault.to_string() },
    }
}

pub(crate) fn ours_failed(reply: Reply, fault: &str) -> Carried<Got> {
    Carried::Failed { reply: Got::Ours(reply), fault: fault.to_owned() }
}

fn unavailable(method: Method) -> Reply {
    match method {
        Method::ToolsCall => {
            mcp::tool_error("the tool server did not answer", json!({ "refused": Refusal::Unavailable.as_str() }))
        }
        _ => mcp::error(Code::Internal, "the server did not answer", None),
    }
}

pub(crate) fn unknown_tool(tool: &str) -> Reply {
    mcp::error(Code::InvalidParams, &format!("Unknown tool: {tool}"), None)
}

pub(crate) fn refusal_reply(method: Method, revision: Revision, act: &Act, refusal: Refusal, hop: HopId) -> Reply {
    match (method, refusal, act) {
        (Method::ToolsCall, Refusal::OutOfMandate, Act::CallTool(tool)) => unknown_tool(tool.tool.as_str()),
        (Method::ToolsCall, _, _) => mcp::refused_tool(refusal, hop),
        (_, Refusal::Malformed, _) => mcp::error(Code::InvalidRequest, "malformed", None),
        _ => mcp::error(
            refused_code(revision),
            &format!("maso refused this: {refusal} ({hop})"),
            Some(json!({ "maso": { "refused": refusal.as_str(), "hop": hop.to_string() } })),
        ),
    }
}

/// The reply with what the path replaced in it.
fn with_obligations(reply: Reply, go: &Go) -> Reply {
    match (reply, &go.replaced) {
        (reply, None) => reply,
        (Reply::Result(_), Some(value)) => Reply::Result(raw(value)),
        (Reply::Error(error), Some(value)) => Reply::Error(ErrorReply { code: error.code, raw: raw(value) }),
    }
}

fn responses_in(asked: &Asked) -> Option<Members> {
    asked.request.params.named("inputResponses").and_then(Members::of)
}

fn input_request(method: &str, params: &RawValue) -> Box<RawValue> {
    let mut request = Members::new();
    request.set_value("method", &method);
    request.set("params", params.to_owned());
    request.to_raw()
}

fn raw(value: &Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).expect("a JSON value is serializable")
}

const RESOURCE_NOT_FOUND: i64 = -32002;
