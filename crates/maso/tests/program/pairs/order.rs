//! Order: whose turn it is, and whether what is called done is done.

use super::*;

const WORKFLOW: &str = "workflows/notes.toml";
const GRANT: Edit = (
    WORKFLOW,
    "",
    "\n[[grants]]\nfrom = \"writer\"\nto = \"reader\"\nrequest = \"count\"\nschema = { type = \"object\" }\n",
);
const BY_COMPLETION: Edit = (WORKFLOW, "", "\n[sequence]\nby = \"completion\"\n");
const BY_HAND_OVER: Edit = (WORKFLOW, "", "\n[sequence]\nby = \"hand-over\"\n");
const MUST_READ: Edit =
    ("agents/writer.toml", "escalation = ", "required_tools = [\"notes:read_note\"]\nescalation = ");

/// A client of an agent at one of the doors.
async fn client(stage: &Scene, agent: &str, server: &str) -> Client {
    Client::open_at(stage.up.address, server, &stage.operator.token(agent, None).await).await
}

/// Whether `reader` reads a note in the task; in Contingency a person would have to look at it.
async fn reads(stage: &Scene, task: &str) -> bool {
    let reader = client(stage, "reader", "notes").await;
    is_done(&reader.call_under(task, "read_note", json!({ "note": "x" })).await)
}

#[tokio::test]
async fn an_agent_that_acts_before_its_turn() {
    let with = Wanted { edits: vec![BY_COMPLETION], hold_open: "1ms", ..Wanted::default() };
    pair("AT-2.4", with, Without::Deselected(&["AT-2.4"]), async |stage: &Scene| {
        let (_, task) = stage.operator.open_task("look after the notes").await;
        let reader = client(stage, "reader", "notes").await;
        let answer = reader.call_under(&task, "read_note", json!({ "note": "x" })).await;
        assert!(is_done(&answer) || refused(&answer) == Some("OUT_OF_SEQUENCE"), "{answer}");
        // Nobody of the workflow goes on as before: the attack has stopped it.
        let writer = stage.client.call_under(&task, "read_note", json!({ "note": "x" })).await;
        assert_eq!(is_done(&writer), is_done(&answer), "{writer}");
        is_done(&answer)
    })
    .await;
}

#[tokio::test]
async fn an_agent_that_acts_although_nobody_handed_work_to_it() {
    let with = Wanted { edits: vec![GRANT, BY_HAND_OVER], ..Wanted::default() };
    pair("AT-2.4", with, Without::Deselected(&["AT-2.4"]), async |stage: &Scene| {
        let (_, handed) = stage.operator.open_task("count the notes").await;
        let writer = client(stage, "writer", "maso").await;
        let order = json!({ "to": "reader", "request": "count", "content": {} });
        assert!(is_done(&writer.call_under(&handed, "send_request", order).await));
        assert!(reads(stage, &handed).await, "it has work in this task");
        let (_, other) = stage.operator.open_task("count other notes").await;
        reads(stage, &other).await
    })
    .await;
}

#[tokio::test]
async fn work_that_is_handed_on_without_its_tool() {
    let with = Wanted { edits: vec![GRANT, BY_HAND_OVER, MUST_READ], ..Wanted::default() };
    pair("EC-2.8", with, Without::Deselected(&["EC-2.8"]), async |stage: &Scene| {
        let (_, task) = stage.operator.open_task("count the notes").await;
        let writer = client(stage, "writer", "maso").await;
        let order = || json!({ "to": "reader", "request": "count", "content": {} });
        let early = writer.call_under(&task, "send_request", order()).await;
        assert!(is_done(&early) || refused(&early) == Some("INCOMPLETE"), "{early}");
        // With the tool it is handed on: nothing was stopped.
        text(&stage.client.call_under(&task, "read_note", json!({ "note": "x" })).await);
        let handed = writer.call_under(&task, "send_request", order()).await;
        assert!(is_done(&handed), "{handed}");
        is_done(&early)
    })
    .await;
}

#[tokio::test]
async fn a_report_of_completion_after_its_tool_failed() {
    const HELD: Edit = (WORKFLOW, "\"notes:pay\"]", "\"notes:pay\", \"notes:misbehave\"]");
    const MUST_RUN: Edit =
        ("agents/writer.toml", "escalation = ", "required_tools = [\"notes:misbehave\"]\nescalation = ");
    const HOLDS: Edit = ("agents/writer.toml", "", "[tools.\"notes:misbehave\"]\n");
    let with = Wanted { edits: vec![BY_COMPLETION, HELD, MUST_RUN, HOLDS], ..Wanted::default() };
    pair("EC-2.8", with, Without::Deselected(&["EC-2.8"]), async |stage: &Scene| {
        let (_, task) = stage.operator.open_task("look after the notes").await;
        let writer = client(stage, "writer", "maso").await;
        assert_eq!(writer.tools().await, ["ask_clarification", "clarifications", "report_status"]);
        let failing = json!({ "how": "says that it failed" });
        assert_eq!(stage.client.call_under(&task, "misbehave", failing).await["result"]["isError"], true);
        let early = writer.call_under(&task, "report_status", json!({ "status": "completed" })).await;
        assert!(is_done(&early) || refused(&early) == Some("INCOMPLETE"), "{early}");
        if !is_done(&early) {
            text(&stage.client.call_under(&task, "misbehave", json!({ "how": "well" })).await);
            let done = writer.call_under(&task, "report_status", json!({ "status": "completed" })).await;
            assert!(is_done(&done), "{done}");
            assert!(reads(stage, &task).await, "the next agent begins");
        }
        is_done(&early)
    })
    .await;
}

#[tokio::test]
async fn an_agent_that_failed() {
    // What stops is the report. Where no sequence is declared there is none, and the workflow goes on.
    for (edits, stops) in [(vec![GRANT, BY_HAND_OVER], true), (vec![GRANT], false)] {
        let stage = scene(&Wanted { edits, hold_open: "1ms", ..Wanted::default() }).await;
        let (_, task) = stage.operator.open_task("look after the notes").await;
        let writer = client(&stage, "writer", "maso").await;
        let said = json!({ "status": "failed", "note": "the notes are gone" });
        let report = writer.call_under(&task, "report_status", said).await;
        assert_eq!((is_done(&report), refused(&report)), (stops, (!stops).then_some("OUT_OF_MANDATE")), "{report}");
        let answer = stage.client.call_under(&task, "read_note", json!({ "note": "x" })).await;
        assert_eq!((held(&answer).is_some(), is_done(&answer)), (stops, !stops), "{answer}");
        let changed = stage.deployment.bodies("phase-changed").await;
        let stopped = |change: &&Value| change["scope"] == "workflow:notes" && change["to"] == "contingency";
        assert_eq!(changed.iter().filter(stopped).count(), usize::from(stops), "{changed:?}");
        stage.up.stop().await;
        stage.deployment.verify().await;
    }
}
