//! Held calls, lost clients: nothing is lost and nothing runs twice.

use serde_json::{Value, json};

use crate::{
    http::Http,
    rig::{Rig, text},
};

fn note() -> Value {
    json!({ "to": "colleague", "text": "hello" })
}

#[tokio::test]
async fn a_held_call_gets_a_ticket_and_runs_once_when_approved() {
    let rig = Rig::new().await;
    let mut client = rig.pipe("writer", "notes");
    client.initialize(json!({})).await;
    client.request("tools/list", json!({})).await;
    let held = client.call("send_note", note()).await;
    let about = &held["result"]["structuredContent"]["maso"];
    assert_eq!(about["held"], true, "{held}");
    assert_eq!(held["result"]["isError"], true);
    let again = client.call("send_note", note()).await;
    assert_eq!(again["result"]["structuredContent"]["maso"]["ticket"], about["ticket"]);
    assert!(rig.calls().is_empty());

    rig.answer_ticket(about["ticket"].as_str().unwrap(), "approve").await;
    assert_eq!(text(&client.call("send_note", note()).await), "note sent");
    assert_eq!(rig.calls().len(), 1);
    // The approval was for once.
    let third = client.call("send_note", note()).await;
    assert_eq!(third["result"]["structuredContent"]["maso"]["held"], true);
    assert_eq!(rig.calls().len(), 1);
}

#[tokio::test]
async fn a_stateless_client_is_told_to_come_back() {
    let rig = Rig::new().await;
    let client = Http::stateless(&rig, "writer", "notes");
    client.request("tools/list", json!({})).await;
    let params = json!({ "name": "send_note", "arguments": note() });
    let held = client.request("tools/call", params.clone()).await.json;
    assert_eq!(held["result"]["resultType"], "input_required", "{held}");
    let about = &held["result"]["_meta"]["maso/held"];
    rig.answer_ticket(about["ticket"].as_str().unwrap(), "approve").await;
    let mut back = params;
    back["requestState"] = held["result"]["requestState"].clone();
    let done = client.request("tools/call", back).await.json;
    assert_eq!(text(&done), "note sent");
    assert_eq!(rig.calls(), [json!({ "name": "send_note", "arguments": note() })]);
}

#[tokio::test]
async fn a_rejected_call_does_not_run() {
    let rig = Rig::new().await;
    let mut client = rig.pipe("writer", "notes");
    client.initialize(json!({})).await;
    client.request("tools/list", json!({})).await;
    let held = client.call("send_note", note()).await;
    let ticket = held["result"]["structuredContent"]["maso"]["ticket"].as_str().unwrap().to_owned();
    rig.answer_ticket(&ticket, "reject").await;
    let refused = client.call("send_note", note()).await;
    assert_eq!(refused["result"]["structuredContent"]["maso"]["refused"], "NOT_APPROVED", "{refused}");
    assert!(rig.calls().is_empty());
}

#[tokio::test]
async fn the_answer_of_a_client_that_went_away_is_kept_for_it() {
    let rig = Rig::new().await;
    let client = Http::initialized(&rig, "writer", "notes").await;
    let params = json!({ "name": "read_note", "arguments": { "note": "gate" } });
    let first = tokio::spawn({
        let (client, params) = (client.clone(), params.clone());
        async move { client.request("tools/call", params).await }
    });
    while !rig.has("waiting") {
        tokio::task::yield_now().await;
    }
    first.abort();
    drop(first.await);
    let second = tokio::spawn({
        let client = client.clone();
        async move { client.request("tools/call", params).await }
    });
    rig.make("open");
    assert_eq!(text(&second.await.unwrap().json), "through the gate");
    assert_eq!(rig.calls().len(), 1, "it ran once");
}
