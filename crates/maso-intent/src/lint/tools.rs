//! What is unsound in tool servers' manifests.

use maso_core::{Class, Reversibility, Risk, ServerName, ToolName};

use super::{Lint, mandates::argument_suggestion};
use crate::{
    Problem, ServerManifest, Severity, ToolManifest,
    argument::{Place, place, telling},
    form::{File, ServerForm, ToolForm},
    nearest::suggestion,
    secret::looks_secret,
};

impl Lint<'_> {
    pub(super) fn servers(self, problems: &mut Vec<Problem>) {
        for (name, file) in &self.folder.servers {
            let Some(server) = self.deployment.servers.get(name) else { continue };
            transport(file, problems);
            for (tool, form) in &file.form.tools {
                let Some(manifest) = server.tools.get(&tool.value) else { continue };
                classification(file, tool.start, manifest, form, problems);
                arguments(file, tool.start, manifest, form, problems);
                if let Some(undo) = &form.compensated_by
                    && !server.tools.contains_key(&undo.value)
                {
                    let message = format!("`{}` is undone by `{}`, which nothing describes", tool.value, undo.value);
                    let remedy = suggestion(undo.as_str(), server.tools.keys().map(ToolName::as_str), || {
                        format!("describe it as `[tools.{}]`", undo.value)
                    });
                    problems.push(file.problem(undo.start, Severity::Error, "EC-1.6", message, remedy));
                }
            }
            self.unused(name, server, file, problems);
        }
        for (name, lock) in &self.folder.locks {
            let Some(file) = self.folder.servers.get(name) else {
                let message = format!("pins tools of server `{name}`, which is not declared");
                problems.push(lock.problem(0, Severity::Error, "SC-2.3", message, format!("add tools/{name}.toml")));
                continue;
            };
            for tool in lock.form.keys() {
                if !file.form.tools.keys().any(|described| described.value == *tool) {
                    let message =
                        format!("tool `{name}:{tool}` is not classified: it counts as critical and irreversible");
                    let remedy = format!(
                        "add `[tools.{}]` with `class`, `reversibility` and `risk` to tools/{name}.toml",
                        key(tool)
                    );
                    let start = lock.find(&format!("\"{tool}\""));
                    problems.push(lock.problem(start, Severity::Error, "EC-2.1", message, remedy));
                }
            }
        }
    }

    fn unused(
        self,
        name: &ServerName,
        server: &ServerManifest,
        file: &File<'_, ServerForm>,
        problems: &mut Vec<Problem>,
    ) {
        let mut authorities = self.deployment.authorities.values();
        if !authorities.any(|authority| authority.concerns(&server.name)) {
            let message = format!("no agent may use server `{name}`");
            let remedy = "grant something of it to an agent, or remove it";
            problems.push(file.problem(0, Severity::Note, "SC-2.3", message, remedy));
        }
    }
}

