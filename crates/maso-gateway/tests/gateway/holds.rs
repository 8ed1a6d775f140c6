//! Held calls, lost clients: nothing is lost and nothing runs twice.

use serde_json::{Value, json};

use crate::{
    http::{Http, Stream},
    rig::{Rig, permitted_call, text},
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

#[tokio::test]
async fn of_three_identical_attempts_one_runs_and_the_last_gets_its_answer() {
    let rig = Rig::new().await;
    let client = Http::initialized(&rig, "writer", "notes").await;
    let gate = json!({ "name": "read_note", "arguments": { "note": "gate" } });
    for n_attempts in 1..=2 {
        let attempt = tokio::spawn({
            let (client, gate) = (client.clone(), gate.clone());
            async move { client.request("tools/call", gate).await }
        });
        let n_permitted = std::cell::Cell::new(0);
        rig.recorded(|body| {
            n_permitted.set(n_permitted.get() + usize::from(permitted_call(body).is_some()));
            (n_permitted.get() == n_attempts).then_some(())
        })
        .await;
        while !rig.has("waiting") {
            tokio::task::yield_now().await;
        }
        attempt.abort();
        drop(attempt.await);
    }
    let last = tokio::spawn(async move { client.request("tools/call", gate).await.json });
    rig.make("open");
    assert_eq!(text(&last.await.unwrap()), "through the gate");
    assert_eq!(rig.calls().len(), 1, "it ran once");
}

#[tokio::test]
async fn what_one_agent_left_behind_is_no_answer_to_another() {
    let rig = Rig::new().await;
    let gate = json!({ "name": "read_note", "arguments": { "note": "gate" } });
    let [writer, reader] =
        [Http::initialized(&rig, "writer", "notes").await, Http::initialized(&rig, "reader", "notes").await];
    let attempt = tokio::spawn({
        let gate = gate.clone();
        async move { writer.request("tools/call", gate).await }
    });
    while !rig.has("waiting") {
        tokio::task::yield_now().await;
    }
    attempt.abort();
    drop(attempt.await);
    rig.make("open");
    assert_eq!(text(&reader.request("tools/call", gate).await.json), "through the gate");
    assert_eq!(rig.calls().len(), 2, "the other agent's own read");
}

#[tokio::test]
async fn an_answer_that_was_read_on_the_resumed_stream_is_not_given_again() {
    let rig = Rig::new().await;
    let client = Http::initialized(&rig, "writer", "notes").await;
    let gate = json!({ "name": "read_note", "arguments": { "note": "gate" }, "_meta": { "progressToken": 1 } });
    let mut broken = Stream::of(client.prepare("tools/call", gate.clone()).send().await.unwrap());
    assert_eq!(broken.next().await.unwrap()["method"], "notifications/progress");
    drop(broken);
    let mut resumed = client.open(Some("2-0")).await.unwrap();
    rig.make("open");
    assert_eq!(text(&resumed.next().await.unwrap()), "through the gate");
    assert_eq!(resumed.next().await, None);
    assert_eq!(text(&client.request("tools/call", gate).await.json), "through the gate");
    assert_eq!(rig.calls().len(), 2, "whoever asks again means it anew");
}

#[tokio::test]
async fn the_end_waits_for_what_is_under_way_and_for_nothing_else() {
    let rig = Rig::holding_open("1h").await;
    let client = Http::initialized(&rig, "writer", "notes").await;
    let mut general = client.open(None).await.unwrap();
    let polling = Http::initialized(&rig, "reader", "maso").await;
    let poll = json!({ "name": "receive_requests", "arguments": { "wait_ms": 30_000 } });
    let poll = tokio::spawn(async move { polling.request("tools/call", poll).await.json });
    let gate = json!({ "name": "read_note", "arguments": { "note": "gate" } });
    let abandoned = tokio::spawn(async move { client.request("tools/call", gate).await });
    while !rig.has("waiting") {
        tokio::task::yield_now().await;
    }
    abandoned.abort();
    drop(abandoned.await);
    let mut drained = std::pin::pin!(rig.gateway.drain(std::time::Duration::MAX));
    assert!(futures::poll!(&mut drained).is_pending(), "its effect has begun, whether or not its client waits");
    assert_eq!(general.next().await, None);
    assert_eq!(poll.await.unwrap()["result"]["structuredContent"], json!({ "requests": [] }));
    rig.make("open");
    assert!(drained.await);
    assert_eq!(rig.came_of_call().await.as_deref(), Some("delivered"), "and that is on the record");
}
