//! Whose turn it is, and whether work that is called done is done: by completion and by hand-over (AT-2.4, EC-2.8).

use maso_core::{Act, HopId, Mode, Phase, Principal, Scope, TaskId, ToolRef, Turn, WorkStatus};
use maso_wire::{Limits, Received};
use serde_json::{Value, json};

use super::rig::{Ground, Rig, permit, refusal, released};
use crate::{Carried, Outcome, travel::NotRecorded};

const SEQUENCE: &str = "workflows/notes.toml";
const TOOLS: &str = "tools/notes.toml";

/// What `reader` and `filer` may do.
const READER: &str = "id = \"AGT-0002-v1\"\nworkflow = \"notes\"\nintent = \"check notes\"\noutcome = \"notes are checked\"\n\
    logic = [\"read\"]\nescalation = \"owner\"\nclearance = \"restricted\"\nrequired_tools = [\"notes:read_note\"]\n\n\
    [tools.\"notes:read_note\"]\n\n[tools.\"notes:lookup\"]\n\n[oispec]\ngoal = \"check\"\nsuccess_criteria = [\"checked\"]\n\
    risk_classification = \"low\"\n";
const FILER: &str = "id = \"AGT-0003-v1\"\nworkflow = \"notes\"\nintent = \"file notes\"\noutcome = \"notes are filed\"\n\
    logic = [\"look\"]\nescalation = \"owner\"\nclearance = \"restricted\"\n\n\
    [tools.\"notes:lookup\"]\n\n[oispec]\ngoal = \"file\"\nsuccess_criteria = [\"filed\"]\n\
    risk_classification = \"low\"\n";

const GRANTS: &str = "\n[[grants]]\nfrom = \"writer\"\nto = \"reader\"\nrequest = \"check\"\nitem_pointer = \"/note\"\n\
    schema = { type = \"object\" }\n\
    answer = { type = \"object\", additionalProperties = false, properties = { fine = { type = \"boolean\" } } }\n\
    \n[[grants]]\nfrom = \"reader\"\nto = \"filer\"\nrequest = \"keep\"\n\
    item_pointer = \"/note\"\nschema = { type = \"object\" }\n";

fn changes<'a>(sequence: &'a str, more: &[(&'a str, &'a str, &'a str)]) -> Vec<(&'a str, &'a str, &'a str)> {
    let mut changes = vec![
        (SEQUENCE, "agents = [\"writer\"]", "agents = [\"writer\", \"reader\", \"filer\"]"),
        (SEQUENCE, "", GRANTS),
        (SEQUENCE, "", sequence),
        ("agents/reader.toml", "", READER),
        ("agents/filer.toml", "", FILER),
        (TOOLS, "[tools.read_note]\n", "[tools.read_note]\nitem_pointer = \"/note\"\n"),
    ];
    changes.extend(more);
    changes
}

/// A deployment of three agents, each of which asks the next, and a task in it.
async fn by_hand_over(more: &[(&str, &str, &str)]) -> (Rig, TaskId) {
    let rig = Rig::declaring(&changes("\n[sequence]\nby = \"hand-over\"\n", more)).await;
    let task = rig.task("check the notes").await;
    (rig, task)
}

/// The same, of whose agents each waits for those before it. `writer` has to have looked something up.
async fn by_completion(more: &[(&str, &str, &str)]) -> (Rig, TaskId) {
    let looks_up = ("agents/writer.toml", "escalation = ", "required_tools = [\"notes:lookup\"]\nescalation = ");
    let more = [&[looks_up], more].concat();
    let rig = Rig::declaring(&changes("\n[sequence]\nby = \"completion\"\n", &more)).await;
    let task = rig.task("check the notes").await;
    (rig, task)
}

const ORDER_OFF: (&str, &str, &str) = (
    "maso.toml",
    "[[operators]]\nname = \"owner\"",
    "[[controls.deselected]]\ncontrol = \"AT-2.4\"\nreason = \"a trial\"\nowner = \"owner\"\n\n\
     [[operators]]\nname = \"owner\"",
);
const PROOF_OFF: (&str, &str, &str) = (
    "maso.toml",
    "[[operators]]\nname = \"owner\"",
    "[[controls.deselected]]\ncontrol = \"EC-2.8\"\nreason = \"a trial\"\nowner = \"owner\"\n\n\
     [[operators]]\nname = \"owner\"",
);

fn agent(name: &str) -> Principal {
    Principal::Agent(name.parse().unwrap())
}

/// An agent calls a tool.
async fn calls(rig: &Rig, who: &str, task: TaskId, tool: &str, arguments: Value) -> Outcome<&'static str> {
    let tool: ToolRef = tool.parse().unwrap();
    let arrival = rig.arrival(agent(who), Principal::Server(tool.server.clone()), Some(task));
    rig.send(arrival, Act::CallTool(tool), Turn::Ask, &arguments).await
}

