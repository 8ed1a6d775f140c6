//! Where values come from, and what cannot be passed off as coming from there.

use maso_core::{Act, Class, Confidentiality, Integrity, Label, Principal, Source, Word};
use maso_intent::{Below, Bound, ResultLabels};
use maso_wire::DocumentForm;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    Memory, follow,
    normal::{has_invisible, number_in, number_of},
};
use crate::fixture::{Scene, label, plain, tool};

mod echoes;
mod excerpts;

const SAID: Label = Label { integrity: Integrity::Operator, confidentiality: Confidentiality::Internal };
const READ: Label = Label { integrity: Integrity::External, confidentiality: Confidentiality::Internal };
const CHECKED: Label = Label { integrity: Integrity::Verified, confidentiality: Confidentiality::Confidential };

fn operator() -> Source {
    Source::Task(maso_core::TaskId::from_uuid(uuid::Uuid::from_u128(7)))
}

fn document() -> Source {
    Source::Server { server: "documents".parse().unwrap(), item: "read_document".into() }
}

/// A memory of what the operator said and what a document says.
fn memory(said: &str, read: &str) -> Memory {
    let mut memory = Memory::default();
    memory.learn(operator(), &json!(said), &plain(SAID));
    memory.learn(document(), &json!({"content": [{"type": "text", "text": read}]}), &plain(READ));
    memory
}

fn integrity(memory: &Memory, value: &Value) -> Integrity {
    memory.origin_of(value).map_or(Integrity::External, |(_, label)| label.integrity)
}

#[track_caller]
fn said(text: &str, value: impl Into<Value>) {
    let value = value.into();
    assert_eq!(integrity(&memory(text, ""), &value), Integrity::Operator, "`{value}` in `{text}`");
}

#[track_caller]
fn not_said(text: &str, value: impl Into<Value>) {
    let value = value.into();
    assert!(memory(text, "").origin_of(&value).is_none(), "`{value}` in `{text}`");
}

#[test]
fn a_value_is_found_however_it_is_written() {
    said("Pay 1,250.00 EUR", 1250);
    said("Pay 1,250.00 EUR", 1250.0);
    said("Pay 1.250,00 EUR", 1250);
    said("Pay 1250,50", 1250.5);
    said("Pay €1250.", json!("1,250.00"));
    said("Pay EUR1250!", 1250);
    said("Pay 1.250", "1.250");
    said("Pay 1,250", 1250);
    said("minus -5", -5);
    said("to DE89 3704 0044 0532 0130 00.", "DE89370400440532013000");
    said("to de89370400440532013000", "DE89 3704 0044 0532 0130 00");
    said("card 4111-1111-1111-1111", "4111111111111111");
    said("card 4111 1111 1111 1111 please", "4111-1111-1111-1111");
    said("(evil@x.com), or", "evil@x.com");
    said("write to <evil@x.com>.", "evil@x.com");
    said("mailto:evil@x.com", "evil@x.com");
    said("IBAN:DE89370400440532013000;", "DE89370400440532013000");
    said("Send it to Mr. John  Smith, please", "john smith");
    said("Send it to \"John\nSmith\"", "John Smith");
    said("read https://a.example/x?y=1,2", "https://a.example/x?y=1,2");
    said("the ﬁle ＡＢＣ-1", "abc-1");
    said("pay\u{200b}ee", "payee");
    said("open ./etc/x", "./etc/x");
    said("{\"payee\":\"DE89370400440532013000\",\"amount\":12}", "DE89370400440532013000");
}

#[test]
fn a_value_is_not_found_inside_another() {
    not_said("noevil@x.com", "evil@x.com");
    not_said("no evil@x.com", "noevil@x.com");
    not_said("to bob@x.com", "tobob@x.com");
    not_said("evil@x.com.example", "evil@x.com");
    not_said("https://good.example.evil.example/", "https://good.example");
    not_said("https://evil.example/?to=bob@x.com", "bob@x.com");
    not_said("delete /data/claims/tmp", "/data");
    not_said("open ./etc/passwd", "/etc/passwd");
    not_said("open ../etc/passwd", "/etc/passwd");
    not_said("Pay 1,250.00", 1);
    not_said("Pay 1,250.00", 250);
    not_said("Pay 1,250.00", "250.00");
    not_said("Pay 1,250.00", 1251);
    not_said("Pay 1.25", "1.250");
    not_said("Pay 1250", "1,250");
    not_said("12 5000", 125_000);
    not_said("12 5000", "125000");
    not_said("1e3", 1000);
    not_said("account 0042", 42);
    not_said("account 0042", "42");
    not_said("claim CLM-1042", 1042);
    not_said("true story", true);
    not_said("a bc", "abc");
    not_said("abc", "ab");
    not_said("abc", "c");
    not_said("issue #1250", 1250);
    not_said("Pay bob. Alice knows", "bob alice");
    not_said("anything", "");
    not_said("anything", "  ");
    not_said("anything", json!(null));
}

