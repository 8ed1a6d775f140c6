//! What a map of the deployment is drawn from.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::sync::Arc;

use maso_core::{Digest, HopId, TaskId, Timestamp};
use maso_log::{Record, v1};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Counts, EDGES_MAX, Ends, Flow, LATEST_MAX, Party, SPAN_MS, Traffic, links};

fn hop(number: u128) -> String {
    HopId::from_uuid(Uuid::from_u128(number)).to_string()
}

fn task(number: u128) -> String {
    TaskId::from_uuid(Uuid::from_u128(number)).to_string()
}

/// A call that `writer` makes of a tool of `notes`, but for what is said otherwise.
fn decision(more: &Value) -> v1::HopDecided {
    let mut text = json!({
        "hop": hop(1), "received_at": 1, "hop_kind": "tool-call", "from": "agent:writer", "to": "server:notes",
        "verb": "call_tool", "object": "notes:read_note", "input_hash": "sha256:00", "decision": "allow",
        "enforced": true, "findings": [], "pace_phase": "primary",
    });
    text.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(text).unwrap()
}

struct Rig(Traffic, u64);

impl Rig {
    fn new() -> Self {
        Self(Traffic::new(&Arc::new(maso_intent::parse(&maso_intent::minimal()).unwrap())), 0)
    }

    fn fold(&mut self, at_ms: i64, body: v1::Body) {
        self.1 += 1;
        let at = Timestamp::from_millis(at_ms);
        self.0.fold(&Record { sequence: self.1, at, body, previous: Digest::of(b""), hash: Digest::of(b"") });
    }

    fn decided(&mut self, at_ms: i64, more: &Value) {
        self.fold(at_ms, v1::Body::HopDecided(Box::new(decision(more))));
    }

    fn revoked(&mut self, what: &str, subject: &str) {
        let (what, subject) = (what.to_owned(), subject.to_owned());
        let revoked = v1::Revoked { what, subject, by: "operator:owner".to_owned(), reason: "drill".to_owned() };
        self.fold(0, v1::Body::Revoked(revoked));
    }

    fn flow(&self) -> Flow {
        self.0.flow()
    }
}

fn ends(from: &str, to: &str) -> Ends {
    Ends { from: Party::parse(from).unwrap(), to: Party::parse(to).unwrap() }
}

fn counts(n_allowed: u64, n_held: u64, n_refused: u64) -> Counts {
    Counts { n_allowed, n_held, n_refused }
}

#[test]
fn an_answer_travels_on_the_edge_of_its_question() {
    let mut rig = Rig::new();
    rig.decided(0, &json!({}));
    rig.decided(0, &json!({ "from": "server:notes", "to": "agent:writer", "answers": hop(1), "decision": "deny" }));
    rig.decided(0, &json!({ "decision": "hold" }));
    let flow = rig.flow();
    assert_eq!(flow.sequence, 3);
    assert_eq!(flow.edges.len(), 1);
    assert_eq!(flow.edges[&ends("agent:writer", "server:notes")].counts, counts(1, 1, 1));
}

#[test]
fn a_decision_that_cannot_be_read_counts_as_refused() {
    let mut rig = Rig::new();
    rig.decided(0, &json!({ "decision": "perhaps" }));
    assert_eq!(rig.flow().edges[&ends("agent:writer", "server:notes")].counts, counts(0, 0, 1));
}

#[test]
fn whatever_strangers_call_themselves_is_one_stranger() {
    let mut rig = Rig::new();
    for name in 0..100 {
        rig.decided(0, &json!({ "from": format!("agent:invented-{name}"), "decision": "deny" }));
        rig.decided(0, &json!({ "to": format!("server:invented-{name}"), "decision": "deny" }));
    }
    rig.decided(0, &json!({ "from": null, "decision": "deny" }));
    let flow = rig.flow();
    assert_eq!(flow.edges.len(), 2);
    assert_eq!(flow.edges[&ends("stranger", "server:notes")].counts, counts(0, 0, 101));
    assert_eq!(flow.edges[&ends("agent:writer", "stranger")].counts, counts(0, 0, 100));
}

#[test]
fn what_is_long_ago_counts_in_all_and_not_lately() {
    let mut rig = Rig::new();
    rig.decided(0, &json!({}));
    rig.decided(2 * SPAN_MS, &json!({ "decision": "deny" }));
    // A clock that was set back takes nothing out of its order.
    rig.decided(SPAN_MS, &json!({ "decision": "hold" }));
    let edge = rig.flow().edges.remove(&ends("agent:writer", "server:notes")).unwrap();
    let lately =
        |at_ms| edge.lately(Timestamp::from_millis(at_ms)).map(|span| (span.n_allowed, span.n_held, span.n_refused));
    let none = (0, 0, 0);
    assert_eq!(lately(2 * SPAN_MS), [(0, 1, 1), none, (1, 0, 0), none, none, none]);
    assert_eq!(lately(6 * SPAN_MS - 1), [none, none, none, (0, 1, 1), none, (1, 0, 0)]);
    assert_eq!(lately(6 * SPAN_MS), [none, none, none, none, (0, 1, 1), none]);
    assert_eq!(lately(i64::MAX), [none; 6]);
    assert_eq!(edge.counts, counts(1, 1, 1));
}

#[test]
fn an_edge_knows_where_its_latest_decisions_stand() {
    let mut rig = Rig::new();
    for _ in 0..LATEST_MAX {
        rig.decided(0, &json!({}));
        rig.decided(0, &json!({ "from": null }));
    }
    let between: Vec<_> = (1..=LATEST_MAX as u64).rev().map(|nth| 2 * nth - 1).collect();
    assert_eq!(rig.0.latest_between(&ends("agent:writer", "server:notes")), between);
    let of: Vec<_> = (LATEST_MAX as u64 + 1..=2 * LATEST_MAX as u64).rev().collect();
    assert_eq!(rig.0.latest_of(&Party::parse("server:notes").unwrap()), of);
    assert!(rig.0.latest_of(&Party::parse("operator:nobody").unwrap()).is_empty());
}

