//! What agents' mandates say of parent, role, order, powers and substitutes.

use std::collections::{BTreeMap, BTreeSet};

use maso_core::{AgentName, Class, ToolRef};

use super::{Found, Lint, LintRule, recorded_only, repeated};
use crate::{
    SolutionMandate,
    form::{AgentForm, File},
    nearest::suggestion,
    parse::Declared,
};

impl Lint<'_> {
    pub(super) fn agent_fields(self, found: &mut Found) {
        for (name, file) in &self.folder.agents {
            self.history(file, Declared::from(&file.form), LintRule::AuthorIsAgent, found);
            self.held_by_role(file, found);
            self.tool_order(file, found);
            steps(file, found);
            self.substitutes(file, found);
            for after in [&file.form.on_fail, &file.form.on_timeout].into_iter().flatten() {
                if let Some(tell) = &after.tell {
                    self.person(file, tell, LintRule::PersonUnknown, found);
                }
            }
            if let Some(solution) = self.deployment.workflows.get(&file.form.workflow.value) {
                parent_version(file, solution, found);
                time_boundary(file, solution, found);
                delegation(name, file, solution, found);
            }
            let AgentForm { time_boundary, on_fail, on_timeout, oispec, .. } = &file.form;
            let given = [
                ("time_boundary", time_boundary.as_ref().map(|at| at.start)),
                // Its retries are counted.
                ("on_fail.tell", on_fail.as_ref().and_then(|after| Some(after.tell.as_ref()?.start))),
                ("on_timeout", on_timeout.as_ref().map(|_| file.find("on_timeout"))),
                (
                    "max_confidence_without_source",
                    oispec.max_confidence_without_source.map(|_| file.find("max_confidence_without_source")),
                ),
            ];
            recorded_only(file, &given, LintRule::AgentKeysRecorded, found);
        }
    }

    /// Who only looks holds nothing that does more, and who hands out work nothing at all.
    fn held_by_role(self, file: &File<'_, AgentForm>, found: &mut Found) {
        let Some(role) = &file.form.role else { return };
        if let Some((tool, _)) = file.form.tools.iter().next().filter(|_| !role.value.holds_tools()) {
            let message = format!("an agent of role `{}` calls no tool, and lists `{}`", role.value, tool.value);
            let remedy = "remove its tools, or change its `role`";
            found.add(LintRule::OrchestratorTools, file, tool.start, message, remedy);
        }
        if !role.value.only_looks() {
            return;
        }
        for tool in file.form.tools.keys() {
            if let Some(manifest) = self.deployment.tool(&tool.value).filter(|tool| tool.class != Class::Read) {
                let message =
                    format!("an agent of role `{}` holds `{}`, of class `{}`", role.value, tool.value, manifest.class);
                let remedy = "remove the tool: who judges or watches changes nothing";
                found.add(LintRule::LookingRoleActs, file, tool.start, message, remedy);
            }
        }
    }

    fn tool_order(self, file: &File<'_, AgentForm>, found: &mut Found) {
        let order: Vec<_> = file.form.tool_order.iter().map(|step| &step.tool).collect();
        for tool in order.iter().filter(|tool| !file.form.tools.contains_key(**tool)) {
            let held: Vec<String> = file.form.tools.keys().map(|tool| tool.value.to_string()).collect();
            let message = format!("the expected order has tool `{}`, which the agent does not hold", tool.value);
            let remedy = suggestion(&tool.value.to_string(), held.iter().map(String::as_str), || {
                format!("add `[tools.\"{}\"]`, or leave it out", tool.value)
            });
            found.add(LintRule::OrderToolUnheld, file, tool.start, message, remedy);
        }
        if !order.is_empty() {
            for tool in file.form.tools.keys().filter(|tool| !order.contains(tool)) {
                let message = format!("tool `{}` has no place in the expected order", tool.value);
                found.add(LintRule::OrderIncomplete, file, tool.start, message, "add it to `tool_order`");
            }
        }
        for tool in file.form.prohibited.iter().filter(|tool| order.contains(tool)) {
            let message = format!("the expected order has tool `{}`, which is prohibited", tool.value);
            found.add(LintRule::OrderToolProhibited, file, tool.start, message, "keep one of the two");
        }
        for tool in repeated(&file.form.prohibited) {
            let message = format!("tool `{}` is prohibited twice", tool.value);
            found.add(LintRule::ProhibitedTwice, file, tool.start, message, "keep one");
        }
    }

    /// A tool that would do for another one is held beside it only if somebody decided that it should be.
    fn substitutes(self, file: &File<'_, AgentForm>, found: &mut Found) {
        for (tool, terms) in &file.form.tools {
            for substitute in terms.substitutes.keys() {
                if substitute == tool {
                    let message = format!("`{}` is no substitute for itself", tool.value);
                    found.add(LintRule::SubstituteOfItself, file, substitute.start, message, "leave it out");
                } else if file.form.tools.contains_key(substitute) && !file.form.prohibited.contains(substitute) {
                    let message = format!(
                        "the agent holds `{}` and `{}`, which would do in its place",
                        tool.value, substitute.value
                    );
                    let remedy =
                        format!("add \"{}\" to `prohibited`, or say in `logic` when each is right", substitute.value);
                    found.add(LintRule::SubstituteBeside, file, substitute.start, message, remedy);
                } else {
                    self.known_tool(file, substitute, found);
                }
            }
        }
    }
}