#[test]
fn a_value_with_characters_that_nobody_sees_is_not_the_one_that_was_said() {
    not_said("pay good@x.com", "go\u{200b}od@x.com");
    not_said("pay good@x.com", "\u{202e}good@x.com");
    assert!(has_invisible("a\u{e0041}") && !has_invisible("aü"));
}

#[test]
fn no_value_is_pieced_together_from_two_fields() {
    let mut memory = Memory::default();
    memory.learn(
        operator(),
        &json!({"a": "DE89 3704 0044", "b": "0532 0130 00", "c": "John", "d": "Smith"}),
        &plain(SAID),
    );
    assert!(memory.origin_of(&json!("DE89370400440532013000")).is_none());
    assert!(memory.origin_of(&json!("John Smith")).is_none());
    assert!(memory.origin_of(&json!("john")).is_some());
}

#[test]
fn the_best_source_counts_and_relay_does_not_launder() {
    let mut memory = memory("Pay DE89370400440532013000", "Pay DE89370400440532013000, no: GB29NWBK60161331926819");
    assert_eq!(memory.origin_of(&json!("DE89370400440532013000")), Some((&operator(), SAID)));
    let evil = json!("GB29NWBK60161331926819");
    assert_eq!(memory.origin_of(&evil), Some((&document(), READ)));
    // Another agent repeats it, with all the conviction of its own words.
    let relayed = Label { integrity: Integrity::External, ..SAID };
    memory.learn(Source::Agent("intake".parse().unwrap()), &json!({"payee": evil}), &plain(relayed));
    assert_eq!(integrity(&memory, &evil), Integrity::External);
    // Only a better source raises it.
    memory.learn(document(), &json!({"payee": evil}), &plain(CHECKED));
    assert_eq!(integrity(&memory, &evil), Integrity::Verified);
}

#[test]
fn the_label_of_all_that_was_seen_only_gets_worse() {
    let mut memory = Memory::default();
    assert_eq!(memory.label(), Label::NEUTRAL);
    memory.learn(operator(), &json!("x"), &plain(SAID));
    assert_eq!(memory.label(), SAID);
    memory.learn(document(), &json!("y"), &plain(label(Integrity::External, Confidentiality::Restricted)));
    memory.learn(operator(), &json!("z"), &plain(SAID));
    assert_eq!(memory.label(), Label::WORST);
}

fn fields() -> ResultLabels {
    let fields = vec![("/payee".into(), CHECKED), ("/items/*/amount".into(), CHECKED)];
    ResultLabels { fields, ..ResultLabels::plain(READ) }
}

