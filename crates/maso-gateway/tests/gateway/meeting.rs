//! Servers that said nothing when maso began to serve.

use serde_json::{Value, json};

use crate::{
    http::Http,
    rig::{Rig, text},
    server::{Kind, Server},
};

fn note() -> Value {
    json!({ "name": "read_note", "arguments": { "note": "a" } })
}

#[tokio::test]
async fn first_calls_meet_a_server_that_answers_late_and_share_the_meeting() {
    let (server, url) = Server::start(Kind::WithSessions).await;
    server.shut();
    let rig = Rig::before_it_met(&url).await;
    let calls: Vec<_> = ["writer", "reader"]
        .into_iter()
        .map(|agent| {
            let client = Http::stateless(&rig, agent, "notes");
            tokio::spawn(async move { client.request("tools/call", note()).await.json })
        })
        .collect();
    server.until(|server| !server.seen("initialize").is_empty()).await;
    server.open();
    for call in calls {
        assert_eq!(text(&call.await.unwrap()), "streamed");
    }
    assert_eq!(server.seen("initialize").len(), 3, "one for the meeting, one for each agent's own connection");
}

#[tokio::test]
async fn a_first_call_waits_for_a_server_that_fails_at_first() {
    let (server, url) = Server::start(Kind::WithSessions).await;
    server.fail(1);
    let rig = Rig::before_it_met(&url).await;
    let mut client = rig.pipe("writer", "notes");
    let about = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {},
    });
    let params = json!({ "name": "read_note", "arguments": { "note": "a" }, "_meta": about });
    assert_eq!(text(&client.request("tools/call", params).await), "streamed");
}

#[tokio::test]
async fn a_session_whose_beginning_fails_does_not_begin() {
    let (server, url) = Server::start(Kind::WithSessions).await;
    server.fail(100);
    let rig = Rig::before_it_met(&url).await;
    let answer = Http::bare(&rig, "writer", "notes").initialize().await;
    assert!(answer.json["error"].is_object(), "{}", answer.json);
    assert_eq!((answer.status, answer.session), (200, None));
}

#[tokio::test]
async fn strangers_and_strange_calls_make_us_reach_out_to_nobody() {
    let (server, url) = Server::start(Kind::WithSessions).await;
    let rig = Rig::before_it_met(&url).await;
    let client = Http::stateless(&rig, "writer", "notes");
    let nobody = Http::stateless(&rig, "somebody-else", "notes");
    let stranger = client.clone().with_token("not a token");
    assert_eq!(stranger.request("tools/call", note()).await.status, 401);
    // It has a token of this deployment, and no mandate in it.
    nobody.request("tools/call", note()).await;
    let ungranted = client.request("tools/call", json!({ "name": "burn_note", "arguments": {} })).await.json;
    assert_eq!(ungranted["error"]["message"], "Unknown tool: burn_note");
    rig.kill("agent:reader").await;
    Http::stateless(&rig, "reader", "notes").request("tools/call", note()).await;
    assert!(server.has_seen_nothing());
    assert_eq!(text(&client.request("tools/call", note()).await.json), "streamed");
}
