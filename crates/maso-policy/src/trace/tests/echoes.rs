//! What a server gives back of what it was sent proves nothing.

use maso_core::{ControlId, Origin};
use maso_intent::Deselection;

use super::*;
use crate::trace::memory::Order;

const OURS: Label = Label { integrity: Integrity::Internal, confidentiality: Confidentiality::Confidential };
const ACCOUNT: &str = "DE89370400440532013000";

/// A task in which a letter names an account.
fn letter(text: &str) -> Memory {
    let mut memory = Memory::default();
    memory.learn(document(), &json!({"content": [{"type": "text", "text": text}]}), &plain(READ));
    memory
}

/// `intake` sends this to the system of record, which is ours.
fn send(memory: &mut Memory, arguments: Value) {
    let scene = Scene::call("intake", "claims-db:note", arguments);
    let tracing = follow(memory, scene.view());
    let server = "claims-db".parse().unwrap();
    memory.sent(Order::InTime, &server, &scene.hop.payload, &tracing.origins, tracing.label, ANYTHING);
}

/// The system of record answers.
fn hear(memory: &mut Memory, said: Value, labels: &ResultLabels) {
    let source = Source::Server { server: "claims-db".parse().unwrap(), item: "note".into() };
    memory.learn(source, &said, labels);
}

#[track_caller]
fn launders_nothing(sent: &[Value], said: Value, value: impl Into<Value>) {
    let value = value.into();
    let mut memory = Memory::default();
    for arguments in sent {
        send(&mut memory, arguments.clone());
    }
    hear(&mut memory, said.clone(), &plain(OURS));
    assert!(memory.origin_of(&value).is_some(), "`{value}` is not in {said} at all");
    assert_eq!(integrity(&memory, &value), Integrity::External, "`{value}`, sent in {sent:?}, heard in {said}");
    // Without having been sent, the same words would be the server's own.
    let mut memory = Memory::default();
    hear(&mut memory, said, &plain(OURS));
    assert_eq!(integrity(&memory, &value), Integrity::Internal);
}

#[test]
fn a_tool_that_repeats_its_argument_raises_nothing() {
    let mut memory = letter("pay to DE89 3704 0044 0532 0130 00");
    send(&mut memory, json!({"q": ACCOUNT}));
    hear(&mut memory, json!({"content": [], "structuredContent": {"query": ACCOUNT, "hits": 0}}), &plain(OURS));
    assert_eq!(integrity(&memory, &json!(ACCOUNT)), Integrity::External);
    // What the server says beside it is the server's.
    assert_eq!(integrity(&memory, &json!("query")), Integrity::External);
    hear(&mut memory, json!({"text": "claim C-7 is open"}), &plain(OURS));
    assert_eq!(integrity(&memory, &json!("claim C-7")), Integrity::Internal);
}

#[test]
fn an_echo_is_one_however_it_is_written() {
    let sent = [json!({"q": ACCOUNT})];
    for said in [
        json!("DE89 3704 0044 0532 0130 00"),
        json!("we found nothing for de89370400440532013000, sorry"),
        json!("iban:DE89370400440532013000;"),
        json!({"content": [{"type": "text", "text": "{\"query\": \"DE89370400440532013000\"}"}]}),
        json!({"isError": true, "content": [{"type": "text", "text": "no such account: (DE89370400440532013000)"}]}),
        json!({"code": -32000, "message": "unknown DE89-3704-0044-0532-0130-00"}),
        json!({ACCOUNT: 1}),
    ] {
        launders_nothing(&sent, said, ACCOUNT);
    }
    launders_nothing(&[json!({"q": "to DE89 3704 0044 0532 0130 00 please"})], json!(ACCOUNT), ACCOUNT);
    launders_nothing(&[json!({"note": "Pay 1.250,00 now"})], json!({"amount": 1250}), 1250);
    launders_nothing(&[json!({"amount": 1250})], json!("the amount is 1,250.00"), 1250);
    launders_nothing(&[json!({"id": "CLM-1042"})], json!({"number": 1042}), 1042);
    launders_nothing(&[json!({"evil@x.com": "to"})], json!({"to": "Evil@X.com"}), "evil@x.com");
    launders_nothing(&[json!({"name": "ＪＯＨＮ Ｓｍｉｔｈ"})], json!("Mr. John  Smith, Berlin"), "john smith");
}

