//! The leaves of a piece of data, each with its place and its label.

use maso_core::Label;
use maso_intent::ResultLabels;
use maso_wire::DocumentForm;
use serde_json::Value;

/// A path pattern: the unescaped segments of a JSON pointer, in which `*` stands for any key or index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern<'a>(Vec<std::borrow::Cow<'a, str>>);

impl<'a> Pattern<'a> {
    pub(super) fn of(pointer: &'a str) -> Self {
        let mut segments = pointer.split('/');
        // A JSON pointer begins with a slash; what stands before the first one says nothing.
        segments.next();
        Self(segments.map(unescaped).collect())
    }

    /// Whether the pattern names this place or one above it.
    pub(super) fn covers(&self, place: &[Segment<'_>]) -> bool {
        self.0.len() <= place.len() && self.0.iter().zip(place).all(|(pattern, segment)| segment.matches(pattern))
    }
}

fn unescaped(segment: &str) -> std::borrow::Cow<'_, str> {
    if segment.contains('~') { segment.replace("~1", "/").replace("~0", "~").into() } else { segment.into() }
}

/// One step down into a JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Segment<'a> {
    Key(&'a str),
    Index(usize),
}

impl Segment<'_> {
    fn matches(self, pattern: &str) -> bool {
        pattern == "*"
            || match self {
                Self::Key(key) => key == pattern,
                Self::Index(index) => pattern.parse() == Ok(index),
            }
    }
}

/// The JSON pointer to a place.
pub(super) fn pointer_to(place: &[Segment<'_>]) -> String {
    use std::fmt::Write as _;
    let mut pointer = String::with_capacity(place.len() * 12);
    for segment in place {
        pointer.push('/');
        match segment {
            Segment::Key(key) if key.contains(['~', '/']) => {
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            Segment::Key(key) => pointer.push_str(key),
            Segment::Index(index) => write!(pointer, "{index}").expect("writing to a string never fails"),
        }
    }
    pointer
}

/// A value that holds no other, or a key that is a value of its own.
#[derive(Clone, Copy, Debug)]
pub(super) enum Leaf<'a> {
    Value(&'a Value),
    Key(&'a str),
}

/// Calls `each` with every leaf below `value`. A key counts as a leaf where it is no plain identifier: in
/// `{"someone@example.com": "to"}` the key is the value.
pub(super) fn each_leaf<'a>(value: &'a Value, each: &mut impl FnMut(&[Segment<'a>], Leaf<'a>)) {
    each_leaf_and_key(value, &|_, key| is_identifier(key), each);
}

/// The same, with another notion of which keys are mere structure. The place of a key ends with it.
pub(super) fn each_leaf_and_key<'a>(
    value: &'a Value,
    is_structure: &impl Fn(&[Segment<'a>], &str) -> bool,
    each: &mut impl FnMut(&[Segment<'a>], Leaf<'a>),
) {
    descend(value, &mut Vec::with_capacity(8), is_structure, each);
}

// The depth of a value is bounded by the limits under which it was received.
fn descend<'a>(
    value: &'a Value,
    place: &mut Vec<Segment<'a>>,
    is_structure: &impl Fn(&[Segment<'a>], &str) -> bool,
    each: &mut impl FnMut(&[Segment<'a>], Leaf<'a>),
) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                place.push(Segment::Index(index));
                descend(item, place, is_structure, each);
                place.pop();
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                place.push(Segment::Key(key));
                if !is_structure(place, key) {
                    each(place, Leaf::Key(key));
                }
                descend(member, place, is_structure, each);
                place.pop();
            }
        }
        leaf => each(place, Leaf::Value(leaf)),
    }
}

pub(super) fn is_identifier(key: &str) -> bool {
    key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        && key.bytes().filter(u8::is_ascii_digit).count() < 4
}

/// By what a leaf has its label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// The manifest names its field: the deployment's word that this field is checked.
    Field,
    /// Nothing names it: it has the label of whatever its source says.
    Nowhere,
}

/// Calls `each` with every leaf of what a server or an agent said, under the label that is declared for its place.
///
/// Field labels apply to the structured result of a tool, or, where it gives none, to its only text block if that is
/// a document as its manifest says. Everything else has the default label: text that happens to look like a field raises nothing.
///
/// The place is that in the document in which the leaf stands; a text that is no document has none.
pub(super) fn each_labelled(
    value: &Value,
    labels: &ResultLabels,
    each: &mut impl FnMut(&[Segment<'_>], Leaf<'_>, Label, Named),
) {
    let fields: Vec<(Pattern<'_>, Label)> =
        labels.fields.iter().map(|(pointer, label)| (Pattern::of(pointer), *label)).collect();
    let label_at = |place: &[Segment<'_>]| {
        let declared = fields.iter().filter(|(pattern, _)| pattern.covers(place));
        let of_field = declared.map(|(_, label)| *label).reduce(Label::combine);
        of_field.map_or((labels.default, Named::Nowhere), |label| (label, Named::Field))
    };
    let failed = value.get("isError").is_some_and(|flag| *flag != Value::Bool(false));
    let structured = if failed { None } else { value.get("structuredContent") };
    if let Some(structured) = structured {
        each_leaf(structured, &mut |place, leaf| {
            let (label, named) = label_at(place);
            each(place, leaf, label, named);
        });
    }
    let texts = text_blocks(value);
    let labelled_text = structured.is_none() && !failed && texts.len() == 1;
    for text in &texts {
        let parsed = if labelled_text { document_in(text, labels.text) } else { json_in(text) };
        match parsed {
            Some(parsed) if labelled_text => each_leaf(&parsed, &mut |place, leaf| {
                let (label, named) = label_at(place);
                each(place, leaf, label, named);
            }),
            Some(parsed) => {
                each_leaf(&parsed, &mut |place, leaf| each(place, leaf, labels.default, Named::Nowhere));
            }
            None => each(&[], Leaf::Key(text), labels.default, Named::Nowhere),
        }
    }
    // What is left: everything but the structured result and the texts that were taken above.
    let structured_taken = structured.is_some();
    each_leaf(value, &mut |place, leaf| {
        let taken = match place {
            [Segment::Key("structuredContent"), ..] => structured_taken,
            [Segment::Key("content" | "contents"), Segment::Index(_), Segment::Key("text")] => {
                matches!(leaf, Leaf::Value(Value::String(_)))
            }
            _ => false,
        };
        if !taken {
            each(place, leaf, labels.default, Named::Nowhere);
        }
    });
}

/// The texts of an MCP result or of a resource.
fn text_blocks(value: &Value) -> Vec<&str> {
    let blocks = ["content", "contents"].into_iter().filter_map(|key| value.get(key)?.as_array()).flatten();
    blocks.filter_map(|block| block.get("text")?.as_str()).collect()
}

/// The object or array that a text is, as its tool writes them.
fn document_in(text: &str, form: DocumentForm) -> Option<Value> {
    maso_wire::parse_document(text, form, &maso_wire::Limits::DEFAULT).ok()
}

/// The JSON object or array that a text is, read as strictly as a frame.
pub(super) fn json_in(text: &str) -> Option<Value> {
    if !text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    maso_wire::parse_json(text.as_bytes(), &maso_wire::Limits::DEFAULT).ok()
}
