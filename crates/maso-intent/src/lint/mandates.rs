//! What is unsound in workflows' and agents' mandates.

use std::collections::{BTreeMap, BTreeSet};

use maso_core::{AgentName, Class, ServerName, ToolRef, WorkflowName};

use super::Lint;
use crate::{
    Problem, Severity, SolutionMandate,
    argument::{Place, place},
    form::{AgentForm, At, File, WorkflowForm},
    nearest::suggestion,
};

impl Lint<'_> {
    pub(super) fn workflows(self, problems: &mut Vec<Problem>) {
        for (name, file) in &self.folder.workflows {
            let Some(solution) = self.deployment.workflows.get(name) else { continue };
            owners_and_dates(file, problems);
            self.members(name, file, problems);
            self.workflow_tools(file, problems);
            self.grants(file, problems);
            self.hard_limits(solution, file, problems);
            currency(file, problems);
            if let Some(cycle) = cycle(solution) {
                let path: Vec<String> = cycle.iter().map(|agent| format!("`{agent}`")).collect();
                let message = format!("grants go round in a circle: {}", path.join(" → "));
                let start = file.form.grants.iter().find(|grant| cycle.contains(&grant.from.value));
                let start = start.map_or(0, |grant| grant.from.start);
                problems.push(file.problem(
                    start,
                    Severity::Error,
                    "AT-2.4",
                    message,
                    "remove one grant of the circle",
                ));
            }
        }
        if self.deployment.workflows.is_empty()
            && let Some(maso) = &self.folder.maso
        {
            let message = "there is no workflow, so no agent may do anything";
            problems.push(maso.problem(0, Severity::Error, "AT-1.1", message, "add `workflows/NAME.toml`"));
        }
    }

    fn members(self, name: &WorkflowName, file: &File<'_, WorkflowForm>, problems: &mut Vec<Problem>) {
        if file.form.agents.is_empty() {
            let message = "the workflow has no agents";
            problems.push(file.problem(
                file.find("agents"),
                Severity::Error,
                "AT-1.1",
                message,
                "name them in sequence",
            ));
        }
        let mut seen = BTreeSet::new();
        for agent in &file.form.agents {
            if !seen.insert(&agent.value) {
                let message = format!("agent `{}` is named twice", agent.value);
                problems.push(file.problem(agent.start, Severity::Error, "AT-1.1", message, "keep one of them"));
            }
            match self.deployment.agents.get(&agent.value) {
                None => problems.push(self.unknown_agent(file, agent, "AT-1.1")),
                Some(mandate) if mandate.workflow != *name => {
                    let message =
                        format!("agent `{}` belongs to workflow `{}`, not to this one", agent.value, mandate.workflow);
                    let remedy = format!("write `workflow = \"{name}\"` in agents/{}.toml", agent.value);
                    problems.push(file.problem(agent.start, Severity::Error, "AT-1.2", message, remedy));
                }
                Some(_) => {}
            }
        }
    }

    fn workflow_tools(self, file: &File<'_, WorkflowForm>, problems: &mut Vec<Problem>) {
        for tool in &file.form.tools {
            self.known_tool(file, tool, problems);
            let held = self.deployment.agents.values().any(|agent| agent.tools.contains_key(&tool.value));
            if !held {
                let message = format!("no agent holds tool `{}`", tool.value);
                let remedy = "leave it out: provision only what is directly needed";
                problems.push(file.problem(tool.start, Severity::Note, "AT-2.3", message, remedy));
            }
        }
    }

    fn hard_limits(self, solution: &SolutionMandate, file: &File<'_, WorkflowForm>, problems: &mut Vec<Problem>) {
        let mut zero = |key: &str, severity, control, message: String| {
            let remedy = "raise it to what one task may need";
            problems.push(file.problem(file.find(key), severity, control, message, remedy));
        };
        if solution.limits.max_execution_ms == 0 {
            let message = "`max_execution` is zero, so no task can be opened".to_owned();
            zero("max_execution", Severity::Error, "EC-3.4", message);
        }
        if solution.limits.max_transactions_per_batch == 0 {
            let message = "`max_transactions_per_batch` is zero, so nothing but reads can pass".to_owned();
            zero("max_transactions_per_batch", Severity::Warning, "AT-1.7", message);
        }
        let moves = |tool: &&ToolRef| {
            self.deployment.tool(tool).is_some_and(|tool| tool.class != Class::Read && tool.value_pointer.is_some())
        };
        if let (0, Some(tool)) = (solution.limits.max_value_minor, solution.tools.iter().find(moves)) {
            let message = format!("`max_value_minor` is zero, so `{tool}` may move nothing");
            zero("max_value_minor", Severity::Warning, "AT-1.7", message);
        }
    }

    fn grants(self, file: &File<'_, WorkflowForm>, problems: &mut Vec<Problem>) {
        let mut seen = BTreeSet::new();
        for grant in &file.form.grants {
            for agent in [&grant.from, &grant.to] {
                if !self.deployment.agents.contains_key(&agent.value) {
                    problems.push(self.unknown_agent(file, agent, "IA-2.4"));
                } else if !file.form.agents.contains(agent) {
                    let message = format!("agent `{}` of the grant is not an agent of the workflow", agent.value);
                    let remedy = "add it to `agents`, or remove the grant";
                    problems.push(file.problem(agent.start, Severity::Error, "IA-2.4", message, remedy));
                }
            }
            if !seen.insert((&grant.from.value, &grant.to.value, &grant.request.value)) {
                let message = format!("request `{}` is granted twice", grant.request.value);
                problems.push(file.problem(grant.request.start, Severity::Error, "IA-2.4", message, "keep one"));
            }
            if grant.schema.is_none() {
                let message = format!("request `{}` may contain anything", grant.request.value);
                let remedy = "declare its `schema`";
                problems.push(file.problem(grant.request.start, Severity::Warning, "EC-2.14", message, remedy));
            }
        }
    }

    pub(super) fn agents(self, problems: &mut Vec<Problem>) {
        for (name, file) in &self.folder.agents {
            self.parent(name, file, problems);
            self.agent_tools(file, problems);
            self.agent_servers(file, problems);
            self.escalation(file, problems);
            if file.form.logic.is_empty() {
                let message = "nothing says how the agent is to work, so a deviation cannot be seen";
                let remedy = "describe approach and tool order in `logic`";
                problems.push(file.problem(0, Severity::Warning, "AT-1.2", message, remedy));
            }
        }
    }

    fn parent(self, name: &AgentName, file: &File<'_, AgentForm>, problems: &mut Vec<Problem>) {
        let workflow = &file.form.workflow;
        let Some(solution) = self.deployment.workflows.get(&workflow.value) else {
            let message = format!("there is no workflow `{}`", workflow.value);
            let workflows = self.deployment.workflows.keys().map(|workflow| workflow.as_str());
            let remedy = suggestion(workflow.as_str(), workflows, || format!("add workflows/{}.toml", workflow.value));
            problems.push(file.problem(workflow.start, Severity::Error, "AT-1.2", message, remedy));
            return;
        };
        let Some(index) = solution.agents.iter().position(|agent| agent == name) else {
            let message = format!("workflow `{}` does not name agent `{name}`", workflow.value);
            let remedy = format!("add it to `agents` in workflows/{}.toml", workflow.value);
            problems.push(file.problem(workflow.start, Severity::Error, "AT-1.2", message, remedy));
            return;
        };
        if let Some(position) = file.form.sequence_position
            && usize::try_from(position) != Ok(index + 1)
        {
            let message = format!("sequence position {position}, but the workflow names the agent at {}", index + 1);
            let start = file.find("sequence_position");
            problems.push(file.problem(start, Severity::Error, "AT-2.4", message, "leave `sequence_position` out"));
        }
        let asked = solution.grants.iter().any(|grant| grant.to == *name);
        if index > 0 && !asked {
            let message = format!("no other agent may ask agent `{name}` for anything, and it is not the first");
            let remedy = format!("add a grant to `{name}`, or present a task token to it directly");
            // Where no agent asks another, each gets its work from outside, with a task token.
            let severity = if solution.grants.is_empty() { Severity::Note } else { Severity::Warning };
            problems.push(file.problem(workflow.start, severity, "AT-2.4", message, remedy));
        }
        for tool in file.form.tools.keys().filter(|tool| !solution.tools.contains(&tool.value)) {
            let message = format!("tool `{}` goes beyond the parent mandate `{}`", tool.value, solution.id);
            let remedy = format!("remove it, or add it to `tools` in workflows/{}.toml", workflow.value);
            problems.push(file.problem(tool.start, Severity::Error, "AT-2.1", message, remedy));
        }
        for tool in file.form.prohibited.iter().filter(|tool| !solution.tools.contains(&tool.value)) {
            let message = format!("prohibits tool `{}`, which the parent does not grant", tool.value);
            problems.push(file.problem(
                tool.start,
                Severity::Note,
                "AT-1.2",
                message,
                "nothing needs to be prohibited",
            ));
        }
    }

    fn agent_tools(self, file: &File<'_, AgentForm>, problems: &mut Vec<Problem>) {
        for (tool, terms) in &file.form.tools {
            if file.form.prohibited.contains(tool) {
                let message = format!("tool `{}` is both granted and prohibited; the prohibition holds", tool.value);
                problems.push(file.problem(tool.start, Severity::Error, "AT-1.2", message, "keep one of the two"));
            }
            if !self.known_tool(file, tool, problems) {
                continue;
            }
            let Some(manifest) = self.deployment.tool(&tool.value) else { continue };
            if manifest.class != Class::Read && terms.justification.is_none() {
                let message = format!("nothing says why the agent needs `{}`, which is no read", tool.value);
                problems.push(file.problem(
                    tool.start,
                    Severity::Warning,
                    "AT-2.3",
                    message,
                    "add `justification = \"…\"`",
                ));
            }
            let Some(definition) = &manifest.definition else {
                let message =
                    format!("nobody approved the definition of `{}`: it is blocked until somebody does", tool.value);
                let remedy = format!("approve it, or add it to tools/{}.lock.json", tool.value.server);
                problems.push(file.problem(tool.start, Severity::Warning, "SC-2.2", message, remedy));
                continue;
            };
            for pointer in terms.bounds.keys() {
                if place(&definition.value, &pointer.value.0) == Place::Absent {
                    let message = format!(
                        "tool `{}` has no argument `{}`, so its bound binds nothing",
                        tool.value, pointer.value.0
                    );
                    let remedy = argument_suggestion(&definition.value, &pointer.value.0);
                    problems.push(file.problem(pointer.start, Severity::Error, "EC-1.2", message, remedy));
                }
            }
        }
    }

    fn agent_servers(self, file: &File<'_, AgentForm>, problems: &mut Vec<Problem>) {
        for term in &file.form.resources {
            self.known_server(file, &term.server, problems);
            if !term.uri_prefix.is_empty() && !term.uri_prefix.ends_with('/') {
                let message = format!("resource prefix `{}` also fits whatever only begins so", term.uri_prefix);
                let remedy = format!("write `{}/` if a folder is meant", term.uri_prefix);
                problems.push(file.problem(term.server.start, Severity::Note, "IA-1.4", message, remedy));
            }
        }
        for server in file.form.prompts.iter().map(|term| &term.server).chain(&file.form.may_be_asked_by) {
            self.known_server(file, server, problems);
        }
    }

    fn escalation(self, file: &File<'_, AgentForm>, problems: &mut Vec<Problem>) {
        let escalation = &file.form.escalation;
        if self.deployment.operators.contains_key(&escalation.value) {
            return;
        }
        let is_agent =
            escalation.as_str().parse::<AgentName>().is_ok_and(|agent| self.deployment.agents.contains_key(&agent));
        let message = if is_agent {
            format!("`{}` is an agent; escalation goes to people only", escalation.value)
        } else {
            format!("escalation to `{}`, who is not an operator", escalation.value)
        };
        let remedy = self.operator_suggestion(escalation.as_str());
        problems.push(file.problem(escalation.start, Severity::Error, "AT-2.9", message, remedy));
    }

    pub(super) fn unknown_agent<T>(self, file: &File<'_, T>, agent: &At<AgentName>, control: &'static str) -> Problem {
        let agents = self.deployment.agents.keys().map(|agent| agent.as_str());
        let remedy = suggestion(agent.as_str(), agents, || format!("add agents/{}.toml", agent.value));
        file.problem(agent.start, Severity::Error, control, format!("there is no agent `{}`", agent.value), remedy)
    }

    pub(super) fn known_server<T>(
        self,
        file: &File<'_, T>,
        server: &At<ServerName>,
        problems: &mut Vec<Problem>,
    ) -> bool {
        let known = self.deployment.servers.contains_key(&server.value);
        if !known {
            let servers = self.deployment.servers.keys().map(|server| server.as_str());
            let remedy = suggestion(server.as_str(), servers, || format!("add tools/{}.toml", server.value));
            let message = format!("there is no server `{}`", server.value);
            problems.push(file.problem(server.start, Severity::Error, "SC-2.3", message, remedy));
        }
        known
    }

    pub(super) fn known_tool<T>(self, file: &File<'_, T>, tool: &At<ToolRef>, problems: &mut Vec<Problem>) -> bool {
        let server = At { value: tool.server.clone(), start: tool.start };
        if !self.known_server(file, &server, problems) {
            return false;
        }
        let known = self.deployment.tool(&tool.value).is_some();
        if !known {
            let tools = self.deployment.servers.get(&tool.server).into_iter().flat_map(|server| server.tools.keys());
            let remedy = suggestion(tool.tool.as_str(), tools.map(|tool| tool.as_str()), || {
                format!("describe it in tools/{}.toml as `[tools.{}]`", tool.server, tool.tool)
            });
            let message = format!("nothing describes tool `{}`", tool.value);
            problems.push(file.problem(tool.start, Severity::Error, "SC-1.2", message, remedy));
        }
        known
    }
}

