//! The tools of `/mcp/maso`, as they are called: how an agent that speaks MCP asks others, answers them, and hears of them.

use std::sync::Arc;

use maso_core::{Act, AgentName, HopId, Principal, Refusal, RequestName, Turn, WorkStatus};
use maso_identity::{Delegation, Link};
use maso_path::{Carried, NotTakenBack};
use maso_wire::{
    Arrival, Received, UnverifiedToken,
    envelope::Remarked,
    mcp::{self, Code, Listed, Method, Reply, Revision},
};
use serde_json::{Value, json};

use super::{
    Open, RECEIVE_MAX, not_carried,
    remark::{naming, remark_in},
    takers::NOT_THE_TAKER,
    tools,
};
use crate::{
    calls::Call,
    decider::{Carry, Got},
    gateway::Gateway,
    hold::{Settled, held_reply},
    proxy::{Asked, TurnedAway, refusal_reply, unknown_tool},
    rotation,
};

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
            "cancel_request" => self.cancel_request(asked, &arguments).await,
            "complete_request" => self.complete_request(asked, call, &arguments).await,
            "spawn_agent" => self.spawn_agent(asked, call, &arguments).await,
            "report_status" => self.report_status(asked, call, &arguments).await,
            "ask_clarification" => self.ask_clarification(asked, call, &arguments).await,
            "answer_clarification" => self.answer_clarification(asked, call, &arguments).await,
            "assume" => self.assume(asked, call).await,
            "assumptions" => self.assumptions(asked).await,
            "inputs" => self.inputs(asked).await,
            "clarifications" => self.clarifications(asked).await,
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
                    self.free_what_ended(&agent);
                    let requests = self.fleet.receive(&agent, max, wait_ms, over).await;
                    let gateway = self.shared();
                    let taken: Vec<HopId> = requests.iter().filter_map(request_id).collect();
                    self.fleet.taken(&taken, self.decider.taker(&asked.credential));
                    let taken_back = self.fleet.tell_taken_back(&agent, RECEIVE_MAX);
                    let mut told = json!({ "requests": requests });
                    if !taken_back.is_empty() {
                        told["taken_back"] = taken_back.iter().map(ToString::to_string).collect();
                    }
                    call.if_abandoned(move || {
                        gateway.fleet.untell_taken_back(&taken_back);
                        drop(tokio::spawn(async move { gateway.fleet.give_back(&taken).await }));
                    });
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
        let remark = match remark_in(arguments, id, Remarked::Request, &content) {
            Ok(remark) => remark,
            Err(malformed) => return self.unreadable(received, &malformed).await,
        };
        let received = received.remarking(remark.clone());
        let make_carry = || -> Carry {
            let (gateway, asked, call) = (self.shared(), Arc::clone(asked), Arc::clone(call));
            let (to, request, content, remark) = (to.clone(), request.clone(), content.clone(), remark.clone());
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
                    let mut open = Open::new((from, to), (request, content), (task, handed_on), goal, at);
                    open.beside = remark.as_ref().map(|remark| remark.told());
                    match gateway.fleet.put(id, open).await {
                        Ok(()) => {
                            let told = naming(json!({ "id": id.to_string(), "there": there }), remark.as_deref());
                            Carried::Delivered(Got::Ours(structured(&told)))
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
    pub(super) fn hand_on(
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
        let remark = match remark_in(arguments, hop, Remarked::Answer, &result) {
            Ok(remark) => remark,
            Err(malformed) => return self.unreadable(received, &malformed).await,
        };
        let received = received.remarking(remark.clone());
        let make_carry = || -> Carry {
            let (gateway, to, result, remark) = (self.shared(), open.to.clone(), result.clone(), remark.clone());
            let taker = self.decider.taker(&asked.credential);
            Box::new(move |go| {
                Box::pin(async move {
                    if go.agent.as_ref() != Some(&to) {
                        let fault = "the request was made of another agent".to_owned();
                        return Carried::Failed { reply: Got::Ours(unknown_request()), fault };
                    }
                    if !gateway.may_answer(id, taker) {
                        let fault = NOT_THE_TAKER.to_owned();
                        return Carried::Failed { reply: Got::Ours(unknown_request()), fault };
                    }
                    let beside = remark.as_ref().map(|remark| remark.told());
                    match gateway.fleet.complete(id, go.replaced.unwrap_or(result), beside).await {
                        Ok(true) => {
                            let told = naming(json!({ "done": true }), remark.as_deref());
                            Carried::Delivered(Got::Ours(structured(&told)))
                        }
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

    /// Takes back a request that this agent made.
    async fn cancel_request(&self, asked: &Arc<Asked>, arguments: &Value) -> Reply {
        let agent = match self.known_agent(asked) {
            Ok(agent) => agent,
            Err(reply) => return *reply,
        };
        if self.decider.is_stopped(&agent) {
            return mcp::refused_tool(Refusal::Suspended, self.decider.hop_id());
        }
        let Some(id) = request_id(arguments) else { return unknown_request() };
        match self.take_request_back(id, &agent).await {
            Ok(()) => structured(&json!({ "taken_back": true })),
            Err(NotTakenBack::Unknown) => unknown_request(),
            Err(NotTakenBack::Over) => {
                mcp::tool_error("it is over: it was answered, or taken back before", json!({ "over": "request" }))
            }
            Err(NotTakenBack::Fault) => mcp::refused_tool(Refusal::Unavailable, self.decider.hop_id()),
        }
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
