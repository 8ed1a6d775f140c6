//! A message to its bytes: what is signed.

use serde_json::{Value, json};

use super::{Beside, Evidence, Message, provenance};

impl Message {
    /// The JSON text of the message, which reads back as the same message where it is within [`Message::LIMITS`].
    pub fn write(&self) -> Vec<u8> {
        let mut told = json!({
            "message_id": self.id.to_string(),
            "sender_id": self.claimed_sender.to_string(),
            "recipient_id": self.recipient.to_string(),
            "timestamp": self.at.to_string(),
            "valid_until": self.valid_until.to_string(),
            "content": self.content,
            "goal_hash": self.goal.to_string(),
            "nonce": self.nonce.as_str(),
            "contract": { "name": self.contract.name.as_str(), "version": self.contract.version },
        });
        beside(&mut told, &self.beside);
        if let Some(task) = &self.task {
            told["task_token"] = json!(task.expose());
        }
        told.to_string().into_bytes()
    }
}

/// Writes what is said beside a content among the members of a message.
pub(super) fn beside(told: &mut Value, beside: &Beside) {
    told["message_type"] = json!(beside.kind.as_str());
    told["assumptions"] = beside
        .assumptions
        .iter()
        .map(|assumption| json!({ "text": assumption.text.as_str(), "scope": assumption.reach.as_str() }))
        .collect();
    told["unknowns"] = beside.unknowns.iter().map(|unknown| unknown.as_str()).collect();
    told["constraints"] = beside
        .constraints
        .iter()
        .map(|constraint| {
            json!({
                "name": constraint.name.as_str(),
                "force": constraint.force.as_str(),
                "text": constraint.text.as_str(),
            })
        })
        .collect();
    told["classification"] = json!(beside.classification.as_str());
    told["inputs"] = beside.inputs.iter().map(ToString::to_string).collect();
    if let Some(evidence) = beside.kind.evidence() {
        write_evidence(told, evidence);
    }
    if let Some(confidence) = beside.kind.confidence() {
        told["confidence"] = json!(confidence.as_number());
    }
}

fn write_evidence(told: &mut Value, evidence: &Evidence) {
    let stated = &evidence.provenance;
    told["provenance"] = json!({
        "source": stated.source.as_str(),
        "source_id": stated.source_id.as_str(),
        "verified": stated.verified.is_some(),
        "verification_method": stated.verified.map_or(provenance::UNVERIFIED, |method| method.as_str()),
    });
    if evidence.extraction.is_empty() {
        return;
    }
    let fields = evidence.extraction.iter().map(|field| {
        json!({
            "pointer": field.pointer,
            "document": field.document.to_string(),
            "model": field.model.as_str(),
            "model_version": field.model_version.as_str(),
            "confidence": field.confidence.as_number(),
            "timestamp": field.at.to_string(),
            "validation": field.validation.as_str(),
        })
    });
    told["extraction"] = fields.collect();
}
