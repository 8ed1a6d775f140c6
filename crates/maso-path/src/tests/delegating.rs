//! Work that one agent hands to another: for the same goal, to somebody who is there, and clear before it is done
//! (EC-1.7, PG-2.10, PG-3.2).

use std::sync::atomic::Ordering;

use maso_core::{Act, HopId, Principal, TaskId, Turn};
use maso_intent::Clarifying;
use maso_wire::{Limits, Received};
use serde_json::{Value, json};

use super::rig::{Rig, UNPRIVILEGED, refusal, released};
use crate::{Carried, Clock as _, Ended, NotTakenBack, Outcome, SaidOf};

const READER: &str = r#"id = "AGT-0002-v1"
workflow = "notes"
intent = "file a note"
outcome = "the note is filed"
logic = ["file it"]
escalation = "owner"
clearance = "restricted"

[tools."notes:file"]
justification = "filing is what the agent is for"

[oispec]
goal = "file the note"
success_criteria = ["the note is filed once"]
failure_criteria = ["it is filed twice"]
risk_classification = "medium"
"#;

const GRANT: &str = "\n[[grants]]\nfrom = \"writer\"\nto = \"reader\"\nrequest = \"file\"\nitem_pointer = \"/to\"\n\
                     schema = { type = \"object\" }\n";

const DESELECTED: &str = "\n[[controls.deselected]]\ncontrol = \"EC-2.14\"\nreason = \"shown\"\nowner = \"owner\"\n";

/// A deployment in which the writer may ask the reader to file something, with these further changes.
async fn fleet(changes: &[(&str, &str, &str)]) -> (Rig, TaskId) {
    let both = ("workflows/notes.toml", "agents = [\"writer\"]", "agents = [\"writer\", \"reader\"]");
    let base = [UNPRIVILEGED, both, ("workflows/notes.toml", "", GRANT), ("agents/reader.toml", "", READER)];
    let rig = Rig::declaring(&[&base, changes].concat()).await;
    let task = rig.task("file account-of-the-task and account-of-another").await;
    (rig, task)
}

fn agent(name: &str) -> Principal {
    Principal::Agent(name.parse().unwrap())
}

async fn send(
    rig: &Rig,
    (from, to): (&str, &str),
    (act, turn): (Act, Turn),
    task: TaskId,
    content: &Value,
    goal: Option<String>,
) -> Outcome<&'static str> {
    let arrival = rig.arrival(agent(from), agent(to), Some(task));
    let bytes = serde_json::to_vec(content).unwrap();
    let received = Received::from_bytes(arrival, act, turn, &bytes, &Limits::DEFAULT).unwrap().attesting(goal);
    let n_carried = std::sync::Arc::clone(&rig.n_carried);
    rig.path
        .travel(received, async move |_| {
            n_carried.fetch_add(1, Ordering::SeqCst);
            Carried::Delivered("done")
        })
        .await
}

/// The writer asks the reader to file this.
async fn hand_over(rig: &Rig, task: TaskId, what: &str, goal: Option<String>) -> Outcome<&'static str> {
    let act = Act::Request { agent: "reader".parse().unwrap(), request: "file".parse().unwrap() };
    send(rig, ("writer", "reader"), (act, Turn::Ask), task, &json!({ "to": what }), goal).await
}

/// The reader asks back.
async fn ask_back(rig: &Rig, task: TaskId, request: HopId) -> Outcome<&'static str> {
    let act = Act::Request { agent: "writer".parse().unwrap(), request: Clarifying::request() };
    let question = json!({ "about": request.to_string(), "question": "where to?" });
    send(rig, ("reader", "writer"), (act, Turn::Ask), task, &question, None).await
}

/// The writer says what it meant.
async fn answer(rig: &Rig, task: TaskId, question: HopId, words: &str) -> Outcome<&'static str> {
    let act = Act::Request { agent: "writer".parse().unwrap(), request: Clarifying::request() };
    send(rig, ("writer", "reader"), (act, Turn::Answer { to: question }), task, &json!(words), None).await
}

