//! A client that speaks MCP by hand, so that it can also speak it wrongly.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
};

use reqwest::{Response, header::HeaderMap};
use serde_json::{Value, json};

/// The newest revision with sessions.
pub const REVISION: &str = "2025-11-25";
/// The revision without.
pub const STATELESS: &str = "2026-07-28";

/// An agent's client over HTTP.
pub struct Client {
    pub http: reqwest::Client,
    pub url: String,
    pub token: Option<String>,
    pub session: Option<String>,
    next_id: AtomicU64,
}

impl Client {
    pub fn new(address: SocketAddr, token: Option<&str>) -> Self {
        Self {
            http: reqwest::Client::new(),
            url: format!("http://{address}/mcp/notes"),
            token: token.map(str::to_owned),
            session: None,
            next_id: AtomicU64::new(1),
        }
    }

    /// A client with a session.
    pub async fn open(address: SocketAddr, token: &str) -> Self {
        Self::open_at(address, "notes", token).await
    }

    /// A client with a session with this server.
    pub async fn open_at(address: SocketAddr, server: &str, token: &str) -> Self {
        Self::begin(address, server, Some(token)).await
    }

    /// A client with a session with this server, that shows nothing.
    pub async fn open_bare(address: SocketAddr, server: &str) -> Self {
        Self::begin(address, server, None).await
    }

    async fn begin(address: SocketAddr, server: &str, token: Option<&str>) -> Self {
        let mut client = Self::new(address, token);
        client.url = format!("http://{address}/mcp/{server}");
        let params = json!({
            "protocolVersion": REVISION,
            "capabilities": {},
            "clientInfo": { "name": "test", "version": "1" },
        });
        let response = client.post(&client.frame("initialize", &params), &HeaderMap::new()).await;
        client.session = response.headers().get("mcp-session-id").map(|session| session.to_str().unwrap().to_owned());
        let answer = answer(response).await;
        assert_eq!(answer["result"]["protocolVersion"], REVISION, "{answer}");
        let told = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        assert_eq!(client.post(&told, &HeaderMap::new()).await.status(), 202);
        client
    }

    pub fn frame(&self, method: &str, params: &Value) -> Value {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
    }

    pub async fn post(&self, frame: &Value, more: &HeaderMap) -> Response {
        self.post_bytes(frame.to_string().into_bytes(), more).await
    }

    pub async fn post_bytes(&self, body: Vec<u8>, more: &HeaderMap) -> Response {
        self.try_post(body, more).await.unwrap()
    }

    /// Posts to a program that may die meanwhile.
    pub async fn try_post(&self, body: Vec<u8>, more: &HeaderMap) -> reqwest::Result<Response> {
        let mut request = self
            .http
            .post(&self.url)
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .body(body);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(session) = &self.session {
            request = request.header("mcp-session-id", session).header("mcp-protocol-version", REVISION);
        }
        // Set last: a test may replace any of them.
        request.headers(more.clone()).send().await
    }

    pub async fn ask(&self, method: &str, params: &Value) -> Value {
        answer(self.post(&self.frame(method, params), &HeaderMap::new()).await).await
    }

    pub async fn call(&self, tool: &str, arguments: Value) -> Value {
        self.ask("tools/call", &json!({ "name": tool, "arguments": arguments })).await
    }

    /// Calls a tool under a task.
    pub async fn call_under(&self, task_token: &str, tool: &str, arguments: Value) -> Value {
        let frame = self.frame("tools/call", &json!({ "name": tool, "arguments": arguments }));
        let mut headers = HeaderMap::new();
        headers.insert("maso-task", task_token.parse().unwrap());
        answer(self.post(&frame, &headers).await).await
    }

    /// Calls a tool in the stateless revision.
    pub async fn call_stateless(&self, tool: &str, arguments: Value) -> Value {
        let frame = self.stateless_frame(tool, arguments);
        answer(self.post(&frame, &stateless_headers(tool)).await).await
    }

    pub fn stateless_frame(&self, tool: &str, arguments: Value) -> Value {
        let about = json!({
            "io.modelcontextprotocol/protocolVersion": STATELESS,
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        self.frame("tools/call", &json!({ "name": tool, "arguments": arguments, "_meta": about }))
    }

    /// The tools that the agent is shown.
    pub async fn tools(&self) -> Vec<String> {
        named(&self.ask("tools/list", &json!({})).await)
    }

    /// The tools that the agent is shown under a task.
    pub async fn tools_under(&self, task_token: &str) -> Vec<String> {
        let mut headers = HeaderMap::new();
        headers.insert("maso-task", task_token.parse().unwrap());
        named(&answer(self.post(&self.frame("tools/list", &json!({})), &headers).await).await)
    }
}

fn named(listed: &Value) -> Vec<String> {
    let tools = listed["result"]["tools"].as_array().unwrap_or_else(|| panic!("no list: {listed}"));
    tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

pub fn stateless_headers(tool: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("mcp-protocol-version", STATELESS.parse().unwrap());
    headers.insert("mcp-method", "tools/call".parse().unwrap());
    headers.insert("mcp-name", tool.parse().unwrap());
    headers
}

/// The answer in a response, be it one object or the last event of a stream.
pub async fn answer(response: Response) -> Value {
    let streams = response.headers().get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"text/event"));
    let (status, text) = (response.status(), response.text().await.unwrap());
    let last = if streams { text.lines().filter_map(|line| line.strip_prefix("data:")).next_back() } else { None };
    serde_json::from_str(last.unwrap_or(&text)).unwrap_or_else(|_| panic!("HTTP {status} with no answer: `{text}`"))
}

/// The text of a tool's result; panics if it is an error.
pub fn text(answer: &Value) -> &str {
    assert_ne!(answer["result"]["isError"], true, "{answer}");
    answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("no text: {answer}"))
}

/// Whether what was asked for was done.
pub fn is_done(answer: &Value) -> bool {
    answer.get("result").is_some() && answer["result"]["isError"] != true && held(answer).is_none()
}

/// The code by which maso refused, if it did.
pub fn refused(answer: &Value) -> Option<&str> {
    let about = [&answer["result"]["structuredContent"]["maso"], &answer["error"]["data"]["maso"]];
    about.into_iter().find_map(|about| about["refused"].as_str())
}

/// The ticket that the answer names, if the call is held.
pub fn held(answer: &Value) -> Option<&str> {
    let about = [
        &answer["result"]["structuredContent"]["maso"],
        &answer["result"]["_meta"]["maso/held"],
        &answer["error"]["data"]["maso"],
    ];
    about.into_iter().find_map(|about| about["ticket"].as_str())
}