#[test]
fn there_are_no_more_edges_than_there_is_room_for() {
    let mut inner = super::Inner::default();
    let decided = decision(&json!({}));
    let edge = |number: usize| ends(&format!("agent:a{number}"), "server:notes");
    for number in 0..EDGES_MAX + 2 {
        inner.decided(edge(number), 1, Timestamp::from_millis(0), &decided);
    }
    // What is known has its place.
    inner.decided(edge(0), 1, Timestamp::from_millis(0), &decided);
    assert_eq!((inner.edges.len(), inner.n_left_out), (EDGES_MAX, 2));
    assert_eq!(inner.edges[&edge(0)].counts.n_allowed, 2);
}

fn request(number: u128, chain: &[u128], task_number: u128) -> Value {
    json!({
        "hop": hop(number), "verb": "request", "object": "reader:proofread", "from": "agent:writer", "to": "agent:reader",
        "task": task(task_number), "chain": chain.iter().map(|hop_number| hop(*hop_number)).collect::<Vec<_>>(),
    })
}

fn revoked_links(flow: &Flow) -> Vec<bool> {
    flow.chains.iter().flat_map(|(_, links)| links).map(|link| link.is_revoked).collect()
}

#[test]
fn a_revoked_request_takes_what_it_led_to_with_it_and_nothing_else() {
    let mut rig = Rig::new();
    for (number, chain) in [(1, vec![]), (2, vec![1]), (3, vec![1, 2]), (4, vec![1])] {
        rig.decided(0, &request(number, &chain, 7));
    }
    assert_eq!(revoked_links(&rig.flow()), [false; 4]);
    rig.revoked("delegation", &hop(2));
    rig.revoked("delegation", "no hop");
    assert_eq!(revoked_links(&rig.flow()), [false, true, true, false]);
    assert_eq!(rig.flow().chains[0].1[2].chain.len(), 2);
}

#[test]
fn what_was_not_let_through_is_no_link() {
    let mut rig = Rig::new();
    let mut refused = request(1, &[], 7);
    refused["decision"] = json!("deny");
    rig.decided(0, &refused);
    refused["enforced"] = json!(false);
    rig.decided(0, &refused);
    let mut answer = request(2, &[], 7);
    answer["answers"] = json!(hop(1));
    rig.decided(0, &answer);
    rig.decided(0, &json!({ "task": task(7) }));
    assert_eq!(rig.flow().chains.iter().map(|(_, links)| links.len()).collect::<Vec<_>>(), [1]);
}

#[test]
fn the_latest_links_of_the_latest_tasks_are_kept() {
    let mut rig = Rig::new();
    for number in 0..=links::LINKS_OF_TASK_MAX as u128 {
        rig.decided(0, &request(number, &[], 1_000));
    }
    assert_eq!(rig.flow().chains[0].1.len(), links::LINKS_OF_TASK_MAX);
    assert_eq!(rig.flow().chains[0].1[0].hop.to_string(), hop(1));
    for number in 0..links::TASKS_MAX as u128 {
        rig.decided(0, &request(number, &[], number));
    }
    let chains = rig.flow().chains;
    assert_eq!(chains.len(), links::TASKS_MAX);
    assert_eq!(chains[0].0.to_string(), task(links::TASKS_MAX as u128 - 1));
    assert!(chains.iter().all(|(known, _)| known.to_string() != task(1_000)));
}

fn token(id: &str, thumbprint: Option<&str>, expires_at: i64) -> v1::Body {
    v1::Body::TokenIssued(v1::Token {
        token_id: id.to_owned(),
        kind_of_token: "agent".to_owned(),
        subject: "spiffe://notes.example/agent/writer".to_owned(),
        thumbprint: thumbprint.map(str::to_owned),
        by: None,
        expires_at,
    })
}

#[test]
fn credentials_count_until_they_end_or_are_revoked() {
    let mut rig = Rig::new();
    rig.fold(0, token("one", Some("key"), 10));
    rig.fold(0, token("two", None, 20));
    rig.fold(0, token("three", Some("key"), 30));
    let at = |rig: &Rig, at_ms| {
        let held = rig.flow().credentials.into_values().next().unwrap();
        held.in_force(Timestamp::from_millis(at_ms)).map(|(n_held, until)| (n_held, until.as_millis()))
    };
    assert_eq!(at(&rig, 9), Some((3, 30)));
    assert_eq!(at(&rig, 10), Some((2, 30)));
    rig.revoked("key", "key");
    assert_eq!(at(&rig, 0), Some((1, 20)));
    rig.revoked("token", "two");
    assert_eq!(at(&rig, 0), None);
    rig.fold(0, token("four", None, 20));
    assert_eq!(at(&rig, 0), Some((1, 20)));
    rig.revoked("agent", "writer");
    assert_eq!(at(&rig, 0), None);
    assert!(rig.flow().credentials.into_values().all(|held| held.is_revoked()));
}

#[test]
fn an_agent_to_whom_nothing_was_issued_is_revoked_all_the_same() {
    let mut rig = Rig::new();
    rig.revoked("agent", "writer");
    rig.revoked("agent", "nobody-declared-it");
    assert_eq!(rig.flow().credentials.into_values().map(|held| held.is_revoked()).collect::<Vec<_>>(), [true]);
}
