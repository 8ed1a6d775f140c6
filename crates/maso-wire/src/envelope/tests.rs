//! A message is read as exactly what it says, or refused.

use std::{fs, path::PathBuf};

use maso_core::{AgentName, Confidentiality, Digest, HopId, MessageId, SpiffeId, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::UnverifiedToken;

fn corpus() -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../corpus/messages");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    files.map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap())).collect()
}

fn claim() -> Value {
    let corpus = corpus();
    let (_, bytes) = corpus.iter().find(|(name, _)| name == "0002-claim.json").unwrap();
    serde_json::from_slice(bytes).unwrap()
}

/// Puts a value at a pointer of a sound claim; without one, takes away what is there.
fn changed(pointer: &str, value: Option<Value>) -> Value {
    let mut message = claim();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = message.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Some(value) => drop(parent.insert(name.to_owned(), value)),
        None => drop(parent.remove(name).unwrap()),
    }
    message
}

fn reason(message: &Value) -> String {
    Message::parse(message.to_string().as_bytes()).unwrap_err().reason
}

#[test]
fn every_message_of_the_corpus_is_read_and_written_as_the_same() {
    let corpus = corpus();
    assert_eq!(corpus.len(), 5);
    for (name, bytes) in corpus {
        let message = Message::parse(&bytes).unwrap_or_else(|malformed| panic!("{name}: {malformed}"));
        assert_eq!(Message::parse(&message.write()).unwrap(), message, "{name}");
        let kind = name.split(['-', '.']).nth(1).unwrap();
        assert_eq!(message.beside.kind.as_str(), kind, "{name}");
    }
}