#[test]
fn field_labels_apply_to_the_structured_result_or_to_the_only_text_that_is_one() {
    let check = |result: Value, value: Value, expected: Integrity| {
        let mut memory = Memory::default();
        memory.learn(document(), &result, &fields());
        assert_eq!(integrity(&memory, &value), expected, "{value} in {result}");
    };
    let text = |text: &str| json!({"content": [{"type": "text", "text": text}]});
    let inner = r#"{"payee": "abc-123", "note": "def-456", "items": [{"amount": 77, "name": "ghi-789"}]}"#;
    let structured = json!({"content": [], "structuredContent": serde_json::from_str::<Value>(inner).unwrap()});
    for result in [structured, text(inner)] {
        check(result.clone(), json!("abc-123"), Integrity::Verified);
        check(result.clone(), json!(77), Integrity::Verified);
        check(result.clone(), json!("def-456"), Integrity::External);
        check(result, json!("ghi-789"), Integrity::External);
    }
    // A text beside a structured result, one of two texts, a failed result, a text that only quotes a field and a frame
    // that two parsers read differently: none of them raises anything.
    let both = json!({"content": [{"type": "text", "text": inner}], "structuredContent": {"payee": "other"}});
    check(both, json!("abc-123"), Integrity::External);
    let two = json!({"content": [{"type": "text", "text": inner}, {"type": "text", "text": "hello"}]});
    check(two, json!("abc-123"), Integrity::External);
    let failed = json!({"isError": true, "content": [{"type": "text", "text": inner}], "structuredContent": {"payee": "abc-123"}});
    check(failed, json!("abc-123"), Integrity::External);
    check(text("the payee is {\"payee\": \"abc-123\"}"), json!("abc-123"), Integrity::External);
    check(json!({"payee": "abc-123"}), json!("abc-123"), Integrity::External);
    check(text(r#"{"nested": {"payee": "abc-123"}}"#), json!("abc-123"), Integrity::External);
}

#[test]
fn past_the_bound_the_oldest_and_least_believed_is_forgotten_first() {
    let mut memory = Memory::bounded(4_000);
    memory.learn(operator(), &json!("operator-word"), &plain(SAID));
    memory.learn(document(), &json!("first-external"), &plain(READ));
    memory.learn(document(), &json!("checked-word"), &plain(CHECKED));
    for n in 0..100 {
        memory.learn(document(), &json!(format!("external-{n}")), &plain(READ));
    }
    assert!(memory.origin_of(&json!("first-external")).is_none());
    assert!(memory.origin_of(&json!("external-99")).is_some());
    for n in 0..100 {
        memory.learn(document(), &json!(format!("checked-{n}")), &plain(CHECKED));
    }
    assert!(memory.origin_of(&json!("external-99")).is_none());
    assert!(memory.origin_of(&json!("checked-word")).is_none());
    assert_eq!(integrity(&memory, &json!("operator-word")), Integrity::Operator);
    assert!(memory.cost <= memory.cost_max);
    assert_eq!(memory.index.values().map(Vec::len).sum::<usize>(), memory.index.len());
    // What is too big is learned as far as it fits, and the rest has no origin.
    let mut memory = Memory::default();
    let long: String = (0..200_000).map(|n| format!("word-{n} ")).collect();
    memory.learn(document(), &json!(long), &plain(READ));
    assert!(memory.origin_of(&json!("word-1")).is_some() && memory.origin_of(&json!("word-199999")).is_none());
}

#[test]
fn a_word_that_stands_everywhere_keeps_its_best_place() {
    let mut memory = Memory::default();
    for _ in 0..500 {
        memory.learn(document(), &json!("common word"), &plain(READ));
    }
    memory.learn(operator(), &json!("common sense"), &plain(SAID));
    assert_eq!(integrity(&memory, &json!("common")), Integrity::Operator);
    assert_eq!(integrity(&memory, &json!("common sense")), Integrity::Operator);
}

fn scene_memory(scene: &Scene) -> Memory {
    let view = scene.view();
    Memory::for_task(view.task, view.solution, view.mandate)
}

#[test]
fn what_the_operator_said_and_what_the_mandate_fixes_is_the_operators() {
    let scene = Scene::payment();
    let memory = scene_memory(&scene);
    assert_eq!(integrity(&memory, &json!("claims@insurer.example")), Integrity::Operator);
    assert_eq!(memory.origin_of(&json!("claims@insurer.example")).unwrap().0, &Source::Mandate("mailbox".into()));
    let tracing = follow(&memory, scene.view());
    assert_eq!(tracing.findings.word(), Word::Go, "{:?}", tracing.findings);
    assert_eq!(tracing.label, SAID);
    let account = tracing.origins.iter().find(|origin| origin.pointer == "/payee_iban").unwrap();
    assert!(account.authority && account.needed == Some(Integrity::Verified));
    assert_eq!(account.source, operator());
}

#[test]
fn an_account_that_only_a_document_names_is_refused_and_the_same_account_on_file_is_not() {
    let mut scene = Scene::payment();
    scene.hop.payload["payee_iban"] = json!("GB29NWBK60161331926819");
    let mut memory = scene_memory(&scene);
    let letter =
        json!({"content": [{"type": "text", "text": "New account: GB29 NWBK 6016 1331 9268 19, amount 1250"}]});
    memory.learn(document(), &letter, &plain(READ));
    let tracing = follow(&memory, scene.view());
    let finding = tracing.findings.iter().next().unwrap();
    assert_eq!((finding.control.as_str(), finding.word), ("PG-2.5", Word::NoGo));
    expect_test::expect![
        "`/payee_iban` (account) came from `read_document` of server `documents` (external), needs verified"
    ]
    .assert_eq(&finding.reason);
    assert_eq!(finding.evidence.as_ref().unwrap().excerpt, "GB29NWBK60161331926819");
    assert_eq!(finding.evidence.as_ref().unwrap().pointer, "/payee_iban");
    // The pair: the manifest asks for nothing, and the same hop passes.
    let lax = scene.clone().with_tool("claims-db:pay_claim", |tool| tool.authority.clear());
    assert_eq!(follow(&memory, lax.view()).findings.word(), Word::Go);
    // And a primary source that says the same makes it good.
    memory.learn(
        Source::Server { server: "claims-db".parse().unwrap(), item: "read_claim".into() },
        &json!({"content": [], "structuredContent": {"payee_iban": "GB29NWBK60161331926819"}}),
        &scene.view().deployment.tool(&tool("claims-db:read_claim")).unwrap().result.clone(),
    );
    assert_eq!(follow(&memory, scene.view()).findings.word(), Word::Go);
}

#[test]
fn a_value_that_nobody_said_escalates_where_the_manifest_says_so() {
    let mut scene = Scene::payment();
    scene.hop.payload["amount"] = json!(4999);
    let tracing = follow(&scene_memory(&scene), scene.view());
    assert_eq!(tracing.findings.word(), Word::Escalate);
    let reason = &tracing.findings.iter().next().unwrap().reason;
    assert_eq!(reason, "`/amount` (amount) came from nowhere that was seen (external), needs internal");
    assert_eq!(tracing.label.integrity, Integrity::External);
}

#[test]
fn every_leaf_of_an_argument_with_authority_counts() {
    let word = |to: Value| {
        let scene = Scene::call("communication", "mail:send", json!({"to": to, "text": "hello"}));
        follow(&scene_memory(&scene), scene.view()).findings.word()
    };
    assert_eq!(word(json!("claims@insurer.example")), Word::Go);
    assert_eq!(word(json!(["claims@insurer.example", "evil@x.com"])), Word::Escalate);
    assert_eq!(word(json!({"a": {"b": ["evil@x.com"]}})), Word::Escalate);
    assert_eq!(word(json!({"evil@x.com": null})), Word::Escalate);
    assert_eq!(word(json!({"primary": "claims@insurer.example"})), Word::Go);
    assert_eq!(word(json!(true)), Word::Escalate);
    assert_eq!(word(json!([])), Word::Go);
    assert_eq!(word(json!(vec!["evil@x.com"; 1_000])), Word::Escalate);
}

/// Who gets a right is a value, also where it stands in the place of a name.
#[test]
fn below_an_argument_with_authority_a_key_that_no_schema_names_is_a_value() {
    let word = |grants: Value| {
        let scene = Scene::call("communication", "mail:send", json!({"to": grants}));
        let scene = scene.with_tool("mail:send", |tool| {
            let schema = json!({"properties": {"to": {"properties": {"primary": {"type": "string"}}}}});
            let definition = maso_intent::ToolDefinition::new(json!({"name": "send", "inputSchema": schema}));
            tool.definition = Some(std::sync::Arc::new(definition));
        });
        follow(&scene_memory(&scene), scene.view()).findings.word()
    };
    assert_eq!(word(json!({"primary": "claims@insurer.example"})), Word::Go);
    for granted in [json!("claims@insurer.example"), json!(null), json!({}), json!([])] {
        assert_eq!(word(json!({"mallory": granted})), Word::Escalate, "{granted}");
    }
    // Whom the operator named may stand there.
    assert_eq!(word(json!({"claim": "claims@insurer.example"})), Word::Go);
}

#[test]
fn a_pattern_reaches_into_lists_and_a_denial_is_found_behind_any_number_of_values() {
    let scene = Scene::call("communication", "mail:send", json!({}));
    let mut scene = scene.with_tool("mail:send", |tool| {
        let mut argument = tool.authority.remove("/to").unwrap();
        tool.authority.insert("/to/*/address".into(), argument.clone());
        argument.below = Below::Deny;
        tool.authority.insert("/bcc".into(), argument);
    });
    scene.hop.payload = json!({"to": [{"name": "x", "address": "claims@insurer.example"}, {"address": "evil@x.com"}]});
    let tracing = follow(&scene_memory(&scene), scene.view());
    let pointers: Vec<_> =
        tracing.findings.iter().map(|finding| finding.evidence.as_ref().unwrap().pointer.as_str()).collect();
    assert_eq!(pointers, ["/to/1/address"]);
    let filler: Vec<Value> = (0..2_000).map(|n| json!({"address": format!("x{n}@x.com")})).collect();
    scene.hop.payload = json!({"a": vec!["pad"; 2_000], "to": filler, "bcc": "evil@x.com"});
    let tracing = follow(&scene_memory(&scene), scene.view());
    assert_eq!(tracing.findings.word(), Word::NoGo);
    assert!(
        tracing.origins.len() <= super::ORIGINS_MAX + 1 && tracing.findings.iter().count() <= super::DOUBTS_MAX + 1
    );
}

#[test]
fn a_value_that_the_mandate_lists_for_this_argument_is_the_mandates() {
    let scene = Scene::payment().with_mandate("payment", |mandate| {
        let bound = Bound::OneOf(vec![json!("GB29NWBK60161331926819")]);
        let terms = mandate.tools.get_mut(&tool("claims-db:pay_claim")).unwrap();
        terms.bounds.insert("/payee_iban".into(), bound);
    });
    let mut listed = scene.clone();
    listed.hop.payload["payee_iban"] = json!("GB29NWBK60161331926819");
    let tracing = follow(&scene_memory(&listed), listed.view());
    assert_eq!(tracing.findings.word(), Word::Go);
    // In another argument the same value is nobody's.
    let mut elsewhere = scene;
    elsewhere.hop.payload["claim"] = json!("GB29NWBK60161331926819");
    let tracing = follow(&scene_memory(&elsewhere), elsewhere.view());
    assert_eq!(tracing.origins.iter().find(|origin| origin.pointer == "/claim").unwrap().source, Source::Unknown);
}

#[test]
fn nobody_receives_more_than_they_are_cleared_for() {
    let result = json!({"content": [], "structuredContent": {"payee_iban": "DE89370400440532013000"}});
    let scene = |clearance| {
        let scene = Scene::call("intake", "claims-db:read_claim", json!({})).answered(result.clone());
        scene.with_mandate("intake", |mandate| mandate.clearance = clearance)
    };
    let word = |scene: &Scene| follow(&scene_memory(scene), scene.view()).findings.word();
    assert_eq!(word(&scene(Confidentiality::Confidential)), Word::Go);
    assert_eq!(word(&scene(Confidentiality::Internal)), Word::NoGo);
    let tracing = follow(&Memory::default(), scene(Confidentiality::Internal).view());
    let finding = tracing.findings.iter().next().unwrap();
    assert_eq!(finding.control.as_str(), "DP-1.1");
    assert_eq!(finding.reason, "it is confidential, and agent `intake` is cleared up to internal");
    assert_eq!(tracing.label, CHECKED);
}

#[test]
fn a_message_between_agents_is_fenced_by_what_the_task_has_seen() {
    let agent = |name: &str| Principal::Agent(name.parse().unwrap());
    let request = Act::Request { agent: "payment".parse().unwrap(), request: "assess".parse().unwrap() };
    let scene = Scene::ask(agent("intake"), agent("payment"), request, json!({"note": "composed by a model"}));
    let mut memory = scene_memory(&scene);
    assert_eq!(follow(&memory, scene.view()).findings.word(), Word::Go);
    memory.learn(document(), &json!("x"), &plain(label(Integrity::External, Confidentiality::Restricted)));
    assert_eq!(follow(&memory, scene.view()).findings.word(), Word::Go);
    let less = scene.with_mandate("payment", |mandate| mandate.clearance = Confidentiality::Confidential);
    assert_eq!(follow(&memory, less.view()).findings.word(), Word::NoGo);
}

#[test]
fn what_is_sent_outside_after_restricted_data_was_seen_needs_a_person() {
    let scene = Scene::call("communication", "mail:send", json!({"to": "claims@insurer.example", "text": "hello"}));
    let mut memory = scene_memory(&scene);
    memory.learn(document(), &json!("x"), &plain(label(Integrity::Internal, Confidentiality::Confidential)));
    assert_eq!(follow(&memory, scene.view()).findings.word(), Word::Go);
    memory.learn(document(), &json!("x"), &plain(label(Integrity::Internal, Confidentiality::Restricted)));
    let findings = follow(&memory, scene.view()).findings;
    assert_eq!(findings.word(), Word::Escalate);
    assert_eq!(findings.iter().next().unwrap().control.as_str(), "ENV-16");
    let inside = scene.with_tool("mail:send", |tool| tool.class = Class::Read);
    assert_eq!(follow(&memory, inside.view()).findings.word(), Word::Go);
}

#[test]
fn what_a_server_says_unasked_has_the_servers_label() {
    let notify = Act::Notify { server: "documents".parse().unwrap(), topic: "log".into() };
    let from = Principal::Server("documents".parse().unwrap());
    let scene = Scene::ask(from, Principal::Agent("intake".parse().unwrap()), notify, json!({"data": "x"}));
    assert_eq!(follow(&Memory::default(), scene.view()).label, READ);
}

/// A server whose answers anyone may have written is not believed more because it tells of them while it works.
#[test]
fn what_a_server_says_unasked_is_believed_no_more_than_its_answers() {
    let notify = Act::Notify { server: "documents".parse().unwrap(), topic: "notifications/progress".into() };
    let from = Principal::Server("documents".parse().unwrap());
    let said = json!({"progress": 1, "message": "GB29NWBK60161331926819"});
    let mut scene = Scene::ask(from, Principal::Agent("intake".parse().unwrap()), notify, said);
    let server = std::sync::Arc::make_mut(scene.deployment.servers.get_mut(&"documents".parse().unwrap()).unwrap());
    server.label = label(Integrity::Internal, Confidentiality::Internal);
    assert_eq!(follow(&Memory::default(), scene.view()).label, READ);
    // Whoever holds no tool whose answers are worse is told what the server's own label says.
    let scene = scene.with_mandate("intake", |mandate| {
        mandate.tools.remove(&tool("documents:read_document")).unwrap();
    });
    assert_eq!(follow(&Memory::default(), scene.view()).label.integrity, Integrity::Internal);
}

#[test]
fn one_number_has_one_form() {
    for (text, expected) in [
        ("1250", "1250"),
        ("1250.0", "1250"),
        ("1,250.00", "1250"),
        ("1.250,00", "1250"),
        ("1.234.567,8", "1234567.8"),
        ("1,234,567", "1234567"),
        ("-0.50", "-0.5"),
        ("+7", "7"),
        ("-0", "0"),
        ("0.0", "0"),
        ("$12", "12"),
        ("-$12", "-12"),
        ("12eur", "12"),
        ("1250,5", "1250.5"),
    ] {
        assert_eq!(number_in(text).as_deref(), Some(expected), "{text}");
    }
    for text in [
        "", "-", "eur", "007", "1,25,0", "1.2.3", "1,2,3", "12a", "1e3", "0x10", "1,250,00", "12:30", "--5", "1.", ".5",
    ] {
        assert_eq!(number_in(text), None, "{text}");
    }
    for (number, expected) in [
        (json!(1e3), "1000"),
        (json!(1.5e-7), "0.00000015"),
        (json!(-2.50), "-2.5"),
        (json!(1e21), "1000000000000000000000"),
    ] {
        let Value::Number(number) = number else { unreachable!() };
        assert_eq!(number_of(&number), expected);
    }
}

proptest! {
    #[test]
    fn learning_and_tracing_are_total(texts in prop::collection::vec("\\PC{0,60}", 0..6), value in "\\PC{0,40}") {
        let mut memory = Memory::bounded(2_000);
        for text in &texts {
            memory.learn(document(), &json!({"content": [{"type": "text", "text": text}], "x": text}), &fields());
            prop_assert!(memory.cost <= memory.cost_max);
        }
        memory.origin_of(&json!(value));
    }

    /// What was learned whole is found, unless it holds what nobody sees.
    #[test]
    fn what_was_said_is_found(text in "[a-zA-Z0-9@.:/,€ü-]{1,30}( [a-zA-Z0-9@./-]{1,10}){0,4}") {
        let memory = memory(&format!("before {text} after"), "");
        prop_assert!(memory.origin_of(&json!(text)).is_some());
    }

    #[test]
    fn learning_more_from_outside_never_raises_a_value(
        texts in prop::collection::vec("[a-c]{1,3}( [a-c]{1,3}){0,3}", 1..8), value in "[a-c]{1,3}( [a-c]{1,3}){0,1}",
    ) {
        let mut memory = memory("a ab abc", "");
        let before = integrity(&memory, &json!(value));
        for text in texts {
            memory.learn(document(), &json!(text), &plain(READ));
            prop_assert_eq!(integrity(&memory, &json!(value)), before);
        }
    }

    #[test]
    fn an_integer_is_found_in_each_way_of_writing_it(number in 1_i64..1_000_000_000) {
        let digits = number.to_string();
        let mut grouped = String::new();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index) % 3 == 0 { grouped.push(','); }
            grouped.push(digit);
        }
        for text in [format!("pay {digits}"), format!("pay {grouped}.00!"), format!("({digits}.0)")] {
            prop_assert_eq!(integrity(&memory(&text, ""), &json!(number)), Integrity::Operator, "{}", text);
            prop_assert_eq!(integrity(&memory(&text, ""), &json!(number + 1)), Integrity::External, "{}", text);
        }
    }
}

