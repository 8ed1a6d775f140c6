//! What a task did is looked at as one chain: where it cannot be undone any more, a person knows (EC-2.11).

use maso_core::TaskId;
use maso_policy::Decision;
use serde_json::{Value, json};

use super::rig::{Rig, held, permit, released};
use crate::{Carried, Outcome, travel::NotRecorded};

const TOOLS: &str = "tools/notes.toml";
/// A letter can be called back for a minute.
const A_MINUTE: (&str, &str, &str) = (TOOLS, "reversible_window = \"1h\"", "reversible_window = \"60s\"");
const LAPSED_MS: i64 = 60_001;
const OFF: (&str, &str, &str) = (
    "maso.toml",
    "[[operators]]\nname = \"second\"",
    "[[controls.deselected]]\ncontrol = \"EC-2.11\"\nreason = \"a trial\"\nowner = \"owner\"\n\n[[operators]]\nname = \"second\"",
);

async fn rig(changes: &[(&str, &str, &str)]) -> (Rig, TaskId) {
    let rig = Rig::declaring(&[&[A_MINUTE], changes].concat()).await;
    let task =
        rig.task("write to ada@notes.example and bob@notes.example, and file what account-1 and account-2 say").await;
    (rig, task)
}

async fn write(rig: &Rig, task: TaskId, to: &str) -> Outcome<&'static str> {
    rig.call_in(Some(task), "notes:send_note", json!({ "to": to, "text": "hello" })).await
}

fn paper(to: &str) -> Value {
    json!({ "to": to })
}

async fn file(rig: &Rig, task: TaskId, to: &str) -> Outcome<&'static str> {
    rig.call_in(Some(task), "notes:file", paper(to)).await
}

/// What EC-2.11 last had to say, and with which word.
async fn last_said(rig: &Rig) -> Option<(String, String)> {
    let decided = rig.decided().await.pop()?;
    let finding = decided.findings.into_iter().find(|finding| finding.control == "EC-2.11")?;
    Some((finding.word, finding.reason))
}

#[tokio::test]
async fn what_cannot_be_undone_any_more_is_told_to_a_person_once() {
    let (rig, task) = rig(&[]).await;
    released(&write(&rig, task, "ada@notes.example").await);
    released(&file(&rig, task, "account-1").await);
    assert_eq!(last_said(&rig).await, None);
    rig.clock.advance(LAPSED_MS);
    let rig = rig.restarted().await;
    let waiting = held(file(&rig, task, "account-2").await);
    let (word, reason) = last_said(&rig).await.unwrap();
    assert!(word == "ESCALATE" && reason.contains("`notes:send_note`"), "{word} {reason}");
    // It is told to whoever decides, and then it is known.
    rig.answer_ticket(waiting.ticket().id, "approve", "owner").await;
    released(&rig.wait(waiting).await);
    let rig = rig.restarted().await;
    released(&file(&rig, task, "account-1").await);
    let (word, reason) = last_said(&rig).await.unwrap();
    assert!(word == "GO" && reason.contains("cannot be undone as a whole"), "{word} {reason}");
    // What lapses after that is no news.
    released(&write(&rig, task, "bob@notes.example").await);
    rig.clock.advance(LAPSED_MS);
    released(&file(&rig, task, "account-2").await);
}

#[tokio::test]
async fn without_the_control_nobody_is_told_that_a_window_ended() {
    let (rig, task) = rig(&[OFF]).await;
    released(&write(&rig, task, "ada@notes.example").await);
    rig.clock.advance(LAPSED_MS);
    released(&file(&rig, task, "account-2").await);
    assert_eq!(last_said(&rig).await, None);
}

#[tokio::test]
async fn whether_and_how_long_a_step_can_be_undone_is_on_the_record() {
    let (rig, task) = rig(&[]).await;
    released(&write(&rig, task, "ada@notes.example").await);
    released(&file(&rig, task, "account-1").await);
    held(rig.call_in(Some(task), "notes:wipe", json!({ "note": "n-1" })).await);
    let recorded: Vec<_> =
        rig.decided().await.into_iter().map(|hop| (hop.reversibility.unwrap(), hop.reversible_ms)).collect();
    let expected = [("time-bounded", Some(60_000)), ("reversible", None), ("irreversible", None)];
    assert_eq!(recorded, expected.map(|(class, window_ms)| (class.to_owned(), window_ms)));
}

#[tokio::test]
async fn reading_goes_on_whatever_lapsed() {
    let (rig, task) = rig(&[]).await;
    released(&write(&rig, task, "ada@notes.example").await);
    rig.clock.advance(LAPSED_MS);
    released(&rig.call_in(Some(task), "notes:read_note", json!({ "note": "n-1" })).await);
    assert_eq!(last_said(&rig).await, None);
}

