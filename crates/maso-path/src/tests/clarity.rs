//! A task is clear before anybody works on it, and work waits for the answer to what was asked (PG-1.6, PG-2.10).

use maso_core::{Act, AgentName, HopId, Principal, TaskId, Turn};
use maso_intent::{Clarifying, TaskPart};
use maso_policy::Decision;
use serde_json::{Value, json};

use super::rig::{Rig, held, permit, refusal, released};
use crate::{NotSaid, Outcome, SaidOf, travel::NotRecorded};

/// Tasks say what they are about.
const SCOPE: (&str, &str, &str) =
    ("workflows/notes.toml", "", "\n[clarity]\nrequired = [\"objective\", \"success-criteria\", \"scope\"]\n");

const FILED: fn() -> Value = || json!({ "to": "account-of-the-task" });

/// `writer` asks the person who answers for the task.
async fn ask(rig: &Rig, task: Option<TaskId>, about: &str) -> Outcome<&'static str> {
    let writer: AgentName = "writer".parse().unwrap();
    let (from, to) = (Principal::Agent(writer.clone()), Principal::Operator("owner".parse().unwrap()));
    let act = Act::Request { agent: writer, request: Clarifying::request() };
    let question = json!({ "about": about, "question": "which account is meant?", "options": ["ours", "theirs"] });
    rig.send(rig.arrival(from, to, task), act, Turn::Ask, &question).await
}

async fn say(rig: &Rig, task: TaskId, of: SaidOf, words: &str) -> Result<(), NotSaid> {
    rig.path.clarify(task, of, words, &"owner".parse().unwrap()).await
}

fn part(rig: &Rig, task: TaskId, part: TaskPart) -> SaidOf {
    SaidOf::Part { part, specification: rig.path.world().tasks().open(task).unwrap().digest() }
}

async fn file(rig: &Rig, task: TaskId) -> Outcome<&'static str> {
    rig.call_in(Some(task), "notes:file", FILED()).await
}

#[tokio::test]
async fn an_unclear_task_is_looked_into_and_not_worked_on_until_a_person_says_what_it_leaves_open() {
    let rig = Rig::declaring(&[SCOPE]).await;
    let task = rig.task("review account-of-the-task").await;
    assert_eq!(rig.path.world().clarity().missing(task), [TaskPart::Scope].into());
    released(&rig.call_in(Some(task), "notes:read_note", json!({ "note": "n" })).await);
    assert_eq!(refusal(&file(&rig, task).await), Some("UNCLEAR"));
    let rig = rig.restarted().await;
    let other = rig.another().await;
    assert_eq!(refusal(&file(&other, task).await), Some("UNCLEAR"));
    let before = rig.path.world().tasks().open(task).unwrap().digest();
    // What does not belong to it makes nothing clear.
    say(&rig, task, part(&rig, task, TaskPart::OutOfScope), "payments").await.unwrap();
    assert_eq!(refusal(&file(&rig, task).await), Some("UNCLEAR"));
    say(&rig, task, part(&rig, task, TaskPart::Scope), "the entries of today").await.unwrap();
    released(&file(&rig, task).await);
    released(&file(&other, task).await);
    let rig = rig.restarted().await;
    released(&file(&rig, task).await);
    assert_eq!(rig.path.world().tasks().open(task).unwrap().digest(), before, "the task stays as it was set");
}

#[tokio::test]
async fn at_the_first_tier_a_person_decides_about_each_step_of_an_unclear_task() {
    let supervised = ("maso.toml", "tier = 2", "tier = 1");
    let rig = Rig::declaring(&[SCOPE, supervised]).await;
    let task = rig.task("review account-of-the-task").await;
    let waiting = held(file(&rig, task).await);
    let decided = rig.decided().await;
    let findings = &decided.last().unwrap().findings;
    assert!(findings.iter().any(|finding| finding.control == "PG-1.6" && finding.word == "ESCALATE"), "{findings:?}");
    rig.answer_ticket(waiting.ticket().id, "approve", "owner").await;
    released(&rig.wait(waiting).await);
}

#[tokio::test]
async fn a_vague_objective_is_flagged_and_stops_nothing() {
    let rig = Rig::declaring(&[]).await;
    let task = rig.task("handle account-of-the-task as needed").await;
    released(&file(&rig, task).await);
    let decided = rig.decided().await;
    let flagged = |control: &str| {
        let findings = decided.iter().flat_map(|decided| &decided.findings);
        findings.filter(|finding| finding.control == control && finding.word == "GO").count()
    };
    assert_eq!(flagged("PG-1.6"), 1);
}

