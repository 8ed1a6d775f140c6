//! Whether each agent's mandate lies inside its workflow's (AT-1.2, AT-2.1).

use maso_core::AgentName;

use super::{Found, Lint, LintRule};
use crate::{
    AgentMandate, Bound, SolutionMandate,
    form::{AgentForm, File},
    nearest::suggestion,
};

type Agent<'a> = File<'a, AgentForm>;

pub(super) fn check(lint: Lint<'_>, found: &mut Found) {
    for (name, file) in &lint.folder.agents {
        let Some(mandate) = lint.deployment.agents.get(name) else { continue };
        let Some(parent) = parent(lint, name, file, found) else { continue };
        tools(file, parent, found);
        amounts(lint, file, mandate, parent, found);
        risk(file, mandate, parent, found);
        idle_prohibitions(file, parent, found);
    }
}

/// The workflow that names the agent; notes it where there is none.
fn parent<'a>(lint: Lint<'a>, name: &AgentName, file: &Agent<'_>, found: &mut Found) -> Option<&'a SolutionMandate> {
    let workflow = &file.form.workflow;
    let Some(solution) = lint.deployment.workflows.get(&workflow.value) else {
        let message = format!("there is no workflow `{}`", workflow.value);
        let workflows = lint.deployment.workflows.keys().map(|workflow| workflow.as_str());
        let remedy = suggestion(workflow.as_str(), workflows, || format!("add workflows/{}.toml", workflow.value));
        found.add(LintRule::ParentUnknown, file, workflow.start, message, remedy);
        return None;
    };
    if !lint.index.sequence.contains_key(&(&workflow.value, name)) {
        let message = format!("workflow `{}` does not name agent `{name}`", workflow.value);
        let remedy = format!("add it to `agents` in workflows/{}.toml", workflow.value);
        found.add(LintRule::ParentSilent, file, workflow.start, message, remedy);
        return None;
    }
    Some(solution)
}

fn tools(file: &Agent<'_>, parent: &SolutionMandate, found: &mut Found) {
    for tool in file.form.tools.keys().filter(|tool| !parent.tools.contains(&tool.value)) {
        let message = format!("tool `{}` goes beyond the parent mandate `{}`", tool.value, parent.id);
        let remedy = format!("remove it, or add it to `tools` in workflows/{}.toml", parent.workflow);
        found.add(LintRule::ToolBeyondParent, file, tool.start, message, remedy);
    }
}

/// Bounds on amounts that allow more in one call than the parent allows in one task: they bind nothing.
fn amounts(lint: Lint<'_>, file: &Agent<'_>, mandate: &AgentMandate, parent: &SolutionMandate, found: &mut Found) {
    for (tool, terms) in &file.form.tools {
        let pointer = lint.deployment.tool(&tool.value).and_then(|manifest| manifest.value_pointer.as_deref());
        let Some((at, _)) = pointer.and_then(|pointer| terms.bounds.iter().find(|(at, _)| at.value.0 == pointer))
        else {
            continue;
        };
        let bound = mandate.tools.get(&tool.value).and_then(|terms| terms.bounds.get(&at.value.0));
        // Amounts that a double cannot tell apart are far past any limit.
        #[expect(clippy::cast_precision_loss, reason = "limits are compared, not counted")]
        if let Some(Bound::AtMost(most)) = bound
            && *most > parent.limits.max_value_minor as f64
        {
            let limit = parent.limits.max_value_minor;
            let message = format!("`{}` may move {most} in one call, and the workflow {limit} in one task", tool.value);
            let remedy = format!("lower the bound to at most {limit}");
            found.add(LintRule::AmountBeyondParent, file, at.start, message, remedy);
        }
    }
}

fn risk(file: &Agent<'_>, mandate: &AgentMandate, parent: &SolutionMandate, found: &mut Found) {
    let (own, all) = (mandate.oispec.risk_classification, parent.oispec.risk_classification);
    if own > all {
        let message = format!("the agent's risk is `{own}`, and that of its workflow only `{all}`");
        let remedy = format!("write `risk_classification = \"{own}\"` in workflows/{}.toml", parent.workflow);
        found.add(LintRule::RiskBeyondParent, file, file.form.oispec.risk_classification.start, message, remedy);
    }
}

fn idle_prohibitions(file: &Agent<'_>, parent: &SolutionMandate, found: &mut Found) {
    for tool in file.form.prohibited.iter().filter(|tool| !parent.tools.contains(&tool.value)) {
        let message = format!("prohibits tool `{}`, which the parent does not grant", tool.value);
        found.add(LintRule::ProhibitionWithoutEffect, file, tool.start, message, "nothing needs to be prohibited");
    }
}
