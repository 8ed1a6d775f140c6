//! What agents do at `/mcp/maso` about their own contexts: they note what they go on from, and get it back (EC-2.16).

use std::sync::Arc;

use maso_core::{Act, AgentName, Refusal, ToolName, ToolRef, Turn};
use maso_intent::{Checkpoint, Deployment};
use maso_path::{ContextUse, Resumed};
use maso_wire::{
    Received,
    mcp::{self, Code, Reply},
};
use serde_json::{Value, json};

use crate::{
    fleet::{structured, tool},
    gateway::Gateway,
    proxy::{Asked, TurnedAway, unknown_tool},
};

/// Whether an agent may rotate its context here: somebody watches it.
pub(crate) fn is_watched(deployment: &Deployment, agent: &AgentName) -> bool {
    deployment.agents.get(agent).is_some_and(|mandate| mandate.context.is_some())
}

impl Gateway {
    /// Serves `checkpoint` and `resume`.
    pub(crate) async fn rotation_call(&self, asked: &Asked, name: &str) -> Reply {
        let agent = match self.decider.named(&asked.credential) {
            Ok(agent) => agent,
            Err(refusal) => {
                asked.turn_away(TurnedAway::Unauthentic);
                return mcp::error(Code::Refused, refusal.as_str(), None);
            }
        };
        if asked.session.as_ref().is_some_and(|session| !session.is_of(&agent)) {
            asked.turn_away(TurnedAway::NotItsSession);
            return mcp::error(Code::InvalidRequest, "session not found", None);
        }
        let Ok(named) = name.parse::<ToolName>() else { return unknown_tool(name) };
        if !is_watched(&self.decider.deployment(), &agent) {
            return unknown_tool(name);
        }
        let arrival = self.fleet_arrival(asked);
        let hop = arrival.id;
        let act = Act::CallTool(ToolRef::new(asked.server.clone(), named));
        let payload = asked.request.parsed.clone().pointer("/params/arguments");
        let received = Received::from_parsed(arrival, act, Turn::Ask, payload);
        let decider = Arc::clone(&self.decider);
        let told = match name {
            CHECKPOINT => decider.checkpoint(received).await.map(|context| json!({ "context": told(&context) })),
            _ => decider.resume(received).await.map(|resumed| resumption(&resumed)),
        };
        match told {
            Ok(told) => {
                // Only now is it proven who asks.
                if let Some(session) = &asked.session {
                    session.bind(&agent);
                }
                structured(&told)
            }
            Err(refusal) => {
                if refusal == Refusal::Unauthentic {
                    asked.turn_away(TurnedAway::Unauthentic);
                }
                mcp::refused_tool(refusal, hop)
            }
        }
    }
}

fn resumption(resumed: &Resumed) -> Value {
    json!({
        "goal": resumed.goal,
        "specification": resumed.specification,
        "success_criteria": resumed.success_criteria,
        "checkpoint": resumed.checkpoint,
        "context": told(&resumed.context),
    })
}

/// How full a context is, as its agent is told.
pub(crate) fn told(context: &ContextUse) -> Value {
    let ContextUse { terms, used, .. } = context;
    json!({
        "tokens": terms.tokens,
        "used": used,
        "percent": terms.percent(*used),
        "level": terms.level(*used).map(|level| level.as_str()),
        "rotate": terms.is_to_rotate(*used),
    })
}

pub(crate) fn tools() -> Vec<Value> {
    let text = |what: &str| json!({ "type": "string", "description": what });
    let list = |what: &str, items: Value| json!({ "type": "array", "maxItems": Checkpoint::ITEMS_MAX, "description": what, "items": items });
    let object = |required: &[&str], properties: Value| json!({ "type": "object", "required": required, "properties": properties, "additionalProperties": false });
    vec![
        tool(
            CHECKPOINT,
            "Note what to go on from, then begin again in an empty context with `resume`.",
            &["goal", "active_constraints", "decisions", "pending_actions"],
            json!({
                "goal": text("The task's goal, to the letter, or the hash of its specification."),
                "active_constraints": list("What must, must never or must exactly be done, to the letter.", json!({ "type": "string" })),
                "decisions": list(
                    "What was decided so far.",
                    object(&["decision"], json!({ "decision": text("What."), "because": text("Why.") })),
                ),
                "pending_actions": list(
                    "What is still to be done.",
                    object(&["action"], json!({ "action": text("What."), "tool": text("With which tool.") })),
                ),
            }),
        ),
        tool(RESUME, "The task as it was set, and what this agent noted last in it.", &[], json!({})),
    ]
}

pub(crate) const CHECKPOINT: &str = "checkpoint";
pub(crate) const RESUME: &str = "resume";