#[test]
fn no_member_of_any_object_may_be_missing_null_or_unknown() {
    fn objects(value: &Value, path: String, found: &mut Vec<String>) {
        match value {
            // What a message says may look as its contract has it.
            Value::Object(_) if path == "/content" => {}
            Value::Object(members) => {
                members.iter().for_each(|(name, value)| objects(value, format!("{path}/{name}"), found));
                found.push(path);
            }
            Value::Array(entries) => {
                entries.iter().enumerate().for_each(|(n, value)| objects(value, format!("{path}/{n}"), found));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    objects(&claim(), String::new(), &mut found);
    assert!(found.len() > 5);
    for object in found {
        assert!(reason(&changed(&format!("{object}/extra"), Some(json!(1)))).contains("has no member"), "{object}");
        for name in claim().pointer(&object).unwrap().as_object().unwrap().keys() {
            let member = format!("{object}/{name}");
            assert_eq!(reason(&changed(&member, None)), format!("`{member}` is missing"));
            assert!(
                reason(&changed(&member, Some(Value::Null))).starts_with(&format!("`{member}` is not")),
                "{member}"
            );
        }
    }
}

#[test]
fn nothing_is_converted_and_nothing_may_be_spelled_in_two_ways() {
    for (pointer, value) in [
        ("/message_id", json!("msg_0192F3C07B7A7C3E9F0A1B2C3D4E5F60")),
        ("/message_id", json!("msg_0192f3c0-7b7a-7c3e-9f0a-1b2c3d4e5f60")),
        ("/message_id", json!("0192f3c07b7a7c3e9f0a1b2c3d4e5f60")),
        ("/sender_id", json!("intake")),
        ("/sender_id", json!("SPIFFE://claims.example/agent/intake")),
        ("/timestamp", json!(1_790_000_000)),
        ("/timestamp", json!("2026-11-28T01:30:00.250+00:00")),
        ("/timestamp", json!("2026-11-28T01:30:00.2501Z")),
        ("/timestamp", json!("2026-11-28T01:30:60Z")),
        ("/valid_until", json!("2026-11-28T01:30:00.250Z")),
        ("/valid_until", json!("2026-11-28T01:40:00.251Z")),
        ("/message_type", json!("Claim")),
        ("/message_type", json!("delegation")),
        ("/content", json!([])),
        ("/content", json!("text")),
        ("/confidence", json!("0.82")),
        ("/confidence", json!(1.000_001)),
        ("/confidence", json!(-0.1)),
        ("/confidence", json!(0.123_456_7)),
        ("/assumptions/0/scope", json!("everywhere")),
        ("/assumptions/0/text", json!("")),
        ("/unknowns", json!({})),
        ("/unknowns", json!(["a", "a"])),
        ("/unknowns", json!(["two\nlines"])),
        ("/classification", json!("secret")),
        ("/goal_hash", json!("5e".repeat(32))),
        ("/goal_hash", json!(format!("sha256:{}", "5E".repeat(32)))),
        ("/nonce", json!("short")),
        ("/nonce", json!("x".repeat(65))),
        ("/nonce", json!("kq3V0b9xT2mZr8L=")),
        ("/contract/version", json!("1")),
        ("/contract/version", json!(1.0)),
        ("/contract/version", json!(0)),
        ("/contract/version", json!(1_u64 << 32)),
        ("/provenance/source", json!("hearsay")),
        ("/provenance/verified", json!(1)),
        ("/provenance/verified", json!(false)),
        ("/provenance/verification_method", json!("none")),
        ("/constraints/0/force", json!("should")),
        ("/inputs", json!(["task_0192f3c07b7a7c3e9f0a1b2c3d4e5f60"])),
        ("/inputs", json!(["msg_0192f3c07b7a7c3e9f0a1b2c3d4e5f60"])),
        ("/inputs", json!(["hop_0192f3c07b7a7c3e9f0a1b2c3d4e5f61", "hop_0192f3c07b7a7c3e9f0a1b2c3d4e5f61"])),
        ("/extraction", json!([{ "pointer": "/amount" }])),
    ] {
        let message = changed(pointer, Some(value));
        assert!(Message::parse(message.to_string().as_bytes()).is_err(), "{pointer}: {message}");
    }
}

#[test]
fn what_asks_for_work_names_its_task_and_says_nothing_of_evidence() {
    let corpus = corpus();
    for (name, bytes) in corpus.iter().filter(|(name, _)| name.contains("delegation") || name.contains("instruction")) {
        let message: Value = serde_json::from_slice(bytes).unwrap();
        let mut alone = message.clone();
        alone.as_object_mut().unwrap().remove("task_token").unwrap();
        assert_eq!(reason(&alone), "`/task_token` is missing", "{name}");
        for member in ["provenance", "confidence", "extraction"] {
            let mut told = message.clone();
            told[member] = claim().get(member).cloned().unwrap_or_else(|| json!([]));
            assert!(reason(&told).contains("has no member"), "{name}: {member}");
        }
    }
}

#[test]
fn a_field_that_was_read_out_of_a_document_is_there_and_named_once() {
    let (_, bytes) = corpus().into_iter().find(|(name, _)| name.starts_with("0003")).unwrap();
    let message: Value = serde_json::from_slice(&bytes).unwrap();
    let field = message["extraction"][0].clone();
    for pointer in ["", "amount", "/nothing", "/amount/0", "/claim/~1"] {
        let mut other = message.clone();
        other["extraction"][0]["pointer"] = json!(pointer);
        assert_eq!(reason(&other), "`/extraction/0/pointer` points at no field", "{pointer}");
    }
    let mut twice = message.clone();
    twice["extraction"] = json!([field, field]);
    assert_eq!(reason(&twice), "`/extraction/1` names what is named before");
    let mut deep = message.clone();
    deep["content"] = json!({ "a/b": { "~": [1, 2] } });
    deep["extraction"][0]["pointer"] = json!("/a~1b/~0/1");
    assert!(Message::parse(deep.to_string().as_bytes()).is_ok());
}

#[test]
fn each_list_holds_at_its_edge() {
    let texts = |n: usize| (0..n).map(|index| json!(format!("unknown {index}"))).collect::<Vec<_>>();
    let at = changed("/unknowns", Some(json!(texts(Beside::ENTRIES_MAX))));
    assert!(Message::parse(at.to_string().as_bytes()).is_ok());
    assert_eq!(
        reason(&changed("/unknowns", Some(json!(texts(Beside::ENTRIES_MAX + 1))))),
        "`/unknowns` has 65 entries, 64 allowed"
    );
    let text = |n: usize| changed("/unknowns", Some(json!(["x".repeat(n)])));
    assert!(Message::parse(text(Text::BYTES_MAX).to_string().as_bytes()).is_ok());
    assert!(Message::parse(text(Text::BYTES_MAX + 1).to_string().as_bytes()).is_err());
    let token = |n: usize| changed("/task_token", Some(json!("x".repeat(n))));
    assert!(Message::parse(token(Message::TASK_BYTES_MAX).to_string().as_bytes()).is_ok());
    assert!(Message::parse(token(Message::TASK_BYTES_MAX + 1).to_string().as_bytes()).is_err());
    assert!(Message::parse(token(0).to_string().as_bytes()).is_err());
}

#[test]
fn reasons_and_debugging_show_nothing_that_was_said() {
    for (pointer, value) in
        [("/nonce", "s3cret"), ("/goal_hash", "s3cret"), ("/inputs", "s3cret"), ("/confidence", "s3cret")]
    {
        assert!(!reason(&changed(pointer, Some(json!(value)))).contains("s3cret"), "{pointer}");
    }
    let mut message = claim();
    message["content"] = json!({ "iban": "GB33BUKB20201555555555" });
    message["task_token"] = json!("very-secret");
    let shown = format!("{:?}", Message::parse(message.to_string().as_bytes()).unwrap());
    assert!(!shown.contains("GB33") && !shown.contains("very-secret") && !shown.contains("exchange"), "{shown}");
}

#[test]
fn a_confidence_is_the_number_that_was_written() {
    for millionths in (0..=1_000_000).step_by(7) {
        let confidence = Confidence::from_millionths(millionths).unwrap();
        let written = confidence.as_number().to_string();
        assert_eq!(Confidence::from_number(written.parse().unwrap()), Some(confidence), "{written}");
    }
    assert_eq!(Confidence::from_millionths(1_000_001), None);
    assert_eq!([f64::NAN, -0.000_001, 1.000_001, 1e-7].map(Confidence::from_number), [None; 4]);
}

#[test]
fn a_constraint_that_was_loosened_is_another() {
    let constraint =
        |force, text: &str| Constraint { name: "limit".parse().unwrap(), force, text: text.parse().unwrap() };
    let exact = constraint(Force::Exactly, "500 EUR").digest();
    assert_ne!(exact, constraint(Force::Must, "500 EUR").digest());
    assert_ne!(exact, constraint(Force::Exactly, "501 EUR").digest());
}

/// What is beside this content, as a tool is given it.
fn remarked(beside: &str) -> Result<Remark, crate::Malformed> {
    let id = MessageId::from_uuid(uuid::Uuid::from_u128(1));
    Remark::read(id, serde_json::from_str(beside).unwrap(), Remarked::Request, &json!({ "note": "a" }))
}

#[test]
fn a_remark_says_what_it_says_and_what_it_leaves_out_is_empty() {
    let remark = remarked("{}").unwrap();
    let Beside { kind, assumptions, unknowns, constraints, classification, inputs } = remark.beside();
    assert_eq!((kind, classification), (&Kind::Delegation, &Confidentiality::Public));
    assert!(assumptions.is_empty() && unknowns.is_empty() && constraints.is_empty() && inputs.is_empty());
    let reason = |beside: &str| remarked(beside).unwrap_err().to_string();
    assert_eq!(reason(r#"{"message_type": "claim"}"#), "`/message_type` is not one of delegation, instruction");
    for member in ["provenance", "confidence", "extraction", "nonce", "sender_id", "message_id", "task_token"] {
        assert!(reason(&json!({ member: null }).to_string()).contains("has no member"), "{member}");
    }
    assert_eq!(reason(r#"{"inputs": ["msg_00000000000000000000000000000001"]}"#), "`/inputs` names the message itself");
    assert_eq!(reason(r#"{"unknowns": ["a", "a"]}"#), "`/unknowns/1` names what is named before");
    assert_eq!(reason("[]"), "`` is not an object");
}

fn moment() -> impl Strategy<Value = Timestamp> {
    // 1970 to 9999: the years that four digits write.
    (0..253_402_300_799_i64 * 1_000).prop_map(Timestamp::from_millis)
}

fn text() -> impl Strategy<Value = Text> {
    "\\PC{1,40}".prop_filter_map("a text", |text| text.parse().ok())
}

fn texts() -> impl Strategy<Value = Vec<Text>> {
    prop::collection::hash_set(text(), 0..4).prop_map(|texts| texts.into_iter().collect())
}

fn agent() -> impl Strategy<Value = SpiffeId> {
    ("[a-z0-9][a-z0-9._-]{0,10}", "[a-z0-9][a-z0-9._-]{0,10}").prop_map(|(domain, agent)| SpiffeId {
        trust_domain: domain.parse().unwrap(),
        agent: agent.parse::<AgentName>().unwrap(),
    })
}

fn confidence() -> impl Strategy<Value = Confidence> {
    (0..=1_000_000_u32).prop_map(|millionths| Confidence::from_millionths(millionths).unwrap())
}

fn token() -> impl Strategy<Value = UnverifiedToken> {
    "[A-Za-z0-9._-]{1,60}".prop_map(UnverifiedToken::new)
}

fn content() -> impl Strategy<Value = serde_json::Map<String, Value>> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-9_007_199_254_740_991_i64..=9_007_199_254_740_991).prop_map(Value::from),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Value::from),
        "[^\u{0}]{0,12}".prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[^\u{0}]{0,6}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    });
    prop::collection::btree_map("[^\u{0}]{1,6}", value, 1..4).prop_map(|members| members.into_iter().collect())
}

/// What is told of where it came from, with every field of this content read out of a document.
fn evidence(content: &serde_json::Map<String, Value>) -> impl Strategy<Value = Evidence> + use<> {
    let pointers: Vec<String> =
        content.keys().map(|key| format!("/{}", key.replace('~', "~0").replace('/', "~1"))).collect();
    let source = prop::sample::select(Source::ALL.to_vec());
    let method = prop::option::of(prop::sample::select(Method::ALL.to_vec()));
    let validation = prop::sample::select(Validation::ALL.to_vec());
    let provenance =
        (source, text(), method).prop_map(|(source, source_id, verified)| Provenance { source, source_id, verified });
    let extraction = (any::<bool>(), any::<[u8; 32]>(), text(), text(), confidence(), moment(), validation);
    (provenance, extraction).prop_map(move |(provenance, field)| {
        let (is_extracted, document, model, model_version, confidence, at, validation) = field;
        let fields = pointers.iter().filter(|_| is_extracted).map(|pointer| Extraction {
            pointer: pointer.clone(),
            document: Digest::from_bytes(document),
            model: model.clone(),
            model_version: model_version.clone(),
            confidence,
            at,
            validation,
        });
        Evidence { provenance, extraction: fields.collect() }
    })
}

fn kind(content: &serde_json::Map<String, Value>) -> impl Strategy<Value = Kind> + use<> {
    prop_oneof![
        (evidence(content), prop::option::of(confidence()))
            .prop_map(|(evidence, confidence)| Kind::Data { evidence, confidence }),
        (evidence(content), confidence()).prop_map(|(evidence, confidence)| Kind::Claim { evidence, confidence }),
        Just(Kind::Instruction),
        Just(Kind::Delegation),
    ]
}

fn messages() -> impl Strategy<Value = Message> {
    let tasks = (prop::option::of(token()), token());
    let who = (any::<u128>(), agent(), agent(), moment(), 1..=Message::VALID_MS_MAX, tasks);
    let what = content().prop_flat_map(|content| (kind(&content), Just(content)));
    let reaches = prop::collection::vec(prop::sample::select(Reach::ALL.to_vec()), 4);
    let constraints =
        prop::collection::btree_map("[a-z]{1,6}", (prop::sample::select(Force::ALL.to_vec()), text()), 0..4);
    let beside = (texts(), reaches, texts(), constraints, prop::sample::select(Confidentiality::ALL.to_vec()));
    let inputs = prop::collection::hash_set((any::<bool>(), 1_u128..), 0..4);
    let rest = (any::<[u8; 32]>(), "[A-Za-z0-9_-]{16,64}", "[a-z0-9][a-z0-9._-]{0,10}", 1..u32::MAX, inputs);
    (who, what, beside, rest).prop_map(|(who, (kind, content), beside, rest)| {
        let (id, claimed_sender, recipient, at, valid_ms, (task, asked_in)) = who;
        let (assumptions, reaches, unknowns, constraints, classification) = beside;
        let (goal, nonce, contract, version, inputs) = rest;
        let id = uuid::Uuid::from_u128(id);
        let input = |(is_message, bits): (bool, u128)| {
            // Never the message itself.
            let other = uuid::Uuid::from_u128(id.as_u128() ^ bits);
            if is_message { Input::Message(MessageId::from_uuid(other)) } else { Input::Hop(HopId::from_uuid(other)) }
        };
        // What asks for something names its task.
        let task = if kind.evidence().is_none() { Some(asked_in) } else { task };
        let parts = Parts {
            id: MessageId::from_uuid(id),
            claimed_sender,
            recipient,
            at,
            valid_until: at.plus_ms(valid_ms),
            content,
            beside: Beside {
                kind,
                assumptions: assumptions
                    .into_iter()
                    .zip(reaches)
                    .map(|(text, reach)| Assumption { text, reach })
                    .collect(),
                unknowns,
                constraints: constraints
                    .into_iter()
                    .map(|(name, (force, text))| Constraint { name: name.parse().unwrap(), force, text })
                    .collect(),
                classification,
                inputs: inputs.into_iter().map(input).collect(),
            },
            task,
            goal: Digest::from_bytes(goal),
            nonce: nonce.parse().unwrap(),
            contract: Contract { name: contract.parse().unwrap(), version },
        };
        Message::of(parts).unwrap()
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_the_same_message(message in messages()) {
        let written = message.write();
        let read = Message::parse(&written);
        prop_assert_eq!(read.as_ref(), Ok(&message), "{}", String::from_utf8_lossy(&written));
        prop_assert!(read.unwrap() == Message::of(message.into_parts()).unwrap());
    }

    #[test]
    fn what_is_said_beside_is_the_same_at_either_door(message in messages()) {
        let mut beside: Value = serde_json::from_slice(&message.write()).unwrap();
        let members = beside.as_object_mut().unwrap();
        let content = members.remove("content").unwrap();
        for signed in [
            "message_id", "sender_id", "recipient_id", "timestamp", "valid_until", "goal_hash", "nonce", "contract",
            "task_token",
        ] {
            members.remove(signed);
        }
        let asks = message.beside.kind.evidence().is_none();
        let of = if asks { Remarked::Request } else { Remarked::Answer };
        let remark = Remark::read(message.id, beside.clone(), of, &content).unwrap();
        prop_assert_eq!(remark.beside(), &message.beside);
        beside["message_id"] = json!(message.id.to_string());
        prop_assert_eq!(remark.told(), beside);
        let other = if asks { Remarked::Answer } else { Remarked::Request };
        prop_assert!(Remark::read(message.id, remark.told(), other, &content).is_err());
    }

    #[test]
    fn whatever_bytes_come_nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _refused_or_not = Message::parse(&bytes);
    }

    #[test]
    fn a_broken_message_is_refused_or_read_as_what_it_says(
        message in messages(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = message.write();
        for (place, byte) in edits {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Ok(read) = Message::parse(&bytes) {
            prop_assert_eq!(Message::parse(&read.write()), Ok(read));
        }
    }
}
