//! Hearing of resources: clients and servers of both kinds, each with the other.

use maso_log::v1::Body;
use serde_json::{Value, json};

use crate::{
    http::Http,
    rig::{Pipe, Rig, text},
    server::{Kind, Server},
};

const OPEN: &str = "notes://open/a";
const SECRET: &str = "notes://secret/b";
const ID: &str = "io.modelcontextprotocol/subscriptionId";

/// The frame that tells of a resource's change; to a stateless client under the id of its request.
fn updated(uri: &str, id: Option<i64>) -> Value {
    let mut params = json!({ "uri": uri });
    if let Some(id) = id {
        params["_meta"] = json!({ (ID): id });
    }
    json!({ "jsonrpc": "2.0", "method": "notifications/resources/updated", "params": params })
}

fn acknowledged(honoured: Value) -> Value {
    json!({ "jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged",
        "params": { "_meta": { (ID): 1 }, "notifications": honoured } })
}

async fn refused_out_of_mandate(client: &mut Pipe) {
    let refused = client.request("resources/subscribe", json!({ "uri": SECRET })).await;
    assert_eq!(refused["error"]["data"]["maso"]["refused"], "OUT_OF_MANDATE", "{refused}");
}

#[tokio::test]
async fn a_stateless_client_hears_of_the_resources_of_a_server_with_sessions() {
    let rig = Rig::new().await;
    let client = Http::stateless(&rig, "writer", "notes");
    let mut stream = client.listen(json!({ "resourceSubscriptions": [OPEN, SECRET], "toolsListChanged": true })).await;
    let honoured = json!({ "toolsListChanged": true, "resourceSubscriptions": [OPEN] });
    assert_eq!(stream.next().await, Some(acknowledged(honoured)), "what lies outside the mandate is left out");
    assert_eq!(rig.heard(), format!("resources/subscribe {OPEN}\n"));
    for touched in [SECRET, OPEN] {
        let answer =
            client.request("tools/call", json!({ "name": "read_note", "arguments": { "note": touched } })).await;
        assert_eq!(text(&answer.json), "touched");
    }
    assert_eq!(stream.next().await, Some(updated(OPEN, Some(1))), "and nothing of what was not subscribed to");

    // A second stream for the same resource: the server is told only when nobody listens any more.
    let mut second = client.listen(json!({ "resourceSubscriptions": [OPEN] })).await;
    assert_eq!(second.next().await, Some(acknowledged(json!({ "resourceSubscriptions": [OPEN] }))));
    drop((stream, second));
    let taken_back = format!("resources/unsubscribe {OPEN}\n");
    while !rig.heard().contains(&taken_back) {
        tokio::task::yield_now().await;
    }
    assert_eq!(rig.heard(), format!("resources/subscribe {OPEN}\nresources/subscribe {OPEN}\n{taken_back}"));
}

#[tokio::test]
async fn a_stateless_client_hears_of_the_resources_of_a_stateless_server() {
    let (server, url) = Server::start(Kind::Stateless).await;
    let rig = Rig::over(&url).await;
    let client = Http::stateless(&rig, "writer", "notes");
    let mut stream = client.listen(json!({ "resourceSubscriptions": [OPEN, SECRET] })).await;
    assert_eq!(stream.next().await, Some(acknowledged(json!({ "resourceSubscriptions": [OPEN] }))));
    let (headers, body) = server.seen("subscriptions/listen").remove(0);
    assert_eq!(body["params"]["notifications"], json!({ "resourceSubscriptions": [OPEN] }));
    assert_eq!(headers["method"], "subscriptions/listen");
    server.touch(SECRET);
    server.touch(OPEN);
    assert_eq!(stream.next().await, Some(updated(OPEN, Some(1))));
    drop(stream);
    server.until(|server| server.n_left() == 1).await;

    // A stream that the server ends, ends for the client in good order.
    let mut stream = client.listen(json!({ "resourceSubscriptions": [OPEN] })).await;
    assert!(stream.next().await.is_some());
    server.end_streams();
    let over = stream.next().await.unwrap();
    assert_eq!(over["result"], json!({ "resultType": "complete", "_meta": { (ID): 1 } }));
    assert_eq!(stream.next().await, None);
}

