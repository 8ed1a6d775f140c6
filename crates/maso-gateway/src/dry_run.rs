//! Calling a tool to try a hop out (EC-2.7a): on the connection on which the hop itself would be carried where its own server
//! tries it out, else on one of its own.

use std::sync::Arc;

use maso_path::Carried;
use maso_wire::mcp::{Members, Method, Reply, Revision};
use serde_json::{Value, json};

use crate::{
    decider::{Got, Trial},
    gateway::Gateway,
    proxy::{Asked, TurnedAway, answered, broken},
    room::Room,
    rooms::Declared,
    upstream::stateless_meta,
};

impl Gateway {
    /// Tries a hop out, and says what came of it.
    pub(crate) async fn try_out(&self, asked: &Asked, trial: &Trial) -> Carried<Value> {
        if asked.session.as_ref().is_some_and(|session| !session.is_of(&trial.agent)) {
            asked.turn_away(TurnedAway::NotItsSession);
            return not_sent("another agent's session");
        }
        let room = self.room_for_trial(asked, trial);
        let leg = match room.leg().await {
            Ok(leg) => leg,
            Err(fault) => return told(broken(Method::ToolsCall, &fault)),
        };
        // The connection may be younger than the decision: what it publishes must still be what was approved.
        if !(trial.may_go)() {
            return not_sent("the definition on this connection is not the approved one");
        }
        let mut params = Members::new();
        params.set_value("name", &trial.tool.tool.as_str());
        params.set_value("arguments", &trial.arguments);
        if leg.met().revision.is_stateless() {
            params.set_value("_meta", &stateless_meta(&json!({})));
        }
        let arguments = params.named("arguments").map(ToOwned::to_owned);
        match leg.ask(leg.fresh_id(), Method::ToolsCall, &params, arguments.as_deref()).await {
            Ok(answer) => told(answered(answer)),
            Err(fault) => told(broken(Method::ToolsCall, &fault)),
        }
    }

    fn room_for_trial(&self, asked: &Asked, trial: &Trial) -> Arc<Room> {
        if trial.tool.server == asked.server {
            return self.room_of(asked, &trial.agent);
        }
        let declared = Declared {
            revision: Revision::V2025_11_25,
            capabilities: &json!({}),
            log_level: None,
            task: asked.task.as_ref(),
        };
        self.room(&trial.tool.server, &trial.agent, &declared)
    }
}

fn not_sent(fault: &str) -> Carried<Value> {
    Carried::Failed { reply: Value::Null, fault: fault.to_owned() }
}

/// What a server answered, as it is kept and shown: the structured result where there is one, else its texts.
fn told(carried: Carried<Got>) -> Carried<Value> {
    match carried {
        Carried::Delivered(got) => match content(&got) {
            Ok(reply) => Carried::Delivered(reply),
            Err(fault) => Carried::Failed { reply: Value::Null, fault: fault.to_owned() },
        },
        Carried::Unsuccessful(got) => Carried::Unsuccessful(content(&got).unwrap_or_default()),
        Carried::Failed { reply, fault } => Carried::Failed { reply: content(&reply).unwrap_or_default(), fault },
        Carried::Unknown { reply, fault } => Carried::Unknown { reply: content(&reply).unwrap_or_default(), fault },
    }
}

fn content(got: &Got) -> Result<Value, &'static str> {
    let Got::Answer(answer) = got else { return Ok(Value::Null) };
    let Reply::Result(result) = &answer.reply else { return Ok(Value::Null) };
    let Ok(mut result) = serde_json::from_str::<Value>(result.get()) else { return Err("its answer cannot be read") };
    if result.get("resultType").and_then(Value::as_str) == Some("input_required") {
        return Err("the server asks something before it answers");
    }
    if let Some(structured) = result.get_mut("structuredContent").filter(|it| !it.is_null()) {
        return Ok(structured.take());
    }
    let texts = result.get("content").and_then(Value::as_array).into_iter().flatten();
    let texts: Vec<&str> = texts.filter_map(|block| block.get("text")?.as_str()).collect();
    Ok(if texts.is_empty() { result } else { Value::String(texts.join("\n")) })
}
