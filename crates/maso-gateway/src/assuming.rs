//! Agents say what they take for granted, and hear for whom it holds (PG-2.8). It is told by being on the record, and goes
//! no further than to the person who answers for the task.

use std::sync::Arc;

use maso_core::{Act, AgentName, HopId, Principal, Refusal, Turn};
use maso_intent::Clarifying;
use maso_path::{Assumption, Carried, Ticket};
use maso_wire::{
    Arrival, Credential, Parsed, Received, UnverifiedToken,
    envelope::Reach,
    mcp::{self, Reply},
};
use serde_json::{Value, json};

use crate::{
    calls::Call,
    decider::{Carry, Decided, Got},
    fleet::structured,
    gateway::Gateway,
    proxy::Asked,
};

/// What became of what an agent said that it assumes, at the native door.
pub(crate) enum Noted {
    /// It is on the record, and this is what its agent is told.
    Kept(Value),
    /// It waits for people.
    Held(Ticket),
    /// It is not.
    Refused { hop: HopId, refusal: Refusal },
}

impl Gateway {
    /// Serves `assume`.
    pub(crate) async fn assume(&self, asked: &Arc<Asked>, call: &Arc<Call>) -> Reply {
        let arrival = self.fleet_arrival(asked);
        let agent = match self.decider.named(&arrival.credential) {
            Ok(agent) => agent,
            Err(refusal) => return mcp::refused_tool(refusal, arrival.id),
        };
        let act = act_of(agent);
        let to = Principal::Operator(self.decider.accountable(arrival.task.as_ref()));
        let arrival = Arrival { to, ..arrival };
        let hop = arrival.id;
        let payload = asked.request.parsed.clone().pointer("/params/arguments");
        let received =
            Received::from_parsed(arrival, act.clone(), Turn::Ask, payload).claiming_context(asked.claimed_context());
        let make_carry = || carry(structured(&noted(hop)));
        self.fleet_settled(asked, call, &act, received, make_carry).await
    }

    /// The same at the native door.
    pub(crate) async fn note_assumption(
        &self,
        payload: Parsed,
        agent: AgentName,
        (credential, task): (Credential, Option<UnverifiedToken>),
    ) -> Noted {
        let (hop, at) = (self.decider.hop_id(), self.decider.now());
        let to = Principal::Operator(self.decider.accountable(task.as_ref()));
        let arrival = Arrival { id: hop, at, credential, task, to };
        let received = Received::from_parsed(arrival, act_of(agent), Turn::Ask, payload);
        match self.decider.clone().travel(received, carry(structured(&noted(hop)))).await {
            Decided::Released { got: Got::Ours(Reply::Result(_)), .. } => Noted::Kept(noted(hop)),
            // No tool is called, so there is nothing to try out.
            Decided::Released { .. } | Decided::TryOut { .. } => Noted::Refused { hop, refusal: Refusal::Unavailable },
            Decided::Held { ticket, .. } => Noted::Held(ticket),
            Decided::Refused { hop, refusal } => Noted::Refused { hop, refusal },
        }
    }

    /// Serves `assumptions`: what this agent assumes, with what people said of it through any process until now.
    pub(crate) async fn assumptions(&self, asked: &Asked) -> Reply {
        let agent = match self.known_agent(asked) {
            Ok(agent) => agent,
            Err(reply) => return *reply,
        };
        if self.decider.is_stopped(&agent) {
            return mcp::refused_tool(Refusal::Suspended, self.decider.hop_id());
        }
        structured(&self.assumptions_of(&agent).await)
    }

    /// What an agent assumes, as it is told of it.
    pub(crate) async fn assumptions_of(&self, agent: &AgentName) -> Value {
        self.decider.hear().await;
        let assumptions: Vec<Value> = self.decider.assumptions(agent).iter().map(shown).collect();
        json!({ "assumptions": assumptions })
    }
}

fn act_of(agent: AgentName) -> Act {
    Act::Request { agent, request: Clarifying::assumption() }
}

fn carry(told: Reply) -> Carry {
    Box::new(move |_| Box::pin(async move { Carried::Delivered(Got::Ours(told)) }))
}

/// What an agent is told of what it just assumed.
fn noted(hop: HopId) -> Value {
    json!({ "id": hop.to_string(), "scope": Reach::Local.as_str() })
}

fn shown(assumption: &Assumption) -> Value {
    let Assumption { assumed, task, text, reach } = assumption;
    json!({
        "id": assumed.hop.to_string(),
        "task": task.to_string(),
        "text": text,
        "inputs": assumed.inputs.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "scope": reach.as_str(),
        "answered": assumed.answer.is_some(),
    })
}
