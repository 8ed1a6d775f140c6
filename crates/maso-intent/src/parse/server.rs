//! What `tools/*.toml` means: tool servers and what each of their tools can do.

use std::{collections::BTreeMap, sync::Arc};

use maso_core::{Confidentiality, Integrity, Label, ServerName, ToolRef};
use serde_json::Value;

use super::external;
use crate::{
    AuthorityArgument, Below, DryRunCall, Problem, ResultLabels, ServerManifest, Severity, ToolDefinition,
    ToolManifest, Transport,
    form::{DryRunForm, File, Folder, LabelForm, Lock, ServerForm, ToolForm, TransportForm, TransportKind},
};

pub(super) fn servers(folder: &Folder<'_>, problems: &mut Vec<Problem>) -> BTreeMap<ServerName, Arc<ServerManifest>> {
    let mut servers = BTreeMap::new();
    for (name, file) in &folder.servers {
        let empty = Lock::new();
        let lock = folder.locks.get(name).map_or(&empty, |lock| &lock.form);
        if let Some(server) = server(name, file, lock, problems) {
            servers.insert(name.clone(), Arc::new(server));
        }
    }
    servers
}

fn server(
    name: &ServerName,
    file: &File<'_, ServerForm>,
    lock: &Lock,
    problems: &mut Vec<Problem>,
) -> Option<ServerManifest> {
    let unknown = Label { integrity: Integrity::External, confidentiality: Confidentiality::Internal };
    let label = label(&file.form.label, unknown);
    let mut tools: BTreeMap<_, _> = file
        .form
        .tools
        .iter()
        .map(|(tool, form)| (tool.value.clone(), manifest(ToolRef::new(name.clone(), tool.value.clone()), form, label)))
        .collect();
    for (tool, definition) in lock {
        let unclassified = || ToolManifest::unclassified(ToolRef::new(name.clone(), tool.clone()), label);
        tools.entry(tool.clone()).or_insert_with(unclassified).definition =
            Some(Arc::new(ToolDefinition::new(definition.clone())));
    }
    Some(ServerManifest {
        name: name.clone(),
        transport: transport(file, &file.form.transport, problems)?,
        label,
        tools: tools.into_iter().map(|(tool, manifest)| (tool, Arc::new(manifest))).collect(),
    })
}

fn manifest(tool: ToolRef, form: &ToolForm, server: Label) -> ToolManifest {
    let dry_run = form.dry_run.as_ref().map(|form| dry_run(&tool, form));
    let worst = ToolManifest::unclassified(tool, label(&form.result, server));
    let default = worst.result.default;
    ToolManifest {
        class: form.class.as_ref().map_or(worst.class, |at| at.value),
        reversibility: form.reversibility.as_ref().map_or(worst.reversibility, |at| at.value),
        reversible_window_ms: form.reversible_window.as_ref().map(|at| at.0),
        risk: form.risk.as_ref().map_or(worst.risk, |at| at.value),
        result: ResultLabels {
            default,
            fields: form
                .result_fields
                .iter()
                .map(|(pointer, field)| (pointer.value.0.clone(), label(field, default)))
                .collect(),
            text: form.result_text.as_ref().map(|at| at.value).unwrap_or_default(),
        },
        authority: form
            .authority
            .iter()
            .map(|(pointer, argument)| {
                let argument = AuthorityArgument {
                    role: argument.role.as_str().to_owned(),
                    integrity_min: argument.integrity_min.as_ref().map_or(Integrity::Internal, |at| at.value),
                    below: argument.below.as_ref().map_or(Below::Escalate, |at| at.value),
                    by: argument.by.as_ref().map(|at| at.value).unwrap_or_default(),
                };
                (pointer.value.0.clone(), argument)
            })
            .collect(),
        value_pointer: form.value_pointer.as_ref().map(|at| at.value.0.clone()),
        idempotency_pointer: form.idempotency_pointer.as_ref().map(|at| at.value.0.clone()),
        item_pointer: form.item_pointer.as_ref().map(|at| at.value.0.clone()),
        decision_pointer: form.decision_pointer.as_ref().map(|at| at.value.0.clone()),
        compensated_by: form.compensated_by.as_ref().map(|at| at.value.clone()),
        remedy: form.remedy.as_ref().map(|at| at.value.clone()),
        dry_run,
        ..worst
    }
}

fn dry_run(of: &ToolRef, form: &DryRunForm) -> DryRunCall {
    let server = form.server.as_ref().map_or_else(|| of.server.clone(), |at| at.value.clone());
    let tool = form.tool.as_ref().map_or_else(|| of.tool.clone(), |at| at.value.clone());
    let value = || form.value.as_ref().map_or(Value::Bool(true), |at| Value::String(at.value.clone()));
    DryRunCall {
        tool: ToolRef::new(server, tool),
        set: form.argument.as_ref().map(|argument| (argument.value.clone(), value())),
    }
}

fn label(form: &LabelForm, otherwise: Label) -> Label {
    Label {
        integrity: form.integrity.as_ref().map_or(otherwise.integrity, |at| at.value),
        confidentiality: form.confidentiality.as_ref().map_or(otherwise.confidentiality, |at| at.value),
    }
}

fn transport(file: &File<'_, ServerForm>, form: &TransportForm, problems: &mut Vec<Problem>) -> Option<Transport> {
    if form.kind == TransportKind::A2a {
        return external::peer(file, problems).map(Transport::A2a);
    }
    let start = file.find("[transport]");
    let mut error = |message: &str, remedy: &str| {
        problems.push(file.problem(start, Severity::Error, "", message, remedy));
        None
    };
    if form.card.is_some() || !form.keys.is_empty() || !form.addresses.is_empty() {
        return error("`card`, `keys` and `addresses` are of a transport of kind `a2a`", "keep what fits the kind");
    }
    match (form.kind, &form.command, &form.url) {
        (TransportKind::Stdio, Some(command), None) if form.headers_from_env.is_empty() => Some(Transport::Stdio {
            command: command.value.clone(),
            args: form.args.clone(),
            env: form.env.iter().map(|(name, value)| (name.value.clone(), value.clone())).collect(),
            env_from: form.env_from.clone(),
            cwd: form.cwd.clone(),
        }),
        (TransportKind::Stdio, _, _) => error(
            "a transport of kind `stdio` has a `command`, and neither `url` nor `headers_from_env`",
            "keep what fits the kind",
        ),
        (TransportKind::Http, None, Some(url))
            if form.args.is_empty() && form.env.is_empty() && form.env_from.is_empty() && form.cwd.is_none() =>
        {
            Some(Transport::Http { url: url.value.clone(), headers_from_env: form.headers_from_env.clone() })
        }
        (TransportKind::Http | TransportKind::A2a, _, _) => error(
            "a transport of kind `http` has a `url`, and none of `command`, `args`, `env`, `env_from`, `cwd`",
            "keep what fits the kind",
        ),
    }
}
