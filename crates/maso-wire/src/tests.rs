//! What arrives is either exactly one meaning within the limits, or refused.

use std::{collections::BTreeMap, fs, path::PathBuf};

use maso_core::{Act, Digest, HopId, Principal, Timestamp, Turn, canonical_bytes};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Corpus {
    good: BTreeMap<String, Expected>,
    bad: BTreeMap<String, Expected>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    #[serde(default)]
    limits: BTreeMap<String, u64>,
    canonical: Option<String>,
    reason: Option<String>,
}

impl Expected {
    fn limits(&self) -> Limits {
        let mut limits = Limits::DEFAULT;
        for (name, &value) in &self.limits {
            let small = usize::try_from(value).unwrap();
            match name.as_str() {
                "frame_bytes_max" => limits.frame_bytes_max = small,
                "depth_max" => limits.depth_max = small,
                "nodes_max" => limits.nodes_max = small,
                "string_bytes_max" => limits.string_bytes_max = small,
                "keys_max" => limits.keys_max = small,
                "integer_max" => limits.integer_max = value,
                other => panic!("unknown limit {other}"),
            }
        }
        limits
    }
}

fn corpus() -> (PathBuf, Corpus) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../corpus/frames");
    let expected = fs::read(folder.join("expected.json")).unwrap();
    (folder, serde_json::from_slice(&expected).unwrap())
}

fn names(folder: &PathBuf) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn every_good_frame_of_the_corpus_is_read_as_meant() {
    let (folder, corpus) = corpus();
    assert_eq!(names(&folder.join("good")), corpus.good.keys().cloned().collect::<Vec<_>>());
    for (name, expected) in &corpus.good {
        let bytes = fs::read(folder.join("good").join(name)).unwrap();
        let parsed = parse(&bytes, &expected.limits()).unwrap_or_else(|malformed| panic!("{name}: {malformed}"));
        assert_eq!(parsed.value(), &serde_json::from_slice::<Value>(&bytes).unwrap(), "{name}");
        assert_eq!(parsed.digest(), Digest::of(&bytes), "{name}");
        if let Some(canonical) = &expected.canonical {
            assert_eq!(&String::from_utf8(canonical_bytes(parsed.value())).unwrap(), canonical, "{name}");
        }
    }
}

#[test]
fn every_bad_frame_of_the_corpus_is_refused_for_its_reason() {
    let (folder, corpus) = corpus();
    assert_eq!(names(&folder.join("bad")), corpus.bad.keys().cloned().collect::<Vec<_>>());
    for (name, expected) in &corpus.bad {
        let bytes = fs::read(folder.join("bad").join(name)).unwrap();
        let malformed = parse(&bytes, &expected.limits()).expect_err(name);
        let reason = expected.reason.as_ref().expect("a bad frame has a reason");
        assert!(malformed.reason.contains(reason.as_str()), "{name}: `{malformed}` does not say `{reason}`");
        assert!(malformed.reason.len() < 300, "{name}: a reason stays short");
    }
}

#[test]
fn reasons_say_where() {
    let reason = |text: &str| parse(text.as_bytes(), &Limits::DEFAULT).unwrap_err().reason;
    assert_eq!(reason("{\"a\":1,\n \"a\":2}"), "duplicate key \"a\" at line 2 column 4");
    assert_eq!(
        reason("[1,\n  9007199254740993]"),
        "integer beyond 9007199254740991, which some peers would round at line 2 column 18"
    );
    assert_eq!(reason("\"ab\\q\""), "invalid escape at line 1 column 5");
    assert_eq!(reason("[1.2345678901234567890123]"), "number with more than 17 significant digits at line 1 column 2");
}

#[test]
fn what_a_server_answers_may_hold_integers_that_an_action_may_not() {
    let bytes = b"[1763900000000000001]";
    assert!(parse(bytes, &Limits::DEFAULT).is_err());
    let answer = parse(bytes, &Limits::DEFAULT.for_answers()).unwrap();
    assert_eq!(answer.value(), &json!([1_763_900_000_000_000_001_u64]));
}

#[test]
fn two_accounts_that_would_share_a_canonical_form_are_not_both_actions() {
    let one = json!({"account": 9_007_199_254_740_993_u64});
    let other = json!({"account": 9_007_199_254_740_992_u64});
    assert_eq!(canonical_bytes(&one), canonical_bytes(&other), "RFC 8785 writes numbers as doubles");
    for value in [one, other] {
        assert!(parse(value.to_string().as_bytes(), &Limits::DEFAULT).is_err());
    }
}

fn arrival() -> Arrival {
    Arrival {
        id: HopId::from_uuid(Default::default()),
        at: Timestamp::from_millis(0),
        credential: Credential::Absent,
        task: Some(UnverifiedToken::new("very-secret")),
        to: Principal::Server("claims".parse().unwrap()),
    }
}

