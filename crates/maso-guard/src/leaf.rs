//! The strings of a payload, each with the place where it stands.

use std::fmt::Write as _;

use serde_json::Value;

/// One string in a payload: a value, or the key of one.
#[derive(Clone, Copy)]
pub struct Leaf<'a> {
    /// The string.
    pub text: &'a str,
    /// The nearest key above the string, which often says what it is.
    pub name: Option<&'a str>,
    /// Whether the string is itself a key.
    pub is_key: bool,
    path: &'a [Step<'a>],
}

impl Leaf<'_> {
    /// JSON pointer to the string, or to the value whose key it is.
    pub fn pointer(&self) -> String {
        pointer(self.path)
    }
}

/// What a walk met besides strings.
#[derive(Default)]
pub struct Shape {
    /// Bytes of the longest string, and where.
    pub string_bytes: (usize, String),
    /// Items of the longest array or object, and where.
    pub items: (usize, String),
    /// Whether something lies deeper than the walk goes.
    pub too_deep: bool,
}

/// Visits each string of `value` in order.
pub fn walk(value: &Value, visit: &mut dyn FnMut(Leaf<'_>)) -> Shape {
    let mut shape = Shape::default();
    descend(value, &mut Vec::with_capacity(8), &mut shape, visit);
    shape
}

fn descend<'a>(value: &'a Value, path: &mut Vec<Step<'a>>, shape: &mut Shape, visit: &mut dyn FnMut(Leaf<'_>)) {
    if path.len() > DEPTH_MAX {
        shape.too_deep = true;
        return;
    }
    match value {
        Value::String(text) => {
            if text.len() > shape.string_bytes.0 {
                shape.string_bytes.0 = text.len();
                // A pointer costs an allocation, and nobody asks where an ordinary string stands.
                if text.len() >= NOTABLE_STRING_BYTES {
                    shape.string_bytes.1 = pointer(path);
                }
            }
            visit(Leaf { text, name: nearest_name(path), is_key: false, path });
        }
        Value::Array(items) => {
            note_items(items.len(), path, shape);
            for (index, item) in items.iter().enumerate() {
                path.push(Step::Index(index));
                descend(item, path, shape, visit);
                path.pop();
            }
        }
        Value::Object(members) => {
            note_items(members.len(), path, shape);
            for (key, member) in members {
                path.push(Step::Key(key));
                if !is_plain_name(key) {
                    visit(Leaf { text: key, name: None, is_key: true, path });
                }
                descend(member, path, shape, visit);
                path.pop();
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn note_items(n_items: usize, path: &[Step<'_>], shape: &mut Shape) {
    if n_items > shape.items.0 {
        shape.items.0 = n_items;
        if n_items >= NOTABLE_ITEMS {
            shape.items.1 = pointer(path);
        }
    }
}

/// Whether a key is an ordinary field name, in which nothing fits that is worth scanning.
fn is_plain_name(key: &str) -> bool {
    key.len() <= 24 && key.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_')
}

fn nearest_name<'a>(path: &[Step<'a>]) -> Option<&'a str> {
    path.iter().rev().find_map(|step| match step {
        Step::Key(key) => Some(*key),
        Step::Index(_) => None,
    })
}

fn pointer(path: &[Step<'_>]) -> String {
    let mut pointer = String::new();
    for step in path {
        pointer.push('/');
        match step {
            Step::Key(key) => pointer.push_str(&key.replace('~', "~0").replace('/', "~1")),
            Step::Index(index) => write!(pointer, "{index}").expect("writing to a string cannot fail"),
        }
    }
    pointer
}

enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

/// Deeper than any frame may be, so that only values from elsewhere can reach it.
const DEPTH_MAX: usize = 128;
const NOTABLE_STRING_BYTES: usize = 4 << 10;
const NOTABLE_ITEMS: usize = 32;
