//! Agents that ask each other for work.

use maso_log::v1::Body;
use serde_json::json;

use crate::{http::Http, rig::Rig};

#[tokio::test]
async fn a_granted_request_arrives_and_its_answer_comes_back() {
    let rig = Rig::new().await;
    let (mut writer, mut reader) = (rig.pipe("writer", "maso"), rig.pipe("reader", "maso"));
    writer.initialize(json!({})).await;
    reader.initialize(json!({})).await;
    let tools = writer.request("tools/list", json!({})).await;
    assert_eq!(tools["result"]["tools"].as_array().unwrap().len(), 11);

    writer.task = Some(rig.task("let the reader check note a").await);
    let request = json!({ "to": "reader", "request": "check", "content": { "note": "a" } });
    let sent = writer.call("send_request", request).await;
    let id = sent["result"]["structuredContent"]["id"].clone();
    assert!(id.is_string(), "{sent}");
    let received = reader.call("receive_requests", json!({ "wait_ms": 1000 })).await;
    let request = &received["result"]["structuredContent"]["requests"][0];
    assert_eq!(
        (&request["id"], &request["from"], &request["content"]),
        (&id, &json!("writer"), &json!({ "note": "a" }))
    );

    // The work belongs to the task of whoever asked for it, under a token that is nobody else's.
    let handed_on = request["task_token"].as_str().unwrap();
    assert_ne!(Some(handed_on), writer.task.as_deref());
    reader.task = Some(handed_on.to_owned());
    let pending = writer.call("request_result", json!({ "id": id })).await;
    assert_eq!(pending["result"]["structuredContent"], json!({ "done": false }));
    let stolen = reader.call("request_result", json!({ "id": id })).await;
    assert_eq!(stolen["result"]["isError"], true);
    let completed = reader.call("complete_request", json!({ "id": id, "result": { "fine": true } })).await;
    assert_eq!(completed["result"]["structuredContent"], json!({ "done": true }), "{completed}");
    let result = writer.call("request_result", json!({ "id": id, "wait_ms": 1000 })).await;
    assert_eq!(result["result"]["structuredContent"], json!({ "done": true, "result": { "fine": true } }));
}

#[tokio::test]
async fn two_processes_serve_one_fleet() {
    let rig = Rig::new().await;
    let beside = rig.beside().await;
    let (mut writer, mut reader) = (rig.pipe("writer", "maso"), beside.pipe("reader", "maso"));
    writer.initialize(json!({})).await;
    reader.initialize(json!({})).await;
    writer.task = Some(rig.task("let the reader check note a").await);
    let request = json!({ "to": "reader", "request": "check", "content": { "note": "a" } });
    let sent = writer.call("send_request", request).await;
    let id = sent["result"]["structuredContent"]["id"].clone();
    assert!(id.is_string(), "{sent}");

    let received = reader.call("receive_requests", json!({ "wait_ms": 30_000 })).await;
    let request = &received["result"]["structuredContent"]["requests"][0];
    assert_eq!((&request["id"], &request["content"]), (&id, &json!({ "note": "a" })), "{received}");
    reader.task = request["task_token"].as_str().map(str::to_owned);
    let completed = reader.call("complete_request", json!({ "id": id, "result": { "fine": true } })).await;
    assert_eq!(completed["result"]["structuredContent"], json!({ "done": true }), "{completed}");
    let result = writer.call("request_result", json!({ "id": id, "wait_ms": 30_000 })).await;
    assert_eq!(result["result"]["structuredContent"], json!({ "done": true, "result": { "fine": true } }));

    // That it was answered is on the record, and known to both.
    let answered = beside
        .recorded(|body| match body {
            Body::HopReleased(released) => Some(released.clone()).filter(|it| it.outcome == "delivered"),
            _ => None,
        })
        .await;
    assert_eq!(answered.fault, None);
    let second = reader.call("complete_request", json!({ "id": id, "result": { "fine": false } })).await;
    assert_eq!(second["result"]["isError"], true, "{second}");
}

#[tokio::test]
async fn a_request_without_a_grant_does_not_arrive() {
    let rig = Rig::new().await;
    let (mut writer, mut reader) = (rig.pipe("writer", "maso"), rig.pipe("reader", "maso"));
    writer.initialize(json!({})).await;
    reader.initialize(json!({})).await;
    for request in [
        json!({ "to": "writer", "request": "check", "content": { "note": "a" } }),
        json!({ "to": "writer", "request": "pay", "content": {} }),
    ] {
        let refused = reader.call("send_request", request).await;
        assert_eq!(refused["result"]["structuredContent"]["maso"]["refused"], "OUT_OF_MANDATE", "{refused}");
    }
    let received = writer.call("receive_requests", json!({})).await;
    assert_eq!(received["result"]["structuredContent"]["requests"], json!([]));
}

#[tokio::test]
async fn a_request_outside_any_task_is_answered_too() {
    let rig = Rig::new().await;
    let (mut writer, mut reader) = (rig.pipe("writer", "maso"), rig.pipe("reader", "maso"));
    writer.initialize(json!({})).await;
    reader.initialize(json!({})).await;
    let request = json!({ "to": "reader", "request": "check", "content": { "note": "a" } });
    let id = writer.call("send_request", request).await["result"]["structuredContent"]["id"].clone();
    reader.call("receive_requests", json!({})).await;
    let completed = reader.call("complete_request", json!({ "id": id, "result": { "fine": true } })).await;
    assert_eq!(completed["result"]["structuredContent"], json!({ "done": true }), "{completed}");
    let result = writer.call("request_result", json!({ "id": id })).await;
    assert_eq!(result["result"]["structuredContent"]["result"], json!({ "fine": true }));
}

#[tokio::test]
async fn an_agent_that_is_stopped_gets_nothing_out_of_its_mailbox() {
    let rig = Rig::new().await;
    let (mut writer, mut reader) = (rig.pipe("writer", "maso"), rig.pipe("reader", "maso"));
    writer.initialize(json!({})).await;
    reader.initialize(json!({})).await;
    let request = json!({ "to": "reader", "request": "check", "content": { "note": "a" } });
    let id = writer.call("send_request", request).await["result"]["structuredContent"]["id"].clone();
    rig.kill("agent:reader").await;
    let received = reader.call("receive_requests", json!({})).await;
    assert_eq!(received["result"]["structuredContent"]["maso"]["refused"], "SUSPENDED", "{received}");
    rig.kill("agent:writer").await;
    let result = writer.call("request_result", json!({ "id": id })).await;
    assert_eq!(result["result"]["structuredContent"]["maso"]["refused"], "SUSPENDED", "{result}");
}

#[tokio::test]
async fn a_poll_whose_client_went_away_takes_nothing() {
    let rig = Rig::new().await;
    let mut writer = rig.pipe("writer", "maso");
    writer.initialize(json!({})).await;
    let poll = json!({ "name": "receive_requests", "arguments": { "wait_ms": 30_000 } });
    let orphan = Http::initialized(&rig, "reader", "maso").await;
    orphan.send_and_hang_up(&rig, &json!({ "jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": poll })).await;
    let reader = Http::initialized(&rig, "reader", "maso").await;
    let received = tokio::spawn(async move { reader.request("tools/call", poll).await.json });
    let request = json!({ "to": "reader", "request": "check", "content": { "note": "a" } });
    writer.call("send_request", request).await;
    let received = received.await.unwrap();
    assert_eq!(received["result"]["structuredContent"]["requests"][0]["content"], json!({ "note": "a" }), "{received}");
}