/// An agent calls a tool, which says that it failed.
async fn vainly(rig: &Rig, who: &str, task: TaskId, tool: &str, arguments: Value) -> HopId {
    let tool: ToolRef = tool.parse().unwrap();
    let arrival = rig.arrival(agent(who), Principal::Server(tool.server.clone()), Some(task));
    let bytes = serde_json::to_vec(&arguments).unwrap();
    let received = Received::from_bytes(arrival, Act::CallTool(tool), Turn::Ask, &bytes, &Limits::DEFAULT).unwrap();
    released(&rig.path.travel(received, async |_| Carried::Unsuccessful("no such note")).await)
}

/// A tool answers a call.
async fn returns(rig: &Rig, who: &str, task: TaskId, tool: &str, call: HopId) {
    let tool: ToolRef = tool.parse().unwrap();
    let arrival = rig.arrival(Principal::Server(tool.server.clone()), agent(who), Some(task));
    let answer = json!({ "content": [{ "type": "text", "text": "a note" }] });
    released(&rig.send(arrival, Act::CallTool(tool), Turn::Answer { to: call }, &answer).await);
}

/// An agent calls a tool, which answers.
async fn uses(rig: &Rig, who: &str, task: TaskId, tool: &str, arguments: Value) {
    let call = released(&calls(rig, who, task, tool, arguments).await);
    returns(rig, who, task, tool, call).await;
}

/// An agent asks the next one for work on a note.
async fn asks(rig: &Rig, who: &str, task: TaskId, note: &str) -> Outcome<&'static str> {
    let (to, request) = if who == "writer" { ("reader", "check") } else { ("filer", "keep") };
    let act = Act::Request { agent: to.parse().unwrap(), request: request.parse().unwrap() };
    rig.send(rig.arrival(agent(who), agent(to), Some(task)), act, Turn::Ask, &json!({ "note": note })).await
}

/// `reader` answers what `writer` asked.
async fn answers(rig: &Rig, task: TaskId, request: HopId) -> Outcome<&'static str> {
    let act = Act::Request { agent: "reader".parse().unwrap(), request: "check".parse().unwrap() };
    let arrival = rig.arrival(agent("reader"), agent("writer"), Some(task));
    rig.send(arrival, act, Turn::Answer { to: request }, &json!({ "fine": true })).await
}

async fn reports(rig: &Rig, who: &str, task: TaskId, status: WorkStatus) -> Outcome<&'static str> {
    let arrival = rig.arrival(agent(who), Principal::itself(), Some(task));
    let said = json!({ "status": status.as_str() });
    rig.send(arrival, Act::Report { status }, Turn::Ask, &said).await
}

fn note(name: &str) -> Value {
    json!({ "note": name })
}

fn phase(rig: &Rig) -> Phase {
    rig.path.world().standing().phase_of(&Scope::Workflow("notes".parse().unwrap()))
}

