//! Mandates and hand-written policies to Cedar.

use std::{collections::BTreeSet, sync::LazyLock};

use cedar_policy::{Effect, Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator};
use maso_core::{AgentName, ServerName, WorkflowName};
use maso_intent::{AgentMandate, Deployment, PolicyFile, SolutionMandate};
use miette::Diagnostic;

use super::CompileError;

/// The schema, in Cedar's own syntax.
pub(super) const SCHEMA: &str = include_str!("maso.cedarschema");

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    let (schema, _) = Schema::from_cedarschema_str(SCHEMA).expect("the schema in the source is well formed");
    Validator::new(schema)
});

/// A deployment's policies.
#[derive(Debug)]
pub(super) struct Compiled {
    /// What mandates say. Their permits ask for nothing but who, what and which, so that they hold at any moment.
    pub(super) of_mandates: Vec<Policy>,
    /// What was written by hand: forbids only.
    pub(super) of_hand: Vec<Policy>,
}

impl Compiled {
    pub(super) fn of(deployment: &Deployment) -> Result<Self, Vec<CompileError>> {
        let mut errors = Vec::new();
        let mut of_mandates = Vec::new();
        let mandates = deployment.agents.values().flat_map(|mandate| of_agent(deployment, mandate));
        for (id, text) in mandates.chain(deployment.workflows.values().flat_map(|solution| of_workflow(solution))) {
            match Policy::parse(Some(PolicyId::new(&id)), &text) {
                Ok(policy) => of_mandates.push(policy),
                Err(error) => {
                    let path = id.split('#').next().unwrap_or_default().to_owned();
                    errors.push(CompileError { path, line: 1, cause: format!("`{id}`: {error}") });
                }
            }
        }
        let mut of_hand = Vec::new();
        for file in &deployment.policies {
            match by_hand(file) {
                Ok(policies) => of_hand.extend(policies),
                Err(wrong) => errors.extend(wrong),
            }
        }
        // INVARIANT: no two policies share an id, so that none is left out where they are put together.
        let mut ids = BTreeSet::new();
        for policy in of_mandates.iter().chain(&of_hand) {
            if !ids.insert(policy.id().clone()) {
                let path = AsRef::<str>::as_ref(policy.id()).split('#').next().unwrap_or_default().to_owned();
                errors.push(CompileError {
                    path,
                    line: 1,
                    cause: format!("two policies have the id `{}`", policy.id()),
                });
            }
        }
        if errors.is_empty() { Ok(Self { of_mandates, of_hand }) } else { Err(errors) }
    }
}

/// What an agent's mandate says, as policies. A mandate grants nothing that its workflow's does not.
fn of_agent(deployment: &Deployment, mandate: &AgentMandate) -> Vec<(String, String)> {
    let file = format!("agents/{}.toml", mandate.agent);
    let agent = format!("Agent::{}", quoted(mandate.agent.as_str()));
    let mut policies = Vec::new();
    let mut say = |term: String, text: String| policies.push((format!("{file}#{term}"), text));
    let Some(solution) = deployment.workflows.get(&mandate.workflow) else { return policies };
    let mut servers: BTreeSet<&ServerName> = mandate.may_be_asked_by.iter().collect();
    for tool in mandate.tools.keys().filter(|tool| solution.tools.contains(tool)) {
        servers.insert(&tool.server);
        let resource = format!("Tool::{}", quoted(&tool.to_string()));
        say(tool.to_string(), scope("permit", &agent, "call_tool", &format!("== {resource}"), ""));
    }
    for tool in &mandate.prohibited {
        let resource = format!("Tool::{}", quoted(&tool.to_string()));
        say(format!("prohibited/{tool}"), scope("forbid", &agent, "call_tool", &format!("== {resource}"), ""));
    }
    for (index, term) in mandate.resources.iter().enumerate() {
        servers.insert(&term.server);
        let within = format!("in Server::{}", quoted(term.server.as_str()));
        let condition = format!(" when {{ resource.uri like \"{}*\" }}", pattern(&term.uri_prefix));
        say(format!("resources/{index}"), scope("permit", &agent, "read_resource", &within, &condition));
    }
    for (index, (server, prompt)) in mandate.prompts.iter().enumerate() {
        servers.insert(server);
        let within = if prompt == "*" {
            format!("in Server::{}", quoted(server.as_str()))
        } else {
            format!("== Prompt::{}", quoted(&format!("{server}:{prompt}")))
        };
        say(format!("prompts/{index}"), scope("permit", &agent, "get_prompt", &within, ""));
    }
    for server in servers {
        let uid = format!("Server::{}", quoted(server.as_str()));
        for action in ["list", "complete"] {
            say(format!("{action}/{server}"), scope("permit", &agent, action, &format!("== {uid}"), ""));
        }
        say(format!("notify/{server}"), scope("permit", &uid, "notify", &format!("== {agent}"), ""));
    }
    if solution.sequence.is_some() {
        let workflow = format!("== Workflow::{}", quoted(mandate.workflow.as_str()));
        say("report".to_owned(), scope("permit", &agent, "report", &workflow, ""));
    }
    for started in deployment.authority(&mandate.agent).spawns() {
        let resource = format!("== Agent::{}", quoted(started.as_str()));
        say(format!("spawns/{started}"), scope("permit", &agent, "spawn", &resource, ""));
    }
    for server in &mandate.may_be_asked_by {
        let uid = format!("Server::{}", quoted(server.as_str()));
        say(format!("may_be_asked_by/{server}"), scope("permit", &uid, "ask_client", &format!("== {agent}"), ""));
    }
    policies
}

