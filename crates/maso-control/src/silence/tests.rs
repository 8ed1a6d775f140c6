//! What people are told of a held action.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::sync::Arc;

use maso_core::{Class, Digest, Tier, Timestamp};
use maso_log::v1::HopDecided;
use maso_path::{Answer, TicketState};
use maso_policy::Approval;
use serde_json::{Value, json};

use super::{asked_because, if_unanswered};

/// A held payment, with `other` in place of what it says otherwise.
fn held(other: Value) -> HopDecided {
    let mut decided = json!({
        "hop": "hop_1", "hop_kind": "tool-call", "received_at": 0, "to": "server:bank", "verb": "call_tool",
        "object": "bank:pay", "input_hash": "", "decision": "hold", "enforced": true, "risk": "medium",
        "reversibility": "reversible", "review": { "judges": 1, "people": 0, "dry_run": false }, "findings": [],
        "pace_phase": "primary",
    });
    for (name, value) in other.as_object().unwrap() {
        decided[name] = value.clone();
    }
    serde_json::from_value(decided).unwrap()
}

#[test]
fn each_reason_to_ask_is_told_and_no_other() {
    let check = |other: Value, n_people: u8, class: Class, tier: Tier, expected: &[&str]| {
        assert_eq!(asked_because(&held(other.clone()), n_people, class, tier), expected, "{other}");
    };
    let (write, read) = (Class::Transfer, Class::Read);
    let (t1, t2) = (Tier::Supervised, Tier::Managed);
    let nothing = json!({ "review": { "judges": 0, "people": 1, "dry_run": false } });
    let with = |name: &str, value: Value| {
        let mut held = nothing.clone();
        held[name] = value;
        held
    };
    check(nothing.clone(), 1, write, t2, &[]);
    check(nothing.clone(), 1, write, t1, &["at tier 1 a person decides every write"]);
    check(nothing.clone(), 1, read, t1, &[]);
    check(with("risk", json!("high")), 1, write, t2, &["its risk is high: a person decides"]);
    check(with("risk", Value::Null), 1, write, t2, &["its risk is critical: two people decide"]);
    check(with("reversibility", json!("irreversible")), 1, write, t2, &["it cannot be undone"]);
    check(with("reversibility", json!("irreversible")), 1, read, t2, &[]);
    check(with("pace_phase", json!("alternate")), 1, write, t2, &["in Alternate a person decides every write"]);
    check(with("pace_phase", json!("alternate")), 1, read, t2, &[]);
    check(with("pace_phase", json!("contingency")), 1, read, t2, &["in Contingency a person decides every action"]);
    let finding = json!([{ "control": "PG-2.5", "word": "ESCALATE", "reason": "a value of doubtful origin" }]);
    check(with("findings", finding), 1, write, t2, &["control PG-2.5 asks for a person"]);
}

#[test]
fn a_person_in_place_of_a_judge_is_told_which_judge_and_why() {
    for (opinion, expected) in [
        ("silent", "`tactical` did not answer"),
        ("flag", "`tactical` has doubts"),
        ("escalate", "`tactical` wants a person to decide"),
    ] {
        let verdicts = json!([{ "judge": "tactical", "opinion": opinion, "reasoning": "", "criteria": [] }]);
        let reasons = asked_because(&held(json!({ "verdicts": verdicts })), 1, Class::Send, Tier::Managed);
        assert_eq!(reasons, [format!("a person decides in place of the judge: {expected}")]);
    }
    let reasons = asked_because(&held(json!({})), 1, Class::Send, Tier::Managed);
    assert_eq!(reasons, ["a person decides in place of the judge: none could be heard"]);
}

#[test]
fn silence_is_told_as_what_it_means_for_this_action() {
    let ticket = |other: Value, n_people: u8, by: &[&str], answer: Answer, wait_ms: i64| {
        let id = "ticket_019ab2f47c1e70009d425be100000001".parse().unwrap();
        let action = Digest::of(b"");
        let expires_at = Timestamp::from_millis(wait_ms);
        let approvals =
            by.iter().map(|by| Approval { ticket: id, by: by.parse().unwrap(), action, expires_at }).collect();
        if_unanswered(&TicketState {
            id,
            action,
            decided: Arc::new(held(other)),
            n_people,
            expires_at,
            approvals,
            answer,
        })
    };
    assert_eq!(
        ticket(json!({ "risk": "high" }), 1, &[], Answer::Open, 900_000),
        "it is denied, as silence is a no (an action of high risk waits 15 minutes); the agent is told `NOT_APPROVED`"
    );
    assert_eq!(
        ticket(json!({ "risk": null }), 2, &["owner"], Answer::Open, 60_000),
        "it is denied in spite of 1 of 2 approvals (an action of critical risk waits 1 minute); \
         the agent is told `NOT_APPROVED`"
    );
    assert_eq!(
        ticket(json!({}), 1, &["owner"], Answer::Approved, 60_000),
        "the approval lapses unused, and the agent must ask again"
    );
    assert_eq!(
        ticket(json!({ "enforced": false }), 1, &[], Answer::Open, 60_000),
        "nothing changes: maso only observes, and has let it through"
    );
}
