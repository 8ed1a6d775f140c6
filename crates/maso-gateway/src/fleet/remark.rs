//! What an agent that signs nothing says beside a request or an answer, and on what it may rest that.

use std::sync::Arc;

use maso_core::{Confidentiality, Finding, HopId, MessageId, Refused, Word};
use maso_wire::{
    Malformed, Received,
    envelope::{Beside, Force, Method, Reach, Remark, Remarked, Source, Text, Validation},
    mcp::{self, Reply},
};
use serde_json::{Value, json};

use super::structured;
use crate::{gateway::Gateway, proxy::Asked};

/// The remark in the arguments of a call, if there is one. It is called as its hop is, so that no two are called the same.
pub(super) fn remark_in(
    arguments: &Value,
    hop: HopId,
    of: Remarked,
    content: &Value,
) -> Result<Option<Arc<Remark>>, Malformed> {
    let said = arguments.get("message").cloned();
    let read = said.map(|said| Remark::read(MessageId::from_uuid(hop.as_uuid()), said, of, content));
    Ok(read.transpose()?.map(Arc::new))
}

/// What the sender of a remark is told with the rest: what others call it who rest on it.
pub(super) fn naming(mut told: Value, remark: Option<&Remark>) -> Value {
    if let Some(remark) = remark {
        told["message_id"] = json!(remark.id().to_string());
    }
    told
}

impl Gateway {
    /// Refuses a hop for what was said beside its payload, on the record (EC-2.15). A model wrote it, so it says nothing of
    /// its program.
    pub(super) async fn unreadable(&self, received: Received, malformed: &Malformed) -> Reply {
        let hop = received.arrival().id;
        let reason = format!("what is said beside the content cannot be read: {malformed}");
        let finding = Finding::new("EC-2.15", Word::NoGo, reason);
        let refused = Refused::new(received, maso_core::Refusal::Malformed, finding);
        mcp::refused_tool(self.decider.clone().turned_back(refused).await, hop)
    }

    /// Tells an agent on what it may rest what it says in this task.
    pub(super) async fn inputs(&self, asked: &Asked) -> Reply {
        let agent = match self.known_agent(asked) {
            Ok(agent) => agent,
            Err(reply) => return *reply,
        };
        // What it was given a moment ago may have come through another process.
        self.decider.hear().await;
        if self.decider.is_stopped(&agent) {
            return mcp::refused_tool(maso_core::Refusal::Suspended, self.decider.hop_id());
        }
        let grounds = self.decider.grounds(&agent, asked.task.as_ref());
        let sources = grounds.sources.iter().map(|(id, of)| json!({ "id": id.to_string(), "of": of }));
        let messages = grounds.messages.iter().map(|(id, from)| json!({ "id": id.to_string(), "from": from.as_str() }));
        structured(&json!({ "sources": sources.collect::<Vec<_>>(), "messages": messages.collect::<Vec<_>>() }))
    }
}

/// The form of a remark, as it is listed with the tools that take one.
pub(super) fn schema_of(of: Remarked) -> Value {
    let text = json!({ "type": "string", "minLength": 1, "maxLength": Text::BYTES_MAX });
    let confidence = json!({ "type": "number", "minimum": 0, "maximum": 1 });
    let list = |items: Value| json!({ "type": "array", "maxItems": Beside::ENTRIES_MAX, "items": items });
    let mut properties = json!({
        "message_type": { "enum": ["delegation", "instruction"] },
        "classification": { "enum": words(Confidentiality::ALL.iter().map(|word| word.as_str())) },
        "inputs": list(json!({ "type": "string", "description": "An id that `inputs` gives." })),
        "assumptions": list(closed(
            json!({ "text": text, "scope": { "enum": words(Reach::ALL.iter().map(|word| word.as_str())) } }),
            &["text", "scope"],
        )),
        "unknowns": list(text.clone()),
        "constraints": list(closed(
            json!({
                "name": { "type": "string" },
                "force": { "enum": words(Force::ALL.iter().map(|word| word.as_str())) },
                "text": text,
            }),
            &["name", "force", "text"],
        )),
    });
    let required: &[&str] = match of {
        Remarked::Request => &[],
        Remarked::Answer => {
            properties["message_type"] = json!({ "enum": ["data", "claim"] });
            let methods = Method::ALL.iter().map(|word| word.as_str()).chain(["none"]);
            properties["provenance"] = closed(
                json!({
                    "source": { "enum": words(Source::ALL.iter().map(|word| word.as_str())) },
                    "source_id": text,
                    "verified": { "type": "boolean" },
                    "verification_method": { "enum": words(methods) },
                }),
                &["source", "source_id", "verified", "verification_method"],
            );
            properties["confidence"] = confidence.clone();
            let field = closed(
                json!({
                    "pointer": { "type": "string" },
                    "document": { "type": "string", "pattern": "^sha256:[0-9a-f]{64}$" },
                    "model": text,
                    "model_version": text,
                    "confidence": confidence,
                    "timestamp": { "type": "string" },
                    "validation": { "enum": words(Validation::ALL.iter().map(|word| word.as_str())) },
                }),
                &["pointer", "document", "model", "model_version", "confidence", "timestamp", "validation"],
            );
            properties["extraction"] = json!({ "type": "array", "maxItems": Beside::EXTRACTIONS_MAX, "items": field });
            &["message_type", "provenance"]
        }
    };
    let mut schema = closed(properties, required);
    schema["description"] = json!("What is said beside the content: on what it rests, and what goes with it.");
    schema
}

fn words<'a>(words: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    words.collect()
}

fn closed(properties: Value, required: &[&str]) -> Value {
    json!({ "type": "object", "required": required, "properties": properties, "additionalProperties": false })
}
