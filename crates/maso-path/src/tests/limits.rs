//! The limits that a deployment declares: each refuses what lies past it, lets pass what does not, and outlives the
//! process (EC-1.3, EC-3.4, AT-1.7).

use maso_core::{Phase, Scope, TaskId};
use maso_policy::Decision;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::rig::{Rig, held, refusal, released};
use crate::Outcome;

const WORKFLOW: &str = "workflows/notes.toml";

fn payment(amount: u64) -> Value {
    json!({ "to": "account-of-the-task", "amount": amount })
}

fn letter() -> Value {
    json!({ "to": "ada@notes.example", "text": "hello" })
}

/// A deployment whose payments say how much they move, with these limits.
async fn rig(n_transactions: u64, value: u64) -> (Rig, TaskId) {
    let transactions = format!("max_transactions_per_batch = {n_transactions}");
    let value = format!("max_value_minor = {value}");
    let rig = Rig::declaring(&[
        (WORKFLOW, "max_transactions_per_batch = 100", &transactions),
        (WORKFLOW, "max_value_minor = 0", &value),
        ("tools/notes.toml", "[tools.pay]\n", "[tools.pay]\nvalue_pointer = \"/amount\"\n"),
    ])
    .await;
    let task = rig.task("pay to account-of-the-task what is asked for, and tell ada@notes.example").await;
    (rig, task)
}

/// Pays, with a person's approval.
async fn pay(rig: &Rig, task: TaskId, amount: u64) -> Outcome<&'static str> {
    match rig.call_in(Some(task), "notes:pay", payment(amount)).await {
        Outcome::Held(waiting) => {
            rig.answer_ticket(waiting.ticket().id, "approve", "owner").await;
            rig.wait(waiting).await
        }
        done => done,
    }
}

async fn last_control(rig: &Rig) -> String {
    let decided = rig.decided().await.pop().unwrap();
    decided.findings.iter().find(|finding| finding.word == "NO-GO").unwrap().control.clone()
}

#[tokio::test]
async fn what_a_task_moves_is_summed_and_the_sum_is_limited() {
    let (rig, task) = rig(100, 100).await;
    released(&pay(&rig, task, 60).await);
    // Each alone is within the limit, and so is the sum of these two.
    let rig = rig.restarted().await;
    released(&pay(&rig, task, 40).await);
    let rig = rig.restarted().await;
    assert_eq!(refusal(&pay(&rig, task, 1).await), Some("LIMIT_REACHED"));
    assert_eq!((last_control(&rig).await.as_str(), rig.n_carried()), ("AT-1.7", 0));
}

#[tokio::test]
async fn with_a_higher_limit_the_same_payments_pass() {
    let (rig, task) = rig(100, 101).await;
    for amount in [60, 40, 1] {
        released(&pay(&rig, task, amount).await);
    }
    assert_eq!(rig.n_carried(), 3);
}

#[tokio::test]
async fn one_action_may_not_move_more_either_and_one_that_names_no_whole_amount_moves_nothing() {
    let (rig, task) = rig(100, 100).await;
    assert_eq!(refusal(&pay(&rig, task, 101).await), Some("LIMIT_REACHED"));
    let (rig, task) = self::rig(100, 100).await;
    released(&pay(&rig, task, 100).await);
    let (rig, task) = self::rig(100, 100).await;
    let half = json!({ "to": "account-of-the-task", "amount": 0.5 });
    assert!(refusal(&rig.call_in(Some(task), "notes:pay", half).await).is_some());
}

#[tokio::test]
async fn two_payments_at_once_are_no_more_than_one_after_the_other() {
    let (one, task) = rig(100, 100).await;
    let other = one.another().await;
    for (rig, amount) in [(&one, 60), (&other, 70)] {
        let waiting = held(rig.call_in(Some(task), "notes:pay", payment(amount)).await);
        rig.answer_ticket(waiting.ticket().id, "approve", "owner").await;
    }
    let (here, there) = tokio::join!(
        one.call_in(Some(task), "notes:pay", payment(60)),
        other.call_in(Some(task), "notes:pay", payment(70)),
    );
    assert!(refusal(&here).is_some() || refusal(&there).is_some(), "{here:?} {there:?}");
    assert!(one.n_carried() + other.n_carried() <= 1);
}

