//! Posture: rates, breakers, phases.

use super::*;
use mandate::ask_another;

async fn read(stage: &Scene) -> Value {
    stage.client.call("read_note", json!({ "note": "x" })).await
}

#[tokio::test]
async fn one_call_too_many() {
    let with = Wanted {
        edits: vec![("maso.toml", "calls_per_hour_max = 1000000", "calls_per_hour_max = 3")],
        ..Wanted::default()
    };
    pair("EC-1.3", with, Without::Deselected(&["EC-1.3"]), async |stage: &Scene| {
        for _ in 0..3 {
            assert_eq!(text(&read(stage).await), "an empty note");
        }
        is_done(&read(stage).await)
    })
    .await;
}

#[tokio::test]
async fn an_agent_that_tries_until_something_gives() {
    let with = Wanted { blocks_max: 3, ..Wanted::default() };
    pair("EC-2.4", with, Without::Deselected(&["EC-2.4"]), async |stage: &Scene| {
        for _ in 0..3 {
            assert_eq!(refused(&stage.client.call("read_note", json!({ "note": 7 })).await), Some("DENIED"));
        }
        let answer = read(stage).await;
        assert!(is_done(&answer) || refused(&answer) == Some("SUSPENDED"), "{answer}");
        is_done(&answer)
    })
    .await;
}

#[tokio::test]
async fn an_agent_that_reaches_for_tools_again_and_again() {
    for (deselected, stops) in [(vec![], true), (vec!["AT-2.8"], false)] {
        let stage = scene(&Wanted { deselected, ..Wanted::default() }).await;
        for _ in 0..4 {
            assert!(!is_done(&stage.client.call("secret_tool", json!({})).await));
        }
        let answer = read(&stage).await;
        assert_eq!(refused(&answer), stops.then_some("SUSPENDED"), "{answer}");
        let changed = stage.deployment.bodies("phase-changed").await;
        let workflow = |change: &&Value| change["scope"] == "workflow:notes" && change["to"] == "contingency";
        assert_eq!(changed.iter().filter(workflow).count(), usize::from(stops), "{changed:?}");
    }
}

#[tokio::test]
async fn an_agent_that_falls_out_again_and_again() {
    let tier_3: Edit = ("maso.toml", "tier = 1", "tier = 3");
    for (deselected, stops) in [(vec![], true), (vec!["EC-3.2"], false)] {
        let wanted = Wanted { deselected, blocks_max: 1, edits: vec![tier_3], hold_open: "1ms", ..Wanted::default() };
        let stage = scene(&wanted).await;
        for _ in 0..4 {
            assert_eq!(refused(&stage.client.call("read_note", json!({ "note": 7 })).await), Some("DENIED"));
            assert_eq!(refused(&read(&stage).await), Some("SUSPENDED"));
            stage.operator.move_phase("agent:writer", "primary").await;
        }
        // In Contingency a person looks at everything that an agent does, at a mere read too.
        let answer = read(&stage).await;
        assert_eq!((held(&answer).is_some(), is_done(&answer)), (stops, !stops), "{answer}");
    }
}

#[tokio::test]
async fn a_request_between_agents_when_trust_is_gone() {
    // A phase cannot be switched off. Before it was entered, the same request was carried.
    let grant =
        "\n[[grants]]\nfrom = \"writer\"\nto = \"reader\"\nrequest = \"count\"\nschema = { type = \"object\" }\n";
    let stage = scene(&Wanted { edits: vec![("workflows/notes.toml", "", grant)], ..Wanted::default() }).await;
    let order = || json!({ "to": "reader", "request": "count", "content": {} });
    assert!(is_done(&ask_another(&stage, order()).await));
    stage.operator.move_phase("workflow:notes", "contingency").await;
    assert_eq!(refused(&ask_another(&stage, order()).await), Some("SUSPENDED"));
    stage.up.stop().await;
    let hops = stage.deployment.bodies("hop-decided").await;
    assert!(hops.iter().any(|hop| hop["decision"] == "deny" && names(hop, "EC-2.10")), "{hops:?}");
}
