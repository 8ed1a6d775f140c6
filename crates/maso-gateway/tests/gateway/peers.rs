//! Agents outside are asked as servers are, and believed by the keys that the deployment names.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, Method, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use maso_identity::AuthorityKey;
use maso_log::v1::Body;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::rig::{Pipe, Rig};

/// An agent outside.
struct Peer {
    address: String,
    bindings: Vec<&'static str>,
    said: Arc<Said>,
}

/// What it says, and what it was asked.
struct Said {
    card: Mutex<Value>,
    /// The answers to come, each the results of one request: one, or a stream of them.
    answers: Mutex<VecDeque<Vec<Value>>>,
    asked: Mutex<Vec<Value>>,
    /// How often somebody wanted keys that a card names.
    n_keys: AtomicUsize,
}

impl Peer {
    async fn new(streams: bool) -> Self {
        Self::offering(&["JSONRPC"], streams).await
    }

    /// One that offers these bindings, the first of which it prefers.
    async fn offering(bindings: &[&'static str], streams: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let said = Arc::new(Said {
            card: Mutex::default(),
            answers: Mutex::default(),
            asked: Mutex::default(),
            n_keys: AtomicUsize::new(0),
        });
        let router = Router::new()
            .route("/card", get(async |State(said): State<Arc<Said>>| Json(said.card.lock().clone())))
            .route(
                "/keys",
                get(async |State(said): State<Arc<Said>>| said.n_keys.fetch_add(1, Ordering::SeqCst).to_string()),
            )
            .route("/JSONRPC", post(answer))
            .route("/HTTP+JSON/{*path}", any(answer_path))
            .with_state(Arc::clone(&said));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let peer = Self { address, bindings: bindings.to_vec(), said };
        peer.show(partner().sign_card(peer.card(streams)));
        peer
    }

    fn card(&self, streams: bool) -> Value {
        let interfaces = self.bindings.iter().map(|binding| {
            json!({ "url": format!("{}/{binding}", self.address), "protocolBinding": binding, "protocolVersion": "1.0" })
        });
        json!({
            "name": "partner",
            "version": "1",
            "supportedInterfaces": interfaces.collect::<Vec<_>>(),
            "capabilities": { "streaming": streams },
            "skills": [{ "id": "quote", "name": "Quote", "description": "Quotes a price.", "tags": ["price"] }],
        })
    }

    fn show(&self, card: Value) {
        *self.said.card.lock() = card;
    }

    fn answers(&self, results: &[Value]) {
        self.said.answers.lock().push_back(results.to_vec());
    }

    fn asked(&self) -> Vec<Value> {
        self.said.asked.lock().clone()
    }

    fn transport(&self) -> String {
        let key = partner().public().to_string();
        format!(
            "kind = \"a2a\"\ncard = \"{}/card\"\nkeys = [{{ kty = \"OKP\", crv = \"Ed25519\", x = \"{key}\" }}]",
            self.address
        )
    }

    /// A deployment that asks it, and has approved what it can do.
    async fn trusted(&self) -> (Rig, Pipe) {
        let rig = Rig::with_peer(&self.transport()).await;
        let mut writer = writer(&rig).await;
        writer.request("tools/list", json!({})).await;
        rig.approve("partner:quote").await;
        (rig, writer)
    }
}

async fn answer(State(said): State<Arc<Said>>, headers: HeaderMap, Json(mut request): Json<Value>) -> Response {
    assert_eq!(headers["a2a-version"], "1.0");
    let id = request["id"].take();
    let streams = request["method"] == "SendStreamingMessage";
    said.asked.lock().push(request);
    let frames = said.answers.lock().pop_front().unwrap_or_default();
    let mut frames = frames.into_iter().map(|result| json!({ "jsonrpc": "2.0", "id": id, "result": result }));
    if !streams {
        return Json(frames.next().unwrap_or_else(
            || json!({ "jsonrpc": "2.0", "id": id, "error": { "code": -32004, "message": "no more" } }),
        ))
        .into_response();
    }
    let events: String = frames.map(|frame| format!("data: {frame}\n\n")).collect();
    ([(CONTENT_TYPE, "text/event-stream")], events).into_response()
}

