//! What is unsound in intent specifications: when a thing succeeded or failed, and who covers what.

use std::collections::BTreeSet;

use super::{Found, Lint, LintRule, vague::vague};
use crate::{
    Decider, Evaluation,
    form::{AgentForm, File, OiSpecForm, WorkflowForm},
    nearest::suggestion,
};

pub(super) fn check(lint: Lint<'_>, found: &mut Found) {
    for file in lint.folder.workflows.values() {
        let form = &file.form.oispec;
        success(LintRule::WorkflowSuccessMissing, "workflow", file, form, found);
        failure(LintRule::WorkflowFailureMissing, "workflow", file, form, found);
        specification(file, form, found);
    }
    for file in lint.folder.agents.values() {
        let form = &file.form.oispec;
        success(LintRule::AgentSuccessMissing, "agent", file, form, found);
        failure(LintRule::AgentFailureMissing, "agent", file, form, found);
        specification(file, form, found);
        covers(lint, file, found);
    }
    coverage(lint, found);
}

fn specification<T>(file: &File<'_, T>, form: &OiSpecForm, found: &mut Found) {
    evaluation(file, form, found);
    twice(file, form, found);
    measurable(file, form, found);
}

fn success<T>(rule: LintRule, whose: &str, file: &File<'_, T>, form: &OiSpecForm, found: &mut Found) {
    if form.success_criteria.is_empty() {
        let message = format!("nothing says when the {whose} succeeded");
        found.add(rule, file, file.find("[oispec]"), message, "add `success_criteria` to `[oispec]`");
    }
}

fn failure<T>(rule: LintRule, whose: &str, file: &File<'_, T>, form: &OiSpecForm, found: &mut Found) {
    if form.failure_criteria.is_empty() {
        let message = format!("nothing says when the {whose} failed");
        found.add(rule, file, file.find("[oispec]"), message, "add `failure_criteria` to `[oispec]`");
    }
}

fn evaluation<T>(file: &File<'_, T>, form: &OiSpecForm, found: &mut Found) {
    let Some(evaluation) = &form.evaluation else { return };
    let risk = form.risk_classification.value;
    let due = Evaluation::due(risk);
    if evaluation.value < due {
        let message = format!("`{}` is too seldom at the risk `{risk}`", evaluation.value);
        let remedy = format!("write `evaluation = \"{due}\"`, or leave it out");
        found.add(LintRule::EvaluationTooSeldom, file, evaluation.start, message, remedy);
    }
    let message = "`evaluation` moves no judge yet: judges are heard before each action whose risk asks for it";
    let remedy = "leave it out, or keep it for the version that evaluates at the end of phases and runs";
    found.add(LintRule::EvaluationWithoutEffect, file, evaluation.start, message, remedy);
}

fn twice<T>(file: &File<'_, T>, form: &OiSpecForm, found: &mut Found) {
    let mut ids = BTreeSet::new();
    for criterion in &form.success_criteria {
        if let Some(id) = &criterion.id
            && !ids.insert(id)
        {
            let message = format!("two success criteria have the id `{id}`");
            found.add(LintRule::CriterionTwice, file, criterion.text.start, message, "give each its own");
        }
    }
}

/// Words that cannot be measured, but where a person or a schema decides.
fn measurable<T>(file: &File<'_, T>, form: &OiSpecForm, found: &mut Found) {
    let decided = |decider: &Decider| !matches!(decider, Decider::Judge(_));
    let success = form.success_criteria.iter();
    let success = success.filter(|criterion| !criterion.decided_by.as_ref().is_some_and(|at| decided(&at.value)));
    for text in success.map(|criterion| &criterion.text).chain(&form.failure_criteria) {
        if let Some(word) = vague(text) {
            let message = format!("`{word}` cannot be measured");
            let remedy = "say what can be counted, compared or looked up, so that a judge could answer yes or no";
            found.add(LintRule::CriterionVague, file, text.start, message, remedy);
        }
    }
}

fn covers(lint: Lint<'_>, file: &File<'_, AgentForm>, found: &mut Found) {
    let Some(solution) = lint.deployment.workflows.get(&file.form.workflow.value) else { return };
    let ids = &solution.oispec.criterion_ids;
    for covered in file.form.oispec.covers.iter().filter(|covered| !ids.contains(&covered.value)) {
        let message = format!("workflow `{}` has no success criterion `{}`", solution.workflow, covered.value);
        let remedy = suggestion(&covered.value, ids.iter().map(String::as_str), || {
            format!("its criteria are {}", ids.join(", "))
        });
        found.add(LintRule::CoversUnknown, file, covered.start, message, remedy);
    }
}

fn coverage(lint: Lint<'_>, found: &mut Found) {
    for (name, file) in &lint.folder.workflows {
        let Some(solution) = lint.deployment.workflows.get(name) else { continue };
        for (id, form) in solution.oispec.criterion_ids.iter().zip(&file.form.oispec.success_criteria) {
            if !lint.index.covered.contains(&(name, id)) {
                uncovered(file, id, form.text.start, found);
            }
        }
    }
}

fn uncovered(file: &File<'_, WorkflowForm>, id: &str, start: usize, found: &mut Found) {
    let message = format!("success criterion `{id}` is not covered by any agent");
    let remedy = format!("add `covers = [\"{id}\"]` to the `[oispec]` of the agent that serves it");
    found.add(LintRule::CriterionUncovered, file, start, message, remedy);
}
