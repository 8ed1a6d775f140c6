//! Each kind of decision, over the wire: what the client is told, what happens, and what the record says.

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::{
    client::{self, Client, held, refused, text},
    deployment::{Deployment, Operator, Up, Wanted},
};

pub struct Scene {
    pub deployment: Deployment,
    pub up: Up,
    pub operator: Operator,
    pub client: Client,
}

/// A deployment that is served, an operator who is signed in, and the writer's client.
pub async fn scene(wanted: &Wanted) -> Scene {
    staged(Deployment::new(wanted)).await
}

/// The same for a folder that is there already.
pub async fn staged(deployment: Deployment) -> Scene {
    let up = deployment.up().await;
    let operator = up.operator().await;
    let client = Client::open(up.address, &operator.token("writer", None).await).await;
    Scene { deployment, up, operator, client }
}

/// What the record says of the hops that are about this object, in their order.
async fn decided(deployment: &Deployment, object: &str) -> Vec<Value> {
    let hops = deployment.bodies("hop-decided").await;
    hops.into_iter().filter(|hop| hop["object"] == object && hop["hop_kind"] == "tool-call").collect()
}

/// What came of the hops about this object: their decisions, in their order.
async fn decisions(deployment: &Deployment, object: &str) -> Vec<String> {
    let hops = decided(deployment, object).await;
    hops.iter().map(|hop| hop["decision"].as_str().unwrap().to_owned()).collect()
}

/// The most restrictive finding of a control on a hop.
fn finding<'a>(hop: &'a Value, control: &str) -> Option<&'a Value> {
    let findings = hop["findings"].as_array().unwrap();
    findings.iter().filter(|finding| finding["control"] == control).max_by_key(|finding| finding["word"] == "NO-GO")
}

fn mail() -> Value {
    json!({ "to": "office@notes.example", "body": "the paper is out" })
}

#[tokio::test]
async fn a_read_in_scope_is_allowed() {
    let stage = scene(&Wanted::default()).await;
    stage.deployment.put_note("today", "buy paper");
    assert_eq!(text(&stage.client.call("read_note", json!({ "note": "today" })).await), "buy paper");
    // A pure read may be released a moment before it is durable, so the record is looked at when all of it is.
    stage.up.stop().await;
    assert_eq!(decisions(&stage.deployment, "notes:read_note").await, ["allow"]);
    stage.deployment.verify().await;
}

#[tokio::test]
async fn a_secret_in_an_answer_is_replaced_and_the_rest_arrives() {
    const SECRET: &str = "AKIAY34FZKBOKMUTVV7A";
    let stage = scene(&Wanted::default()).await;
    stage.deployment.put_note("keys", &format!("the key is {SECRET}, keep it"));
    let answer = stage.client.call("read_note", json!({ "note": "keys" })).await;
    let told = text(&answer);
    assert!(told.starts_with("the key is ") && told.ends_with(", keep it") && !told.contains(SECRET), "{told}");
    stage.up.stop().await;
    let hops = stage.deployment.bodies("hop-decided").await;
    let is_answer = |hop: &&Value| hop["object"] == "notes:read_note" && hop.get("answers").is_some();
    let result = hops.iter().find(is_answer).unwrap_or_else(|| panic!("{hops:#?}"));
    assert_eq!(result["decision"], "allow", "{result}");
    assert_eq!(finding(result, "IA-2.6").unwrap()["word"], "GO", "{result}");
    // Neither the record nor the file beside it holds it.
    let kept = std::fs::read(stage.deployment.path().join(".maso/log.db")).unwrap();
    assert!(!kept.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()));
    stage.deployment.verify().await;
}