#[tokio::test]
async fn a_client_with_a_session_hears_of_the_resources_of_a_stateless_server() {
    let (server, url) = Server::start(Kind::Stateless).await;
    let rig = Rig::over(&url).await;
    let mut client = rig.pipe("writer", "notes");
    let met = client.initialize(json!({})).await;
    assert_eq!(met["result"]["capabilities"]["resources"], json!({ "subscribe": true }));
    refused_out_of_mandate(&mut client).await;
    assert_eq!(server.seen("subscriptions/listen"), []);
    assert_eq!(client.request("resources/subscribe", json!({ "uri": OPEN })).await["result"], json!({}));
    assert_eq!(client.request("resources/subscribe", json!({ "uri": OPEN })).await["result"], json!({}));
    let listened = server.seen("subscriptions/listen");
    assert_eq!(listened.len(), 1);
    assert_eq!(listened[0].1["params"]["notifications"], json!({ "resourceSubscriptions": [OPEN] }));
    server.touch(OPEN);
    assert_eq!(client.next().await, updated(OPEN, None));
    assert_eq!(client.request("resources/unsubscribe", json!({ "uri": OPEN })).await["result"], json!({}));
    server.until(|server| server.n_left() == 1).await;
}

#[tokio::test]
async fn a_client_with_a_session_hears_of_the_resources_of_a_server_with_sessions() {
    let rig = Rig::new().await;
    let mut client = rig.pipe("writer", "notes");
    client.initialize(json!({})).await;
    refused_out_of_mandate(&mut client).await;
    assert_eq!(client.request("resources/subscribe", json!({ "uri": OPEN })).await["result"], json!({}));
    client.send("tools/call", &json!({ "name": "read_note", "arguments": { "note": OPEN } }).to_string()).await;
    assert_eq!(client.next().await, updated(OPEN, None));
    assert_eq!(text(&client.next().await), "touched");
    assert_eq!(client.request("resources/unsubscribe", json!({ "uri": OPEN })).await["result"], json!({}));
    assert_eq!(rig.heard(), format!("resources/subscribe {OPEN}\nresources/unsubscribe {OPEN}\n"));
}

#[tokio::test]
async fn a_stateless_client_listens_over_a_pipe_until_it_takes_it_back() {
    let (server, url) = Server::start(Kind::Stateless).await;
    let rig = Rig::over(&url).await;
    let mut client = rig.pipe("writer", "notes");
    let about = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {},
    });
    let params = json!({ "_meta": about, "notifications": { "resourceSubscriptions": [OPEN] } }).to_string();
    let first = client.send("subscriptions/listen", &params).await;
    assert_eq!(client.next().await["params"]["_meta"][ID], first);
    server.touch(OPEN);
    assert_eq!(client.next().await, updated(OPEN, Some(first)));
    client
        .line(
            &json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": first } })
                .to_string(),
        )
        .await;
    server.until(|server| server.n_left() == 1).await;
    // One that is still open does not keep the door from closing.
    let second = client.send("subscriptions/listen", &params).await;
    assert_eq!(client.next().await["params"]["_meta"][ID], second);
    client.close().await;
    server.until(|server| server.n_left() == 2).await;
}

#[tokio::test]
async fn a_stream_ends_when_its_server_is_let_go_of() {
    let rig = Rig::new().await;
    let client = Http::stateless(&rig, "writer", "notes");
    let mut stream = client.listen(json!({ "resourceSubscriptions": [OPEN] })).await;
    assert!(stream.next().await.is_some());
    rig.gateway.stop();
    assert_eq!(stream.next().await.unwrap()["result"]["resultType"], "complete");
    assert_eq!(stream.next().await, None);
}

#[tokio::test]
async fn what_is_no_list_of_resources_opens_no_stream() {
    let rig = Rig::new().await;
    let client = Http::stateless(&rig, "writer", "notes");
    for wrong in [json!("notes://open/a"), json!([1])] {
        let asked = json!({ "notifications": { "resourceSubscriptions": wrong } });
        let answer = client.request("subscriptions/listen", asked).await;
        assert_eq!(answer.json["error"]["code"], -32602, "{}", answer.json);
    }
}

#[tokio::test]
async fn a_session_keeps_its_subscriptions_when_its_server_is_started_again() {
    let rig = Rig::new().await;
    let mut client = rig.pipe("writer", "notes");
    client.initialize(json!({})).await;
    let other = "notes://open/b";
    for uri in [OPEN, other] {
        assert_eq!(client.request("resources/subscribe", json!({ "uri": uri })).await["result"], json!({}));
    }
    assert_eq!(client.request("resources/unsubscribe", json!({ "uri": other })).await["result"], json!({}));
    let before = rig.heard();
    client.call("read_note", json!({ "note": "die" })).await;
    assert_eq!(text(&client.call("read_note", json!({ "note": "again" })).await), "note again");
    while rig.heard().len() == before.len() {
        tokio::task::yield_now().await;
    }
    assert_eq!(rig.heard(), format!("{before}resources/subscribe {OPEN}\n"), "what it took back stays so");
    let read = |body: &Body| matches!(body, Body::HopDecided(hop) if hop.verb == "read_resource" && hop.answers.is_none() && hop.from.as_deref() == Some("agent:writer"));
    let n_hops = rig.record().await.iter().filter(|body| read(body)).count();
    assert_eq!(n_hops, 4, "the new connection's is a hop of its own");
}
