//! Temporal rules on the record: they see what was recorded, by whichever process, before and after a restart, and two at
//! once are what one after the other would be.

use futures::future::join_all;
use maso_core::{Mode, TaskId};
use rusqlite::Connection;
use serde_json::{Value, json};

use super::rig::{Ground, Rig, held, refusal, released};
use crate::Outcome;

const EVENTS: &str = r#"
[events.filing]
tools = ["notes:file"]

[events.outside-read]
is = "answer"
tools = ["notes:read_note"]
integrity = "external"

[events.approval]
is = "approval"
tools = ["notes:pay"]

[events.refused-payment]
is = "refusal"
tools = ["notes:pay"]
"#;

/// A deployment with one rule: whose history it looks at, what it stops, and when.
async fn rig(per: &str, stops: &str, condition: &str) -> (Rig, TaskId) {
    let rule = format!("{EVENTS}\n[[rule]]\nid = \"r\"\ncontrol = \"EC-2.3\"\nper = \"{per}\"\n{stops}\n{condition}\n");
    let rig = Rig::declaring(&[("rules/test.toml", "", &rule)]).await;
    let task = rig.task(WORDS).await;
    (rig, task)
}

const WORDS: &str = "pay to account-of-the-task, and file it for ada@notes.example";
const FORBID: &str = "forbid = \"filing\"";
const HOLD: &str = "hold = \"filing\"";

/// Files something, which needs nobody.
async fn file(rig: &Rig, task: TaskId) -> Outcome<&'static str> {
    rig.call_in(Some(task), "notes:file", json!({ "to": "ada@notes.example" })).await
}

/// Reads what anybody may have written.
async fn read(rig: &Rig, task: TaskId) {
    let call = released(&rig.call_in(Some(task), "notes:read_note", json!({ "note": "n-1" })).await);
    released(&rig.answer(Some(task), call, "notes:read_note", json!({ "text": "hello" })).await);
}

fn payment(amount: u64) -> Value {
    json!({ "to": "account-of-the-task", "amount": amount })
}

/// Why the last hop was stopped, by the rule.
async fn reason(rig: &Rig) -> String {
    let decided = rig.decided().await.pop().unwrap();
    let finding = decided.findings.into_iter().find(|finding| finding.control == "EC-2.3");
    finding.unwrap_or_else(|| panic!("the rule said nothing")).reason
}

#[tokio::test]
async fn what_happened_before_a_restart_counts_after_it() {
    let (rig, task) = rig("task", FORBID, "unless = \"count of filing within 24h is at most 2\"").await;
    let first = released(&file(&rig, task).await);
    let rig = rig.restarted().await;
    released(&file(&rig, task).await);
    let rig = rig.restarted().await;
    assert_eq!(refusal(&file(&rig, task).await), Some("DENIED"));
    let why = reason(&rig).await;
    assert!(why.starts_with("rule `r` (rules/test.toml:19) forbids it") && why.contains(&first.to_string()), "{why}");
    // Another task has a history of its own, and a day later this one is empty.
    let other = rig.task(WORDS).await;
    released(&file(&rig, other).await);
    assert_eq!(rig.n_carried(), 1);
}

#[tokio::test]
async fn a_window_ends() {
    let (rig, task) = rig("task", FORBID, "unless = \"count of filing within 10m is at most 1\"").await;
    released(&file(&rig, task).await);
    rig.clock.advance(600_000);
    assert_eq!(refusal(&file(&rig, task).await), Some("DENIED"));
    rig.clock.advance(1);
    released(&file(&rig, task).await);
}

#[tokio::test]
async fn what_other_tasks_and_other_processes_did_counts_where_a_rule_reaches_so_far() {
    for per in ["agent", "workflow", "deployment"] {
        let (one, task) = rig(per, FORBID, "unless = \"count of filing is at most 2\"").await;
        let other = one.another().await;
        released(&file(&one, task).await);
        let another_task = other.task(WORDS).await;
        released(&file(&other, another_task).await);
        assert_eq!(refusal(&file(&one, task).await), Some("DENIED"), "{per}");
        assert_eq!(refusal(&file(&other, another_task).await), Some("DENIED"), "{per}");
    }
}

#[tokio::test]
async fn many_at_once_are_no_more_than_one_after_the_other() {
    let (one, task) = rig("workflow", FORBID, "unless = \"count of filing within 24h is at most 3\"").await;
    let other = one.another().await;
    let mine = (0..8).map(|_| file(&one, task));
    let yours = (0..8).map(|_| file(&other, task));
    let (here, there) = tokio::join!(join_all(mine), join_all(yours));
    let n_done = here.iter().chain(&there).filter(|outcome| matches!(outcome, Outcome::Released { .. })).count();
    assert_eq!((n_done, one.n_carried() + other.n_carried()), (3, 3));
    let allowed = one.decided().await.into_iter().filter(|decided| decided.decision == "allow").count();
    assert_eq!(allowed, 3);
}