#[tokio::test]
async fn work_waits_for_the_answer_to_what_was_asked_in_its_task() {
    let rig = Rig::new().await;
    let (task, another) = (rig.task("file account-of-the-task").await, rig.task("file account-of-the-task").await);
    let question = released(&ask(&rig, Some(task), "scope").await);
    assert_eq!(refusal(&file(&rig, task).await), Some("UNCLEAR"));
    released(&rig.call_in(Some(task), "notes:read_note", json!({ "note": "n" })).await);
    released(&file(&rig, another).await);
    // Whoever leaves its task token out takes its questions along.
    assert_eq!(refusal(&rig.call("notes:file", FILED()).await), Some("DENIED"), "its origin is not known there either");
    let asked = |decided: &maso_log::v1::HopDecided| decided.findings.iter().any(|one| one.control == "PG-2.10");
    assert!(asked(rig.decided().await.last().unwrap()));
    let rig = rig.restarted().await;
    assert_eq!(refusal(&file(&rig, task).await), Some("UNCLEAR"));
    let shown = rig.path.clarifications(|_| true);
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0].asked.as_ref().unwrap()["question"], "which account is meant?");
    say(&rig, task, SaidOf::Question(question), "ours").await.unwrap();
    released(&file(&rig, task).await);
    assert_eq!(rig.path.clarifications(|_| true)[0].answer.as_deref(), Some("ours"));
}

#[tokio::test]
async fn a_question_is_answered_once_whichever_process_is_first() {
    let rig = Rig::new().await;
    let other = rig.another().await;
    let task = rig.task("file account-of-the-task").await;
    let question = released(&ask(&rig, Some(task), "objective").await);
    // It hears of both before it is asked for anything.
    other.path.recorder().flush().await.unwrap();
    released(&other.call_in(Some(task), "notes:read_note", json!({ "note": "n" })).await);
    let (one, two) = futures::join!(
        say(&rig, task, SaidOf::Question(question), "ours"),
        say(&other, task, SaidOf::Question(question), "theirs"),
    );
    assert_eq!([one.is_ok(), two.is_ok()].iter().filter(|is_ok| **is_ok).count(), 1);
    assert!(matches!(say(&rig, task, SaidOf::Question(question), "neither").await, Err(NotSaid::Answered)));
    let unknown = HopId::from_uuid(uuid::Uuid::nil());
    assert!(matches!(say(&rig, task, SaidOf::Question(unknown), "x").await, Err(NotSaid::NoQuestion(_))));
}

#[tokio::test]
async fn what_a_person_says_of_a_task_is_an_operators_word_there_and_nowhere_else() {
    let rig = Rig::new().await;
    let (task, another) = (rig.task("file what I name").await, rig.task("file what I name").await);
    let named = || json!({ "to": "account-of-the-answer" });
    assert_eq!(refusal(&rig.call_in(Some(task), "notes:file", named()).await), Some("DENIED"));
    say(&rig, task, part(&rig, task, TaskPart::Objective), "it is account-of-the-answer").await.unwrap();
    released(&rig.call_in(Some(task), "notes:file", named()).await);
    assert_eq!(refusal(&rig.call_in(Some(another), "notes:file", named()).await), Some("DENIED"));
    let rig = rig.restarted().await;
    released(&rig.call_in(Some(task), "notes:file", named()).await);
}

#[tokio::test]
async fn what_was_asked_before_the_commit_overtakes_the_work() {
    let rig = Rig::new().await;
    let task = rig.task("file account-of-the-task").await;
    let filed = permit(&rig, task, "notes:file", &FILED());
    let other = rig.another().await;
    released(&ask(&other, Some(task), "scope").await);
    assert!(matches!(rig.record_permit(filed).await, Err(NotRecorded::Overtaken)));
}

#[tokio::test]
async fn many_questions_at_once_are_no_more_than_one_after_the_other() {
    let rig = Rig::new().await;
    let task = rig.task("file account-of-the-task").await;
    let outcomes = futures::future::join_all((0..40).map(|_| ask(&rig, Some(task), "scope"))).await;
    let n_refused = outcomes.iter().filter(|outcome| refusal(outcome) == Some("LIMIT_REACHED")).count();
    assert_eq!((n_refused, rig.path.clarifications(|_| true).len()), (8, 32));
    let other = rig.task("file account-of-the-task").await;
    released(&ask(&rig, Some(other), "scope").await);
}

#[tokio::test]
async fn a_question_has_its_form_and_is_about_something() {
    let rig = Rig::new().await;
    let task = rig.task("file account-of-the-task").await;
    assert_eq!(refusal(&ask(&rig, Some(task), "the weather").await), Some("DENIED"));
    let nobody = HopId::from_uuid(uuid::Uuid::nil()).to_string();
    assert_eq!(refusal(&ask(&rig, Some(task), &nobody).await), Some("DENIED"));
    assert!(rig.path.clarifications(|_| true).is_empty());
    assert!(matches!(rig.decision(Some(task), "notes:file", &FILED()), Decision::Allow(_)));
}
