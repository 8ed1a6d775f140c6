//! The algebra of the words: orders, lattices, ids that read back as written.

use proptest::prelude::*;
use serde_json::json;

use crate::*;

fn labels() -> impl Strategy<Value = Label> {
    (prop::sample::select(Integrity::ALL), prop::sample::select(Confidentiality::ALL))
        .prop_map(|(integrity, confidentiality)| Label { integrity, confidentiality })
}

proptest! {
    #[test]
    fn combining_labels_is_a_semilattice(a in labels(), b in labels(), c in labels()) {
        prop_assert_eq!(a.combine(b), b.combine(a));
        prop_assert_eq!(a.combine(b).combine(c), a.combine(b.combine(c)));
        prop_assert_eq!(a.combine(a), a);
        prop_assert_eq!(a.combine(Label::NEUTRAL), a);
        prop_assert_eq!(a.combine(Label::WORST), Label::WORST);
    }

    #[test]
    fn combining_never_raises_integrity_nor_lowers_confidentiality(a in labels(), b in labels()) {
        let both = a.combine(b);
        prop_assert!(both.integrity <= a.integrity && both.integrity <= b.integrity);
        prop_assert!(both.confidentiality >= a.confidentiality && both.confidentiality >= b.confidentiality);
    }

    #[test]
    fn adding_findings_never_loosens(words in prop::collection::vec(prop::sample::select(Word::ALL), 0..8)) {
        let mut findings = Findings::none();
        let mut before = findings.word();
        for word in words {
            findings.add(Finding::new("PG-1.1", word, "said so"));
            prop_assert!(findings.word() >= before);
            before = findings.word();
        }
    }

    #[test]
    fn names_read_back_as_written(text in "\\PC{0,70}") {
        if let Ok(name) = text.parse::<AgentName>() {
            prop_assert_eq!(name.as_str(), text);
        }
    }
}

#[test]
fn what_the_record_says_of_a_hop_reads_back() {
    let server = || "claims".parse().unwrap();
    for act in [
        Act::CallTool("claims:pay".parse().unwrap()),
        Act::ReadResource { server: server(), uri: "file:///a:b".into() },
        Act::GetPrompt { server: server(), prompt: "summary".into() },
        Act::Complete { server: server() },
        Act::List { server: server(), listing: Listing::ResourceTemplates },
        Act::AskClient { server: server(), wants: Wants::Elicit },
        Act::Notify { server: server(), topic: "notifications/message".into() },
        Act::Request { agent: "intake".parse().unwrap(), request: "assess".parse().unwrap() },
        Act::Tell { agent: "analysis".parse().unwrap(), contract: "sighting".parse().unwrap() },
        Act::Report { status: WorkStatus::Completed },
        Act::Spawn { agent: "analysis".parse().unwrap() },
    ] {
        assert_eq!(Act::parse(act.verb(), &act.object()), Some(act));
    }
    for principal in ["agent:intake", "server:claims", "operator:owner"] {
        assert_eq!(Principal::parse(principal).unwrap().to_string(), principal);
    }
    assert_eq!(Label::parse(&Label::WORST.to_string()), Some(Label::WORST));
    assert_eq!((Act::parse("call_tool", "pay"), Act::parse("burn", "claims:pay")), (None, None));
    assert_eq!((Principal::parse("nobody"), Label::parse("external")), (None, None));
}

#[test]
fn the_order_of_words_is_the_order_of_restriction() {
    assert!(Word::NoGo > Word::Escalate && Word::Escalate > Word::Go);
}