/// The reader files this.
async fn file(rig: &Rig, task: TaskId, what: &str) -> Outcome<&'static str> {
    let arrival = rig.arrival(agent("reader"), Principal::Server("notes".parse().unwrap()), Some(task));
    rig.send(arrival, Act::CallTool("notes:file".parse().unwrap()), Turn::Ask, &json!({ "to": what })).await
}

#[tokio::test]
async fn whoever_asks_back_waits_for_the_answer_of_whoever_asked_it() {
    let named = ("tools/notes.toml", "[tools.file]\n", "[tools.file]\nitem_pointer = \"/to\"\n");
    let (rig, task) = fleet(&[named]).await;
    let request = released(&hand_over(&rig, task, "account-of-the-task", None).await);
    released(&file(&rig, task, "account-of-the-task").await);
    let question = released(&ask_back(&rig, task, request).await);
    assert_eq!(refusal(&file(&rig, task, "account-of-the-task").await), Some("UNCLEAR"));
    // What is known to be about something else goes on.
    released(&file(&rig, task, "account-of-another").await);
    let rig = rig.restarted().await;
    assert_eq!(refusal(&file(&rig, task, "account-of-the-task").await), Some("UNCLEAR"));
    assert_eq!(refusal(&answer(&rig, task, question, " ").await), Some("DENIED"));
    released(&answer(&rig, task, question, "into the register").await);
    assert_eq!(refusal(&answer(&rig, task, question, "elsewhere").await), Some("DENIED"));
    released(&file(&rig, task, "account-of-the-task").await);
    let told = rig.path.clarifications(|_| true);
    assert_eq!(told[0].answer.as_deref(), Some("into the register"));
}

#[tokio::test]
async fn whoever_acts_is_asked_back_by_nobody_and_a_person_is_asked_instead() {
    // The writer is left what makes it one that acts.
    let (before, held) = ("[tools.\"notes:send_note\"]", "[tools.\"notes:wipe\"]\njustification = \"tidying\"\n\n");
    let acts = ("agents/writer.toml", before, &*format!("{held}{before}"));
    let switched_off = ("maso.toml", "", DESELECTED);
    let (rig, task) = fleet(&[acts]).await;
    let request = released(&hand_over(&rig, task, "account-of-the-task", None).await);
    assert_eq!(refusal(&ask_back(&rig, task, request).await), Some("DENIED"));
    let act = Act::Request { agent: "reader".parse().unwrap(), request: Clarifying::request() };
    let asked = json!({ "about": request.to_string(), "question": "where to?" });
    let arrival = rig.arrival(agent("reader"), Principal::Operator("owner".parse().unwrap()), Some(task));
    released(&rig.send(arrival, act, Turn::Ask, &asked).await);
    assert_eq!(refusal(&file(&rig, task, "account-of-the-task").await), Some("UNCLEAR"));
    let [question] = &rig.path.clarifications(|_| true)[..] else { panic!("one question") };
    let of = SaidOf::Question(question.question.hop);
    rig.path.clarify(task, of, "into the register", &"owner".parse().unwrap()).await.unwrap();
    released(&file(&rig, task, "account-of-the-task").await);

    let (rig, task) = fleet(&[acts, switched_off]).await;
    let request = released(&hand_over(&rig, task, "account-of-the-task", None).await);
    released(&ask_back(&rig, task, request).await);
}

#[tokio::test]
async fn nobody_asks_back_about_what_it_was_not_asked() {
    let (rig, task) = fleet(&[]).await;
    let call = released(&file(&rig, task, "account-of-the-task").await);
    assert_eq!(refusal(&ask_back(&rig, task, call).await), Some("DENIED"));
    // Whom nobody may ask for work asks nobody back.
    let act = Act::Request { agent: "reader".parse().unwrap(), request: Clarifying::request() };
    let question = json!({ "about": call.to_string(), "question": "where to?" });
    let asked = send(&rig, ("writer", "reader"), (act, Turn::Ask), task, &question, None).await;
    assert_eq!(refusal(&asked), Some("OUT_OF_MANDATE"));
    assert_eq!(refusal(&answer(&rig, task, call, "here").await), Some("DENIED"), "nobody asked");
}

