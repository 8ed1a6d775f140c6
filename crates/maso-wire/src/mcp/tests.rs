#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use maso_core::ServerName;
use proptest::prelude::*;
use serde_json::{Value, json, value::RawValue};

use super::*;
use crate::Limits;

fn frame(text: &str, expected: Expect) {
    let told = match Frame::parse(text.as_bytes(), &Limits::DEFAULT) {
        Ok(Frame::Request(request)) => {
            format!("request {:?} {} {}", request.id, request.method, request.params.to_raw())
        }
        Ok(Frame::Notification(told)) => format!("notification {} {}", told.method, told.params.to_raw()),
        Ok(Frame::Response(Response { id, reply: Reply::Result(result), .. })) => format!("result {id:?} {result}"),
        Ok(Frame::Response(Response { id, reply: Reply::Error(error), .. })) => {
            format!("error {id:?} {} {}", error.code, error.raw)
        }
        Err(fault) => format!("{} {:?}", fault.code.number(), fault.id),
    };
    expected.assert_eq(&told);
}

#[test]
fn frames_keep_the_exact_bytes() {
    frame(
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"x": 1.50, "y":"\u00e9"}}}"#,
        expect![[r#"request Number(1) tools/call {"name":"a","arguments":{"x": 1.50, "y":"\u00e9"}}"#]],
    );
    frame(
        r#"{"jsonrpc":"2.0","id":"a","result":{ "content":[] }}"#,
        expect![[r#"result Some(Text("a")) { "content":[] }"#]],
    );
    frame(
        r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no"}}"#,
        expect![[r#"error None -32700 {"code":-32700,"message":"no"}"#]],
    );
    frame(
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        expect!["notification notifications/initialized {}"],
    );
}

#[test]
fn what_is_not_one_frame_is_refused() {
    frame("{", expect!["-32700 None"]);
    frame("[]", expect!["-32600 None"]);
    frame(r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, expect!["-32600 None"]);
    frame(r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#, expect!["-32700 None"]);
    frame(r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, expect!["-32600 Some(Number(1))"]);
    frame(r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, expect!["-32600 None"]);
    frame(r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, expect!["-32600 None"]);
    frame(r#"{"jsonrpc":"2.0","id":1,"method":"ping","extra":0}"#, expect!["-32600 Some(Number(1))"]);
    frame(r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#, expect!["-32600 Some(Number(1))"]);
    frame(r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#, expect!["-32600 Some(Number(1))"]);
    frame(r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}"#, expect!["-32600 Some(Number(1))"]);
    frame(r#"{"jsonrpc":"2.0","id":1,"result":3}"#, expect!["-32600 Some(Number(1))"]);
    frame(r#"{"jsonrpc":"2.0","id":1,"error":{"code":"x","message":""}}"#, expect!["-32600 Some(Number(1))"]);
    frame(r#"{"jsonrpc":"2.0","result":{}}"#, expect!["-32600 None"]);
}

#[test]
fn who_may_send_what_depends_on_the_revision() {
    let client = |method: Method, revision| method.sides(revision).client;
    assert!(client(Method::Initialize, Revision::V2025_11_25));
    assert!(!client(Method::Initialize, Revision::V2026_07_28));
    assert!(client(Method::Discover, Revision::V2026_07_28));
    assert!(!client(Method::Discover, Revision::V2025_11_25));
    assert!(!client(Method::Sample, Revision::V2025_11_25));
    assert!(Method::Sample.sides(Revision::V2025_06_18).server);
    assert!(!Method::Sample.sides(Revision::V2026_07_28).server);
    assert!(!Method::ElicitationComplete.sides(Revision::V2025_06_18).server);
    for method in Method::ALL {
        assert_eq!(Method::parse(method.as_str()), Some(*method));
    }
    assert_eq!(Method::parse("tasks/get"), None);
}

#[test]
fn a_handshake_never_settles_on_a_revision_without_one() {
    assert_eq!(Revision::for_handshake("2025-06-18"), Revision::V2025_06_18);
    assert_eq!(Revision::for_handshake("2026-07-28"), Revision::V2025_11_25);
    assert_eq!(Revision::for_handshake("1999-01-01"), Revision::V2025_11_25);
}

fn meaning(method: Method, params: Value, expected: Expect) {
    let server: ServerName = "claims-db".parse().unwrap();
    let told = match act_of(&server, method, &params) {
        Ok(act) => {
            let raw = RawValue::from_string(params.to_string()).unwrap();
            format!("{act} {}", payload_of(method, &Members::of(&raw).unwrap_or_default()))
        }
        Err(why) => format!("no: {why}"),
    };
    expected.assert_eq(&told);
}

#[test]
fn requests_mean_acts() {
    meaning(
        Method::ToolsCall,
        json!({"name": "pay", "arguments": {"a": 1}, "_meta": {"maso/task": "secret"}, "task": {}}),
        expect![[r#"call_tool claims-db:pay {"a":1}"#]],
    );
    meaning(Method::ToolsCall, json!({"name": "no such\ntool"}), expect!["no: unknown tool: no such\ntool"]);
    meaning(Method::ToolsCall, json!({"name": "pay", "arguments": 3}), expect!["no: `arguments` must be an object"]);
    meaning(Method::ToolsCall, json!({}), expect!["no: `name` must be text"]);
    meaning(
        Method::ResourcesRead,
        json!({"uri": "file:///a", "_meta": {"maso/task": "secret"}, "x": 1}),
        expect![[r#"read_resource claims-db:file:///a {"uri":"file:///a"}"#]],
    );
    meaning(
        Method::ToolsList,
        json!({"cursor": "c", "_meta": {}}),
        expect![[r#"list claims-db:tools {"cursor":"c"}"#]],
    );
    meaning(
        Method::Sample,
        json!({"maxTokens": 1, "messages": [], "_meta": {}}),
        expect![[r#"ask_client claims-db:sample {"maxTokens":1,"messages":[]}"#]],
    );
    meaning(Method::Initialized, json!({}), expect!["no: `notifications/initialized` is about the connection only"]);
}

#[test]
fn results_change_their_frame_and_keep_their_content() {
    let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
    let content = r#"{"content":[ {"type":"text","text":"\u00e9 1.50"} ]}"#;
    let shaped = |revision, method, text: &str| result_for(revision, method, &raw(text), Listed::AsServed).to_string();
    assert_eq!(shaped(Revision::V2025_11_25, Method::ToolsCall, content), content);
    assert_eq!(
        shaped(Revision::V2026_07_28, Method::ToolsCall, content),
        r#"{"content":[ {"type":"text","text":"\u00e9 1.50"} ],"resultType":"complete"}"#
    );
    assert_eq!(
        shaped(Revision::V2025_06_18, Method::ToolsList, r#"{"resultType":"complete","tools":[],"ttlMs":5}"#),
        r#"{"tools":[]}"#
    );
    assert_eq!(
        shaped(Revision::V2026_07_28, Method::ToolsList, r#"{"tools":[],"ttlMs":5,"cacheScope":"public"}"#),
        r#"{"tools":[],"ttlMs":5,"cacheScope":"private","resultType":"complete"}"#
    );
}

fn agreement(version: Option<&str>, method: Option<&str>, name: Option<&str>, expected: Expect) {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "name": "Überweisung", "_meta": {(meta::PROTOCOL_VERSION): "2026-07-28"}}});
    let Ok(Frame::Request(request)) = Frame::parse(body.to_string().as_bytes(), &Limits::DEFAULT) else { panic!() };
    let told = match (Mirrored { version, method, name }).agree_with(&request) {
        Ok(()) => "agree".to_owned(),
        Err(mismatch) => mismatch.to_string(),
    };
    expected.assert_eq(&told);
}

#[test]
fn headers_must_say_what_the_body_says() {
    let name = encode_header_value("Überweisung");
    let (version, method) = (Some("2026-07-28"), Some("tools/call"));
    agreement(version, method, Some(&name), expect!["agree"]);
    agreement(None, method, Some(&name), expect!["Header mismatch: MCP-Protocol-Version is missing"]);
    agreement(
        Some("2025-11-25"),
        method,
        Some(&name),
        expect!["Header mismatch: MCP-Protocol-Version differs from the body"],
    );
    agreement(version, Some("tools/list"), Some(&name), expect!["Header mismatch: Mcp-Method differs from the body"]);
    agreement(version, None, Some(&name), expect!["Header mismatch: Mcp-Method is missing"]);
    agreement(version, method, None, expect!["Header mismatch: Mcp-Name is missing"]);
    agreement(version, method, Some("pay"), expect!["Header mismatch: Mcp-Name differs from the body"]);
    agreement(version, method, Some("=?base64?%?="), expect!["Header mismatch: Mcp-Name cannot be decoded"]);
}

#[test]
fn parameters_become_headers() {
    let schema = json!({"properties": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "deep": {"properties": {"n": {"type": "integer", "x-mcp-header": "N"}}}}});
    // In which order depends on whether another crate of the program has JSON's members keep theirs.
    let headers = parameter_headers(&schema, &json!({"region": "eu ", "deep": {"n": 4}})).unwrap();
    let headers: BTreeMap<_, _> = headers.into_iter().collect();
    let expected = [("N".to_owned(), "4".to_owned()), ("Region".to_owned(), encode_header_value("eu "))];
    assert_eq!(headers, BTreeMap::from(expected));
    assert_eq!(parameter_headers(&schema, &json!({"region": null})).unwrap(), []);
    let number = json!({"properties": {"a": {"type": "number", "x-mcp-header": "A"}}});
    assert!(parameter_headers(&number, &json!({})).is_err());
    let twice = json!({"properties": {
        "a": {"type": "string", "x-mcp-header": "A"}, "b": {"type": "string", "x-mcp-header": "a"}}});
    assert!(parameter_headers(&twice, &json!({})).is_err());
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        drop(Frame::parse(&bytes, &Limits::DEFAULT));
    }

    #[test]
    fn arbitrary_objects_never_panic(text in r#"\{("(jsonrpc|id|method|params|result|error)":("2.0"|1|null|\{\}|\[\]|"x"|\{"code":1,"message":"m"\}),?){0,6}\}"#) {
        drop(Frame::parse(text.as_bytes(), &Limits::DEFAULT));
    }

    #[test]
    fn header_values_come_back(value in "\\PC{0,40}") {
        let encoded = encode_header_value(&value);
        prop_assert!(encoded.bytes().all(|byte| (0x20..0x7f).contains(&byte)));
        prop_assert_eq!(decode_header_value(&encoded), Some(value));
    }

    #[test]
    fn what_is_built_parses(id in -(1_i64 << 53) + 1..1 << 53, method in "[a-z/]{1,20}") {
        let bytes = request(&Id::Number(id), &method, &Members::new().to_raw());
        let Ok(Frame::Request(parsed)) = Frame::parse(&bytes, &Limits::DEFAULT) else { panic!() };
        prop_assert_eq!(parsed.id, Id::Number(id));
        prop_assert_eq!(parsed.method, method);
    }
}

#[test]
fn parameters_in_headers_say_what_the_arguments_say() {
    let schema = json!({ "properties": {
        "region": { "type": "string", "x-mcp-header": "Region" }, "n": { "type": "integer", "x-mcp-header": "N" },
        "rest": { "type": "string" } } });
    let agree = |arguments: Value, headers: &[(&str, &str)]| {
        let header = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        parameters_agree(&schema, &arguments, header).is_ok()
    };
    let both = [("mcp-param-region", "eu"), ("mcp-param-n", "7")];
    assert!(agree(json!({ "region": "eu", "n": 7, "rest": "x" }), &both));
    assert!(agree(json!({ "region": "eu", "n": 7 }), &[("mcp-param-region", "=?base64?ZXU=?="), both[1]]));
    assert!(agree(json!({ "rest": "x" }), &[]));
    assert!(agree(json!({ "region": "=?base64?ZXU=" }), &[("mcp-param-region", "=?base64?ZXU=")]), "not encoded");
    assert!(!agree(json!({ "region": "eu", "n": 7 }), &both[..1]), "one is missing");
    assert!(!agree(json!({ "region": "eu" }), &both), "one is too many");
    assert!(!agree(json!({ "region": "us", "n": 7 }), &both));
    for wrong in ["=?base64?ZXU?=", "=?base64?Z!U=?="] {
        assert!(!agree(json!({ "region": "eu" }), &[("mcp-param-region", wrong)]), "{wrong}");
    }
}
