//! What is unsound in intent specifications.

use std::collections::BTreeSet;

use super::Lint;
use crate::{
    Evaluation, Problem, Severity,
    form::{File, OiSpecForm},
    nearest::suggestion,
};

impl Lint<'_> {
    pub(super) fn oispecs(self, problems: &mut Vec<Problem>) {
        for (name, file) in &self.folder.workflows {
            criteria(file, &file.form.oispec, "OI-1.2", problems);
            let Some(solution) = self.deployment.workflows.get(name) else { continue };
            let ids = &solution.oispec.criterion_ids;
            if ids.is_empty() {
                let message = "nothing says when the workflow succeeded";
                let remedy = "add `success_criteria` to `[oispec]`";
                problems.push(file.problem(file.find("[oispec]"), Severity::Error, "OI-1.2", message, remedy));
            }
            let covered: BTreeSet<&String> = self
                .deployment
                .agents
                .values()
                .filter(|agent| agent.workflow == *name)
                .flat_map(|agent| &agent.oispec.covers)
                .collect();
            for (id, form) in ids.iter().zip(&file.form.oispec.success_criteria) {
                if !covered.contains(id) {
                    let message = format!("success criterion `{id}` is not covered by any agent");
                    let remedy = format!("add `covers = [\"{id}\"]` to the `[oispec]` of the agent that serves it");
                    problems.push(file.problem(form.text.start, Severity::Error, "OI-1.5", message, remedy));
                }
            }
        }
        for file in self.folder.agents.values() {
            criteria(file, &file.form.oispec, "OI-1.1", problems);
            if file.form.oispec.success_criteria.is_empty() {
                let message = "nothing says when the agent succeeded";
                let remedy = "add `success_criteria` to `[oispec]`";
                problems.push(file.problem(file.find("[oispec]"), Severity::Error, "OI-1.1", message, remedy));
            }
            let Some(solution) = self.deployment.workflows.get(&file.form.workflow.value) else { continue };
            let ids = &solution.oispec.criterion_ids;
            for covered in file.form.oispec.covers.iter().filter(|covered| !ids.contains(&covered.value)) {
                let message = format!("workflow `{}` has no success criterion `{}`", solution.workflow, covered.value);
                let remedy = suggestion(&covered.value, ids.iter().map(String::as_str), || {
                    format!("its criteria are {}", ids.join(", "))
                });
                problems.push(file.problem(covered.start, Severity::Error, "OI-1.5", message, remedy));
            }
        }
    }
}

fn criteria<T>(file: &File<'_, T>, form: &OiSpecForm, control: &'static str, problems: &mut Vec<Problem>) {
    if form.failure_criteria.is_empty() {
        let message = "nothing says when it failed";
        let remedy = "add `failure_criteria` to `[oispec]`";
        problems.push(file.problem(file.find("[oispec]"), Severity::Warning, control, message, remedy));
    }
    if let Some(evaluation) = &form.evaluation {
        let due = Evaluation::due(form.risk_classification.value);
        if evaluation.value < due {
            let risk = form.risk_classification.value;
            let message = format!("`{}` is too seldom at the risk `{risk}`", evaluation.value);
            let remedy = format!("write `evaluation = \"{due}\"`, or leave it out");
            problems.push(file.problem(evaluation.start, Severity::Warning, "OI-2.1", message, remedy));
        }
        let message = "`evaluation` moves no judge yet: judges are heard before each action whose risk asks for it";
        let remedy = "leave it out, or keep it for the version that evaluates at the end of phases and runs";
        problems.push(file.problem(evaluation.start, Severity::Note, "OI-2.2", message, remedy));
    }
    let mut ids = BTreeSet::new();
    for id in form.success_criteria.iter().filter_map(|criterion| criterion.id.as_ref().map(|id| (id, &criterion.text)))
    {
        if !ids.insert(id.0) {
            let message = format!("two success criteria have the id `{}`", id.0);
            problems.push(file.problem(id.1.start, Severity::Error, control, message, "give each its own"));
        }
    }
    let texts = form.success_criteria.iter().map(|criterion| &criterion.text).chain(&form.failure_criteria);
    for text in texts {
        if let Some(word) = vague(text) {
            let message = format!("`{word}` cannot be measured");
            let remedy = "say what can be counted, compared or looked up, so that a judge could answer yes or no";
            problems.push(file.problem(text.start, Severity::Warning, control, message, remedy));
        }
    }
}

/// The first word of a criterion that no judge could answer with yes or no.
pub(super) fn vague(criterion: &str) -> Option<&'static str> {
    let plain = criterion.to_lowercase();
    let words: Vec<&str> = plain.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    VAGUE.iter().copied().find(|phrase| {
        let phrase: Vec<&str> = phrase.split(' ').collect();
        words.windows(phrase.len()).any(|window| window == phrase)
    })
}

const VAGUE: &[&str] = &[
    "appropriate",
    "appropriately",
    "adequate",
    "adequately",
    "reasonable",
    "reasonably",
    "good",
    "better",
    "best",
    "high quality",
    "helpful",
    "useful",
    "properly",
    "nicely",
    "satisfied",
    "satisfactory",
    "user friendly",
    "efficient",
    "efficiently",
    "quickly",
    "fast",
    "soon",
    "timely",
    "as needed",
    "as required",
    "if possible",
    "as possible",
    "where possible",
    "etc",
    "and so on",
    "try to",
    "robust",
    "seamless",
    "relevant",
    "sensible",
    "successful",
    "successfully",
    "well",
];