/// The same in HTTP+JSON.
async fn answer_path(
    State(said): State<Arc<Said>>,
    Path(path): Path<String>,
    verb: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    assert_eq!(headers["a2a-version"], "1.0");
    let task = path.strip_prefix("tasks/").map(|task| json!({ "id": task.trim_end_matches(":cancel") }));
    let (method, params) = match (verb.as_str(), path.as_str(), task) {
        ("POST", "message:send", _) => ("SendMessage", serde_json::from_slice(&body).unwrap()),
        ("POST", "message:stream", _) => ("SendStreamingMessage", serde_json::from_slice(&body).unwrap()),
        ("GET", _, Some(task)) => ("GetTask", task),
        ("POST", path, Some(task)) if path.ends_with(":cancel") => ("CancelTask", task),
        other => panic!("{other:?} is no operation"),
    };
    said.asked.lock().push(json!({ "method": method, "params": params }));
    let results = said.answers.lock().pop_front().unwrap_or_default();
    if method == "SendStreamingMessage" {
        let events: String = results.iter().map(|result| format!("data: {result}\n\n")).collect();
        return ([(CONTENT_TYPE, "text/event-stream")], events).into_response();
    }
    match results.into_iter().next() {
        Some(result) => ([(CONTENT_TYPE, "application/a2a+json")], result.to_string()).into_response(),
        None => {
            (StatusCode::BAD_REQUEST, Json(json!({ "error": { "code": 400, "message": "no more" } }))).into_response()
        }
    }
}

const BINDINGS: [&str; 2] = ["JSONRPC", "HTTP+JSON"];

fn partner() -> AuthorityKey {
    AuthorityKey::from_seed([9; 32])
}

fn task(id: &str, state: &str) -> Value {
    json!({ "id": id, "contextId": "c", "status": { "state": state } })
}

async fn writer(rig: &Rig) -> Pipe {
    let mut writer = rig.pipe("writer", "partner");
    writer.initialize(json!({})).await;
    writer
}

async fn names(writer: &mut Pipe) -> Vec<Value> {
    let listed = writer.request("tools/list", json!({})).await;
    let tools = listed["result"]["tools"].as_array();
    tools.into_iter().flatten().map(|tool| tool["name"].clone()).collect()
}

/// The definitions of the skill that were seen, as they came onto the record.
async fn seen(rig: &Rig) -> Vec<(String, bool)> {
    let record = rig.record().await;
    let seen = record.into_iter().filter_map(|body| match body {
        Body::ToolSeen(seen) if seen.tool == "partner:quote" => {
            Some((seen.definition["description"].as_str().unwrap().to_owned(), seen.approved.is_some()))
        }
        _ => None,
    });
    seen.collect()
}

#[tokio::test]
async fn a_skill_is_a_tool_once_a_person_approved_the_card() {
    let peer = Peer::new(false).await;
    let rig = Rig::with_peer(&peer.transport()).await;
    let mut writer = writer(&rig).await;
    assert_eq!(names(&mut writer).await, Vec::<Value>::new());
    let quote = json!({ "data": { "of": "a" } });
    assert_eq!(writer.call("quote", quote.clone()).await["error"]["code"], -32602, "nobody approved it");
    assert_eq!(peer.asked(), Vec::<Value>::new());
    rig.approve("partner:quote").await;
    assert_eq!(names(&mut writer).await, ["quote"]);
    let mut done = task("t", "TASK_STATE_COMPLETED");
    done["artifacts"] = json!([{ "artifactId": "a", "parts": [{ "data": { "price": 7 } }, { "text": "seven" }] }]);
    peer.answers(&[json!({ "task": done })]);
    let answer = writer.call("quote", quote).await;
    assert_eq!(answer["result"]["content"], json!([{ "type": "text", "text": "seven" }]), "{answer}");
    let told = &answer["result"]["structuredContent"];
    assert_eq!(
        (&told["state"], &told["artifacts"][0]["parts"][0]["data"]["price"]),
        (&json!("TASK_STATE_COMPLETED"), &json!(7))
    );
    let asked = &peer.asked()[0];
    assert_eq!(asked["method"], "SendMessage");
    let message = &asked["params"]["message"];
    assert_eq!(
        (&message["metadata"]["skill"], &message["parts"]),
        (&json!("quote"), &json!([{ "data": { "of": "a" } }]))
    );
    let labels: Vec<_> = rig
        .record()
        .await
        .into_iter()
        .filter_map(|body| match body {
            Body::HopDecided(decided) if decided.from.as_deref() == Some("server:partner") => decided.label,
            _ => None,
        })
        .collect();
    assert!(!labels.is_empty() && labels.iter().all(|label| label.starts_with("external")), "{labels:?}");
}

