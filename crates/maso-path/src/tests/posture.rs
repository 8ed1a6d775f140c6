//! Breakers, phases and the kill switch have their effect in the path, and outlive the process.

use maso_core::{Phase, Scope};
use maso_log::v1::{Body, Killed};
use maso_posture::{Authority, EmergencyReview, Office};
use serde_json::json;

use super::rig::{Rig, held, refusal, released};

fn authority(office: Office, review: Option<EmergencyReview>) -> Authority {
    Authority {
        operator: "owner".parse().unwrap(),
        office,
        reason: "the notes server was poisoned; it was cleaned and restored".into(),
        review,
    }
}

async fn open_the_breaker(rig: &Rig) {
    for _ in 0..3 {
        assert!(refusal(&rig.call("notes:read_note", json!({ "note": 7 })).await).is_some());
    }
}

#[tokio::test]
async fn three_guardrail_blocks_isolate_the_agent_and_a_restart_does_not_free_it() {
    let rig = Rig::new().await;
    open_the_breaker(&rig).await;
    assert_eq!(refusal(&rig.call("notes:read_note", json!({ "note": "n-1" })).await), Some("SUSPENDED"));
    let rig = rig.restarted().await;
    assert_eq!(refusal(&rig.call("notes:read_note", json!({ "note": "n-1" })).await), Some("SUSPENDED"));
    let agent = Scope::Agent("writer".parse().unwrap());
    assert_eq!(rig.path.world().standing().phase_of(&agent), Phase::Alternate);
}

#[tokio::test]
async fn two_guardrail_blocks_do_not() {
    let rig = Rig::new().await;
    for _ in 0..2 {
        assert!(refusal(&rig.call("notes:read_note", json!({ "note": 7 })).await).is_some());
    }
    released(&rig.call("notes:read_note", json!({ "note": "n-1" })).await);
}

#[tokio::test]
async fn a_person_with_the_office_frees_the_agent_and_one_without_does_not() {
    let rig = Rig::new().await;
    open_the_breaker(&rig).await;
    let agent = Scope::Agent("writer".parse().unwrap());
    let standing = rig.path.world().standing();
    let now = rig.path.clock().now();
    assert!(standing.moved(agent.clone(), Phase::Primary, authority(Office::Operator, None), now).is_err());
    let orders = standing.moved(agent, Phase::Primary, authority(Office::Supervisor, None), now).unwrap();
    for order in orders {
        rig.path.recorder().record(order).await.unwrap();
    }
    released(&rig.call("notes:read_note", json!({ "note": "n-1" })).await);
}

#[tokio::test]
async fn the_kill_switch_stops_everything_from_another_process() {
    let rig = Rig::new().await;
    let task = rig.task("pay 20 to account-of-the-task").await;
    let waiting =
        held(rig.call_in(Some(task), "notes:pay", json!({ "to": "account-of-the-task", "amount": 20 })).await);

    let other = rig.another().await;
    let killed = Killed { scope: "deployment".into(), by: "operator:owner".into(), reason: "drill".into() };
    other.path.recorder().record(Body::Killed(killed)).await.unwrap();
    other.answer_ticket(waiting.ticket().id, "approve", "owner").await;
    drop(other);

    // The approval reached this process, and so had the kill before it: what was approved does not happen.
    assert_eq!(refusal(&rig.wait(waiting).await), Some("SUSPENDED"));
    assert_eq!(refusal(&rig.call("notes:read_note", json!({ "note": "n-1" })).await), Some("SUSPENDED"));
    assert_eq!(rig.n_carried(), 0);
    let rig = rig.restarted().await;
    assert_eq!(refusal(&rig.call("notes:read_note", json!({ "note": "n-1" })).await), Some("SUSPENDED"));
}

#[tokio::test]
async fn calls_at_once_are_no_more_than_one_after_the_other() {
    let rig = Rig::new().await;
    let calls = (0..150).map(|_| rig.call("notes:read_note", json!({ "note": "n-1" })));
    let outcomes = futures::future::join_all(calls).await;
    assert_eq!(outcomes.iter().filter(|outcome| refusal(outcome).is_none()).count(), 100);
    assert_eq!(rig.n_carried(), 100);
}

/// A judge during whose hearing somebody pulls the kill switch.
struct Slow {
    name: maso_core::JudgeName,
    recorder: maso_log::Recorder,
}

#[async_trait::async_trait]
impl maso_judge::Judge for Slow {
    fn name(&self) -> &maso_core::JudgeName {
        &self.name
    }

    async fn hear(&self, brief: &maso_judge::Brief) -> maso_policy::Verdict {
        let killed = Killed { scope: "deployment".into(), by: "operator:owner".into(), reason: "drill".into() };
        self.recorder.record(Body::Killed(killed)).await.unwrap();
        maso_policy::Verdict {
            judge: self.name.clone(),
            opinion: maso_policy::Opinion::Approve,
            reasoning: "nothing against it".into(),
            criteria: Vec::new(),
            action: brief.action,
            expires_at: brief.now.plus_ms(60_000),
        }
    }
}

#[tokio::test]
async fn whoever_is_stopped_while_a_judge_is_heard_is_stopped() {
    let mut rig = Rig::new().await;
    let task = rig.task("send note n-1 to ada@notes.example").await;
    let judge = Slow { name: "rules".parse().unwrap(), recorder: rig.path.recorder().clone() };
    let path = std::sync::Arc::get_mut(&mut rig.path).unwrap();
    path.panel = maso_judge::Panel { judges: vec![std::sync::Arc::new(judge)] };
    let letter = json!({ "to": "ada@notes.example", "text": "hello" });
    let outcome = rig.call_in(Some(task), "notes:send_note", letter).await;
    assert_eq!(refusal(&outcome), Some("SUSPENDED"));
    assert_eq!(rig.n_carried(), 0);
}
