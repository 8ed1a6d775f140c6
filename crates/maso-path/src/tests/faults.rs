//! What cannot be recorded is not done: the file is locked, full or gone, and nothing is carried.

use rusqlite::Connection;
use serde_json::{Value, json};

use super::rig::{Rig, held, refusal, released};
use crate::Answer;

/// Another connection to the same file, with which things are broken.
fn saboteur(rig: &Rig) -> Connection {
    Connection::open(rig.log()).unwrap()
}

/// Lets records fail as a full disk does, if their body says so.
fn fill_the_disk_for(rig: &Rig, bodies: &str) {
    let trigger = format!(
        "CREATE TRIGGER full BEFORE INSERT ON records WHEN new.body LIKE '{bodies}'
         BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
    );
    saboteur(rig).execute_batch(&trigger).unwrap();
}

fn make_room(rig: &Rig) {
    saboteur(rig).execute_batch("DROP TRIGGER full").unwrap();
}

async fn verify(rig: &Rig) {
    rig.path.recorder().flush().await.unwrap();
    let report = maso_verify::verify(&rig.log()).unwrap();
    assert!(report.holds(), "{:?}", report.problems);
}

fn payment() -> Value {
    json!({ "to": "account-of-the-task", "amount": 20 })
}

async fn rig() -> (Rig, maso_core::TaskId) {
    let rig = Rig::new().await;
    let task = rig.task("pay 20 to account-of-the-task and write to ada@notes.example").await;
    (rig, task)
}

#[tokio::test]
async fn an_approved_action_that_cannot_be_recorded_is_not_done_and_its_approval_is_not_used() {
    let (rig, task) = rig().await;
    let waiting = held(rig.call_in(Some(task), "notes:pay", payment()).await);
    let ticket = waiting.ticket().id;
    rig.answer_ticket(ticket, "approve", "owner").await;

    fill_the_disk_for(&rig, r#"%"decision":"allow"%"#);
    assert_eq!(refusal(&rig.wait(waiting).await), Some("UNAVAILABLE"));
    assert_eq!(rig.n_carried(), 0);
    assert_eq!(rig.path.world().tickets().find(ticket).unwrap().answer, Answer::Approved);

    make_room(&rig);
    released(&rig.call_in(Some(task), "notes:pay", payment()).await);
    assert_eq!(rig.n_carried(), 1);
    verify(&rig).await;
}

#[tokio::test]
async fn an_approval_whose_use_cannot_be_recorded_permits_nothing() {
    let (rig, task) = rig().await;
    let waiting = held(rig.call_in(Some(task), "notes:pay", payment()).await);
    rig.answer_ticket(waiting.ticket().id, "approve", "owner").await;
    fill_the_disk_for(&rig, r#"%"kind":"ticket-spent"%"#);
    assert_eq!(refusal(&rig.wait(waiting).await), Some("UNAVAILABLE"));
    make_room(&rig);
    assert_eq!(rig.n_carried(), 0);
    assert!(rig.decided().await.iter().all(|decided| decided.decision != "allow"));
    verify(&rig).await;
}

#[tokio::test]
async fn a_write_that_needs_nobody_is_not_done_either() {
    let (rig, task) = rig().await;
    let letter = json!({ "to": "ada@notes.example", "text": "hello" });
    fill_the_disk_for(&rig, r#"%"kind":"hop-decided"%"#);
    assert_eq!(refusal(&rig.call_in(Some(task), "notes:send_note", letter.clone()).await), Some("UNAVAILABLE"));
    assert_eq!(rig.n_carried(), 0);
    make_room(&rig);
    released(&rig.call_in(Some(task), "notes:send_note", letter).await);
    verify(&rig).await;
}

#[tokio::test]
async fn what_cannot_be_held_on_the_record_waits_for_nobody() {
    let (rig, task) = rig().await;
    fill_the_disk_for(&rig, r#"%"decision":"hold"%"#);
    assert_eq!(refusal(&rig.call_in(Some(task), "notes:pay", payment()).await), Some("UNAVAILABLE"));
    assert!(rig.path.world().tickets().all().is_empty());
    make_room(&rig);
    held(rig.call_in(Some(task), "notes:pay", payment()).await);
    verify(&rig).await;
}

#[tokio::test]
async fn a_denial_stands_even_if_nobody_can_write_it_down() {
    let (rig, task) = rig().await;
    fill_the_disk_for(&rig, r#"%"decision":"deny"%"#);
    let outcome = rig.call_in(Some(task), "notes:delete_everything", json!({})).await;
    assert_eq!(refusal(&outcome), Some("OUT_OF_MANDATE"));
    assert_eq!(rig.n_carried(), 0);
    make_room(&rig);
    verify(&rig).await;
}

#[tokio::test]
async fn a_read_that_was_let_go_before_it_was_written_is_the_last_thing_that_happens() {
    let (rig, task) = rig().await;
    fill_the_disk_for(&rig, r#"%"decision":"allow"%"#);
    // The one exception to the rule: a pure read does not wait for the disk.
    released(&rig.call("notes:read_note", json!({ "note": "n-1" })).await);
    assert!(rig.path.recorder().flush().await.is_err());
    make_room(&rig);
    let letter = json!({ "to": "ada@notes.example", "text": "hello" });
    assert_eq!(refusal(&rig.call_in(Some(task), "notes:send_note", letter.clone()).await), Some("UNAVAILABLE"));
    assert_eq!(refusal(&rig.call("notes:read_note", json!({ "note": "n-1" })).await), Some("UNAVAILABLE"));
    assert_eq!(rig.n_carried(), 1);

    let rig = rig.another().await;
    released(&rig.call_in(Some(task), "notes:send_note", letter).await);
    verify(&rig).await;
}

/// Takes as long as the recorder waits for a lock.
#[tokio::test]
async fn a_record_that_somebody_keeps_locked_lets_nothing_through() {
    let (rig, task) = rig().await;
    let lock = saboteur(&rig);
    lock.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let letter = json!({ "to": "ada@notes.example", "text": "hello" });
    assert_eq!(refusal(&rig.call_in(Some(task), "notes:send_note", letter.clone()).await), Some("UNAVAILABLE"));
    assert_eq!(rig.n_carried(), 0);
    lock.execute_batch("ROLLBACK").unwrap();
    released(&rig.call_in(Some(task), "notes:send_note", letter).await);
    verify(&rig).await;
}

#[tokio::test]
async fn a_record_that_was_changed_behind_our_back_is_followed_by_nothing() {
    let (rig, task) = rig().await;
    let waiting = held(rig.call_in(Some(task), "notes:pay", payment()).await);
    rig.answer_ticket(waiting.ticket().id, "approve", "owner").await;
    saboteur(&rig)
        .execute_batch(
            "DROP TRIGGER records_stay;
             DELETE FROM records WHERE sequence = (SELECT max(sequence) FROM records);",
        )
        .unwrap();
    assert_eq!(refusal(&rig.wait(waiting).await), Some("UNAVAILABLE"));
    assert_eq!(refusal(&rig.call("notes:read_note", json!({ "note": "n-1" })).await), Some("UNAVAILABLE"));
    assert_eq!(rig.n_carried(), 0);
}
