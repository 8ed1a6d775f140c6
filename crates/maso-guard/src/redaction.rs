//! Replacing what must not be forwarded.

use serde_json::Value;

/// A place in the payload that must not be forwarded as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redaction {
    /// JSON pointer to the string.
    pub pointer: String,
    /// What stands in its place: the whole new string.
    pub replacement: String,
}

impl Redaction {
    /// Puts each replacement in its place. A pointer that leads nowhere replaces the whole value: a payload that is
    /// not the one that was scanned must not go on with what was found in it.
    pub fn apply(value: &mut Value, redactions: &[Self]) {
        for redaction in redactions {
            match value.pointer_mut(&redaction.pointer) {
                Some(place) => *place = Value::String(redaction.replacement.clone()),
                None => {
                    *value = Value::String("[redacted]".to_owned());
                    return;
                }
            }
        }
    }
}
