//! What a tool does, guessed from its name, its schema and its server's own annotations.

use std::collections::BTreeMap;

use maso_core::{Class, Integrity, Reversibility, Risk, ToolName};
use serde_json::Value;

use crate::{
    argument::{telling, words},
    form::AuthorityRole,
};

/// What was guessed of a tool.
#[derive(Clone, Debug)]
pub(super) struct Classified {
    pub(super) class: Class,
    pub(super) reversibility: Reversibility,
    pub(super) risk: Risk,
    pub(super) authority: BTreeMap<String, (AuthorityRole, Integrity)>,
    pub(super) value_pointer: Option<String>,
    pub(super) why: String,
}

/// Guesses what a tool does. Descriptions are not read: they are the server's words to a model, not facts.
pub(super) fn classify(tool: &ToolName, definition: &Value) -> Classified {
    let hint =
        |name: &str| definition.pointer("/annotations").and_then(|hints| hints.get(name)).and_then(Value::as_bool);
    let told = telling(definition);
    let has = |role: AuthorityRole| told.iter().any(|telling| telling.role == role);

    let (mut class, mut reversibility, mut risk, mut why) = by_name(tool);
    if class == Class::Read {
        match hint("readOnlyHint") {
            Some(true) if !has(AuthorityRole::Url) && !has(AuthorityRole::Code) => {
                risk = Risk::Low;
                why.push("its server says that it only reads".to_owned());
            }
            Some(true) => why.push("its server says that it only reads, but it takes a URL or code".to_owned()),
            Some(false) => {
                (class, reversibility, risk) = (Class::Write, Reversibility::Irreversible, Risk::High);
                why.push("its server says that it does not only read".to_owned());
            }
            None => why.push("its server does not say that it only reads".to_owned()),
        }
    }
    if hint("openWorldHint") == Some(true) {
        why.push("its server says that it reaches beyond".to_owned());
        match class {
            Class::Read => risk = risk.max(Risk::Medium),
            _ => {
                class = class.max(Class::Send);
                reversibility = Reversibility::Irreversible;
                risk = risk.max(Risk::High);
            }
        }
    }
    if hint("idempotentHint") == Some(false) && class != Class::Read {
        why.push("its server says that doing it twice is not doing it once".to_owned());
        reversibility = Reversibility::Irreversible;
        risk = risk.max(Risk::High);
    }
    if hint("destructiveHint") == Some(true) && hint("readOnlyHint") != Some(true) {
        why.push("its server says that it may destroy".to_owned());
        class = class.max(Class::Delete);
        reversibility = Reversibility::Irreversible;
        risk = risk.max(Risk::High);
    }

    let mut authority = BTreeMap::new();
    for telling in &told {
        let Some(integrity) = needed(class, telling.role, hint("readOnlyHint") == Some(true)) else { continue };
        authority.insert(telling.pointer.clone(), (telling.role, integrity));
    }
    let in_minor_units = |pointer: &&String| pointer.ends_with("minor") || pointer.ends_with("cents");
    let value_pointer = authority
        .iter()
        .filter(|(_, (role, _))| *role == AuthorityRole::Amount)
        .map(|(pointer, _)| pointer)
        .find(in_minor_units)
        .cloned();
    Classified { class, reversibility, risk, authority, value_pointer, why: why.join("; ") }
}

/// The most severe class that a word of the name stands for.
fn by_name(tool: &ToolName) -> (Class, Reversibility, Risk, Vec<String>) {
    let words = words(tool.as_str());
    let mut found: Option<(Class, &str)> = None;
    for word in &words {
        for (class, named) in WORDS {
            if named.contains(&word.as_str()) && found.is_none_or(|(worst, _)| *class > worst) {
                found = Some((*class, word));
            }
        }
    }
    let Some((class, word)) = found else {
        let why = vec!["nothing in its name says what it does, so it counts as the worst".to_owned()];
        return (Class::Execute, Reversibility::Irreversible, Risk::Critical, why);
    };
    let why = vec![format!("`{word}` in its name")];
    match class {
        Class::Read => (class, Reversibility::Reversible, Risk::Medium, why),
        Class::Write if ADDING.contains(&word) => (class, Reversibility::Reversible, Risk::Medium, why),
        Class::Write | Class::Send | Class::Delete | Class::Transfer => {
            (class, Reversibility::Irreversible, Risk::High, why)
        }
        Class::Execute => (class, Reversibility::Irreversible, Risk::Critical, why),
    }
}

/// The integrity that the origin of such an argument needs; none if it carries no authority in such a tool.
fn needed(class: Class, role: AuthorityRole, only_reads: bool) -> Option<Integrity> {
    match (class, role) {
        // What is read may be chosen freely; where a read reaches out, its argument can carry something away.
        (Class::Read, AuthorityRole::Url | AuthorityRole::Code) => Some(Integrity::Internal),
        (Class::Read, AuthorityRole::Query) if !only_reads => Some(Integrity::Internal),
        (Class::Read, _) => None,
        (_, AuthorityRole::Path) => Some(Integrity::Internal),
        (_, _) => Some(Integrity::Verified),
    }
}

const WORDS: &[(Class, &[&str])] = &[
    (
        Class::Read,
        &[
            "get",
            "gets",
            "list",
            "lists",
            "read",
            "reads",
            "search",
            "find",
            "fetch",
            "describe",
            "show",
            "lookup",
            "view",
            "stat",
            "count",
            "check",
            "status",
            "info",
            "tree",
            "explain",
            "browse",
            "retrieve",
            "load",
            "open",
            "peek",
            "inspect",
            "compare",
            "diff",
            "snapshot",
            "screenshot",
        ],
    ),
    (
        Class::Write,
        &[
            "write",
            "create",
            "update",
            "edit",
            "insert",
            "add",
            "append",
            "set",
            "put",
            "move",
            "rename",
            "save",
            "copy",
            "patch",
            "modify",
            "change",
            "replace",
            "store",
            "mark",
            "tag",
            "assign",
            "merge",
            "upsert",
            "draft",
            "restore",
            "apply",
            "register",
            "configure",
            "close",
            "reopen",
            "fill",
            "select",
            "click",
            "type",
        ],
    ),
    (
        Class::Send,
        &[
            "send",
            "email",
            "mail",
            "post",
            "publish",
            "notify",
            "message",
            "reply",
            "comment",
            "tweet",
            "upload",
            "push",
            "submit",
            "forward",
            "broadcast",
            "request",
            "invite",
            "subscribe",
            "navigate",
        ],
    ),
    (
        Class::Delete,
        &[
            "delete", "remove", "drop", "purge", "destroy", "truncate", "clear", "wipe", "unlink", "rm", "erase",
            "archive", "reset", "revert", "cancel", "prune",
        ],
    ),
    (
        Class::Transfer,
        &[
            "pay",
            "payment",
            "payout",
            "transfer",
            "refund",
            "charge",
            "purchase",
            "buy",
            "sell",
            "withdraw",
            "deposit",
            "invoice",
            "grant",
            "revoke",
            "permission",
            "permissions",
            "role",
            "roles",
            "share",
            "approve",
            "order",
        ],
    ),
    (
        Class::Execute,
        &[
            "run", "exec", "execute", "eval", "evaluate", "shell", "command", "bash", "script", "python", "terminal",
            "spawn", "start", "stop", "kill", "deploy", "install", "build", "invoke", "trigger", "restart", "sudo",
        ],
    ),
];

/// Words of writes that leave what was there as it was.
const ADDING: &[&str] = &["create", "add", "append", "copy", "draft", "mark", "tag"];