/// Whether the steps of an expected order can be taken at all.
fn steps(file: &File<'_, AgentForm>, found: &mut Found) {
    let steps = &file.form.tool_order;
    let mut links: BTreeMap<&ToolRef, BTreeSet<&ToolRef>> = BTreeMap::new();
    for (index, step) in steps.iter().enumerate() {
        let tool = &step.tool.value;
        if links.contains_key(tool) {
            let message = format!("tool `{tool}` is two steps of the expected order");
            found.add(LintRule::OrderToolTwice, file, step.tool.start, message, "keep one, with `repeats = true`");
            continue;
        }
        let previous = || index.checked_sub(1).map(|index| &steps[index].tool.value);
        let after = step.after.as_ref().map(|after| after.iter().map(|tool| &tool.value).collect());
        links.insert(tool, after.unwrap_or_else(|| previous().into_iter().collect()));
    }
    for earlier in steps.iter().filter_map(|step| step.after.as_ref()).flatten() {
        if !links.contains_key(&earlier.value) {
            let message = format!("a step comes after `{}`, which is no step", earlier.value);
            found.add(LintRule::OrderAfterUnknown, file, earlier.start, message, "name a tool of `tool_order`");
        }
    }
    if let Some(step) = steps.iter().find(|step| waits_for_itself(&step.tool.value, &links)) {
        let message = format!("step `{}` waits for itself", step.tool.value);
        found.add(LintRule::OrderCycle, file, step.tool.start, message, "let one of the steps wait for nothing");
    }
    if let Some(on_deviation) = file.form.on_deviation.as_ref().filter(|_| steps.is_empty()) {
        let message = "`on_deviation` says what a departure from the expected order is, and there is none";
        found.add(LintRule::DeviationWithoutOrder, file, on_deviation.start, message, "declare `tool_order`");
    }
}

fn waits_for_itself(tool: &ToolRef, links: &BTreeMap<&ToolRef, BTreeSet<&ToolRef>>) -> bool {
    let (mut open, mut seen) = (vec![tool], BTreeSet::new());
    while let Some(next) = open.pop() {
        for earlier in links.get(next).into_iter().flatten() {
            if *earlier == tool {
                return true;
            }
            if seen.insert(*earlier) {
                open.push(earlier);
            }
        }
    }
    false
}

/// A mandate that names its parent holds of exactly that one.
fn parent_version(file: &File<'_, AgentForm>, solution: &SolutionMandate, found: &mut Found) {
    let Some(parent) = &file.form.parent else { return };
    if (parent.id.as_str(), parent.version) != (solution.id.as_str(), solution.version) {
        let message = format!(
            "the parent is `{}` version {}, and the mandate in force is `{}` version {}: the agent may do nothing",
            parent.id.value, parent.version, solution.id, solution.version
        );
        let remedy = format!(
            "review the agent's mandate against it, and write `parent = {{ id = \"{}\", version = {} }}`",
            solution.id, solution.version
        );
        found.add(LintRule::ParentVersionWrong, file, parent.id.start, message, remedy);
    }
}

fn time_boundary(file: &File<'_, AgentForm>, solution: &SolutionMandate, found: &mut Found) {
    let Some(boundary) = file.form.time_boundary.as_ref() else { return };
    if boundary.0 > solution.limits.max_execution_ms {
        let message = "the agent's `time_boundary` is longer than the workflow's `max_execution`";
        found.add(LintRule::TimeBoundaryBeyondParent, file, boundary.start, message, "shorten it");
    }
}

/// What the grants let an agent do beside what its own powers say.
fn delegation(name: &AgentName, file: &File<'_, AgentForm>, solution: &SolutionMandate, found: &mut Found) {
    let form = &file.form.authority;
    let asks = solution.grants.iter().find(|grant| grant.from == *name);
    let can = form.can_delegate.as_ref();
    match (asks, can) {
        (Some(grant), Some(can)) if !can.get_ref() => {
            let message = format!(
                "`can_delegate` is false, so the grant of `{}` to ask `{}` is worth nothing",
                grant.request, grant.to
            );
            let remedy = "remove the grant, or write `can_delegate = true`";
            found.add(LintRule::DelegationForbidden, file, can.span().start, message, remedy);
        }
        (None, Some(can)) if *can.get_ref() => {
            let message = "`can_delegate` is true, and no grant lets the agent ask anybody";
            let remedy = format!("add a grant from `{name}`, or write `can_delegate = false`");
            found.add(LintRule::DelegationUnused, file, can.span().start, message, remedy);
        }
        _ => {}
    }
    if let Some(depth) = &form.max_delegation_depth {
        let farthest = farthest(name, solution);
        if farthest > *depth.get_ref() as usize {
            let message = format!(
                "grants lead over {farthest} hops from here, and `max_delegation_depth` is {}",
                depth.get_ref()
            );
            let remedy = "remove the grant that leads too far, or raise the depth";
            found.add(LintRule::DelegationTooDeep, file, depth.span().start, message, remedy);
        }
    }
}

/// Over how many hops requests can lead from this agent. Grants that go round in a circle lead as far as there are
/// agents; that they do is another finding.
fn farthest(from: &AgentName, solution: &SolutionMandate) -> usize {
    let mut asks: BTreeMap<&AgentName, BTreeSet<&AgentName>> = BTreeMap::new();
    for grant in &solution.grants {
        asks.entry(&grant.from).or_default().insert(&grant.to);
    }
    let mut here = BTreeSet::from([from]);
    let mut n_hops = 0;
    while n_hops < solution.agents.len() {
        here = here.iter().filter_map(|agent| asks.get(agent)).flatten().copied().collect();
        if here.is_empty() {
            break;
        }
        n_hops += 1;
    }
    n_hops
}
