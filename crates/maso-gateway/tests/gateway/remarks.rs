//! What agents that speak MCP say beside a request or an answer is held against what it rests on, as signed messages are
//! (PG-2.5 to PG-2.8, EC-2.15).

use maso_log::v1::Body;
use serde_json::{Value, json};

use crate::rig::{Pipe, Rig, text};

/// The writer, the reader, and a request of the one to the other on which the reader is at work.
struct Pair {
    rig: Rig,
    writer: Pipe,
    reader: Pipe,
}

impl Pair {
    async fn new(rig: Rig) -> Self {
        let (mut writer, mut reader) = (rig.pipe("writer", "maso"), rig.pipe("reader", "maso"));
        writer.initialize(json!({})).await;
        reader.initialize(json!({})).await;
        writer.task = Some(rig.task("let the reader check notes").await);
        Self { rig, writer, reader }
    }

    /// The writer asks, with this beside it; what it is told.
    async fn ask(&mut self, note: &str, beside: Option<Value>) -> Value {
        let mut request = json!({ "to": "reader", "request": "check", "content": { "note": note } });
        if let Some(beside) = beside {
            request["message"] = beside;
        }
        told(&self.writer.call("send_request", request).await)
    }

    /// The reader takes what was asked of it, and works on it.
    async fn take(&mut self) -> Value {
        let received = self.reader.call("receive_requests", json!({ "wait_ms": 1000 })).await;
        let request = told(&received)["requests"][0].clone();
        self.reader.task = request["task_token"].as_str().map(str::to_owned);
        request
    }

    /// The reader answers, with this beside it; what it is told.
    async fn answer(&mut self, request: &Value, beside: Value) -> Value {
        let answer = json!({ "id": request["id"], "result": { "fine": true }, "message": beside });
        told(&self.reader.call("complete_request", answer).await)
    }

    /// A request that the reader has, and the id of something that a server told it meanwhile.
    async fn at_work(&mut self) -> (Value, Value) {
        self.ask("a", None).await;
        let request = self.take().await;
        let mut notes = self.rig.pipe("reader", "notes");
        notes.initialize(json!({})).await;
        notes.task.clone_from(&self.reader.task);
        let note = notes.call("read_note", json!({ "note": "a" })).await;
        assert_eq!(text(&note), "note a");
        let given = told(&self.reader.call("inputs", json!({})).await);
        assert_eq!(given["sources"][0]["of"], "notes:read_note", "{given}");
        (request, given["sources"][0]["id"].clone())
    }

    /// The controls that refused the last hop that was refused.
    async fn controls(&self) -> Vec<String> {
        let record = self.rig.record().await;
        let denied = record.into_iter().rev().find_map(|body| match body {
            Body::HopDecided(decided) if decided.decision == "deny" => Some(decided),
            _ => None,
        });
        let denied = denied.expect("something was refused");
        assert!(!denied.breaks_contract, "a model wrote it");
        let no = denied.findings.into_iter().filter(|finding| finding.word == "NO-GO");
        no.map(|finding| finding.control).collect()
    }
}

fn told(answer: &Value) -> Value {
    answer["result"]["structuredContent"].clone()
}

/// A claim of what a tool told the reader, as sure as this.
fn claim(confidence: f64, inputs: &[&Value]) -> Value {
    json!({
        "message_type": "claim",
        "provenance":
            { "source": "tool", "source_id": "notes:read_note", "verified": true, "verification_method": "tool-output" },
        "confidence": confidence,
        "inputs": inputs,
    })
}

