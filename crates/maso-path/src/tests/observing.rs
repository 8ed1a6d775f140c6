//! Observe mode records decisions and blocks nothing, but for senders that nobody knows.

use maso_core::{Act, Mode, Principal, Turn};
use maso_wire::Credential;
use serde_json::json;

use super::rig::{Rig, refusal, released};

#[tokio::test]
async fn what_would_be_stopped_is_released_and_marked() {
    let rig = Rig::in_mode(Mode::Observe).await;
    released(&rig.call("notes:delete_everything", json!({})).await);
    released(&rig.call("notes:pay", json!({ "to": "anywhere", "amount": 20 })).await);
    assert_eq!(rig.n_carried(), 2);
    let decided = rig.decided().await;
    assert!(decided.iter().all(|hop| !hop.enforced && hop.decision == "deny"), "{decided:?}");
}

#[tokio::test]
async fn what_only_observes_opens_no_breaker() {
    let rig = Rig::in_mode(Mode::Observe).await;
    for _ in 0..9 {
        released(&rig.call("notes:read_note", json!({ "note": 7 })).await);
    }
    let agent = maso_core::Scope::Agent("writer".parse().unwrap());
    assert_eq!(rig.path.world().standing().phase_of(&agent), maso_core::Phase::Primary);
}

#[tokio::test]
async fn a_stranger_is_refused_all_the_same() {
    let rig = Rig::in_mode(Mode::Observe).await;
    let to = Principal::Server("notes".parse().unwrap());
    let mut arrival = rig.arrival(Principal::Agent("writer".parse().unwrap()), to, None);
    arrival.credential = Credential::Absent;
    let act = Act::CallTool("notes:read_note".parse().unwrap());
    let outcome = rig.send(arrival, act, Turn::Ask, &json!({ "note": "n-1" })).await;
    assert_eq!(refusal(&outcome), Some("UNAUTHENTIC"));
}

#[tokio::test]
async fn a_stop_that_a_person_ordered_binds() {
    let rig = Rig::in_mode(Mode::Observe).await;
    let killed =
        maso_log::v1::Killed { scope: "deployment".into(), by: "operator:owner".into(), reason: "drill".into() };
    rig.path.recorder().record(maso_log::v1::Body::Killed(killed)).await.unwrap();
    assert_eq!(refusal(&rig.call("notes:read_note", json!({ "note": "n-1" })).await), Some("SUSPENDED"));
    assert_eq!(rig.n_carried(), 0);
}
