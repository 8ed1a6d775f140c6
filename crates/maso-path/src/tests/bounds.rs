//! How often it is tried again, and how often decided otherwise: the same after a restart, and no more at once than one
//! after the other (EC-1.10, ENV-14, EC-2.6).

use maso_core::TaskId;
use serde_json::{Value, json};

use super::rig::{Rig, held, refusal, released};
use crate::{Carried, Outcome};

const WORKFLOW: (&str, &str) = ("workflows/notes.toml", "max_value_minor = 0");

const DELIVERED: fn() -> Carried<&'static str> = || Carried::Delivered("done");
const COMPLAINS: fn() -> Carried<&'static str> = || Carried::Unsuccessful("no such note");
const FAILED: fn() -> Carried<&'static str> = || Carried::Failed { reply: "no", fault: "no such note".to_owned() };
const UNKNOWN: fn() -> Carried<&'static str> = || Carried::Unknown { reply: "?", fault: "it broke midway".to_owned() };

async fn rig(changes: &[(&str, &str, &str)]) -> (Rig, TaskId) {
    let rig = Rig::declaring(changes).await;
    let task = rig.task("tell ada@notes.example and bob@notes.example what is decided").await;
    (rig, task)
}

async fn read(rig: &Rig, task: TaskId, comes: fn() -> Carried<&'static str>) -> Outcome<&'static str> {
    rig.approved_call(task, "notes:read_note", json!({ "note": "n-1" }), comes).await
}

async fn last_control(rig: &Rig) -> String {
    let decided = rig.decided().await.pop().unwrap();
    decided.findings.iter().find(|finding| finding.word == "NO-GO").unwrap().control.clone()
}

#[tokio::test]
async fn what_failed_once_is_tried_three_times_more_and_then_given_up() {
    for comes in [FAILED, UNKNOWN, COMPLAINS] {
        let (mut rig, task) = rig(&[]).await;
        for _ in 0..4 {
            released(&read(&rig, task, comes).await);
            rig = rig.restarted().await;
        }
        assert_eq!(refusal(&read(&rig, task, DELIVERED).await), Some("LIMIT_REACHED"));
        assert_eq!(last_control(&rig).await, "EC-1.10");
        // Another task, and another tool, have failed at nothing.
        let other = rig.task("tell ada@notes.example").await;
        released(&read(&rig, other, DELIVERED).await);
        released(&rig.approved_call(task, "notes:send_note", decision("yes"), DELIVERED).await);
    }
}

#[tokio::test]
async fn what_succeeds_in_between_begins_the_count_anew() {
    let (rig, task) = rig(&[]).await;
    for comes in [FAILED, FAILED, FAILED, DELIVERED, FAILED, FAILED, FAILED, FAILED] {
        released(&read(&rig, task, comes).await);
    }
    assert_eq!(refusal(&read(&rig, task, DELIVERED).await), Some("LIMIT_REACHED"));
}

#[tokio::test]
async fn an_agent_that_gives_up_sooner_by_its_own_mandate_does() {
    let own = ("agents/writer.toml", "escalation = ", "on_fail = { retry_max = 1, tell = \"owner\" }\nescalation = ");
    let (rig, task) = rig(&[own]).await;
    for _ in 0..2 {
        released(&read(&rig, task, FAILED).await);
    }
    assert_eq!(refusal(&read(&rig, task, DELIVERED).await), Some("LIMIT_REACHED"));
}

#[tokio::test]
async fn retries_at_once_are_no_more_than_one_after_the_other() {
    let (one, task) = rig(&[(WORKFLOW.0, WORKFLOW.1, "max_value_minor = 0\nretries_max = 2")]).await;
    let other = one.another().await;
    released(&one.approved_call(task, "notes:send_note", decision("first"), FAILED).await);
    let send = async |rig: &Rig, text: &str| rig.approved_call(task, "notes:send_note", decision(text), FAILED).await;
    let (a, b, c, d) = tokio::join!(send(&one, "a"), send(&other, "b"), send(&one, "c"), send(&other, "d"));
    let outcomes = [a, b, c, d];
    let n_released = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Released { .. })).count();
    assert!(n_released <= 2, "{outcomes:?}");
}

#[tokio::test]
async fn what_was_refused_is_not_asked_again_without_end() {
    let (rig, task) = rig(&[]).await;
    let payment = json!({ "to": "ada@notes.example", "amount": 20 });
    for _ in 0..4 {
        let waiting = held(rig.call_in(Some(task), "notes:pay", payment.clone()).await);
        rig.answer_ticket(waiting.ticket().id, "reject", "owner").await;
        assert_eq!(refusal(&rig.wait(waiting).await), Some("NOT_APPROVED"));
    }
    let rig = rig.restarted().await;
    assert_eq!(refusal(&rig.call_in(Some(task), "notes:pay", payment.clone()).await), Some("LIMIT_REACHED"));
    // Another amount is another action.
    held(rig.call_in(Some(task), "notes:pay", json!({ "to": "ada@notes.example", "amount": 10 })).await);
}