#[tokio::test]
async fn a_decision_that_a_rule_has_overtaken_is_not_recorded() {
    let (rig, task) = rig("task", FORBID, "unless = \"count of filing is at most 1\"").await;
    let filing = json!({ "to": "ada@notes.example" });
    let early = super::rig::permit(&rig, task, "notes:file", &filing);
    let late = super::rig::permit(&rig, task, "notes:file", &filing);
    rig.record_permit(late).await.unwrap();
    assert!(rig.record_permit(early).await.is_err());
}

#[tokio::test]
async fn a_person_who_approved_since_ends_it_until_the_next_time() {
    let (rig, task) = rig("task", FORBID, "when = \"no approval since outside-read\"").await;
    released(&file(&rig, task).await);
    read(&rig, task).await;
    assert_eq!(refusal(&file(&rig, task).await), Some("DENIED"));
    let waiting = held(rig.call_in(Some(task), "notes:pay", payment(1)).await);
    let rig = rig.restarted().await;
    rig.answer_ticket(waiting.ticket().id, "approve", "owner").await;
    released(&file(&rig, task).await);
    read(&rig, task).await;
    let rig = rig.restarted().await;
    assert_eq!(refusal(&file(&rig, task).await), Some("DENIED"));
}

#[tokio::test]
async fn a_rejection_is_no_approval() {
    let (rig, task) = rig("task", FORBID, "unless = \"formerly approval\"").await;
    let waiting = held(rig.call_in(Some(task), "notes:pay", payment(1)).await);
    rig.answer_ticket(waiting.ticket().id, "reject", "owner").await;
    assert_eq!(refusal(&file(&rig, task).await), Some("DENIED"));
}

#[tokio::test]
async fn what_a_rule_holds_happens_when_a_person_approves_it() {
    let (rig, task) = rig("task", HOLD, "unless = \"count of filing is at most 1\"").await;
    released(&file(&rig, task).await);
    let waiting = held(file(&rig, task).await);
    rig.answer_ticket(waiting.ticket().id, "approve", "owner").await;
    released(&rig.wait(waiting).await);
    // The approval was for that one.
    held(file(&rig, task).await);
    assert_eq!(rig.n_carried(), 2);
}

#[tokio::test]
async fn a_rule_may_speak_of_what_was_refused() {
    let (rig, task) = rig("task", FORBID, "when = \"count of refused-payment is at least 2\"").await;
    for _ in 0..2 {
        released(&file(&rig, task).await);
        assert!(refusal(&rig.call_in(Some(task), "notes:pay", payment(5_000)).await).is_some());
    }
    assert_eq!(refusal(&file(&rig, task).await), Some("DENIED"));
}

#[tokio::test]
async fn an_answer_can_be_kept_from_whoever_asked() {
    let (rig, task) = rig("task", "forbid = \"outside-read\"", "when = \"formerly filing\"").await;
    read(&rig, task).await;
    released(&file(&rig, task).await);
    let call = released(&rig.call_in(Some(task), "notes:read_note", json!({ "note": "n-1" })).await);
    let answer = rig.answer(Some(task), call, "notes:read_note", json!({ "text": "hello" })).await;
    assert_eq!(refusal(&answer), Some("DENIED"));
}

#[tokio::test]
async fn what_is_only_observed_has_happened() {
    let rule = format!(
        "{EVENTS}\n[[rule]]\nid = \"r\"\ncontrol = \"EC-2.3\"\nper = \"task\"\n{FORBID}\nunless = \"count of filing is at most 1\"\n"
    );
    let enforcing = Rig::declaring(&[("rules/test.toml", "", &rule)]).await;
    let deployment = std::sync::Arc::clone(enforcing.path.world().deployment());
    let rig = Rig::on(Ground { deployment, ..Ground::fresh(Mode::Observe) }).await;
    let task = rig.task(WORDS).await;
    for _ in 0..3 {
        released(&file(&rig, task).await);
    }
    let why = reason(&rig).await;
    assert!(why.contains("count of filing is at least 3"), "{why}");
}

#[tokio::test]
async fn what_could_not_be_recorded_did_not_happen() {
    let (rig, task) = rig("task", FORBID, "unless = \"count of filing is at most 1\"").await;
    let disk = Connection::open(rig.log()).unwrap();
    disk.execute_batch(
        "CREATE TRIGGER full BEFORE INSERT ON records WHEN new.body LIKE '%\"decision\":\"allow\"%'
         BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END",
    )
    .unwrap();
    assert_eq!(refusal(&file(&rig, task).await), Some("UNAVAILABLE"));
    disk.execute_batch("DROP TRIGGER full").unwrap();
    released(&file(&rig, task).await);
    assert_eq!(refusal(&file(&rig, task).await), Some("DENIED"));
}
