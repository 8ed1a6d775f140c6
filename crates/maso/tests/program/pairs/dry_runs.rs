//! Trying out what is risky or new before anybody is asked (EC-2.7a).

use super::{people::JUDGE, *};
use crate::{decisions::staged, deployment::TRIED_OUT};

fn trying_out(edits: &[Edit]) -> Wanted {
    Wanted { deselected: vec![], ..managed(&[&[JUDGE], edits].concat()) }
}

/// Asks for a payment, has a person approve it if one is asked, and asks again.
async fn pay(stage: &Scene, account: &str) -> Value {
    let order = json!({ "account": account, "amount": 100, "reference": "r1" });
    let answer = stage.client.call("pay", order.clone()).await;
    if held(&answer).is_none() {
        return answer;
    }
    stage.operator.answer(&stage.operator.ticket("open").await, "approve").await;
    stage.client.call("pay", order).await
}

#[tokio::test]
async fn a_payment_that_would_fail() {
    pair("EC-2.7a", trying_out(&[TRIED_OUT]), Without::Deselected(&["EC-2.7a"]), async |stage: &Scene| {
        let answer = pay(stage, server::CLOSED).await;
        assert!(is_done(&answer) || refused(&answer) == Some("DRY_RUN_FAILED"), "{answer}");
        happened(stage)
    })
    .await;
}

#[tokio::test]
async fn a_payment_that_nobody_can_try_out() {
    pair("EC-2.7a", trying_out(&[]), Without::Deselected(&["EC-2.7a"]), async |stage: &Scene| {
        let answer = pay(stage, "A1").await;
        assert!(is_done(&answer) || refused(&answer) == Some("DRY_RUN_FAILED"), "{answer}");
        happened(stage)
    })
    .await;
}

#[tokio::test]
async fn whoever_approves_sees_what_would_happen() {
    let stage = scene(&trying_out(&[TRIED_OUT])).await;
    let order = json!({ "account": "A1", "amount": 100, "reference": "r1" });
    let answer = stage.client.call("pay", order.clone()).await;
    let shown = stage.operator.get(&format!("/api/v1/tickets/{}", held(&answer).unwrap())).await;
    assert_eq!(shown["hop"]["dry_run"]["says"], "pay would be done", "{shown}");
    assert_eq!(shown["hop"]["dry_run"]["succeeded"], true, "{shown}");
    assert!(!happened(&stage), "it was only tried out");
    stage.operator.answer(&stage.operator.ticket("open").await, "approve").await;
    assert!(is_done(&stage.client.call("pay", order).await));
    let effects = stage.deployment.effects();
    assert_eq!(effects.len(), 1, "{effects:?}");
    assert!(
        effects[0]["arguments"].get("dry_run").is_none(),
        "the server did what was approved, not what was tried out"
    );
    let tried = stage.deployment.bodies("dry-run-ended").await;
    assert_eq!((tried.len(), &tried[0]["outcome"]), (1, &json!("succeeded")), "{tried:?}");
    stage.up.stop().await;
    stage.deployment.verify().await;
}

#[tokio::test]
async fn a_payment_is_tried_out_on_a_server_for_that() {
    let elsewhere: Edit = ("tools/notes.toml", "risk = \"high\"", "risk = \"high\"\ndry_run.server = \"staging\"");
    let deployment = Deployment::new(&trying_out(&[elsewhere]));
    let (tools, staging) = (deployment.path().join("tools"), deployment.path().join("staging"));
    std::fs::create_dir(&staging).unwrap();
    let manifest = std::fs::read_to_string(tools.join("notes.toml")).unwrap();
    let manifest = manifest.replace("dry_run.server = \"staging\"", "");
    let manifest = manifest.replace(deployment.data().to_str().unwrap(), staging.to_str().unwrap());
    std::fs::write(tools.join("staging.toml"), manifest).unwrap();
    std::fs::copy(tools.join("notes.lock.json"), tools.join("staging.lock.json")).unwrap();
    let stage = staged(deployment).await;
    let order = json!({ "account": "A1", "amount": 100, "reference": "r1" });
    let answer = stage.client.call("pay", order.clone()).await;
    assert!(held(&answer).is_some(), "{answer}");
    let there = server::effects(&staging);
    assert_eq!((there.len(), &there[0]["arguments"], happened(&stage)), (1, &order, false), "{there:?}");
    stage.operator.answer(&stage.operator.ticket("open").await, "approve").await;
    assert!(is_done(&stage.client.call("pay", order).await));
    assert_eq!((server::effects(&staging).len(), stage.deployment.effects().len()), (1, 1));
    stage.up.stop().await;
    stage.deployment.verify().await;
}
