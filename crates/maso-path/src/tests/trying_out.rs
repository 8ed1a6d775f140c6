//! What is risky or new is tried out first, and that shows before anybody is asked (EC-2.7a).

use std::sync::Arc;

use maso_core::{Act, Mode, Principal, TaskId, ToolRef, Turn};
use maso_intent::ToolDefinition;
use maso_log::v1::{Body, DryRunEnded, DryRunStarted, ToolApproved};
use serde_json::{Value, json};

use super::rig::{Ground, Rig, declared, held, refusal, released};
use crate::{Carried, Outcome, Trying};

fn payment() -> Value {
    json!({ "to": "account-of-the-task", "amount": 20 })
}

async fn rig() -> (Rig, TaskId) {
    let rig = Rig::new().await;
    let task = rig.task("pay 20 to account-of-the-task").await;
    (rig, task)
}

async fn begin(rig: &Rig, task: TaskId, tool: &str, arguments: &Value) -> Outcome<&'static str> {
    let tool: ToolRef = tool.parse().unwrap();
    let agent = Principal::Agent("writer".parse().unwrap());
    let arrival = rig.arrival(agent, Principal::Server(tool.server.clone()), Some(task));
    rig.begin(arrival, Act::CallTool(tool), Turn::Ask, arguments).await
}

fn trying(outcome: Outcome<&'static str>) -> Arc<Trying> {
    match outcome {
        Outcome::TryOut(trying) => trying,
        other => panic!("{other:?}"),
    }
}

async fn trials(rig: &Rig) -> (Vec<DryRunStarted>, Vec<DryRunEnded>) {
    rig.path.recorder().flush().await.unwrap();
    let (mut started, mut ended) = (Vec::new(), Vec::new());
    for record in rig.path.recorder().reader().records(1, u64::MAX, 10_000).unwrap() {
        match record.body {
            Body::DryRunStarted(it) => started.push(it),
            Body::DryRunEnded(it) => ended.push(it),
            _ => {}
        }
    }
    (started, ended)
}