fn why(rig: &Rig) -> String {
    let summary = rig.path.world().standing().summary(crate::Clock::now(rig.clock.as_ref()));
    let workflow = summary.scopes.into_iter().find(|one| one.scope == Scope::Workflow("notes".parse().unwrap()));
    workflow.and_then(|one| one.standing).map(|standing| standing.trigger).unwrap_or_default()
}

#[tokio::test]
async fn nobody_acts_before_work_is_handed_to_it_and_who_tries_stops_the_workflow() {
    let (rig, task) = by_hand_over(&[]).await;
    released(&calls(&rig, "writer", task, "notes:read_note", note("a")).await);
    assert_eq!(refusal(&calls(&rig, "reader", task, "notes:read_note", note("a")).await), Some("OUT_OF_SEQUENCE"));
    assert_eq!(phase(&rig), Phase::Contingency);
    assert_eq!(why(&rig), "AT-2.4: agent `reader` acted before its turn");
    let rig = rig.restarted().await;
    assert_eq!(phase(&rig), Phase::Contingency);
    let decided = rig.decided().await;
    let refused = decided.iter().find(|hop| hop.decision == "deny").unwrap();
    assert_eq!((refused.findings[0].control.as_str(), refused.refusal.as_deref()), ("AT-2.4", Some("OUT_OF_SEQUENCE")));

    let (rig, task) = by_hand_over(&[ORDER_OFF]).await;
    released(&calls(&rig, "reader", task, "notes:read_note", note("a")).await);
    assert_eq!(phase(&rig), Phase::Primary);
}

#[tokio::test]
async fn work_is_handed_on_when_its_tools_have_run_and_not_before() {
    let (rig, task) = by_hand_over(&[]).await;
    let request = released(&asks(&rig, "writer", task, "a").await);
    let refused = async |rig: &Rig| {
        assert_eq!(refusal(&asks(rig, "reader", task, "a").await), Some("INCOMPLETE"));
        assert_eq!(refusal(&answers(rig, task, request).await), Some("INCOMPLETE"));
    };
    refused(&rig).await;
    released(&calls(&rig, "reader", task, "notes:read_note", note("a")).await);
    refused(&rig).await;
    let call = vainly(&rig, "reader", task, "notes:read_note", note("a")).await;
    returns(&rig, "reader", task, "notes:read_note", call).await;
    refused(&rig).await;
    // What another agent reads, or the same one in another task, is not what was read for this.
    uses(&rig, "writer", task, "notes:read_note", note("a")).await;
    let other = rig.task("check other notes").await;
    released(&asks(&rig, "writer", other, "a").await);
    uses(&rig, "reader", other, "notes:read_note", note("a")).await;
    refused(&rig).await;
    let rig = rig.restarted().await;
    refused(&rig).await;
    uses(&rig, "reader", task, "notes:read_note", note("a")).await;
    released(&asks(&rig, "reader", task, "a").await);
    let rig = rig.restarted().await;
    assert_eq!(phase(&rig), Phase::Primary, "what is incomplete stops nothing");
    released(&answers(&rig, task, request).await);
    // It is done: whoever goes on acts without work.
    assert_eq!(refusal(&calls(&rig, "reader", task, "notes:read_note", note("a")).await), Some("OUT_OF_SEQUENCE"));

    let (rig, task) = by_hand_over(&[PROOF_OFF]).await;
    let request = released(&asks(&rig, "writer", task, "a").await);
    released(&asks(&rig, "reader", task, "a").await);
    released(&answers(&rig, task, request).await);
}

