//! Clients over streamable HTTP, with and without sessions.

use std::sync::Arc;

use base64::Engine as _;
use maso_core::SpiffeId;
use maso_identity::AgentKey;
use maso_log::v1::Body;
use maso_path::{Clock as _, SystemClock};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tower::ServiceExt as _;

use crate::rig::{Rig, text};

/// A client over HTTP.
#[derive(Clone)]
pub struct Http {
    client: Client,
    url: String,
    token: Option<String>,
    session: Option<String>,
    revision: Option<&'static str>,
    /// The task token that goes with each request.
    task: Option<String>,
    /// The level of log notifications that a stateless client asks for.
    level: Option<&'static str>,
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub session: Option<String>,
    /// What came before the answer.
    pub told: Vec<Value>,
    pub json: Value,
}

impl Http {
    pub fn stateless(rig: &Rig, agent: &str, server: &str) -> Self {
        Self { revision: Some("2026-07-28"), ..Self::bare(rig, agent, server) }
    }

    pub fn bare(rig: &Rig, agent: &str, server: &str) -> Self {
        let token = Some(rig.bearer(agent));
        Self {
            client: Client::new(),
            url: rig.url(server),
            token,
            session: None,
            revision: None,
            task: None,
            level: None,
        }
    }

    pub async fn initialized(rig: &Rig, agent: &str, server: &str) -> Self {
        Self::able(rig, agent, server, json!({})).await
    }

    /// With a session, and these capabilities.
    pub async fn able(rig: &Rig, agent: &str, server: &str, capabilities: Value) -> Self {
        let mut client = Self::bare(rig, agent, server);
        let answer = client.begin(capabilities).await;
        assert_eq!(answer.status, 200, "{}", answer.json);
        client.session = answer.session;
        client.revision = Some("2025-11-25");
        let told = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        assert_eq!(client.post(&told).send().await.unwrap().status(), 202);
        client
    }

    pub async fn initialize(&self) -> Answer {
        self.begin(json!({})).await
    }

    async fn begin(&self, capabilities: Value) -> Answer {
        let params = json!({
            "protocolVersion": "2025-11-25", "capabilities": capabilities, "clientInfo": { "name": "t", "version": "1" },
        });
        self.request("initialize", params).await
    }

    pub fn in_task(self, token: String) -> Self {
        Self { task: Some(token), ..self }
    }

    pub fn at_level(self, level: &'static str) -> Self {
        Self { level: Some(level), ..self }
    }

    pub fn with_token(self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self }
    }

    /// The id of its token.
    pub fn token_id(&self) -> String {
        let claims = self.token.as_ref().unwrap().split('.').nth(1).unwrap();
        let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap();
        serde_json::from_slice::<Value>(&claims).unwrap()["jti"].as_str().unwrap().to_owned()
    }

    fn build(&self, method: Method) -> RequestBuilder {
        let mut request =
            self.client.request(method, &self.url).header("accept", "application/json, text/event-stream");
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(task) = &self.task {
            request = request.header("maso-task", task);
        }
        if let Some(session) = &self.session {
            request = request.header("mcp-session-id", session);
        }
        if let Some(revision) = self.revision {
            request = request.header("mcp-protocol-version", revision);
        }
        request
    }

    fn post(&self, body: &Value) -> RequestBuilder {
        self.build(Method::POST).header("content-type", "application/json").body(body.to_string())
    }

    pub async fn request(&self, method: &str, params: Value) -> Answer {
        read(self.prepare(method, params)).await
    }

    /// Opens the stream of what belongs to no request, or the rest of one that broke off after this event.
    pub async fn open(&self, last_event_id: Option<&str>) -> Result<Stream, u16> {
        let mut request = self.build(Method::GET);
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let response = request.send().await.unwrap();
        if response.status().is_success() {
            Ok(Stream { response, read: String::new() })
        } else {
            Err(response.status().as_u16())
        }
    }

    /// Sends a frame and hangs up as soon as all of it was written.
    pub async fn send_and_hang_up(&self, rig: &Rig, body: &Value) {
        let request = self.post(body).build().unwrap();
        let mut head = format!("POST {} HTTP/1.1\r\nhost: {}\r\n", request.url().path(), rig.address);
        for (name, value) in request.headers() {
            head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
        }
        let body = body.to_string();
        let mut stream = tokio::net::TcpStream::connect(rig.address).await.unwrap();
        let frame = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(frame.as_bytes()).await.unwrap();
    }

    /// Opens a stream of notifications.
    pub async fn listen(&self, notifications: Value) -> Stream {
        let request = self.prepare("subscriptions/listen", json!({ "notifications": notifications }));
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Stream { response, read: String::new() }
    }

    pub fn prepare(&self, method: &str, mut params: Value) -> RequestBuilder {
        let stateless = self.revision == Some("2026-07-28");
        if stateless {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": { "sampling": {} },
            });
            if let Some(level) = self.level {
                params["_meta"]["io.modelcontextprotocol/logLevel"] = json!(level);
            }
        }
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let mut request = self.post(&body);
        if stateless {
            request = request.header("mcp-method", method);
            if let Some(name) = params["name"].as_str() {
                request = request.header("mcp-name", name);
            }
        }
        request
    }
}