#[tokio::test]
async fn a_task_makes_so_many_transactions_and_no_more() {
    for (most, last) in [(3, Some("LIMIT_REACHED")), (4, None)] {
        let (rig, task) = rig(most, 0).await;
        for _ in 0..3 {
            released(&rig.call_in(Some(task), "notes:send_note", letter()).await);
            released(&rig.call_in(Some(task), "notes:read_note", json!({ "note": "n-1" })).await);
        }
        let rig = rig.restarted().await;
        assert_eq!(refusal(&rig.call_in(Some(task), "notes:send_note", letter()).await), last);
    }
}

#[tokio::test]
async fn who_tries_more_than_a_hard_limit_allows_stops_the_workflow_until_a_person_ends_that() {
    let (rig, task) = rig(1, 0).await;
    released(&rig.call_in(Some(task), "notes:send_note", letter()).await);
    assert_eq!(refusal(&rig.call_in(Some(task), "notes:send_note", letter()).await), Some("LIMIT_REACHED"));
    let rig = rig.restarted().await;
    let workflow = Scope::Workflow("notes".parse().unwrap());
    assert_eq!(rig.path.world().standing().phase_of(&workflow), Phase::Contingency);
    // In another task, which has done nothing yet, each action needs a person now.
    let fresh = rig.task("tell ada@notes.example").await;
    held(rig.call_in(Some(fresh), "notes:send_note", letter()).await);

    let by = maso_posture::Authority {
        operator: "owner".parse().unwrap(),
        office: maso_posture::Office::Security,
        reason: "the batch was larger than planned".into(),
        review: None,
    };
    let orders = rig.path.world().standing().moved(workflow, Phase::Primary, by, rig.path.clock().now()).unwrap();
    for order in orders {
        rig.path.recorder().record(order).await.unwrap();
    }
    rig.path.tick().await.unwrap();
    let other = rig.task("tell ada@notes.example once more").await;
    released(&rig.call_in(Some(other), "notes:send_note", letter()).await);
}

#[tokio::test]
async fn a_standing_task_never_ends_and_begins_afresh_after_a_day() {
    let (rig, _) = rig(1, 100).await;
    let wipe = json!({ "note": "n-1" });
    let approved = async |rig: &Rig| {
        let waiting = held(rig.call("notes:wipe", wipe.clone()).await);
        rig.answer_ticket(waiting.ticket().id, "approve", "owner").await;
        rig.answer_ticket(waiting.ticket().id, "approve", "second").await;
        rig.wait(waiting).await
    };
    released(&approved(&rig).await);
    rig.clock.advance(23 * 3_600_000);
    assert_eq!(refusal(&rig.call("notes:wipe", wipe.clone()).await), Some("LIMIT_REACHED"));
    rig.clock.advance(2 * 3_600_000);
    released(&approved(&rig).await);
}

#[tokio::test]
async fn a_task_has_its_time_and_is_over_then() {
    for (time_box, late) in [("1h", Some("LIMIT_REACHED")), ("2h", None)] {
        let rig =
            Rig::declaring(&[(WORKFLOW, "max_execution = \"1h\"", &format!("max_execution = \"{time_box}\""))]).await;
        let task = rig.task("tell ada@notes.example").await;
        rig.clock.advance(3_599_999);
        released(&rig.call_in(Some(task), "notes:send_note", letter()).await);
        rig.clock.advance(1);
        let rig = rig.restarted().await;
        assert_eq!(refusal(&rig.call_in(Some(task), "notes:send_note", letter()).await), late, "{time_box}");
        if late.is_some() {
            assert_eq!(last_control(&rig).await, "EC-3.4");
        }
        rig.path.tick().await.unwrap();
        assert_eq!(rig.path.world().tasks().open(task).is_none(), late.is_some());
    }
}

