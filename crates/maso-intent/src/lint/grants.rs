//! What is unsound in grants: between whom, of what, and where chains of them lead.

mod chains;
mod remit;

use std::collections::BTreeSet;

use maso_core::WorkflowName;

use super::{Found, Lint, LintRule};
use crate::{
    Clarifying, ContentSchema,
    form::{File, GrantForm, WorkflowForm},
};

type Workflow<'a> = File<'a, WorkflowForm>;

pub(super) fn check(lint: Lint<'_>, found: &mut Found) {
    for (name, file) in &lint.folder.workflows {
        for grant in &file.form.grants {
            parties(lint, name, file, grant, found);
            order(lint, name, file, grant, found);
            schema(file, grant, found);
            free_text(lint, name, file, grant, found);
            answer(lint, name, file, grant, found);
            reserved(file, grant, found);
            queues(file, grant, found);
        }
        twice(file, found);
        chains::check(lint, name, file, found);
        remit::check(lint, name, file, found);
    }
}

fn parties(lint: Lint<'_>, name: &WorkflowName, file: &Workflow<'_>, grant: &GrantForm, found: &mut Found) {
    for agent in [&grant.from, &grant.to] {
        if !lint.deployment.agents.contains_key(&agent.value) {
            lint.unknown_agent(LintRule::GrantAgentUnknown, file, agent, found);
        } else if !lint.index.sequence.contains_key(&(name, &agent.value)) {
            let message = format!("agent `{}` of the grant is not an agent of the workflow", agent.value);
            let remedy = "add it to `agents`, or remove the grant";
            found.add(LintRule::GrantAgentForeign, file, agent.start, message, remedy);
        }
    }
}

fn order(lint: Lint<'_>, name: &WorkflowName, file: &Workflow<'_>, grant: &GrantForm, found: &mut Found) {
    if lint.deployment.is_outside(&grant.from.value) {
        // It works in no task of the workflow, so it has no turn.
        return;
    }
    let place = |agent| lint.index.sequence.get(&(name, agent));
    if let (Some(from), Some(to)) = (place(&grant.from.value), place(&grant.to.value))
        && to < from
    {
        let message =
            format!("`{}` may ask `{}`, which comes before it in the sequence", grant.from.value, grant.to.value);
        let remedy = "order `agents` by who asks whom, or remove the grant";
        found.add(LintRule::GrantAgainstSequence, file, grant.to.start, message, remedy);
    }
}

fn schema(file: &Workflow<'_>, grant: &GrantForm, found: &mut Found) {
    let request = &grant.request;
    let Some(schema) = &grant.schema else {
        let message = format!("request `{}` may contain anything", request.value);
        found.add(LintRule::GrantWithoutSchema, file, request.start, message, "declare its `schema`");
        return;
    };
    if is_open(schema) {
        let message = format!("request `{}` may contain fields beside those of its schema", request.value);
        let remedy = "write `additionalProperties = false` in its schema";
        found.add(LintRule::GrantSchemaOpen, file, request.start, message, remedy);
    }
}

/// Whoever acts is asked in types, and not in words.
fn free_text(lint: Lint<'_>, name: &WorkflowName, file: &Workflow<'_>, grant: &GrantForm, found: &mut Found) {
    let GrantForm { from, to, request, .. } = grant;
    let Some(tool) = lint.privileged_tool(&to.value) else { return };
    let grant = lint.deployment.workflows.get(name).and_then(|it| it.grant(&from.value, &to.value, &request.value));
    let Some(place) = grant.and_then(|grant| grant.schema.free_text().first()) else { return };
    let message =
        format!("`{}` holds `{tool}`, and request `{}` has room for free text: {place}", to.value, request.value);
    found.add(LintRule::GrantFreeText, file, request.start, message, TYPED);
}

/// Whoever acts is answered in types as well.
fn answer(lint: Lint<'_>, name: &WorkflowName, file: &Workflow<'_>, grant: &GrantForm, found: &mut Found) {
    let GrantForm { from, to, request, .. } = grant;
    let Some(tool) = lint.privileged_tool(&from.value) else { return };
    let grant = lint.deployment.workflows.get(name).and_then(|it| it.grant(&from.value, &to.value, &request.value));
    let answer = grant.map(|grant| grant.answer.as_ref().unwrap_or_else(|| ContentSchema::anything()));
    let Some(place) = answer.and_then(|answer| answer.free_text().first()) else { return };
    let message = format!(
        "`{}` holds `{tool}`, and the answer to its request `{}` has room for free text: {place}",
        from.value, request.value
    );
    found.add(LintRule::AnswerFreeText, file, request.start, message, TYPED);
}

/// How to ask, answer or tell an agent that acts.
pub(super) const TYPED: &str = "fix the place with `enum`, `const`, a `pattern` of an identifier or a `format`; what \
                                must stay in words is stored, and the request names where";

/// Whether a schema lets fields pass that it does not name.
pub(super) fn is_open(schema: &toml::Table) -> bool {
    let closed = ["additionalProperties", "unevaluatedProperties"]
        .iter()
        .any(|key| schema.get(*key).and_then(toml::Value::as_bool) == Some(false));
    let is_plain = schema.get("type").and_then(toml::Value::as_str).is_some_and(|word| word != "object");
    !closed && !is_plain
}

fn reserved(file: &Workflow<'_>, grant: &GrantForm, found: &mut Found) {
    if Clarifying::is_reserved(&grant.request.value) {
        let what =
            if grant.request.value == Clarifying::request() { "ask what is meant" } else { "say what they assume" };
        let message = format!("agents {what} by `{}`, without any grant", grant.request.value);
        found.add(LintRule::RequestReserved, file, grant.request.start, message, "give the request another name");
    }
}

fn queues(file: &Workflow<'_>, grant: &GrantForm, found: &mut Found) {
    if grant.queues == Some(true) {
        let message =
            format!("request `{}` waits for `{}` also when it is not there", grant.request.value, grant.to.value);
        let remedy = "leave `queues` out, so that the sender hears of it and can turn to somebody else";
        found.add(LintRule::RequestQueues, file, grant.request.start, message, remedy);
    }
}

fn twice(file: &Workflow<'_>, found: &mut Found) {
    let mut seen = BTreeSet::new();
    for GrantForm { from, to, request, .. } in &file.form.grants {
        if !seen.insert((&from.value, &to.value, &request.value)) {
            let message = format!("request `{}` is granted twice", request.value);
            found.add(LintRule::GrantTwice, file, request.start, message, "keep one");
        }
    }
}
