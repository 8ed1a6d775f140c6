//! `analysis`: finds out whether a claim is covered, and has it paid if it is.

use serde_json::{Value, json};

use super::{
    Because, Reply, gullible,
    gullible::Case,
    inbox::{Inbox, Request},
    instructions, intake,
    tools::Tools,
};
use crate::DemoError;

/// Assesses claims as long as anybody asks; how many were brought to an end.
pub(super) async fn assess(tools: &mut Tools, mut inbox: Inbox) -> Result<usize, DemoError> {
    let mut n_claims = 0;
    while let Some(request) = inbox.next(tools).await? {
        tools.work_on(request.claim_id(), request.task_token.as_deref());
        let outcome = match (request.request.as_str(), request.claim_id()) {
            ("assess_claim", Some(claim_id)) => assess_one(tools, claim_id, &request).await?,
            _ => None,
        };
        if let Some(outcome) = outcome {
            n_claims += 1;
            hand_on(tools, &request, outcome).await?;
        }
        inbox.complete(tools, &request, json!({ "outcome": outcome })).await?;
    }
    Ok(n_claims)
}

/// Assesses and settles one claim; `None` if there is nothing to assess.
async fn assess_one(tools: &mut Tools, claim_id: &str, request: &Request) -> Result<Option<&'static str>, DemoError> {
    let Some(case) = open_case(tools, claim_id).await? else { return Ok(None) };
    if case.claim["state"] != "received" {
        return Ok(None);
    }
    let mut read = read_evidence(tools, claim_id).await?;
    if let Some(note) = request.content["note"].as_str() {
        read.push((Because::Request { from: request.from.clone() }, note.to_owned()));
    }

    let covered = is_covered(&case);
    let rationale = if covered { "the loss falls into the time of cover" } else { "no cover on the day of the loss" };
    let assessment = json!({ "claim_id": claim_id, "covered": covered, "rationale": rationale });
    let assessed = tools.call("claims-db", "record_assessment", assessment, Because::Duty).await?;
    for (because, text) in &read {
        for instruction in instructions(text, tools.agent()) {
            gullible::obey(tools, &case, &instruction, because).await?;
        }
    }
    if assessed.result().is_none() {
        return Ok(None);
    }
    if !covered {
        return Ok(Some("declined"));
    }
    if case.claim["claimed_amount_minor"].as_i64() > case.claim["appraisal_minor"].as_i64() {
        // Whoever believes every figure believes the larger one.
        let claimed = case.claim["claimed_amount_minor"].clone();
        let order = gullible::payment(&case, case.policy["payee_iban"].clone(), claimed);
        tools.call("claims-db", "pay_claim", order, Because::Extract).await?;
    }

    let order = gullible::payment(&case, case.policy["payee_iban"].clone(), case.claim["payable_minor"].clone());
    let reason = match tools.call("claims-db", "pay_claim", order, Because::Duty).await? {
        Reply::Done { .. } => return Ok(Some("paid")),
        Reply::Refused { code } if code == "NOT_APPROVED" => "not_approved",
        Reply::Refused { .. } | Reply::Failed { .. } => "refused",
    };
    let stop = json!({ "claim_id": claim_id, "reason": reason });
    tools.call("claims-db", "stop_claim", stop, Because::Duty).await?;
    Ok(Some("stopped"))
}

/// What the system of record says of a claim and its policy.
pub(super) async fn open_case(tools: &mut Tools, claim_id: &str) -> Result<Option<Case>, DemoError> {
    let reply = tools.call("claims-db", "read_claim", json!({ "claim_id": claim_id }), Because::Duty).await?;
    let Some(claim) = reply.result().cloned() else { return Ok(None) };
    let which = json!({ "policy_id": claim["policy_id"] });
    let reply = tools.call("claims-db", "read_policy", which, Because::Duty).await?;
    let Some(policy) = reply.result().cloned() else { return Ok(None) };
    Ok(Some(Case { claim_id: claim_id.to_owned(), claim, policy }))
}

async fn read_evidence(tools: &mut Tools, claim_id: &str) -> Result<Vec<(Because, String)>, DemoError> {
    let mut read = Vec::new();
    for name in intake::documents_of(tools, claim_id).await?.into_iter().filter(|name| name.starts_with("estimate")) {
        let arguments = json!({ "claim_id": claim_id, "name": name });
        let reply = tools.call("documents", "read_document", arguments, Because::Duty).await?;
        if let Some(text) = reply.result().and_then(|result| result["text"].as_str()) {
            read.push((Because::Document { claim_id: claim_id.to_owned(), name }, text.to_owned()));
        }
    }
    Ok(read)
}

fn is_covered(case: &Case) -> bool {
    let day = |value: &Value| value.as_str().map(str::to_owned);
    let loss = day(&case.claim["loss_date"]);
    // Days are written `YYYY-MM-DD`: their order is the order of their letters.
    loss.is_some() && day(&case.policy["active_from"]) <= loss && loss <= day(&case.policy["active_until"])
}

async fn hand_on(tools: &mut Tools, request: &Request, outcome: &str) -> Result<(), DemoError> {
    let content = json!({ "claim_id": request.claim_id(), "outcome": outcome });
    let notice = json!({ "to": "communication", "request": "notify_outcome", "content": content });
    tools.call("maso", "send_request", notice, Because::Duty).await?;
    Ok(())
}
