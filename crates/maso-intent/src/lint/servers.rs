//! What is unsound about tool servers as a whole: how they are reached, what is pinned of them.

use super::{Found, Lint, LintRule, tools::key};
use crate::{
    form::{At, File, ServerForm},
    outside::is_secret_to_others,
    secret::{looks_secret, shaped_so},
};

type Server<'a> = File<'a, ServerForm>;

pub(super) fn check(lint: Lint<'_>, found: &mut Found) {
    for (name, file) in &lint.folder.servers {
        secrets(file, found);
        address(file, found);
        label(file, found);
        if !lint.index.used.contains(name) {
            let message = format!("no agent may use server `{name}`");
            found.add(LintRule::ServerUnused, file, 0, message, "grant something of it to an agent, or remove it");
        }
    }
    locks(lint, found);
}

fn secrets(file: &Server<'_>, found: &mut Found) {
    let transport = &file.form.transport;
    for (name, value) in &transport.env {
        if looks_secret(name, value) {
            let message = format!("the value of `{}` looks like a secret", name.value);
            let remedy = format!("write `env_from = {{ {0} = \"{0}\" }}` and set it in maso's environment", name.value);
            found.add(LintRule::SecretWritten, file, name.start, message, remedy);
        }
    }
    if transport.args.iter().any(|argument| shaped_so(argument)) {
        let message = "an argument of the server's command looks like a secret";
        let remedy = "hand it over in the environment, with `env_from`";
        found.add(LintRule::SecretWritten, file, file.find("args"), message, remedy);
    }
    if let Some(url) = &transport.url
        && url.password().is_some()
    {
        let remedy = "send it in a header, with `headers_from_env`";
        found.add(LintRule::SecretWritten, file, url.start, "the URL holds a password", remedy);
    }
}

fn address(file: &Server<'_>, found: &mut Found) {
    let Some(url) = &file.form.transport.url else { return };
    if url.scheme() == "http" && !is_secret_to_others(url) {
        let message = "the server is reached without TLS over a network";
        found.add(LintRule::TlsMissing, file, url.start, message, "use `https`");
    }
}

fn label(file: &Server<'_>, found: &mut Found) {
    let label = &file.form.label;
    if label.integrity.is_none() || label.confidentiality.is_none() {
        let message = "nothing classifies what the server says: it counts as external and internal";
        let remedy = "add `label = { integrity = \"…\", confidentiality = \"…\" }`";
        found.add(LintRule::ServerUnlabelled, file, 0, message, remedy);
    }
}

fn locks(lint: Lint<'_>, found: &mut Found) {
    for (name, lock) in &lint.folder.locks {
        let Some(file) = lint.folder.servers.get(name) else {
            let message = format!("pins tools of server `{name}`, which is not declared");
            found.add(LintRule::LockOrphaned, lock, 0, message, format!("add tools/{name}.toml"));
            continue;
        };
        for tool in lock.form.keys() {
            let wanted = At { value: tool.clone(), start: 0 };
            if !file.form.tools.contains_key(&wanted) {
                let message = format!("tool `{name}:{tool}` is not classified: it counts as critical and irreversible");
                let remedy = format!(
                    "add `[tools.{}]` with `class`, `reversibility` and `risk` to tools/{name}.toml",
                    key(tool)
                );
                found.add(LintRule::ToolUnclassified, lock, lock.find(&format!("\"{tool}\"")), message, remedy);
            }
        }
    }
}