#[tokio::test]
async fn a_smaller_time_box_binds_tasks_that_are_open_already() {
    let rig = Rig::new().await;
    let task = rig.task("tell ada@notes.example").await;
    let ground = rig.ended().await;
    let smaller = Rig::declaring(&[(WORKFLOW, "max_execution = \"1h\"", "max_execution = \"1s\"")]).await;
    let deployment = std::sync::Arc::clone(smaller.path.world().deployment());
    let rig = Rig::on(super::rig::Ground { deployment, ..ground }).await;
    rig.clock.advance(1_000);
    assert_eq!(refusal(&rig.call_in(Some(task), "notes:send_note", letter()).await), Some("LIMIT_REACHED"));
}

#[tokio::test]
async fn what_was_held_while_its_task_had_time_is_not_done_after_it() {
    let rig = Rig::declaring(&[(WORKFLOW, "max_execution = \"1h\"", "max_execution = \"10m\"")]).await;
    let task = rig.task("pay 20 to account-of-the-task").await;
    let waiting = held(rig.call_in(Some(task), "notes:pay", payment(20)).await);
    rig.answer_ticket(waiting.ticket().id, "approve", "owner").await;
    rig.clock.advance(10 * 60_000);
    assert!(refusal(&rig.wait(waiting).await).is_some());
    assert_eq!(rig.n_carried(), 0);
}

/// A deployment in which at most three actions of an agent may wait.
async fn three_may_wait() -> (Rig, TaskId) {
    let rig = Rig::declaring(&[(
        "maso.toml",
        "[[operators]]\nname = \"owner\"",
        "[limits]\nheld_actions_max = 3\n\n[[operators]]\nname = \"owner\"",
    )])
    .await;
    let task = rig.task("pay to account-of-the-task").await;
    (rig, task)
}

#[tokio::test]
async fn so_many_actions_of_an_agent_wait_for_people_and_no_more() {
    let (rig, task) = three_may_wait().await;
    let mut waiting = Vec::new();
    for amount in 1..=3 {
        waiting.push(held(rig.call_in(Some(task), "notes:pay", payment(amount)).await));
    }
    assert_eq!(refusal(&rig.call_in(Some(task), "notes:pay", payment(4)).await), Some("LIMIT_REACHED"));
    let decided = rig.decided().await.pop().unwrap();
    assert_eq!((decided.decision.as_str(), decided.refusal.as_deref()), ("deny", Some("LIMIT_REACHED")));
    assert_eq!(last_control(&rig).await, "EC-1.3");
    // An identical action waits under the ticket that it has, and what needs nobody passes.
    assert_eq!(held(rig.call_in(Some(task), "notes:pay", payment(3)).await).ticket().id, waiting[2].ticket().id);
    released(&rig.call_in(Some(task), "notes:read_note", json!({ "note": "n-1" })).await);

    let rig = rig.restarted().await;
    assert_eq!(refusal(&rig.call_in(Some(task), "notes:pay", payment(4)).await), Some("LIMIT_REACHED"));
    rig.answer_ticket(waiting[0].ticket().id, "reject", "owner").await;
    held(rig.call_in(Some(task), "notes:pay", payment(4)).await);
    assert_eq!(rig.path.world().tickets().n_open(), 3);
}

#[tokio::test]
async fn with_a_higher_cap_one_more_waits() {
    let rig = Rig::new().await;
    let task = rig.task("pay to account-of-the-task").await;
    for amount in 1..=4 {
        held(rig.call_in(Some(task), "notes:pay", payment(amount)).await);
    }
}

#[tokio::test]
async fn two_processes_share_the_places_to_wait_in() {
    let (one, task) = three_may_wait().await;
    let other = one.another().await;
    let mine = (1..=3).map(|amount| one.call_in(Some(task), "notes:pay", payment(amount)));
    let yours = (4..=6).map(|amount| other.call_in(Some(task), "notes:pay", payment(amount)));
    let (here, there) = tokio::join!(futures::future::join_all(mine), futures::future::join_all(yours));
    let n_held = here.iter().chain(&there).filter(|outcome| matches!(outcome, Outcome::Held(_))).count();
    assert!(n_held <= 3, "{n_held} wait");
    one.path.recorder().flush().await.unwrap();
    let held = one.decided().await.into_iter().filter(|decided| decided.decision == "hold").count();
    assert_eq!(held, n_held);
}