#[test]
fn a_part_of_a_frame_is_received_without_parsing_it_again() {
    let frame = br#"{"method":"tools/call","params":{"name":"pay","arguments":{"amount":10}}}"#;
    let act = Act::CallTool("claims:pay".parse().unwrap());
    let parsed = parse(frame, &Limits::DEFAULT).unwrap();
    let received = Received::from_parsed(arrival(), act.clone(), Turn::Ask, parsed.pointer("/params/arguments"));
    assert_eq!(received.claimed_act(), &act);
    let parts = received.into_parts();
    assert_eq!(parts.payload, json!({"amount": 10}));
    assert_eq!(parts.digest, Digest::of(frame), "bound to the bytes that arrived, not to a re-serialised part");
}

#[test]
fn a_part_that_is_not_there_is_an_empty_object_and_null_stays_null() {
    let parsed = parse(br#"{"params":null}"#, &Limits::DEFAULT).unwrap();
    assert_eq!(parsed.clone().pointer("/params").value(), &Value::Null);
    assert_eq!(parsed.clone().pointer("/nowhere").value(), &json!({}));
    assert_eq!(parsed.clone().pointer("").value(), parsed.value());
}

#[test]
fn received_bytes_are_the_same_as_the_parsed_frame() {
    let act = Act::CallTool("claims:pay".parse().unwrap());
    let received = Received::from_bytes(arrival(), act.clone(), Turn::Ask, b"{\"a\":1}", &Limits::DEFAULT).unwrap();
    assert_eq!(received.into_parts().payload, json!({"a": 1}));
    assert!(Received::from_bytes(arrival(), act, Turn::Ask, b"{", &Limits::DEFAULT).is_err());
}

#[test]
fn debugging_shows_no_token_and_no_content() {
    let parsed = parse(br#"{"iban":"GB33BUKB20201555555555"}"#, &Limits::DEFAULT).unwrap();
    assert!(!format!("{parsed:?}").contains("GB33"));
    assert!(!format!("{:?}", arrival()).contains("very-secret"));
}

/// Values that JSON can carry within the default limits.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-9_007_199_254_740_991_i64..=9_007_199_254_740_991).prop_map(Value::from),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Value::from),
        "[^\u{0}]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[^\u{0}]{0,6}", inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The value `depth` objects and arrays deep, so that a defect is tried at every depth.
fn wrap(text: String, depth: usize) -> String {
    (0..depth)
        .fold(text, |inner, level| if level % 2 == 0 { format!("[{inner}]") } else { format!("{{\"k\":{inner}}}") })
}

proptest! {
    #[test]
    fn what_is_written_reads_back_equal(value in values()) {
        prop_assert_eq!(parse_json(value.to_string().as_bytes(), &Limits::DEFAULT), Ok(value.clone()));
        let pretty = serde_json::to_vec_pretty(&value).unwrap();
        prop_assert_eq!(parse_json(&pretty, &Limits::DEFAULT), Ok(value));
    }

    #[test]
    fn a_duplicate_key_is_refused_at_any_depth(key in "[a-z]{1,5}", one in values(), two in values(), depth in 0_usize..60) {
        let escaped: String = key.chars().map(|c| format!("\\u{:04x}", c as u32)).collect();
        for again in [&key, &escaped] {
            let text = wrap(format!("{{\"{key}\":{one},\"{again}\":{two}}}"), depth);
            let result = parse_json(text.as_bytes(), &Limits::DEFAULT);
            prop_assert!(result.is_err(), "{}", text);
        }
    }

    #[test]
    fn each_limit_holds_at_its_edge(n in 1_usize..60) {
        let default = Limits::DEFAULT;
        let nested = format!("{}{}", "[".repeat(n), "]".repeat(n));
        let row = format!("[{}]", vec!["0"; n].join(","));
        let text = format!("\"{}\"", "x".repeat(n));
        let keys: Vec<_> = (0..n).map(|index| format!("\"{index}\":0")).collect();
        let object = format!("{{{}}}", keys.join(","));
        let number = u64::try_from(n).unwrap();
        let edges = [
            (&nested, Limits { depth_max: n, ..default }, Limits { depth_max: n - 1, ..default }),
            (&row, Limits { nodes_max: n + 1, ..default }, Limits { nodes_max: n, ..default }),
            (&text, Limits { string_bytes_max: n, ..default }, Limits { string_bytes_max: n - 1, ..default }),
            (&object, Limits { keys_max: n, ..default }, Limits { keys_max: n - 1, ..default }),
            (&n.to_string(), Limits { integer_max: number, ..default }, Limits { integer_max: number - 1, ..default }),
            (
                &row,
                Limits { frame_bytes_max: row.len(), ..default },
                Limits { frame_bytes_max: row.len() - 1, ..default },
            ),
        ];
        for (text, at, below) in edges {
            prop_assert_eq!(parse_json(text.as_bytes(), &at).err(), None);
            prop_assert!(parse_json(text.as_bytes(), &below).is_err(), "{} {:?}", text, below);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _refused_or_not = parse(&bytes, &Limits::DEFAULT);
    }

    #[test]
    fn whatever_is_accepted_serde_reads_the_same(text in "[\\[\\]{}\",:0-9eE.+\\-\\\\u a-f\n]{0,40}") {
        if let Ok(value) = parse_json(text.as_bytes(), &Limits::DEFAULT) {
            prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        }
    }
}
