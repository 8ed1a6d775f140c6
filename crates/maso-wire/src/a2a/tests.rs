use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{Limits, mcp::Frame, parse_json};

fn read(method: Method, params: Value) -> Result<Asked, Code> {
    Asked::read(method, &params).map_err(|(code, _)| code)
}

fn message(parts: Value) -> Value {
    json!({ "message": { "messageId": "m", "role": "ROLE_USER", "parts": parts } })
}

fn sent(params: Value) -> Result<SendMessage, Code> {
    match read(Method::SendMessage, params)? {
        Asked::Send(send) => Ok(*send),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_message_says_what_it_asks_for_and_what_it_is_about() {
    let mut params = message(json!([{ "data": { "claim": 1 }, "mediaType": "application/json" }]));
    params["message"]["metadata"] = json!({ "skill": "assess" });
    params["message"]["contextId"] = json!("c");
    params["configuration"] = json!({
        "returnImmediately": true,
        "taskPushNotificationConfig": {
            "url": "https://a.example/h", "token": "t", "authentication": { "scheme": "Bearer", "credentials": "s" },
        },
    });
    let read = sent(params).unwrap();
    assert_eq!(read.content, Content::Data { pointer: "/message/parts/0/data".to_owned() });
    assert_eq!(
        (read.skill.as_deref(), read.context.as_deref(), read.returns),
        (Some("assess"), Some("c"), Returns::AtOnce)
    );
    let push = read.push.unwrap();
    assert_eq!((push.url.as_str(), push.token.as_deref()), ("https://a.example/h", Some("t")));
    assert!(!format!("{push:?}").contains("Bearer"), "credentials are not shown");
    let texts = sent(message(json!([{ "text": "a" }, { "text": "b" }]))).unwrap();
    assert_eq!((texts.content, texts.returns), (Content::Text("a\nb".to_owned()), Returns::WhenDone));
}

#[test]
fn what_another_reader_could_read_otherwise_is_refused() {
    let wrong = Err(Code::InvalidParams);
    let cases = [
        (message(json!([])), wrong),
        (message(json!([{}])), wrong),
        (message(json!([{ "text": "a", "data": 1 }])), wrong),
        (message(json!([{ "text": "a" }, { "data": 1 }])), wrong),
        (message(json!([{ "data": 1 }, { "data": 2 }])), wrong),
        (message(json!([{ "raw": "AA==" }])), Err(Code::ContentTypeNotSupported)),
        (message(json!([{ "url": "https://a.example/f" }])), Err(Code::ContentTypeNotSupported)),
        (message(json!([{ "data": 1, "mediaType": "text/html" }])), Err(Code::ContentTypeNotSupported)),
    ];
    for (params, expected) in cases {
        assert_eq!(sent(params.clone()).map(drop), expected, "{params}");
    }
    for (pointer, value) in [
        ("tenant", json!("other")),
        ("message/role", json!("ROLE_AGENT")),
        ("message/message_id", json!("m")),
        ("message/taskId", json!("a b")),
        ("message/metadata", json!({ "skill": 1 })),
        ("configuration", json!({ "unknown": 1 })),
        ("configuration", json!({ "taskPushNotificationConfig": { "url": "https://a.example/\u{e9}" } })),
        (
            "configuration",
            json!({ "taskPushNotificationConfig": { "url": "u", "authentication": { "scheme": "Bearer" } } }),
        ),
    ] {
        let mut params = message(json!([{ "data": 1 }]));
        let (above, name) = pointer.rsplit_once('/').unwrap_or(("", pointer));
        let above = if above.is_empty() { String::new() } else { format!("/{above}") };
        params.pointer_mut(&above).unwrap()[name] = value;
        assert_eq!(sent(params.clone()).map(drop), wrong, "{params}");
    }
    let mut modes = message(json!([{ "data": 1 }]));
    modes["configuration"] = json!({ "acceptedOutputModes": ["text/plain"] });
    assert_eq!(sent(modes).map(drop), Err(Code::ContentTypeNotSupported));
    let mut extension = message(json!([{ "data": 1 }]));
    extension["message"]["extensions"] = json!(["urn:x"]);
    assert_eq!(sent(extension).map(drop), Err(Code::UnsupportedOperation));
}

#[test]
fn the_corpus_is_read_as_it_always_was() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus/a2a");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let came = files.iter().map(|path| {
        let bytes = std::fs::read(path).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let came = match Frame::parse(&bytes, &Limits::DEFAULT) {
            Ok(Frame::Request(request)) => match Method::parse(&request.method) {
                None => "no method".to_owned(),
                Some(method) => match Asked::read(method, request.params_value()) {
                    Ok(_) => method.to_string(),
                    Err((code, why)) => format!("{code:?}: {why}"),
                },
            },
            _ => {
                let value = parse_json(&bytes, &Limits::DEFAULT).unwrap();
                match (Card::read(&value), Said::about("t").hear(&value)) {
                    (Ok(card), _) => format!("card of {}", card.name),
                    (_, Ok(update)) => format!("{update:?}"),
                    (_, Err(fault)) => fault.to_string(),
                }
            }
        };
        format!("{name}: {came}\n")
    });
    expect_test::expect![[r#"
        0001-send: SendMessage
        0002-send-text: SendStreamingMessage
        0003-get: GetTask
        0004-list: ListTasks
        0005-push: CreateTaskPushNotificationConfig
        0006-tenant: InvalidParams: there are no tenants here
        0007-data-and-text: InvalidParams: a part is one of `data` and `text`
        0008-snake-case: InvalidParams: unknown field `message_id`, expected one of `messageId`, `contextId`, `taskId`, `role`, `parts`, `metadata`, `extensions`, `referenceTaskIds`
        0009-older-method: no method
        0010-card: card of partner
        0011-stream: GoesOn
        0012-artifact: GoesOn
        0013-status: Done
    "#]].assert_eq(&came.collect::<String>());
}

#[test]
fn other_params_have_their_forms() {
    assert_eq!(read(Method::GetTask, json!({ "id": "t" })), Ok(Asked::Task(WhichTask("t".to_owned()))));
    assert_eq!(read(Method::GetTask, json!({})), Err(Code::InvalidParams));
    assert_eq!(read(Method::GetTask, json!({ "id": "t", "tenant": "x" })), Err(Code::InvalidParams));
    assert_eq!(read(Method::GetExtendedCard, Value::Null), Ok(Asked::Card));
    let config = WhichConfig { task: "t".to_owned(), id: "c".to_owned() };
    assert_eq!(read(Method::DeletePushConfig, json!({ "taskId": "t", "id": "c" })), Ok(Asked::NoCallback(config)));
    for (size, fine) in [(0, false), (1, true), (100, true), (101, false)] {
        assert_eq!(read(Method::ListTasks, json!({ "pageSize": size })).is_ok(), fine, "{size}");
    }
    assert_eq!(read(Method::ListTasks, json!({ "status": "done" })), Err(Code::InvalidParams));
    assert_eq!(Method::parse("message/send"), None, "an older version's name");
}

#[test]
fn the_version_is_one_that_is_spoken() {
    for (version, spoken) in [
        ("1.0", true),
        ("1.0.1", true),
        ("1", true),
        ("1.7", true),
        ("0.3", false),
        ("2.0", false),
        ("1.x", false),
        ("", false),
        ("1.0.0.0", false),
    ] {
        assert_eq!(speaks(Some(version)), spoken, "{version}");
    }
    assert!(!speaks(None));
}

#[test]
fn what_a_peer_says_is_put_together_event_by_event() {
    let mut said = Said::default();
    let begun =
        json!({ "task": { "id": "t", "contextId": "c", "status": { "state": "TASK_STATE_WORKING" }, "new": 1 } });
    assert_eq!(said.hear(&begun), Ok(Update::GoesOn));
    for (append, text) in [(false, "one"), (true, "two")] {
        let artifact = json!({ "artifactId": "a", "parts": [{ "text": text }] });
        let event = json!({ "artifactUpdate": { "taskId": "t", "artifact": artifact, "append": append } });
        assert_eq!(said.hear(&event), Ok(Update::GoesOn));
    }
    let other = json!({ "statusUpdate": { "taskId": "u", "status": { "state": "TASK_STATE_COMPLETED" } } });
    assert!(said.clone().hear(&other).is_err(), "it tells of another task");
    let done = json!({ "statusUpdate": { "taskId": "t", "status": { "state": "TASK_STATE_COMPLETED" } } });
    assert_eq!(said.hear(&done), Ok(Update::Done));
    assert_eq!((said.texts(), said.state), (vec!["one", "two"], Some(TaskState::Completed)));
    assert!(Said::default().hear(&done).is_err(), "an update of a task that nobody began");
    assert_eq!(Said::about("t").hear(&done), Ok(Update::Done), "one that was begun before");
    assert!(Said::about("u").hear(&done).is_err());
    assert!(Said::default().hear(&json!({})).is_err());
    let unknown = json!({ "task": { "id": "t", "status": { "state": "TASK_STATE_UNSPECIFIED" } } });
    assert!(Said::default().hear(&unknown).is_err());
}

#[test]
fn a_card_is_read_as_far_as_it_is_of_use() {
    let sound = json!({
        "name": "partner",
        "supportedInterfaces": [
            { "url": "https://p.example/old", "protocolBinding": "JSONRPC", "protocolVersion": "0.3" },
            { "url": "https://p.example/grpc", "protocolBinding": "GRPC", "protocolVersion": "1.0" },
            { "url": "https://p.example/rest", "protocolBinding": "HTTP+JSON", "protocolVersion": "1.0" },
            { "url": "https://p.example/a2a", "protocolBinding": "JSONRPC", "protocolVersion": "1.0" },
        ],
        "skills": [{ "id": "quote", "name": "Quote" }],
    });
    let card = Card::read(&sound).unwrap();
    assert_eq!(
        (card.interfaces, card.streams, card.skills[0].id.as_str()),
        (
            vec![
                Interface { url: "https://p.example/rest".to_owned(), binding: Binding::HttpJson },
                Interface { url: "https://p.example/a2a".to_owned(), binding: Binding::JsonRpc },
            ],
            false,
            "quote"
        )
    );
    let changed = |pointer: &str, value: Value| {
        let mut card = sound.clone();
        card[pointer] = value;
        Card::read(&card)
    };
    assert!(changed("supportedInterfaces", json!([])).is_err());
    assert!(changed("skills", json!([{}])).is_err());
    assert!(changed("capabilities", json!({ "extensions": [{ "uri": "urn:x", "required": true }] })).is_err());
    let tenant =
        json!([{ "url": "https://p.example/", "protocolBinding": "JSONRPC", "protocolVersion": "1.0", "tenant": "t" }]);
    assert!(changed("supportedInterfaces", tenant).is_err());
}

#[test]
fn our_own_card_is_one_that_we_would_read() {
    let card = Card::write("reader", "An agent.", "http://127.0.0.1:1/a2a/reader", &[("check", "{}")]);
    let read = Card::read(&card).unwrap();
    assert_eq!((read.name.as_str(), read.streams, read.skills.len()), ("reader", true, 1));
}

proptest! {
    #[test]
    fn no_bytes_make_the_readers_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
        if let Ok(Frame::Request(request)) = Frame::parse(&bytes, &Limits::DEFAULT) {
            for method in Method::ALL {
                drop(Asked::read(*method, request.params_value()));
            }
        }
        if let Ok(value) = parse_json(&bytes, &Limits::DEFAULT) {
            drop(Card::read(&value));
            drop(Said::default().hear(&value));
        }
    }

    #[test]
    fn no_json_makes_the_readers_panic(value in json_value()) {
        for method in Method::ALL {
            drop(Asked::read(*method, &value));
            drop(Asked::read(*method, &message(json!([value.clone()]))));
        }
        let mut said = Said::default();
        for event in [json!({ "task": value.clone() }), json!({ "statusUpdate": value.clone() }), json!({ "artifactUpdate": value.clone() })] {
            drop(said.hear(&event));
        }
        drop(Card::read(&json!({ "name": "n", "supportedInterfaces": [value.clone()], "skills": [value] })));
    }
}

