//! Requests that whoever made them takes back.

use maso_log::v1::Body;
use serde_json::{Value, json};

use crate::rig::{Pipe, Rig};

async fn agents(rig: &Rig) -> (Pipe, Pipe) {
    let (mut writer, mut reader) = (rig.pipe("writer", "maso"), rig.pipe("reader", "maso"));
    writer.initialize(json!({})).await;
    reader.initialize(json!({})).await;
    writer.task = Some(rig.task("let the reader check note a").await);
    (writer, reader)
}

async fn ask(writer: &mut Pipe) -> Value {
    let request = json!({ "to": "reader", "request": "check", "content": { "note": "a" } });
    let mut sent = writer.call("send_request", request).await;
    sent["result"]["structuredContent"]["id"].take()
}

async fn receive(reader: &mut Pipe, wait_ms: u64) -> Value {
    let mut received = reader.call("receive_requests", json!({ "wait_ms": wait_ms })).await;
    received["result"]["structuredContent"].take()
}

async fn cancel(agent: &mut Pipe, id: &Value) -> Value {
    let mut told = agent.call("cancel_request", json!({ "id": id })).await;
    let told = told["result"]["structuredContent"].take();
    told.get("maso").cloned().unwrap_or(told)
}

fn refusal(answer: &Value) -> &Value {
    &answer["result"]["structuredContent"]["maso"]["refused"]
}

#[tokio::test]
async fn a_request_that_is_worked_on_is_taken_back_with_all_that_it_led_to() {
    let rig = Rig::new().await;
    let (mut writer, mut reader) = agents(&rig).await;
    let (id, other) = (ask(&mut writer).await, ask(&mut writer).await);
    let request = receive(&mut reader, 30_000).await["requests"][0].take();
    assert_eq!(request["id"], id);
    let token = request["task_token"].as_str().unwrap().to_owned();
    let mut notes = rig.pipe("reader", "notes");
    notes.initialize(json!({})).await;
    notes.task = Some(token.clone());
    let read = notes.call("read_note", json!({ "note": "plain" })).await;
    assert_eq!(refusal(&read), &Value::Null, "what the request names is done for it: {read}");

    assert_eq!(cancel(&mut writer, &id).await, json!({ "taken_back": true }));
    let told = receive(&mut reader, 30_000).await;
    assert_eq!((&told["taken_back"], &told["requests"]), (&json!([id]), &json!([])), "{told}");
    let told = receive(&mut reader, 30_000).await;
    assert_eq!((&told["taken_back"], &told["requests"][0]["id"]), (&Value::Null, &other), "it is told once");

    // Nothing more is done for it, and nothing comes of it.
    let read = notes.call("read_note", json!({ "note": "plain" })).await;
    assert_eq!(refusal(&read), "TAKEN_BACK", "{read}");
    for task in [Some(token), None] {
        reader.task = task;
        let completed = reader.call("complete_request", json!({ "id": id, "result": { "fine": true } })).await;
        assert_eq!(refusal(&completed), "TAKEN_BACK", "{completed}");
    }
    let result = writer.call("request_result", json!({ "id": id, "wait_ms": 30_000 })).await;
    assert_eq!(result["result"]["structuredContent"], json!({ "done": false, "taken_back": true }));
    assert_eq!(cancel(&mut writer, &id).await, json!({ "over": "request" }));
    let completed = reader.call("complete_request", json!({ "id": other, "result": { "fine": true } })).await;
    assert_eq!(completed["result"]["structuredContent"], json!({ "done": true }), "the other goes on");

    let record = rig.record().await;
    let taken_back = record.iter().filter_map(|body| match body {
        Body::Revoked(revoked) => Some((revoked.what.as_str(), json!(revoked.subject), revoked.by.as_str())),
        _ => None,
    });
    assert_eq!(taken_back.collect::<Vec<_>>(), [("delegation", id, "agent:writer")]);
    let refused = record.iter().filter(|body| match body {
        Body::HopDecided(decided) => {
            decided.refusal.as_deref() == Some("TAKEN_BACK") && decided.findings[0].control == "IA-2.4"
        }
        _ => false,
    });
    assert_eq!(refused.count(), 3);
}

#[tokio::test]
async fn only_whoever_made_a_request_takes_it_back_and_only_while_it_goes_on() {
    let rig = Rig::new().await;
    let (mut writer, mut reader) = agents(&rig).await;
    let id = ask(&mut writer).await;
    receive(&mut reader, 30_000).await;
    let unknown = json!({ "unknown": "request" });
    assert_eq!(cancel(&mut reader, &id).await, unknown, "it was asked, and did not ask");
    for wrong in [json!("hop_00000000000000000000000000000000"), json!("a"), Value::Null] {
        assert_eq!(cancel(&mut writer, &wrong).await, unknown);
    }
    let completed = reader.call("complete_request", json!({ "id": id, "result": { "fine": true } })).await;
    assert_eq!(completed["result"]["structuredContent"], json!({ "done": true }), "{completed}");
    assert_eq!(cancel(&mut writer, &id).await, json!({ "over": "request" }), "it was answered");
    let result = writer.call("request_result", json!({ "id": id })).await;
    assert_eq!(result["result"]["structuredContent"]["result"], json!({ "fine": true }));
    let waiting = ask(&mut writer).await;
    rig.kill("agent:writer").await;
    let told = writer.call("cancel_request", json!({ "id": waiting })).await;
    assert_eq!(refusal(&told), "SUSPENDED");
}

#[tokio::test]
async fn it_is_taken_back_from_another_process_too() {
    let rig = Rig::new().await;
    let beside = rig.beside().await;
    let (mut writer, _) = agents(&rig).await;
    let mut reader = beside.pipe("reader", "maso");
    reader.initialize(json!({})).await;
    let id = ask(&mut writer).await;
    assert_eq!(receive(&mut reader, 30_000).await["requests"][0]["id"], id);
    assert_eq!(cancel(&mut writer, &id).await, json!({ "taken_back": true }));
    assert_eq!(receive(&mut reader, 0).await["taken_back"], json!([id]));
    let completed = reader.call("complete_request", json!({ "id": id, "result": {} })).await;
    assert_eq!(refusal(&completed), "TAKEN_BACK", "{completed}");

    // What nobody took yet comes to nobody.
    let waiting = ask(&mut writer).await;
    assert_eq!(cancel(&mut writer, &waiting).await, json!({ "taken_back": true }));
    let next = ask(&mut writer).await;
    let mut received = Value::Null;
    while received.is_null() {
        received = receive(&mut reader, 30_000).await["requests"][0].take();
    }
    assert_eq!(received["id"], next);
}

#[tokio::test]
async fn what_an_operator_revokes_is_taken_back_the_same_way() {
    let rig = Rig::new().await;
    let (mut writer, mut reader) = agents(&rig).await;
    let id = ask(&mut writer).await;
    receive(&mut reader, 30_000).await;
    rig.revoke("delegation", id.as_str().unwrap()).await;
    assert_eq!(receive(&mut reader, 30_000).await["taken_back"], json!([id]));
    assert_eq!(cancel(&mut writer, &id).await, json!({ "over": "request" }));
    let result = writer.call("request_result", json!({ "id": id })).await;
    assert_eq!(result["result"]["structuredContent"], json!({ "done": false, "taken_back": true }));
}
