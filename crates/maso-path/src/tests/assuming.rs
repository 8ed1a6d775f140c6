//! What an agent assumes for itself stays with it until a person lets it travel (PG-2.8).

use maso_core::{Act, AgentName, HopId, Principal, TaskId, Turn};
use maso_intent::Clarifying;
use maso_log::v1::{Body, Killed, TaskClosed};
use maso_wire::envelope::{Assumption, Input, Message, Reach};
use serde_json::{Value, json};

use super::{
    messages::{BACK, THERE, changed, claim, control, fleet, say, source, without},
    rig::{Rig, refusal, released},
};
use crate::{NotPromoted, Outcome};

const TEXT: &str = "The account is ours.";

/// `agent` says what it assumes, to the person who answers for the task.
async fn send(rig: &Rig, task: TaskId, agent: &str, assumed: &Value) -> Outcome<&'static str> {
    let agent: AgentName = agent.parse().unwrap();
    let (from, to) = (Principal::Agent(agent.clone()), Principal::Operator("owner".parse().unwrap()));
    let act = Act::Request { agent, request: Clarifying::assumption() };
    rig.send(rig.arrival(from, to, Some(task)), act, Turn::Ask, assumed).await
}

async fn assume(rig: &Rig, task: TaskId, text: &str) -> Outcome<&'static str> {
    send(rig, task, "writer", &json!({ "text": text })).await
}

async fn promote(rig: &Rig, task: TaskId, assumption: HopId, reach: Reach) -> Result<(), NotPromoted> {
    rig.path.promote(task, assumption, reach, &"owner".parse().unwrap()).await
}

/// A claim beside which its sender says that it assumes this.
fn carrying(rig: &Rig, task: TaskId, n: u32, way: (&str, &str), seen: Input, (text, reach): (&str, Reach)) -> Message {
    changed(&claim(rig, task, n, way, &[seen]), |parts| {
        parts.beside.assumptions.push(Assumption { text: text.parse().unwrap(), reach });
    })
}

#[tokio::test]
async fn what_an_agent_assumes_for_itself_travels_when_a_person_lets_it_and_no_further() {
    let (rig, task) = fleet(&[]).await;
    let seen = source(&rig, task).await;
    let assumption = released(&assume(&rig, task, TEXT).await);
    let rig = rig.restarted().await;
    // Written otherwise it is the same.
    let within = |n| carrying(&rig, task, n, THERE, seen, ("the  account is OURS", Reach::Task));
    assert_eq!(refusal(&say(&rig, task, &within(1)).await), Some("DENIED"));
    assert_eq!(control(&rig).await, "PG-2.8");

    promote(&rig, task, assumption, Reach::Task).await.unwrap();
    let wider = carrying(&rig, task, 2, THERE, seen, (TEXT, Reach::Global));
    assert_eq!(refusal(&say(&rig, task, &wider).await), Some("DENIED"), "it may travel in the task alone");
    released(&say(&rig, task, &within(3)).await);
    let [shown] = &rig.path.assumptions(|_, _| true)[..] else { panic!("one assumption") };
    assert_eq!((shown.text.as_deref(), shown.reach, shown.assumed.by.as_str()), (Some(TEXT), Reach::Task, "writer"));
    // It is the task's, and ends with it.
    let closed = TaskClosed { task: task.to_string(), reason: "done".into(), by: "operator:owner".into() };
    rig.path.recorder().record(Body::TaskClosed(closed)).await.unwrap();
    assert!(rig.path.assumptions(|_, _| true).is_empty());
}

/// The attack is refused by its control, and has its way where that is switched off.
#[tokio::test]
async fn a_local_assumption_that_is_carried_on_as_a_global_one() {
    let attack = async |rig: &Rig, task| {
        let seen = source(rig, task).await;
        released(&assume(rig, task, TEXT).await);
        let message = carrying(rig, task, 1, THERE, seen, ("THE ACCOUNT IS OURS", Reach::Global));
        say(rig, task, &message).await
    };
    let (rig, task) = fleet(&[]).await;
    assert_eq!(refusal(&attack(&rig, task).await), Some("DENIED"));
    assert_eq!(control(&rig).await, "PG-2.8");
    let (rig, task) = fleet(&[("maso.toml", "", &without("PG-2.8"))]).await;
    released(&attack(&rig, task).await);
}

