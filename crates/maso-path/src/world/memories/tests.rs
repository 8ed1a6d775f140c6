//! What is given up, and what is not.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::sync::Arc;

use maso_core::{Label, TaskId, Timestamp};
use maso_log::v1;
use maso_policy::Memory;
use parking_lot::RwLock;
use serde_json::json;
use uuid::Uuid;

use super::{MISSED_MAX, Memories, TASKS_MAX};

fn task(number: usize) -> TaskId {
    TaskId::from_uuid(Uuid::from_u128(number as u128))
}

fn memory_of(memories: &Memories, number: usize) -> Arc<RwLock<Memory>> {
    memories.of(task(number), Memory::default)
}

/// Another process delivers something secret of strangers in this task.
fn deliver(memories: &Memories, number: usize, sequence: u64) {
    let decided = json!({
        "hop": format!("hop-{sequence}"), "received_at": sequence, "hop_kind": "tool-call", "from": "server:notes",
        "to": "agent:writer", "verb": "call_tool", "object": "notes:lookup", "answers": "hop-0",
        "task": task(number).to_string(), "input_hash": "sha256:00", "decision": "allow", "enforced": true,
        "label": Label::WORST.to_string(), "findings": [], "pace_phase": "primary",
    });
    let decided: v1::HopDecided = serde_json::from_value(decided).unwrap();
    memories.decided((sequence, Timestamp::from_millis(sequence.cast_signed())), &decided, |_| None);
}

#[test]
fn a_memory_that_somebody_holds_is_not_given_up_and_what_is_given_up_is_not_clean() {
    let memories = Memories::default();
    let held = memory_of(&memories, 0);
    for number in 1..=TASKS_MAX + 1 {
        memory_of(&memories, number);
    }
    // What its holder learns now is learned.
    held.write().reckon_with(Label::WORST);
    assert_eq!(memory_of(&memories, 0).read().label(), Label::WORST);
    assert!(!memories.has_missed(task(0)));
    assert!(memories.has_missed(task(1)), "the oldest that nobody held made room");

    drop(held);
    memory_of(&memories, TASKS_MAX + 2);
    assert!(memories.has_missed(task(0)));
    assert_eq!(memory_of(&memories, 0).read().label(), Label::WORST);
}

#[test]
fn a_recall_that_broke_off_is_done_again_with_what_came_meanwhile() {
    let memories = Memories::default();
    deliver(&memories, 0, 1);
    let recall = memories.recall(task(0)).unwrap();
    assert_eq!(recall.missed.deliveries.len(), 1);
    assert!(memories.has_missed(task(0)));
    assert!(memories.recall(task(0)).is_none(), "one at a time");
    deliver(&memories, 0, 2);
    drop(recall);

    let recall = memories.recall(task(0)).unwrap();
    let sequences: Vec<_> = recall.missed.deliveries.iter().map(|delivery| delivery.sequence).collect();
    assert_eq!((sequences.as_slice(), recall.missed.seen), ([1, 2].as_slice(), Label::WORST));
    recall.done();
    assert!(!memories.has_missed(task(0)));
}

#[test]
fn what_broke_off_and_what_came_meanwhile_are_bounded_together() {
    let memories = Memories::default();
    (0..MISSED_MAX as u64).for_each(|sequence| deliver(&memories, 0, sequence));
    let recall = memories.recall(task(0)).unwrap();
    deliver(&memories, 0, MISSED_MAX as u64);
    drop(recall);
    let recall = memories.recall(task(0)).unwrap();
    assert_eq!(recall.missed.deliveries.len(), MISSED_MAX);
    assert_eq!(recall.missed.deliveries.back().unwrap().sequence, MISSED_MAX as u64);
}
