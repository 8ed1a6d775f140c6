//! Strict JSON: what two parsers could read differently is refused (EC-2.15).

use std::{cell::Cell, fmt};

use maso_core::Digest;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::{Limits, number};

/// Why bytes are not a well-formed frame, for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Malformed {
    /// A lowercase fragment that names what was wrong and where.
    pub reason: String,
}

impl Malformed {
    /// Bytes that are malformed for this reason.
    pub fn because(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

/// A JSON value that was parsed strictly, within limits. Only [`parse`] makes one.
#[derive(Clone, PartialEq)]
pub struct Parsed {
    value: Value,
    digest: Digest,
}

impl Parsed {
    /// The value.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// SHA-256 of the exact bytes that were parsed, also of a part of them.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Only the part at this JSON pointer (RFC 6901); an empty object where there is none. The digest stays that of
    /// the whole frame: those are the bytes that arrived.
    #[must_use]
    pub fn pointer(mut self, pointer: &str) -> Self {
        let part = self.value.pointer_mut(pointer).map(Value::take);
        Self { value: part.unwrap_or_else(|| Value::Object(Map::new())), digest: self.digest }
    }

    /// The same part, beside the whole.
    #[must_use]
    pub fn part(&self, pointer: &str) -> Self {
        let part = self.value.pointer(pointer).cloned();
        Self { value: part.unwrap_or_else(|| Value::Object(Map::new())), digest: self.digest }
    }

    /// Gives up the value.
    pub fn into_value(self) -> Value {
        self.value
    }
}

impl fmt::Debug for Parsed {
    // The content may be confidential; its digest finds it again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parsed({})", self.digest)
    }
}

/// Parses one JSON text (RFC 8259), refusing whatever two parsers could read differently or exceeds `limits`:
/// duplicate keys (compared after unescaping), trailing bytes, a byte order mark, bytes that are not UTF-8, lone
/// surrogates and other bad escapes, NUL even when escaped, and numbers that would lose digits.
///
/// # Errors
/// When the bytes are not one such JSON text. The reason names line and column, or the byte.
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Parsed, Malformed> {
    if bytes.len() > limits.frame_bytes_max {
        return Err(Malformed::because(format!("frame of {} bytes, {} allowed", bytes.len(), limits.frame_bytes_max)));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Malformed::because(format!("invalid UTF-8 at byte {}", error.valid_up_to())))?;
    if text.starts_with('\u{feff}') {
        return Err(Malformed::because("begins with a byte order mark"));
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let budget = Budget { limits, n_nodes: Cell::new(0) };
    let value = Strict { budget: &budget, depth: 0 }
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| Malformed::because(error.to_string()))?;
    number::check_all(text)?;
    Ok(Parsed { value, digest: Digest::of(bytes) })
}

/// As [`parse`], for callers that need the value and not the proof.
///
/// # Errors
/// When the bytes are not one JSON text within the limits.
pub fn parse_json(bytes: &[u8], limits: &Limits) -> Result<Value, Malformed> {
    parse(bytes, limits).map(Parsed::into_value)
}

/// What one frame may still use.
struct Budget<'a> {
    limits: &'a Limits,
    n_nodes: Cell<usize>,
}

/// Builds a value, checking every limit before the value that would exceed it is kept.
#[derive(Clone, Copy)]
struct Strict<'a> {
    budget: &'a Budget<'a>,
    /// Arrays and objects around this value.
    depth: usize,
}

impl Strict<'_> {
    /// The builder for what lies inside an array or object at this place.
    fn inside<E: serde::de::Error>(self) -> Result<Self, E> {
        let depth_max = self.budget.limits.depth_max;
        if self.depth >= depth_max {
            return Err(E::custom(format_args!("nested deeper than {depth_max}")));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    fn text<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        let bytes_max = self.budget.limits.string_bytes_max;
        if text.len() > bytes_max {
            return Err(E::custom(format_args!("string of {} bytes, {bytes_max} allowed", text.len())));
        }
        // Parsers that keep text in C strings stop here, so they would act on less than was looked at.
        if text.contains('\0') {
            return Err(E::custom("string with a NUL character"));
        }
        Ok(())
    }

    fn integer<E: serde::de::Error>(self, magnitude: u64) -> Result<(), E> {
        let integer_max = self.budget.limits.integer_max;
        if magnitude > integer_max {
            return Err(E::custom(format_args!("integer beyond {integer_max}, which some peers would round")));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let n_nodes = self.budget.n_nodes.get() + 1;
        let nodes_max = self.budget.limits.nodes_max;
        if n_nodes > nodes_max {
            return Err(D::Error::custom(format_args!("more than {nodes_max} values")));
        }
        self.budget.n_nodes.set(n_nodes);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Value, E> {
        self.integer(value.unsigned_abs())?;
        Ok(Value::from(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        self.integer(value)?;
        Ok(Value::from(value))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number that is not finite"))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        self.text(text)?;
        Ok(Value::from(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inside)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let keys_max = self.budget.limits.keys_max;
        let mut object = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            self.text(&key)?;
            if key.starts_with(RESERVED_KEY_PREFIX) {
                return Err(A::Error::custom("reserved key"));
            }
            if object.contains_key(&key) {
                let start: String = key.chars().take(64).collect();
                return Err(A::Error::custom(format_args!("duplicate key {start:?}")));
            }
            if object.len() >= keys_max {
                return Err(A::Error::custom(format_args!("object with more than {keys_max} keys")));
            }
            let value = members.next_value_seed(inside)?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

// `serde_json` gives such keys a meaning of its own when a value passes through serde again: the text behind one
// would be parsed as JSON that nobody has looked at.
const RESERVED_KEY_PREFIX: &str = "$serde_json::private::";