#[tokio::test]
async fn what_was_done_for_one_item_is_not_done_for_another() {
    let (rig, task) = by_hand_over(&[]).await;
    let (a, b) = (released(&asks(&rig, "writer", task, "a").await), released(&asks(&rig, "writer", task, "b").await));
    uses(&rig, "reader", task, "notes:read_note", note("a")).await;
    assert_eq!(refusal(&asks(&rig, "reader", task, "b").await), Some("INCOMPLETE"));
    assert_eq!(refusal(&answers(&rig, task, b).await), Some("INCOMPLETE"));
    released(&asks(&rig, "reader", task, "a").await);
    released(&answers(&rig, task, a).await);
    // Asked once more, it is to be done once more.
    let again = released(&asks(&rig, "writer", task, "a").await);
    assert_eq!(refusal(&answers(&rig, task, again).await), Some("INCOMPLETE"));
    // And what is about neither is no part of the work.
    assert_eq!(refusal(&asks(&rig, "reader", task, "c").await), Some("OUT_OF_SEQUENCE"));
    assert_eq!(phase(&rig), Phase::Contingency);
}

#[tokio::test]
async fn a_call_that_names_nothing_is_part_of_no_work_that_names_something() {
    let unnamed = (TOOLS, "[tools.lookup]\n", "[tools.lookup]\nitem_pointer = \"/q\"\n");
    let (rig, task) = by_hand_over(&[unnamed]).await;
    released(&asks(&rig, "writer", task, "a").await);
    released(&calls(&rig, "reader", task, "notes:lookup", json!({ "q": "a" })).await);
    assert_eq!(refusal(&calls(&rig, "reader", task, "notes:lookup", json!({})).await), Some("OUT_OF_SEQUENCE"));
}

#[tokio::test]
async fn an_answer_in_another_task_is_no_way_around() {
    let (rig, task) = by_hand_over(&[]).await;
    let request = released(&asks(&rig, "writer", task, "a").await);
    let other = rig.task("check other notes").await;
    assert_eq!(refusal(&answers(&rig, other, request).await), Some("INCOMPLETE"));
    released(&asks(&rig, "writer", other, "a").await);
    uses(&rig, "reader", other, "notes:read_note", note("a")).await;
    assert_eq!(refusal(&answers(&rig, other, request).await), Some("INCOMPLETE"));
}

#[tokio::test]
async fn nobody_acts_before_those_before_it_have_completed() {
    let (rig, task) = by_completion(&[]).await;
    assert_eq!(refusal(&reports(&rig, "writer", task, WorkStatus::Completed).await), Some("INCOMPLETE"));
    uses(&rig, "writer", task, "notes:lookup", json!({ "q": "a" })).await;
    released(&reports(&rig, "writer", task, WorkStatus::Incomplete).await);
    // Another process has its own view of the record, and looks again before it holds anything against anybody.
    let other = rig.another().await;
    released(&reports(&rig, "writer", task, WorkStatus::Completed).await);
    released(&calls(&other, "reader", task, "notes:read_note", note("a")).await);
    assert_eq!(phase(&other), Phase::Primary);
    assert_eq!(
        refusal(&calls(&rig, "filer", task, "notes:lookup", json!({ "q": "a" })).await),
        Some("OUT_OF_SEQUENCE")
    );
    assert_eq!(phase(&rig), Phase::Contingency);

    let (rig, task) = by_completion(&[ORDER_OFF]).await;
    released(&calls(&rig, "filer", task, "notes:lookup", json!({ "q": "a" })).await);
    let (rig, task) = by_completion(&[PROOF_OFF]).await;
    released(&reports(&rig, "writer", task, WorkStatus::Completed).await);
}

#[tokio::test]
async fn who_has_completed_acts_no_more_unless_it_takes_that_back() {
    let (rig, task) = by_completion(&[PROOF_OFF]).await;
    released(&reports(&rig, "writer", task, WorkStatus::Completed).await);
    released(&reports(&rig, "writer", task, WorkStatus::Completed).await);
    released(&reports(&rig, "writer", task, WorkStatus::Incomplete).await);
    released(&calls(&rig, "writer", task, "notes:read_note", note("a")).await);
    released(&reports(&rig, "writer", task, WorkStatus::Completed).await);
    // A completion that comes before its turn would let those after it begin too early.
    assert_eq!(refusal(&reports(&rig, "filer", task, WorkStatus::Completed).await), Some("OUT_OF_SEQUENCE"));
    let rig = rig.restarted().await;
    assert_eq!(refusal(&calls(&rig, "writer", task, "notes:read_note", note("a")).await), Some("OUT_OF_SEQUENCE"));
}