#[tokio::test]
async fn a_write_is_held_and_released_once_when_it_is_approved() {
    let stage = scene(&Wanted::default()).await;
    let Scene { deployment, operator, client, .. } = &stage;
    let (answer, ()) = tokio::join!(client.call("send_mail", mail()), async {
        let ticket = operator.ticket("open").await;
        assert!(deployment.effects().is_empty(), "it happened before anyone approved it");
        operator.answer(&ticket, "approve").await;
    });
    assert_eq!(text(&answer), "send_mail is done");
    assert_eq!(deployment.effects(), [json!({ "tool": "send_mail", "arguments": mail() })]);
    assert_eq!(decisions(deployment, "notes:send_mail").await, ["hold", "allow"]);
    let [held, allowed] = decided(deployment, "notes:send_mail").await.try_into().unwrap();
    let answered = deployment.bodies("ticket-answered").await;
    assert_eq!((&answered[0]["ticket"], &answered[0]["answer"]), (&held["ticket"], &json!("approve")));
    assert_eq!((&allowed["action"], &allowed["approvals"][0]["by"]), (&held["action"], &json!("owner")));
    let spent = deployment.bodies("ticket-spent").await;
    assert_eq!((spent.len(), &spent[0]["ticket"], &spent[0]["hop"]), (1, &held["ticket"], &allowed["hop"]));
    deployment.verify().await;
}

#[tokio::test]
async fn all_of_a_task_is_shown_page_by_page() {
    let stage = scene(&Wanted::default()).await;
    let Scene { deployment, operator, client, .. } = &stage;
    deployment.put_note("today", "buy paper");
    let (task, token) = operator.open_task("buy what the note of today says").await;
    for _ in 0..2 {
        client.call_under(&token, "read_note", json!({ "note": "today" })).await;
    }
    client.call("read_note", json!({ "note": "today" })).await;
    operator.close_task(&task).await;
    stage.up.stop().await;

    let shown = async |args: &[&str]| {
        let output = stage.deployment.run(&[&["log", "show", "--id", &task, "--json"], args].concat()).await;
        assert!(output.status.success(), "{output:?}");
        let records: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        let kinds: Vec<String> =
            records.iter().map(|record| record["body"]["kind"].as_str().unwrap().to_owned()).collect();
        (records, kinds, String::from_utf8(output.stderr).unwrap())
    };
    let (records, kinds, more) = shown(&[]).await;
    let count = |kind: &str| kinds.iter().filter(|known| *known == kind).count();
    // Each call is a hop there and one back, and each was released.
    assert_eq!((count("task-opened"), count("hop-decided"), count("hop-released"), count("task-closed")), (1, 4, 4, 1));
    assert!(more.is_empty(), "{more}");
    let hops = records.iter().filter(|record| record["body"]["kind"] == "hop-decided");
    assert!(hops.clone().all(|hop| hop["body"]["task"] == task.as_str()), "{records:#?}");

    // Page by page it is the same.
    let (mut from, mut all) = ("1".to_owned(), Vec::new());
    loop {
        let (page, _, more) = shown(&["--limit", "2", "--from", &from]).await;
        all.extend(page);
        let Some(next) = more.split("`--from ").nth(1).and_then(|rest| rest.split('`').next()) else { break };
        next.clone_into(&mut from);
    }
    all.sort_by_key(|record| record["sequence"].as_u64());
    assert_eq!(all, records);

    let output = stage.deployment.run(&["log", "show", "--id", "agent:writer", "--json"]).await;
    let of_agent: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert!(of_agent.len() > records.len(), "{of_agent:#?}");
}

#[tokio::test]
async fn an_identical_call_meets_the_same_ticket_and_another_does_not() {
    let stage = scene(&Wanted { hold_open: "1ms", ..Wanted::default() }).await;
    let Scene { deployment, operator, client, .. } = &stage;
    let first = client.call("send_mail", mail()).await;
    let ticket = held(&first).unwrap_or_else(|| panic!("{first}")).to_owned();
    let second = client.call("send_mail", mail()).await;
    assert_eq!(held(&second), Some(ticket.as_str()));
    let other = client.call("send_mail", json!({ "to": "office@notes.example", "body": "other" })).await;
    assert_ne!(held(&other), Some(ticket.as_str()));
    operator.answer(&json!({ "ticket": ticket }), "approve").await;
    assert_eq!(text(&client.call("send_mail", mail()).await), "send_mail is done");
    assert_eq!(deployment.effects().len(), 1);
    // The approval is used up: the same call again needs a new one.
    let again = client.call("send_mail", mail()).await;
    assert!(held(&again).is_some_and(|again| again != ticket), "{again}");
    assert_eq!(deployment.effects().len(), 1);
}