#[tokio::test]
async fn a_task_is_asked_for_until_it_is_over() {
    for binding in BINDINGS {
        let peer = Peer::offering(&[binding], false).await;
        let (_rig, mut writer) = peer.trusted().await;
        peer.answers(&[json!({ "task": task("t", "TASK_STATE_SUBMITTED") })]);
        peer.answers(&[task("t", "TASK_STATE_WORKING")]);
        peer.answers(&[task("t", "TASK_STATE_FAILED")]);
        let answer = writer.call("quote", json!({ "text": "how much?" })).await;
        assert_eq!(answer["result"]["isError"], true, "{answer}");
        assert_eq!(answer["result"]["structuredContent"]["state"], "TASK_STATE_FAILED");
        let methods: Vec<_> = peer.asked().iter().map(|asked| asked["method"].clone()).collect();
        assert_eq!(methods, ["SendMessage", "GetTask", "GetTask"]);
    }
}

#[tokio::test]
async fn a_peer_is_asked_in_the_binding_that_it_prefers_of_those_that_the_declaration_allows() {
    let peer = Peer::offering(&["HTTP+JSON", "JSONRPC"], false).await;
    let (_rig, mut writer) = peer.trusted().await;
    peer.answers(&[json!({ "task": task("t", "TASK_STATE_COMPLETED") })]);
    let answer = writer.call("quote", json!({ "data": { "of": "a" } })).await;
    assert_eq!(answer["result"]["structuredContent"]["state"], "TASK_STATE_COMPLETED", "{answer}");
    let asked = &peer.asked()[0]["params"];
    assert_eq!(asked["message"]["metadata"]["skill"], "quote", "by a path, with the message for its body: {asked}");

    let elsewhere = Peer::offering(&["HTTP+JSON", "JSONRPC"], false).await;
    let mut card = elsewhere.card(false);
    card["supportedInterfaces"][0]["url"] = json!("https://elsewhere.example/a2a");
    elsewhere.show(partner().sign_card(card));
    let (_rig, mut writer) = elsewhere.trusted().await;
    elsewhere.answers(&[json!({ "task": task("t", "TASK_STATE_COMPLETED") })]);
    let answer = writer.call("quote", json!({ "data": { "of": "a" } })).await;
    assert_eq!(answer["result"]["structuredContent"]["state"], "TASK_STATE_COMPLETED", "at its own origin: {answer}");
}

#[tokio::test]
async fn what_a_peer_does_not_take_was_not_sent_and_where_its_task_leads_is_no_address() {
    let peer = Peer::offering(&["HTTP+JSON"], false).await;
    let (_rig, mut writer) = peer.trusted().await;
    let answer = writer.call("quote", json!({ "text": "how much?" })).await;
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
    assert!(!answer.to_string().contains("no more"), "its words are not passed on");
    peer.answers(&[json!({ "task": task("../admin", "TASK_STATE_WORKING") })]);
    let answer = writer.call("quote", json!({ "text": "how much?" })).await;
    assert!(answer["error"]["code"].is_i64(), "{answer}");
    let methods: Vec<_> = peer.asked().iter().map(|asked| asked["method"].clone()).collect();
    assert_eq!(methods, ["SendMessage", "SendMessage"], "nothing was asked at the path that it made up");
}

#[tokio::test]
async fn what_a_peer_streams_is_put_together() {
    for binding in BINDINGS {
        let peer = Peer::offering(&[binding], true).await;
        let (_rig, mut writer) = peer.trusted().await;
        let part = |text: &str| json!({ "artifactUpdate": { "taskId": "t", "artifact": { "artifactId": "a", "parts": [{ "text": text }] }, "append": true } });
        let done = json!({ "statusUpdate": { "taskId": "t", "status": { "state": "TASK_STATE_COMPLETED" } } });
        peer.answers(&[json!({ "task": task("t", "TASK_STATE_WORKING") }), part("one"), part("two"), done]);
        let answer = writer.call("quote", json!({ "text": "how much?" })).await;
        assert_eq!(answer["result"]["content"][1]["text"], "two", "{answer}");
        // One that breaks off is asked for.
        peer.answers(&[json!({ "task": task("u", "TASK_STATE_WORKING") })]);
        peer.answers(&[task("u", "TASK_STATE_COMPLETED")]);
        let answer = writer.call("quote", json!({ "text": "and now?" })).await;
        assert_eq!(answer["result"]["structuredContent"]["taskId"], "u", "{answer}");
    }
}