#[test]
fn verbs_and_paths_are_operations() {
    let check =
        |verb: &str, path: &str, query: &[(&str, &str)], body: Value, expected: Result<(Method, Value), Code>| {
            let query: Vec<_> = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let read = Operation::read(verb, path, &query).and_then(|operation| {
                let method = operation.method;
                Ok((method, operation.params(&body)?))
            });
            assert_eq!(read.map_err(|(code, _)| code), expected, "{verb} {path}");
        };
    let none = || json!({});
    let t = || json!({ "id": "t" });
    let of_t = || json!({ "taskId": "t" });
    let c = || json!({ "taskId": "t", "id": "c" });
    check("POST", "message:send", &[], json!({ "message": 1 }), Ok((Method::SendMessage, json!({ "message": 1 }))));
    check("POST", "message:stream", &[], none(), Ok((Method::SendStreamingMessage, none())));
    check("GET", "tasks", &[], none(), Ok((Method::ListTasks, none())));
    let query = [("pageSize", "7"), ("includeArtifacts", "true"), ("contextId", "7")];
    let params = json!({ "pageSize": 7, "includeArtifacts": true, "contextId": "7" });
    check("GET", "tasks", &query, none(), Ok((Method::ListTasks, params)));
    check(
        "GET",
        "tasks/t",
        &[("historyLength", "2")],
        none(),
        Ok((Method::GetTask, json!({ "id": "t", "historyLength": 2 }))),
    );
    check("POST", "tasks/t:cancel", &[], none(), Ok((Method::CancelTask, t())));
    check("POST", "tasks/t:cancel", &[], t(), Ok((Method::CancelTask, t())));
    check("POST", "tasks/t:cancel", &[], json!({ "id": "u" }), Err(Code::InvalidParams));
    check("GET", "tasks/t:subscribe", &[], none(), Ok((Method::SubscribeToTask, t())));
    check("POST", "tasks/t:subscribe", &[], none(), Ok((Method::SubscribeToTask, t())));
    check("POST", "tasks/t/pushNotificationConfigs", &[], none(), Ok((Method::CreatePushConfig, of_t())));
    check("GET", "tasks/t/pushNotificationConfigs", &[], none(), Ok((Method::ListPushConfigs, of_t())));
    check("GET", "tasks/t/pushNotificationConfigs/c", &[], none(), Ok((Method::GetPushConfig, c())));
    check("DELETE", "tasks/t/pushNotificationConfigs/c", &[], none(), Ok((Method::DeletePushConfig, c())));
    check("GET", "extendedAgentCard", &[], none(), Ok((Method::GetExtendedCard, none())));
    for (verb, path) in [
        ("GET", ""),
        ("PUT", "tasks/t"),
        ("DELETE", "tasks/t"),
        ("GET", "tasks/t:cancel"),
        ("POST", "tasks/t"),
        ("POST", "tasks/t:end"),
        ("GET", "tasks/t/"),
        ("GET", "tenant/tasks"),
        ("get", "tasks"),
    ] {
        check(verb, path, &[], none(), Err(Code::MethodNotFound));
    }
    check("GET", "tasks", &[("pageSize", "-1")], none(), Err(Code::InvalidParams));
    check("GET", "tasks", &[("contextId", "a"), ("contextId", "a")], none(), Err(Code::InvalidParams));
    check("GET", "tasks/t", &[("id", "t")], none(), Err(Code::InvalidParams));
    check("POST", "message:send", &[("tenant", "a")], none(), Err(Code::InvalidParams));
    check("POST", "message:send", &[], json!([]), Err(Code::InvalidParams));
}