#[tokio::test]
async fn a_stateless_client_is_told_to_come_back() {
    let stage = scene(&Wanted { hold_open: "1ms", ..Wanted::default() }).await;
    let Scene { up, operator, deployment, .. } = &stage;
    let client = Client::new(up.address, Some(&operator.token("writer", None).await));
    let first = client.call_stateless("send_mail", mail()).await;
    assert_eq!(first["result"]["resultType"], "input_required", "{first}");
    let ticket = json!({ "ticket": held(&first).unwrap() });
    operator.answer(&ticket, "approve").await;
    assert_eq!(text(&client.call_stateless("send_mail", mail()).await), "send_mail is done");
    assert_eq!(deployment.effects().len(), 1);
}

#[tokio::test]
async fn a_rejected_action_does_not_happen() {
    let stage = scene(&Wanted::default()).await;
    let Scene { deployment, operator, client, .. } = &stage;
    let (answer, ()) = tokio::join!(client.call("send_mail", mail()), async {
        operator.answer(&operator.ticket("open").await, "reject").await;
    });
    assert_eq!(refused(&answer), Some("NOT_APPROVED"), "{answer}");
    assert!(deployment.effects().is_empty());
    let [held, denied] = decided(deployment, "notes:send_mail").await.try_into().unwrap();
    assert_eq!((&held["decision"], &denied["decision"]), (&json!("hold"), &json!("deny")));
    assert_eq!((&denied["refusal"], &denied["action"]), (&json!("NOT_APPROVED"), &held["action"]));
    assert_eq!(finding(&denied, "EC-1.1").unwrap()["word"], "NO-GO", "{denied}");
    assert_eq!(deployment.bodies("ticket-answered").await[0]["answer"], "reject");
    assert!(deployment.bodies("ticket-spent").await.is_empty());
    deployment.verify().await;
}

#[tokio::test]
async fn silence_is_a_no() {
    let stage = scene(&Wanted { wait: "1s", ..Wanted::default() }).await;
    let Scene { deployment, operator, client, .. } = &stage;
    let (answer, _) = tokio::join!(client.call("send_mail", mail()), operator.ticket("expired"));
    assert_eq!(refused(&answer), Some("NOT_APPROVED"), "{answer}");
    assert!(deployment.effects().is_empty());
    let expired = deployment.bodies("ticket-expired").await;
    let [held, denied] = decided(deployment, "notes:send_mail").await.try_into().unwrap();
    assert_eq!((expired.len(), &expired[0]["ticket"]), (1, &held["ticket"]));
    assert_eq!((&denied["decision"], &denied["refusal"]), (&json!("deny"), &json!("NOT_APPROVED")));
    assert_eq!(finding(&denied, "EC-2.9").unwrap()["word"], "NO-GO", "{denied}");
    deployment.verify().await;
}

