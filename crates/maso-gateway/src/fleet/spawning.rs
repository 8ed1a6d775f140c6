//! Starting instances of declared agents: at `/mcp/maso` as a tool, and at the native door (EC-1.5a).
//!
//! Whoever starts one gets its id and a token with which the process joins that has the named key. Nothing else of it passes
//! through whoever starts it, and no word of theirs reaches the instance but along a grant.

use std::sync::Arc;

use maso_core::{Act, AgentName, HopId, InstanceId, Principal, Refusal, Turn};
use maso_path::{Carried, Invited, NotInvited, Ticket};
use maso_wire::{
    Arrival, Credential, Parsed, Received, UnverifiedToken,
    mcp::{self, Code, Reply},
};
use serde_json::{Value, json};

use super::server::structured;
use crate::{
    calls::Call,
    decider::{Carry, Decided, Got},
    gateway::Gateway,
    proxy::Asked,
};

/// What became of a wish to start an instance.
pub(crate) enum Spawned {
    /// It was started.
    Started(Value),
    /// It waits for people.
    Held(Ticket),
    /// It was not.
    Refused { hop: HopId, refusal: Refusal },
}

impl Gateway {
    /// Serves `spawn_agent`.
    pub(super) async fn spawn_agent(&self, asked: &Arc<Asked>, call: &Arc<Call>, arguments: &Value) -> Reply {
        let Some(act) = act_of(arguments) else {
            return mcp::error(Code::InvalidParams, MALFORMED, None);
        };
        let arrival = Arrival { to: Principal::itself(), ..self.fleet_arrival(asked) };
        let hop = arrival.id;
        let payload = asked.request.parsed.clone().pointer("/params/arguments");
        let received =
            Received::from_parsed(arrival, act.clone(), Turn::Ask, payload).claiming_context(asked.claimed_context());
        let make_carry = || self.spawn_carry(hop, mcp::refused_tool(Refusal::Unavailable, hop), structured);
        self.fleet_settled(asked, call, &act, received, make_carry).await
    }

    /// The same at the native door.
    pub(crate) async fn spawn(
        &self,
        payload: Parsed,
        (credential, task): (Credential, Option<UnverifiedToken>),
    ) -> Option<Spawned> {
        let act = act_of(payload.value())?;
        let (hop, at) = (self.decider.hop_id(), self.decider.now());
        let arrival = Arrival { id: hop, at, credential, task, to: Principal::itself() };
        let received = Received::from_parsed(arrival, act, Turn::Ask, payload);
        let refused = told(&json!({ "refused": Refusal::Unavailable.as_str() }));
        let carry = self.spawn_carry(hop, refused, told);
        Some(match self.decider.clone().travel(received, carry).await {
            Decided::Released { got: Got::Ours(Reply::Result(raw)), .. } => {
                let said: Value = serde_json::from_str(raw.get()).unwrap_or_default();
                match said["refused"].as_str() {
                    None => Spawned::Started(said),
                    Some(_) => Spawned::Refused { hop, refusal: Refusal::Unavailable },
                }
            }
            // No tool is called, so there is nothing to try out.
            Decided::Released { .. } | Decided::TryOut { .. } => {
                Spawned::Refused { hop, refusal: Refusal::Unavailable }
            }
            Decided::Held { ticket, .. } => Spawned::Held(ticket),
            Decided::Refused { hop, refusal } => Spawned::Refused { hop, refusal },
        })
    }

    /// Issues the token: the instance is on the record by now, together with the permit.
    fn spawn_carry(&self, hop: HopId, refused: Reply, shown: fn(&Value) -> Reply) -> Carry {
        let gateway = self.shared();
        Box::new(move |_| {
            Box::pin(async move {
                match gateway.decider.invite(InstanceId::from_uuid(hop.as_uuid())).await {
                    Ok(invited) => Carried::Delivered(Got::Ours(shown(&about(&invited)))),
                    Err(fault) => {
                        if let NotInvited::NotRecorded(cause) = &fault {
                            tracing::error!(error = cause as &dyn std::error::Error, "no join token was recorded");
                        }
                        Carried::Failed { reply: Got::Ours(refused), fault: fault.to_string() }
                    }
                }
            })
        })
    }
}

fn act_of(arguments: &Value) -> Option<Act> {
    let text = |key: &str| arguments.get(key).and_then(Value::as_str);
    let is_key = text("thumbprint").is_some_and(|key| key.parse::<maso_identity::Thumbprint>().is_ok());
    let agent: AgentName = text("agent")?.parse().ok()?;
    is_key.then_some(Act::Spawn { agent })
}

/// What whoever started an instance is told, once.
fn about(invited: &Invited) -> Value {
    json!({
        "spiffe_id": invited.holder.to_string(),
        "join_token": invited.token.expose(),
        "join_by": invited.join_by.as_millis(),
        "until": invited.until.as_millis(),
    })
}

fn told(value: &Value) -> Reply {
    Reply::Result(serde_json::value::to_raw_value(value).expect("a JSON value is serializable"))
}

const MALFORMED: &str = "`agent` must be a name, and `thumbprint` that (RFC 7638) of the key that the new process made";
