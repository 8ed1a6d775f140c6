//! Whether what bounds going back and forth is within what bounds anything (EC-1.5, EC-1.5a, EC-1.10, EC-2.6, ENV-14).

use std::ops::RangeInclusive;

use super::{Found, Lint, LintRule};
use crate::{
    Bounds,
    form::{File, ServerForm, WorkflowForm},
};

pub(super) fn check(lint: Lint<'_>, found: &mut Found) {
    for file in lint.folder.workflows.values() {
        numbers(file, found);
        spans(file, found);
    }
    for file in lint.folder.servers.values() {
        decisions(file, found);
    }
}

fn numbers(file: &File<'_, WorkflowForm>, found: &mut Found) {
    let form = &file.form.limits;
    let numbers: [(&str, Option<u32>, RangeInclusive<u32>, LintRule); 6] = [
        ("turns_max", form.turns_max, 1..=Bounds::TURNS_MAX, LintRule::TurnsOutOfBounds),
        ("delegations_max", form.delegations_max, 1..=Bounds::DELEGATIONS_MAX, LintRule::DelegationsOutOfBounds),
        (
            "delegations_per_hour_max",
            form.delegations_per_hour_max,
            1..=Bounds::DELEGATIONS_PER_HOUR_MAX,
            LintRule::DelegationsOutOfBounds,
        ),
        ("spawns_max", form.spawns_max, 1..=Bounds::SPAWNS_MAX, LintRule::SpawnsOutOfBounds),
        ("spawn_depth", form.spawn_depth, 1..=Bounds::SPAWN_DEPTH_MAX, LintRule::SpawnsOutOfBounds),
        ("retries_max", form.retries_max, 0..=Bounds::RETRIES_MAX, LintRule::RetriesOutOfBounds),
    ];
    for (key, number, bounds, rule) in numbers {
        if let Some(number) = number.filter(|number| !bounds.contains(number)) {
            let message = format!("`{key}` is {number}");
            let remedy = format!("write a number from {} to {}, or leave it out", bounds.start(), bounds.end());
            found.add(rule, file, file.find(key), message, remedy);
        }
    }
}

fn spans(file: &File<'_, WorkflowForm>, found: &mut Found) {
    let form = &file.form.limits;
    if let Some(cooldown) = form.retry_cooldown.as_ref().filter(|span| span.0 > Bounds::RETRY_COOLDOWN_MS_MAX) {
        let message = "`retry_cooldown` is longer than a day";
        found.add(LintRule::CooldownTooLong, file, cooldown.start, message, "60s for writes are recommended");
    }
    if let Some(kept) = form.decisions_kept.as_ref().filter(|span| !Bounds::DECISIONS_KEPT_MS.contains(&span.0)) {
        let message = "decisions are kept for less than an hour, or more than 90 days";
        found.add(LintRule::DecisionsKeptOutOfBounds, file, kept.start, message, "write `30d`, or leave it out");
    }
}

/// A decision is about something, or nobody could say that it was decided before.
fn decisions(file: &File<'_, ServerForm>, found: &mut Found) {
    for (tool, form) in &file.form.tools {
        if let (Some(decision), None) = (&form.decision_pointer, &form.item_pointer) {
            let message = format!("`{}` decides, and nothing says about what, so all its calls are denied", tool.value);
            let remedy = "add `item_pointer`, the argument that names it";
            found.add(LintRule::DecisionWithoutItem, file, decision.start, message, remedy);
        }
    }
}
