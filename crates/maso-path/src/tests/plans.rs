//! The steps of a plan: each call is held against what was done before it (PG-3.4).

use maso_core::TaskId;
use serde_json::json;

use super::rig::{Rig, refusal, released};
use crate::{Carried, Outcome};

type Change<'a> = (&'a str, &'a str, &'a str);

const ORDER: &str = "tool_order = [\"notes:read_note\", \"notes:file\"]\nescalation = ";
const PLAN: Change<'static> = ("agents/writer.toml", "escalation = ", ORDER);
const OFF: Change<'static> = (
    "maso.toml",
    "[[operators]]\nname = \"owner\"",
    "[[controls.deselected]]\ncontrol = \"PG-3.4\"\nreason = \"a trial\"\nowner = \"owner\"\n\n[[operators]]\nname = \"owner\"",
);

async fn rig(changes: &[Change<'_>]) -> (Rig, TaskId) {
    let rig = Rig::declaring(&[&[PLAN], changes].concat()).await;
    let task = rig.task("file n-1 and n-2").await;
    (rig, task)
}

async fn read(rig: &Rig, task: TaskId, note: &str) {
    released(&rig.call_in(Some(task), "notes:read_note", json!({ "note": note })).await);
}

async fn file(rig: &Rig, task: TaskId, to: &str) -> Outcome<&'static str> {
    rig.call_in(Some(task), "notes:file", json!({ "to": to })).await
}

async fn said(rig: &Rig) -> Option<(String, String)> {
    let decided = rig.decided().await.pop().unwrap();
    let finding = decided.findings.into_iter().find(|finding| finding.control == "PG-3.4")?;
    Some((finding.word, finding.reason.split(':').next().unwrap().to_owned()))
}

fn is_held(outcome: &Outcome<&'static str>) -> bool {
    matches!(outcome, Outcome::Held(_))
}

#[tokio::test]
async fn a_step_that_was_left_out_is_seen_by_a_person_and_one_round_pays_for_no_other() {
    let (rig, task) = rig(&[]).await;
    assert!(is_held(&file(&rig, task, "n-1").await));
    assert_eq!(said(&rig).await, Some(("ESCALATE".to_owned(), "skip".to_owned())));
    read(&rig, task, "n-1").await;
    let rig = rig.restarted().await;
    released(&file(&rig, task, "n-1").await);
    let rig = rig.restarted().await;
    assert!(is_held(&file(&rig, task, "n-2").await));
    assert_eq!(said(&rig).await, Some(("ESCALATE".to_owned(), "repeat".to_owned())));
    read(&rig, task, "n-2").await;
    released(&file(&rig, task, "n-2").await);
    // What was done in one task is not done in another.
    let other = rig.task("file n-1 and n-2").await;
    assert!(is_held(&file(&rig, other, "n-1").await));
}

#[tokio::test]
async fn a_departure_is_refused_or_noted_as_the_mandate_says_and_nothing_is_said_with_the_control_off() {
    for (on_deviation, passes, word) in [("refuse", false, "NO-GO"), ("note", true, "GO")] {
        let on_deviation = format!("on_deviation = \"{on_deviation}\"\ntool_order");
        let (rig, task) = self::rig(&[("agents/writer.toml", "tool_order", &on_deviation)]).await;
        let outcome = file(&rig, task, "n-1").await;
        assert_eq!(refusal(&outcome), (!passes).then_some("OUT_OF_PLAN"));
        assert_eq!(said(&rig).await, Some((word.to_owned(), "skip".to_owned())));
    }
    let (rig, task) = self::rig(&[OFF]).await;
    released(&file(&rig, task, "n-1").await);
    assert_eq!(said(&rig).await, None);
}

#[tokio::test]
async fn what_is_no_step_and_does_more_than_read_is_a_departure_and_what_reads_is_none() {
    let (rig, task) = rig(&[]).await;
    released(&rig.call_in(Some(task), "notes:lookup", json!({ "q": "n-1" })).await);
    assert_eq!(said(&rig).await, None);
    let letter = json!({ "to": "file", "text": "hello" });
    assert!(is_held(&rig.call_in(Some(task), "notes:send_note", letter).await));
    assert_eq!(said(&rig).await, Some(("ESCALATE".to_owned(), "unplanned".to_owned())));
    let substitute =
        "[tools.\"notes:read_note\".substitutes]\n\"notes:lookup\" = \"finds less\"\n[tools.\"notes:lookup\"]";
    let (rig, task) = self::rig(&[("agents/writer.toml", "[tools.\"notes:lookup\"]", substitute)]).await;
    assert!(is_held(&rig.call_in(Some(task), "notes:lookup", json!({ "q": "n-1" })).await));
    assert_eq!(said(&rig).await, Some(("ESCALATE".to_owned(), "substitution".to_owned())));
}

#[tokio::test]
async fn each_item_has_steps_of_its_own() {
    let (rig, task) = rig(&[
        ("tools/notes.toml", "[tools.read_note]\n", "[tools.read_note]\nitem_pointer = \"/note\"\n"),
        ("tools/notes.toml", "[tools.file]\n", "[tools.file]\nitem_pointer = \"/to\"\n"),
    ])
    .await;
    read(&rig, task, "n-1").await;
    assert!(is_held(&file(&rig, task, "n-2").await));
    released(&file(&rig, task, "n-1").await);
    read(&rig, task, "n-2").await;
    released(&file(&rig, task, "n-2").await);
}

#[tokio::test]
async fn a_step_that_failed_was_not_taken() {
    let (rig, task) = rig(&[]).await;
    let failed = || Carried::Failed { reply: "no", fault: "there is no such note".to_owned() };
    released(&rig.approved_call(task, "notes:read_note", json!({ "note": "n-1" }), failed).await);
    assert!(is_held(&file(&rig, task, "n-1").await));
    read(&rig, task, "n-1").await;
    released(&rig.approved_call(task, "notes:file", json!({ "to": "n-1" }), failed).await);
    released(&file(&rig, task, "n-1").await);
}

#[tokio::test]
async fn two_steps_at_once_rest_on_no_more_than_one_after_the_other() {
    let (one, task) = rig(&[]).await;
    let other = one.another().await;
    read(&one, task, "n-1").await;
    let (here, there) = tokio::join!(file(&one, task, "n-1"), file(&other, task, "n-2"));
    assert!(is_held(&here) || is_held(&there), "{here:?} {there:?}");
    let (one, task) = rig(&[]).await;
    read(&one, task, "n-1").await;
    let (here, there) = tokio::join!(file(&one, task, "n-1"), file(&one, task, "n-2"));
    assert!(is_held(&here) || is_held(&there), "{here:?} {there:?}");
}
