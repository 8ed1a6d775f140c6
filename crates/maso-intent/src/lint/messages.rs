//! What is unsound in what agents may tell each other unasked: between whom, and of what.

use std::collections::BTreeSet;

use maso_core::WorkflowName;

use super::{
    Found, Lint, LintRule,
    grants::{TYPED, is_open},
};
use crate::form::{File, MessageForm, WorkflowForm};

type Workflow<'a> = File<'a, WorkflowForm>;

pub(super) fn check(lint: Lint<'_>, found: &mut Found) {
    for (name, file) in &lint.folder.workflows {
        for message in &file.form.messages {
            parties(lint, name, file, message, found);
            schema(file, message, found);
            free_text(lint, name, file, message, found);
        }
        twice(file, found);
    }
}

fn parties(lint: Lint<'_>, name: &WorkflowName, file: &Workflow<'_>, message: &MessageForm, found: &mut Found) {
    for agent in [&message.from, &message.to] {
        if !lint.deployment.agents.contains_key(&agent.value) {
            lint.unknown_agent(LintRule::MessageAgentUnknown, file, agent, found);
        } else if !lint.index.sequence.contains_key(&(name, &agent.value)) {
            let told = format!("agent `{}` of the message is not an agent of the workflow", agent.value);
            let remedy = "add it to `agents`, or remove the message";
            found.add(LintRule::MessageAgentForeign, file, agent.start, told, remedy);
        }
    }
    if message.from.value == message.to.value {
        let told = format!("`{}` may tell itself `{}`", message.from.value, message.contract.value);
        let remedy = "name another agent, or remove the message";
        found.add(LintRule::MessageToItself, file, message.to.start, told, remedy);
    }
}

fn schema(file: &Workflow<'_>, message: &MessageForm, found: &mut Found) {
    let contract = &message.contract;
    match &message.schema {
        None => {
            let told = format!("message `{}` may contain anything", contract.value);
            found.add(LintRule::MessageWithoutSchema, file, contract.start, told, "declare its `schema`");
        }
        Some(schema) if is_open(schema) => {
            let told = format!("message `{}` may contain fields beside those of its schema", contract.value);
            let remedy = "write `additionalProperties = false` in its schema";
            found.add(LintRule::MessageSchemaOpen, file, contract.start, told, remedy);
        }
        Some(_) => {}
    }
}

/// Whoever acts is told in types, and not in words.
fn free_text(lint: Lint<'_>, name: &WorkflowName, file: &Workflow<'_>, message: &MessageForm, found: &mut Found) {
    let MessageForm { from, to, contract, .. } = message;
    let Some(tool) = lint.privileged_tool(&to.value) else { return };
    let solution = lint.deployment.workflows.get(name);
    let channel = solution.and_then(|it| it.channel(&from.value, &to.value, &contract.value));
    let Some(place) = channel.and_then(|channel| channel.schema.free_text().first()) else { return };
    let told =
        format!("`{}` holds `{tool}`, and message `{}` has room for free text: {place}", to.value, contract.value);
    found.add(LintRule::MessageFreeText, file, contract.start, told, TYPED);
}

fn twice(file: &Workflow<'_>, found: &mut Found) {
    let mut seen = BTreeSet::new();
    for MessageForm { from, to, contract, .. } in &file.form.messages {
        if !seen.insert((&from.value, &to.value, &contract.value)) {
            let told = format!("message `{}` is declared twice", contract.value);
            found.add(LintRule::MessageTwice, file, contract.start, told, "keep one");
        }
    }
}