#[tokio::test]
async fn a_task_that_asks_for_more_goes_on_only_in_its_own_conversation() {
    for binding in BINDINGS {
        let peer = Peer::offering(&[binding], false).await;
        let (rig, mut writer) = peer.trusted().await;
        peer.answers(&[json!({ "task": task("t", "TASK_STATE_INPUT_REQUIRED") })]);
        let answer = writer.call("quote", json!({ "text": "how much?" })).await;
        assert_eq!(answer["result"]["structuredContent"]["state"], "TASK_STATE_INPUT_REQUIRED", "{answer}");
        let on = json!({ "text": "two of them", "taskId": "t" });
        let mut other = self::writer(&rig).await;
        assert_eq!(other.call("quote", on.clone()).await["error"]["code"], -32602, "it began in another session");
        peer.answers(&[json!({ "task": task("t", "TASK_STATE_COMPLETED") })]);
        writer.call("quote", on).await;
        assert_eq!(peer.asked().last().unwrap()["params"]["message"]["taskId"], "t");
        assert_eq!(peer.asked().len(), 2, "the other one asked nothing");
    }
}

#[tokio::test]
async fn what_tells_of_another_task_is_no_answer() {
    for binding in BINDINGS {
        let peer = Peer::offering(&[binding], false).await;
        let (_rig, mut writer) = peer.trusted().await;
        peer.answers(&[json!({ "task": task("t", "TASK_STATE_WORKING") })]);
        peer.answers(&[task("of-somebody-else", "TASK_STATE_COMPLETED")]);
        let answer = writer.call("quote", json!({ "text": "how much?" })).await;
        assert!(answer.get("error").is_some() || answer["result"]["isError"] == true, "{answer}");
        assert!(!answer.to_string().contains("of-somebody-else"));
    }
}

/// With this card in place of the approved one, nothing is called, and somebody is told.
async fn is_refused(forge: impl FnOnce(&Peer) -> Value) -> (Peer, Vec<(String, bool)>) {
    let peer = Peer::new(false).await;
    let (rig, _) = peer.trusted().await;
    let before = seen(&rig).await.len();
    peer.show(forge(&peer));
    let mut writer = writer(&rig).await;
    assert_eq!(names(&mut writer).await, Vec::<Value>::new());
    let answer = writer.call("quote", json!({ "text": "how much?" })).await;
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
    assert_eq!(peer.asked(), Vec::<Value>::new());
    let seen = seen(&rig).await.split_off(before);
    (peer, seen)
}

#[tokio::test]
async fn a_card_with_keys_of_its_own_is_refused_and_they_are_not_fetched() {
    let (peer, seen) = is_refused(|peer| {
        let mallory = AuthorityKey::from_seed([66; 32]);
        let mut card = mallory.sign_card(peer.card(false));
        card["signatures"][0]["header"] = json!({ "jku": format!("{}/keys", peer.address) });
        card
    })
    .await;
    let not_believed = "The agent card is not believed: no key that the deployment names signed the agent card.";
    assert_eq!(seen, [(not_believed.to_owned(), true)]);
    assert_eq!(peer.said.n_keys.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_card_that_nobody_signed_or_that_was_changed_is_refused() {
    let (_, seen) = is_refused(|peer| peer.card(false)).await;
    assert_eq!(seen.len(), 1, "{seen:?}");
    let (_, seen) = is_refused(|peer| {
        let mut card = partner().sign_card(peer.card(false));
        card["skills"][0]["description"] = json!("Pays.");
        card
    })
    .await;
    assert_eq!(seen.len(), 1, "{seen:?}");
}

#[tokio::test]
async fn a_card_that_leads_elsewhere_is_refused() {
    for url in ["http://169.254.169.254/latest", "https://elsewhere.example/a2a", "http://127.0.0.1:1/a2a"] {
        let (_, seen) = is_refused(|peer| {
            let mut card = peer.card(false);
            card["supportedInterfaces"][0]["url"] = json!(url);
            partner().sign_card(card)
        })
        .await;
        assert_eq!(
            seen,
            [("The agent card is not believed: the agent card leads where the deployment does not.".to_owned(), true)]
        );
    }
}

#[tokio::test]
async fn a_card_that_changed_raises_the_alarm_and_waits_for_a_person() {
    let (_, seen) = is_refused(|peer| {
        let mut card = peer.card(false);
        card["version"] = json!("2");
        partner().sign_card(card)
    })
    .await;
    assert_eq!(seen, [("Quotes a price.".to_owned(), true)], "the skill is the same, and the card is another");
}