#[tokio::test]
async fn agents_of_one_position_act_side_by_side() {
    let beside = ("agents/filer.toml", "escalation = ", "sequence_position = 2\nescalation = ");
    let (rig, task) = by_completion(&[PROOF_OFF, beside]).await;
    released(&reports(&rig, "writer", task, WorkStatus::Completed).await);
    released(&calls(&rig, "filer", task, "notes:lookup", json!({ "q": "a" })).await);
    released(&calls(&rig, "reader", task, "notes:read_note", note("a")).await);
}

#[tokio::test]
async fn a_permit_that_was_overtaken_by_the_end_of_its_turn_is_not_recorded() {
    let (rig, task) = by_completion(&[PROOF_OFF]).await;
    let early = permit(&rig, task, "notes:lookup", &json!({ "q": "a" }));
    released(&reports(&rig, "writer", task, WorkStatus::Completed).await);
    assert!(matches!(rig.record_permit(early).await, Err(NotRecorded::Overtaken)));
}

#[tokio::test]
async fn an_agent_that_reports_failure_stops_the_workflow_until_a_person_ends_that() {
    let (rig, task) = by_hand_over(&[]).await;
    released(&reports(&rig, "reader", task, WorkStatus::Incomplete).await);
    assert_eq!(phase(&rig), Phase::Primary);
    released(&reports(&rig, "reader", task, WorkStatus::Failed).await);
    assert_eq!(phase(&rig), Phase::Contingency);
    assert_eq!(why(&rig), "AT-1.7: agent `reader` reported that its work failed");
    assert_eq!(refusal(&asks(&rig, "writer", task, "a").await), Some("SUSPENDED"));
    let rig = rig.restarted().await;
    assert_eq!(phase(&rig), Phase::Contingency);
}

#[tokio::test]
async fn standing_tasks_have_no_sequence_and_no_work_in_them_is_ever_completed() {
    let (rig, _) = by_hand_over(&[]).await;
    let read: ToolRef = "notes:read_note".parse().unwrap();
    let arrival = rig.arrival(agent("reader"), Principal::Server(read.server.clone()), None);
    released(&rig.send(arrival, Act::CallTool(read), Turn::Ask, &note("a")).await);
    let arrival = rig.arrival(agent("reader"), Principal::itself(), None);
    let act = Act::Report { status: WorkStatus::Completed };
    assert_eq!(refusal(&rig.send(arrival, act, Turn::Ask, &json!({})).await), Some("INCOMPLETE"));
}

#[tokio::test]
async fn where_no_sequence_is_declared_there_is_nothing_to_report() {
    let rig = Rig::new().await;
    let task = rig.task("look after the notes").await;
    assert_eq!(refusal(&reports(&rig, "writer", task, WorkStatus::Failed).await), Some("OUT_OF_MANDATE"));
    assert_eq!(phase(&rig), Phase::Primary);
}

#[tokio::test]
async fn observing_stops_nobody_and_is_told_all_the_same() {
    let (rig, _) = by_hand_over(&[]).await;
    let ground = Ground { mode: Mode::Observe, ..rig.ended().await };
    let rig = Rig::on(ground).await;
    let task = rig.task("check the notes").await;
    released(&calls(&rig, "reader", task, "notes:read_note", note("a")).await);
    released(&reports(&rig, "reader", task, WorkStatus::Failed).await);
    assert_eq!(phase(&rig), Phase::Primary);
    let decided = rig.decided().await;
    let early = decided.iter().find(|hop| hop.decision == "deny").unwrap();
    assert_eq!((early.findings[0].control.as_str(), early.enforced), ("AT-2.4", false));
}
