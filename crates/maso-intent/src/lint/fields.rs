//! What is unsound in what a declaration says of itself: history, powers, data, halts, conflicts, reviews.

mod agent;
mod data;
mod judge;
mod workflow;

use std::fmt::Display;

use maso_core::OperatorName;

use super::{Found, Lint, LintRule};
use crate::{
    form::{At, File},
    nearest::suggestion,
    parse::Declared,
};

pub(super) fn check(lint: Lint<'_>, found: &mut Found) {
    lint.workflow_fields(found);
    lint.agent_fields(found);
    lint.judge_fields(found);
    lint.data(found);
}

impl Lint<'_> {
    /// Where a declaration says it comes from: a person wrote it, and each version before it is named once.
    fn history<T>(self, file: &File<'_, T>, declared: Declared<'_>, author: LintRule, found: &mut Found) {
        if let Some(by) = declared.created_by
            && self.deployment.agents.keys().any(|agent| agent.as_str() == by.value)
        {
            let message =
                format!("`{}` is an agent; people write specifications, not those who are bound by them", by.value);
            found.add(author, file, by.start, message, "name the person");
        }
        let Some(first) = declared.version_history.first() else { return };
        let n_before = declared.version_history.len();
        if let Some(version) = declared.version
            && usize::try_from(version) != Ok(n_before + 1)
        {
            let message = format!("version {version} with {n_before} versions before it");
            let remedy = format!("write `version = {}`, or name the missing ones", n_before + 1);
            found.add(LintRule::HistoryMiscounted, file, first.start, message, remedy);
        }
        for (index, digest) in declared.version_history.iter().enumerate() {
            if declared.version_history[..index].contains(digest) {
                let message = format!("version `{}` is named twice", digest.value);
                found.add(LintRule::VersionTwice, file, digest.start, message, "keep one");
            }
        }
    }

    /// Whether this is an operator: a halt is for people, never for agents (AT-2.9).
    fn person<T>(self, file: &File<'_, T>, operator: &At<OperatorName>, rule: LintRule, found: &mut Found) {
        if self.deployment.operators.contains_key(&operator.value) {
            return;
        }
        let is_agent = self.deployment.agents.keys().any(|agent| agent.as_str() == operator.as_str());
        let what = if is_agent { "an agent; only people are told and decide" } else { "not an operator" };
        let message = format!("`{}` is {what}", operator.value);
        let remedy = self.operator_suggestion(operator.as_str());
        found.add(rule, file, operator.start, message, remedy);
    }

    /// Whether there is such a judge.
    fn judge<T>(self, file: &File<'_, T>, name: &str, start: usize, found: &mut Found) {
        if self.deployment.judges.keys().any(|judge| judge.as_str() == name) {
            return;
        }
        let judges = self.deployment.judges.keys().map(|judge| judge.as_str());
        let remedy = suggestion(name, judges, || format!("add judges/{name}.toml"));
        found.add(LintRule::JudgeUnknown, file, start, format!("there is no judge `{name}`"), remedy);
    }
}

/// What is written twice among these.
fn repeated<T: Ord + Display>(given: &[At<T>]) -> impl Iterator<Item = &At<T>> {
    given.iter().enumerate().filter(|(index, one)| given[..*index].contains(one)).map(|(_, one)| one)
}

/// The note about keys that are on the record and that nothing acts on yet; nothing, where none of them is given.
fn recorded_only<T>(file: &File<'_, T>, given: &[(&str, Option<usize>)], rule: LintRule, found: &mut Found) {
    let given: Vec<(&str, usize)> = given.iter().filter_map(|(key, start)| Some((*key, (*start)?))).collect();
    let Some(first) = given.iter().map(|(_, start)| *start).min() else { return };
    let keys: Vec<String> = given.iter().map(|(key, _)| format!("`{key}`")).collect();
    let verb = if keys.len() == 1 { "is" } else { "are" };
    let message = format!(
        "{} {verb} recorded, and nothing acts on {} yet",
        keys.join(", "),
        if keys.len() == 1 { "it" } else { "them" }
    );
    let remedy = "keep it for those who read and review; docs/deployment.md says what each key does";
    found.add(rule, file, first, message, remedy);
}
