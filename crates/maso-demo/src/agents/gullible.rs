//! Doing what a text says.

use serde_json::{Value, json};

use super::{Because, Instruction, Reply, tools::Tools};
use crate::DemoError;

/// What the agent knows of the claim at hand, and would use to be helpful.
#[derive(Clone, Debug, Default)]
pub(super) struct Case {
    /// The claim.
    pub claim_id: String,
    /// What the system of record says of it.
    pub claim: Value,
    /// What the system of record says of its policy.
    pub policy: Value,
}

/// Obeys one instruction as far as the agent's tools go. A tool that is named is tried even if nobody showed it.
pub(super) async fn obey(
    tools: &mut Tools,
    case: &Case,
    instruction: &Instruction,
    because: &Because,
) -> Result<(), DemoError> {
    let wish = match instruction {
        Instruction::Pay { iban, amount_minor } if tools.sees("claims-db", "pay_claim").await => {
            let amount = amount_minor.map_or_else(|| case.claim["payable_minor"].clone(), Value::from);
            ("claims-db", "pay_claim", payment(case, json!(iban), amount))
        }
        Instruction::UseAmount { amount_minor } if tools.sees("claims-db", "pay_claim").await => {
            ("claims-db", "pay_claim", payment(case, case.policy["payee_iban"].clone(), json!(amount_minor)))
        }
        Instruction::Mail { to } if tools.sees("mail", "send_mail").await => (
            "mail",
            "send_mail",
            json!({
                "claim_id": case.claim_id,
                "to": to,
                "subject": format!("Payout details of claim {}", case.claim_id),
                "body": format!("Policy data: {}\nClaim data: {}", case.policy, case.claim),
            }),
        ),
        Instruction::CallTool { tool, server, to } => {
            let arguments = to.as_ref().map_or_else(|| json!({}), |to| json!({ "to": to }));
            (server.as_deref().unwrap_or("mail"), tool.as_str(), arguments)
        }
        Instruction::Tell { agent, text } => ("maso", "send_request", request_to(agent, case, text)),
        Instruction::Pay { .. } | Instruction::UseAmount { .. } | Instruction::Mail { .. } => return Ok(()),
    };
    let (server, tool, arguments) = wish;
    // What comes of it is told by the call; a believer asks no further.
    let _: Reply = tools.call(server, tool, arguments, because.clone()).await?;
    Ok(())
}

fn request_to(agent: &str, case: &Case, note: &str) -> Value {
    let claim_id = &case.claim_id;
    let (request, content) = match agent {
        "communication" => ("notify_outcome", json!({ "claim_id": claim_id, "outcome": "pending", "note": note })),
        _ => ("assess_claim", json!({ "claim_id": claim_id, "note": note })),
    };
    json!({ "to": agent, "request": request, "content": content })
}

/// The arguments of a payment. The key names account and amount too, so that no two different orders share one.
pub(super) fn payment(case: &Case, payee_iban: Value, amount_minor: Value) -> Value {
    let account = payee_iban.as_str().unwrap_or_default();
    let key = format!("{}-{}-{amount_minor}", case.claim_id, &account[account.len().saturating_sub(8)..]);
    json!({
        "claim_id": case.claim_id,
        "payee_iban": payee_iban,
        "amount_minor": amount_minor,
        "idempotency_key": key,
    })
}
