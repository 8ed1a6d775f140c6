//! What the names in a tool's published schema say about its arguments.

use serde_json::Value;

use crate::form::AuthorityRole;

/// An argument in a tool's schema that decides, by its name, who or what is affected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Telling {
    /// JSON pointer of the argument.
    pub(crate) pointer: String,
    /// What it seems to be.
    pub(crate) role: AuthorityRole,
}

impl Telling {
    /// Whether a declaration for `pointer` speaks of this argument: of itself, or of what holds it.
    pub(crate) fn is_declared_by(&self, pointer: &str) -> bool {
        self.pointer.strip_prefix(pointer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// Whether a schema has a place for this argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// It names it.
    Named,
    /// It names others there, and not this one.
    Absent,
    /// It does not say.
    Open,
}

/// Whether the tool definition's input schema has a place for the argument at `pointer`.
pub(crate) fn place(definition: &Value, pointer: &str) -> Place {
    let Some(mut schema) = definition.get("inputSchema") else { return Place::Open };
    for segment in pointer.split('/').skip(1) {
        let segment = segment.replace("~1", "/").replace("~0", "~");
        if let Some(items) = schema.get("items").filter(|_| segment == "*" || segment.parse::<usize>().is_ok()) {
            schema = items;
        } else if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            match properties.get(&segment) {
                Some(inner) => schema = inner,
                None => return Place::Absent,
            }
        } else {
            return if schema.get("items").is_some() { Place::Absent } else { Place::Open };
        }
    }
    Place::Named
}

/// The arguments of a tool definition whose names tell that they carry authority.
pub(crate) fn telling(definition: &Value) -> Vec<Telling> {
    let mut found = Vec::new();
    if let Some(schema) = definition.get("inputSchema") {
        walk(schema, "", 0, &mut found);
    }
    found
}

fn walk(schema: &Value, pointer: &str, depth: usize, found: &mut Vec<Telling>) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    for (name, inner) in properties.iter().take(KEYS_MAX) {
        let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
        match role(name) {
            Some(role) if is_scalar(inner, role) => found.push(Telling { pointer, role }),
            _ if depth < DEPTH_MAX => match inner.get("items") {
                Some(items) => walk(items, &format!("{pointer}/*"), depth + 1, found),
                None => walk(inner, &pointer, depth + 1, found),
            },
            _ => {}
        }
    }
}

/// Whether the argument can hold such a value itself, or a list of them. A schema that does not say can.
fn is_scalar(schema: &Value, role: AuthorityRole) -> bool {
    let schema = schema.get("items").unwrap_or(schema);
    let can = |word: &str| word == "string" || (role == AuthorityRole::Amount && matches!(word, "number" | "integer"));
    match schema.get("type") {
        Some(Value::String(word)) => can(word),
        Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).any(can),
        _ => schema.get("properties").is_none(),
    }
}

/// What an argument of this name seems to decide: the whole name or its last word tells.
fn role(name: &str) -> Option<AuthorityRole> {
    let words = words(name);
    let last = words.last()?;
    ROLES.iter().find(|(_, names)| names.contains(&last.as_str())).map(|(role, _)| *role)
}

/// The words of a name, in lower case: `readTextFile`, `read_text_file` and `read-text-file` have the same three.
pub(crate) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut after_lower = false;
    let mut open = false;
    for letter in name.chars() {
        if !letter.is_ascii_alphanumeric() {
            (open, after_lower) = (false, false);
            continue;
        }
        if !open || (letter.is_ascii_uppercase() && after_lower) {
            words.push(String::new());
        }
        open = true;
        after_lower = letter.is_ascii_lowercase() || letter.is_ascii_digit();
        if let Some(word) = words.last_mut() {
            word.push(letter.to_ascii_lowercase());
        }
    }
    words
}

const ROLES: &[(AuthorityRole, &[&str])] = &[
    (
        AuthorityRole::Recipient,
        &["to", "recipient", "recipients", "cc", "bcc", "email", "emails", "mailbox", "channel", "phone", "assignee"],
    ),
    (AuthorityRole::Account, &["account", "accounts", "iban", "payee", "beneficiary", "wallet", "creditor"]),
    (
        AuthorityRole::Url,
        &["url", "urls", "uri", "uris", "href", "link", "endpoint", "webhook", "host", "hostname", "domain"],
    ),
    (
        AuthorityRole::Path,
        &[
            "path",
            "paths",
            "file",
            "files",
            "filename",
            "filepath",
            "directory",
            "dir",
            "folder",
            "source",
            "destination",
            "target",
        ],
    ),
    (AuthorityRole::Amount, &["amount", "amounts", "price", "total", "sum", "minor", "cents"]),
    (AuthorityRole::Query, &["query", "queries", "sql", "statement", "filter"]),
    (AuthorityRole::Code, &["code", "command", "commands", "cmd", "script", "expression", "program", "shell"]),
];

/// Properties of one object that are looked at.
const KEYS_MAX: usize = 256;
/// Objects inside objects that are looked at.
const DEPTH_MAX: usize = 4;
