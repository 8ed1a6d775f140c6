//! Agents ask what is meant, and are answered (PG-2.10). Questions and answers are hops; what is shown of them is read
//! from the record, so that no process and no restart loses one.

use std::sync::Arc;

use maso_core::{Act, Principal, Refusal, Turn};
use maso_intent::{Clarifying, Matter};
use maso_path::{Carried, Clarification};
use maso_wire::{
    Arrival, Received,
    mcp::{self, Code, Reply},
};
use serde_json::{Value, json};

use crate::{
    calls::Call,
    decider::{Carry, Got},
    fleet::{request_id, structured},
    gateway::Gateway,
    proxy::Asked,
};

impl Gateway {
    /// Asks what is meant: of the task, the person who answers for it; of a request, the agent that made it. Where one of the
    /// two acts, they exchange no words, and the person is asked.
    pub(crate) async fn ask_clarification(&self, asked: &Arc<Asked>, call: &Arc<Call>, arguments: &Value) -> Reply {
        let about = arguments.get("about").and_then(Value::as_str).and_then(Matter::parse);
        let arrival = self.fleet_arrival(asked);
        // Who it is decides the path; here is only said for whom the question is.
        let asker = self.decider.named(&arrival.credential);
        let (delegator, task) = match about {
            Some(Matter::Task(_)) => (None, arrival.task.clone()),
            Some(Matter::Request(request)) => {
                let Some(open) = self.fleet.find(request) else { return unknown_question() };
                // A question belongs to the task of what it is about.
                let task = arrival.task.clone().or(open.handed_on);
                let (deployment, now) = (self.decider.deployment(), self.decider.now());
                let may_talk = asker.as_ref().is_ok_and(|asker| deployment.may_talk(asker, &open.from, now));
                (Some(open.from).filter(|_| may_talk), task)
            }
            None => {
                let wrong = "`about` must be a part of the task or the id of a request";
                return mcp::error(Code::InvalidParams, wrong, None);
            }
        };
        let (to, agent) = match (delegator, asker) {
            (Some(delegator), _) => (Principal::Agent(delegator.clone()), delegator),
            (None, Ok(asker)) => (Principal::Operator(self.decider.accountable(task.as_ref())), asker),
            (None, Err(refusal)) => return mcp::refused_tool(refusal, arrival.id),
        };
        let act = Act::Request { agent, request: Clarifying::request() };
        let arrival = Arrival { to, task, ..arrival };
        let id = arrival.id;
        let payload = asked.request.parsed.clone().pointer("/params/arguments");
        let received = Received::from_parsed(arrival, act.clone(), Turn::Ask, payload);
        let make_carry = || -> Carry {
            Box::new(move |_| {
                let told = structured(&json!({ "id": id.to_string(), "answered": false }));
                Box::pin(async move { Carried::Delivered(Got::Ours(told)) })
            })
        };
        let told = self.fleet_settled(asked, call, &act, received, make_carry).await;
        // When it is on the record, clients outside who wait for news of their task look again.
        self.decider.hear().await;
        self.fleet.stir();
        told
    }

    /// Says what was meant by a request.
    pub(crate) async fn answer_clarification(&self, asked: &Arc<Asked>, call: &Arc<Call>, arguments: &Value) -> Reply {
        let arrival = self.fleet_arrival(asked);
        let delegator = match self.decider.named(&arrival.credential) {
            Ok(agent) => agent,
            Err(refusal) => return mcp::refused_tool(refusal, arrival.id),
        };
        // It may have been asked through another process a moment ago.
        self.decider.hear().await;
        let question = request_id(arguments).and_then(|id| {
            let all = self.decider.clarifications(&delegator);
            all.into_iter().map(|one| one.question).find(|question| question.hop == id)
        });
        let Some(question) = question.filter(|question| question.of == Principal::Agent(delegator.clone())) else {
            return unknown_question();
        };
        let of_request = match question.about {
            Matter::Request(request) => self.fleet.find(request).and_then(|open| open.task),
            Matter::Task(_) => None,
        };
        let task = arrival.task.clone().or(of_request);
        let arrival = Arrival { to: Principal::Agent(question.by), task, ..arrival };
        let act = Act::Request { agent: delegator, request: Clarifying::request() };
        let payload = asked.request.parsed.clone().pointer("/params/arguments/answer");
        let received = Received::from_parsed(arrival, act.clone(), Turn::Answer { to: question.hop }, payload);
        let make_carry = || -> Carry {
            Box::new(|_| {
                let told = structured(&json!({ "done": true }));
                Box::pin(async move { Carried::Delivered(Got::Ours(told)) })
            })
        };
        self.fleet_settled(asked, call, &act, received, make_carry).await
    }

    /// The questions that this agent asked or was asked, with what was answered through any process until now.
    pub(crate) async fn clarifications(&self, asked: &Asked) -> Reply {
        let agent = match self.known_agent(asked) {
            Ok(agent) => agent,
            Err(reply) => return *reply,
        };
        self.decider.hear().await;
        if self.decider.is_stopped(&agent) {
            return mcp::refused_tool(Refusal::Suspended, self.decider.hop_id());
        }
        let questions: Vec<Value> = self.decider.clarifications(&agent).iter().map(shown).collect();
        structured(&json!({ "clarifications": questions }))
    }
}

fn shown(clarification: &Clarification) -> Value {
    let Clarification { question, asked, answer } = clarification;
    let part = |name: &str| asked.as_ref().and_then(|asked| asked.get(name)).cloned();
    let mut shown = json!({
        "id": question.hop.to_string(),
        "task": question.task.to_string(),
        "goal_hash": question.specification,
        "asked_by": question.by.as_str(),
        "asked_of": question.of.to_string(),
        "about": part("about"),
        "question": part("question"),
        "answered": question.answer.is_some(),
    });
    if let Some(options) = part("options") {
        shown["options"] = options;
    }
    if let Some(said) = &question.answer {
        shown["answered_by"] = json!(said.by.to_string());
        shown["answer"] = json!(answer);
    }
    shown
}

fn unknown_question() -> Reply {
    mcp::tool_error("there is no such question or request", json!({ "unknown": "clarification" }))
}
