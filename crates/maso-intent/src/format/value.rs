//! Arrays and inline tables: on one line, or with one value a line.

use toml_edit::{Array, Decor, InlineTable, KeyMut, Value};

use super::{gap::Gap, raw};

/// Lays out a value that begins in this column of a line with this indentation.
pub(super) fn lay_out(value: &mut Value, indent: usize, column: usize) {
    match value {
        Value::Array(array) if is_broken(array) => break_array(array, indent),
        Value::Array(array) => {
            join_array(array);
            if column + width(array) > COLUMNS_MAX && !array.is_empty() {
                break_array(array, indent);
            }
        }
        Value::InlineTable(table) if has_line_ends(&table_gaps(table)) => break_table(table, indent),
        Value::InlineTable(table) => join_table(table, indent),
        _ => {}
    }
}

/// What stands before each value of an array, and before its end.
fn array_gaps(array: &Array) -> Vec<String> {
    let before = array.iter().map(|value| raw(value.decor().prefix()));
    let after = array.iter().map(|value| raw(value.decor().suffix()));
    paired(before, after, array.trailing().as_str().unwrap_or_default())
}

/// What stands before each key of an inline table, and before its end.
fn table_gaps(table: &InlineTable) -> Vec<String> {
    let entries = table.get_values();
    let before = entries.iter().map(|(path, _)| raw(path.last().and_then(|key| key.leaf_decor().prefix())));
    let after = entries.iter().map(|(_, value)| raw(value.decor().suffix()));
    paired(before, after, table.trailing().as_str().unwrap_or_default())
}

/// The border between two values is a comma, and what stands around it is one gap: a comment before the comma comes
/// behind it.
fn paired<'a>(before: impl Iterator<Item = &'a str>, after: impl Iterator<Item = &'a str>, end: &str) -> Vec<String> {
    let mut gaps: Vec<String> = before.map(str::to_owned).chain([end.to_owned()]).collect();
    for (gap, after) in gaps.iter_mut().skip(1).zip(after) {
        gap.insert_str(0, after);
    }
    gaps
}

/// Whether the gaps hold the end of a line. In an empty value only a comment does: nothing else is worth a line.
fn has_line_ends(gaps: &[String]) -> bool {
    match gaps {
        [only] => only.contains('#'),
        gaps => gaps.iter().any(|gap| gap.contains('\n')),
    }
}

/// Whether an array, or anything inside it, goes over several lines.
///
/// Of an inline table only its own gaps say that: it may not be broken for what is inside it, as TOML 1.0 knows none
/// that are.
fn is_broken(array: &Array) -> bool {
    let inside = |value: &Value| match value {
        Value::Array(array) => is_broken(array),
        Value::InlineTable(table) => has_line_ends(&table_gaps(table)) || any_array_is_broken(table),
        _ => false,
    };
    has_line_ends(&array_gaps(array)) || array.iter().any(inside)
}

fn any_array_is_broken(table: &InlineTable) -> bool {
    table.get_values().into_iter().any(|(_, value)| match value {
        Value::Array(array) => is_broken(array),
        Value::InlineTable(table) => has_line_ends(&table_gaps(table)) || any_array_is_broken(table),
        _ => false,
    })
}

/// Columns of an array that is on one line, without what stands beside it.
fn width(array: &Array) -> usize {
    let mut alone = array.clone();
    *alone.decor_mut() = Decor::new("", "");
    alone.to_string().chars().count()
}

/// Everything on one line. Only for what holds no end of a line.
fn join_array(array: &mut Array) {
    for (index, value) in array.iter_mut().enumerate() {
        match value {
            Value::Array(array) => join_array(array),
            Value::InlineTable(table) => join_table(table, 0),
            _ => {}
        }
        *value.decor_mut() = Decor::new(if index == 0 { "" } else { " " }, "");
    }
    array.set_trailing_comma(false);
    array.set_trailing("");
}

fn break_array(array: &mut Array, indent: usize) {
    let gaps = array_gaps(array);
    let inside = indent + INDENT;
    for (index, (value, gap)) in array.iter_mut().zip(&gaps).enumerate() {
        lay_out(value, inside, inside);
        *value.decor_mut() = Decor::new(before(gap, index == 0, inside), "");
    }
    array.set_trailing_comma(true);
    array.set_trailing(end(&gaps, indent));
}

fn join_table(table: &mut InlineTable, indent: usize) {
    let mut entries = entries(table);
    let n_entries = entries.len();
    for (index, (key, value)) in entries.iter_mut().enumerate() {
        match value {
            // However long: it has no place of its own to be broken at.
            Value::Array(array) if !is_broken(array) => join_array(array),
            _ => lay_out(value, indent, 0),
        }
        *key.leaf_decor_mut() = Decor::new(" ", " ");
        *value.decor_mut() = Decor::new(" ", if index + 1 == n_entries { " " } else { "" });
    }
    table.set_trailing_comma(false);
    table.set_trailing("");
}

fn break_table(table: &mut InlineTable, indent: usize) {
    let gaps = table_gaps(table);
    let inside = indent + INDENT;
    for (index, ((mut key, value), gap)) in entries(table).into_iter().zip(&gaps).enumerate() {
        lay_out(value, inside, inside + key.display_repr().chars().count() + " = ".len());
        *key.leaf_decor_mut() = Decor::new(before(gap, index == 0, inside), " ");
        *value.decor_mut() = Decor::new(" ", "");
    }
    table.set_trailing_comma(true);
    table.set_trailing(end(&gaps, indent));
}

/// The entries of an inline table, those of dotted keys among them.
fn entries(table: &mut InlineTable) -> Vec<(KeyMut<'_>, &mut Value)> {
    let mut all = Vec::new();
    for (mut key, value) in table.iter_mut() {
        *key.dotted_decor_mut() = Decor::default();
        if value.as_inline_table().is_some_and(InlineTable::is_dotted) {
            all.extend(value.as_inline_table_mut().into_iter().flat_map(entries));
        } else {
            all.push((key, value));
        }
    }
    all
}

/// The end of the line before a value, what stands above the value, and its indentation.
fn before(gap: &str, is_first: bool, indent: usize) -> String {
    let gap = Gap::between(gap);
    let gap = if is_first { gap.without_first_empty() } else { gap };
    format!("{}\n{}", gap.beside(), gap.above(&" ".repeat(indent)))
}

/// What stands before the closing bracket: comments as deep as the values, the bracket as deep as its line.
fn end(gaps: &[String], indent: usize) -> String {
    let gap = Gap::between(gaps.last().map_or("", String::as_str)).without_last_empty();
    let gap = if gaps.len() == 1 { gap.without_first_empty() } else { gap };
    let comments = gap.above(&" ".repeat(indent + INDENT));
    format!("{}\n{}{}", gap.beside(), comments.trim_end_matches(' '), " ".repeat(indent))
}

/// Columns of a line, as far as a break can keep it.
const COLUMNS_MAX: usize = 120;
const INDENT: usize = 2;
