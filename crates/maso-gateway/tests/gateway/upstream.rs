//! Servers over streamable HTTP, of both kinds.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, Method, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::any,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    fixture::{ODD_RESULT, READ_NOTE, SEND_NOTE},
    http::Http,
    rig::{Rig, text},
};

/// Which revisions the server speaks.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    WithSessions,
    Stateless,
}

#[derive(Clone)]
struct Server {
    kind: Kind,
    /// What it received: the HTTP method, some headers, and the body.
    seen: Arc<Mutex<Vec<(Method, Value, Value)>>>,
}

impl Server {
    async fn start(kind: Kind) -> (Self, String) {
        let server = Self { kind, seen: Arc::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let app = Router::new().route("/mcp", any(answer)).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (server, url)
    }

    fn seen(&self, method: &str) -> Vec<(Value, Value)> {
        let seen = self.seen.lock().unwrap();
        seen.iter()
            .filter(|(_, _, body)| body["method"] == method)
            .map(|(_, headers, body)| (headers.clone(), body.clone()))
            .collect()
    }
}

async fn answer(State(server): State<Server>, method: Method, headers: HeaderMap, body: String) -> Response {
    let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap());
    let shown = json!({
        "session": header("mcp-session-id"), "version": header("mcp-protocol-version"),
        "method": header("mcp-method"), "name": header("mcp-name"),
    });
    let frame: Value = serde_json::from_str(&body).unwrap_or_default();
    server.seen.lock().unwrap().push((method.clone(), shown, frame.clone()));
    if method != Method::POST {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let id = &frame["id"];
    let say = |members: &str| {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},{members}}}"#);
        ([(CONTENT_TYPE.as_str(), "application/json"), ("mcp-session-id", "s1")], body).into_response()
    };
    let stateless = server.kind == Kind::Stateless;
    match frame["method"].as_str().unwrap_or_default() {
        "initialize" if !stateless => say(
            r#""result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"far","version":"1"}}"#,
        ),
        "server/discover" if stateless => say(
            r#""result":{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"ttlMs":0,"cacheScope":"public","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"far","version":"1"}}}"#,
        ),
        "tools/list" => say(&format!(r#""result":{{"tools":[{READ_NOTE},{SEND_NOTE}]}}"#)),
        "tools/call" if frame["params"]["arguments"]["note"] == "odd" => say(&format!(r#""result":{ODD_RESULT}"#)),
        "tools/call" => {
            let token = &frame["params"]["_meta"]["progressToken"];
            let stream = format!(
                "event: message\ndata: {{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{{\"progressToken\":{token},\"progress\":1}}}}\n\n\
                 data: {{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{\"content\":[{{\"type\":\"text\",\"text\":\"streamed\"}}]}}}}\n\n"
            );
            ([(CONTENT_TYPE, "text/event-stream")], stream).into_response()
        }
        method if method.starts_with("notifications/") => StatusCode::ACCEPTED.into_response(),
        _ => (StatusCode::NOT_FOUND, say(r#""error":{"code":-32601,"message":"Method not found"}"#)).into_response(),
    }
}

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