/// A stream of events.
pub struct Stream {
    response: reqwest::Response,
    read: String,
}

impl Stream {
    /// Over what was sent for a request.
    pub fn of(response: reqwest::Response) -> Self {
        Self { response, read: String::new() }
    }

    /// The next frame; `None` at the end.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((event, rest)) = self.read.split_once("\n\n") {
                let frame = event.lines().find_map(|line| line.strip_prefix("data: ")).map(str::to_owned);
                self.read = rest.to_owned();
                if let Some(frame) = frame {
                    return Some(serde_json::from_str(&frame).unwrap());
                }
            } else {
                let chunk = self.response.chunk().await.unwrap()?;
                self.read.push_str(std::str::from_utf8(&chunk).unwrap());
            }
        }
    }
}

async fn read(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let session = header("mcp-session-id");
    let is_stream = header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream"));
    let body = response.text().await.unwrap();
    let mut frames: Vec<Value> = if is_stream {
        body.lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .map(|data| serde_json::from_str(data).unwrap())
            .collect()
    } else {
        serde_json::from_str(&body).into_iter().collect()
    };
    let json = frames.pop().unwrap_or(Value::Null);
    Answer { status, session, told: frames, json }
}

#[tokio::test]
async fn a_session_belongs_to_the_agent_that_began_it() {
    let rig = Rig::new().await;
    let writer = Http::initialized(&rig, "writer", "notes").await;
    let answer = writer.request("tools/call", json!({ "name": "read_note", "arguments": { "note": "a" } })).await;
    assert_eq!((answer.status, text(&answer.json)), (200, "note a"));

    let thief = Http { token: Some(rig.bearer("reader")), ..writer.clone() };
    let call = json!({ "name": "read_note", "arguments": { "note": "b" } });
    assert_eq!(thief.request("tools/call", call.clone()).await.status, 404);
    assert_eq!(thief.build(Method::GET).send().await.unwrap().status(), 404);
    assert_eq!(thief.build(Method::DELETE).send().await.unwrap().status(), 404);
    assert_eq!(rig.calls().len(), 1);

    let nobody = Http { token: None, ..writer.clone() };
    assert_eq!(nobody.request("tools/call", call.clone()).await.status, 401);
    let lost = Http { session: None, ..writer.clone() };
    assert_eq!(lost.request("tools/call", call.clone()).await.status, 400);
    let wrong = Http { session: Some("guess".to_owned()), ..writer.clone() };
    assert_eq!(wrong.request("tools/call", call.clone()).await.status, 404);

    assert_eq!(writer.build(Method::DELETE).send().await.unwrap().status(), 200);
    assert_eq!(writer.request("tools/call", call).await.status, 404);
}

#[tokio::test]
async fn nobody_begins_a_session_without_a_credential() {
    let rig = Rig::new().await;
    let nobody = Http { token: None, ..Http::bare(&rig, "writer", "notes") };
    let answer = nobody.initialize().await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.session, None);
    let liar = Http { token: Some("not a token".to_owned()), ..nobody };
    assert_eq!(liar.initialize().await.status, 401);
}