#[tokio::test]
async fn an_irreversible_action_is_tried_out_and_shown_before_a_person_is_asked() {
    let (rig, task) = rig().await;
    let trying = trying(begin(&rig, task, "notes:pay", &payment()).await);
    assert_eq!(trying.arguments(), &json!({ "to": "account-of-the-task", "amount": 20, "dry_run": true }));
    assert!(rig.decided().await.is_empty(), "nobody is asked before it was tried out");
    assert_eq!(trials(&rig).await.0.len(), 1, "and that it is tried out is on the record before it is");

    let waiting = held(rig.tried(&trying, Carried::Delivered(json!({ "balance_after": 480 }))).await);
    let decided = rig.decided().await;
    let shown = decided[0].dry_run.as_ref().unwrap();
    assert_eq!((shown.outcome.as_str(), shown.says.as_deref()), ("succeeded", Some(r#"{"balance_after":480}"#)));
    assert_eq!(rig.n_carried(), 0);

    rig.answer_ticket(waiting.ticket().id, "approve", "owner").await;
    released(&rig.wait(waiting).await);
    let (started, ended) = trials(&rig).await;
    assert_eq!((rig.n_carried(), started.len(), ended.len()), (1, 1, 1), "what was tried out once counts once");
    assert_eq!((&started[0].hop, &started[0].action), (&ended[0].hop, &ended[0].action));
}

#[tokio::test]
async fn what_does_not_succeed_where_it_is_tried_out_is_refused_and_tried_out_anew_the_next_time() {
    let (rig, task) = rig().await;
    for came in [
        Carried::Unsuccessful(json!("no such account")),
        Carried::Failed { reply: Value::Null, fault: "the server said no".to_owned() },
        Carried::Unknown { reply: Value::Null, fault: "nothing came".to_owned() },
    ] {
        let trying = trying(begin(&rig, task, "notes:pay", &payment()).await);
        let outcome = rig.tried(&trying, came).await;
        assert_eq!(refusal(&outcome), Some("DRY_RUN_FAILED"));
    }
    let decided = rig.decided().await;
    assert!(decided[0].findings.iter().any(|it| it.control == "EC-2.7a" && it.word == "NO-GO"), "{decided:?}");
    assert_eq!(decided[0].dry_run.as_ref().unwrap().says.as_deref(), Some("no such account"));
    held(rig.call_in(Some(task), "notes:pay", payment()).await);
    assert_eq!((rig.n_carried(), trials(&rig).await.0.len()), (0, 4));
}

#[tokio::test]
async fn what_fails_again_and_again_is_not_tried_out_without_end() {
    let (rig, task) = rig().await;
    for _ in 0..4 {
        let trying = trying(begin(&rig, task, "notes:pay", &payment()).await);
        let outcome = rig.tried(&trying, Carried::Unsuccessful(json!("no such account"))).await;
        assert_eq!(refusal(&outcome), Some("DRY_RUN_FAILED"));
    }
    assert_eq!(refusal(&begin(&rig, task, "notes:pay", &payment()).await), Some("LIMIT_REACHED"));
    assert_eq!(trials(&rig).await.0.len(), 4);
}

#[tokio::test]
async fn many_at_once_are_not_tried_out_more_often_than_the_agent_may_call() {
    let two_an_hour = ("agents/writer.toml", "escalation = ", "calls_per_hour_max = 2\nescalation = ");
    let rig = Rig::declaring(&[two_an_hour]).await;
    let task = rig.task("pay 20 or 30 or 40 to account-of-the-task").await;
    let order = |amount: u32| json!({ "to": "account-of-the-task", "amount": amount });
    let one = trying(begin(&rig, task, "notes:pay", &order(20)).await);
    let two = trying(begin(&rig, task, "notes:pay", &order(30)).await);
    assert_eq!(refusal(&begin(&rig, task, "notes:pay", &order(40)).await), Some("LIMIT_REACHED"));
    held(rig.tried(&one, Carried::Delivered(Value::Null)).await);
    // Whoever went away while it was tried out asked for nothing.
    drop((one, two));
    trying(begin(&rig, task, "notes:pay", &order(40)).await);
}

#[tokio::test]
async fn a_dry_run_is_used_up_and_belongs_to_the_exact_action() {
    let (rig, task) = rig().await;
    for _ in 0..2 {
        let waiting = held(rig.call_in(Some(task), "notes:pay", payment()).await);
        rig.answer_ticket(waiting.ticket().id, "approve", "owner").await;
        released(&rig.wait(waiting).await);
    }
    assert_eq!(trials(&rig).await.0.len(), 2, "the second payment is another action");
    // What waits was tried out. Who asks for the very same finds that; who asks for something else does not.
    held(rig.call_in(Some(task), "notes:pay", payment()).await);
    held(begin(&rig, task, "notes:pay", &payment()).await);
    trying(begin(&rig, task, "notes:pay", &json!({ "to": "account-of-the-task", "amount": 2 })).await);
}

#[tokio::test]
async fn two_at_once_do_not_share_one_dry_run() {
    let (rig, task) = rig().await;
    let waiting = held(rig.call_in(Some(task), "notes:wipe", json!({ "note": "a" })).await);
    for by in ["owner", "second"] {
        rig.answer_ticket(waiting.ticket().id, "approve", by).await;
    }
    let (one, passing) = rig.under_way(Some(task), "notes:wipe", &json!({ "note": "a" }));
    let maso_policy::Decision::Allow(permit) = one else { panic!("{one:?}") };
    // Another one was faster, in another process: it used the dry run up.
    released(&rig.wait(waiting).await);
    assert!(rig.path.record_permit(permit, Vec::new(), &passing).await.is_err());
}

#[tokio::test]
async fn identical_hops_at_once_are_each_tried_out_once() {
    let (rig, task) = rig().await;
    let letter = json!({ "to": "account-of-the-task", "text": "hello" });
    let one = trying(begin(&rig, task, "notes:send_note", &letter).await);
    let other = trying(begin(&rig, task, "notes:send_note", &letter).await);
    let came = || Carried::Delivered(Value::Null);
    let (one, other) = tokio::join!(rig.tried(&one, came()), rig.tried(&other, came()));
    assert_eq!([one, other].iter().map(refusal).collect::<Vec<_>>(), [None, None]);
    assert_eq!((rig.n_carried(), trials(&rig).await.0.len()), (2, 2));
}

#[tokio::test]
async fn what_the_agent_did_before_is_not_new_to_it_and_a_restart_changes_nothing() {
    let (rig, task) = rig().await;
    let letter = json!({ "to": "account-of-the-task", "text": "hello" });
    let n_trials = async |rig: &Rig| trials(rig).await.0.len();
    released(&rig.approved_call(task, "notes:send_note", letter.clone(), || Carried::Unsuccessful("no")).await);
    released(&rig.approved_call(task, "notes:send_note", letter.clone(), || Carried::Delivered("done")).await);
    assert_eq!(n_trials(&rig).await, 2, "what did not succeed is not known yet");
    released(&rig.approved_call(task, "notes:send_note", letter.clone(), || Carried::Delivered("done")).await);
    assert_eq!(n_trials(&rig).await, 2);
    let rig = Rig::on(rig.ended().await).await;
    released(&rig.approved_call(task, "notes:send_note", letter, || Carried::Delivered("done")).await);
    assert_eq!(n_trials(&rig).await, 2);
}

#[tokio::test]
async fn what_shows_too_long_ago_is_tried_out_again() {
    let (rig, task) = rig().await;
    let waiting = held(rig.call_in(Some(task), "notes:pay", payment()).await);
    rig.answer_ticket(waiting.ticket().id, "reject", "owner").await;
    assert_eq!(refusal(&rig.wait(waiting).await), Some("NOT_APPROVED"));
    held(begin(&rig, task, "notes:pay", &payment()).await);
    rig.clock.advance(31 * 60_000);
    trying(begin(&rig, task, "notes:pay", &payment()).await);
}

#[tokio::test]
async fn a_tool_that_is_not_known_to_take_the_argument_is_not_called_to_try_it_out() {
    let ground = Ground {
        deployment: Arc::new(declared(&[(
            "tools/notes.toml",
            "dry_run.argument = \"dry_run\"",
            "dry_run.argument = \"rehearse\"",
        )])),
        ..Ground::fresh(Mode::Enforce)
    };
    let rig = Rig::on(ground).await;
    let task = rig.task("pay 20 to account-of-the-task").await;
    let outcome = begin(&rig, task, "notes:pay", &payment()).await;
    assert_eq!(refusal(&outcome), Some("DRY_RUN_FAILED"), "the server would ignore it, and pay");
    assert!(trials(&rig).await.0.is_empty());
}

/// A payment that takes no argument by which it would be a dry run.
fn without_the_argument() -> (ToolRef, ToolDefinition) {
    let properties = json!({ "to": { "type": "string" }, "amount": { "type": "integer" } });
    let value = json!({ "name": "pay", "inputSchema": { "type": "object", "properties": properties } });
    ("notes:pay".parse().unwrap(), ToolDefinition::new(value))
}

#[tokio::test]
async fn what_counts_is_the_definition_that_was_approved_last_and_is_published_now() {
    let (rig, task) = rig().await;
    let (tool, definition) = without_the_argument();
    let approved = ToolApproved {
        tool: tool.to_string(),
        digest: definition.digest.to_string(),
        definition: definition.value.clone(),
        by: "owner".to_owned(),
    };
    rig.path.recorder().record(Body::ToolApproved(approved)).await.unwrap();
    rig.path.published(vec![(tool, definition)]).await;
    assert_eq!(refusal(&begin(&rig, task, "notes:pay", &payment()).await), Some("DRY_RUN_FAILED"));

    // Where nobody holds servers to what was approved, a dry run is held to it all the same.
    let off = "\n[[controls.deselected]]\ncontrol = \"SC-2.2\"\nreason = \"a trial\"\nowner = \"owner\"\n";
    let rig = Rig::declaring(&[("maso.toml", "", off)]).await;
    let task = rig.task("pay 20 to account-of-the-task").await;
    let trying = trying(begin(&rig, task, "notes:pay", &payment()).await);
    assert!(rig.path.may_try(&trying));
    rig.path.published(vec![without_the_argument()]).await;
    assert!(!rig.path.may_try(&trying), "its connection shows another definition than was there when it began");
    assert_eq!(refusal(&begin(&rig, task, "notes:pay", &payment()).await), Some("DRY_RUN_FAILED"));
    assert_eq!(trials(&rig).await.0.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_tried_out_is_refused_until_somebody_switches_the_control_off() {
    let undeclared = ("tools/notes.toml", "dry_run.argument = \"dry_run\"\n", "");
    let off = (
        "maso.toml",
        "",
        "\n[[controls.deselected]]\ncontrol = \"EC-2.7a\"\nreason = \"the bank has no test system\"\nowner = \"owner\"\n",
    );
    for (changes, expected) in [(vec![undeclared], Some("DRY_RUN_FAILED")), (vec![undeclared, off], None)] {
        let ground = Ground { deployment: Arc::new(declared(&changes)), ..Ground::fresh(Mode::Enforce) };
        let rig = Rig::on(ground).await;
        let task = rig.task("pay 20 to account-of-the-task").await;
        assert_eq!(refusal(&begin(&rig, task, "notes:pay", &payment()).await), expected);
    }
}

#[tokio::test]
async fn nothing_is_tried_out_where_the_deployment_only_observes_or_the_hop_is_refused_anyway() {
    let rig = Rig::on(Ground::fresh(Mode::Observe)).await;
    let task = rig.task("pay 20 to account-of-the-task").await;
    released(&begin(&rig, task, "notes:pay", &payment()).await);
    assert!(trials(&rig).await.0.is_empty());
    assert_eq!(rig.decided().await[0].decision, "hold", "as it would be after a dry run that succeeds");

    let (rig, task) = self::rig().await;
    let foreign = json!({ "to": "account-of-nobody", "amount": 20 });
    assert_eq!(refusal(&begin(&rig, task, "notes:pay", &foreign).await), Some("DENIED"));
    assert!(trials(&rig).await.0.is_empty());
}

#[tokio::test]
async fn no_credential_and_nothing_hidden_is_shown_of_a_dry_run() {
    let (rig, task) = rig().await;
    let trying = trying(begin(&rig, task, "notes:pay", &payment()).await);
    let said = format!("paid\u{202e}\nwith ghp_{} {}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8", "x".repeat(5_000));
    held(rig.tried(&trying, Carried::Delivered(json!(said))).await);
    let says = rig.decided().await[0].dry_run.clone().unwrap().says.unwrap();
    assert!(!says.contains("ghp_") && !says.contains('\u{202e}') && says.chars().count() <= 2_001, "{says}");
}
