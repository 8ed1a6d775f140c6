//! Documents that stand in a text: what a server wrote as a value and sent as words.
//!
//! Many servers answer with one text that is a value, written as the language writes it in which they are programmed. Read
//! as strictly as a frame, its fields are fields again; what is not exactly one value is a text.

use std::cell::Cell;

use serde_json::{Map, Value};

use crate::{Limits, Malformed, parse_json};

mod python;
mod yaml;

/// How a server writes a value as a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DocumentForm {
    /// JSON (RFC 8259).
    #[default]
    Json,
    /// YAML 1.2: one document, without anchors, aliases and tags.
    Yaml,
    /// A literal of Python, as `str()` writes dictionaries, lists and what is in them.
    Python,
}
maso_core::words!(DocumentForm { Json = "json", Yaml = "yaml", Python = "python" });

/// The value that a text is; only lists and objects count.
///
/// # Errors
/// When it is not exactly one list or object in this form within the limits, or two parsers could read it differently.
pub fn parse_document(text: &str, form: DocumentForm, limits: &Limits) -> Result<Value, Malformed> {
    if text.len() > limits.string_bytes_max {
        let reason = format!("text of {} bytes, {} allowed", text.len(), limits.string_bytes_max);
        return Err(Malformed::because(reason));
    }
    let value = match form {
        DocumentForm::Json if text.trim_start().starts_with(['{', '[']) => parse_json(text.as_bytes(), limits)?,
        DocumentForm::Json => return Err(Malformed::because("neither a list nor an object")),
        DocumentForm::Yaml => yaml::parse(text, &Budget::new(limits))?,
        DocumentForm::Python => python::parse(text, &Budget::new(limits))?,
    };
    if value.is_array() || value.is_object() {
        Ok(value)
    } else {
        Err(Malformed::because("neither a list nor an object"))
    }
}

/// What a document may still use of the limits of a frame.
struct Budget<'a> {
    limits: &'a Limits,
    n_nodes: Cell<usize>,
}

impl<'a> Budget<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self { limits, n_nodes: Cell::new(0) }
    }

    /// One more value, at this depth.
    fn node(&self, depth: usize) -> Result<(), Malformed> {
        if depth > self.limits.depth_max {
            return Err(Malformed::because(format!("nested deeper than {}", self.limits.depth_max)));
        }
        self.n_nodes.set(self.n_nodes.get() + 1);
        if self.n_nodes.get() > self.limits.nodes_max {
            return Err(Malformed::because(format!("more than {} values", self.limits.nodes_max)));
        }
        Ok(())
    }

    /// One more member of an object, whose name must be new.
    fn insert(&self, object: &mut Map<String, Value>, key: String, value: Value) -> Result<(), Malformed> {
        if object.len() >= self.limits.keys_max {
            return Err(Malformed::because(format!("more than {} keys in one object", self.limits.keys_max)));
        }
        if object.contains_key(&key) {
            return Err(Malformed::because("the same key twice"));
        }
        object.insert(key, value);
        Ok(())
    }
}

/// The number that a text is, read as JSON reads one.
fn number(text: &str) -> Option<Value> {
    let value: Value = serde_json::from_str(text).ok()?;
    value.is_number().then_some(value)
}

#[cfg(test)]
mod tests;
