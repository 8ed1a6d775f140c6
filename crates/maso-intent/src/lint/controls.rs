//! What is unsound about the selection of controls.

use maso_core::ControlId;

use super::{Found, Lint, LintRule};
use crate::{
    Control, Effect,
    form::{DeselectionForm, File, MasoForm},
    nearest::suggestion,
};

pub(super) fn check(lint: Lint<'_>, found: &mut Found) {
    let Some(maso) = &lint.folder.maso else { return };
    selected(maso, found);
    for deselection in &maso.form.controls.deselected {
        deselected(maso, deselection, found);
        owner(lint, maso, deselection, found);
        end(maso, deselection, found);
        contradiction(maso, deselection, found);
    }
}

fn selected(maso: &File<'_, MasoForm>, found: &mut Found) {
    for control in &maso.form.controls.selected {
        match Control::of(&control.value).map(Control::effect) {
            Some(Some(_)) => {}
            Some(None) => {
                let message = format!("`{}` is selected, and this version does nothing about it", control.value);
                let remedy = "leave it out; docs/controls.md says what is in force";
                found.add(LintRule::ControlWithoutEffect, maso, control.start, message, remedy);
            }
            None => unknown(maso, &control.value, control.start, found),
        }
    }
}

fn deselected(maso: &File<'_, MasoForm>, deselection: &DeselectionForm, found: &mut Found) {
    let control = &deselection.control;
    match Control::of(&control.value).map(Control::effect) {
        Some(Some(Effect::Switched)) => {}
        Some(Some(Effect::Checked)) => {
            let message = format!("`{}` is switched off, and `maso check` looks for it all the same", control.value);
            let remedy = "keep it if an auditor wants to read the reason";
            found.add(LintRule::DeselectionCheckedAnyway, maso, control.start, message, remedy);
        }
        Some(Some(Effect::Always)) => {
            let message = format!("`{}` cannot be switched off, and stays in force", control.value);
            let remedy = "leave it out; docs/controls.md says which controls can be, and which of them speak for it";
            found.add(LintRule::DeselectionRefused, maso, control.start, message, remedy);
        }
        Some(None) => {
            let message = format!("`{}` is switched off, and this version does nothing about it anyway", control.value);
            let remedy = "keep it if an auditor wants to read the reason";
            found.add(LintRule::DeselectionWithoutEffect, maso, control.start, message, remedy);
        }
        None => unknown(maso, &control.value, control.start, found),
    }
}

fn unknown(maso: &File<'_, MasoForm>, control: &ControlId, start: usize, found: &mut Found) {
    let (message, remedy) = no_such_control(control);
    found.add(LintRule::ControlUnknown, maso, start, message, remedy);
}

/// What is said of a control that the framework does not have, and what to do about it.
pub(super) fn no_such_control(control: &ControlId) -> (String, String) {
    let known = Control::all().map(|control| control.id.as_str());
    let remedy = suggestion(control.as_str(), known, || "see docs/controls.md".to_owned());
    (format!("the framework has no control `{control}`"), remedy)
}

fn owner(lint: Lint<'_>, maso: &File<'_, MasoForm>, deselection: &DeselectionForm, found: &mut Found) {
    let DeselectionForm { owner, control, .. } = deselection;
    if !lint.deployment.operators.contains_key(&owner.value) {
        let message = format!("`{}` answers for switching `{}` off and is not an operator", owner.value, control.value);
        let remedy = lint.operator_suggestion(owner.value.as_str());
        found.add(LintRule::DeselectionOwnerUnknown, maso, owner.start, message, remedy);
    }
}

fn end(maso: &File<'_, MasoForm>, deselection: &DeselectionForm, found: &mut Found) {
    match &deselection.until {
        Some(until) if until.parse::<jiff::civil::Date>().is_err() => {
            let message = format!("`{}` is not a date", until.value);
            found.add(LintRule::DeselectionDateInvalid, maso, until.start, message, "write it as `2027-01-31`");
        }
        Some(_) => {}
        None => {
            let control = &deselection.control;
            let message = format!("`{}` is switched off for good", control.value);
            let remedy = "add `until = \"2027-01-31\"`: by then somebody looks at it again";
            found.add(LintRule::DeselectionUnending, maso, control.start, message, remedy);
        }
    }
}

fn contradiction(maso: &File<'_, MasoForm>, deselection: &DeselectionForm, found: &mut Found) {
    let control = &deselection.control;
    if maso.form.controls.selected.contains(control) {
        let message = format!("`{}` is both selected and deselected", control.value);
        found.add(LintRule::DeselectionContradicted, maso, control.start, message, "keep one");
    }
}