#[tokio::test]
async fn what_is_only_under_way_makes_the_next_payment_wait_and_stops_nobody() {
    let (rig, task) = rig(100, 100).await;
    // Decided and not recorded yet: it may still be held or refused.
    let under_way = rig.under_way(Some(task), "notes:pay", &payment(60));
    assert_eq!(refusal(&pay(&rig, task, 60).await), Some("LIMIT_REACHED"));
    assert_eq!(last_control(&rig).await, "EC-1.3");
    let workflow = Scope::Workflow("notes".parse().unwrap());
    assert_eq!(rig.path.world().standing().phase_of(&workflow), Phase::Primary);
    released(&pay(&rig, task, 40).await);
    drop(under_way);
    released(&pay(&rig, task, 60).await);
}

/// Lets the record of whatever is allowed fail as a full disk does.
const FULL: &str = "CREATE TRIGGER full BEFORE INSERT ON records WHEN new.body LIKE '%\"decision\":\"allow\"%'
    BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END";

#[tokio::test]
async fn what_ended_without_a_record_takes_no_place() {
    let (rig, task) = rig(1, 0).await;
    let disk = Connection::open(rig.log()).unwrap();
    disk.execute_batch(FULL).unwrap();
    assert_eq!(refusal(&rig.call_in(Some(task), "notes:send_note", letter()).await), Some("UNAVAILABLE"));
    disk.execute_batch("DROP TRIGGER full").unwrap();
    released(&rig.call_in(Some(task), "notes:send_note", letter()).await);
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_keeps_its_place_until_its_record_is_written_or_refused() {
    // It needs no judge, so that nothing is waited for but the commit.
    let filing = || json!({ "to": "ada@notes.example" });
    for is_full in [true, false] {
        let (rig, task) = rig(1, 0).await;
        let disk = Connection::open(rig.log()).unwrap();
        if is_full {
            disk.execute_batch(FULL).unwrap();
        }
        disk.execute_batch("BEGIN IMMEDIATE").unwrap();
        let mut given_up = Box::pin(rig.call_in(Some(task), "notes:file", filing()));
        assert!(futures::poll!(&mut given_up).is_pending());
        drop(given_up);
        // It is in the queue, and may yet be written.
        assert!(matches!(rig.decision(Some(task), "notes:file", &filing()), Decision::Deny(_)));
        disk.execute_batch("COMMIT").unwrap();
        // Whoever waits in the batch that fails is told that it failed.
        assert!(rig.path.recorder().flush().await.is_ok() || is_full);
        if is_full {
            disk.execute_batch("DROP TRIGGER full").unwrap();
        }
        let next = rig.call_in(Some(task), "notes:file", filing()).await;
        assert_eq!(refusal(&next), if is_full { None } else { Some("LIMIT_REACHED") });
    }
}

#[tokio::test]
async fn a_call_that_ended_without_a_record_does_not_count_into_the_hourly_rate() {
    let one_an_hour = ("agents/writer.toml", "escalation = ", "calls_per_hour_max = 1\nescalation = ");
    let rig = Rig::declaring(&[one_an_hour]).await;
    let task = rig.task("tell ada@notes.example").await;
    let disk = Connection::open(rig.log()).unwrap();
    disk.execute_batch(FULL).unwrap();
    assert_eq!(refusal(&rig.call_in(Some(task), "notes:send_note", letter()).await), Some("UNAVAILABLE"));
    disk.execute_batch("DROP TRIGGER full").unwrap();
    released(&rig.call_in(Some(task), "notes:send_note", letter()).await);
    assert_eq!(refusal(&rig.call_in(Some(task), "notes:send_note", letter()).await), Some("LIMIT_REACHED"));
}