#[tokio::test]
async fn what_is_said_beside_arrives_and_is_on_the_record() {
    let mut pair = Pair::new(Rig::new().await).await;
    let beside = json!({
        "unknowns": ["whether the note is the newest"],
        "assumptions": [{ "text": "the note is complete", "scope": "task" }],
    });
    let sent = pair.ask("a", Some(beside)).await;
    let request = pair.take().await;
    let message = &request["message"];
    assert_eq!((&message["message_type"], &message["message_id"]), (&json!("delegation"), &sent["message_id"]));
    assert_eq!(message["unknowns"], json!(["whether the note is the newest"]));
    assert_eq!(message["assumptions"], json!([{ "text": "the note is complete", "scope": "task" }]));

    let given = told(&pair.reader.call("inputs", json!({})).await);
    assert_eq!(given["messages"], json!([{ "id": sent["message_id"], "from": "writer" }]));
    let data = json!({
        "message_type": "data",
        "provenance":
            { "source": "agent-generated", "source_id": "reader", "verified": false, "verification_method": "none" },
        "confidence": 0.5,
        "inputs": [sent["message_id"]],
        "unknowns": ["whether the note is the newest"],
        "assumptions": [{ "text": "the note is complete", "scope": "task" }],
    });
    let answered = pair.answer(&request, data).await;
    assert_eq!(answered["done"], true, "{answered}");
    let result = told(&pair.writer.call("request_result", json!({ "id": sent["id"], "wait_ms": 1000 })).await);
    assert_eq!((&result["message"]["confidence"], &result["message"]["message_type"]), (&json!(0.5), &json!("data")));
    assert_eq!(result["message"]["message_id"], answered["message_id"]);
    let said = pair.rig.record().await.into_iter().filter_map(|body| match body {
        Body::MessageSaid(said) => Some((said.stance, said.confidence)),
        _ => None,
    });
    assert_eq!(said.collect::<Vec<_>>(), [("work".to_owned(), None), ("data".to_owned(), Some(500_000))]);
}

/// What was approved with the one remark is delivered with that one, and with no other and none.
#[tokio::test]
async fn an_approval_counts_for_what_was_said_beside_as_well() {
    let mut pair = Pair::new(Rig::holding_requests().await).await;
    let beside = |unknown: &str| Some(json!({ "unknowns": [unknown] }));
    let ticket = |held: &Value| held["maso"]["ticket"].as_str().unwrap_or_else(|| panic!("{held}")).to_owned();
    let approved = ticket(&pair.ask("a", beside("whether it is the newest")).await);
    assert_eq!(ticket(&pair.ask("a", beside("whether it is the newest")).await), approved);
    pair.rig.answer_ticket(&approved, "approve").await;
    for other in [beside("nothing of importance"), None] {
        assert_ne!(ticket(&pair.ask("a", other).await), approved);
    }
    let sent = pair.ask("a", beside("whether it is the newest")).await;
    let request = pair.take().await;
    assert_eq!(request["id"], sent["id"], "{sent}");
    assert_eq!(request["message"]["unknowns"], json!(["whether it is the newest"]));
    assert_eq!(request["message"]["message_id"], sent["message_id"]);
    let record = pair.rig.record().await;
    let said = record.iter().filter_map(|body| match body {
        Body::MessageSaid(said) => Some(json!(said.message)),
        _ => None,
    });
    assert_eq!(said.collect::<Vec<_>>(), [sent["message_id"].clone()], "what is delivered is what is recorded");
    // In whatever words it is said, it is the same deed, and counted as such.
    let held = record.iter().filter_map(|body| match body {
        Body::HopDecided(decided) if decided.decision == "hold" => decided.deed.clone().or(decided.action.clone()),
        _ => None,
    });
    let deeds: std::collections::BTreeSet<_> = held.collect();
    assert_eq!(deeds.len(), 1, "{deeds:?}");
}

#[tokio::test]
async fn what_says_nothing_beside_says_nothing() {
    let mut pair = Pair::new(Rig::new().await).await;
    let sent = pair.ask("a", None).await;
    assert!(sent["message_id"].is_null());
    assert!(pair.take().await["message"].is_null());
    let said = pair.rig.record().await.into_iter().any(|body| matches!(body, Body::MessageSaid(_)));
    assert!(!said);
}

