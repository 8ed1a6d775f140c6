//! Mandates and policies: what they do not say does not happen. They are not switched off; they can say something else.

use super::*;

const HELD_BY_THE_WORKFLOW: Edit = ("workflows/notes.toml", "\"notes:pay\"]", "\"notes:pay\", \"notes:secret_tool\"]");
const HELD_BY_THE_AGENT: Edit = ("agents/writer.toml", "", "\n[tools.\"notes:secret_tool\"]\n");

/// Whether the tool is shown, and whether calling it does anything: both or neither.
async fn works(stage: &Scene) -> bool {
    let shown = stage.client.tools().await.contains(&"secret_tool".to_owned());
    let answer = stage.client.call("secret_tool", json!({})).await;
    assert_eq!((is_done(&answer), happened(stage)), (shown, shown), "{answer}");
    shown
}

#[tokio::test]
async fn a_tool_that_the_agent_does_not_hold() {
    let with = Wanted { edits: vec![HELD_BY_THE_WORKFLOW], ..Wanted::default() };
    pair("AT-1.6", with, Without::Declared(&[HELD_BY_THE_AGENT]), works).await;
}

#[tokio::test]
async fn a_tool_that_the_agent_holds_and_its_workflow_does_not() {
    let with = Wanted { edits: vec![HELD_BY_THE_AGENT], ..Wanted::default() };
    pair("AT-1.6", with, Without::Declared(&[HELD_BY_THE_WORKFLOW]), works).await;
}

#[tokio::test]
async fn a_tool_that_an_orchestrator_holds() {
    const ORCHESTRATES: Edit = ("agents/writer.toml", "escalation = ", "role = \"orchestrator\"\nescalation = ");
    const WORKS: Edit = ("agents/writer.toml", "role = \"orchestrator\"", "role = \"task\"");
    // The server is still there for it.
    const READS: Edit = ("agents/writer.toml", "", "\n[[resources]]\nserver = \"notes\"\n");
    let edits = vec![HELD_BY_THE_WORKFLOW, HELD_BY_THE_AGENT, ORCHESTRATES, READS];
    pair("IA-2.5", Wanted { edits, ..Wanted::default() }, Without::Declared(&[WORKS]), works).await;
}

#[tokio::test]
async fn a_tool_that_stays_forbidden_whoever_grants_it() {
    const PROHIBITED: Edit = (
        "agents/writer.toml",
        "escalation = \"owner\"",
        "escalation = \"owner\"\nprohibited = [\"notes:secret_tool\"]",
    );
    const ALLOWED: Edit = ("agents/writer.toml", "prohibited = [\"notes:secret_tool\"]", "");
    let edits = vec![HELD_BY_THE_WORKFLOW, HELD_BY_THE_AGENT, PROHIBITED];
    pair("AT-1.6", Wanted { edits, ..Wanted::default() }, Without::Declared(&[ALLOWED]), works).await;
}

#[tokio::test]
async fn a_resource_beyond_the_prefix() {
    const WIDER: Edit = ("agents/writer.toml", "note://public/", "note://");
    let public: Edit =
        ("agents/writer.toml", "", "\n[[resources]]\nserver = \"notes\"\nuri_prefix = \"note://public/\"\n");
    let with = Wanted { edits: vec![public], ..Wanted::default() };
    pair("IA-1.4", with, Without::Declared(&[WIDER]), async |stage: &Scene| {
        stage.deployment.put_note("diary", "dear diary");
        let read = stage.client.ask("resources/read", &json!({ "uri": "note://private/diary" })).await;
        read["result"]["contents"][0]["text"] == "dear diary"
    })
    .await;
}

#[tokio::test]
async fn a_request_that_no_grant_names() {
    const GRANT: &str =
        "\n[[grants]]\nfrom = \"writer\"\nto = \"reader\"\nrequest = \"count\"\nschema = { type = \"object\" }\n";
    const BOTH: Edit = (
        "workflows/notes.toml",
        "",
        "\n[[grants]]\nfrom = \"writer\"\nto = \"reader\"\nrequest = \"look-up\"\nschema = { type = \"object\" }\n",
    );
    let with = Wanted { edits: vec![("workflows/notes.toml", "", GRANT)], ..Wanted::default() };
    pair("IA-2.4", with, Without::Declared(&[BOTH]), async |stage: &Scene| {
        let order = json!({ "to": "reader", "request": "look-up", "content": { "what": "the diary" } });
        is_done(&ask_another(stage, order).await)
    })
    .await;
}

/// What comes of one agent's request to another.
pub(super) async fn ask_another(stage: &Scene, order: Value) -> Value {
    let token = stage.operator.token("writer", None).await;
    Client::open_at(stage.up.address, "maso", &token).await.call("send_request", order).await
}

#[tokio::test]
async fn what_a_policy_forbids() {
    const FILE: &str = "policies/hours.cedar";
    const FORBID: &str = "@id(\"no-notes\")\nforbid (principal, action == Action::\"call_tool\", resource == Tool::\"notes:write_note\");\n";
    pair("EC-2.1", managed(&[(FILE, "", FORBID)]), Without::Declared(&[(FILE, FORBID, "")]), async |stage: &Scene| {
        stage.client.call("write_note", json!({ "text": "late" })).await;
        happened(stage)
    })
    .await;
}

#[tokio::test]
async fn the_token_of_a_task_that_is_over() {
    // The task as it was set ends when it ends: the same token worked before.
    let stage = scene(&Wanted::default()).await;
    let Scene { operator, client, .. } = &stage;
    let (task, token) = operator.open_task("look after the notes").await;
    let read = || client.call_under(&token, "read_note", json!({ "note": "x" }));
    assert_eq!(text(&read().await), "an empty note");
    operator.close_task(&task).await;
    let answer = read().await;
    assert!(!is_done(&answer), "{answer}");
    stage.up.stop().await;
    let hops = stage.deployment.bodies("hop-decided").await;
    assert!(hops.iter().any(|hop| hop["decision"] == "deny" && names(hop, "PG-2.2")), "{hops:?}");
}
