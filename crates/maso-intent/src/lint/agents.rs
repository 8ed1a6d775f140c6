//! What is unsound about an agent as a whole: how it works, whom it escalates to, what of servers it may use.

use maso_core::AgentName;

use super::{Found, Lint, LintRule};
use crate::{
    Role,
    form::{AgentForm, File},
};

type Agent<'a> = File<'a, AgentForm>;

pub(super) fn check(lint: Lint<'_>, found: &mut Found) {
    for file in lint.folder.agents.values() {
        logic(file, found);
        escalation(lint, file, found);
        servers(lint, file, found);
        prefixes(file, found);
    }
    processes(lint, found);
}

/// Two agents that one process could be: nobody would be believed to be either.
fn processes(lint: Lint<'_>, found: &mut Found) {
    let known: Vec<_> =
        lint.deployment.agents.iter().filter_map(|(name, mandate)| Some((name, mandate.process.as_ref()?))).collect();
    for (index, (name, terms)) in known.iter().enumerate() {
        let Some(file) = lint.folder.agents.get(*name) else { continue };
        if let Some((twin, _)) = known[..index].iter().find(|(_, other)| terms.overlap(other)) {
            let message = format!("one process could be both `{twin}` and `{name}`");
            let remedy = "give them different users, programs or control groups";
            found.add(LintRule::ProcessAmbiguous, file, file.find("[process]"), message, remedy);
        }
        if lint.deployment.settings.workload_socket.is_none() {
            let message = "the process of an agent is declared, and nothing asks for it";
            let remedy = "add `[workload_api]` with `socket` to maso.toml";
            found.add(LintRule::ProcessUnasked, file, file.find("[process]"), message, remedy);
        }
    }
}

fn logic(file: &Agent<'_>, found: &mut Found) {
    if file.form.logic.iter().all(|step| step.trim().is_empty()) {
        let message = "nothing says how the agent is to work, so a deviation cannot be seen";
        found.add(LintRule::LogicMissing, file, 0, message, "describe approach and tool order in `logic`");
    }
}

fn escalation(lint: Lint<'_>, file: &Agent<'_>, found: &mut Found) {
    let escalation = &file.form.escalation;
    let remedy = lint.operator_suggestion(escalation.as_str());
    let is_agent = || {
        let agent = escalation.as_str().parse::<AgentName>();
        agent.is_ok_and(|agent| lint.deployment.agents.contains_key(&agent))
    };
    match lint.deployment.operators.get(&escalation.value) {
        Some(operator) if !operator.roles.iter().any(|role| *role != Role::Operator) => {
            let message = format!("escalation goes to `{}`, who may not decide", escalation.value);
            let remedy = format!("escalate to a supervisor, or give `{}` that role", escalation.value);
            found.add(LintRule::EscalationPowerless, file, escalation.start, message, remedy);
        }
        Some(_) => {}
        None if is_agent() => {
            let message = format!("`{}` is an agent; escalation goes to people only", escalation.value);
            found.add(LintRule::EscalationToAgent, file, escalation.start, message, remedy);
        }
        None => {
            let message = format!("escalation to `{}`, who is not an operator", escalation.value);
            found.add(LintRule::EscalationUnknown, file, escalation.start, message, remedy);
        }
    }
}

fn servers(lint: Lint<'_>, file: &Agent<'_>, found: &mut Found) {
    let resources = file.form.resources.iter().map(|term| &term.server);
    let prompts = file.form.prompts.iter().map(|term| &term.server);
    for server in resources.chain(prompts).chain(&file.form.may_be_asked_by) {
        lint.known_server(file, &server.value, server.start, found);
    }
}

fn prefixes(file: &Agent<'_>, found: &mut Found) {
    let open = |prefix: &str| !prefix.is_empty() && !prefix.ends_with('/');
    for term in file.form.resources.iter().filter(|term| open(&term.uri_prefix)) {
        let message = format!("resource prefix `{}` also fits whatever only begins so", term.uri_prefix);
        let remedy = format!("write `{}/` if a folder is meant", term.uri_prefix);
        found.add(LintRule::ResourcePrefixOpen, file, term.server.start, message, remedy);
    }
}
