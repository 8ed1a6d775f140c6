//! One way to lay out a file. What it says, its comments and the order of its keys stay as they are.
//!
//! - one space around `=`, none at a line's end, no indentation of keys and tables;
//! - an array that is broken over lines, or too long for one, has one value a line; any other array stays on its line;
//! - at most one empty line in a row, none at the beginning, one line end at the end.

mod gap;
mod value;

use toml_edit::{Decor, DocumentMut, Item, KeyMut, RawString, Table, Value};

use self::{gap::Gap, value::lay_out};
use crate::{LintRule, Problem, Severity, problem::line_and_column};

/// The text of a TOML file as it should be laid out.
///
/// # Errors
/// The place at which the text is no TOML; or that formatting would have changed what it says or lost a comment, which
/// would be a mistake of ours: then nothing is given back.
pub fn format(path: &str, text: &str) -> Result<String, Box<Problem>> {
    let problem = |offset: usize, message: String, remedy: &str| {
        let (line, column) = line_and_column(text, offset);
        let (file, remedy) = (path.to_owned(), remedy.to_owned());
        let (severity, rule) = (Severity::Error, LintRule::Malformed);
        Box::new(Problem { file, line, column, severity, control: None, rule, message, remedy })
    };
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
        let offset = error.span().map_or(0, |span| span.start);
        problem(offset, error.message().replace('\n', "; "), "mend it, and format again")
    })?;
    let head = Gap::of_lines(raw(document.decor().prefix()));
    document.decor_mut().set_prefix(head.above(""));
    document.decor_mut().set_suffix("");
    lay_out_table(document.as_table_mut());
    let tail = Gap::of_lines(&format!("{}\n", document.trailing().as_str().unwrap_or_default()));
    document.set_trailing(tail.without_last_empty().above(""));
    let formatted = document.to_string();
    let formatted = formatted.trim_start_matches('\n').to_owned();
    if meaning(text) == meaning(&formatted) && comments(text) == comments(&formatted) {
        Ok(formatted)
    } else {
        let message = "formatting would change what the file says".to_owned();
        Err(problem(0, message, "leave the file as it is, and tell us: this is a mistake in maso"))
    }
}

/// What a text says, whatever its layout.
fn meaning(text: &str) -> Option<String> {
    // As text, because `nan` is not equal to itself.
    toml::from_str::<toml::Table>(text).ok().map(|table| format!("{table:?}"))
}

/// All comments of a text, sorted.
fn comments(text: &str) -> Vec<&str> {
    let tokens = toml_parser::Source::new(text).lex();
    let comments = tokens.filter(|token| token.kind() == toml_parser::lexer::TokenKind::Comment);
    let mut comments: Vec<&str> =
        comments.filter_map(|token| text.get(token.span().start()..token.span().end())).map(str::trim_end).collect();
    comments.sort_unstable();
    comments
}

fn lay_out_table(table: &mut Table) {
    for (mut key, item) in table.iter_mut() {
        match item {
            Item::None => {}
            Item::Value(value) => lay_out_line(key, value),
            Item::Table(table) if table.is_dotted() => {
                *key.dotted_decor_mut() = Decor::default();
                lay_out_table(table);
            }
            Item::Table(table) => {
                lay_out_header(&mut key, table.decor_mut());
                lay_out_table(table);
            }
            Item::ArrayOfTables(tables) => {
                for table in tables.iter_mut() {
                    lay_out_header(&mut key, table.decor_mut());
                    lay_out_table(table);
                }
            }
        }
    }
}

/// `key = value # comment`, and the comments above.
fn lay_out_line(mut key: KeyMut<'_>, value: &mut Value) {
    *key.dotted_decor_mut() = Decor::default();
    let above = Gap::of_lines(raw(key.leaf_decor().prefix()));
    *key.leaf_decor_mut() = Decor::new(above.above(""), " ");
    let beside = Gap::between(raw(value.decor().suffix()));
    lay_out(value, 0, key.display_repr().chars().count() + " = ".len());
    *value.decor_mut() = Decor::new(" ", beside.beside());
}

/// `[table] # comment`, and the comments above.
fn lay_out_header(key: &mut KeyMut<'_>, decor: &mut Decor) {
    *key.dotted_decor_mut() = Decor::default();
    *key.leaf_decor_mut() = Decor::default();
    let above = Gap::of_lines(raw(decor.prefix()));
    let beside = Gap::between(raw(decor.suffix()));
    *decor = Decor::new(above.above(""), beside.beside());
}

fn raw(text: Option<&RawString>) -> &str {
    text.and_then(RawString::as_str).unwrap_or_default()
}
