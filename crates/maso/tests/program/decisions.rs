//! Each kind of decision, over the wire.

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::{
    client::{self, Client, held, refused, text},
    deployment::{Deployment, Operator, Up, Wanted},
};

pub struct Scene {
    pub deployment: Deployment,
    pub up: Up,
    pub operator: Operator,
    pub client: Client,
}

/// A deployment that is served, an operator who is signed in, and the writer's client.
pub async fn scene(wanted: &Wanted) -> Scene {
    let deployment = Deployment::new(wanted);
    let up = deployment.up().await;
    let operator = up.operator().await;
    let client = Client::open(up.address, &operator.token("writer", None).await).await;
    Scene { deployment, up, operator, client }
}

fn mail() -> Value {
    json!({ "to": "office@notes.example", "body": "the paper is out" })
}

#[tokio::test]
async fn a_read_in_scope_is_allowed() {
    let stage = scene(&Wanted::default()).await;
    stage.deployment.put_note("today", "buy paper");
    assert_eq!(text(&stage.client.call("read_note", json!({ "note": "today" })).await), "buy paper");
    // A pure read may be released a moment before it is durable, so the record is looked at when all of it is.
    stage.up.stop().await;
    let hops = stage.deployment.bodies("hop-decided").await;
    assert!(hops.iter().any(|hop| hop["object"] == "notes:read_note" && hop["decision"] == "allow"), "{hops:?}");
    stage.deployment.verify().await;
}

#[tokio::test]
async fn a_write_is_held_and_released_once_when_it_is_approved() {
    let stage = scene(&Wanted::default()).await;
    let Scene { deployment, operator, client, .. } = &stage;
    let (answer, ()) = tokio::join!(client.call("send_mail", mail()), async {
        let ticket = operator.ticket("open").await;
        assert!(deployment.effects().is_empty(), "it happened before anyone approved it");
        operator.answer(&ticket, "approve").await;
    });
    assert_eq!(text(&answer), "send_mail is done");
    assert_eq!(deployment.effects(), [json!({ "tool": "send_mail", "arguments": mail() })]);
    assert_eq!(deployment.bodies("ticket-spent").await.len(), 1);
    deployment.verify().await;
}

#[tokio::test]
async fn an_identical_call_meets_the_same_ticket_and_another_does_not() {
    let stage = scene(&Wanted { hold_open: "1ms", ..Wanted::default() }).await;
    let Scene { deployment, operator, client, .. } = &stage;
    let first = client.call("send_mail", mail()).await;
    let ticket = held(&first).unwrap_or_else(|| panic!("{first}")).to_owned();
    let second = client.call("send_mail", mail()).await;
    assert_eq!(held(&second), Some(ticket.as_str()));
    let other = client.call("send_mail", json!({ "to": "office@notes.example", "body": "other" })).await;
    assert_ne!(held(&other), Some(ticket.as_str()));
    operator.answer(&json!({ "ticket": ticket }), "approve").await;
    assert_eq!(text(&client.call("send_mail", mail()).await), "send_mail is done");
    assert_eq!(deployment.effects().len(), 1);
    // The approval is used up: the same call again needs a new one.
    let again = client.call("send_mail", mail()).await;
    assert!(held(&again).is_some_and(|again| again != ticket), "{again}");
    assert_eq!(deployment.effects().len(), 1);
}

#[tokio::test]
async fn a_stateless_client_is_told_to_come_back() {
    let stage = scene(&Wanted { hold_open: "1ms", ..Wanted::default() }).await;
    let Scene { up, operator, deployment, .. } = &stage;
    let client = Client::new(up.address, Some(&operator.token("writer", None).await));
    let first = client.call_stateless("send_mail", mail()).await;
    assert_eq!(first["result"]["resultType"], "input_required", "{first}");
    let ticket = json!({ "ticket": held(&first).unwrap() });
    operator.answer(&ticket, "approve").await;
    assert_eq!(text(&client.call_stateless("send_mail", mail()).await), "send_mail is done");
    assert_eq!(deployment.effects().len(), 1);
}

#[tokio::test]
async fn a_rejected_action_does_not_happen() {
    let stage = scene(&Wanted::default()).await;
    let Scene { deployment, operator, client, .. } = &stage;
    let (answer, ()) = tokio::join!(client.call("send_mail", mail()), async {
        operator.answer(&operator.ticket("open").await, "reject").await;
    });
    assert_eq!(refused(&answer), Some("NOT_APPROVED"), "{answer}");
    assert!(deployment.effects().is_empty());
}

#[tokio::test]
async fn silence_is_a_no() {
    let stage = scene(&Wanted { wait: "1s", ..Wanted::default() }).await;
    let Scene { deployment, operator, client, .. } = &stage;
    let (answer, _) = tokio::join!(client.call("send_mail", mail()), operator.ticket("expired"));
    assert_eq!(refused(&answer), Some("NOT_APPROVED"), "{answer}");
    assert!(deployment.effects().is_empty());
    assert_eq!(deployment.bodies("ticket-expired").await.len(), 1);
}