/// Said as a fact to the one agent, it would be one in what that tells the next, two hops on.
#[tokio::test]
async fn a_local_assumption_is_no_fact_two_hops_on() {
    let attack = async |rig: &Rig, task| {
        let seen = source(rig, task).await;
        released(&assume(rig, task, TEXT).await);
        let fact = json!({ "account": TEXT });
        let first =
            changed(&claim(rig, task, 1, THERE, &[seen]), |parts| parts.content = fact.as_object().unwrap().clone());
        let told = say(rig, task, &first).await;
        let rests_on = Input::Message(first.id);
        let second = changed(&claim(rig, task, 2, BACK, &[rests_on]), |parts| parts.content = first.content.clone());
        (told, say(rig, task, &second).await)
    };
    let (rig, task) = fleet(&[]).await;
    let (told, retold) = attack(&rig, task).await;
    assert_eq!((refusal(&told), refusal(&retold)), (Some("DENIED"), Some("DENIED")));
    let decided = rig.decided().await;
    let controls =
        |n: usize| decided[decided.len() - n].findings.iter().map(|one| one.control.as_str()).collect::<Vec<_>>();
    assert!(controls(2).contains(&"PG-2.8") && controls(1).contains(&"PG-2.6"), "{:?} {:?}", controls(2), controls(1));
    let (rig, task) = fleet(&[("maso.toml", "", &without("PG-2.8"))]).await;
    let (told, retold) = attack(&rig, task).await;
    released(&told);
    released(&retold);
}

/// Whoever leaves its task token out takes along what it assumes.
#[tokio::test]
async fn what_is_assumed_in_a_task_does_not_leave_it_without_a_task_either() {
    let (rig, task) = fleet(&[]).await;
    let tell = async || {
        let (from, to) = (Principal::Agent("writer".parse().unwrap()), Principal::Agent("reader".parse().unwrap()));
        let act = Act::Request { agent: "reader".parse().unwrap(), request: "tell".parse().unwrap() };
        rig.send(rig.arrival(from, to, None), act, Turn::Ask, &json!({ "account": TEXT })).await
    };
    released(&tell().await);
    let assumption = released(&assume(&rig, task, TEXT).await);
    assert_eq!(refusal(&tell().await), Some("DENIED"));
    assert_eq!(control(&rig).await, "PG-2.8");
    promote(&rig, task, assumption, Reach::Global).await.unwrap();
    released(&tell().await);
}

#[tokio::test]
async fn what_a_person_refuses_stays_where_it_is() {
    let (rig, task) = fleet(&[]).await;
    let seen = source(&rig, task).await;
    let (first, second) =
        (released(&assume(&rig, task, TEXT).await), released(&assume(&rig, task, "it is ours").await));
    promote(&rig, task, first, Reach::Local).await.unwrap();
    promote(&rig, task, second, Reach::Global).await.unwrap();
    let said = carrying(&rig, task, 1, THERE, seen, (TEXT, Reach::Task));
    assert_eq!(refusal(&say(&rig, task, &said).await), Some("DENIED"));
    released(&say(&rig, task, &carrying(&rig, task, 2, THERE, seen, ("it is ours", Reach::Global))).await);
    // What is said anew to be assumed is refused still, until a person says otherwise of none that is like it.
    let again = released(&assume(&rig, task, TEXT).await);
    promote(&rig, task, again, Reach::Global).await.unwrap();
    assert_eq!(refusal(&say(&rig, task, &said).await), Some("DENIED"));
}

#[tokio::test]
async fn an_assumption_is_answered_once_whichever_process_is_first() {
    let (rig, task) = fleet(&[]).await;
    let other = rig.another().await;
    let assumption = released(&assume(&rig, task, TEXT).await);
    other.path.recorder().flush().await.unwrap();
    let (one, two) = futures::join!(
        promote(&rig, task, assumption, Reach::Global),
        promote(&other, task, assumption, Reach::Local),
    );
    assert_eq!([one.is_ok(), two.is_ok()].iter().filter(|is_ok| **is_ok).count(), 1);
    assert!(matches!(promote(&rig, task, assumption, Reach::Task).await, Err(NotPromoted::TooLate)));
    let unknown = HopId::from_uuid(uuid::Uuid::nil());
    assert!(matches!(promote(&rig, task, unknown, Reach::Task).await, Err(NotPromoted::NoAssumption(_))));
    let elsewhere = rig.task("file account-of-another").await;
    let wrong = promote(&rig, elsewhere, assumption, Reach::Task).await;
    assert!(matches!(wrong, Err(NotPromoted::NoAssumption(_))));
}