/// What a workflow's mandate allows between its agents: what they may ask of each other, and what they may tell.
fn of_workflow(solution: &SolutionMandate) -> Vec<(String, String)> {
    let workflow: &WorkflowName = &solution.workflow;
    let permit = |(kind, verb, resource): (&str, &str, &str), from: &AgentName, to: &AgentName, what: &str| {
        let id = format!("workflows/{workflow}.toml#{kind}/{from}>{to}:{what}");
        let resource = format!("== {resource}::{}", quoted(&format!("{to}:{what}")));
        (id, scope("permit", &format!("Agent::{}", quoted(from.as_str())), verb, &resource, ""))
    };
    let grants = solution.grants.iter().map(|it| permit(GRANT, &it.from, &it.to, it.request.as_str()));
    let channels = solution.channels.iter().map(|it| permit(CHANNEL, &it.from, &it.to, it.contract.as_str()));
    // Of two with one name the first counts.
    let mut seen = BTreeSet::new();
    grants.chain(channels).filter(|(id, _)| seen.insert(id.clone())).collect()
}

/// How each kind of edge between agents is named in the id of its policy, its verb, and the kind of its resource.
const GRANT: (&str, &str, &str) = ("grant", "request", "Request");
const CHANNEL: (&str, &str, &str) = ("message", "tell", "Message");

fn scope(effect: &str, principal: &str, action: &str, resource: &str, condition: &str) -> String {
    format!("{effect} (principal == {principal}, action == Action::\"{action}\", resource {resource}){condition};")
}

/// A Cedar string literal.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.escape_debug())
}

/// The inside of a Cedar pattern that matches exactly this text.
fn pattern(text: &str) -> String {
    text.escape_debug().to_string().replace('*', "\\*")
}

/// The forbids of a hand-written file, under ids that name the file and the line.
fn by_hand(file: &PolicyFile) -> Result<Vec<Policy>, Vec<CompileError>> {
    let wrong = |line, cause| CompileError { path: file.path.clone(), line, cause };
    let set: PolicySet = file.text.parse().map_err(|errors: cedar_policy::ParseErrors| {
        errors.iter().map(|error| wrong(line_of(error, &file.text), told(error))).collect::<Vec<_>>()
    })?;
    let lines = lines_of(&set, &file.text);
    let line = |id: &PolicyId| lines.iter().find(|(known, _)| known == id).map_or(1, |(_, line)| *line);
    let mut errors: Vec<_> = set
        .templates()
        .map(|template| wrong(line(template.id()), "a template has no effect here: write a policy".to_owned()))
        .collect();
    errors.extend(set.policies().filter(|policy| policy.effect() == Effect::Permit).map(|policy| {
        let cause = "a hand-written policy can only forbid: write what is permitted into the agent's mandate";
        wrong(line(policy.id()), cause.to_owned())
    }));
    let validation = VALIDATOR.validate(&set, ValidationMode::Strict);
    errors.extend(validation.validation_errors().map(|error| {
        let at = offset_of(error).map_or_else(|| line(error.policy_id()), |offset| line_at(&file.text, offset));
        wrong(at, plainly(&told(error)))
    }));
    if !errors.is_empty() {
        errors.sort_by(|one, other| (one.line, &one.cause).cmp(&(other.line, &other.cause)));
        errors.dedup();
        return Err(errors);
    }
    let mut ids = BTreeSet::new();
    let mut policies: Vec<(usize, Policy)> = set.policies().map(|policy| (line(policy.id()), policy.clone())).collect();
    policies.sort_by_key(|(line, policy)| (*line, policy.id().to_string()));
    Ok(policies
        .into_iter()
        .map(|(line, policy)| {
            let name = policy.annotation("id").filter(|name| !name.is_empty()).map_or(line.to_string(), str::to_owned);
            let mut id = format!("{}#{name}", file.path);
            while !ids.insert(id.clone()) {
                id.push('\'');
            }
            policy.new_id(PolicyId::new(id))
        })
        .collect())
}

/// The line on which each policy begins. Cedar names the policies of a text in its order: `policy0`, `policy1`, ….
fn lines_of(set: &PolicySet, text: &str) -> Vec<(PolicyId, usize)> {
    let mut from = 0;
    let ids = set.policies().map(|p| (p.id(), p.to_string())).chain(set.templates().map(|t| (t.id(), t.to_string())));
    let number = |id: &PolicyId| id.to_string().trim_start_matches("policy").parse::<usize>().unwrap_or(usize::MAX);
    let mut ids: Vec<_> = ids.collect();
    ids.sort_by_key(|(id, _)| number(id));
    ids.into_iter()
        .map(|(id, policy)| {
            let start = text[from..].find(&policy).map_or(from, |start| from + start);
            from = (start + policy.len()).min(text.len());
            (id.clone(), line_at(text, start))
        })
        .collect()
}

fn line_of(error: &dyn Diagnostic, text: &str) -> usize {
    offset_of(error).map_or(1, |offset| line_at(text, offset))
}

fn offset_of(error: &dyn Diagnostic) -> Option<usize> {
    error.labels()?.next().map(|label| label.offset())
}

fn line_at(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

/// The error with what Cedar advises.
fn told(error: &(impl Diagnostic + std::fmt::Display)) -> String {
    match error.help() {
        Some(help) => format!("{error} ({help})"),
        None => error.to_string(),
    }
}

/// The message without Cedar's own name for the policy, which says nothing to whoever wrote it, and without the action:
/// what is wrong is wrong for each of them.
fn plainly(message: &str) -> String {
    let message = match message.strip_prefix("for policy `").and_then(|rest| rest.split_once("`, ")) {
        Some((_, rest)) => rest,
        None => message,
    };
    match message.split_once(" for Action::\"") {
        Some((before, rest)) => format!("{before}{}", rest.split_once('"').map_or("", |(_, after)| after)),
        None => message.to_owned(),
    }
}
