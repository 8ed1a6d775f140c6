//! Who answers for a workflow, who approved it, and until when.

use std::collections::BTreeSet;

use super::{Found, Lint, LintRule};
use crate::form::{At, File, WorkflowForm};

type Workflow<'a> = File<'a, WorkflowForm>;

pub(super) fn check(lint: Lint<'_>, found: &mut Found) {
    for file in lint.folder.workflows.values() {
        missing(file, found);
        one_for_both(file, found);
        approval(file, found);
        dates(file, found);
    }
}

fn missing(file: &Workflow<'_>, found: &mut Found) {
    let form = &file.form;
    let wanted = [
        ("process_owner", form.process_owner.is_none(), LintRule::OwnerMissing),
        ("technical_owner", form.technical_owner.is_none(), LintRule::OwnerMissing),
        ("approved_by", form.approved_by.is_empty(), LintRule::ApproverMissing),
        ("effective_date", form.effective_date.is_none(), LintRule::DateMissing),
        ("review_date", form.review_date.is_none(), LintRule::DateMissing),
    ];
    for (key, _, rule) in wanted.into_iter().filter(|(_, is_missing, _)| *is_missing) {
        let remedy = format!("add `{key} = …` above the first table");
        found.add(rule, file, 0, format!("the mandate has no `{key}`"), remedy);
    }
}

fn one_for_both(file: &Workflow<'_>, found: &mut Found) {
    if let (Some(process), Some(technical)) = (&file.form.process_owner, &file.form.technical_owner)
        && process == technical
    {
        let message = format!("`{}` answers for both process and technology, and reviews itself", process.value);
        found.add(LintRule::OwnersAreOne, file, technical.start, message, "name two");
    }
}

fn approval(file: &Workflow<'_>, found: &mut Found) {
    let approvers = &file.form.approved_by;
    if approvers.is_empty() {
        return;
    }
    let start = file.find("approved_by");
    let owners: BTreeSet<&At<String>> =
        [&file.form.process_owner, &file.form.technical_owner].into_iter().flatten().collect();
    for owner in owners.iter().filter(|owner| !approvers.contains(&owner.value)) {
        let message = format!("owner `{}` did not approve the mandate", owner.value);
        let remedy = format!("have `{}` read and approve it", owner.value);
        found.add(LintRule::OwnerDidNotApprove, file, start, message, remedy);
    }
    let n_approvers = approvers.iter().collect::<BTreeSet<_>>().len();
    if n_approvers < APPROVERS_MIN {
        let message = format!("{n_approvers} approved the mandate, {APPROVERS_MIN} should");
        let remedy = "process owner, technical owner and security lead approve, each for what they answer for";
        found.add(LintRule::ApproversTooFew, file, start, message, remedy);
    }
}

fn dates(file: &Workflow<'_>, found: &mut Found) {
    let mut read = |date: &Option<At<String>>| {
        let date = date.as_ref()?;
        let parsed = date.parse::<jiff::civil::Date>();
        if parsed.is_err() {
            let message = format!("`{}` is not a date", date.value);
            found.add(LintRule::DateInvalid, file, date.start, message, "write it as `2027-01-31`");
        }
        Some((parsed.ok()?, date.start))
    };
    let effective = read(&file.form.effective_date);
    let review = read(&file.form.review_date);
    let (Some((effective, _)), Some((review, start))) = (effective, review) else { return };
    let n_days = (review - effective).get_days();
    if n_days <= 0 {
        let message = "the review date is not after the effective date";
        found.add(LintRule::ReviewBeforeEffect, file, start, message, "review at least quarterly");
    } else if n_days > QUARTER_DAYS {
        let message = format!("the mandate is reviewed {n_days} days after it takes effect");
        let remedy = format!("review at least quarterly: at most {QUARTER_DAYS} days later");
        found.add(LintRule::ReviewTooLate, file, start, message, remedy);
    }
}

/// Who approves a solution mandate: process owner, technical owner, security lead (AT-1.1).
const APPROVERS_MIN: usize = 3;
/// The longest quarter (AT-2.2: quarterly).
const QUARTER_DAYS: i32 = 92;
