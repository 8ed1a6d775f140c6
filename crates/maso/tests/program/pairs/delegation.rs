//! Delegation: whoever works for another has what was asked of it, and nothing more. Grants are not switched off; they can
//! say something else.

use super::*;

const WORKFLOW: &str = "workflows/notes.toml";
const GRANT: &str =
    "\n[[grants]]\nfrom = \"writer\"\nto = \"reader\"\nrequest = \"look\"\nschema = { type = \"object\" }\n";
const READS: Edit = (WORKFLOW, "request = \"look\"\n", "request = \"look\"\ntools = [\"notes:read_note\"]\n");
const ABOUT_ONE: &str = concat!(
    "request = \"look\"\ntools = [\"notes:read_note\"]\n",
    "arguments.\"notes:read_note\".\"/note\" = \"/note\"\n"
);

/// The reader, the writer's task, and the token under which the reader works on what it was asked in it about a note.
async fn asked_about(stage: &Scene, note: &str) -> (Client, String, String) {
    let open = async |agent: &str, server: &str| {
        Client::open_at(stage.up.address, server, &stage.operator.token(agent, None).await).await
    };
    let task = stage.operator.open_task_for("look at a note", &["writer"]).await.1;
    let order = json!({ "to": "reader", "request": "look", "content": { "note": note } });
    let sent = open("writer", "maso").await.call_under(&task, "send_request", order).await;
    assert!(is_done(&sent), "{sent}");
    let inbox = open("reader", "maso").await.call("receive_requests", json!({ "wait_ms": 30_000 })).await;
    let handed_on = inbox["result"]["structuredContent"]["requests"][0]["task_token"].as_str().unwrap().to_owned();
    assert_ne!(handed_on, task);
    (open("reader", "notes").await, task, handed_on)
}

/// Whether the agent is told that there is no such tool: what lies outside its mandate does not exist for it.
fn is_unknown(answer: &Value) -> bool {
    answer["error"]["message"] == "Unknown tool: read_note"
}

/// Whether `reader` reads a note for the writer's request about another one.
async fn reads(stage: &Scene, asked: &str, note: &str) -> bool {
    let (reader, _, token) = asked_about(stage, asked).await;
    let answer = reader.call_under(&token, "read_note", json!({ "note": note })).await;
    assert!(is_done(&answer) || is_unknown(&answer), "{answer}");
    is_done(&answer)
}

#[tokio::test]
async fn a_tool_that_was_not_asked_for() {
    let with = Wanted { edits: vec![(WORKFLOW, "", GRANT)], ..Wanted::default() };
    pair("IA-2.4", with, Without::Declared(&[READS]), async |stage: &Scene| reads(stage, "x", "x").await).await;
}

#[tokio::test]
async fn data_that_was_not_asked_for() {
    const DIARY: Edit = (WORKFLOW, "", "\n[data_sources.diary]\naccess = \"read\"\nthrough = [\"notes:read_note\"]\n");
    const NONE: Edit = (WORKFLOW, "request = \"look\"\n", "request = \"look\"\ndata_scope = {}\n");
    const OPEN: Edit = (WORKFLOW, "data_scope = {}", "data_scope = { diary = \"read\" }");
    let with = Wanted { edits: vec![(WORKFLOW, "", GRANT), READS, NONE, DIARY], ..Wanted::default() };
    pair("IA-2.4", with, Without::Declared(&[OPEN]), async |stage: &Scene| reads(stage, "x", "x").await).await;
}

#[tokio::test]
async fn more_calls_than_the_request_allows() {
    let edits =
        vec![(WORKFLOW, "", GRANT), READS, (WORKFLOW, "request = \"look\"\n", "request = \"look\"\nmax_calls = 2\n")];
    const OPEN: Edit = (WORKFLOW, "max_calls = 2\n", "");
    pair("IA-2.4", Wanted { edits, ..Wanted::default() }, Without::Declared(&[OPEN]), async |stage: &Scene| {
        let (reader, _, token) = asked_about(stage, "x").await;
        let mut read = Vec::new();
        for _ in 0..3 {
            read.push(reader.call_under(&token, "read_note", json!({ "note": "x" })).await);
        }
        assert!(is_done(&read[0]) && is_done(&read[1]), "{read:?}");
        assert!(is_done(&read[2]) || refused(&read[2]) == Some("LIMIT_REACHED"), "{read:?}");
        is_done(&read[2])
    })
    .await;
}

/// What was not asked for does not exist for whoever works on a request, though its mandate has it.
#[tokio::test]
async fn tools_that_nobody_asked_for_are_not_shown() {
    let more = (
        "agents/reader.toml",
        "[tools.\"notes:read_note\"]",
        "[tools.\"notes:write_note\"]\n\n[tools.\"notes:read_note\"]",
    );
    let stage = scene(&Wanted { edits: vec![(WORKFLOW, "", GRANT), READS, more], ..Wanted::default() }).await;
    let (reader, _, token) = asked_about(&stage, "x").await;
    assert_eq!(reader.tools().await, ["read_note", "write_note"], "in its own task it has both");
    assert_eq!(reader.tools_under(&token).await, ["read_note"]);
}

#[tokio::test]
async fn a_claim_that_was_not_asked_about() {
    const OPEN: Edit = (WORKFLOW, "arguments.\"notes:read_note\".\"/note\" = \"/note\"\n", "");
    let edits = vec![(WORKFLOW, "", GRANT), (WORKFLOW, "request = \"look\"\n", ABOUT_ONE)];
    pair("IA-3.3", Wanted { edits, ..Wanted::default() }, Without::Declared(&[OPEN]), async |stage: &Scene| {
        assert!(reads(stage, "x", "x").await, "what it was asked about it reads");
        reads(stage, "x", "y").await
    })
    .await;
}

#[tokio::test]
async fn a_delegation_that_was_revoked_while_work_went_on() {
    let edits = vec![(WORKFLOW, "", GRANT), READS];
    let stage = scene(&Wanted { edits, ..Wanted::default() }).await;
    let (reader, task, token) = asked_about(&stage, "x").await;
    let note = || json!({ "note": "x" });
    let stolen = reader.call_under(&task, "read_note", note()).await;
    assert!(is_unknown(&stolen), "the task was not given to it: {stolen}");
    let stolen = stage.client.call_under(&token, "read_note", note()).await;
    assert!(is_unknown(&stolen), "nor is what was asked of it anybody else's: {stolen}");
    let read = async || reader.call_under(&token, "read_note", note()).await;
    assert!(is_done(&read().await));
    let chains: Vec<_> = stage.deployment.bodies("hop-decided").await;
    let asked = chains.iter().find(|hop| hop["verb"] == "request").unwrap()["hop"].as_str().unwrap().to_owned();
    let under = chains.iter().filter(|hop| hop["chain"] == json!([asked])).count();
    assert!(under >= 1, "the record says for which request it was read: {chains:?}");
    let order = json!({ "what": "delegation", "subject": asked, "reason": "test" });
    stage.operator.post("/api/v1/revocations", &order).await;
    let after = read().await;
    assert!(!is_done(&after), "{after}");
    stage.up.stop().await;
    stage.deployment.verify().await;
}
