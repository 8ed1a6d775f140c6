//! What is unsound in solution mandates: their agents, tools and limits.

use std::collections::BTreeSet;

use maso_core::{Class, Risk, ToolRef, WorkflowName};

use super::{Found, Lint, LintRule};
use crate::{
    SolutionMandate, TaskPart,
    form::{File, WorkflowForm},
    nearest::suggestion,
};

type Workflow<'a> = File<'a, WorkflowForm>;

pub(super) fn check(lint: Lint<'_>, found: &mut Found) {
    for (name, file) in &lint.folder.workflows {
        let Some(solution) = lint.deployment.workflows.get(name) else { continue };
        members(lint, name, file, found);
        tools(lint, name, file, found);
        limits(lint, solution, file, found);
        currency(file, found);
        plan_thresholds(solution, file, found);
        clarity(solution, file, found);
        pre_approved(lint, solution, file, found);
    }
    if let (true, Some(maso)) = (lint.deployment.workflows.is_empty(), &lint.folder.maso) {
        let message = "there is no workflow, so no agent may do anything";
        found.add(LintRule::WorkflowMissing, maso, 0, message, "add `workflows/NAME.toml`");
    }
}

fn members(lint: Lint<'_>, name: &WorkflowName, file: &Workflow<'_>, found: &mut Found) {
    if file.form.agents.is_empty() {
        let message = "the workflow has no agents";
        found.add(LintRule::WorkflowEmpty, file, file.find("agents"), message, "name them in sequence");
    }
    let mut seen = BTreeSet::new();
    for agent in &file.form.agents {
        if !seen.insert(&agent.value) {
            let message = format!("agent `{}` is named twice", agent.value);
            found.add(LintRule::AgentTwice, file, agent.start, message, "keep one of them");
        }
        match lint.deployment.agents.get(&agent.value) {
            None => lint.unknown_agent(LintRule::AgentUnknown, file, agent, found),
            Some(mandate) if mandate.workflow != *name => {
                let message =
                    format!("agent `{}` belongs to workflow `{}`, not to this one", agent.value, mandate.workflow);
                let remedy = format!("write `workflow = \"{name}\"` in agents/{}.toml", agent.value);
                found.add(LintRule::AgentOfAnotherWorkflow, file, agent.start, message, remedy);
            }
            Some(_) => {}
        }
    }
}

fn tools(lint: Lint<'_>, name: &WorkflowName, file: &Workflow<'_>, found: &mut Found) {
    for tool in &file.form.tools {
        lint.known_tool(file, tool, found);
        if !lint.index.held.contains(&(name, &tool.value)) {
            let message = format!("no agent holds tool `{}`", tool.value);
            let remedy = "leave it out: provision only what is directly needed";
            found.add(LintRule::ToolUnheld, file, tool.start, message, remedy);
        }
    }
}

fn clarity(solution: &SolutionMandate, file: &Workflow<'_>, found: &mut Found) {
    let mut waived = TaskPart::required_by_default().into_iter().filter(|part| !solution.clarity.contains(part));
    if let Some(part) = waived.next() {
        let message = format!("a task is clear without saying its {part}");
        let remedy = format!("add `\"{part}\"` to `required`");
        let parts = file.form.clarity.required.iter().flatten();
        let place = parts.map(|part| part.start).next().unwrap_or_else(|| file.find("[clarity]"));
        found.add(LintRule::ClarityWaived, file, place, message, remedy);
    }
}

fn pre_approved(lint: Lint<'_>, solution: &SolutionMandate, file: &Workflow<'_>, found: &mut Found) {
    for form in &file.form.pre_approved {
        let (tool, start) = (&form.tool.value, form.tool.start);
        if !solution.tools.contains(tool) {
            let message = format!("`{tool}` is approved in advance, and is no tool of this workflow");
            let tools: Vec<String> = solution.tools.iter().map(ToString::to_string).collect();
            let other = || "name one of its tools".to_owned();
            let remedy = suggestion(&tool.to_string(), tools.iter().map(String::as_str), other);
            found.add(LintRule::PreApprovedBeyond, file, start, message, remedy);
            continue;
        }
        let Some(manifest) = lint.deployment.tool(tool) else { continue };
        if manifest.risk == Risk::Critical {
            let message = format!("`{tool}` is of critical risk: it is asked about whatever is approved in advance");
            found.add(LintRule::PreApprovedCritical, file, start, message, "leave it out, or declare a lower `risk`");
        } else if manifest.class != Class::Read && manifest.authority.is_empty() {
            let message = format!("nobody is asked about `{tool}`, whose arguments may come from anywhere");
            let remedy = format!("add to `[tools.{}.authority]` the arguments that decide", tool.tool);
            found.add(LintRule::PreApprovedOpen, file, start, message, remedy);
        }
    }
}

fn limits(lint: Lint<'_>, solution: &SolutionMandate, file: &Workflow<'_>, found: &mut Found) {
    let mut zero = |rule, key: &str, message: String| {
        found.add(rule, file, file.find(key), message, "raise it to what one task may need");
    };
    if solution.limits.max_execution_ms == 0 {
        zero(LintRule::TimeBoxZero, "max_execution", "`max_execution` is zero, so no task can be opened".to_owned());
    }
    if solution.limits.max_transactions_per_batch == 0 {
        let message = "`max_transactions_per_batch` is zero, so nothing but reads can pass".to_owned();
        zero(LintRule::TransactionsZero, "max_transactions_per_batch", message);
    }
    let moves = |tool: &&ToolRef| {
        lint.deployment.tool(tool).is_some_and(|tool| tool.class != Class::Read && tool.value_pointer.is_some())
    };
    if let (0, Some(tool)) = (solution.limits.max_value_minor, solution.tools.iter().find(moves)) {
        let message = format!("`max_value_minor` is zero, so `{tool}` may move nothing");
        zero(LintRule::ValueZero, "max_value_minor", message);
    }
}

fn currency(file: &Workflow<'_>, found: &mut Found) {
    let Some(currency) = &file.form.limits.currency else { return };
    if currency.value.len() != 3 || !currency.value.bytes().all(|byte| byte.is_ascii_uppercase()) {
        let message = format!("`{}` is no currency", currency.value);
        found.add(LintRule::CurrencyInvalid, file, currency.start, message, "write its three letters, as `EUR`");
    }
}

/// Each window holds the shorter ones, so a longer one that accepts less is always passed first.
fn plan_thresholds(solution: &SolutionMandate, file: &Workflow<'_>, found: &mut Found) {
    let accepted = &solution.plan_attempts;
    for (short, n_short, long, n_long) in [
        ("single_session", accepted.single_session, "rolling_7day", accepted.rolling_7day),
        ("rolling_7day", accepted.rolling_7day, "rolling_30day", accepted.rolling_30day),
    ] {
        if n_short > n_long {
            let message = format!("`{short}` accepts {n_short} plan attempts, and `{long}` only {n_long}");
            let remedy = format!("lower `{short}`, or raise `{long}`");
            found.add(LintRule::PlanThresholdsDisordered, file, file.find("[plan_attempts]"), message, remedy);
        }
    }
}
