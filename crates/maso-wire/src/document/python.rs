//! One literal of Python as a value.

use serde_json::{Map, Value};

use super::{Budget, number};
use crate::Malformed;

/// Reads one literal: dictionaries, lists, tuples and sets of texts, numbers, `True`, `False` and `None`. Whatever else
/// `str()` may write, such as objects by their name, is no literal.
pub(super) fn parse(text: &str, budget: &Budget<'_>) -> Result<Value, Malformed> {
    let mut reader = Reader { rest: text, budget };
    let value = reader.value(1)?;
    reader.skip();
    if reader.rest.is_empty() { Ok(value) } else { Err(Malformed::because("something follows the value")) }
}

struct Reader<'t, 'b> {
    rest: &'t str,
    budget: &'b Budget<'b>,
}

impl Reader<'_, '_> {
    fn value(&mut self, depth: usize) -> Result<Value, Malformed> {
        self.budget.node(depth)?;
        self.skip();
        match self.rest.chars().next() {
            Some('{') => self.braces(depth),
            Some('[') => Ok(Value::Array(self.items('[', ']', depth)?)),
            Some('(') => Ok(Value::Array(self.items('(', ')', depth)?)),
            Some('\'' | '"') => self.text().map(Value::String),
            Some(_) => self.word(),
            None => Err(Malformed::because("it ends in the middle of a value")),
        }
    }

    /// A dictionary, or a set.
    fn braces(&mut self, depth: usize) -> Result<Value, Malformed> {
        self.take('{')?;
        let mut members = Map::new();
        if self.try_take('}') {
            return Ok(Value::Object(members));
        }
        let first = self.value(depth + 1)?;
        if !self.try_take(':') {
            let mut items = vec![first];
            self.further('}', depth, &mut items)?;
            return Ok(Value::Array(items));
        }
        let mut key = first;
        loop {
            let value = self.value(depth + 1)?;
            let name = match key {
                Value::String(text) => text,
                Value::Number(number) => number.to_string(),
                Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                    return Err(Malformed::because("a key that is neither a text nor a number"));
                }
            };
            self.budget.insert(&mut members, name, value)?;
            if !self.try_take(',') {
                self.take('}')?;
                break;
            }
            if self.try_take('}') {
                break;
            }
            key = self.value(depth + 1)?;
            self.take(':')?;
        }
        Ok(Value::Object(members))
    }

    fn items(&mut self, opening: char, closing: char, depth: usize) -> Result<Vec<Value>, Malformed> {
        self.take(opening)?;
        let mut items = Vec::new();
        if self.try_take(closing) {
            return Ok(items);
        }
        items.push(self.value(depth + 1)?);
        self.further(closing, depth, &mut items)?;
        Ok(items)
    }

    /// What follows the first item, up to the end.
    fn further(&mut self, closing: char, depth: usize, items: &mut Vec<Value>) -> Result<(), Malformed> {
        while self.try_take(',') {
            if self.try_take(closing) {
                return Ok(());
            }
            items.push(self.value(depth + 1)?);
        }
        self.take(closing)
    }

    fn text(&mut self) -> Result<String, Malformed> {
        let mut characters = self.rest.char_indices();
        let Some((_, quote)) = characters.next() else { return Err(unended()) };
        let mut text = String::new();
        while let Some((at, character)) = characters.next() {
            match character {
                _ if character == quote => {
                    self.rest = &self.rest[at + quote.len_utf8()..];
                    return Ok(text);
                }
                '\\' => {
                    let (_, escape) = characters.next().ok_or_else(unended)?;
                    let n_digits = match escape {
                        'x' => 2,
                        'u' => 4,
                        'U' => 8,
                        _ => {
                            text.push(simple(escape)?);
                            continue;
                        }
                    };
                    let digits: String = characters.by_ref().take(n_digits).map(|(_, digit)| digit).collect();
                    let escaped = u32::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == n_digits);
                    let escaped = escaped.and_then(char::from_u32).filter(|escaped| *escaped != '\0');
                    text.push(escaped.ok_or_else(|| Malformed::because("an escape that is no character"))?);
                }
                // `str()` never writes one as it is.
                '\n' | '\r' | '\0' => return Err(Malformed::because("a text that is broken over lines")),
                _ => text.push(character),
            }
        }
        Err(unended())
    }

    fn word(&mut self) -> Result<Value, Malformed> {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '.' | '+' | '-'));
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        match word {
            "None" => Ok(Value::Null),
            "True" => Ok(Value::Bool(true)),
            "False" => Ok(Value::Bool(false)),
            _ => number(word).ok_or_else(|| Malformed::because("a word that is no literal")),
        }
    }

    fn skip(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\n', '\r', '\t']);
    }

    fn try_take(&mut self, expected: char) -> bool {
        self.skip();
        let rest = self.rest.strip_prefix(expected);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn take(&mut self, expected: char) -> Result<(), Malformed> {
        if self.try_take(expected) { Ok(()) } else { Err(Malformed::because(format!("`{expected}` is missing"))) }
    }
}

fn simple(escape: char) -> Result<char, Malformed> {
    match escape {
        'n' => Ok('\n'),
        'r' => Ok('\r'),
        't' => Ok('\t'),
        '\\' | '\'' | '"' => Ok(escape),
        _ => Err(Malformed::because("an escape that `str()` does not write")),
    }
}

fn unended() -> Malformed {
    Malformed::because("a text that does not end")
}