#[tokio::test]
async fn the_point_of_no_return_names_what_could_still_be_undone_and_what_makes_up_for_it() {
    let remedy = (TOOLS, "[tools.wipe]\n", "[tools.wipe]\nremedy = \"the archive brings it back from a copy\"\n");
    for (change, makes_up) in [(None, "nothing is declared"), (Some(remedy), "the archive brings it back")] {
        let (rig, task) = rig(change.as_slice()).await;
        let wipe = || rig.call_in(Some(task), "notes:wipe", json!({ "note": "n-1" }));
        // Alone it is the whole chain, and is asked for as ever.
        held(wipe().await);
        assert_eq!(last_said(&rig).await, None);
        released(&file(&rig, task, "account-1").await);
        held(wipe().await);
        let (word, reason) = last_said(&rig).await.unwrap();
        assert!(word == "ESCALATE" && reason.contains("the step before it cannot be undone"), "{reason}");
        released(&write(&rig, task, "ada@notes.example").await);
        held(wipe().await);
        let (_, reason) = last_said(&rig).await.unwrap();
        assert!(reason.contains("the 2 steps before it (`notes:send_note` can be until "), "{reason}");
        assert!(reason.contains(makes_up), "{reason}");
    }
}

#[tokio::test]
async fn what_is_about_different_items_is_no_chain() {
    let item = |tool: &'static str| (TOOLS, tool, format!("{tool}item_pointer = \"/to\"\n"));
    let (letters, papers) = (item("[tools.send_note]\n"), item("[tools.file]\n"));
    let changes = [(letters.0, letters.1, letters.2.as_str()), (papers.0, papers.1, papers.2.as_str())];
    let (rig, task) = rig(&changes).await;
    released(&write(&rig, task, "ada@notes.example").await);
    rig.clock.advance(LAPSED_MS);
    released(&file(&rig, task, "account-1").await);
    assert_eq!(last_said(&rig).await, None);
    held(file(&rig, task, "ada@notes.example").await);
    // What names no item goes on with everything.
    held(rig.call_in(Some(task), "notes:file", json!({})).await);
    assert_eq!(last_said(&rig).await.unwrap().0, "ESCALATE");
}

#[tokio::test]
async fn what_failed_is_no_step() {
    let failed: fn() -> Carried<&'static str> = || Carried::Failed { reply: "no", fault: "no such address".to_owned() };
    let (rig, task) = rig(&[]).await;
    let letter = json!({ "to": "ada@notes.example", "text": "hello" });
    released(&rig.approved_call(task, "notes:send_note", letter, failed).await);
    rig.clock.advance(LAPSED_MS);
    let rig = rig.restarted().await;
    released(&file(&rig, task, "account-1").await);
    assert_eq!(last_said(&rig).await, None);
}

#[tokio::test]
async fn a_window_that_ends_before_the_commit_sends_a_step_back() {
    for (change, stands) in [(None, false), (Some(OFF), true)] {
        let (rig, task) = rig(change.as_slice()).await;
        released(&write(&rig, task, "ada@notes.example").await);
        let decided = permit(&rig, task, "notes:file", &paper("account-1"));
        rig.clock.advance(LAPSED_MS);
        let recorded = rig.record_permit(decided).await;
        assert_eq!(recorded.is_ok(), stands);
        assert!(stands || matches!(recorded, Err(NotRecorded::Overtaken)));
    }
}

#[tokio::test]
async fn a_step_of_another_process_counts_at_the_commit() {
    // Nothing but the chain asks for a person here.
    let keeps = (
        TOOLS,
        "class = \"write\"\nreversibility = \"reversible\"",
        "class = \"write\"\nreversibility = \"irreversible\"",
    );
    let no_other = (
        "maso.toml",
        "[[operators]]\nname = \"second\"",
        "[[controls.deselected]]\ncontrol = \"EC-1.6\"\nreason = \"a trial\"\nowner = \"owner\"\n\n[[operators]]\nname = \"second\"",
    );
    let (one, task) = rig(&[keeps, no_other]).await;
    let other = one.another().await;
    let first = permit(&one, task, "notes:file", &paper("account-1"));
    released(&write(&other, task, "ada@notes.example").await);
    assert!(matches!(one.record_permit(first).await, Err(NotRecorded::Overtaken)));
    held(file(&one, task, "account-1").await);
}

#[tokio::test]
async fn a_standing_task_has_no_end_and_so_no_chain_but_that_of_an_item() {
    let item = (TOOLS, "[tools.file]\n", "[tools.file]\nitem_pointer = \"/to\"\n");
    let time_bounded = (
        TOOLS,
        "class = \"write\"\nreversibility = \"reversible\"",
        "class = \"write\"\nreversibility = \"time-bounded\"\nreversible_window = \"60s\"",
    );
    let unguarded = (TOOLS, "\"/to\" = { role = \"account\", integrity_min = \"internal\", below = \"deny\" }\n", "");
    for (changes, is_asked) in [(vec![time_bounded, unguarded], false), (vec![item, time_bounded, unguarded], true)] {
        let (rig, _) = rig(&changes).await;
        released(&rig.call("notes:file", paper("account-1")).await);
        rig.clock.advance(LAPSED_MS);
        released(&rig.call("notes:file", paper("account-2")).await);
        assert_eq!(matches!(rig.decision(None, "notes:file", &paper("account-1")), Decision::Hold(_)), is_asked);
    }
}
