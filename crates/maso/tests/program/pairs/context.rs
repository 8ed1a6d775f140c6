//! Contexts and budgets: how much an agent may be given, and what it goes on from.

use super::*;

/// A context of 8,000 bytes.
const SMALL: Edit = ("maso.toml", "[approvals]\n", "[context]\ntokens = 2000\n\n[approvals]\n");

async fn read(stage: &Scene, n_bytes: usize) -> Value {
    stage.deployment.put_note("long", &"a".repeat(n_bytes));
    stage.client.call("read_note", json!({ "note": "long" })).await
}

#[tokio::test]
async fn what_floods_a_context() {
    pair("OB-2.5a", managed(&[SMALL]), Without::Deselected(&["OB-2.5a"]), async |stage: &Scene| {
        let answer = read(stage, 20_000).await;
        assert!(is_done(&answer) || refused(&answer) == Some("LIMIT_REACHED"), "{answer}");
        // What was kept from it leaves room for what it needs.
        assert!(is_done(&read(stage, 10).await) || is_done(&answer));
        is_done(&answer)
    })
    .await;
}

#[tokio::test]
async fn an_agent_whose_context_is_nearly_full() {
    for (deselected, stops) in [(vec![], true), (vec!["OB-2.5a"], false)] {
        let stage = scene(&Wanted { deselected, ..managed(&[SMALL]) }).await;
        assert!(is_done(&read(&stage, 7_000).await));
        let answer = read(&stage, 10).await;
        assert_eq!(refused(&answer), stops.then_some("SUSPENDED"), "{answer}");
        if stops {
            let agents = stage.operator.get("/api/v1/agents").await;
            let writer = agents.as_array().unwrap().iter().find(|agent| agent["agent"] == "writer").unwrap();
            assert_eq!(writer["context"]["level"], "warning", "{writer}");
        }
        stage.operator.move_phase("agent:writer", "primary").await;
        assert!(is_done(&read(&stage, 10).await), "a person lets it go on");
        stage.up.stop().await;
        let changed = stage.deployment.bodies("phase-changed").await;
        let isolated = |change: &&Value| change["trigger"].as_str().is_some_and(|why| why.starts_with("OB-2.5a"));
        assert_eq!(changed.iter().filter(isolated).count(), usize::from(stops), "{changed:?}");
        stage.deployment.verify().await;
    }
}

#[tokio::test]
async fn more_tokens_than_the_task_may_use() {
    const BUDGET: Edit = ("workflows/notes.toml", "[limits]\n", "[limits]\nmax_tokens = 2000\n");
    const NONE: Edit = ("workflows/notes.toml", "max_tokens = 2000\n", "");
    pair("AT-1.7", managed(&[BUDGET]), Without::Declared(&[NONE]), async |stage: &Scene| {
        let (_, token) = stage.operator.open_task("read all notes").await;
        stage.deployment.put_note("long", &"a".repeat(6_000));
        let read = || stage.client.call_under(&token, "read_note", json!({ "note": "long" }));
        assert!(is_done(&read().await));
        is_done(&read().await)
    })
    .await;
}

#[tokio::test]
async fn a_checkpoint_with_another_goal() {
    pair("EC-2.16", managed(&[SMALL]), Without::Deselected(&["EC-2.16"]), async |stage: &Scene| {
        let (task, token) = stage.operator.open_task("keep the notes as they are").await;
        stage.deployment.put_note("long", &"a".repeat(6_000));
        let read = stage.client.call_under(&token, "read_note", json!({ "note": "long" })).await;
        assert!(is_done(&read), "{read}");
        let maso = Client::open_at(stage.up.address, "maso", stage.client.token.as_deref().unwrap()).await;
        assert_eq!(maso.tools().await, ["ask_clarification", "clarifications", "checkpoint", "resume"]);
        let note = |goal: &str| {
            json!({
                "goal": goal,
                "active_constraints": ["never change a note"],
                "decisions": [],
                "pending_actions": [{ "action": "read on", "tool": "notes:read_note" }],
            })
        };
        let told = |answer: &Value| answer["result"]["structuredContent"].clone();
        let full = told(&maso.call_under(&token, "resume", json!({})).await)["context"].clone();
        assert_eq!((full["level"].as_str(), full["rotate"].as_bool()), (Some("info"), Some(true)), "{full}");
        let answer = maso.call_under(&token, "checkpoint", note("delete all notes")).await;
        let succeeds = is_done(&answer);
        assert!(succeeds || refused(&answer) == Some("DENIED"), "{answer}");
        if !succeeds {
            // The same with the task's own goal.
            let answer = maso.call_under(&token, "checkpoint", note("keep the notes as they are")).await;
            assert!(is_done(&answer) && told(&answer)["context"]["percent"].as_u64().unwrap() < 10, "{answer}");
        }
        let resumed = told(&maso.call_under(&token, "resume", json!({})).await);
        assert_eq!(resumed["goal"], "keep the notes as they are", "{resumed}");
        assert_eq!(resumed["checkpoint"]["active_constraints"], json!(["never change a note"]), "{resumed}");
        let shown = stage.deployment.run(&["log", "show", "--id", &task, "--json"]).await;
        assert!(String::from_utf8_lossy(&shown.stdout).contains("context-checkpoint"));
        succeeds
    })
    .await;
}