#[tokio::test]
async fn the_same_may_be_tried_again_when_it_has_cooled_down() {
    let cooled = (WORKFLOW.0, WORKFLOW.1, "max_value_minor = 0\nretry_cooldown = \"60s\"");
    let (rig, task) = rig(&[cooled]).await;
    released(&read(&rig, task, FAILED).await);
    let rig = rig.restarted().await;
    assert_eq!(refusal(&read(&rig, task, DELIVERED).await), Some("LIMIT_REACHED"));
    assert_eq!(last_control(&rig).await, "ENV-14");
    // Having been refused for that does not make it longer. A token lives no longer than a minute here.
    rig.clock.advance(60_000);
    released(&read(&rig, task, DELIVERED).await);
}

fn decision(text: &str) -> Value {
    json!({ "to": "ada@notes.example", "text": text })
}

/// A deployment in which letters decide.
const DECIDES: (&str, &str, &str) = (
    "tools/notes.toml",
    "[tools.send_note]\n",
    "[tools.send_note]\nitem_pointer = \"/to\"\ndecision_pointer = \"/text\"\n",
);

async fn decide(rig: &Rig, task: TaskId, text: &str) -> Outcome<&'static str> {
    rig.call_in(Some(task), "notes:send_note", decision(text)).await
}

async fn approved(rig: &Rig, task: TaskId, text: &str) -> Outcome<&'static str> {
    let waiting = held(decide(rig, task, text).await);
    rig.answer_ticket(waiting.ticket().id, "approve", "owner").await;
    rig.wait(waiting).await
}

#[tokio::test]
async fn a_decision_is_reversed_by_a_person_twice_and_then_by_nobody() {
    let (rig, first) = rig(&[DECIDES]).await;
    released(&decide(&rig, first, "yes").await);
    released(&decide(&rig, first, "yes").await);
    let rig = rig.restarted().await;
    // In another task it is the same decision.
    let task = rig.task("tell ada@notes.example what is decided").await;
    released(&approved(&rig, task, "no").await);
    released(&approved(&rig, task, "yes").await);
    let rig = rig.restarted().await;
    assert_eq!(refusal(&decide(&rig, task, "no").await), Some("LIMIT_REACHED"));
    assert_eq!(last_control(&rig).await, "EC-2.6");
    released(&decide(&rig, task, "yes").await);
    // Of somebody else nothing was decided.
    let bob = json!({ "to": "bob@notes.example", "text": "no" });
    released(&rig.call_in(Some(first), "notes:send_note", bob).await);
    // It is a month since it was last carried out: it binds nobody any more.
    rig.clock.advance(31 * 24 * 3_600_000);
    let task = rig.task("tell ada@notes.example what is decided").await;
    released(&decide(&rig, task, "no").await);
}

#[tokio::test]
async fn what_was_not_carried_out_was_not_decided() {
    let (rig, task) = rig(&[DECIDES]).await;
    released(&rig.approved_call(task, "notes:send_note", decision("yes"), FAILED).await);
    released(&decide(&rig, task, "no").await);
    held(decide(&rig, task, "yes").await);
}

#[tokio::test]
async fn a_call_that_decides_about_nothing_or_nothing_about_it_is_refused() {
    let pointer = |item: &str, decision: &str| {
        format!("[tools.send_note]\nitem_pointer = \"{item}\"\ndecision_pointer = \"{decision}\"\n")
    };
    for declared in [pointer("/about", "/text"), pointer("/to", "/verdict")] {
        let (rig, task) = rig(&[("tools/notes.toml", "[tools.send_note]\n", &declared)]).await;
        assert_eq!(refusal(&decide(&rig, task, "yes").await), Some("DENIED"));
        assert_eq!(last_control(&rig).await, "EC-2.6");
    }
}

#[tokio::test]
async fn of_two_that_decide_otherwise_at_once_one_needs_a_person() {
    let (one, task) = rig(&[DECIDES]).await;
    let other = one.another().await;
    let (here, there) = tokio::join!(decide(&one, task, "yes"), decide(&other, task, "no"));
    let n_released = [here, there].iter().filter(|it| matches!(it, Outcome::Released { .. })).count();
    assert!(n_released <= 1);
}
