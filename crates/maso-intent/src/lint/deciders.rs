//! Whether something can decide each success criterion: a judge's question, a schema, a check or a person (PG-1.6).

use maso_core::WorkflowName;
use serde_json::Value;

use super::{Found, Lint, LintRule};
use crate::{
    Decider, JudgeKind,
    form::{At, File, OiSpecForm},
    nearest::suggestion,
};

pub(super) fn check(lint: Lint<'_>, found: &mut Found) {
    for (name, file) in &lint.folder.workflows {
        criteria(lint, name, file, &file.form.oispec, found);
    }
    for file in lint.folder.agents.values() {
        criteria(lint, &file.form.workflow.value, file, &file.form.oispec, found);
    }
}

fn criteria<T>(lint: Lint<'_>, workflow: &WorkflowName, file: &File<'_, T>, form: &OiSpecForm, found: &mut Found) {
    for criterion in &form.success_criteria {
        let Some(decider) = &criterion.decided_by else {
            let message = "nothing says what decides whether this criterion is met";
            let remedy =
                "write it as `{ text = \"…\", decided_by = \"judge:NAME\" }`, or name a `person`, `schema` or `field`";
            found.add(LintRule::CriterionUndecided, file, criterion.text.start, message, remedy);
            continue;
        };
        match ability(lint, workflow, form, &decider.value) {
            Ability::Able => {}
            Ability::Unable(why) => {
                let remedy = "name a judge of kind `model`, a schema that requires something, or a person";
                found.add(LintRule::DeciderUnable, file, decider.start, why, remedy);
            }
            Ability::Unknown(what, remedy) => unknown(file, decider, &what, remedy, found),
        }
    }
}

fn unknown<T>(file: &File<'_, T>, decider: &At<Decider>, what: &str, remedy: String, found: &mut Found) {
    found.add(LintRule::DeciderUnknown, file, decider.start, format!("there is no {what}"), remedy);
}

/// Whether something can decide a criterion.
enum Ability {
    Able,
    Unable(String),
    /// It does not exist; with what to do about it.
    Unknown(String, String),
}

fn ability(lint: Lint<'_>, workflow: &WorkflowName, form: &OiSpecForm, decider: &Decider) -> Ability {
    let deployment = lint.deployment;
    match decider {
        Decider::Judge(name) => match deployment.judges.get(name).map(|judge| &judge.kind) {
            Some(JudgeKind::Model { .. }) => Ability::Able,
            Some(JudgeKind::Rules) => {
                Ability::Unable(format!("judge `{name}` decides by rules over fields and tools, not over words"))
            }
            None => {
                let judges = deployment.judges.keys().map(|judge| judge.as_str());
                let remedy = suggestion(name.as_str(), judges, || format!("add judges/{name}.toml"));
                Ability::Unknown(format!("judge `{name}`"), remedy)
            }
        },
        Decider::Person(name) if deployment.operators.contains_key(name) => Ability::Able,
        Decider::Person(name) => {
            Ability::Unknown(format!("operator `{name}`"), lint.operator_suggestion(name.as_str()))
        }
        Decider::Tool(tool) => match deployment.tool(tool).map(|manifest| &manifest.definition) {
            Some(Some(definition)) if demands(&definition.value) => Ability::Able,
            Some(_) => Ability::Unable(format!("no pinned schema of `{tool}` requires anything")),
            None => Ability::Unknown(format!("tool `{tool}`"), format!("describe it in tools/{}.toml", tool.server)),
        },
        Decider::Request(request) => {
            let grants = || deployment.workflows.get(workflow).into_iter().flat_map(|workflow| &workflow.grants);
            match grants().find(|grant| grant.request == *request) {
                Some(grant) if grant.schema.get("required").is_some() => Ability::Able,
                Some(_) => Ability::Unable(format!("the schema of request `{request}` requires nothing")),
                None => {
                    let requests = grants().map(|grant| grant.request.as_str());
                    let remedy = suggestion(request.as_str(), requests, || format!("grant `{request}`"));
                    Ability::Unknown(format!("request `{request}` among the grants of `{workflow}`"), remedy)
                }
            }
        }
        Decider::Field(pointer) if form.required_fields.iter().any(|field| field.value.0 == *pointer) => Ability::Able,
        Decider::Field(pointer) => Ability::Unknown(
            format!("required field `{pointer}`"),
            format!("add `\"{pointer}\"` to `required_fields` of this `[oispec]`"),
        ),
    }
}

/// Whether a tool's definition requires anything of what goes in or comes out.
fn demands(definition: &Value) -> bool {
    let requires = |schema: &str| {
        let required = definition.pointer(&format!("/{schema}/required")).and_then(Value::as_array);
        required.is_some_and(|names| !names.is_empty())
    };
    requires("inputSchema") || requires("outputSchema")
}
