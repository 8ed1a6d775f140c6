//! A person's approval: bound to the exact action, used once, expiring to no (EC-1.1, EC-2.9).

use serde_json::{Value, json};

use super::rig::{Rig, held, refusal, released};
use crate::Answer;

fn payment(amount: u64) -> Value {
    json!({ "to": "account-of-the-task", "amount": amount })
}

async fn rig() -> (Rig, maso_core::TaskId) {
    let rig = Rig::new().await;
    let task = rig.task("pay 20 or 30 to account-of-the-task").await;
    (rig, task)
}

#[tokio::test]
async fn an_approved_action_happens_once() {
    let (rig, task) = rig().await;
    let waiting = held(rig.call_in(Some(task), "notes:pay", payment(20)).await);
    let first = waiting.ticket().id;
    assert_eq!(rig.n_carried(), 0);
    rig.answer_ticket(first, "approve", "owner").await;
    released(&rig.wait(waiting).await);
    assert_eq!(rig.n_carried(), 1);

    let again = held(rig.call_in(Some(task), "notes:pay", payment(20)).await);
    assert_ne!(again.ticket().id, first, "a used approval must not count again");
    assert_eq!(rig.n_carried(), 1);
}

#[tokio::test]
async fn an_identical_call_meets_the_same_ticket_and_uses_its_approval() {
    let (rig, task) = rig().await;
    let first = held(rig.call_in(Some(task), "notes:pay", payment(20)).await);
    // The client went away and asks again.
    let id = first.ticket().id;
    drop(first);
    let second = held(rig.call_in(Some(task), "notes:pay", payment(20)).await);
    assert_eq!(second.ticket().id, id);
    rig.answer_ticket(id, "approve", "owner").await;
    released(&rig.call_in(Some(task), "notes:pay", payment(20)).await);
    assert_eq!(rig.n_carried(), 1);
}

#[tokio::test]
async fn two_callers_cannot_share_one_approval() {
    let (rig, task) = rig().await;
    let waiting = held(rig.call_in(Some(task), "notes:pay", payment(20)).await);
    rig.answer_ticket(waiting.ticket().id, "approve", "owner").await;
    let (one, two) = tokio::join!(
        rig.call_in(Some(task), "notes:pay", payment(20)),
        rig.call_in(Some(task), "notes:pay", payment(20))
    );
    let n_released = [&one, &two].iter().filter(|outcome| matches!(outcome, crate::Outcome::Released { .. })).count();
    assert_eq!((n_released, rig.n_carried()), (1, 1), "{one:?} {two:?}");
}

#[tokio::test]
async fn two_processes_cannot_share_one_approval() {
    let (one, task) = rig().await;
    let other = one.another().await;
    for amount in 1..=10 {
        let waiting = held(one.call_in(Some(task), "notes:pay", payment(amount)).await);
        // Written by the one and answered through the other: both know of the approval before either uses it.
        other.answer_ticket_of(&waiting, "approve", "owner").await;
        one.answer_ticket_of(&waiting, "approve", "second").await;
        let (mine, yours) = tokio::join!(
            one.call_in(Some(task), "notes:pay", payment(amount)),
            other.call_in(Some(task), "notes:pay", payment(amount))
        );
        let n_released = [&mine, &yours].iter().filter(|o| matches!(o, crate::Outcome::Released { .. })).count();
        assert_eq!(n_released, 1, "{mine:?} {yours:?}");
    }
    assert_eq!(one.n_carried() + other.n_carried(), 10);
    one.path.recorder().flush().await.unwrap();
    other.path.recorder().flush().await.unwrap();
    assert!(maso_verify::verify(&one.log()).unwrap().holds());
}

#[tokio::test]
async fn an_approval_of_another_amount_does_not_help() {
    let (rig, task) = rig().await;
    let waiting = held(rig.call_in(Some(task), "notes:pay", payment(20)).await);
    rig.answer_ticket(waiting.ticket().id, "approve", "owner").await;
    held(rig.call_in(Some(task), "notes:pay", payment(30)).await);
    assert_eq!(rig.n_carried(), 0);
}

#[tokio::test]
async fn a_rejection_is_told_once_and_then_the_action_may_be_asked_for_afresh() {
    let (rig, task) = rig().await;
    let waiting = held(rig.call_in(Some(task), "notes:pay", payment(20)).await);
    rig.answer_ticket(waiting.ticket().id, "reject", "owner").await;
    assert_eq!(refusal(&rig.wait(waiting).await), Some("NOT_APPROVED"));
    held(rig.call_in(Some(task), "notes:pay", payment(20)).await);
    assert_eq!(rig.n_carried(), 0);
}

