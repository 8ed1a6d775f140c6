//! Signed messages between agents over the native door.

use maso_identity::{AgentKey, Envelope, SignedMessage};
use maso_log::v1::Body;
use maso_path::{Clock as _, SystemClock};
use maso_wire::envelope::Message;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::rig::Rig;

/// An agent that signs what it says.
struct Native<'a> {
    rig: &'a Rig,
    agent: &'static str,
    key: AgentKey,
    token: String,
    client: Client,
}

impl<'a> Native<'a> {
    fn new(rig: &'a Rig, agent: &'static str) -> Self {
        let key = AgentKey::from_seed(*maso_core::Digest::of(agent.as_bytes()).as_bytes());
        let now = SystemClock.now();
        let token = rig.authority.issue_agent_token(
            &rig.spiffe(agent),
            Some(&key.thumbprint()),
            Uuid::new_v4(),
            now,
            3_600_000,
        );
        Self { rig, agent, key, token, client: Client::new() }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.request_at(method, &format!("/v1/messages{path}"))
    }

    fn request_at(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("http://{}{path}", self.rig.address);
        let proof = self.key.prove(method.as_str(), &url, &self.token, Uuid::new_v4(), SystemClock.now());
        let request = self.client.request(method, &url).header("authorization", format!("DPoP {}", self.token));
        request.header("dpop", proof)
    }

    /// What it would say to the other agent, under the grant `check`.
    fn told(&self, kind: &str, content: Value) -> Value {
        let other = if self.agent == "writer" { "reader" } else { "writer" };
        let world = self.rig.path.world();
        let now = SystemClock.now();
        let task = world.tasks().all_open().into_iter().next().unwrap();
        let mut told = json!({
            "message_id": format!("msg_{}", Uuid::new_v4().simple()),
            "sender_id": self.rig.spiffe(self.agent).to_string(),
            "recipient_id": self.rig.spiffe(other).to_string(),
            "timestamp": now.to_string(),
            "valid_until": now.plus_ms(60_000).to_string(),
            "message_type": kind,
            "content": content,
            "assumptions": [],
            "unknowns": ["whether the note is the newest"],
            "constraints": [{ "name": "only-read", "force": "never", "text": "change the note" }],
            "classification": "public",
            "goal_hash": task.digest().to_string(),
            "nonce": Uuid::new_v4().simple().to_string(),
            "contract": { "name": "check", "version": world.deployment().workflows.values().next().unwrap().version },
            "inputs": [],
            "task_token": self.rig.authority.issue_task_token(
                &world.deployment().trust_domain, (task.id, task.digest()), &[], now, 3_600_000),
        });
        if matches!(kind, "data" | "claim") {
            told["provenance"] = json!({
                "source": "agent-generated", "source_id": "reader", "verified": false, "verification_method": "none",
            });
            told["confidence"] = json!(0.5);
        }
        told
    }

    fn sealed(&self, told: &Value) -> Envelope {
        SignedMessage::seal(&Message::parse(told.to_string().as_bytes()).unwrap(), &self.key)
    }

    async fn post(&self, path: &str, envelope: &Envelope) -> (u16, Value) {
        let request = self.request(Method::POST, path).header("content-type", "application/json");
        answered(request.body(envelope.write()).send().await.unwrap()).await
    }

    async fn ask(&self, note: &str) -> String {
        let (status, told) = self.post("", &self.sealed(&self.told("delegation", json!({ "note": note })))).await;
        assert_eq!(status, 201, "{told}");
        told["id"].as_str().unwrap().to_owned()
    }

    async fn acknowledge(&self, id: &str) -> u16 {
        self.request(Method::POST, &format!("/{id}/ack")).send().await.unwrap().status().as_u16()
    }

    async fn listen(&self) -> Events {
        let response = self.request(Method::GET, "").header("accept", "text/event-stream").send().await.unwrap();
        assert_eq!(response.status(), 200);
        Events { response, read: String::new() }
    }
}

async fn answered(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    (status, serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default())
}

struct Events {
    response: Response,
    read: String,
}

