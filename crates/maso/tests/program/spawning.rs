//! An agent starts instances of another one over the wire: each with an id, a key and an end of its own (IA-2.1, EC-1.5a).

use maso_identity::AgentKey;
use reqwest::{StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    client::{Client, answer, is_done, refused, stateless_headers, text},
    decisions::{Scene, scene},
    deployment::{Edit, Wanted},
};

/// The writer may start readers, and ask them to count.
pub const SPAWNS: Edit = ("agents/writer.toml", "", "\n[spawns.reader]\nat_most = 2\nper_hour = 3\nttl = \"10m\"\n");
pub const GRANT: Edit = (
    "workflows/notes.toml",
    "",
    "\n[[grants]]\nfrom = \"writer\"\nto = \"reader\"\nrequest = \"count\"\nschema = { type = \"object\" }\n",
);

fn wanted() -> Wanted {
    Wanted { edits: vec![SPAWNS, GRANT], ..Wanted::default() }
}

fn key(seed: u8) -> AgentKey {
    AgentKey::from_seed([seed; 32])
}

/// What a process shows with a request: its token, and that it has the key.
fn proven(token: &str, key: &AgentKey, url: &str) -> HeaderMap {
    let proof = key.prove("POST", url, token, Uuid::new_v4(), now());
    let mut headers = HeaderMap::new();
    headers.insert("authorization", format!("DPoP {token}").parse().unwrap());
    headers.insert("dpop", proof.parse().unwrap());
    headers
}

fn now() -> maso_core::Timestamp {
    maso_path::Clock::now(&maso_path::SystemClock)
}

/// What the writer is told when it asks to start an instance of an agent, for a process with this key.
pub async fn start(stage: &Scene, agent: &str, key: &AgentKey) -> Value {
    let token = stage.operator.token("writer", None).await;
    let wish = json!({ "agent": agent, "thumbprint": key.thumbprint().to_string(), "reason": "many notes" });
    Client::open_at(stage.up.address, "maso", &token).await.call("spawn_agent", wish).await
}

/// A process with this key joins.
async fn join(stage: &Scene, token: &str, key: &AgentKey) -> (StatusCode, Value) {
    let url = format!("http://{}/v1/join", stage.up.address);
    let proof = key.prove("POST", &url, token, Uuid::new_v4(), now());
    let body = json!({ "token": token, "key": key.public().to_jwk() });
    let response = reqwest::Client::new().post(&url).header("dpop", proof).json(&body).send().await.unwrap();
    let (status, text) = (response.status(), response.text().await.unwrap());
    (status, serde_json::from_str(&text).unwrap_or_default())
}

/// A process calls what an instance may at an address of its own.
async fn post(stage: &Scene, path: &str, token: &str, key: &AgentKey) -> (StatusCode, Value) {
    let url = format!("http://{}{path}", stage.up.address);
    let request = reqwest::Client::new().post(&url).headers(proven(token, key, &url));
    let response = request.send().await.unwrap();
    let (status, text) = (response.status(), response.text().await.unwrap());
    (status, serde_json::from_str(&text).unwrap_or_default())
}

/// An instance calls a tool of this server.
async fn call(stage: &Scene, server: &str, (token, key): (&str, &AgentKey), tool: &str, arguments: Value) -> Value {
    let mut client = Client::new(stage.up.address, None);
    client.url = format!("http://{}/mcp/{server}", stage.up.address);
    let mut headers = stateless_headers(tool);
    headers.extend(proven(token, key, &client.url));
    answer(client.post(&client.stateless_frame(tool, arguments), &headers).await).await
}

/// An instance reads a note.
async fn read(stage: &Scene, token: &str, key: &AgentKey) -> Value {
    call(stage, "notes", (token, key), "read_note", json!({ "note": "n-1" })).await
}

/// An instance looks once for requests: their ids.
async fn receive(stage: &Scene, who: (&str, &AgentKey)) -> Vec<String> {
    let told = call(stage, "maso", who, "receive_requests", json!({ "wait_ms": 0 })).await;
    let requests =
        told["result"]["structuredContent"]["requests"].as_array().unwrap_or_else(|| panic!("{told}")).iter();
    requests.map(|request| request["id"].as_str().unwrap().to_owned()).collect()
}

/// An instance whose process has joined: its id, and its token.
async fn started(stage: &Scene, seed: u8) -> (String, String) {
    let told = start(stage, "reader", &key(seed)).await;
    let about = &told["result"]["structuredContent"];
    let token = about["join_token"].as_str().unwrap_or_else(|| panic!("{told}"));
    let (status, joined) = join(stage, token, &key(seed)).await;
    assert_eq!(status, StatusCode::CREATED, "{joined}");
    (about["spiffe_id"].as_str().unwrap().to_owned(), joined["token"].as_str().unwrap().to_owned())
}

fn instance(spiffe_id: &str) -> &str {
    spiffe_id.rsplit_once('/').unwrap().1
}

