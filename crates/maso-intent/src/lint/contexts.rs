//! What is unsound about contexts and budgets: nobody watches one, or its numbers cannot be (EC-1.9, EC-2.16, OB-2.5).

use super::{Found, Lint, LintRule};
use crate::{
    ContextLevel,
    form::{ContextForm, File},
};

pub(super) fn check(lint: Lint<'_>, found: &mut Found) {
    if let Some(maso) = &lint.folder.maso
        && let Some(context) = &maso.form.context
    {
        numbers(maso, context, found);
    }
    for (name, file) in &lint.folder.agents {
        match &file.form.context {
            Some(context) => numbers(file, context, found),
            None if lint.deployment.agents.get(name).is_some_and(|mandate| mandate.context.is_none()) => {
                let message = "nothing says how much its model's context holds, so nobody sees it fill up";
                let remedy = "add `[context]` with `tokens`, here or for all agents in maso.toml";
                found.add(LintRule::ContextUndeclared, file, 0, message, remedy);
            }
            None => {}
        }
    }
    for file in lint.folder.workflows.values() {
        let limits = &file.form.limits;
        for (key, most) in [("max_tokens", limits.max_tokens), ("max_cost_minor", limits.max_cost_minor)] {
            if most == Some(0) {
                let message = format!("`{key}` is zero, so nothing can pass");
                found.add(LintRule::BudgetZero, file, file.find(key), message, "leave it out or raise it");
            }
        }
    }
}

fn numbers<T>(file: &File<'_, T>, context: &ContextForm, found: &mut Found) {
    let mut impossible = |start: usize, message: String, remedy: &str| {
        found.add(LintRule::ContextImpossible, file, start, message, remedy);
    };
    let tokens = &context.tokens;
    if *tokens.get_ref() < TOKENS_MIN {
        let message = format!("a context of {} tokens holds nothing to work on", tokens.get_ref());
        impossible(tokens.span().start, message, "write what the model's provider says");
    }
    if let Some(bytes) = context.bytes_per_token.as_ref().filter(|bytes| !BYTES.contains(bytes.get_ref())) {
        let message = format!("no model has {} bytes in a token", bytes.get_ref());
        impossible(bytes.span().start, message, "leave it out: 4 is about right");
    }
    let late = ContextLevel::Warning.percent();
    if let Some(percent) = context.rotate_at.as_ref().filter(|percent| !(1..late).contains(percent.get_ref())) {
        let message = format!(
            "at {} % an agent is not told in time: from Tier 2 up it is isolated at {late} %",
            percent.get_ref()
        );
        let remedy = "leave it out: 75 is recommended";
        found.add(LintRule::RotationLate, file, percent.span().start, message, remedy);
    }
}

/// Less than any model has, and less than what it is for takes.
const TOKENS_MIN: u64 = 1_000;
const BYTES: std::ops::RangeInclusive<u64> = 1..=16;