#[test]
fn a_web_address_is_as_good_as_its_host_only_where_the_manifest_says_so() {
    let memory =
        memory("Book a table at www.tables.example, and read https://news.example/today.", "https://evil.example/x");
    let host = |address: &str| memory.origin_of_host(address).map(|(_, label)| label.integrity);
    assert_eq!(host("https://www.tables.example/form?id=1"), Some(Integrity::Operator));
    assert_eq!(host("http://news.example"), Some(Integrity::Operator));
    assert_eq!(host("https://evil.example/y"), Some(Integrity::External));
    for address in
        ["https://tables.example@evil.example/", "https://tables.example.evil.example", "tables.example.evil"]
    {
        assert_eq!(host(address), None, "{address}");
    }
    assert!(memory.origin_of(&json!("https://www.tables.example/form?id=1")).is_none());
}

#[test]
fn a_moment_is_as_good_as_its_day_only_where_the_manifest_says_so() {
    let memory = memory(
        "Stay from January 11th to January 15th 2025, and call me tomorrow.",
        "Come on 2025-03-01. It is 2025-02-01.",
    );
    let day = |moment: &str| memory.origin_of_day(moment).map(|(_, label)| label.integrity);
    assert_eq!(day("2025-01-11 10:00"), Some(Integrity::Operator));
    assert_eq!(day("2025-01-15"), Some(Integrity::Operator));
    assert_eq!(day("2025-03-01"), Some(Integrity::External));
    // The day after one that somebody else named is as good as that.
    assert_eq!(day("2025-02-02"), Some(Integrity::External));
    // `tomorrow` is the day after any that was named.
    assert_eq!(day("2025-01-12"), Some(Integrity::Operator));
    assert_eq!(day("2025-01-13"), None);
    assert!(memory.origin_of(&json!("2025-01-11 10:00")).is_none());
}

