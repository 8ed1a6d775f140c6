//! A server over streamable HTTP, of either kind. What it received and what it was left by can be waited for.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, Method, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::any,
};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{broadcast, watch},
};

use crate::fixture::{ODD_RESULT, READ_NOTE, SEND_NOTE};

/// Which revisions the server speaks.
#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    WithSessions,
    Stateless,
}

#[derive(Clone)]
pub struct Server {
    kind: Kind,
    /// What it received: the HTTP method, some headers, and the body.
    seen: Arc<Mutex<Vec<(Method, Value, Value)>>>,
    /// Streams of notifications that clients left.
    n_left: Arc<AtomicUsize>,
    changed: watch::Sender<()>,
    /// Nothing is answered while it is shut.
    gate: watch::Sender<bool>,
    /// So many requests are answered with an error first.
    n_failures: Arc<AtomicUsize>,
    /// What those who listen are told: the URI of a resource that changed, or that it is over.
    told: broadcast::Sender<Option<String>>,
}

impl Server {
    pub async fn start(kind: Kind) -> (Self, String) {
        let server = Self {
            kind,
            seen: Arc::default(),
            n_left: Arc::default(),
            changed: watch::Sender::new(()),
            gate: watch::Sender::new(true),
            n_failures: Arc::default(),
            told: broadcast::Sender::new(16),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let app = Router::new().route("/mcp", any(answer)).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (server, url)
    }

    /// Headers and bodies of the requests of this method.
    pub fn seen(&self, method: &str) -> Vec<(Value, Value)> {
        let seen = self.seen.lock().unwrap();
        seen.iter()
            .filter(|(_, _, body)| body["method"] == method)
            .map(|(_, headers, body)| (headers.clone(), body.clone()))
            .collect()
    }

    pub fn has_seen_nothing(&self) -> bool {
        self.seen.lock().unwrap().is_empty()
    }

    /// How many of its streams were left.
    pub fn n_left(&self) -> usize {
        self.n_left.load(Ordering::SeqCst)
    }

    pub fn shut(&self) {
        self.gate.send_replace(false);
    }

    pub fn open(&self) {
        self.gate.send_replace(true);
    }

    /// Answers the next requests with an error.
    pub fn fail(&self, n_requests: usize) {
        self.n_failures.store(n_requests, Ordering::SeqCst);
    }

    /// Tells those who listen that a resource changed.
    pub fn touch(&self, uri: &str) {
        self.told.send(Some(uri.to_owned())).unwrap();
    }

    /// Ends all streams of notifications.
    pub fn end_streams(&self) {
        self.told.send(None).unwrap();
    }

    /// Waits until this holds of what it received and was left by.
    pub async fn until(&self, holds: impl Fn(&Self) -> bool) {
        let mut changed = self.changed.subscribe();
        while !holds(self) {
            changed.changed().await.unwrap();
        }
    }
}

/// Notes that a stream was left.
struct Left(Server);

impl Drop for Left {
    fn drop(&mut self) {
        self.0.n_left.fetch_add(1, Ordering::SeqCst);
        self.0.changed.send_replace(());
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
    server.changed.send_replace(());
    server.gate.subscribe().wait_for(|open| *open).await.unwrap();
    if server.n_failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
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
            r#""result":{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{},"logging":{},"resources":{"subscribe":true}},"ttlMs":0,"cacheScope":"public","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"far","version":"1"}}}"#,
        ),
        "subscriptions/listen" if stateless => listened(&server, id, &frame["params"]["notifications"]),
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

/// A stream of notifications: first what is agreed to, then what changes, whether or not it was asked for.
fn listened(server: &Server, id: &Value, wanted: &Value) -> Response {
    let about = json!({ "io.modelcontextprotocol/subscriptionId": id });
    let agreed = json!({ "jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged",
        "params": { "_meta": about, "notifications": wanted } });
    let over = json!({ "jsonrpc": "2.0", "id": id, "result": { "resultType": "complete", "_meta": about } });
    let state = (Some(agreed), server.told.subscribe(), Left(server.clone()), false);
    let frames = futures::stream::unfold(state, move |(first, mut told, left, ended)| {
        let (about, over) = (about.clone(), over.clone());
        async move {
            if ended {
                return None;
            }
            let (frame, ended) = match first {
                Some(agreed) => (agreed, false),
                None => match told.recv().await.ok()? {
                    Some(uri) => {
                        let params = json!({ "_meta": about, "uri": uri });
                        (
                            json!({ "jsonrpc": "2.0", "method": "notifications/resources/updated", "params": params }),
                            false,
                        )
                    }
                    None => (over, true),
                },
            };
            Some((Ok::<_, Infallible>(format!("data: {frame}\n\n")), (None, told, left, ended)))
        }
    });
    ([(CONTENT_TYPE, "text/event-stream")], Body::from_stream(frames)).into_response()
}
