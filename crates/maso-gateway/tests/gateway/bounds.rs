//! What a stranger, or a compromised agent, cannot use up.

use maso_identity::AgentKey;
use maso_path::{Clock as _, SystemClock};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    http::Http,
    rig::{Rig, text},
};

fn read(note: &str) -> Value {
    json!({ "name": "read_note", "arguments": { "note": note } })
}

#[tokio::test]
async fn a_stranger_is_turned_away_before_its_body_is_read() {
    let rig = Rig::new().await;
    let forged = rig.bearer("writer").replace(|c: char| c.is_ascii_digit(), "0");
    // A bound token is worth nothing without its key.
    let (key, thief) = (AgentKey::from_seed([9; 32]), AgentKey::from_seed([8; 32]));
    let (id, now) = (rig.spiffe("writer"), SystemClock.now());
    let stolen = rig.authority.issue_agent_token(&id, Some(&key.thumbprint()), uuid::Uuid::new_v4(), now, 60_000);
    let proof = thief.prove("POST", &rig.url("notes"), &stolen, uuid::Uuid::new_v4(), now);
    for shown in [
        "",
        "Authorization: Bearer guess\r\n",
        &format!("Authorization: Bearer {forged}\r\n"),
        &format!("Authorization: DPoP {stolen}\r\nDPoP: {proof}\r\n"),
    ] {
        let mut stream = TcpStream::connect(rig.address).await.unwrap();
        let head = format!(
            "POST /mcp/notes HTTP/1.1\r\nHost: {}\r\n{shown}Content-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{{\"a\":\r\n",
            rig.address
        );
        // The body never ends; its end is not waited for.
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).await.unwrap();
        assert_eq!(status, *b"HTTP/1.1 401", "{shown}");
    }
    assert!(rig.calls().is_empty());
}

#[tokio::test]
async fn an_agent_has_its_share_of_sessions() {
    let rig = Rig::limited("sessions_per_agent_max = 2").await;
    let first = Http::initialized(&rig, "writer", "notes").await;
    let other = Http::initialized(&rig, "reader", "notes").await;
    let second = Http::initialized(&rig, "writer", "notes").await;
    assert_eq!(text(&first.request("tools/call", read("a")).await.json), "note a");
    let third = Http::initialized(&rig, "writer", "notes").await;
    assert_eq!(second.request("tools/call", read("a")).await.status, 404, "it was left alone the longest");
    for client in [&first, &third, &other] {
        assert_eq!(client.request("tools/call", read("a")).await.status, 200);
    }
}

#[tokio::test]
async fn an_agent_has_its_share_of_server_processes() {
    let rig = Rig::limited("connections_per_agent_max = 1").await;
    let session = Http::initialized(&rig, "writer", "notes").await;
    let other = Http::initialized(&rig, "reader", "notes").await;
    assert_eq!(session.request("tools/call", read("a")).await.status, 200);
    let stateless = Http::stateless(&rig, "writer", "notes");
    assert_eq!(text(&stateless.request("tools/call", read("b")).await.json), "note b");
    assert_eq!(session.request("tools/call", read("a")).await.status, 404, "it gave way to the agent's next");
    assert_eq!(other.request("tools/call", read("a")).await.status, 200);
}

#[tokio::test]
async fn no_task_of_an_agent_sees_what_its_server_remembers_of_another() {
    let rig = Rig::new().await;
    let pid = async |client: &Http| {
        let answer = client.request("tools/call", read("pid")).await.json;
        text(&answer).to_owned()
    };
    let standing = Http::stateless(&rig, "writer", "notes");
    let [first, second] =
        [rig.task("the first").await, rig.task("the second").await].map(|task| standing.clone().in_task(task));
    let processes = [pid(&standing).await, pid(&first).await, pid(&second).await];
    assert_eq!(processes, [pid(&standing).await, pid(&first).await, pid(&second).await], "a task keeps its own");
    assert_ne!(processes[0], processes[1]);
    assert_ne!(processes[0], processes[2]);
    assert_ne!(processes[1], processes[2]);
}

#[tokio::test]
async fn what_a_stateless_client_left_alone_ends() {
    let pid = async |client: &Http| text(&client.request("tools/call", read("pid")).await.json).to_owned();
    let rig = Rig::new().await;
    let client = Http::stateless(&rig, "writer", "notes");
    let first = pid(&client).await;
    rig.gateway.tick();
    assert_eq!(pid(&client).await, first, "half an hour is not over");
    let rig = Rig::limited("session_idle = \"0s\"").await;
    let client = Http::stateless(&rig, "writer", "notes");
    let first = pid(&client).await;
    rig.gateway.tick();
    assert_ne!(pid(&client).await, first);
}