#[tokio::test]
async fn nothing_is_handed_to_an_agent_that_is_not_there() {
    let at_once = ("workflows/notes.toml", "request = \"file\"", "request = \"file\"\nqueues = false");
    let (rig, task) = fleet(&[at_once]).await;
    let hand = async |rig: &Rig| hand_over(rig, task, "account-of-the-task", None).await;
    assert_eq!(refusal(&hand(&rig).await), Some("UNAVAILABLE"));
    released(&file(&rig, task, "account-of-the-task").await);
    released(&hand(&rig).await);
    // What it did is on the record, for each process and after a restart.
    let rig = rig.restarted().await;
    released(&hand(&rig).await);
    rig.clock.advance(10 * 60_000 + 1);
    assert_eq!(refusal(&hand(&rig).await), Some("UNAVAILABLE"));
    rig.path.world().seen(&"reader".parse().unwrap(), rig.clock.now());
    released(&hand(&rig).await);
}

#[tokio::test]
async fn nothing_waits_for_an_agent_that_is_stopped() {
    let (rig, task) = fleet(&[]).await;
    released(&hand_over(&rig, task, "account-of-the-task", None).await);
    let killed =
        maso_log::v1::Killed { scope: "agent:reader".into(), by: "operator:owner".into(), reason: "a trial".into() };
    rig.path.recorder().record(maso_log::v1::Body::Killed(killed)).await.unwrap();
    assert_eq!(refusal(&hand_over(&rig, task, "account-of-the-task", None).await), Some("UNAVAILABLE"));
}

#[tokio::test]
async fn agents_that_hand_work_on_work_on_the_same_goal() {
    for (tier, must) in [("tier = 2", false), ("tier = 3", true)] {
        let (rig, task) = fleet(&[("maso.toml", "tier = 2", tier)]).await;
        released(&file(&rig, task, "account-of-the-task").await);
        let goal = rig.path.world().tasks().open(task).unwrap().digest().to_string();
        let hand = async |goal: Option<String>| hand_over(&rig, task, "account-of-the-task", goal).await;
        released(&hand(Some(goal.clone())).await);
        assert_eq!(refusal(&hand(Some(goal.to_uppercase())).await), Some("DENIED"));
        assert_eq!(refusal(&hand(Some(String::new())).await), Some("DENIED"));
        assert_eq!(refusal(&hand(None).await), must.then_some("DENIED"), "{tier}");
    }
}

/// What may be done for a request is spent once, whichever process spends it.
#[tokio::test]
async fn what_a_request_allows_is_spent_once_whichever_process_is_first() {
    let files = (
        "workflows/notes.toml",
        "request = \"file\"\n",
        "request = \"file\"\ntools = [\"notes:file\"]\nmax_calls = 3\n",
    );
    let (rig, task) = fleet(&[files]).await;
    let other = rig.another().await;
    let asked = released(&hand_over(&rig, task, "account-of-the-task", None).await);
    let token = {
        let (deployment, begun) =
            (rig.path.world().deployment(), rig.arrival(agent("writer"), agent("reader"), Some(task)));
        let solution = &deployment.workflows[&"notes".parse().unwrap()];
        let names = ("writer".parse().unwrap(), "reader".parse().unwrap(), "file".parse().unwrap());
        let grant = solution.grant(&names.0, &names.1, &names.2).unwrap();
        let link = grant.link(asked, &json!({}), rig.clock.now());
        let authority = maso_identity::AuthorityKey::from_seed([7; 32]);
        authority.delegate(begun.task.unwrap().expose(), &deployment.trust_domain, &link).unwrap()
    };
    let file = async |rig: &Rig, what: &str| {
        let mut arrival = rig.arrival(agent("reader"), Principal::Server("notes".parse().unwrap()), Some(task));
        arrival.task = Some(maso_wire::UnverifiedToken::new(token.clone()));
        let content = json!({ "to": what });
        rig.send(arrival, Act::CallTool("notes:file".parse().unwrap()), Turn::Ask, &content).await
    };
    released(&file(&rig, "account-of-the-task").await);
    released(&file(&other, "account-of-another").await);
    // At once, in two processes: one of them has the last.
    let (one, another) = tokio::join!(file(&rig, "account-of-the-task"), file(&other, "account-of-another"));
    let n_released = [&one, &another].iter().filter(|outcome| matches!(outcome, Outcome::Released { .. })).count();
    assert_eq!(n_released, 1);
    for rig in [&rig, &other] {
        assert_eq!(refusal(&file(rig, "account-of-the-task").await), Some("LIMIT_REACHED"));
    }
    let rig = rig.restarted().await;
    assert_eq!(refusal(&file(&rig, "account-of-another").await), Some("LIMIT_REACHED"));
}

