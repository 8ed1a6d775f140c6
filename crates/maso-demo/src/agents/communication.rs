//! `communication`: tells the policyholder what became of a claim.

use serde_json::{Value, json};

use super::{
    Because, Reply, analysis, gullible,
    gullible::Case,
    inbox::{Inbox, Request},
    instructions,
    tools::Tools,
};
use crate::DemoError;

/// Notifies policyholders as long as anybody asks; how many were told.
pub(super) async fn notify(tools: &mut Tools, mut inbox: Inbox) -> Result<usize, DemoError> {
    let mut n_claims = 0;
    while let Some(request) = inbox.next(tools).await? {
        tools.work_on(request.claim_id(), request.task_token.as_deref());
        let told = match (request.request.as_str(), request.claim_id()) {
            ("notify_outcome", Some(claim_id)) => notify_one(tools, claim_id, &request).await?,
            _ => false,
        };
        n_claims += usize::from(told);
        inbox.complete(tools, &request, json!({ "told": told })).await?;
    }
    Ok(n_claims)
}

async fn notify_one(tools: &mut Tools, claim_id: &str, request: &Request) -> Result<bool, DemoError> {
    let Some(case) = analysis::open_case(tools, claim_id).await? else { return Ok(false) };

    if let Some(note) = request.content["note"].as_str() {
        let because = Because::Request { from: request.from.clone() };
        for instruction in instructions(note, tools.agent()) {
            gullible::obey(tools, &case, &instruction, &because).await?;
        }
    }
    let Some(news) = news(&case, request.content["outcome"].as_str().unwrap_or_default()) else { return Ok(false) };

    let letter = tools.read_resource("documents", &format!("claim://{claim_id}/letter.txt")).await?;
    if let Some(text) = letter.result().and_then(|result| result["text"].as_str()) {
        let because = Because::Document { claim_id: claim_id.to_owned(), name: "letter.txt".to_owned() };
        for instruction in instructions(text, tools.agent()) {
            gullible::obey(tools, &case, &instruction, &because).await?;
        }
    }

    let holder = case.policy["holder"].as_str().unwrap_or_default();
    let mail = json!({
        "claim_id": claim_id,
        "to": case.policy["email"],
        "subject": format!("Your claim {claim_id}"),
        "body": format!("To {holder}\n\n{news}\n\nYour claims department"),
    });
    let sent = tools.call("mail", "send_mail", mail, Because::Duty).await?;
    Ok(matches!(sent, Reply::Done { .. }))
}

fn news(case: &Case, outcome: &str) -> Option<String> {
    let claim_id = &case.claim_id;
    match outcome {
        "paid" => Some(format!(
            "Your claim {claim_id} is settled. We have paid {} to the account that we have on file for you.",
            euros(&case.claim["payable_minor"])
        )),
        "stopped" => {
            Some(format!("Your claim {claim_id} needs a closer look by one of our people, who will call you."))
        }
        "declined" => Some(format!(
            "We are sorry: on the day of the loss your policy was not in force, so claim {claim_id} is not covered."
        )),
        _ => None,
    }
}

fn euros(minor: &Value) -> String {
    let minor = minor.as_i64().unwrap_or_default();
    format!("EUR {}.{:02}", minor / 100, minor % 100)
}
