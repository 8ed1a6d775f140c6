//! Streams that stay open end with what they were opened by.

use serde_json::json;

use crate::{
    http::Http,
    rig::Rig,
    server::{Kind, Server},
};

const OPEN: &str = "notes://open/a";

/// What ends what a stream was opened by.
#[derive(Clone, Copy, Debug)]
enum End {
    TokenRevoked,
    AgentRevoked,
    TokenExpired,
    AgentStopped,
    AllStopped,
}

const ENDS: [End; 5] = [End::TokenRevoked, End::AgentRevoked, End::TokenExpired, End::AgentStopped, End::AllStopped];

async fn end(rig: &Rig, client: &Http, by: End) {
    match by {
        End::TokenRevoked => rig.revoke("token", &client.token_id()).await,
        End::AgentRevoked => rig.revoke("agent", "writer").await,
        // An hour, and what clocks may differ by.
        End::TokenExpired => rig.pass(3_600_000 + 120_000),
        End::AgentStopped => rig.kill("agent:writer").await,
        End::AllStopped => rig.kill("deployment").await,
    }
}

#[tokio::test]
async fn the_stream_of_a_session_ends_with_what_it_was_opened_by() {
    for by in ENDS {
        let rig = Rig::new().await;
        let client = Http::initialized(&rig, "writer", "notes").await;
        let other = Http::initialized(&rig, "reader", "notes").await;
        let mut stream = client.open(None).await.unwrap();
        let _others = other.open(None).await.unwrap();
        rig.gateway.tick();
        end(&rig, &client, by).await;
        rig.gateway.tick();
        assert_eq!(stream.next().await, None, "{by:?}");
        let status = if matches!(by, End::AgentStopped | End::AllStopped) { 403 } else { 401 };
        assert_eq!(client.open(None).await.err(), Some(status), "{by:?}: nor is another opened");
        if matches!(by, End::TokenRevoked | End::AgentRevoked | End::AgentStopped) {
            assert_eq!(other.open(None).await.err(), Some(409), "{by:?}: the other agent's goes on");
        }
    }
}

#[tokio::test]
async fn a_stateless_stream_ends_with_what_it_was_opened_by() {
    for by in ENDS {
        let rig = Rig::new().await;
        let client = Http::stateless(&rig, "writer", "notes");
        let mut stream = client.listen(json!({ "resourceSubscriptions": [OPEN] })).await;
        assert_eq!(stream.next().await.unwrap()["method"], "notifications/subscriptions/acknowledged");
        rig.gateway.tick();
        end(&rig, &client, by).await;
        rig.gateway.tick();
        assert_eq!(stream.next().await.unwrap()["result"]["resultType"], "complete", "{by:?}");
        assert_eq!(stream.next().await, None, "{by:?}");
    }
}

#[tokio::test]
async fn a_stream_ends_with_the_task_that_it_was_opened_for() {
    let rig = Rig::new().await;
    let token = rig.task("listen for a while").await;
    let mut streams = Vec::new();
    for client in [Http::stateless(&rig, "writer", "notes"), Http::stateless(&rig, "writer", "notes").in_task(token)] {
        let mut stream = client.listen(json!({ "resourceSubscriptions": [OPEN] })).await;
        assert!(stream.next().await.is_some());
        streams.push(stream);
    }
    rig.close_tasks().await;
    rig.gateway.tick();
    assert_eq!(streams[1].next().await.unwrap()["result"]["resultType"], "complete");
    rig.kill("agent:writer").await;
    rig.gateway.tick();
    assert_eq!(streams[0].next().await.unwrap()["result"]["resultType"], "complete", "only now");
}

#[tokio::test]
async fn nothing_is_told_between_the_end_and_the_next_tick() {
    let (server, url) = Server::start(Kind::Stateless).await;
    let rig = Rig::over(&url).await;
    let with_session = Http::initialized(&rig, "writer", "notes").await;
    let mut general = with_session.open(None).await.unwrap();
    let subscribed = with_session.request("resources/subscribe", json!({ "uri": OPEN })).await.json;
    assert_eq!(subscribed["result"], json!({}), "{subscribed}");
    let stateless = Http::stateless(&rig, "writer", "notes");
    let mut stream = stateless.listen(json!({ "resourceSubscriptions": [OPEN] })).await;
    assert!(stream.next().await.is_some());
    server.touch(OPEN);
    for heard in [&mut general, &mut stream] {
        assert_eq!(heard.next().await.unwrap()["method"], "notifications/resources/updated");
    }
    for client in [&with_session, &stateless] {
        rig.revoke("token", &client.token_id()).await;
    }
    server.touch(OPEN);
    assert_eq!(general.next().await, None);
    rig.gateway.tick();
    assert_eq!(stream.next().await.unwrap()["result"]["resultType"], "complete", "and no change before it");
}