#[tokio::test]
async fn a_bound_token_needs_its_key_each_time() {
    let rig = Rig::new().await;
    let key = AgentKey::from_seed([9; 32]);
    let id = SpiffeId { trust_domain: "notes.example".parse().unwrap(), agent: "writer".parse().unwrap() };
    let now = SystemClock.now();
    let token = rig.authority.issue_agent_token(&id, Some(&key.thumbprint()), uuid::Uuid::new_v4(), now, 60_000);
    let client = Http { token: None, ..Http::stateless(&rig, "writer", "notes") };
    let proof = |method: &str| key.prove(method, &client.url, &token, uuid::Uuid::new_v4(), SystemClock.now());
    let send = async |proof: &str| {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": { "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {} } } });
        let request = client.post(&body).header("mcp-method", "tools/list");
        read(request.header("authorization", format!("DPoP {token}")).header("dpop", proof)).await
    };
    let good = proof("POST");
    assert_eq!(send(&good).await.status, 200);
    assert_eq!(send(&good).await.status, 401, "a proof counts once");
    assert_eq!(send(&proof("GET")).await.status, 401, "a proof is for one method");
    let bearer = Http { token: Some(token.clone()), ..client.clone() };
    assert_eq!(bearer.request("tools/list", json!({})).await.status, 401, "without the key the token is worth nothing");
}