#[tokio::test]
async fn who_approved_may_still_say_no_until_it_happened() {
    let (rig, task) = rig().await;
    let waiting = held(rig.call_in(Some(task), "notes:pay", payment(20)).await);
    rig.answer_ticket(waiting.ticket().id, "approve", "owner").await;
    rig.answer_ticket(waiting.ticket().id, "reject", "second").await;
    assert_eq!(refusal(&rig.wait(waiting).await), Some("NOT_APPROVED"));
    assert_eq!(rig.n_carried(), 0);
}

#[tokio::test]
async fn whoever_begins_later_knows_that_a_rejection_was_told() {
    let (rig, task) = rig().await;
    let waiting = held(rig.call_in(Some(task), "notes:pay", payment(20)).await);
    rig.answer_ticket(waiting.ticket().id, "reject", "owner").await;
    assert_eq!(refusal(&rig.wait(waiting).await), Some("NOT_APPROVED"));
    let rig = rig.restarted().await;
    held(rig.call_in(Some(task), "notes:pay", payment(20)).await);
}

#[tokio::test]
async fn a_yes_whose_time_is_over_is_not_used_up_by_what_needs_none() {
    let rig = Rig::new().await;
    let move_to = async |phase| {
        let by = maso_posture::Authority {
            operator: "owner".parse().unwrap(),
            office: maso_posture::Office::Security,
            reason: "the notes server was cleaned".into(),
            review: None,
        };
        let (standing, now) = (rig.path.world().standing(), rig.path.clock().now());
        for order in standing.moved(maso_core::Scope::Deployment, phase, by, now).unwrap() {
            rig.path.recorder().record(order).await.unwrap();
        }
    };
    move_to(maso_core::Phase::Contingency).await;
    let waiting = held(rig.call("notes:read_note", json!({ "note": "n-1" })).await);
    let ticket = waiting.ticket().id;
    rig.answer_ticket(ticket, "approve", "owner").await;
    rig.clock.advance(24 * 60 * 60_000);
    move_to(maso_core::Phase::Primary).await;
    released(&rig.call("notes:read_note", json!({ "note": "n-1" })).await);
    assert_eq!(rig.path.world().tickets().find(ticket).unwrap().answer, Answer::Approved);
    assert!(rig.decided().await.last().unwrap().approvals.is_empty());
}

#[tokio::test]
async fn silence_is_a_no() {
    let (rig, task) = rig().await;
    let waiting = held(rig.call_in(Some(task), "notes:pay", payment(20)).await);
    rig.clock.advance(15 * 60_000 + 1);
    rig.path.tick().await.unwrap();
    assert_eq!(rig.path.world().tickets().find(waiting.ticket().id).unwrap().answer, Answer::Expired);
    assert!(refusal(&rig.wait(waiting).await).is_some());
    assert_eq!(rig.n_carried(), 0);
}

#[tokio::test]
async fn an_answer_that_is_no_word_we_know_is_a_no() {
    let (rig, task) = rig().await;
    let waiting = held(rig.call_in(Some(task), "notes:pay", payment(20)).await);
    rig.answer_ticket(waiting.ticket().id, "approved!", "owner").await;
    assert_eq!(refusal(&rig.wait(waiting).await), Some("NOT_APPROVED"));
}

#[tokio::test]
async fn another_process_can_answer_and_a_restart_loses_no_approval() {
    let (rig, task) = rig().await;
    let waiting = held(rig.call_in(Some(task), "notes:pay", payment(20)).await);
    let id = waiting.ticket().id;
    let console = rig.another().await;
    console.answer_ticket(id, "approve", "owner").await;
    drop(console);
    drop(waiting);
    let rig = rig.restarted().await;
    released(&rig.call_in(Some(task), "notes:pay", payment(20)).await);
    assert_eq!(rig.n_carried(), 1);
}

#[tokio::test]
async fn identical_calls_at_once_wait_under_one_ticket() {
    let (rig, task) = rig().await;
    let calls = (0..4).map(|_| rig.call_in(Some(task), "notes:pay", payment(20)));
    let waiting: Vec<_> = futures::future::join_all(calls).await.into_iter().map(held).collect();
    let open: Vec<_> = rig.path.world().tickets().all().iter().map(|ticket| ticket.id).collect();
    assert_eq!(open.len(), 1);
    rig.answer_ticket(open[0], "approve", "owner").await;
    let mut n_released = 0;
    for one in waiting {
        n_released += usize::from(matches!(rig.wait(one).await, crate::Outcome::Released { .. }));
    }
    assert_eq!((n_released, rig.n_carried()), (1, 1));
}
