//! What the dates of mandates mean today.

use maso_core::Timestamp;

use super::Lint;
use crate::{
    Problem, Severity,
    form::{At, File, WorkflowForm},
    parse::{day_begins, day_is_over},
};

impl Lint<'_> {
    /// Mandates that do not hold yet, and reviews that are overdue (AT-2.2): an overdue one is reported and takes
    /// nothing away.
    pub(super) fn dates(self, now: Timestamp, problems: &mut Vec<Problem>) {
        for file in self.folder.workflows.values() {
            let WorkflowForm { id, effective_date, review_date, .. } = &file.form;
            if let Some(date) = effective_date.as_ref().filter(|date| is_ahead(date, now)) {
                let message = format!("`{}` takes effect on {}: until then it grants nothing", id.value, date.value);
                problems.push(warning(file, date, "AT-1.1", message, "wait, or have an earlier date approved"));
            }
            if let Some(date) = review_date.as_ref().filter(|date| day_is_over(&date.value, now)) {
                let message = format!("the review of `{}` is overdue since {}", id.value, date.value);
                let remedy = "have both owners review it, and write down the next date";
                problems.push(warning(file, date, "AT-2.2", message, remedy));
            }
        }
    }
}

fn warning(
    file: &File<'_, WorkflowForm>,
    date: &At<String>,
    control: &'static str,
    message: String,
    remedy: &str,
) -> Problem {
    file.problem(date.start, Severity::Warning, control, message, remedy)
}

fn is_ahead(date: &At<String>, now: Timestamp) -> bool {
    day_begins(&date.value).is_some_and(|begins| now < begins)
}