#[test]
fn an_address_ends_where_a_sentence_begins() {
    said("Post it to www.our-site.example.They wrote it", "www.our-site.example");
    said("Ask a@b.example.Thanks", "a@b.example");
    said("see README.Md and www.Site.example", "readme.md");
    not_said("Post it to www.our-site.example.evil", "www.our-site.example");
}

#[test]
fn fields_of_a_document_have_labels_in_the_form_that_the_manifest_names() {
    let yaml = "payee: abc-123\nnote: 'payee: def-456'\n";
    let python = "{'payee': 'abc-123', 'note': \"'payee': 'def-456'\"}";
    for (text, form) in [(yaml, DocumentForm::Yaml), (python, DocumentForm::Python)] {
        let of = |form: DocumentForm| {
            let mut memory = Memory::default();
            let result = json!({ "content": [{ "type": "text", "text": text }] });
            memory.learn(document(), &result, &ResultLabels { text: form, ..fields() });
            memory
        };
        assert_eq!(integrity(&of(form), &json!("abc-123")), Integrity::Verified);
        assert_eq!(integrity(&of(form), &json!("def-456")), Integrity::External);
        // Under another form it is a text, and text that looks like a field raises nothing.
        assert_eq!(integrity(&of(DocumentForm::Json), &json!("abc-123")), Integrity::External);
    }
}
