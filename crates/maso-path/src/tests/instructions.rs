//! An instruction is carried out once, also after a restart and between processes; one that failed is not done (AT-2.5).

use maso_core::TaskId;
use serde_json::{Value, json};

use super::rig::{Rig, held, refusal, released};
use crate::Carried;

/// A deployment whose payments name their instruction, with these further changes.
async fn rig(changes: &[(&str, &str, &str)]) -> (Rig, TaskId) {
    let named = ("tools/notes.toml", "[tools.pay]\n", "[tools.pay]\nidempotency_pointer = \"/reference\"\n");
    let rig = Rig::declaring(&[&[named], changes].concat()).await;
    let task = rig.task("pay to account-of-the-task what is asked for").await;
    (rig, task)
}

/// A deployment without this control.
struct Off(String);

fn off(control: &str) -> Off {
    let deselected =
        format!("[[controls.deselected]]\ncontrol = \"{control}\"\nreason = \"a trial\"\nowner = \"owner\"\n");
    Off(format!("{deselected}\n[[operators]]"))
}

impl Off {
    fn as_edit(&self) -> (&str, &str, &str) {
        ("maso.toml", "[[operators]]", &self.0)
    }
}

fn payment(reference: &str, amount: u64) -> Value {
    json!({ "to": "account-of-the-task", "amount": amount, "reference": reference })
}

const DELIVERED: fn() -> Carried<&'static str> = || Carried::Delivered("done");
const FAILED: fn() -> Carried<&'static str> = || Carried::Failed { reply: "no", fault: "no such account".to_owned() };
const UNKNOWN: fn() -> Carried<&'static str> = || Carried::Unknown { reply: "?", fault: "it broke midway".to_owned() };

#[tokio::test]
async fn what_was_done_is_not_done_again_and_what_may_have_been_neither() {
    for comes in [DELIVERED, UNKNOWN] {
        let (rig, task) = rig(&[]).await;
        released(&rig.approved_call(task, "notes:pay", payment("r1", 1), comes).await);
        let again = rig.approved_call(task, "notes:pay", payment("r1", 2), DELIVERED).await;
        assert_eq!(refusal(&again), Some("DUPLICATE"));
        released(&rig.approved_call(task, "notes:pay", payment("r2", 1), DELIVERED).await);
        let rig = rig.restarted().await;
        let again = rig.approved_call(task, "notes:pay", payment("r1", 1), DELIVERED).await;
        assert_eq!(refusal(&again), Some("DUPLICATE"));
        let other = rig.another().await;
        let again = other.approved_call(task, "notes:pay", payment("r2", 1), DELIVERED).await;
        assert_eq!(refusal(&again), Some("DUPLICATE"));
    }
}

#[tokio::test]
async fn without_the_control_it_is_done_again() {
    let (rig, task) = rig(&[off("AT-2.5").as_edit()]).await;
    for _ in 0..2 {
        released(&rig.approved_call(task, "notes:pay", payment("r1", 1), DELIVERED).await);
    }
}

#[tokio::test]
async fn what_failed_at_its_server_may_be_tried_again_a_few_times() {
    // Eight times are more retries than a task has by itself.
    let (rig, task) = rig(&[off("EC-1.10").as_edit()]).await;
    for _ in 0..8 {
        released(&rig.approved_call(task, "notes:pay", payment("r1", 1), FAILED).await);
    }
    assert_eq!(refusal(&rig.approved_call(task, "notes:pay", payment("r1", 1), DELIVERED).await), Some("DUPLICATE"));
    released(&rig.approved_call(task, "notes:pay", payment("r2", 1), FAILED).await);
    released(&rig.approved_call(task, "notes:pay", payment("r2", 1), DELIVERED).await);
    assert_eq!(refusal(&rig.approved_call(task, "notes:pay", payment("r2", 1), DELIVERED).await), Some("DUPLICATE"));
}

#[tokio::test]
async fn a_call_that_names_no_instruction_is_refused() {
    for payment in [
        json!({ "to": "account-of-the-task", "amount": 1 }),
        payment("", 1),
        payment(&"r".repeat(257), 1),
        json!({ "to": "account-of-the-task", "amount": 1, "reference": ["r1"] }),
    ] {
        // Whatever else looks at arguments may be off.
        let (with, task) = rig(&[off("EC-2.14").as_edit()]).await;
        assert_eq!(refusal(&with.approved_call(task, "notes:pay", payment.clone(), DELIVERED).await), Some("DENIED"));
        let (without, task) = rig(&[off("AT-2.5").as_edit()]).await;
        released(&without.approved_call(task, "notes:pay", payment, DELIVERED).await);
    }
}

#[tokio::test]
async fn of_two_that_were_approved_for_one_instruction_one_is_carried_out() {
    let (rig, task) = rig(&[]).await;
    let mut waiting = Vec::new();
    for amount in [1, 2] {
        let one = held(rig.call_in(Some(task), "notes:pay", payment("r1", amount)).await);
        rig.answer_ticket(one.ticket().id, "approve", "owner").await;
        waiting.push(one);
    }
    let outcomes = futures::future::join_all(waiting.into_iter().map(|one| rig.wait(one))).await;
    let mut refusals: Vec<_> = outcomes.iter().map(refusal).collect();
    refusals.sort();
    assert_eq!((refusals, rig.n_carried()), (vec![None, Some("DUPLICATE")], 1));
}
