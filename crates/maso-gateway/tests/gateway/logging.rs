//! The level of log notifications, between clients and servers that word it differently.

use serde_json::json;

use crate::{
    http::Http,
    rig::{Rig, text},
    server::{Kind, Server},
};

const LEVEL: &str = "io.modelcontextprotocol/logLevel";

#[tokio::test]
async fn a_level_that_a_session_sets_travels_with_each_request_to_a_stateless_server() {
    let (server, url) = Server::start(Kind::Stateless).await;
    let rig = Rig::over(&url).await;
    let mut client = rig.pipe("writer", "notes");
    let met = client.initialize(json!({})).await;
    assert_eq!(met["result"]["capabilities"]["logging"], json!({}));
    client.call("read_note", json!({ "note": "a" })).await;
    assert_eq!(client.request("logging/setLevel", json!({ "level": "warning" })).await["result"], json!({}));
    client.call("read_note", json!({ "note": "b" })).await;
    let wrong = client.request("logging/setLevel", json!({ "level": "warning; the account is DE89" })).await;
    assert_eq!(wrong["error"]["code"], -32602);
    client.call("read_note", json!({ "note": "c" })).await;
    let levels: Vec<_> =
        server.seen("tools/call").iter().map(|(_, body)| body["params"]["_meta"][LEVEL].clone()).collect();
    assert_eq!(levels, [json!(null), json!("warning"), json!("warning")]);
    // Another session's level is its own.
    let mut other = rig.pipe("writer", "notes");
    other.initialize(json!({})).await;
    other.call("read_note", json!({ "note": "d" })).await;
    assert_eq!(server.seen("tools/call")[3].1["params"]["_meta"].get(LEVEL), None);
}

#[tokio::test]
async fn a_level_that_a_stateless_client_names_is_set_at_a_server_with_sessions() {
    let rig = Rig::new().await;
    let log = json!({ "name": "read_note", "arguments": { "note": "log" } });
    let silent = Http::stateless(&rig, "writer", "notes");
    let answer = silent.request("tools/call", log.clone()).await;
    assert_eq!((text(&answer.json), answer.told.len()), ("logged", 0), "no level, no log");
    assert_eq!(rig.heard(), "");
    let client = silent.at_level("info");
    let answer = client.request("tools/call", log).await;
    assert_eq!(text(&answer.json), "logged");
    assert_eq!(answer.told[0]["params"]["data"], "a line");
    assert_eq!(rig.heard(), "logging/setLevel info\n");
}

#[tokio::test]
async fn a_session_keeps_its_level_when_its_server_is_started_again() {
    let rig = Rig::new().await;
    let mut client = rig.pipe("writer", "notes");
    client.initialize(json!({})).await;
    assert_eq!(client.request("logging/setLevel", json!({ "level": "error" })).await["result"], json!({}));
    client.call("read_note", json!({ "note": "die" })).await;
    assert_eq!(text(&client.call("read_note", json!({ "note": "b" })).await), "note b");
    assert_eq!(rig.heard(), "logging/setLevel error\nlogging/setLevel error\n");
}
