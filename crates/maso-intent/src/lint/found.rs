//! What was found so far.

use std::collections::BTreeMap;

use maso_core::{ControlId, Tier};

use crate::{LintRule, Problem, form::File, problem::Lines};

/// The problems that were found so far, as grave as the tier makes them.
pub(super) struct Found {
    tier: Tier,
    problems: Vec<Problem>,
    lines: BTreeMap<String, Lines>,
}

impl Found {
    /// Nothing yet.
    pub(super) fn new(tier: Tier) -> Self {
        Self { tier, problems: Vec::new(), lines: BTreeMap::new() }
    }

    /// Notes what a rule found at a byte offset of a file, where the tier asks for the rule at all.
    pub(super) fn add<T>(
        &mut self,
        rule: LintRule,
        file: &File<'_, T>,
        start: usize,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.note(rule, rule.control(), file, start, message.into(), remedy.into());
    }

    /// The same, where it depends on what was found which control asks for it.
    pub(super) fn add_about<T>(
        &mut self,
        rule: LintRule,
        control: &ControlId,
        file: &File<'_, T>,
        start: usize,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.note(rule, Some(control.clone()), file, start, message.into(), remedy.into());
    }

    fn note<T>(
        &mut self,
        rule: LintRule,
        control: Option<ControlId>,
        file: &File<'_, T>,
        start: usize,
        message: String,
        remedy: String,
    ) {
        let Some(severity) = rule.severity(self.tier) else { return };
        // Lines are counted once for each file: counting them anew for each problem would be quadratic.
        let lines = self.lines.entry(file.path.to_owned()).or_insert_with(|| Lines::of(file.text));
        let (line, column) = lines.place(file.text, start);
        self.problems.push(Problem {
            file: file.path.to_owned(),
            line,
            column,
            severity,
            control,
            rule,
            message,
            remedy,
        });
    }

    /// Gives up the problems.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }
}
