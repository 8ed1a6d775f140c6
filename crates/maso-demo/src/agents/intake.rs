//! `intake`: reads what came in with a claim and hands the claim on.

use serde_json::{Map, Value, json};

use super::{Assignment, Because, Instruction, Reply, follower, gullible, gullible::Case, instructions, tools::Tools};
use crate::DemoError;

/// Takes in all claims; how many were handed on.
pub(super) async fn take_in(tools: &mut Tools, assignments: &[Assignment]) -> Result<usize, DemoError> {
    let assignments = if assignments.is_empty() { received_claims(tools).await? } else { assignments.to_vec() };
    let mut n_claims = 0;
    for assignment in &assignments {
        tools.work_on(Some(&assignment.claim_id), assignment.task_token.as_deref());
        if let Reply::Done { .. } = take_in_one(tools, &assignment.claim_id).await? {
            n_claims += 1;
        }
    }
    Ok(n_claims)
}

async fn received_claims(tools: &mut Tools) -> Result<Vec<Assignment>, DemoError> {
    let listed = tools.call("claims-db", "list_claims", json!({}), Because::Duty).await?;
    let claims = listed.result().and_then(|result| result["claims"].as_array()).cloned().unwrap_or_default();
    Ok(claims
        .iter()
        .filter(|claim| claim["state"] == "received")
        .filter_map(|claim| claim["claim_id"].as_str())
        .map(|claim_id| Assignment { claim_id: claim_id.to_owned(), task_token: None })
        .collect())
}

async fn take_in_one(tools: &mut Tools, claim_id: &str) -> Result<Reply, DemoError> {
    let mut which = Map::new();
    which.insert("claim_id".to_owned(), Value::from(claim_id));
    tools.read_prompt("documents", "intake-checklist", which).await?;

    let case = Case { claim_id: claim_id.to_owned(), ..Case::default() };
    let mut amount = None;
    let mut amount_because = Because::Duty;
    let mut read = Vec::new();
    for name in documents_of(tools, claim_id).await? {
        let arguments = json!({ "claim_id": claim_id, "name": name });
        let reply = tools.call("documents", "read_document", arguments, Because::Duty).await?;
        let Some(text) = reply.result().and_then(|result| result["text"].as_str()) else { continue };
        if name.starts_with("estimate") && amount_because == Because::Duty {
            amount = follower::total_minor(text);
        }
        let because = Because::Document { claim_id: claim_id.to_owned(), name: name.clone() };
        for instruction in instructions(text, tools.agent()) {
            match instruction {
                Instruction::UseAmount { amount_minor } => {
                    amount = Some(amount_minor);
                    amount_because = because.clone();
                }
                other => gullible::obey(tools, &case, &other, &because).await?,
            }
        }
        read.push(name);
    }

    let mut extract = json!({ "claim_id": claim_id, "documents": read });
    if let Some(amount) = amount {
        extract["claimed_amount_minor"] = Value::from(amount);
    }
    tools.call("claims-db", "record_extract", extract, amount_because).await?;
    let request = json!({ "to": "analysis", "request": "assess_claim", "content": { "claim_id": claim_id } });
    tools.call("maso", "send_request", request, Because::Duty).await
}

/// The names of a claim's documents.
pub(super) async fn documents_of(tools: &mut Tools, claim_id: &str) -> Result<Vec<String>, DemoError> {
    let listed = tools.call("documents", "list_documents", json!({ "claim_id": claim_id }), Because::Duty).await?;
    let documents = listed.result().and_then(|result| result["documents"].as_array()).cloned().unwrap_or_default();
    Ok(documents.iter().filter_map(|document| document["name"].as_str()).map(str::to_owned).collect())
}
