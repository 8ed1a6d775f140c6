//! Frames that are wrong: a protocol error to the peer, a record where there is something to record, and life goes on.

use reqwest::{StatusCode, header::HeaderMap};
use serde_json::{Value, json};

use crate::{
    client::{STATELESS, stateless_headers, text},
    decisions::{Scene, scene},
    deployment::Wanted,
};

/// Frames that are none, with what is wrong about them.
pub fn malformed() -> Vec<(&'static str, String)> {
    let call = r#"{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"write_note","arguments":"#;
    vec![
        ("nothing", String::new()),
        ("no JSON", "hello".to_owned()),
        ("cut off", format!(r#"{call}{{"text":"x""#)),
        ("deep", format!(r#"{call}{}{}}}}}"#, "[".repeat(100_000), "]".repeat(100_000))),
        ("a duplicate key", format!(r#"{call}{{"text":"x","text":"y"}}}}}}"#)),
        ("a duplicate method", r#"{"jsonrpc":"2.0","id":9,"method":"ping","method":"tools/list"}"#.to_owned()),
        ("a batch", r#"[{"jsonrpc":"2.0","id":9,"method":"ping"}]"#.to_owned()),
        ("another JSON-RPC", r#"{"jsonrpc":"1.0","id":9,"method":"ping"}"#.to_owned()),
        ("a null id", r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#.to_owned()),
        ("an id that is an object", r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#.to_owned()),
        ("a method that is a number", r#"{"jsonrpc":"2.0","id":9,"method":7}"#.to_owned()),
        ("params that are a list", r#"{"jsonrpc":"2.0","id":9,"method":"tools/call","params":[1]}"#.to_owned()),
        ("a lone surrogate", format!(r#"{call}{{"text":"\ud800"}}}}}}"#)),
        ("a number that nobody can hold", format!(r#"{call}{{"text":1e999}}}}}}"#)),
    ]
}

#[tokio::test]
async fn malformed_frames_are_answered_with_an_error_and_nothing_else() {
    let stage = scene(&Wanted::default()).await;
    let Scene { client, deployment, .. } = &stage;
    for (what, frame) in malformed() {
        let response = client.post_bytes(frame.into_bytes(), &HeaderMap::new()).await;
        let status = response.status();
        let said: Value = response.json().await.unwrap_or_else(|_| panic!("{what}: no JSON"));
        assert!(said["error"]["code"].is_number(), "{what}: {status} {said}");
        assert!(said.get("result").is_none(), "{what}: {said}");
    }
    assert!(deployment.effects().is_empty());
    assert_eq!(text(&client.call("read_note", json!({ "note": "x" })).await), "an empty note");
    deployment.verify().await;
}

#[tokio::test]
async fn a_frame_that_is_too_large_is_not_read_to_its_end() {
    let stage = scene(&Wanted::default()).await;
    let Scene { client, deployment, .. } = &stage;
    let frame =
        client.frame("tools/call", &json!({ "name": "write_note", "arguments": { "text": "x".repeat(5 << 20) } }));
    let response = client.post(&frame, &HeaderMap::new()).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(deployment.effects().is_empty());
}

#[tokio::test]
async fn arguments_of_a_wrong_type_are_refused_and_recorded() {
    let stage = scene(&Wanted::default()).await;
    let Scene { client, deployment, .. } = &stage;
    let wrong = [json!({ "note": 7 }), json!({ "note": ["x"] }), json!({}), json!({ "note": null })];
    let n_wrong = wrong.len();
    for arguments in wrong {
        let answer = client.call("read_note", arguments).await;
        assert!(answer.get("error").is_some() || answer["result"]["isError"] == true, "{answer}");
    }
    let denied = |hop: &&Value| hop["object"] == "notes:read_note" && hop["decision"] == "deny";
    assert_eq!(deployment.bodies("hop-decided").await.iter().filter(denied).count(), n_wrong);
}

#[tokio::test]
async fn methods_that_nobody_knows_are_refused() {
    let stage = scene(&Wanted::default()).await;
    let Scene { client, .. } = &stage;
    for method in ["tools/delete", "rpc.discover", "tasks/result", "", "initialize\u{0}", "Tools/Call"] {
        let answer = client.ask(method, &json!({})).await;
        assert!(answer["error"]["code"].is_number(), "{method}: {answer}");
    }
}

#[tokio::test]
async fn headers_and_body_must_agree() {
    let stage = scene(&Wanted::default()).await;
    let Scene { client, up, deployment, .. } = &stage;
    let stateless = crate::client::Client::new(up.address, client.token.as_deref());
    let frame = stateless.stateless_frame("read_note", json!({ "note": "x" }));
    let good = stateless_headers("read_note");
    assert_eq!(text(&crate::client::answer(stateless.post(&frame, &good).await).await), "an empty note");
    let wrong = [
        ("mcp-name", Some("write_note")),
        ("mcp-name", None),
        ("mcp-method", Some("tools/list")),
        ("mcp-method", None),
        ("mcp-protocol-version", Some("2025-11-25")),
    ];
    for (header, value) in wrong {
        let mut headers = good.clone();
        headers.remove(header);
        if let Some(value) = value {
            headers.insert(header, value.parse().unwrap());
        }
        let response = stateless.post(&frame, &headers).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{header}: {value:?}");
        let said: Value = response.json().await.unwrap();
        assert_eq!(said["error"]["code"], -32020, "{header}: {value:?}: {said}");
    }
    let mut headers = good;
    headers.insert("mcp-protocol-version", "1900-01-01".parse().unwrap());
    let mut unknown = frame;
    unknown["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("1900-01-01");
    let response = stateless.post(&unknown, &headers).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let said: Value = response.json().await.unwrap();
    assert_eq!(said["error"]["code"], -32022, "{said}");
    let supported = said["error"]["data"]["supported"].as_array().unwrap();
    assert!(supported.contains(&json!(STATELESS)), "{said}");
    assert!(deployment.effects().is_empty());
}
