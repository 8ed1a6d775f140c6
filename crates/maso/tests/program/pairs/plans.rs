//! Plans: steps in their order, and right results by the wrong means.

use super::*;

#[tokio::test]
async fn a_step_before_the_one_that_it_rests_on() {
    let plan: Edit = (
        "agents/writer.toml",
        "escalation = \"owner\"",
        "escalation = \"owner\"\ntool_order = [\"notes:read_note\", \"notes:write_note\"]",
    );
    pair("PG-3.4", managed(&[plan]), Without::Deselected(&["PG-3.4"]), async |stage: &Scene| {
        let answer = stage.client.call("write_note", json!({ "text": "read first" })).await;
        assert_ne!(is_done(&answer), held(&answer).is_some(), "{answer}");
        happened(stage)
    })
    .await;
}

/// The mandate has mails; the agent leaves a note, which it may as well, and the operator finds the result right.
async fn substituted(deselected: Vec<&'static str>) -> (Scene, String) {
    let plan: Edit = (
        "agents/writer.toml",
        "escalation = \"owner\"",
        "escalation = \"owner\"\ntool_order = [\"notes:read_note\", \"notes:send_mail\"]\non_deviation = \"note\"",
    );
    let stage = scene(&Wanted { deselected, ..managed(&[plan]) }).await;
    let Scene { operator, client, .. } = &stage;
    let (task, token) = operator.open_task("tell the office that the paper is out").await;
    assert!(is_done(&client.call_under(&token, "read_note", json!({ "note": "today" })).await));
    assert!(is_done(&client.call_under(&token, "write_note", json!({ "text": "the paper is out" })).await));
    let assessment = json!({ "criterion": "kept", "met": true, "reason": "the office knows" });
    operator.post(&format!("/v1/tasks/{task}/assessments"), &assessment).await;
    operator.close_task(&task).await;
    (stage, task)
}

#[tokio::test]
async fn a_right_result_by_a_tool_that_was_not_prescribed() {
    let whole = [(vec![], true), (vec!["AT-2.6"], false), (vec!["AT-2.7"], false)];
    for (deselected, stops) in whole {
        let is_evaluated = deselected != ["AT-2.6"];
        let (stage, task) = substituted(deselected).await;
        // In Contingency a person looks at everything, a mere read too.
        let answer = stage.client.call("read_note", json!({ "note": "x" })).await;
        assert_eq!((held(&answer).is_some(), is_done(&answer)), (stops, !stops), "{answer}");
        stage.up.stop().await;
        let evaluated = stage.deployment.bodies("task-evaluated").await;
        assert_eq!(!evaluated.is_empty(), is_evaluated, "{evaluated:?}");
        let is_found = |it: &&Value| it["class"] == "creative-substitution" && it["recommends"] == "contain";
        assert_eq!(evaluated.iter().any(|it| is_found(&it)), stops, "{evaluated:?}");
        assert!(evaluated.iter().all(|it| it["class"] != "normal-operation"), "{evaluated:?}");
        let changed = stage.deployment.bodies("phase-changed").await;
        assert_eq!(changed.iter().any(|it| it["to"] == "contingency"), stops, "{changed:?}");
        stage.deployment.verify().await;
        let listed = stage.deployment.run(&["tasks", "list"]).await;
        let warned = String::from_utf8_lossy(&listed.stderr).contains(&format!("creative substitution: {task}"));
        assert_eq!(warned, stops, "{listed:?}");
    }
}

#[tokio::test]
async fn how_a_task_was_done_is_shown_and_a_person_says_what_nothing_else_decides() {
    let (stage, task) = substituted(vec![]).await;
    let shown = stage.operator.get(&format!("/v1/tasks/{task}/evaluation")).await;
    stage.up.stop().await;
    let output = stage.deployment.run(&["tasks", "deviation", "--task", &task, "--json"]).await;
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap(), shown);
    let [found] = shown.as_array().unwrap().as_slice() else { panic!("{shown}") };
    let departure = &found["departures"][0];
    assert_eq!((&departure["what"], &departure["tool"]), (&json!("unplanned"), &json!("notes:write_note")));
    let text = stage.deployment.run(&["tasks", "deviation", "--task", &task]).await;
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("creative-substitution") && text.contains("unplanned"), "{text}");
}

#[tokio::test]
async fn attempts_are_told_by_agent_and_tool() {
    let stage = scene(&Wanted::default()).await;
    for _ in 0..3 {
        assert!(!is_done(&stage.client.call("secret_tool", json!({})).await));
    }
    stage.up.stop().await;
    let output = stage.deployment.run(&["agents", "attempts", "--json"]).await;
    let trends: Value = serde_json::from_slice(&output.stdout).unwrap();
    let of = |kind: &str| trends.as_array().unwrap().iter().find(|trend| trend["of"] == kind).unwrap().clone();
    assert_eq!((&of("agent")["name"], &of("agent")["n_week"]), (&json!("writer"), &json!(3)));
    assert_eq!(
        (&of("tool")["name"], &of("tool")["patterns"][0]),
        (&json!("notes:secret_tool"), &json!("repeated-tool"))
    );
    let text = stage.deployment.run(&["agents", "attempts"]).await;
    assert!(String::from_utf8_lossy(&text.stdout).contains("repeated-tool"), "{text:?}");
}
