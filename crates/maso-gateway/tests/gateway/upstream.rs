//! Servers over streamable HTTP, of both kinds.

use serde_json::json;

use crate::{
    fixture::ODD_RESULT,
    http::Http,
    rig::{Rig, text},
    server::{Kind, Server},
};

#[tokio::test]
async fn a_server_with_sessions_is_reached_over_http() {
    let (server, url) = Server::start(Kind::WithSessions).await;
    let rig = Rig::over(&url).await;
    let mut client = rig.pipe("writer", "notes");
    let met = client.initialize(json!({})).await;
    assert_eq!(met["result"]["serverInfo"]["name"], "far");
    assert_eq!(met["result"]["protocolVersion"], "2025-11-25", "each side negotiates for itself");
    let called = client.request_line("tools/call", r#"{"name":"read_note","arguments":{"note":"odd"}}"#).await;
    assert_eq!(called, format!(r#"{{"jsonrpc":"2.0","id":2,"result":{ODD_RESULT}}}"#));
    let params = json!({ "name": "read_note", "arguments": { "note": "a" }, "_meta": { "progressToken": "p" } });
    client.send("tools/call", &params.to_string()).await;
    assert_eq!(client.next().await["params"]["progressToken"], "p");
    assert_eq!(text(&client.next().await), "streamed");
    let calls = server.seen("tools/call");
    assert!(calls.iter().all(|(headers, _)| headers["session"] == "s1" && headers["version"] == "2025-06-18"));
    assert!(calls.iter().all(|(headers, _)| headers["method"].is_null()));
}

#[tokio::test]
async fn a_stateless_server_is_told_everything_each_time() {
    let (server, url) = Server::start(Kind::Stateless).await;
    let rig = Rig::over(&url).await;
    let client = Http::stateless(&rig, "writer", "notes");
    let answer = client.request("tools/call", json!({ "name": "read_note", "arguments": { "note": "a" } })).await.json;
    assert_eq!(text(&answer), "streamed");
    let (headers, body) = server.seen("tools/call").remove(0);
    assert_eq!(headers["version"], "2026-07-28");
    assert_eq!((&headers["method"], &headers["name"]), (&json!("tools/call"), &json!("read_note")));
    let about = &body["params"]["_meta"];
    assert_eq!(about["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
    assert_eq!(about["io.modelcontextprotocol/clientCapabilities"], json!({ "sampling": {} }));
}

#[tokio::test]
async fn a_client_with_a_session_reaches_a_stateless_server() {
    let (server, url) = Server::start(Kind::Stateless).await;
    let rig = Rig::over(&url).await;
    let mut client = rig.pipe("writer", "notes");
    let met = client.initialize(json!({ "sampling": {} })).await;
    assert_eq!(met["result"]["serverInfo"]["name"], "far");
    assert!(met["result"].get("resultType").is_none());
    let answer = client.call("read_note", json!({ "note": "a" })).await;
    assert_eq!(text(&answer), "streamed");
    let (_, body) = server.seen("tools/call").remove(0);
    let about = &body["params"]["_meta"];
    assert_eq!(about["io.modelcontextprotocol/clientCapabilities"], json!({}), "nothing that could not be passed on");
}