#[tokio::test]
async fn what_breaks_a_bound_is_denied_and_nobody_is_asked() {
    let stage = scene(&Wanted::default()).await;
    let Scene { deployment, client, .. } = &stage;
    let order = json!({ "account": "A1", "amount": 10_001, "reference": "r1" });
    let answer = client.call("pay", order).await;
    assert!(refused(&answer).is_some(), "{answer}");
    assert!(held(&answer).is_none());
    assert!(deployment.effects().is_empty());
    let hops = deployment.bodies("hop-decided").await;
    assert!(hops.iter().any(|hop| hop["object"] == "notes:pay" && hop["decision"] == "deny"), "{hops:?}");
}

#[tokio::test]
async fn a_tool_outside_the_mandate_does_not_exist() {
    let stage = scene(&Wanted::default()).await;
    let Scene { deployment, client, .. } = &stage;
    assert_eq!(client.tools().await, ["read_note", "write_note", "send_mail", "pay"]);
    let forbidden = client.call("secret_tool", json!({})).await;
    let absent = client.call("absent_tool", json!({})).await;
    // The words for both are the same, but for the name.
    let of = |answer: &Value, name: &str| answer["error"].to_string().replace(name, "NAME");
    assert_eq!(of(&forbidden, "secret_tool"), of(&absent, "absent_tool"));
    let hops = deployment.bodies("hop-decided").await;
    assert!(hops.iter().any(|hop| hop["object"] == "notes:secret_tool" && hop["decision"] == "deny"), "{hops:?}");
    assert!(deployment.effects().is_empty());
}

#[tokio::test]
async fn whoever_cannot_be_established_gets_nothing() {
    let stage = scene(&Wanted::default()).await;
    let Scene { up, operator, client, .. } = &stage;
    let good = operator.token("writer", None).await;
    let forged = format!("{}{}", &good[..good.len() - 4], if good.ends_with("AAAA") { "BBBB" } else { "AAAA" });
    for token in [None, Some("nonsense"), Some(forged.as_str())] {
        let stranger = Client::new(up.address, token);
        let params = json!({ "protocolVersion": client::REVISION, "capabilities": {}, "clientInfo": {} });
        let response = stranger.post(&stranger.frame("initialize", &params), &HeaderMap::new()).await;
        assert_eq!(response.status(), 401, "{token:?}");
    }
    // Another session's id does not make anybody its owner.
    let mut thief = Client::new(up.address, Some(&operator.token("reader", None).await));
    thief.session.clone_from(&client.session);
    let params = json!({ "name": "read_note", "arguments": { "note": "x" } });
    let response = thief.post(&thief.frame("tools/call", &params), &HeaderMap::new()).await;
    assert_eq!(response.status(), 404);
    assert_eq!(text(&client.call("read_note", json!({ "note": "x" })).await), "an empty note");
}

#[tokio::test]
async fn a_revoked_token_is_worth_nothing() {
    let stage = scene(&Wanted::default()).await;
    let Scene { operator, client, .. } = &stage;
    assert_eq!(text(&client.call("read_note", json!({ "note": "x" })).await), "an empty note");
    let order = json!({ "what": "agent", "subject": "writer", "reason": "left" });
    operator.post("/api/v1/revocations", &order).await;
    let params = json!({ "name": "read_note", "arguments": { "note": "x" } });
    let response = client.post(&client.frame("tools/call", &params), &HeaderMap::new()).await;
    assert_eq!(response.status(), 401);
}

#[tokio::test]
async fn an_agent_that_is_blocked_again_and_again_is_suspended() {
    for (blocks_max, suspended) in [(3, true), (1_000_000, false)] {
        let stage = scene(&Wanted { blocks_max, ..Wanted::default() }).await;
        for _ in 0..3 {
            let answer = stage.client.call("read_note", json!({ "note": 7 })).await;
            assert_eq!(refused(&answer), Some("DENIED"), "{answer}");
        }
        let answer = stage.client.call("read_note", json!({ "note": "x" })).await;
        assert_eq!(refused(&answer), suspended.then_some("SUSPENDED"), "{answer}");
        assert_eq!(stage.deployment.bodies("phase-changed").await.is_empty(), !suspended);
        // A restart frees nobody.
        stage.up.stop().await;
        let up = stage.deployment.up().await;
        let client = Client::new(up.address, stage.client.token.as_deref());
        let answer = client.call_stateless("read_note", json!({ "note": "x" })).await;
        assert_eq!(answer["result"]["resultType"], "complete", "{answer}");
        assert_eq!(refused(&answer), suspended.then_some("SUSPENDED"), "{answer}");
        stage.deployment.verify().await;
    }
}

#[tokio::test]
async fn the_kill_switch_of_another_process_stops_the_one_that_serves() {
    let stage = scene(&Wanted::default()).await;
    let Scene { deployment, client, operator, .. } = &stage;
    assert_eq!(text(&client.call("read_note", json!({ "note": "x" })).await), "an empty note");
    let killed = deployment.run(&["kill", "--reason", "drill"]).await;
    assert!(killed.status.success(), "{killed:?}");
    operator.event(|event| event.to_string().contains("\"emergency\"")).await;
    let answer = client.call("read_note", json!({ "note": "x" })).await;
    assert_eq!(refused(&answer), Some("SUSPENDED"), "{answer}");
    assert_eq!(deployment.bodies("killed").await.len(), 1);
    deployment.verify().await;
}
