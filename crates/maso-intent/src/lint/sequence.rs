//! What is unsound in the order of agents, and in what makes their work done (AT-2.4, EC-2.8).

use maso_core::{AgentName, WorkflowName};

use super::{Found, Lint, LintRule};
use crate::{
    form::{AgentForm, File, WorkflowForm},
    nearest::suggestion,
};

pub(super) fn check(lint: Lint<'_>, found: &mut Found) {
    for file in lint.folder.workflows.values() {
        undeclared(file, found);
    }
    for (name, file) in &lint.folder.agents {
        place(lint, name, file, found);
        required(file, found);
        idle(lint, file, found);
    }
}

fn undeclared(file: &File<'_, WorkflowForm>, found: &mut Found) {
    let [first, second, ..] = file.form.agents.as_slice() else { return };
    if file.form.sequence.is_none() && first.value != second.value {
        let message = "nothing holds the agents to their sequence: each may act at any time";
        let remedy = "add `[sequence]` with `by = \"completion\"` or `by = \"hand-over\"`";
        found.add(LintRule::SequenceUndeclared, file, first.start, message, remedy);
    }
}

/// An agent claims the place that the workflow gives it, or stands beside the one before it.
fn place(lint: Lint<'_>, name: &AgentName, file: &File<'_, AgentForm>, found: &mut Found) {
    let workflow = &file.form.workflow.value;
    let (Some(claimed), Some(place)) = (file.form.sequence_position, lint.index.sequence.get(&(workflow, name))) else {
        return;
    };
    if usize::try_from(claimed) != Ok(place + 1) && Some(claimed) != place_before(lint, workflow, *place) {
        let message = format!("sequence position {claimed}, but the workflow names the agent at {}", place + 1);
        let start = file.find("sequence_position");
        found.add(LintRule::SequenceWrong, file, start, message, "leave `sequence_position` out");
    }
}

/// The place of the agent that the workflow names before this one.
fn place_before(lint: Lint<'_>, workflow: &WorkflowName, place: usize) -> Option<u32> {
    let before = lint.deployment.workflows.get(workflow)?.agents.get(place.checked_sub(1)?)?;
    Some(lint.deployment.agents.get(before)?.sequence_position)
}

fn required(file: &File<'_, AgentForm>, found: &mut Found) {
    for tool in file.form.required_tools.iter().filter(|tool| !file.form.tools.contains_key(*tool)) {
        let held: Vec<String> = file.form.tools.keys().map(|tool| tool.value.to_string()).collect();
        let message = format!("work is not done without tool `{}`, which the agent does not hold", tool.value);
        let remedy = suggestion(&tool.value.to_string(), held.iter().map(String::as_str), || {
            format!("add `[tools.\"{}\"]`, or leave it out", tool.value)
        });
        found.add(LintRule::RequiredToolUnheld, file, tool.start, message, remedy);
    }
}

fn idle(lint: Lint<'_>, file: &File<'_, AgentForm>, found: &mut Found) {
    let (Some(first), Some(workflow)) =
        (file.form.required_tools.first(), lint.deployment.workflows.get(&file.form.workflow.value))
    else {
        return;
    };
    if workflow.sequence.is_none() {
        let message = "nothing asks whether these tools have run: the workflow declares no `[sequence]`";
        let remedy = format!("add `[sequence]` to workflows/{}.toml", workflow.workflow);
        found.add(LintRule::RequiredToolsIdle, file, first.start, message, remedy);
    }
}