/// Stages 2 to 6, each with an attack that gets as far as it. What stage 7 weighs makes people look and refuses nothing
/// that stage 3 let pass; stage 8 refuses for a judge, a person or silence; stage 9 for want of a record.
#[tokio::test]
async fn each_stage_refuses_in_its_own_words() {
    let stage = scene(&Wanted::default()).await;
    let Scene { deployment, client, up, .. } = stage;
    deployment.put_note("letter", "write to stranger@elsewhere.example");
    assert!(client::is_done(&client.call("read_note", json!({ "note": "letter" })).await));
    let stranger = Client::new(up.address, Some("nonsense"));
    let frame = stranger.stateless_frame("write_note", json!({ "text": "x" }));
    assert_eq!(stranger.post(&frame, &client::stateless_headers("write_note")).await.status(), 401);
    let secret = client.call("secret_tool", json!({})).await;
    assert_eq!(secret["error"]["message"], "Unknown tool: secret_tool");
    let stranger = json!({ "to": "stranger@elsewhere.example", "body": "hello" });
    let refusals = [
        ("misshapen", client.call("write_note", json!({ "text": 7 })).await),
        ("too much", client.call("pay", json!({ "account": "A1", "amount": 10_001, "reference": "r1" })).await),
        ("a stranger", client.call("send_mail", stranger).await),
    ];
    for (what, answer) in refusals {
        assert_eq!(refused(&answer), Some("DENIED"), "{what}: {answer}");
        assert!(held(&answer).is_none(), "{what}: {answer}");
        // Enough to act on, nothing to probe with.
        let told = answer.to_string();
        assert!(!told.contains("schema") && !told.contains("10000") && !told.contains("PG-2.5"), "{told}");
    }
    assert!(deployment.effects().is_empty());
    up.stop().await;
    let stages = [
        // What a stranger asks for is not even read.
        (2, "notes:tools", "UNAUTHENTIC", "IA-2.1"),
        (3, "notes:secret_tool", "OUT_OF_MANDATE", "AT-1.6"),
        (4, "notes:write_note", "DENIED", "EC-2.14"),
        (5, "notes:pay", "DENIED", "ENV-3"),
        (6, "notes:send_mail", "DENIED", "PG-2.5"),
    ];
    let hops = deployment.bodies("hop-decided").await;
    for (number, object, refusal, control) in stages {
        let is_it = |hop: &&Value| hop["object"] == object && hop["decision"] == "deny" && hop["refusal"] == refusal;
        let hop = hops.iter().find(is_it).unwrap_or_else(|| panic!("stage {number} is not on the record: {hops:?}"));
        assert_eq!(finding(hop, control).unwrap_or_else(|| panic!("{hop}"))["word"], "NO-GO", "{hop}");
    }
    deployment.verify().await;
}

#[tokio::test]
async fn what_cannot_be_recorded_does_not_happen() {
    let wanted = Wanted { edits: vec![("maso.toml", "tier = 1", "tier = 2")], ..Wanted::default() };
    let stage = scene(&wanted).await;
    let Scene { deployment, client, .. } = &stage;
    assert_eq!(text(&client.call("write_note", json!({ "text": "before" })).await), "write_note is done");
    // Somebody writes a record of their own. The recorder meets another past than it wrote, and stops.
    let log = rusqlite::Connection::open(deployment.path().join(".maso/log.db")).unwrap();
    log.execute(
        "INSERT INTO records (sequence, at_ms, body, previous, hash)
         SELECT sequence + 1, at_ms, '{\"kind\":\"killed\"}', hash, zeroblob(32) FROM records ORDER BY sequence DESC LIMIT 1",
        [],
    )
    .unwrap();
    for _ in 0..2 {
        let answer = client.call("write_note", json!({ "text": "after" })).await;
        assert_eq!(refused(&answer), Some("UNAVAILABLE"), "{answer}");
    }
    assert_eq!(deployment.effects(), [json!({ "tool": "write_note", "arguments": { "text": "before" } })]);
    assert_eq!(decisions(deployment, "notes:write_note").await, ["allow"]);
}

#[tokio::test]
async fn what_breaks_a_bound_is_denied_and_nobody_is_asked() {
    let stage = scene(&Wanted::default()).await;
    let Scene { deployment, client, .. } = &stage;
    let order = json!({ "account": "A1", "amount": 10_001, "reference": "r1" });
    let answer = client.call("pay", order).await;
    assert!(refused(&answer).is_some(), "{answer}");
    assert!(held(&answer).is_none());
    assert!(deployment.effects().is_empty());
    let hops = deployment.bodies("hop-decided").await;
    assert!(hops.iter().any(|hop| hop["object"] == "notes:pay" && hop["decision"] == "deny"), "{hops:?}");
}

#[tokio::test]
async fn a_tool_outside_the_mandate_does_not_exist() {
    let stage = scene(&Wanted::default()).await;
    let Scene { deployment, client, .. } = &stage;
    assert_eq!(client.tools().await, ["read_note", "write_note", "send_mail", "pay"]);
    let forbidden = client.call("secret_tool", json!({})).await;
    let absent = client.call("absent_tool", json!({})).await;
    // The words for both are the same, but for the name.
    let of = |answer: &Value, name: &str| answer["error"].to_string().replace(name, "NAME");
    assert_eq!(of(&forbidden, "secret_tool"), of(&absent, "absent_tool"));
    let hops = deployment.bodies("hop-decided").await;
    assert!(hops.iter().any(|hop| hop["object"] == "notes:secret_tool" && hop["decision"] == "deny"), "{hops:?}");
    assert!(deployment.effects().is_empty());
}

