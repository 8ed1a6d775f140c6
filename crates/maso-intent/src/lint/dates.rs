//! What the dates of mandates mean today.

use maso_core::Timestamp;

use super::{Found, Lint, LintRule};
use crate::{
    form::WorkflowForm,
    parse::{day_begins, day_is_over},
};

/// Mandates that do not hold yet, and reviews that are overdue (AT-2.2): an overdue one is reported and takes nothing
/// away.
pub(super) fn check(lint: Lint<'_>, now: Timestamp, found: &mut Found) {
    for file in lint.folder.workflows.values() {
        let WorkflowForm { id, effective_date, review_date, .. } = &file.form;
        let is_ahead = |date: &str| day_begins(date).is_some_and(|begins| now < begins);
        if let Some(date) = effective_date.as_ref().filter(|date| is_ahead(&date.value)) {
            let message = format!("`{}` takes effect on {}: until then it grants nothing", id.value, date.value);
            found.add(LintRule::NotYetEffective, file, date.start, message, "wait, or have an earlier date approved");
        }
        if let Some(date) = review_date.as_ref().filter(|date| day_is_over(&date.value, now)) {
            let message = format!("the review of `{}` is overdue since {}", id.value, date.value);
            let remedy = "have both owners review it, and write down the next date";
            found.add(LintRule::ReviewOverdue, file, date.start, message, remedy);
        }
    }
}