#[tokio::test]
async fn what_was_assumed_or_refused_before_the_commit_overtakes_what_is_said() {
    let (rig, task) = fleet(&[]).await;
    let seen = source(&rig, task).await;
    let other = rig.another().await;
    other.path.recorder().flush().await.unwrap();
    let assumption = released(&assume(&rig, task, TEXT).await);
    let said = |n| carrying(&other, task, n, THERE, seen, (TEXT, Reach::Task));
    assert_eq!(refusal(&say(&other, task, &said(1)).await), Some("DENIED"));
    // Let travel through the one, it travels through the other: what stands against a hop is heard of anew.
    promote(&rig, task, assumption, Reach::Task).await.unwrap();
    released(&say(&other, task, &said(2)).await);
    let again = released(&assume(&rig, task, TEXT).await);
    promote(&rig, task, again, Reach::Local).await.unwrap();
    assert_eq!(refusal(&say(&other, task, &said(3)).await), Some("DENIED"));
}

#[tokio::test]
async fn an_assumption_has_its_form_and_rests_on_what_is_known_and_there_are_only_so_many() {
    let wrong = [
        json!({}),
        json!({ "text": "" }),
        json!({ "text": "a\u{7}bell" }),
        json!({ "text": TEXT, "scope": "global" }),
        json!({ "text": TEXT, "inputs": ["the weather"] }),
        json!({ "text": TEXT, "inputs": [HopId::from_uuid(uuid::Uuid::nil()).to_string()] }),
    ];
    // A third refusal in a row would stop the agent.
    for wrong in wrong.chunks(2) {
        let (rig, task) = fleet(&[]).await;
        for wrong in wrong {
            assert_eq!(refusal(&send(&rig, task, "writer", wrong).await), Some("DENIED"), "{wrong}");
        }
        assert!(rig.path.assumptions(|_, _| true).is_empty());
    }
    let (rig, task) = fleet(&[]).await;
    let seen = source(&rig, task).await;
    // What the writer saw is nothing for the reader to rest on.
    let resting = json!({ "text": TEXT, "inputs": [seen.to_string()] });
    assert_eq!(refusal(&send(&rig, task, "reader", &resting).await), Some("DENIED"));
    assert_eq!(control(&rig).await, "PG-2.6");
    released(&send(&rig, task, "writer", &resting).await);
    assert_eq!(rig.path.assumptions(|_, _| true)[0].assumed.inputs, [seen].into());
    let outcomes = futures::future::join_all((0..40).map(|_| assume(&rig, task, TEXT))).await;
    let n_refused = outcomes.iter().filter(|outcome| refusal(outcome) == Some("LIMIT_REACHED")).count();
    assert_eq!((n_refused, rig.path.assumptions(|_, _| true).len()), (9, 32));
    released(&send(&rig, task, "reader", &json!({ "text": TEXT })).await);
}

#[tokio::test]
async fn nobody_assumes_anything_in_the_name_of_another_and_nobody_who_is_stopped() {
    let (rig, task) = fleet(&[]).await;
    let (from, to) = (Principal::Agent("writer".parse().unwrap()), Principal::Operator("owner".parse().unwrap()));
    let act = Act::Request { agent: "reader".parse().unwrap(), request: Clarifying::assumption() };
    let assumed = json!({ "text": TEXT });
    let outcome = rig.send(rig.arrival(from.clone(), to, Some(task)), act.clone(), Turn::Ask, &assumed).await;
    assert_eq!(refusal(&outcome), Some("OUT_OF_MANDATE"));
    // Nor does anybody tell another agent so by that way.
    let reader = Principal::Agent("reader".parse().unwrap());
    let outcome = rig.send(rig.arrival(from, reader, Some(task)), act, Turn::Ask, &assumed).await;
    assert_eq!(refusal(&outcome), Some("OUT_OF_MANDATE"));
    assert!(rig.path.assumptions(|_, _| true).is_empty());
    let killed = Killed { scope: "agent:writer".into(), by: "operator:owner".into(), reason: "a trial".into() };
    rig.path.recorder().record(Body::Killed(killed)).await.unwrap();
    assert_eq!(refusal(&assume(&rig, task, TEXT).await), Some("SUSPENDED"));
}
