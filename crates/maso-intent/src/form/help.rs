//! What the TOML reader says, in the words of who wrote the file, and what to do about it.

use serde_json::{Map, Value};

use crate::nearest::suggestion;

/// The reader's message in plain words, and a remedy. The schema is that of the file, and knows which keys there are.
pub(super) fn explain(message: &str, schema: &Value) -> (String, String) {
    let message = message.replace('\n', "; ");
    if let Some((message, hint)) = message.split_once(HINT) {
        return (message.to_owned(), hint.to_owned());
    }
    let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let remedy = match names.split_first() {
        Some((given, valid)) if message.starts_with("unknown field") => {
            suggestion(given, valid.iter().copied(), || elsewhere(given, schema))
        }
        Some((given, valid)) if message.starts_with("unknown variant") => {
            suggestion(given, valid.iter().copied(), || format!("write one of `{}`", valid.join("`, `")))
        }
        Some((missing, _)) if message.starts_with("missing field") => add(missing, schema),
        _ if message.starts_with("invalid type") => as_expected(&message),
        _ => ELSEWISE.to_owned(),
    };
    (plain(&message), remedy)
}

/// Joins what was expected to the nearest thing that was, for [`explain`] to take apart.
pub(super) fn with_hint(message: &str, hint: &str) -> String {
    format!("{message}{HINT}{hint}")
}

/// A key that is none here may be one of a table.
fn elsewhere(given: &str, schema: &Value) -> String {
    let mut tables = Vec::new();
    properties(schema).for_each(|(table, schema)| holders(given, table, schema, &mut tables));
    match tables.first() {
        Some(table) => format!("move it to `{table}`, which has such a key"),
        None => format!("remove `{given}`"),
    }
}

/// The tables that have such a key, by their headers, the nearest to the root first.
fn holders(key: &str, path: &str, schema: &Value, tables: &mut Vec<String>) {
    let is_list = schema.get("items").is_some();
    let table = schema.get("items").unwrap_or(schema);
    if properties(table).any(|(name, _)| name == key) {
        tables.push(if is_list { format!("[[{path}]]") } else { format!("[{path}]") });
    }
    properties(table).for_each(|(name, inner)| holders(key, &format!("{path}.{name}"), inner, tables));
    let named = table.get("patternProperties").and_then(Value::as_object);
    for inner in named.into_iter().flat_map(Map::values) {
        holders(key, &format!("{path}.…"), inner, tables);
    }
}

fn properties(schema: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.into_iter().flatten().map(|(name, schema)| (name.as_str(), schema))
}

/// A key that is missing, with what it means where it is one of the file's own.
fn add(missing: &str, schema: &Value) -> String {
    let meant = properties(schema).find(|(name, _)| *name == missing);
    let meaning = meant.and_then(|(_, schema)| schema.get("description")).and_then(Value::as_str).unwrap_or_default();
    // The first sentence does; a remedy ends without a full stop.
    let meaning = meaning.split(". ").next().unwrap_or_default().trim_end_matches('.');
    let is_table = meant.is_some_and(|(_, schema)| schema.get("properties").is_some());
    let line = if is_table { format!("[{missing}]") } else { format!("{missing} = …") };
    if meaning.is_empty() { format!("add `{line}`") } else { format!("add `{line}`: {}", uncapitalised(meaning)) }
}

fn uncapitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// What to write in place of a value of the wrong type.
fn as_expected(message: &str) -> String {
    let expected = message.rsplit("expected ").next().unwrap_or_default();
    let is_text = message.starts_with("invalid type: string");
    let number = ["u8", "u16", "u32", "u64", "usize", "i64", "f64"].contains(&expected);
    match expected {
        "a string" => "put it in quotes",
        "a boolean" => "write `true` or `false`",
        "a sequence" => "write a list: `[…]`",
        "a map" => "write a table: `{ … }`",
        _ if number && is_text => "write it without quotes",
        _ if number => "write a number",
        _ if expected.starts_with("struct ") => "write a table: `{ … }`",
        _ => ELSEWISE,
    }
    .to_owned()
}

/// The reader's names for types, in words of TOML.
fn plain(message: &str) -> String {
    let Some((before, expected)) = message.rsplit_once("expected ") else { return message.to_owned() };
    let expected = match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, not negative",
        "i64" => "a whole number",
        "f64" => "a number",
        "a sequence" => "a list",
        "a map" => "a table",
        _ if expected.starts_with("struct ") => "a table",
        _ => expected,
    };
    format!("{before}expected {expected}")
}

/// A character that no file of ours can hold: TOML knows no such control character.
const HINT: char = '\u{1f}';

/// What to do about a text of which nothing better is known.
const ELSEWISE: &str = "write what docs/deployment.md says belongs there, as TOML";