#[tokio::test]
async fn whoever_cannot_be_established_gets_nothing() {
    let stage = scene(&Wanted::default()).await;
    let Scene { up, operator, client, .. } = &stage;
    let good = operator.token("writer", None).await;
    let forged = format!("{}{}", &good[..good.len() - 4], if good.ends_with("AAAA") { "BBBB" } else { "AAAA" });
    for token in [None, Some("nonsense"), Some(forged.as_str())] {
        let stranger = Client::new(up.address, token);
        let params = json!({ "protocolVersion": client::REVISION, "capabilities": {}, "clientInfo": {} });
        let response = stranger.post(&stranger.frame("initialize", &params), &HeaderMap::new()).await;
        assert_eq!(response.status(), 401, "{token:?}");
    }
    // Another session's id does not make anybody its owner.
    let mut thief = Client::new(up.address, Some(&operator.token("reader", None).await));
    thief.session.clone_from(&client.session);
    let params = json!({ "name": "read_note", "arguments": { "note": "x" } });
    let response = thief.post(&thief.frame("tools/call", &params), &HeaderMap::new()).await;
    assert_eq!(response.status(), 404);
    assert_eq!(text(&client.call("read_note", json!({ "note": "x" })).await), "an empty note");
}

#[tokio::test]
async fn a_revoked_token_is_worth_nothing() {
    let stage = scene(&Wanted::default()).await;
    let Scene { operator, client, .. } = &stage;
    assert_eq!(text(&client.call("read_note", json!({ "note": "x" })).await), "an empty note");
    let order = json!({ "what": "agent", "subject": "writer", "reason": "left" });
    operator.post("/api/v1/revocations", &order).await;
    let params = json!({ "name": "read_note", "arguments": { "note": "x" } });
    let response = client.post(&client.frame("tools/call", &params), &HeaderMap::new()).await;
    assert_eq!(response.status(), 401);
}

#[tokio::test]
async fn an_agent_that_is_blocked_again_and_again_is_suspended() {
    for (blocks_max, suspended) in [(3, true), (1_000_000, false)] {
        let stage = scene(&Wanted { blocks_max, ..Wanted::default() }).await;
        for _ in 0..3 {
            let answer = stage.client.call("read_note", json!({ "note": 7 })).await;
            assert_eq!(refused(&answer), Some("DENIED"), "{answer}");
        }
        let answer = stage.client.call("read_note", json!({ "note": "x" })).await;
        assert_eq!(refused(&answer), suspended.then_some("SUSPENDED"), "{answer}");
        assert_eq!(stage.deployment.bodies("phase-changed").await.is_empty(), !suspended);
        // A restart frees nobody.
        stage.up.stop().await;
        let up = stage.deployment.up().await;
        let client = Client::new(up.address, stage.client.token.as_deref());
        let answer = client.call_stateless("read_note", json!({ "note": "x" })).await;
        assert_eq!(answer["result"]["resultType"], "complete", "{answer}");
        assert_eq!(refused(&answer), suspended.then_some("SUSPENDED"), "{answer}");
        stage.deployment.verify().await;
    }
}

#[tokio::test]
async fn the_kill_switch_of_another_process_stops_the_one_that_serves() {
    let stage = scene(&Wanted::default()).await;
    let Scene { deployment, client, operator, .. } = &stage;
    assert_eq!(text(&client.call("read_note", json!({ "note": "x" })).await), "an empty note");
    let killed = deployment.run(&["kill", "--reason", "drill"]).await;
    assert!(killed.status.success(), "{killed:?}");
    operator.event(|event| event.to_string().contains("\"emergency\"")).await;
    let answer = client.call("read_note", json!({ "note": "x" })).await;
    assert_eq!(refused(&answer), Some("SUSPENDED"), "{answer}");
    assert_eq!(deployment.bodies("killed").await.len(), 1);
    deployment.verify().await;
}
