//! Whether each tool is classified, and as gravely as it must be.

use std::collections::BTreeSet;

use maso_core::{Class, Reversibility, Risk, ToolName, ToolRef};

use super::{Described, Found, Lint, LintRule};
use crate::{
    ServerManifest, ToolManifest,
    form::{File, ServerForm, ToolForm},
    nearest::suggestion,
};

type Server<'a> = File<'a, ServerForm>;

pub(super) fn check(lint: Lint<'_>, found: &mut Found) {
    let held = lint.held();
    for Described { file, start, form, server, manifest } in lint.tools() {
        missing(file, start, manifest, form, found);
        window(file, start, manifest, form, found);
        risk(file, start, manifest, found);
        amount(file, start, manifest, found);
        undo(file, server, manifest, form, found);
        remedy(file, start, manifest, &held, found);
    }
}

fn missing(file: &Server<'_>, start: usize, manifest: &ToolManifest, form: &ToolForm, found: &mut Found) {
    let wanted = [
        ("class", form.class.is_none(), LintRule::ClassMissing, "execute"),
        ("reversibility", form.reversibility.is_none(), LintRule::ReversibilityMissing, "irreversible"),
        ("risk", form.risk.is_none(), LintRule::RiskMissing, "critical"),
    ];
    for (key, _, rule, worst) in wanted.into_iter().filter(|(_, is_missing, ..)| *is_missing) {
        let message = format!("`{}` has no `{key}`: it counts as `{worst}`", manifest.tool.tool);
        found.add(rule, file, start, message, format!("add `{key} = …`"));
    }
}

fn window(file: &Server<'_>, start: usize, manifest: &ToolManifest, form: &ToolForm, found: &mut Found) {
    let tool = &manifest.tool.tool;
    match (&form.reversible_window, manifest.reversibility) {
        (None, Reversibility::TimeBounded) => {
            let message = format!("nothing says for how long `{tool}` can be undone");
            found.add(LintRule::WindowMissing, file, start, message, "add `reversible_window = \"60s\"`");
        }
        (Some(window), Reversibility::Reversible | Reversibility::Irreversible) => {
            let message = format!("`{tool}` has a window to undo it in, and is `{}`", manifest.reversibility);
            let remedy = "write `reversibility = \"time-bounded\"`, or remove the window";
            found.add(LintRule::WindowWithoutEffect, file, window.start, message, remedy);
        }
        (None, _) | (Some(_), Reversibility::TimeBounded) => {}
    }
}

fn risk(file: &Server<'_>, start: usize, manifest: &ToolManifest, found: &mut Found) {
    let least = match (manifest.class, manifest.reversibility) {
        (Class::Read, _) => Risk::Low,
        (Class::Transfer | Class::Execute, _) | (_, Reversibility::Irreversible) => Risk::High,
        (Class::Send, _) => Risk::Medium,
        (Class::Write | Class::Delete, _) => Risk::Low,
    };
    if manifest.risk < least {
        let ToolManifest { tool, class, reversibility, risk, .. } = manifest;
        let message =
            format!("`{}` is {class} and {reversibility}: risk `{risk}` is less than such a tool has", tool.tool);
        found.add(LintRule::RiskTooLow, file, start, message, format!("write `risk = \"{least}\"` or higher"));
    }
}

fn amount(file: &Server<'_>, start: usize, manifest: &ToolManifest, found: &mut Found) {
    if manifest.class == Class::Transfer && manifest.value_pointer.is_none() {
        let message = format!("nothing says how much `{}` moves, so no cap can count it", manifest.tool.tool);
        found.add(LintRule::AmountUncounted, file, start, message, "add `value_pointer = \"/amount_minor\"`");
    }
}

fn undo(file: &Server<'_>, server: &ServerManifest, manifest: &ToolManifest, form: &ToolForm, found: &mut Found) {
    let Some(undo) = &form.compensated_by else { return };
    if !server.tools.contains_key(&undo.value) {
        let message = format!("`{}` is undone by `{}`, which nothing describes", manifest.tool.tool, undo.value);
        let remedy = suggestion(undo.as_str(), server.tools.keys().map(ToolName::as_str), || {
            format!("describe it as `[tools.{}]`", undo.value)
        });
        found.add(LintRule::UndoUndescribed, file, undo.start, message, remedy);
    }
}

/// What an agent may do for good needs something that makes up for it (EC-2.11).
fn remedy(file: &Server<'_>, start: usize, manifest: &ToolManifest, held: &BTreeSet<&ToolRef>, found: &mut Found) {
    let tool = &manifest.tool;
    let is_final = manifest.class != Class::Read && manifest.reversibility == Reversibility::Irreversible;
    if is_final && manifest.compensated_by.is_none() && manifest.remedy.is_none() && held.contains(tool) {
        let message = format!("nothing makes up for what `{}` does for good", tool.tool);
        let remedy = "name the tool in `compensated_by`, or say in `remedy` what people do";
        found.add(LintRule::RemedyMissing, file, start, message, remedy);
    }
}

/// A tool's name as a TOML key.
pub(super) fn key(tool: &ToolName) -> String {
    let bare = tool.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if bare { tool.to_string() } else { format!("\"{tool}\"") }
}