fn transport(file: &File<'_, ServerForm>, problems: &mut Vec<Problem>) {
    for (name, value) in &file.form.transport.env {
        if looks_secret(name, value) {
            let message = format!("the value of `{}` looks like a secret", name.value);
            let remedy = format!("write `env_from = {{ {0} = \"{0}\" }}` and set it in maso's environment", name.value);
            problems.push(file.problem(name.start, Severity::Error, "IA-2.6", message, remedy));
        }
    }
    if let Some(url) = &file.form.transport.url {
        let loopback = match url.host() {
            Some(url::Host::Domain(domain)) => domain == "localhost" || domain.ends_with(".localhost"),
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        if url.scheme() == "http" && !loopback {
            let message = "the server is reached without TLS over a network";
            problems.push(file.problem(url.start, Severity::Warning, "IA-2.3", message, "use `https`"));
        }
        if url.password().is_some() {
            let message = "the URL holds a password";
            let remedy = "send it in a header, with `headers_from_env`";
            problems.push(file.problem(url.start, Severity::Error, "IA-2.6", message, remedy));
        }
    }
}

fn classification(
    file: &File<'_, ServerForm>,
    start: usize,
    manifest: &ToolManifest,
    form: &ToolForm,
    problems: &mut Vec<Problem>,
) {
    let tool = &manifest.tool.tool;
    let missing = [
        ("class", form.class.is_none(), "EC-2.1", "execute"),
        ("reversibility", form.reversibility.is_none(), "EC-1.6", "irreversible"),
        ("risk", form.risk.is_none(), "EC-2.1", "critical"),
    ];
    for (key, _, control, worst) in missing.into_iter().filter(|(_, missing, ..)| *missing) {
        let message = format!("`{tool}` has no `{key}`: it counts as `{worst}`");
        problems.push(file.problem(start, Severity::Error, control, message, format!("add `{key} = …`")));
    }
    let window = &form.reversible_window;
    if manifest.reversibility == Reversibility::TimeBounded && window.is_none() {
        let message = format!("nothing says for how long `{tool}` can be undone");
        problems.push(file.problem(start, Severity::Error, "EC-1.6", message, "add `reversible_window = \"60s\"`"));
    }
    if let (Some(window), true) = (window, manifest.reversibility != Reversibility::TimeBounded) {
        let message = format!("`{tool}` has a window to undo it in, and is `{}`", manifest.reversibility);
        let remedy = "write `reversibility = \"time-bounded\"`, or remove the window";
        problems.push(file.problem(window.start, Severity::Error, "EC-1.6", message, remedy));
    }
    let least = match (manifest.class, manifest.reversibility) {
        (Class::Read, _) => Risk::Low,
        (Class::Transfer | Class::Execute, _) | (_, Reversibility::Irreversible) => Risk::High,
        (Class::Send, _) => Risk::Medium,
        (Class::Write | Class::Delete, _) => Risk::Low,
    };
    if manifest.risk < least {
        let message = format!(
            "`{tool}` is {} and {}: risk `{}` is less than such a tool has",
            manifest.class, manifest.reversibility, manifest.risk
        );
        let remedy = format!("write `risk = \"{least}\"` or higher");
        problems.push(file.problem(start, Severity::Warning, "EC-2.1", message, remedy));
    }
    if manifest.class == Class::Transfer && manifest.value_pointer.is_none() {
        let message = format!("nothing says how much `{tool}` moves, so no cap can count it");
        problems.push(file.problem(
            start,
            Severity::Warning,
            "EC-2.3",
            message,
            "add `value_pointer = \"/amount_minor\"`",
        ));
    }
}

fn arguments(
    file: &File<'_, ServerForm>,
    start: usize,
    manifest: &ToolManifest,
    form: &ToolForm,
    problems: &mut Vec<Problem>,
) {
    let Some(definition) = &manifest.definition else { return };
    let tool = &manifest.tool.tool;
    let pointers = form.authority.keys().map(|pointer| (pointer, "PG-2.5"));
    let amount = form.value_pointer.iter().map(|pointer| (pointer, "EC-2.3"));
    let instruction = form.idempotency_pointer.iter().map(|pointer| (pointer, "AT-2.5"));
    for (pointer, control) in pointers.chain(amount).chain(instruction) {
        if place(&definition.value, &pointer.value.0) == Place::Absent {
            let message = format!("`{tool}` has no argument `{}`", pointer.value.0);
            let remedy = argument_suggestion(&definition.value, &pointer.value.0);
            problems.push(file.problem(pointer.start, Severity::Error, control, message, remedy));
        }
    }
    if manifest.class == Class::Read {
        return;
    }
    for telling in telling(&definition.value) {
        if !manifest.authority.keys().any(|pointer| telling.is_declared_by(pointer)) {
            let role = telling.role.as_str();
            let message = format!(
                "argument `{}` of `{tool}` by its name carries authority ({role}), and may come from anywhere",
                telling.pointer
            );
            let remedy =
                format!("add `\"{}\" = {{ role = \"{role}\" }}` to `[tools.{}.authority]`", telling.pointer, key(tool));
            problems.push(file.problem(start, Severity::Warning, "PG-2.5", message, remedy));
        }
    }
}

/// A tool's name as a TOML key.
pub(crate) fn key(tool: &ToolName) -> String {
    let bare = tool.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if bare { tool.to_string() } else { format!("\"{tool}\"") }
}