impl Events {
    /// The next event: its name, and what it says.
    async fn next(&mut self) -> (String, Value) {
        loop {
            if let Some((event, rest)) = self.read.split_once("\n\n") {
                let line = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                let event = line("event: ").zip(line("data: "));
                self.read = rest.to_owned();
                match event {
                    Some((name, data)) => return (name, serde_json::from_str(&data).unwrap()),
                    // A sign of life.
                    None => continue,
                }
            }
            let chunk = self.response.chunk().await.unwrap().expect("the stream goes on");
            self.read.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

/// The controls that spoke on the record against what was refused.
async fn controls_against(rig: &Rig) -> Vec<String> {
    let record = rig.record().await;
    let denied = record.iter().filter_map(|body| match body {
        Body::HopDecided(decided) if decided.decision == "deny" => Some(decided.findings[0].control.clone()),
        _ => None,
    });
    denied.collect()
}

#[tokio::test]
async fn a_message_arrives_with_all_that_it_says_and_its_answer_comes_back() {
    let rig = Rig::new().await;
    rig.task("let the reader check note a").await;
    let (writer, reader) = (Native::new(&rig, "writer"), Native::new(&rig, "reader"));
    let mut to_reader = reader.listen().await;
    let id = writer.ask("a").await;
    let (event, request) = to_reader.next().await;
    assert_eq!((event.as_str(), request["id"].as_str()), ("request", Some(id.as_str())));
    assert_eq!((&request["from"], &request["content"]), (&json!("writer"), &json!({ "note": "a" })));
    assert_eq!(request["message"]["message_type"], "delegation");
    assert_eq!(request["message"]["unknowns"], json!(["whether the note is the newest"]));
    assert_eq!(request["message"]["constraints"][0]["name"], "only-read");
    assert_eq!(reader.acknowledge(&id).await, 204);

    let answer = reader.told("data", json!({ "fine": true }));
    assert_eq!(reader.post(&format!("/{id}/reply"), &reader.sealed(&answer)).await, (201, json!({ "done": true })));
    let (event, told) = writer.listen().await.next().await;
    assert_eq!((event.as_str(), &told["result"]), ("answer", &json!({ "fine": true })));
    assert_eq!(told["message"]["confidence"], 0.5);
    assert_eq!(writer.acknowledge(&id).await, 204);
    let again = reader.told("data", json!({ "fine": false }));
    assert_eq!(reader.post(&format!("/{id}/reply"), &reader.sealed(&again)).await.0, 503);
    let said = rig.record().await.into_iter().filter(|body| matches!(body, Body::MessageSaid(_))).count();
    assert!(said >= 2, "what was said is on the record");
}

#[tokio::test]
async fn what_is_assumed_at_the_native_door_stays_with_its_agent() {
    let rig = Rig::new().await;
    let task = rig.task("let the reader check note a").await;
    let writer = Native::new(&rig, "writer");
    let assume = async |body: String| {
        let request = writer.request_at(Method::POST, "/v1/assumptions").header("maso-task", &task);
        answered(request.header("content-type", "application/json").body(body).send().await.unwrap()).await
    };
    let (status, noted) = assume(json!({ "text": "Nobody changed it." }).to_string()).await;
    assert_eq!((status, &noted["scope"]), (201, &json!("local")), "{noted}");
    let mut message = writer.told("delegation", json!({ "note": "a" }));
    message["assumptions"] = json!([{ "text": "nobody changed it", "scope": "global" }]);
    let (status, refused) = writer.post("", &writer.sealed(&message)).await;
    assert_eq!((status, &refused["refused"]), (403, &json!("DENIED")), "{refused}");
    assert_eq!(controls_against(&rig).await, ["PG-2.8"]);

    let listed = |native: &Native<'_>| native.request_at(Method::GET, "/v1/assumptions").send();
    let (status, own) = answered(listed(&writer).await.unwrap()).await;
    assert_eq!((status, &own["assumptions"][0]["id"]), (200, &noted["id"]), "{own}");
    let (_, others) = answered(listed(&Native::new(&rig, "reader")).await.unwrap()).await;
    assert_eq!(others, json!({ "assumptions": [] }));

    assert_eq!(assume("no JSON".to_owned()).await.0, 400);
    assert_eq!(assume(json!({ "text": "x".repeat(20_000) }).to_string()).await.0, 413);
    let untyped = writer.request_at(Method::POST, "/v1/assumptions").body("{}").send().await.unwrap();
    assert_eq!(untyped.status(), 415);
    let bare = writer.client.get(format!("http://{}/v1/assumptions", rig.address)).send().await.unwrap();
    assert_eq!(bare.status(), 401);
}

#[tokio::test]
async fn what_was_handed_out_comes_again_until_it_is_acknowledged_and_never_after() {
    let rig = Rig::new().await;
    rig.task("let the reader check notes").await;
    let (writer, reader) = (Native::new(&rig, "writer"), Native::new(&rig, "reader"));
    let first = writer.ask("a").await;
    for _ in 0..2 {
        let (_, request) = reader.listen().await.next().await;
        assert_eq!(request["id"], json!(first));
    }
    assert_eq!(reader.acknowledge(&first).await, 204);
    let second = writer.ask("b").await;
    let (_, request) = reader.listen().await.next().await;
    assert_eq!(request["id"], json!(second), "what was acknowledged is not handed out again");
    assert_eq!(reader.acknowledge("hop_00000000000000000000000000000000").await, 404);
    let stranger = Native::new(&rig, "nobody");
    assert_ne!(stranger.acknowledge(&second).await, 204);
}

#[tokio::test]
async fn whoever_asked_takes_it_back_and_whoever_works_on_it_hears_of_that() {
    let rig = Rig::new().await;
    rig.task("let the reader check notes").await;
    let (writer, reader) = (Native::new(&rig, "writer"), Native::new(&rig, "reader"));
    let mut to_reader = reader.listen().await;
    let id = writer.ask("a").await;
    assert_eq!(to_reader.next().await.0, "request");
    assert_eq!(reader.acknowledge(&id).await, 204);
    let take_back = async |agent: &Native<'_>| {
        agent.request(Method::DELETE, &format!("/{id}")).send().await.unwrap().status().as_u16()
    };
    assert_eq!(take_back(&reader).await, 404, "it did not ask");
    assert_eq!(take_back(&writer).await, 204);
    assert_eq!(to_reader.next().await, ("taken_back".to_owned(), json!({ "id": id, "taken_back": true })));
    assert_eq!(take_back(&writer).await, 409);
    let answer = reader.told("data", json!({ "fine": true }));
    let (status, told) = reader.post(&format!("/{id}/reply"), &reader.sealed(&answer)).await;
    assert_eq!((status, &told["refused"]), (403, &json!("TAKEN_BACK")), "{told}");
}

#[tokio::test]
async fn both_doors_lead_to_one_mailbox() {
    let rig = Rig::new().await;
    let token = rig.task("let the reader check notes").await;
    let (mut writer, mut reader) = (rig.pipe("writer", "maso"), rig.pipe("reader", "maso"));
    writer.initialize(json!({})).await;
    reader.initialize(json!({})).await;
    let id = Native::new(&rig, "writer").ask("a").await;
    let received = reader.call("receive_requests", json!({ "wait_ms": 1000 })).await;
    let request = &received["result"]["structuredContent"]["requests"][0];
    assert_eq!((&request["id"], &request["content"]), (&json!(id), &json!({ "note": "a" })));
    assert_eq!(request["message"]["message_type"], "delegation");
    reader.task = Some(token.clone());
    reader.call("complete_request", json!({ "id": id, "result": { "fine": true } })).await;
    let (_, told) = Native::new(&rig, "writer").listen().await.next().await;
    assert_eq!(told["result"], json!({ "fine": true }));

    writer.task = Some(token);
    let request = json!({ "to": "reader", "request": "check", "content": { "note": "b" } });
    let sent = writer.call("send_request", request).await;
    let (_, request) = Native::new(&rig, "reader").listen().await.next().await;
    assert_eq!(
        (&request["id"], &request["content"]),
        (&sent["result"]["structuredContent"]["id"], &json!({ "note": "b" }))
    );
}

#[tokio::test]
async fn nobody_says_anything_in_anothers_name_or_twice() {
    let rig = Rig::new().await;
    rig.task("let the reader check notes").await;
    let (writer, reader) = (Native::new(&rig, "writer"), Native::new(&rig, "reader"));
    let told = writer.told("delegation", json!({ "note": "a" }));
    let sound = writer.sealed(&told);
    let by_another = SignedMessage::seal(&Message::parse(told.to_string().as_bytes()).unwrap(), &reader.key);
    for (from, envelope) in [(&writer, &by_another), (&reader, &by_another), (&reader, &sound)] {
        assert_eq!(from.post("", envelope).await.0, 401);
    }
    assert_eq!(writer.post("", &sound).await.0, 201);
    let (status, replayed) = writer.post("", &sound).await;
    assert_eq!((status, &replayed["refused"]), (401, &json!("UNAUTHENTIC")));
    let unsigned = Envelope::new(SignedMessage::PAYLOAD_TYPE, told.to_string());
    assert_eq!(writer.post("", &unsigned).await.0, 401);
    assert_eq!(controls_against(&rig).await, ["IA-2.3"; 5]);
    let url = format!("http://{}/v1/messages", rig.address);
    let alone = writer.client.post(&url).header("content-type", "application/json").body(sound.write());
    assert_eq!(alone.send().await.unwrap().status(), 401);
    let bearer = writer.client.post(&url).bearer_auth(rig.bearer("writer")).header("content-type", "application/json");
    assert_eq!(bearer.body(sound.write()).send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn a_message_travels_under_its_grant_and_as_what_it_is() {
    let rig = Rig::new().await;
    rig.task("let the reader check notes").await;
    let (writer, reader) = (Native::new(&rig, "writer"), Native::new(&rig, "reader"));
    let refused = async |from: &Native<'_>, told: Value| {
        let (status, said) = from.post("", &from.sealed(&told)).await;
        assert!(status >= 400, "{said}");
        said["refused"].as_str().unwrap().to_owned()
    };
    // No grant leads from the reader to the writer, and nobody asked for this claim.
    assert_eq!(refused(&reader, reader.told("delegation", json!({ "note": "a" }))).await, "OUT_OF_MANDATE");
    assert_eq!(refused(&writer, writer.told("claim", json!({ "note": "a" }))).await, "OUT_OF_MANDATE");
    assert_eq!(refused(&writer, writer.told("delegation", json!({ "file": "a" }))).await, "DENIED");
    let mut older = writer.told("delegation", json!({ "note": "a" }));
    older["contract"]["version"] = json!(99);
    assert_eq!(refused(&writer, older).await, "DENIED");
    let mut elsewhere = writer.told("delegation", json!({ "note": "a" }));
    elsewhere["goal_hash"] = json!(maso_core::Digest::of(b"another goal").to_string());
    assert_ne!(refused(&writer, elsewhere).await, "");
    assert!(controls_against(&rig).await.contains(&"PG-1.4".to_owned()));
}

/// What the writer would tell the reader of something that it saw.
fn sighting(writer: &Native<'_>, content: Value) -> Value {
    let mut told = writer.told("data", content);
    told["contract"]["name"] = json!("sighting");
    told
}

#[tokio::test]
async fn what_is_told_unasked_arrives_at_either_door_until_it_is_acknowledged() {
    let rig = Rig::new().await;
    rig.task("let the reader check notes").await;
    let (writer, reader) = (Native::new(&rig, "writer"), Native::new(&rig, "reader"));
    let tell = async |note: &str| {
        let envelope = writer.sealed(&sighting(&writer, json!({ "note": note })));
        let (status, told) = writer.post("", &envelope).await;
        assert_eq!(status, 201, "{told}");
        told["id"].as_str().unwrap().to_owned()
    };
    let first = tell("a").await;
    for _ in 0..2 {
        let (event, told) = reader.listen().await.next().await;
        assert_eq!((event.as_str(), &told["id"], &told["from"]), ("told", &json!(first), &json!("writer")));
        assert_eq!((&told["contract"], &told["content"]), (&json!("sighting"), &json!({ "note": "a" })));
        assert_eq!(told["message"]["message_type"], "data");
    }
    assert_eq!(writer.acknowledge(&first).await, 404, "it is none of its own");
    assert_eq!(reader.acknowledge(&first).await, 204);
    let second = tell("b").await;
    let mut pipe = rig.pipe("reader", "maso");
    pipe.initialize(json!({})).await;
    let received = pipe.call("receive_messages", json!({ "wait_ms": 1000, "max": 5 })).await;
    let messages = &received["result"]["structuredContent"]["messages"];
    assert_eq!((messages.as_array().unwrap().len(), &messages[0]["id"]), (1, &json!(second)));
    let again = pipe.call("receive_messages", json!({})).await;
    assert_eq!(again["result"]["structuredContent"]["messages"], json!([]));
    let told = rig.record().await.into_iter().filter(|body| matches!(body, Body::HopDecided(it) if it.verb == "tell"));
    assert_eq!(told.count(), 2);
}

#[tokio::test]
async fn whoever_breaks_its_contract_loses_its_streams() {
    let rig = Rig::new().await;
    rig.task("let the reader check notes").await;
    let writer = Native::new(&rig, "writer");
    let mut illegible = Envelope::new(SignedMessage::PAYLOAD_TYPE, "{\"free\": \"text\"}");
    illegible.sign_as_agent(&writer.key);
    let foreign = writer.sealed(&sighting(&writer, json!({ "text": "free" })));
    for (envelope, refused) in [(illegible, "MALFORMED"), (foreign, "DENIED")] {
        let mut events = writer.listen().await;
        let (status, told) = writer.post("", &envelope).await;
        assert!(status >= 400 && told["refused"] == refused, "{told}");
        while let Some(chunk) = events.response.chunk().await.unwrap() {
            assert_eq!(chunk.as_ref(), b":\n\n", "nothing but signs of life");
        }
        // It may come back: whether it is isolated is for posture.
        writer.listen().await;
    }
    let breaches = rig.record().await.into_iter();
    let breaches = breaches.filter(|body| matches!(body, Body::HopDecided(decided) if decided.breaks_contract));
    assert_eq!(breaches.count(), 2);
}

#[tokio::test]
async fn an_agent_that_is_stopped_hears_nothing() {
    let rig = Rig::new().await;
    rig.task("let the reader check notes").await;
    let (writer, reader) = (Native::new(&rig, "writer"), Native::new(&rig, "reader"));
    writer.ask("a").await;
    rig.kill("agent:reader").await;
    let response = reader.request(Method::GET, "").header("accept", "text/event-stream").send().await.unwrap();
    assert_eq!(answered(response).await, (403, json!({ "refused": "SUSPENDED" })));
}