proptest! {
    #[test]
    fn whatever_is_asked_by_verb_and_path_is_an_operation_or_refused(
        verb in "GET|POST|DELETE|[A-Z]{0,7}",
        path in "(tasks|message:send|t|:|/|%|é|pushNotificationConfigs){0,6}",
        query in proptest::collection::vec(("pageSize|includeArtifacts|id|[a-z]{0,3}", ".{0,4}"), 0..3),
        body in json_value(),
    ) {
        if let Ok(operation) = Operation::read(&verb, &path, &query) {
            let method = operation.method;
            if let Ok(params) = operation.params(&body) {
                drop(Asked::read(method, &params));
            }
        }
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let names = prop_oneof![
        Just("id"),
        Just("taskId"),
        Just("status"),
        Just("state"),
        Just("parts"),
        Just("text"),
        Just("data"),
        Just("url"),
        Just("artifact"),
        Just("artifactId"),
        Just("protocolBinding"),
        Just("protocolVersion"),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-zA-Z_.0]{0,12}".prop_map(Value::from),
        Just(json!("TASK_STATE_WORKING")),
        Just(json!("JSONRPC")),
        Just(json!("1.0")),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((names.clone(), inner), 0..4).prop_map(|members| Value::Object(
                members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            )),
        ]
    })
}
