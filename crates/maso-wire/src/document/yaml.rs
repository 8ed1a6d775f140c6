//! One YAML document as a value.

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

use super::{Budget, number};
use crate::Malformed;

/// What lies open while a document is read.
enum Open {
    List(Vec<Value>),
    Object { members: Map<String, Value>, key: Option<String> },
}

/// Reads one document. Anchors, aliases and tags are refused: with them a short text stands for a long one, or for
/// something else than it says.
pub(super) fn parse(text: &str, budget: &Budget<'_>) -> Result<Value, Malformed> {
    let mut open: Vec<Open> = Vec::new();
    let mut whole: Option<Value> = None;
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| Malformed::because(format!("not YAML: {error}")))?;
        let done = match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {
                None
            }
            Event::Alias(_) => return Err(Malformed::because("an alias")),
            Event::Scalar(_, _, 1.., _) | Event::SequenceStart(1.., _) | Event::MappingStart(1.., _) => {
                return Err(Malformed::because("an anchor"));
            }
            Event::Scalar(_, _, _, Some(_)) | Event::SequenceStart(_, Some(_)) | Event::MappingStart(_, Some(_)) => {
                return Err(Malformed::because("a tag"));
            }
            Event::Scalar(text, style, ..) => Some(scalar(&text, style)),
            Event::SequenceStart(..) => {
                open.push(Open::List(Vec::new()));
                budget.node(open.len())?;
                None
            }
            Event::MappingStart(..) => {
                open.push(Open::Object { members: Map::new(), key: None });
                budget.node(open.len())?;
                None
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(items)) => Some(Scalar::value(Value::Array(items))),
                Some(Open::Object { members, key: None }) => Some(Scalar::value(Value::Object(members))),
                Some(Open::Object { .. }) | None => return Err(Malformed::because("it ends where nothing began")),
            },
        };
        let Some(done) = done else { continue };
        budget.node(open.len())?;
        match open.last_mut() {
            Some(Open::List(items)) => items.push(done.value),
            Some(Open::Object { members, key }) => match (key.take(), done.text) {
                (Some(name), _) => budget.insert(members, name, done.value)?,
                (None, Some(text)) => *key = Some(text),
                (None, None) => return Err(Malformed::because("a key that is no text")),
            },
            None if whole.is_none() => whole = Some(done.value),
            None => return Err(Malformed::because("more than one document")),
        }
    }
    whole.ok_or_else(|| Malformed::because("nothing in it"))
}

/// A value, and its text where it can be a key.
struct Scalar {
    value: Value,
    text: Option<String>,
}

impl Scalar {
    const fn value(value: Value) -> Self {
        Self { value, text: None }
    }
}

/// What a scalar means in the core schema; what is quoted is a text.
fn scalar(text: &str, style: ScalarStyle) -> Scalar {
    let plain = style == ScalarStyle::Plain;
    let value = match text {
        "" | "~" | "null" | "Null" | "NULL" if plain => Value::Null,
        "true" | "True" | "TRUE" if plain => Value::Bool(true),
        "false" | "False" | "FALSE" if plain => Value::Bool(false),
        _ if plain => number(text).unwrap_or_else(|| Value::String(text.to_owned())),
        _ => Value::String(text.to_owned()),
    };
    Scalar { value, text: Some(text.to_owned()) }
}