#[tokio::test]
async fn stateless_requests_stand_alone() {
    let rig = Rig::new().await;
    let client = Http::stateless(&rig, "writer", "notes");
    let met = client.request("server/discover", json!({})).await;
    assert_eq!((met.status, &met.session), (200, &None), "{}", met.json);
    let met = &met.json["result"];
    assert_eq!(met["resultType"], "complete");
    assert_eq!(met["supportedVersions"], json!(["2026-07-28", "2025-11-25", "2025-06-18"]));
    assert_eq!(met["cacheScope"], "private");
    assert_eq!(met["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "fixture");

    let listed = client.request("tools/list", json!({})).await.json;
    assert_eq!(listed["result"]["tools"].as_array().unwrap().len(), 2, "{listed}");
    let answer = client.request("tools/call", json!({ "name": "read_note", "arguments": { "note": "a" } })).await.json;
    assert_eq!((text(&answer), &answer["result"]["resultType"]), ("note a", &json!("complete")));

    for method in ["initialize", "ping", "logging/setLevel", "tasks/get", "no/such"] {
        let answer = client.request(method, json!({})).await;
        assert_eq!((answer.status, &answer.json["error"]["code"]), (404, &json!(-32601)), "{method}");
    }
    assert_eq!(client.build(Method::GET).send().await.unwrap().status(), 405);
    assert_eq!(client.build(Method::DELETE).send().await.unwrap().status(), 405);
}

#[tokio::test]
async fn a_stateless_client_is_asked_by_way_of_its_answer() {
    let rig = Rig::new().await;
    let client = Http::stateless(&rig, "writer", "notes");
    let params = json!({ "name": "read_note", "arguments": { "note": "ask" } });
    let asked = client.request("tools/call", params.clone()).await.json;
    assert_eq!(asked["result"]["resultType"], "input_required", "{asked}");
    let questions = asked["result"]["inputRequests"].as_object().unwrap();
    let (key, question) = questions.iter().next().unwrap();
    assert_eq!(question["method"], "sampling/createMessage");
    let mut back = params;
    back["requestState"] = asked["result"]["requestState"].clone();
    back["inputResponses"] =
        json!({ key.as_str(): { "role": "assistant", "content": { "type": "text", "text": "red" }, "model": "m" } });
    // Another agent cannot come back for it.
    let other = Http::stateless(&rig, "reader", "notes");
    let stolen = other.request("tools/call", back.clone()).await.json;
    assert_eq!(stolen["error"]["code"], -32602, "{stolen}");
    let mut made_up = back.clone();
    made_up["requestState"] = json!(format!("{}-x", back["requestState"].as_str().unwrap()));
    assert_eq!(client.request("tools/call", made_up).await.json["error"]["code"], -32602);
    let answer = client.request("tools/call", back).await.json;
    assert_eq!(text(&answer), r#"told: "red""#);
}

#[tokio::test]
async fn headers_must_agree_with_the_body() {
    let rig = Rig::new().await;
    let client = Http::stateless(&rig, "writer", "notes");
    let body = |version: &str| {
        json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {
            "name": "read_note", "arguments": { "note": "a" }, "_meta": {
                "io.modelcontextprotocol/protocolVersion": version,
                "io.modelcontextprotocol/clientCapabilities": {} } } })
    };
    let told =
        |answer: Answer| (answer.status, answer.json["error"]["code"].as_i64().unwrap(), answer.json["id"].clone());
    let mismatch = (400, -32020, json!(7));
    let request = || client.post(&body("2026-07-28"));
    assert_eq!(told(read(request()).await), mismatch);
    assert_eq!(told(read(request().header("mcp-method", "tools/list")).await), mismatch);
    let other = request().header("mcp-method", "tools/call").header("mcp-name", "send_note");
    assert_eq!(told(read(other).await), mismatch);
    let older = client.post(&body("2025-11-25")).header("mcp-method", "tools/call").header("mcp-name", "read_note");
    assert_eq!(told(read(older).await), mismatch);
    let unknown = Http { revision: Some("1900-01-01"), ..client.clone() };
    let unknown = unknown.post(&body("1900-01-01")).header("mcp-method", "tools/call");
    assert_eq!(told(read(unknown).await), (400, -32022, json!(7)));
    assert!(rig.calls().is_empty());
}

#[tokio::test]
async fn other_hosts_origins_and_contents_are_turned_away() {
    let rig = Rig::new().await;
    let client = Http::bare(&rig, "writer", "notes");
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    let status = async |request: RequestBuilder| request.send().await.unwrap().status().as_u16();
    assert_eq!(status(client.post(&ping).header("host", "evil.example")).await, 403);
    assert_eq!(status(client.post(&ping).header("origin", "https://evil.example")).await, 403);
    assert_eq!(status(client.post(&ping).header("origin", "null")).await, 403);
    assert_eq!(status(client.build(Method::POST).header("content-type", "text/plain").body("{}")).await, 415);
    let picky =
        client.client.post(&client.url).header("content-type", "application/json").header("accept", "text/html");
    assert_eq!(status(picky.body("{}")).await, 406);
    assert_eq!(status(client.post(&json!([]))).await, 400);
    assert_eq!(status(client.build(Method::POST).header("content-type", "application/json").body("{")).await, 400);
    let large = vec![b' '; (4 << 20) + 1];
    assert_eq!(status(client.build(Method::POST).header("content-type", "application/json").body(large)).await, 413);
    assert_eq!(status(client.build(Method::PUT)).await, 405);
}

#[tokio::test]
async fn what_comes_before_the_answer_comes_as_a_stream() {
    let rig = Rig::new().await;
    let client = Http::initialized(&rig, "writer", "notes").await;
    let params = json!({ "name": "read_note", "arguments": { "note": "progress" }, "_meta": { "progressToken": 3 } });
    let answer = client.request("tools/call", params).await;
    assert_eq!(answer.told[0]["params"]["progressToken"], 3);
    assert_eq!(text(&answer.json), "after progress");
    // The stream's events can be read again from any point.
    let again = client.build(Method::GET).header("last-event-id", "2-0");
    assert_eq!(text(&read(again).await.json), "after progress");
}

#[tokio::test]
async fn a_stranger_that_hangs_up_is_on_the_record_all_the_same() {
    let rig = Rig::new().await;
    let stranger = Http::bare(&rig, "writer", "notes").with_token("guess");
    let asked = stranger.post(&json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" })).build().unwrap();
    let asked = axum::http::Request::try_from(asked).unwrap().map(axum::body::Body::new);
    let busy = rig.keep_record_busy();
    let mut answer = Box::pin(maso_gateway::router(Arc::clone(&rig.gateway)).oneshot(asked));
    assert!(futures::poll!(&mut answer).is_pending());
    drop(answer);
    drop(busy);
    let refused = |body: &Body| match body {
        Body::HopDecided(hop) => hop.refusal.clone(),
        _ => None,
    };
    assert_eq!(rig.recorded(refused).await, "UNAUTHENTIC");
}

#[tokio::test]
async fn an_answer_whose_client_hangs_up_reaches_the_server_all_the_same() {
    let rig = Rig::new().await;
    let client = Http::able(&rig, "writer", "notes", json!({ "sampling": {} })).await;
    let asking = json!({ "name": "read_note", "arguments": { "note": "ask" } });
    let mut stream = Stream::of(client.prepare("tools/call", asking).send().await.unwrap());
    let question = stream.next().await.unwrap();
    assert_eq!(question["method"], "sampling/createMessage", "{question}");
    let answer = json!({ "jsonrpc": "2.0", "id": question["id"], "result": {
        "role": "assistant", "content": { "type": "text", "text": "blue" }, "model": "m" } });
    client.send_and_hang_up(&rig, &answer).await;
    assert_eq!(text(&stream.next().await.unwrap()), r#"told: "blue""#);
}