/// The argument of the tool that was probably meant.
pub(super) fn argument_suggestion(definition: &serde_json::Value, pointer: &str) -> String {
    let properties = definition.pointer("/inputSchema/properties").and_then(serde_json::Value::as_object);
    let pointers: Vec<String> =
        properties.into_iter().flat_map(|names| names.keys()).map(|name| format!("/{name}")).collect();
    suggestion(pointer, pointers.iter().map(String::as_str), || format!("its arguments are {}", pointers.join(", ")))
}

fn currency(file: &File<'_, WorkflowForm>, problems: &mut Vec<Problem>) {
    let Some(currency) = &file.form.limits.currency else { return };
    if currency.value.len() != 3 || !currency.value.bytes().all(|byte| byte.is_ascii_uppercase()) {
        let message = format!("`{}` is no currency", currency.value);
        let remedy = "write its three letters, as `EUR`";
        problems.push(file.problem(currency.start, Severity::Error, "AT-1.7", message, remedy));
    }
}

fn owners_and_dates(file: &File<'_, WorkflowForm>, problems: &mut Vec<Problem>) {
    let form = &file.form;
    let missing = |key: &str, is_missing: bool| {
        let remedy = format!("add `{key} = …` above the first table");
        is_missing.then(|| file.problem(0, Severity::Error, "AT-1.1", format!("the mandate has no `{key}`"), remedy))
    };
    problems.extend(missing("process_owner", form.process_owner.is_none()));
    problems.extend(missing("technical_owner", form.technical_owner.is_none()));
    problems.extend(missing("approved_by", form.approved_by.is_empty()));
    problems.extend(missing("effective_date", form.effective_date.is_none()));
    problems.extend(missing("review_date", form.review_date.is_none()));
    let mut dates = Vec::new();
    for date in [&form.effective_date, &form.review_date].into_iter().flatten() {
        match date.parse::<jiff::civil::Date>() {
            Ok(date) => dates.push(date),
            Err(_) => {
                let message = format!("`{}` is not a date", date.value);
                problems.push(file.problem(date.start, Severity::Error, "AT-1.1", message, "write it as `2027-01-31`"));
            }
        }
    }
    if let ([effective, review], Some(at)) = (dates.as_slice(), &form.review_date)
        && review <= effective
    {
        let message = "the review date is not after the effective date";
        problems.push(file.problem(at.start, Severity::Error, "AT-2.2", message, "review at least quarterly"));
    }
}

/// The first circle in the grants, if there is one: each agent once, and the first again at the end.
fn cycle(solution: &SolutionMandate) -> Option<Vec<AgentName>> {
    let mut asks: BTreeMap<&AgentName, BTreeSet<&AgentName>> = BTreeMap::new();
    for grant in &solution.grants {
        asks.entry(&grant.from).or_default().insert(&grant.to);
    }
    let mut done = BTreeSet::new();
    for start in asks.keys() {
        // Depth first, with the way kept by hand so that a long chain of grants cannot exhaust the stack.
        let mut way = vec![(*start, asks[start].iter())];
        while let Some((agent, next)) = way.last_mut() {
            let agent = *agent;
            match next.next() {
                None => {
                    done.insert(agent);
                    way.pop();
                }
                Some(asked) if way.iter().any(|(on_way, _)| on_way == asked) => {
                    let circle = way.iter().map(|(on_way, _)| *on_way).skip_while(|on_way| on_way != asked);
                    return Some(circle.chain([*asked]).cloned().collect());
                }
                Some(asked) if !done.contains(asked) => {
                    if let Some(further) = asks.get(asked) {
                        way.push((asked, further.iter()));
                    }
                }
                Some(_) => {}
            }
        }
    }
    None
}