#[tokio::test]
async fn an_instance_joins_once_by_its_own_key_and_nobody_else_is_it() {
    let stage = scene(&wanted()).await;
    let listed = Client::open_at(stage.up.address, "maso", &stage.operator.token("writer", None).await).await;
    assert!(listed.ask("tools/list", &json!({})).await.to_string().contains("spawn_agent"));
    let other = Client::open_at(stage.up.address, "maso", &stage.operator.token("reader", None).await).await;
    assert!(!other.ask("tools/list", &json!({})).await.to_string().contains("spawn_agent"));

    let told = start(&stage, "reader", &key(1)).await;
    let token = told["result"]["structuredContent"]["join_token"].as_str().unwrap().to_owned();
    // Whoever started it has the token, and not the key.
    assert_eq!(join(&stage, &token, &key(2)).await.0, StatusCode::UNAUTHORIZED);
    let (status, joined) = join(&stage, &token, &key(1)).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(join(&stage, &token, &key(1)).await.0, StatusCode::UNAUTHORIZED, "it works once");
    let own = joined["token"].as_str().unwrap();
    assert!(is_done(&read(&stage, own, &key(1)).await));

    // A sibling's token is worth nothing without its key, and names nobody else with another.
    let (sibling, siblings) = started(&stage, 3).await;
    assert!(sibling.contains("/agent/reader/inst_"), "{sibling}");
    assert!(!is_done(&read(&stage, &siblings, &key(1)).await));
    assert!(!is_done(&read(&stage, own, &key(3)).await));
    assert!(is_done(&read(&stage, &siblings, &key(3)).await));

    // Nothing is started that is not declared, nor by whom it is not.
    for agent in ["writer", "nobody"] {
        assert_eq!(refused(&start(&stage, agent, &key(4)).await), Some("OUT_OF_MANDATE"));
    }
    let shown = stage.deployment.run(&["agents", "lineage", "--json"]).await;
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    let tree = shown["instances"].as_array().unwrap();
    assert_eq!(tree.len(), 2, "{shown}");
    assert!(tree.iter().all(|one| one["by"] == "writer" && one["agent"] == "reader" && one["joined"].is_string()));
    let listed = stage.deployment.run(&["agents", "list", "--json"]).await;
    let listed: Vec<Value> = serde_json::from_slice(&listed.stdout).unwrap();
    let reader = listed.iter().find(|agent| agent["agent"] == "reader").unwrap();
    assert_eq!(reader["instances"].as_array().unwrap().len(), 2, "{reader}");
    let drawn = stage.deployment.run(&["agents", "lineage"]).await;
    assert!(String::from_utf8(drawn.stdout).unwrap().contains("writer  started"));
    let map = stage.deployment.run(&["map", "--json"]).await;
    let map: Value = serde_json::from_slice(&map.stdout).unwrap();
    let reader = map["nodes"].as_array().unwrap().iter().find(|node| node["party"] == "agent:reader").unwrap();
    assert_eq!(reader["agent"]["instances"]["n_live"], 2, "{reader}");
    let drawn = stage.deployment.run(&["map"]).await;
    let drawn = String::from_utf8(drawn.stdout).unwrap();
    assert!(drawn.contains("by agent:writer, there"), "{drawn}");
    stage.up.stop().await;
    stage.deployment.verify().await;
}