/// Each attack is refused by its control, and has its way where that is switched off.
#[tokio::test]
async fn each_rule_holds_over_mcp_where_it_counts_and_nowhere_else() {
    // What the reader says first, and then, resting on that alone.
    type Attack = fn(&Value) -> (Value, fn(&Value) -> Value);
    let attacks: [(&str, Attack); 4] = [
        ("PG-2.7", |source| (claim(0.7, &[source]), |first| claim(0.9, &[first]))),
        ("PG-2.7", |source| {
            let mut unsure = claim(0.7, &[source]);
            unsure["unknowns"] = json!(["whether it was changed"]);
            (unsure, |first| claim(0.7, &[first]))
        }),
        ("PG-2.8", |source| {
            (claim(0.7, &[source]), |first| {
                let mut local = claim(0.7, &[first]);
                local["assumptions"] = json!([{ "text": "nobody changed it", "scope": "local" }]);
                local
            })
        }),
        ("PG-2.5", |source| {
            let mut made_up = claim(0.7, &[source]);
            made_up["provenance"] = json!({
                "source": "agent-generated", "source_id": "reader", "verified": false, "verification_method": "none",
            });
            (made_up, |first| claim(0.7, &[first]))
        }),
    ];
    for (control, attack) in attacks {
        for off in [false, true] {
            let rig = if off { Rig::without(control).await } else { Rig::new().await };
            let mut pair = Pair::new(rig).await;
            let (request, source) = pair.at_work().await;
            let (first, then) = attack(&source);
            let first = pair.answer(&request, first).await;
            assert_eq!(first["done"], true, "{control} {first}");
            pair.ask("b", None).await;
            let request = pair.take().await;
            let second = pair.answer(&request, then(&first["message_id"])).await;
            if off {
                assert_eq!(second["done"], true, "{control} {second}");
            } else {
                assert_eq!(second["maso"]["refused"], "DENIED", "{control} {second}");
                assert_eq!(pair.controls().await, [control]);
            }
        }
    }
}

/// What the writer assumes for itself it carries on as true for everybody: refused, and let pass where that is switched off.
#[tokio::test]
async fn a_local_assumption_travels_over_mcp_when_a_person_lets_it_or_where_the_rule_is_switched_off() {
    for off in [false, true] {
        let rig = if off { Rig::without("PG-2.8").await } else { Rig::new().await };
        let mut pair = Pair::new(rig).await;
        let assumed = told(&pair.writer.call("assume", json!({ "text": "Nobody changed it." })).await);
        assert_eq!(assumed["scope"], "local", "{assumed}");
        let carried = json!({ "assumptions": [{ "text": "nobody  CHANGED it", "scope": "global" }] });
        let asked = pair.ask("a", Some(carried.clone())).await;
        if off {
            assert!(asked["id"].is_string(), "{asked}");
            continue;
        }
        assert_eq!(asked["maso"]["refused"], "DENIED", "{asked}");
        assert_eq!(pair.controls().await, ["PG-2.8"]);
        // Nor does anybody else carry it on, nor its agent as no assumption at all.
        let (request, source) = pair.at_work().await;
        let mut claimed = claim(0.5, &[&source]);
        claimed["assumptions"] = carried["assumptions"].clone();
        let answered = pair.answer(&request, claimed).await;
        assert_eq!(answered["maso"]["refused"], "DENIED", "{answered}");
        let plain = pair.ask("Nobody changed it!", None).await;
        assert_eq!(plain["maso"]["refused"], "DENIED", "{plain}");
        assert_eq!(pair.controls().await, ["PG-2.8"]);

        let own = told(&pair.writer.call("assumptions", json!({})).await)["assumptions"].clone();
        assert_eq!((&own[0]["id"], &own[0]["scope"]), (&assumed["id"], &json!("local")), "{own}");
        assert_eq!((&own[0]["text"], &own[0]["answered"]), (&json!("Nobody changed it."), &json!(false)));
        let others = told(&pair.reader.call("assumptions", json!({})).await);
        assert_eq!(others, json!({ "assumptions": [] }), "what one agent assumes is shown to no other");
    }
}

