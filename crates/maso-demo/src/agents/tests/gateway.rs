//! A whole agent, confined, against a gateway that only listens.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    routing::post,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::agents::*;

/// What the gateway was sent, in order.
type Seen = Arc<Mutex<Vec<(String, HeaderMap, Value)>>>;

async fn answer(
    State(seen): State<Seen>,
    Path(server): Path<String>,
    headers: HeaderMap,
    Json(message): Json<Value>,
) -> Response {
    let result = match message["method"].as_str().unwrap() {
        "initialize" => json!({
            "protocolVersion": message["params"]["protocolVersion"],
            "capabilities": { "tools": {}, "prompts": {} },
            "serverInfo": { "name": server, "version": "0" },
        }),
        "tools/list" => json!({ "tools": [] }),
        "tools/call" if message["params"]["name"] == "list_claims" => json!({
            "content": [],
            "structuredContent": { "claims": [
                { "claim_id": "C-1001", "state": "received" },
                { "claim_id": "C-1002", "state": "paid" },
            ] },
        }),
        "tools/call" => json!({
            "content": [], "isError": true, "structuredContent": { "maso": { "refused": "SUSPENDED" } },
        }),
        _ => Value::Null,
    };
    let id = message["id"].clone();
    seen.lock().unwrap().push((server, headers, message));
    match (id, result) {
        (Value::Null, _) => StatusCode::ACCEPTED.into_response(),
        (id, Value::Null) => {
            let error = json!({ "code": 1, "message": "no", "data": { "maso": { "refused": "OUT_OF_MANDATE" } } });
            Json(json!({ "jsonrpc": "2.0", "id": id, "error": error })).into_response()
        }
        (id, result) => Json(json!({ "jsonrpc": "2.0", "id": id, "result": result })).into_response(),
    }
}

#[tokio::test]
async fn each_request_carries_the_token_a_fresh_proof_and_the_task() {
    let seen = Seen::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    let gateway = Router::new().route("/mcp/{server}", post(answer)).with_state(Arc::clone(&seen));
    tokio::spawn(async { axum::serve(listener, gateway).await.unwrap() });

    let args = AgentArgs {
        name: "intake".to_owned(),
        base_url: base_url.clone(),
        token: "the-token".to_owned(),
        key_pem: AgentKey::from_seed([3; 32]).expose_pem(),
        task_token: Some("the-task".to_owned()),
        assignments: Vec::new(),
    };
    // The agent confines its thread for good, so it gets one of its own.
    let agent = tokio::task::spawn_blocking(move || std::thread::spawn(move || run_agent(&args)).join().unwrap());
    agent.await.unwrap().unwrap();

    let seen = seen.lock().unwrap();
    let mut proofs = BTreeSet::new();
    for (server, headers, message) in seen.iter() {
        assert_eq!(headers["authorization"], "DPoP the-token", "{message}");
        assert_eq!(headers["maso-task"], "the-task");
        let claims = headers["dpop"].to_str().unwrap().split('.').nth(1).unwrap().to_owned();
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        assert_eq!((&claims["htm"], &claims["htu"]), (&json!("POST"), &json!(format!("{base_url}/mcp/{server}"))));
        assert!(proofs.insert(claims["jti"].to_string()), "no proof is used twice");
    }
    let called: Vec<_> =
        seen.iter().filter_map(|(_, _, message)| message["params"]["name"].as_str().map(str::to_owned)).collect();
    // Refused at every step, the agent goes on to its last one.
    assert_eq!(called, ["list_claims", "intake-checklist", "list_documents", "record_extract", "send_request"]);
}