#[tokio::test]
async fn an_instance_renews_for_as_long_as_it_may_and_leaves_when_it_is_done() {
    let stage = scene(&wanted()).await;
    let (_, token) = started(&stage, 1).await;
    let (status, renewed) = post(&stage, "/v1/identity/renew", &token, &key(1)).await;
    assert_eq!(status, StatusCode::CREATED);
    // It is no longer than ten minutes from its start, whatever it renews.
    assert!(renewed["expires_at"].as_i64().unwrap() <= now().as_millis() + 600_000);
    assert_eq!(post(&stage, "/v1/identity/leave", &token, &key(2)).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(post(&stage, "/v1/identity/leave", &token, &key(1)).await.0, StatusCode::NO_CONTENT);
    let renewed = renewed["token"].as_str().unwrap();
    assert!(!is_done(&read(&stage, renewed, &key(1)).await));
    assert_eq!(post(&stage, "/v1/identity/renew", renewed, &key(1)).await.0, StatusCode::UNAUTHORIZED);
    // Whoever is no instance has nothing to leave.
    let bound = stage.operator.token("reader", Some(&key(5).thumbprint().to_string())).await;
    assert_eq!(post(&stage, "/v1/identity/leave", &bound, &key(5)).await.0, StatusCode::UNAUTHORIZED);
    let ended = stage.deployment.bodies("instance-ended").await;
    assert_eq!((ended.len(), &ended[0]["reason"], &ended[0]["by"]), (1, &json!("left"), &json!("agent:reader")));
    stage.up.stop().await;
    stage.deployment.verify().await;
}

#[tokio::test]
async fn whoever_took_a_request_answers_it_and_what_an_ended_one_took_is_the_next_ones() {
    let stage = scene(&wanted()).await;
    let ((_, first), (_, second)) = (started(&stage, 1).await, started(&stage, 2).await);
    let (one, other) = ((first.as_str(), &key(1)), (second.as_str(), &key(2)));
    let writer = Client::open_at(stage.up.address, "maso", &stage.operator.token("writer", None).await).await;
    let sent = writer.call("send_request", json!({ "to": "reader", "request": "count", "content": {} })).await;
    let id = sent["result"]["structuredContent"]["id"].as_str().unwrap_or_else(|| panic!("{sent}")).to_owned();
    assert_eq!(receive(&stage, one).await, [id.as_str()]);
    assert!(receive(&stage, other).await.is_empty(), "one of them has it");
    let answering = json!({ "id": id, "result": { "n": 3 } });
    let told = call(&stage, "maso", other, "complete_request", answering.clone()).await;
    assert!(!is_done(&told), "its sibling took it: {told}");

    assert_eq!(post(&stage, "/v1/identity/leave", one.0, one.1).await.0, StatusCode::NO_CONTENT);
    let told = call(&stage, "maso", one, "complete_request", answering.clone()).await;
    assert!(!is_done(&told), "it has ended: {told}");
    assert_eq!(receive(&stage, other).await, [id.as_str()]);
    let told = call(&stage, "maso", other, "complete_request", answering).await;
    assert!(is_done(&told), "{told}");
    let came = writer.call("request_result", json!({ "id": id, "wait_ms": 0 })).await;
    assert_eq!(came["result"]["structuredContent"]["result"], json!({ "n": 3 }), "{came}");
    stage.up.stop().await;
    stage.deployment.verify().await;
}

#[tokio::test]
async fn who_started_it_is_revoked_before_and_after_a_process_joins() {
    let stage = scene(&wanted()).await;
    let (id, token) = started(&stage, 1).await;
    let waiting = start(&stage, "reader", &key(2)).await;
    let waiting = waiting["result"]["structuredContent"]["join_token"].as_str().unwrap().to_owned();
    assert!(is_done(&read(&stage, &token, &key(1)).await));
    // Another process orders it, as a command does.
    let order = json!({ "what": "agent", "subject": "writer", "reason": "drill" });
    stage.operator.post("/api/v1/revocations", &order).await;
    assert_eq!(join(&stage, &waiting, &key(2)).await.0, StatusCode::UNAUTHORIZED);
    let answer = read(&stage, &token, &key(1)).await;
    assert!(!is_done(&answer), "{answer}");
    assert_eq!(post(&stage, "/v1/identity/renew", &token, &key(1)).await.0, StatusCode::UNAUTHORIZED);
    let shown = stage.deployment.run(&["agents", "lineage", "--all", "--json"]).await;
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    let tree = shown["instances"].as_array().unwrap();
    assert!(tree.iter().any(|one| one["instance"] == instance(&id) && one["ended"]["why"] == "revoked"), "{shown}");
    stage.up.stop().await;
    stage.deployment.verify().await;
}

#[tokio::test]
async fn the_native_door_starts_an_instance_as_the_tool_does() {
    let stage = scene(&wanted()).await;
    let url = format!("http://{}/v1/instances", stage.up.address);
    let token = stage.operator.token("writer", Some(&key(9).thumbprint().to_string())).await;
    let wish = async |wish: Value, headers: HeaderMap| {
        let response = reqwest::Client::new().post(&url).headers(headers).json(&wish).send().await.unwrap();
        let (status, text) = (response.status(), response.text().await.unwrap());
        (status, serde_json::from_str::<Value>(&text).unwrap_or_default())
    };
    let reader = json!({ "agent": "reader", "thumbprint": key(1).thumbprint().to_string() });
    let (status, told) = wish(reader.clone(), proven(&token, &key(9), &url)).await;
    assert_eq!(status, StatusCode::CREATED, "{told}");
    let (status, _) = join(&stage, told["join_token"].as_str().unwrap(), &key(1)).await;
    assert_eq!(status, StatusCode::CREATED);
    let (status, told) = wish(json!({ "agent": "reader" }), proven(&token, &key(9), &url)).await;
    assert_eq!((status, &told["refused"]), (StatusCode::BAD_REQUEST, &json!("MALFORMED")));
    let writer = json!({ "agent": "writer", "thumbprint": key(2).thumbprint().to_string() });
    let (status, told) = wish(writer, proven(&token, &key(9), &url)).await;
    assert_eq!((status, &told["refused"]), (StatusCode::FORBIDDEN, &json!("OUT_OF_MANDATE")));
    assert_eq!(wish(reader, HeaderMap::new()).await.0, StatusCode::UNAUTHORIZED);
    let first = stage.deployment.bodies("agent-spawned").await;
    assert_eq!(first.len(), 1);
    // What only people read is told to nobody else.
    assert!(!text(&start(&stage, "reader", &key(3)).await).contains("many notes"));
    stage.up.stop().await;
    stage.deployment.verify().await;
}
