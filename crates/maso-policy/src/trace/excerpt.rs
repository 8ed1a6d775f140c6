//! The passage from which a value came, for the person who decides (PG-2.5).
//!
//! Made for hops that are held or refused, after the decision: nothing is decided by it, and what is allowed does not
//! pay for it.

use std::{fmt::Write as _, ops::Range};

use maso_core::{Origin, Source};
use serde_json::Value;

use super::{leaves::Leaf, memory::Memory, normal::is_unseen, passage::Quote};
use crate::Weighed;

/// The words around a value in the source that its origin names. Inert: of at most [`Excerpt::CHARS_MAX`] characters,
/// on one line, with whatever could not be seen shown by its number and credentials taken out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Excerpt {
    /// What the source calls the field in which it stands.
    pub field: Option<String>,
    /// What stands before the value.
    pub before: String,
    /// The value, as the source writes it.
    pub value: String,
    /// What stands after it.
    pub after: String,
}

impl Excerpt {
    /// Characters of all its parts but for the field's name, beside the marks of what was left out.
    pub const CHARS_MAX: usize = 160;

    fn of(quote: &Quote<'_>, credentials_in: &impl Fn(&str, Option<&str>) -> Vec<Range<usize>>) -> Self {
        let Range { start, end } = quote.range;
        // Far enough that whatever is shown is looked at together with all that could make a credential of it.
        let from = quote.text.floor_char_boundary(start.saturating_sub(LOOKED_AT_BYTES));
        let to = quote.text.ceil_char_boundary(end.saturating_add(LOOKED_AT_BYTES));
        let credentials: Vec<Range<usize>> = credentials_in(&quote.text[from..to], quote.name)
            .into_iter()
            .map(|range| range.start + from..range.end + from)
            .collect();
        let part = |range| without(quote.text, range, &credentials);
        let value = cut_end(&part(start..end), Self::CHARS_MAX / 2);
        let left = Self::CHARS_MAX.saturating_sub(value.chars().count());
        let (before, after) = (part(from..start), part(end..to));
        let (n_before, n_after) = (before.chars().count(), after.chars().count());
        // What one side does not need is the other's.
        let for_before = (left / 2).max(left.saturating_sub(n_after));
        let for_after = (left - left / 2).max(left.saturating_sub(n_before));
        let field = quote.name.map(|name| cut_end(&shown(name), FIELD_CHARS_MAX));
        Self { field, before: cut_start(&before, for_before), value, after: cut_end(&after, for_after) }
    }
}

/// The excerpts beside a hop's origins, in their order; `None` where a value has no passage, or it is forgotten.
///
/// Arguments with authority come first where there are more than a person reads. `credentials_in` says where credentials
/// stand in a text, given the name of the field.
pub fn excerpts(
    memory: &Memory,
    weighed: &Weighed,
    credentials_in: impl Fn(&str, Option<&str>) -> Vec<Range<usize>>,
) -> Vec<Option<Excerpt>> {
    excerpts_beside(memory, weighed.origins(), &weighed.resolved().hop().payload, &credentials_in)
}

/// A text as a person may be shown it: on one line, of at most `chars_max` characters, with whatever could not be seen shown
/// by its number, and what stands at `credentials` taken out.
pub fn inert(text: &str, credentials: &[Range<usize>], chars_max: usize) -> String {
    cut_end(&without(text, 0..text.len(), credentials), chars_max)
}

pub(super) fn excerpts_beside(
    memory: &Memory,
    origins: &[Origin],
    payload: &Value,
    credentials_in: &impl Fn(&str, Option<&str>) -> Vec<Range<usize>>,
) -> Vec<Option<Excerpt>> {
    let mut excerpts = vec![None; origins.len()];
    let mut n_left = EXCERPTS_MAX;
    for authority in [true, false] {
        for (nth, origin) in origins.iter().enumerate().filter(|(_, origin)| origin.authority == authority) {
            if n_left == 0 {
                return excerpts;
            }
            let quote = leaf_of(origin, origins.get(nth + 1), payload).and_then(|leaf| {
                let quote = match &leaf {
                    Traced::Value(value) => memory.quote(Leaf::Value(value), &origin.source),
                    Traced::Key(key) => memory.quote(Leaf::Key(key), &origin.source),
                };
                quote.filter(|_| origin.source != Source::Unknown)
            });
            if let Some(quote) = quote {
                excerpts[nth] = Some(Excerpt::of(&quote, credentials_in));
                n_left -= 1;
            }
        }
    }
    excerpts
}

/// What an origin speaks of.
enum Traced<'a> {
    Value(&'a Value),
    Key(String),
}

/// What stands at an origin's pointer: the value, or the key itself where the key was traced. Of both the key comes
/// first.
fn leaf_of<'a>(origin: &Origin, next: Option<&Origin>, payload: &'a Value) -> Option<Traced<'a>> {
    let value = payload.pointer(&origin.pointer)?;
    let is_leaf = matches!(value, Value::String(_) | Value::Number(_));
    if is_leaf && next.is_none_or(|next| next.pointer != origin.pointer) {
        return Some(Traced::Value(value));
    }
    let (_, key) = origin.pointer.rsplit_once('/')?;
    Some(Traced::Key(key.replace("~1", "/").replace("~0", "~")))
}

/// A part of a text, as it is shown, with what of it belongs to a credential taken out.
fn without(text: &str, part: Range<usize>, credentials: &[Range<usize>]) -> String {
    let mut out = String::new();
    let mut from = part.start;
    for credential in credentials.iter().filter(|range| range.start < part.end && range.end > part.start) {
        out.push_str(&shown(text.get(from..credential.start.max(from)).unwrap_or_default()));
        out.push_str(REDACTED);
        from = credential.end.clamp(from, part.end);
    }
    out.push_str(&shown(text.get(from..part.end).unwrap_or_default()));
    out
}

/// A text in which nothing is hidden and nothing moves what stands around it.
fn shown(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, character| {
        if is_unseen(character) {
            write!(out, "⟨U+{:04X}⟩", u32::from(character)).expect("a string takes any text");
        } else {
            out.push(character);
        }
        out
    })
}

fn cut_end(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn cut_start(text: &str, chars_max: usize) -> String {
    let n_cut = text.chars().count().saturating_sub(chars_max);
    match text.char_indices().nth(n_cut) {
        _ if n_cut == 0 => text.to_owned(),
        Some((start, _)) => format!("…{}", &text[start..]),
        None => "…".to_owned(),
    }
}

/// What stands in a credential's place.
const REDACTED: &str = "[redacted]";

/// Excerpts of one hop.
const EXCERPTS_MAX: usize = 16;

/// Bytes on each side of a value in which credentials are looked for: more than the longest of them has.
const LOOKED_AT_BYTES: usize = 16 << 10;

/// Characters of a field's name.
const FIELD_CHARS_MAX: usize = 48;