#[tokio::test]
async fn what_a_person_let_travel_is_told_to_whoever_assumed_it_and_travels() {
    let mut pair = Pair::new(Rig::new().await).await;
    let assumed = told(&pair.writer.call("assume", json!({ "text": "Nobody changed it." })).await);
    let known = pair.rig.path.assumptions(|_, _| true);
    let (task, assumption) = (known[0].task, known[0].assumed.hop);
    assert_eq!(assumed["id"], json!(assumption.to_string()));
    let owner = "owner".parse().unwrap();
    pair.rig.path.promote(task, assumption, maso_wire::envelope::Reach::Task, &owner).await.unwrap();
    let own = told(&pair.writer.call("assumptions", json!({})).await)["assumptions"].clone();
    assert_eq!((&own[0]["scope"], &own[0]["answered"]), (&json!("task"), &json!(true)));
    let beside = json!({ "assumptions": [{ "text": "Nobody changed it.", "scope": "task" }] });
    let asked = pair.ask("a", Some(beside)).await;
    assert!(asked["id"].is_string(), "{asked}");
    assert_eq!(pair.take().await["message"]["assumptions"][0]["scope"], "task");
    // What is assumed is read by a person: it has a form, and is scanned.
    let wrong = told(&pair.writer.call("assume", json!({ "text": "it holds", "scope": "global" })).await);
    assert_eq!(wrong["maso"]["refused"], "DENIED", "{wrong}");
    pair.rig.kill("agent:writer").await;
    for (tool, arguments) in [("assume", json!({ "text": "it holds" })), ("assumptions", json!({}))] {
        let stopped = told(&pair.writer.call(tool, arguments).await);
        assert_eq!(stopped["maso"]["refused"], "SUSPENDED", "{tool} {stopped}");
    }
}

/// A claim that rests on nothing is refused, and on what another agent was given as well.
#[tokio::test]
async fn a_claim_over_mcp_rests_on_what_its_sender_was_given() {
    let mut pair = Pair::new(Rig::new().await).await;
    let (request, source) = pair.at_work().await;
    for inputs in [vec![], vec![json!("hop_00000000000000000000000000000001")]] {
        let refused = pair.answer(&request, claim(1.0, &inputs.iter().collect::<Vec<_>>())).await;
        assert_eq!(refused["maso"]["refused"], "DENIED", "{refused}");
        assert!(pair.controls().await.contains(&"PG-2.6".to_owned()));
    }
    let mut asked = json!({ "to": "reader", "request": "check", "content": { "note": "b" } });
    asked["message"] = json!({ "inputs": [source] });
    let refused = told(&pair.writer.call("send_request", asked).await);
    assert_eq!(refused["maso"]["refused"], "DENIED", "the writer never saw it: {refused}");
    let answered = pair.answer(&request, claim(1.0, &[&source])).await;
    assert_eq!(answered["done"], true, "{answered}");
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_on_the_record_and_tells_nobody_that_a_program_is_broken() {
    let mut pair = Pair::new(Rig::new().await).await;
    let (request, source) = pair.at_work().await;
    let mut unknown_member = claim(1.0, &[&source]);
    unknown_member["verified_by"] = json!("me");
    let mut too_sure = claim(1.0, &[&source]);
    too_sure["confidence"] = json!(1.1);
    for beside in [json!("words"), json!({}), json!({ "message_type": "delegation" }), unknown_member, too_sure] {
        let refused = pair.answer(&request, beside.clone()).await;
        assert_eq!(refused["maso"]["refused"], "MALFORMED", "{beside}: {refused}");
        assert_eq!(pair.controls().await, ["EC-2.15"]);
    }
    for beside in [json!(null), json!({ "message_type": "claim" }), json!({ "confidence": 1 })] {
        let refused = pair.ask("b", Some(beside.clone())).await;
        assert_eq!(refused["maso"]["refused"], "MALFORMED", "{beside}: {refused}");
    }
}

/// Whatever is listed can be said, and nothing else: the form that clients see is the form that is read.
#[tokio::test]
async fn the_form_that_is_listed_is_the_form_that_is_read() {
    let mut pair = Pair::new(Rig::new().await).await;
    let listed = pair.reader.request("tools/list", json!({})).await;
    let form = |name: &str| {
        let tools = listed["result"]["tools"].as_array().unwrap();
        let tool = tools.iter().find(|tool| tool["name"] == name).unwrap();
        tool["inputSchema"]["properties"]["message"].clone()
    };
    assert_eq!(form("send_request")["properties"]["message_type"]["enum"], json!(["delegation", "instruction"]));
    let answer = form("complete_request");
    assert_eq!(answer["required"], json!(["message_type", "provenance"]));
    let named: Vec<&str> = answer["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    let read = [
        "assumptions",
        "classification",
        "confidence",
        "constraints",
        "extraction",
        "inputs",
        "message_type",
        "provenance",
        "unknowns",
    ];
    let mut named = named;
    named.sort_unstable();
    assert_eq!(named, read);
}