#[test]
fn an_echo_that_was_taken_apart_or_put_together_is_one() {
    launders_nothing(
        &[json!({"url": "https://user@evil.example/x?to=a"})],
        json!({"host": "evil.example"}),
        "evil.example",
    );
    launders_nothing(&[json!({"q": "to%3Devil%40x.com"})], json!({"to": "evil@x.com"}), "evil@x.com");
    launders_nothing(&[json!({"body": r#"{"to": "\u0065vil@x.com"}"#})], json!({"to": "evil@x.com"}), "evil@x.com");
    launders_nothing(&[json!({"user": "evil", "domain": "x.com"})], json!({"address": "evil@x.com"}), "evil@x.com");
    launders_nothing(&[json!({"a": "DE89 3704 0044", "b": "0532 0130 00"})], json!(ACCOUNT), ACCOUNT);
    launders_nothing(&[json!({"line": "DE8937040044"}), json!({"line": "0532013000"})], json!(ACCOUNT), ACCOUNT);
    launders_nothing(
        &[json!({"line": "DE89 3704 0044"}), json!({"line": "0532 0130 00"})],
        json!({"note": "DE89 3704 0044\n0532 0130 00"}),
        ACCOUNT,
    );
    launders_nothing(&[json!({"mallory": {"role": "admin"}})], json!({"user": "mallory"}), "mallory");
    launders_nothing(&[json!({"first": "John", "last": "Smith"})], json!({"holder": "John Smith"}), "John Smith");
}

#[test]
fn what_was_known_before_it_was_sent_stays_what_it_was() {
    let mut memory = Memory::default();
    hear(&mut memory, json!([{"id": "C-1042", "name": "John Smith"}]), &plain(OURS));
    send(&mut memory, json!({"id": "C-1042", "why": "a model wrote this"}));
    hear(&mut memory, json!({"id": "C-1042", "state": "open"}), &plain(OURS));
    assert_eq!(integrity(&memory, &json!("C-1042")), Integrity::Internal);
    assert_eq!(integrity(&memory, &json!("John Smith")), Integrity::Internal);
    assert_eq!(integrity(&memory, &json!("open")), Integrity::Internal);
    // And what an operator said is the operator's, wherever else it stands.
    memory.learn(operator(), &json!("about C-99"), &plain(SAID));
    send(&mut memory, json!({"id": "C-99"}));
    hear(&mut memory, json!({"id": "C-99"}), &plain(OURS));
    assert_eq!(integrity(&memory, &json!("C-99")), Integrity::Operator);
}

#[test]
fn a_value_keeps_the_integrity_with_which_it_was_sent_and_other_servers_speak_for_themselves() {
    let checked = label(Integrity::Verified, Confidentiality::Internal);
    let mut memory = Memory::default();
    let registry = Source::Server { server: "registry".parse().unwrap(), item: "find".into() };
    memory.learn(registry.clone(), &json!("C-1042"), &plain(label(Integrity::Internal, Confidentiality::Internal)));
    send(&mut memory, json!({"id": "C-1042", "to": ACCOUNT}));
    hear(&mut memory, json!({"id": "C-1042", "to": ACCOUNT}), &plain(checked));
    assert_eq!(integrity(&memory, &json!("C-1042")), Integrity::Internal);
    assert_eq!(integrity(&memory, &json!(ACCOUNT)), Integrity::External);
    memory.learn(registry, &json!({"account": ACCOUNT}), &plain(checked));
    assert_eq!(integrity(&memory, &json!(ACCOUNT)), Integrity::Verified);
}

/// The pair of PG-2.5: a letter names an account, a search of our own repeats it, and it is to be paid.
#[test]
fn an_account_that_our_own_search_only_repeats_is_refused_and_one_that_is_on_file_is_paid() {
    let ours = |tool: &mut maso_intent::ToolManifest| {
        tool.authority.get_mut("/payee_iban").unwrap().integrity_min = Integrity::Internal;
    };
    let mut scene = Scene::payment().with_tool("claims-db:pay_claim", ours);
    scene.task.words = "Pay claim CLM-1042: 1,250.00 EUR to the account on file.".into();
    scene.hop.payload["payee_iban"] = json!("GB29NWBK60161331926819");
    let mut memory = scene_memory(&scene);
    memory.learn(document(), &json!("New account: GB29 NWBK 6016 1331 9268 19"), &plain(READ));
    send(&mut memory, json!({"q": "GB29NWBK60161331926819"}));
    hear(&mut memory, json!({"structuredContent": {"query": "GB29NWBK60161331926819"}}), &plain(OURS));
    assert_eq!(follow(&memory, scene.view()).findings.word(), Word::NoGo);

    // Without the control, nobody asks where it came from.
    let mut without = scene.clone();
    without.deployment.deselected.push(Deselection {
        control: ControlId::known("PG-2.5"),
        reason: "the other half of a pair".into(),
        owner: "claims-supervisor".parse().unwrap(),
        until: None,
    });
    assert_eq!(follow(&memory, without.view()).findings.word(), Word::Go);

    // The field that the manifest names is the deployment's word that it was checked, also of what was asked for.
    let labels = scene.view().deployment.tool(&tool("claims-db:read_claim")).unwrap().result.clone();
    hear(&mut memory, json!({"structuredContent": {"payee_iban": "GB29NWBK60161331926819"}}), &labels);
    let tracing = follow(&memory, scene.view());
    assert_eq!(tracing.findings.word(), Word::Go, "{:?}", tracing.findings);
}

#[test]
fn what_goes_out_fenced_comes_back_fenced() {
    let secret = label(Integrity::Internal, Confidentiality::Restricted);
    let open = plain(label(Integrity::Internal, Confidentiality::Internal));
    let mut memory = Memory::default();
    let vault = Source::Server { server: "vault".parse().unwrap(), item: "read".into() };
    memory.learn(vault, &json!("the merger with Globex closes in March"), &plain(secret));
    send(&mut memory, json!({"text": "Globex merger closes in March at 40", "state": "draft"}));
    let fence = |memory: &Memory, said: Value| {
        let source = Source::Server { server: "claims-db".parse().unwrap(), item: "note".into() };
        memory.fence(&source, &said, Confidentiality::Internal)
    };
    for echo in ["Note 7: globex merger CLOSES in March at 40", "merger closes in march"] {
        assert_eq!(fence(&memory, json!({"content": [{"type": "text", "text": echo}]})), Confidentiality::Restricted);
    }
    // Short words say nothing by themselves, and what was not sent is not fenced.
    for other in ["draft", "the merger of two lists", "closes in March"] {
        assert!(fence(&memory, json!(other)) < Confidentiality::Confidential, "{other}");
    }
    // A short value that tells something does.
    memory.learn(document(), &json!("acct-998877"), &plain(secret));
    send(&mut memory, json!({"id": "acct-998877"}));
    assert_eq!(fence(&memory, json!({"seen": "acct-998877"})), Confidentiality::Restricted);
    // It is learned as fenced, and it is fenced from whoever may not know it.
    let before = memory.label().confidentiality;
    assert_eq!(before, Confidentiality::Restricted);
    hear(&mut memory, json!({"id": "acct-998877", "owner": "nobody-known"}), &open);
    assert_eq!(memory.origin_of(&json!("nobody-known")).unwrap().1.confidentiality, Confidentiality::Restricted);
    let scene = Scene::call("intake", "claims-db:note", json!({})).answered(json!({"text": "acct-998877"}));
    let findings = follow(&memory, scene.view()).findings;
    assert_eq!(findings.iter().next().unwrap().control.as_str(), "DP-1.1");
}

#[test]
fn what_is_too_much_to_remember_counts_against_all_that_its_server_says() {
    let mut memory = Memory::default();
    hear(&mut memory, json!("known before"), &plain(OURS));
    let flood: String = (0..40_000).map(|n| format!("flood{n} ")).collect();
    send(&mut memory, json!({"text": flood, "to": ACCOUNT}));
    hear(&mut memory, json!("anything else"), &plain(OURS));
    assert_eq!(integrity(&memory, &json!("anything else")), Integrity::External);
    assert_eq!(integrity(&memory, &json!("known before")), Integrity::Internal);
    let elsewhere = Source::Server { server: "registry".parse().unwrap(), item: "find".into() };
    memory.learn(elsewhere, &json!("elsewhere"), &plain(OURS));
    assert_eq!(integrity(&memory, &json!("elsewhere")), Integrity::Internal);
}

#[test]
fn what_cannot_be_read_back_or_comes_late_counts_as_sent_before() {
    let server = "claims-db".parse().unwrap();
    let mut memory = Memory::default();
    hear(&mut memory, json!("first answer"), &plain(OURS));
    memory.sent_unread(Order::InTime, &server, label(Integrity::External, Confidentiality::Restricted));
    hear(&mut memory, json!("second answer"), &plain(OURS));
    assert_eq!(integrity(&memory, &json!("first")), Integrity::Internal);
    assert_eq!(integrity(&memory, &json!("second")), Integrity::External);
    assert_eq!(memory.origin_of(&json!("second")).unwrap().1.confidentiality, Confidentiality::Restricted);
    let origins = [Origin {
        pointer: "/q".into(),
        authority: false,
        source: Source::Unknown,
        integrity: Integrity::External,
        confidentiality: Confidentiality::Internal,
        needed: None,
    }];
    memory.sent(Order::Late, &server, &json!({"q": "first"}), &origins, READ, ANYTHING);
    assert_eq!(integrity(&memory, &json!("first")), Integrity::External);
}

proptest! {
    /// However a value is wrapped when it is sent and when it comes back, it is not raised.
    #[test]
    fn no_echo_is_believed_more_than_what_was_sent(
        value in "[a-z]{3,8}[0-9]{2,6}",
        before in "[a-z ]{0,20}", after in "[a-z ]{0,20}",
        wrap in prop::sample::select(vec!["{}", "<{}>", "\"{}\"", "({}),", "id:{};", "{}.", "a,{},b"]),
        upper in any::<bool>(), in_field in any::<bool>(),
    ) {
        let mut memory = Memory::default();
        send(&mut memory, json!({"text": format!("{before} {value} {after}")}));
        let shown = if upper { value.to_uppercase() } else { value.clone() };
        let text = format!("{after} {} {before}", wrap.replace("{}", &shown));
        let said = if in_field { json!({"a": [{"b": text}]}) } else { json!({"content": [{"type": "text", "text": text}]}) };
        hear(&mut memory, said, &plain(OURS));
        prop_assert_eq!(integrity(&memory, &json!(value)), Integrity::External);
    }

    /// Having sent something only ever lowers what is believed.
    #[test]
    fn sending_never_raises_a_value(
        sent in prop::collection::vec("[a-c]{1,4}( [a-c]{1,4}){0,3}", 0..4),
        heard in prop::collection::vec("[a-c]{1,4}( [a-c]{1,4}){0,3}", 0..4),
        value in "[a-c]{1,4}( [a-c]{1,4}){0,1}",
    ) {
        let (mut silent, mut talking) = (Memory::default(), Memory::default());
        for index in 0..sent.len().max(heard.len()) {
            if let Some(text) = sent.get(index) {
                send(&mut talking, json!({"text": text}));
            }
            if let Some(text) = heard.get(index) {
                hear(&mut silent, json!(text), &plain(OURS));
                hear(&mut talking, json!(text), &plain(OURS));
            }
        }
        let (before, after) = (silent.origin_of(&json!(value)), talking.origin_of(&json!(value)));
        prop_assert_eq!(before.is_some(), after.is_some());
        if let (Some((_, before)), Some((_, after))) = (before, after) {
            prop_assert!(after.integrity <= before.integrity && after.confidentiality >= before.confidentiality);
        }
    }
}

/// Leaving out what a server could not raise changes nothing that can be asked of the memory.
#[test]
fn what_a_server_could_not_raise_needs_no_note() {
    let labels = || {
        let integrities = [Integrity::External, Integrity::Internal, Integrity::Verified, Integrity::Operator];
        let fences = [
            Confidentiality::Public,
            Confidentiality::Internal,
            Confidentiality::Confidential,
            Confidentiality::Restricted,
        ];
        integrities.into_iter().flat_map(move |integrity| {
            fences.into_iter().map(move |confidentiality| Label { integrity, confidentiality })
        })
    };
    let (server, payload) =
        ("claims-db".parse().unwrap(), json!({ "q": "the account is DE89 3704 0044 0532 0130 00" }));
    let said = json!({ "text": "you asked: the account is DE89370400440532013000" });
    for sent in labels() {
        let origins = [Origin {
            pointer: "/q".into(),
            authority: false,
            source: Source::Unknown,
            integrity: sent.integrity,
            confidentiality: sent.confidentiality,
            needed: None,
        }];
        for answers in labels() {
            let learned = |noted_up_to| {
                let mut memory = Memory::default();
                memory.sent(Order::InTime, &server, &payload, &origins, sent, noted_up_to);
                hear(&mut memory, said.clone(), &plain(answers));
                let values = [json!(ACCOUNT), json!("the account"), json!("you asked")];
                values.map(|value| memory.origin_of(&value).map(|(_, label)| label))
            };
            assert_eq!(learned(answers), learned(ANYTHING), "{sent} answered at {answers}");
        }
    }
}

/// A server that might be believed in anything.
const ANYTHING: Label = Label { integrity: Integrity::Operator, confidentiality: Confidentiality::Public };
