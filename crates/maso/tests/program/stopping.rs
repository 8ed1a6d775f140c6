//! `maso up` is told to stop while something is under way.

use serde_json::{Value, json};
use tokio::{net::TcpStream, task::JoinHandle};

use crate::{
    client::text,
    decisions::{Scene, scene},
    deployment::{Deployment, Edit, Up, Wanted},
};

/// A deployment with a call under way, which its server answers when it is told to.
async fn under_way(drain: Edit) -> (Deployment, Up, JoinHandle<Value>) {
    let stage = scene(&Wanted {
        edits: vec![
            ("workflows/notes.toml", "\"notes:pay\"]", "\"notes:pay\", \"notes:misbehave\"]"),
            ("agents/writer.toml", "", "\n[tools.\"notes:misbehave\"]\n"),
            drain,
        ],
        ..Wanted::default()
    })
    .await;
    let Scene { client, deployment, up, .. } = stage;
    let call = tokio::spawn(async move { client.call("misbehave", json!({ "how": "late" })).await });
    while !deployment.data().join("waiting").exists() {
        tokio::task::yield_now().await;
    }
    (deployment, up, call)
}

/// Waits until it takes no new connection.
async fn is_closed(up: &Up) {
    while TcpStream::connect(up.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_is_under_way_is_finished_before_it_ends() {
    let (deployment, up, call) = under_way(("maso.toml", "", "\n[listen]\ndrain = \"1h\"\n")).await;
    up.ask_to_stop().await;
    is_closed(&up).await;
    std::fs::write(deployment.data().join("open"), "").unwrap();
    assert_eq!(text(&call.await.unwrap()), "good");
    up.has_stopped().await;
    let released = deployment.bodies("hop-released").await;
    assert!(released.iter().all(|hop| hop["outcome"] == "delivered"), "{released:?}");
    deployment.verify().await;
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let (deployment, up, call) = under_way(("maso.toml", "", "\n[listen]\ndrain = \"1h\"\n")).await;
    up.ask_to_stop().await;
    is_closed(&up).await;
    up.ask_to_stop().await;
    up.has_stopped().await;
    call.abort();
    deployment.verify().await;
}

#[tokio::test]
async fn it_ends_when_the_time_for_what_is_under_way_is_over() {
    let (deployment, up, call) = under_way(("maso.toml", "", "\n[listen]\ndrain = \"0s\"\n")).await;
    up.stop().await;
    call.abort();
    deployment.verify().await;
}