#[test]
fn a_deed_digest_does_not_depend_on_key_order_and_does_on_everything_else() {
    let hop = |payload| Hop {
        id: HopId::from_uuid(uuid::Uuid::nil()),
        at: Timestamp::from_millis(0),
        from: Principal::Agent("intake".parse().unwrap()),
        to: Principal::Server("claims".parse().unwrap()),
        act: Act::CallTool("claims:pay".parse().unwrap()),
        turn: Turn::Ask,
        payload,
    };
    let task = TaskId::from_uuid(uuid::Uuid::nil());
    let one = hop(serde_json::from_str(r#"{"a":1,"b":2}"#).unwrap());
    let same = hop(serde_json::from_str(r#"{"b":2,"a":1}"#).unwrap());
    let other = hop(json!({"a": 1, "b": 3}));
    assert_eq!(one.deed_digest(task), same.deed_digest(task));
    assert_ne!(one.deed_digest(task), other.deed_digest(task));
    assert_ne!(one.deed_digest(task), one.deed_digest(TaskId::from_uuid(uuid::Uuid::max())));
}

#[test]
fn ids_refuse_what_is_not_theirs() {
    for bad in ["", "Intake", "a b", "../x", "-x", "é", &"a".repeat(65)] {
        assert!(bad.parse::<AgentName>().is_err(), "{bad}");
    }
    assert!("PG-2.5".parse::<ControlId>().is_ok());
    assert!("pg-2.5".parse::<ControlId>().is_err());
    assert!("claims:pay_claim".parse::<ToolRef>().is_ok());
    assert!("pay_claim".parse::<ToolRef>().is_err());
    let id = TaskId::from_uuid(uuid::Uuid::max());
    assert_eq!(id.to_string().parse::<TaskId>(), Ok(id));
    assert!(id.to_string().parse::<HopId>().is_err());
}

#[test]
fn a_day_is_written_in_one_way() {
    for day in ["1970-01-01", "2024-02-29", "2027-01-31", "9999-12-30"] {
        assert_eq!(day.parse::<Day>().unwrap().to_string(), day);
    }
    for wrong in ["", "2027-1-31", "20270131", "2027-02-30", "2027-01-31T00:00:00Z", " 2027-01-31", "tomorrow"] {
        assert!(wrong.parse::<Day>().is_err(), "{wrong}");
    }
    let day: Day = "2027-01-31".parse().unwrap();
    assert_eq!(Day::of(day.begins()), day);
    assert_eq!(Day::of(day.begins().plus_ms(86_399_999)), day);
    assert_eq!(day.plus(1).to_string(), "2027-02-01");
    assert_eq!((day.plus(3).since(day), day.since(day.plus(3))), (3, 0));
}

#[test]
fn a_moment_has_one_spelling_and_a_short_one() {
    for moment in ["2027-01-31T09:30:00.250Z", "2027-01-31T09:30:00.000Z", "1969-12-31T23:59:59.999Z"] {
        assert_eq!(moment.parse::<Timestamp>().unwrap().to_string(), moment);
    }
    assert_eq!("2027-01-31T09:30:00Z".parse::<Timestamp>(), "2027-01-31T09:30:00.000Z".parse());
    for wrong in [
        "",
        "2027-01-31",
        "2027-01-31T09:30Z",
        "2027-01-31T09:30:00.25Z",
        "2027-01-31T09:30:00.2500Z",
        "2027-01-31T09:30:00.2509Z",
        "2027-01-31 09:30:00Z",
        "2027-01-31t09:30:00z",
        "2027-01-31T09:30:00+00:00",
        "2027-01-31T10:30:00.000+01:00",
        "2027-01-31T09:30:60Z",
        "2027-01-31T24:00:00Z",
        "1800000000000ms",
    ] {
        assert!(wrong.parse::<Timestamp>().is_err(), "{wrong}");
    }
}

#[test]
fn a_span_has_a_byte() {
    for range in [0..0, 5..5, 0..usize::MAX] {
        assert_eq!(Span::of(range), None);
    }
    assert_eq!(Span::of(3..9).map(Span::range), Some(3..9));
    let at = |span| Finding::new("PG-1.1", Word::Go, "noted").at("/a", "").within(span).evidence.and_then(|it| it.span);
    assert_eq!((at(0..1), at(1..1)), (Span::of(0..1), None));
}
