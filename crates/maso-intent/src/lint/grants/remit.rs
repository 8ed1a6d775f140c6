//! What a grant lets be done for its request, against who could do it.

use std::collections::BTreeSet;

use maso_core::{AgentName, ToolRef, WorkflowName};

use super::{Found, GrantForm, Lint, LintRule, Workflow};

pub(super) fn check(lint: Lint<'_>, name: &WorkflowName, file: &Workflow<'_>, found: &mut Found) {
    for grant in &file.form.grants {
        // Where a request leads to nobody knows whom, that is what is wrong.
        let Some(held) = held_below(lint, file, &grant.to.value) else { continue };
        match &grant.tools {
            None if !held.is_empty() => silent(file, grant, found),
            None => {}
            Some(tools) => {
                let solution = lint.deployment.workflows.get(name);
                for tool in tools.iter().filter(|tool| !held.contains(&tool.value)) {
                    if solution.is_some_and(|solution| !solution.tools.contains(&tool.value)) {
                        let message = format!("tool `{}` is not in `tools` of the workflow", tool.value);
                        let remedy = "add it there, or remove it from the grant";
                        found.add(LintRule::GrantToolForeign, file, tool.start, message, remedy);
                    } else {
                        let request = &grant.request.value;
                        let message = format!("`{}` is held by no agent to whom request `{request}` leads", tool.value);
                        let remedy = "remove it from the grant, or grant it to the agent that needs it";
                        found.add(LintRule::GrantToolUnheld, file, tool.start, message, remedy);
                    }
                }
            }
        }
        for tool in grant.arguments.keys() {
            if !grant.tools.iter().flatten().any(|named| named.value == tool.value) {
                let message = format!("the grant fixes an argument of `{}` and does not name that tool", tool.value);
                let remedy = "add it to `tools` of the grant, or remove the argument";
                found.add(LintRule::GrantArgumentIdle, file, tool.start, message, remedy);
            }
        }
    }
}

fn silent(file: &Workflow<'_>, grant: &GrantForm, found: &mut Found) {
    let (to, request) = (&grant.to.value, &grant.request);
    let message = format!("`{to}` may call no tool for request `{}`, because the grant names none", request.value);
    let remedy = "write what may be called for it in `tools`, by whoever does it; `tools = []` if nothing";
    found.add(LintRule::GrantToolsSilent, file, request.start, message, remedy);
}

/// The tools that an agent and all to whom it may hand work on hold by their own mandates; `None` if one of them has none.
fn held_below<'a>(lint: Lint<'a>, file: &Workflow<'_>, agent: &AgentName) -> Option<BTreeSet<&'a ToolRef>> {
    let (mut held, mut seen, mut next) = (BTreeSet::new(), BTreeSet::from([agent]), vec![agent]);
    while let Some(agent) = next.pop() {
        held.extend(lint.deployment.agents.get(agent)?.tools.keys());
        let asked = file.form.grants.iter().filter(|grant| grant.from.value == *agent);
        next.extend(asked.map(|grant| &grant.to.value).filter(|to| seen.insert(to)));
    }
    Some(held)
}