/// The reader answers what it was asked; while its answer is on its way, this happens.
async fn answer_request<F: Future<Output = Carried<&'static str>> + Send>(
    rig: &Rig,
    task: TaskId,
    request: HopId,
    meanwhile: impl FnOnce() -> F + Send,
) -> Outcome<&'static str> {
    let arrival = rig.arrival(agent("reader"), agent("writer"), Some(task));
    let act = Act::Request { agent: "reader".parse().unwrap(), request: "file".parse().unwrap() };
    let turn = Turn::Answer { to: request };
    let received = Received::from_bytes(arrival, act, turn, b"{}", &Limits::DEFAULT).unwrap();
    rig.path.travel(received, |_| meanwhile()).await
}

#[tokio::test]
async fn of_an_answer_and_the_taking_back_the_first_on_the_record_counts() {
    let (rig, task) = fleet(&[]).await;
    let writer = "writer".parse().unwrap();
    let request = released(&hand_over(&rig, task, "account-of-the-task", None).await);
    assert_eq!(rig.path.take_back(request, &"reader".parse().unwrap()).await, Err(NotTakenBack::Unknown));
    // One that did not arrive is none.
    answer_request(&rig, task, request, async || {
        assert_eq!(rig.path.take_back(request, &writer).await, Err(NotTakenBack::Over), "it is on its way");
        Carried::Failed { reply: "lost", fault: "the mailbox is full".to_owned() }
    })
    .await;
    assert_eq!(rig.path.end_of(request), None);
    assert_eq!(rig.path.take_back(request, &writer).await, Ok(()));
    assert_eq!(rig.path.end_of(request), Some(Ended::TakenBack));
    let late = answer_request(&rig, task, request, async || panic!("nothing comes of it")).await;
    assert_eq!(refusal(&late), Some("TAKEN_BACK"));
    assert_eq!(rig.path.take_back(request, &writer).await, Err(NotTakenBack::Over));

    let request = released(&hand_over(&rig, task, "account-of-another", None).await);
    answer_request(&rig, task, request, async || Carried::Delivered("done")).await;
    rig.path.recorder().flush().await.unwrap();
    assert_eq!(rig.path.end_of(request), Some(Ended::Answered));
    assert_eq!(rig.path.take_back(request, &writer).await, Err(NotTakenBack::Over));
}

#[tokio::test]
async fn what_is_older_than_any_token_is_over_whether_or_not_its_taking_back_is_remembered() {
    const DAY_MS: i64 = 24 * 3_600_000;
    let (rig, task) = fleet(&[]).await;
    let writer = "writer".parse().unwrap();
    let [revoked, left, newest] = {
        let mut made = Vec::new();
        for what in ["account-of-the-task", "account-of-another", "account-of-a-third"] {
            made.push(released(&hand_over(&rig, task, what, None).await));
        }
        <[HopId; 3]>::try_from(made).unwrap()
    };
    assert_eq!(rig.path.take_back(revoked, &writer).await, Ok(()));
    rig.clock.advance(8 * DAY_MS - 1);
    assert_eq!(rig.path.take_back(newest, &writer).await, Ok(()));
    assert_eq!(rig.path.end_of(revoked), Some(Ended::TakenBack));
    rig.clock.advance(1);
    for old in [revoked, left] {
        assert_eq!(rig.path.take_back(old, &writer).await, Err(NotTakenBack::Over));
    }
}

#[tokio::test]
async fn a_question_is_no_request_that_is_taken_back() {
    let (rig, task) = fleet(&[]).await;
    let request = released(&hand_over(&rig, task, "account-of-the-task", None).await);
    let question = released(&ask_back(&rig, task, request).await);
    assert_eq!(rig.path.take_back(question, &"reader".parse().unwrap()).await, Err(NotTakenBack::Unknown));
}
