//! Whether what is risky can be tried out first, and whether that hurts nobody (EC-2.7a).

use std::collections::BTreeSet;

use maso_core::{Class, Reversibility, Risk, ToolRef};

use super::{Described, Found, Lint, LintRule};
use crate::{
    DryRunCall, ToolManifest,
    form::{At, DryRunForm, File, ServerForm},
    nearest::suggestion,
};

type Server<'a> = File<'a, ServerForm>;

pub(super) fn check(lint: Lint<'_>, found: &mut Found) {
    let held = lint.held();
    for Described { file, start, form, manifest, .. } in lint.tools() {
        match (&form.dry_run, &manifest.dry_run) {
            (Some(form), Some(call)) => {
                let written = Written { file, form, start: form.start().unwrap_or(start) };
                declared(lint, &written, manifest, call, &held, found);
            }
            _ if held.contains(&manifest.tool) => missing(file, start, manifest, found),
            _ => {}
        }
    }
}

/// A dry run as it is written.
struct Written<'a> {
    file: &'a Server<'a>,
    form: &'a DryRunForm,
    start: usize,
}

fn declared(
    lint: Lint<'_>,
    written: &Written<'_>,
    manifest: &ToolManifest,
    call: &DryRunCall,
    held: &BTreeSet<&ToolRef>,
    found: &mut Found,
) {
    let Written { file, form, start } = *written;
    if call.tool == manifest.tool && call.set.is_none() {
        let message = format!("the dry run of `{}` is the very call that it would try out", manifest.tool.tool);
        let remedy = "name the `argument` that makes it one, or another `tool` or `server`";
        found.add(LintRule::DryRunIdle, file, start, message, remedy);
        return;
    }
    let place = form.tool.as_ref().map(|at| at.start).or(form.server.as_ref().map(|at| at.start)).unwrap_or(start);
    if !lint.known_tool(file, &At { value: call.tool.clone(), start: place }, found) {
        return;
    }
    let Some(tried) = lint.deployment.tool(&call.tool) else { return };
    let is_worked_with = call.tool.server == manifest.tool.server || held.contains(&call.tool);
    // One argument, set by maso, is what tells its own tool apart from itself.
    if call.tool != manifest.tool && tried.class != Class::Read && is_worked_with {
        let message = format!("`{}` is tried out by `{}`, which is a {}", manifest.tool.tool, call.tool, tried.class);
        let remedy = "name a tool that only reads, or one on a server for trying things out that no agent uses";
        found.add(LintRule::DryRunChanges, file, place, message, remedy);
    }
    if let (None, Some(value)) = (&form.argument, &form.value) {
        let message = "a value is set to no argument";
        found.add(LintRule::DryRunArgumentUnknown, file, value.start, message, "name the `argument`");
    }
    if let (Some(argument), Some(definition)) = (&form.argument, tried.definition.as_deref())
        && !call.is_known_to(&definition.value)
    {
        let message = format!("`{}` has no argument `{}`", call.tool, argument.value);
        let known = definition.value.pointer("/inputSchema/properties").and_then(|known| known.as_object());
        let names = known.into_iter().flat_map(|known| known.keys().map(String::as_str));
        let remedy = suggestion(argument.as_str(), names, || "name an argument of the tool".to_owned());
        found.add(LintRule::DryRunArgumentUnknown, file, argument.start, message, remedy);
    }
}

/// What must be tried out first and cannot be is refused.
fn missing(file: &Server<'_>, start: usize, manifest: &ToolManifest, found: &mut Found) {
    let is_final = manifest.class != Class::Read && manifest.reversibility == Reversibility::Irreversible;
    let (is_critical, tool) = (manifest.risk == Risk::Critical, &manifest.tool.tool);
    let consequence = match (is_critical, is_final) {
        (true, _) => format!("`{tool}` is critical and cannot be tried out: it is refused"),
        (false, true) => format!("`{tool}` is irreversible and cannot be tried out: no agent can begin to use it"),
        (false, false) => return,
    };
    let remedy = "say in `dry_run` how it is tried out, or switch EC-2.7a off with a reason";
    found.add(LintRule::DryRunMissing, file, start, consequence, remedy);
}
