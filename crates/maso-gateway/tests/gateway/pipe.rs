//! Clients over a pipe.

use maso_log::v1::Body;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use crate::{
    fixture::{ODD_RESULT, READ_NOTE, SEND_NOTE},
    rig::{Rig, text},
};

#[tokio::test]
async fn what_is_released_comes_byte_for_byte() {
    let rig = Rig::new().await;
    let mut client = rig.pipe("writer", "notes");
    let met = client.initialize(json!({})).await;
    assert_eq!(met["result"]["protocolVersion"], "2025-11-25");
    assert_eq!(met["result"]["serverInfo"]["name"], "fixture");
    assert_eq!(met["result"]["instructions"], "Read before you send.");
    assert!(met["result"]["capabilities"].get("tasks").is_none(), "what is not passed on is not offered");

    let listed = client.request_line("tools/list", "{}").await;
    assert_eq!(listed, format!(r#"{{"jsonrpc":"2.0","id":2,"result":{{"tools":[{READ_NOTE},{SEND_NOTE}]}}}}"#));

    let called = client.request_line("tools/call", r#"{"name":"read_note","arguments":{"note" : "odd"}}"#).await;
    assert_eq!(called, format!(r#"{{"jsonrpc":"2.0","id":3,"result":{ODD_RESULT}}}"#));

    let failed = client.request_line("tools/call", r#"{"name":"read_note","arguments":{"note":"error"}}"#).await;
    assert_eq!(failed, r#"{"jsonrpc":"2.0","id":4,"error":{"code":-32602,"message":"no such note","data":{"a": 1}}}"#);
    client.close().await;
}

#[tokio::test]
async fn a_tool_outside_the_mandate_does_not_exist() {
    let rig = Rig::new().await;
    let mut client = rig.pipe("writer", "notes");
    client.initialize(json!({})).await;
    let error = |answer: &Value| (answer["error"]["code"].clone(), answer["error"]["message"].clone());
    let ungranted = client.call("burn_note", json!({})).await;
    assert_eq!(error(&ungranted), (json!(-32602), json!("Unknown tool: burn_note")));
    let unknown = client.call("no_such_tool", json!({})).await;
    assert_eq!(error(&unknown), (json!(-32602), json!("Unknown tool: no_such_tool")));
    assert!(rig.calls().is_empty());
}

#[tokio::test]
async fn nothing_but_the_arguments_reaches_the_server() {
    let rig = Rig::new().await;
    let mut client = rig.pipe("writer", "notes");
    client.initialize(json!({})).await;
    let params = json!({
        "name": "read_note", "arguments": { "note": "plain" },
        "_meta": { "example.org/leak": "secret" }, "task": { "ttl": 1 }, "extra": "secret",
    });
    assert_eq!(text(&client.request("tools/call", params).await), "note plain");
    assert_eq!(rig.calls(), [json!({ "name": "read_note", "arguments": { "note": "plain" } })]);
}

#[tokio::test]
async fn a_task_token_goes_no_further_than_maso() {
    let rig = Rig::new().await;
    let mut client = rig.pipe("writer", "notes");
    client.initialize(json!({})).await;
    client.task = Some(rig.task("read the plain note").await);
    assert_eq!(text(&client.call("read_note", json!({ "note": "plain" })).await), "note plain");
    assert_eq!(rig.calls(), [json!({ "name": "read_note", "arguments": { "note": "plain" } })]);
    client.task = Some("not a token".to_owned());
    let refused = client.call("read_note", json!({ "note": "plain" })).await;
    assert_eq!(refused["result"]["structuredContent"]["maso"]["refused"], "UNAUTHENTIC", "{refused}");
    assert_eq!(rig.calls().len(), 1);
}

#[tokio::test]
async fn a_server_inherits_no_environment() {
    let rig = Rig::new().await;
    let mut client = rig.pipe("writer", "notes");
    client.initialize(json!({})).await;
    let answer = client.call("read_note", json!({ "note": "environment" })).await;
    let names: Vec<&str> = text(&answer).split(' ').collect();
    let allowed = ["FIXTURE_FOLDER", "HOME", "LANG", "PATH"];
    assert!(names.iter().all(|name| allowed.contains(name)), "{names:?}");
}

#[tokio::test]
async fn progress_comes_before_the_answer_and_under_the_clients_token() {
    let rig = Rig::new().await;
    let mut client = rig.pipe("writer", "notes");
    client.initialize(json!({})).await;
    let params =
        json!({ "name": "read_note", "arguments": { "note": "progress" }, "_meta": { "progressToken": "mine" } });
    client.send("tools/call", &params.to_string()).await;
    let told = client.next().await;
    assert_eq!(told["params"], json!({ "progressToken": "mine", "progress": 1, "total": 2 }));
    assert_eq!(text(&client.next().await), "after progress");
}

#[tokio::test]
async fn a_server_may_ask_the_client_if_the_mandate_says_so() {
    let rig = Rig::new().await;
    let mut client = rig.pipe("writer", "notes");
    client.initialize(json!({ "sampling": {} })).await;
    client.send("tools/call", r#"{"name":"read_note","arguments":{"note":"ask"}}"#).await;
    let question = client.next().await;
    assert_eq!(question["method"], "sampling/createMessage", "{question}");
    assert_eq!(question["params"]["messages"][0]["content"]["text"], "which colour?");
    let answer = json!({ "jsonrpc": "2.0", "id": question["id"], "result": {
        "role": "assistant", "content": { "type": "text", "text": "blue" }, "model": "m" } });
    client.line(&answer.to_string()).await;
    assert_eq!(text(&client.next().await), r#"told: "blue""#);
}

#[tokio::test]
async fn a_client_that_cannot_be_asked_is_not_asked() {
    let rig = Rig::new().await;
    let mut client = rig.pipe("writer", "notes");
    client.initialize(json!({})).await;
    let answer = client.call("read_note", json!({ "note": "ask" })).await;
    assert_eq!(text(&answer), "told: null");
}

#[tokio::test]
async fn a_server_that_dies_is_started_again() {
    let rig = Rig::new().await;
    let mut client = rig.pipe("writer", "notes");
    client.initialize(json!({})).await;
    let answer = client.call("read_note", json!({ "note": "die" })).await;
    assert_eq!(answer["result"]["isError"], true);
    assert_eq!(answer["result"]["structuredContent"]["maso"]["refused"], "UNAVAILABLE");
    assert_eq!(text(&client.call("read_note", json!({ "note": "again" })).await), "note again");
}

#[tokio::test]
async fn an_answer_past_the_limit_is_given_up() {
    let rig = Rig::new().await;
    let mut client = rig.pipe("writer", "notes");
    client.initialize(json!({})).await;
    let answer = client.call("read_note", json!({ "note": "huge" })).await;
    assert_eq!(answer["result"]["isError"], true);
}

#[tokio::test]
async fn what_is_no_frame_gets_a_protocol_error() {
    let rig = Rig::new().await;
    let mut client = rig.pipe("writer", "notes");
    let mut code = async |line: &str| {
        client.line(line).await;
        client.next().await["error"]["code"].clone()
    };
    assert_eq!(code("{").await, -32700);
    assert_eq!(code("[]").await, -32600);
    assert_eq!(code(r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#).await, -32700);
    assert_eq!(code(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#).await, -32600);
    client.initialize(json!({})).await;
    assert_eq!(client.request("tasks/get", json!({})).await["error"]["code"], -32601);
    assert_eq!(client.request("server/discover", json!({})).await["error"]["code"], -32601);
    assert_eq!(client.request("tools/call", json!({ "arguments": {} })).await["error"]["code"], -32602);
    assert_eq!(client.request("ping", json!({})).await["result"], json!({}));
    client.close().await;
}

#[tokio::test]
async fn random_frames_get_answers_or_nothing() {
    let rig = Rig::new().await;
    let mut client = rig.pipe("writer", "notes");
    client.initialize(json!({})).await;
    let valid = r#"{"jsonrpc":"2.0","id":"r","method":"tools/call","params":{"name":"burn_note","arguments":{}}}"#;
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % below as u64).unwrap()
    };
    for round in 0..200 {
        let mut frame: Vec<char> = valid.chars().collect();
        for _ in 0..=random(6) {
            let place = random(frame.len());
            match random(3) {
                0 => frame[place] = char::from(u8::try_from(0x20 + random(0x5f)).unwrap()),
                1 => drop(frame.remove(place)),
                _ => frame.insert(place, ['"', '{', '[', ',', '\u{202e}', '0'][random(6)]),
            }
        }
        client.line(&frame.into_iter().collect::<String>()).await;
        // Whatever came of it, the door still answers, and in the client's own protocol.
        client.line(&format!(r#"{{"jsonrpc":"2.0","id":"after-{round}","method":"ping"}}"#)).await;
        while client.next().await["id"] != format!("after-{round}") {}
    }
    assert!(rig.calls().is_empty());
    client.close().await;
}

#[tokio::test]
async fn a_client_whose_pipe_breaks_is_seen_out() {
    let rig = Rig::new().await;
    let mut client = rig.pipe("writer", "notes");
    client.initialize(json!({})).await;
    client.send("tools/call", r#"{"name":"read_note","arguments":{"note":"gate"}}"#).await;
    while !rig.has("waiting") {
        tokio::task::yield_now().await;
    }
    let (mut write, serving) = client.deaf();
    write.write_all(b"{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"ping\"}\n").await.unwrap();
    rig.make("open");
    assert!(serving.await.unwrap().is_err(), "nobody can read what is written");
    assert_eq!(rig.came_of_call().await.as_deref(), Some("delivered"), "its work was finished first");
}

#[tokio::test]
async fn a_stopped_agent_is_not_told_that_a_list_changed() {
    let rig = Rig::new().await;
    let (mut stopped, mut other) = (rig.pipe("writer", "notes"), rig.pipe("reader", "notes"));
    for client in [&mut stopped, &mut other] {
        client.initialize(json!({})).await;
        assert_eq!(text(&client.call("read_note", json!({ "note": "announce" })).await), "later");
    }
    rig.kill("agent:writer").await;
    rig.make("announce");
    assert_eq!(other.next().await["method"], "notifications/tools/list_changed");
    let refused = |body: &Body| match body {
        Body::HopDecided(hop) if hop.to == "agent:writer" => hop.refusal.clone(),
        _ => None,
    };
    assert_eq!(rig.recorded(refused).await, "SUSPENDED");
    assert_eq!(stopped.request("ping", json!({})).await["result"], json!({}), "and nothing before it");
}
