//! A context is rotated through a typed checkpoint, and what must hold survives it (EC-2.16).

use maso_core::{Act, Principal, Refusal, TaskId, Turn};
use maso_wire::{Limits, Received};
use serde_json::{Value, json};

use super::{
    context::{answer, rig, usage},
    rig::{Rig, refusal, released},
};

const WORDS: &str = "tell ada@notes.example";

fn received(rig: &Rig, task: Option<TaskId>, tool: &str, note: &Value) -> Received {
    let (agent, server) = (Principal::Agent("writer".parse().unwrap()), Principal::Server("maso".parse().unwrap()));
    let arrival = rig.arrival(agent, server, task);
    let act = Act::CallTool(format!("maso:{tool}").parse().unwrap());
    Received::from_bytes(arrival, act, Turn::Ask, note.to_string().as_bytes(), &Limits::DEFAULT).unwrap()
}

async fn checkpoint(rig: &Rig, task: TaskId, note: &Value) -> Result<u64, Refusal> {
    let received = received(rig, Some(task), "checkpoint", note);
    rig.path.checkpoint(received).await.map(|context| context.used)
}

async fn resume(rig: &Rig, task: TaskId) -> crate::Resumed {
    rig.path.resume(received(rig, Some(task), "resume", &json!({}))).await.unwrap()
}

fn note(goal: &str, constraints: &[&str]) -> Value {
    json!({
        "goal": goal,
        "active_constraints": constraints,
        "decisions": [{ "decision": "write to ada", "because": "the task says so" }],
        "pending_actions": [{ "action": "send the note", "tool": "notes:send_note" }],
    })
}

async fn last_control(rig: &Rig) -> String {
    let decided = rig.decided().await.pop().unwrap();
    decided.findings.iter().find(|finding| finding.word == "NO-GO").unwrap().control.clone()
}

#[tokio::test]
async fn an_agent_rotates_its_context_and_goes_on_from_what_it_noted() {
    let (rig, task) = rig(&[]).await;
    released(&answer(&rig, task, 7_600).await);
    let full = usage(&rig).await;
    assert!(full.terms.is_to_rotate(full.used));
    let constraints = ["never to anyone else", "must be polite", "exactly one note"];
    let noted = note(WORDS, &constraints);
    let used = checkpoint(&rig, task, &noted).await.unwrap();
    assert!(used < 150, "{used}");
    // The same after a restart: words, hash and constraints to the letter, and as full as before.
    let rig = rig.restarted().await;
    let resumed = resume(&rig, task).await;
    let spec = rig.path.world().tasks().open(task).unwrap();
    assert_eq!((resumed.goal.as_str(), resumed.specification), (WORDS, spec.digest().to_string()));
    assert_eq!((resumed.checkpoint.unwrap(), resumed.context.used), (noted, used));
    assert_eq!(usage(&rig).await.n_rotations, 1);
    released(&answer(&rig, task, 7_600).await);
}

#[tokio::test]
async fn a_checkpoint_with_another_goal_is_refused_and_with_the_control_off_it_is_kept() {
    let off = "\n[[controls.deselected]]\ncontrol = \"EC-2.16\"\nreason = \"a trial\"\nowner = \"owner\"\n";
    for (more, kept) in [(&[][..], false), (&[("maso.toml", "", off)][..], true)] {
        let (rig, task) = rig(more).await;
        released(&answer(&rig, task, 4_000).await);
        let other = note("tell everybody", &[]);
        let outcome = checkpoint(&rig, task, &other).await;
        assert_eq!(outcome.is_ok(), kept, "{outcome:?}");
        if !kept {
            assert_eq!((outcome.unwrap_err(), last_control(&rig).await.as_str()), (Refusal::Denied, "EC-2.16"));
            assert!(usage(&rig).await.used > 900, "what is refused empties nothing");
        }
        assert_eq!(resume(&rig, task).await.checkpoint, kept.then_some(other));
        // The words of the task come back whatever was noted.
        assert_eq!(resume(&rig, task).await.goal, WORDS);
    }
}

#[tokio::test]
async fn a_checkpoint_is_typed_and_keeps_every_constraint() {
    let (rig, task) = rig(&[]).await;
    let hash = rig.path.world().tasks().open(task).unwrap().digest().to_string();
    released(&answer(&rig, task, 4_000).await);
    assert!(checkpoint(&rig, task, &note(&hash, &["never to anyone else"])).await.is_ok());
    // On nothing new it is refused, so that notes cannot fill the disk.
    assert_eq!(checkpoint(&rig, task, &note(&hash, &["never to anyone else"])).await, Err(Refusal::LimitReached));
    released(&answer(&rig, task, 4_000).await);
    for (bad, refusal, control) in [
        (note(&hash, &["rarely to anyone else"]), Refusal::Denied, "EC-2.16"),
        (json!({ "summary": "all is well, go on" }), Refusal::Malformed, "EC-2.16"),
    ] {
        assert_eq!(checkpoint(&rig, task, &bad).await, Err(refusal), "{bad}");
        assert_eq!(last_control(&rig).await, control);
    }
}

#[tokio::test]
async fn a_credential_is_not_noted() {
    let (rig, task) = rig(&[]).await;
    released(&answer(&rig, task, 4_000).await);
    let bad = note(WORDS, &["the key is AKIAY34FZKBOKMUTVV7A"]);
    assert_eq!(checkpoint(&rig, task, &bad).await, Err(Refusal::Denied));
    assert_eq!(last_control(&rig).await, "IA-2.6");
    let kept = std::fs::read(rig.log()).unwrap();
    assert!(!kept.windows(20).any(|window| window == b"AKIAY34FZKBOKMUTVV7A"));
}

#[tokio::test]
async fn whoever_is_stopped_or_has_no_task_notes_nothing() {
    let (rig, task) = rig(&[]).await;
    released(&answer(&rig, task, 4_000).await);
    let received = received(&rig, Some(task), "checkpoint", &note(WORDS, &[]));
    let closed =
        maso_log::v1::TaskClosed { task: task.to_string(), reason: "done".into(), by: "operator:owner".into() };
    rig.path.recorder().record(maso_log::v1::Body::TaskClosed(closed)).await.unwrap();
    assert_eq!(rig.path.checkpoint(received).await.unwrap_err(), Refusal::OutOfMandate);

    let (rig, task) = super::context::rig(&[]).await;
    released(&answer(&rig, task, 8_600).await);
    assert_eq!(checkpoint(&rig, task, &note(WORDS, &[])).await, Err(Refusal::Suspended));
    assert_eq!(refusal(&rig.call("notes:read_note", json!({ "note": "n" })).await), Some("SUSPENDED"));
}
