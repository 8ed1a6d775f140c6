//! Whether the arguments that carry authority are the ones that are declared (PG-2.5).

use maso_core::Class;

use super::{Described, Found, Lint, LintRule, tools::key};
use crate::{
    ToolManifest,
    argument::{Place, place, telling},
    form::{File, ServerForm, ToolForm},
    nearest::suggestion,
};

type Server<'a> = File<'a, ServerForm>;

pub(super) fn check(lint: Lint<'_>, found: &mut Found) {
    for Described { file, start, form, manifest, .. } in lint.tools() {
        unknown(file, manifest, form, found);
        undeclared(file, start, manifest, found);
    }
}

fn unknown(file: &Server<'_>, manifest: &ToolManifest, form: &ToolForm, found: &mut Found) {
    let Some(definition) = &manifest.definition else { return };
    let authority = form.authority.keys().map(|pointer| (pointer, LintRule::AuthorityArgumentUnknown));
    let value = form.value_pointer.iter().map(|pointer| (pointer, LintRule::ValueArgumentUnknown));
    let instruction = form.idempotency_pointer.iter().map(|pointer| (pointer, LintRule::InstructionArgumentUnknown));
    let item = form.item_pointer.iter().map(|pointer| (pointer, LintRule::ItemArgumentUnknown));
    let decision = form.decision_pointer.iter().map(|pointer| (pointer, LintRule::DecisionArgumentUnknown));
    for (pointer, rule) in authority.chain(value).chain(instruction).chain(item).chain(decision) {
        if place(&definition.value, &pointer.value.0) == Place::Absent {
            let message = format!("`{}` has no argument `{}`", manifest.tool.tool, pointer.value.0);
            let remedy = argument_suggestion(&definition.value, &pointer.value.0);
            found.add(rule, file, pointer.start, message, remedy);
        }
    }
}

fn undeclared(file: &Server<'_>, start: usize, manifest: &ToolManifest, found: &mut Found) {
    let Some(definition) = manifest.definition.as_ref().filter(|_| manifest.class != Class::Read) else { return };
    let tool = &manifest.tool.tool;
    for telling in telling(&definition.value) {
        if manifest.authority.keys().any(|pointer| telling.is_declared_by(pointer)) {
            continue;
        }
        let role = telling.role.as_str();
        let message = format!(
            "argument `{}` of `{tool}` by its name carries authority ({role}), and may come from anywhere",
            telling.pointer
        );
        let remedy =
            format!("add `\"{}\" = {{ role = \"{role}\" }}` to `[tools.{}.authority]`", telling.pointer, key(tool));
        found.add(LintRule::AuthorityUndeclared, file, start, message, remedy);
    }
}

/// The argument of the tool that was probably meant.
pub(super) fn argument_suggestion(definition: &serde_json::Value, pointer: &str) -> String {
    let properties = definition.pointer("/inputSchema/properties").and_then(serde_json::Value::as_object);
    let pointers: Vec<String> =
        properties.into_iter().flat_map(|names| names.keys()).map(|name| format!("/{name}")).collect();
    suggestion(pointer, pointers.iter().map(String::as_str), || format!("its arguments are {}", pointers.join(", ")))
}
