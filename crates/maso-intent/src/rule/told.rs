//! The values that rules ask for, as they are kept on the record: whole numbers as they are, everything else as a digest,
//! so that the record counts and compares and quotes nothing.

use std::collections::BTreeMap;

use maso_core::Digest;
use serde_json::Value;

use crate::Resolved;

/// One value, as far as rules can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Told {
    /// A whole number that fits into 64 bits.
    Whole(i64),
    /// Anything else: the digest of its canonical form.
    Other(Digest),
    /// There is none, or it is `null`.
    Absent,
}

impl Told {
    /// What rules can tell of this value.
    pub fn of(value: Option<&Value>) -> Self {
        match value {
            None | Some(Value::Null) => Self::Absent,
            Some(value) => value.as_i64().map_or_else(|| Self::Other(Digest::of_value(value)), Self::Whole),
        }
    }

    fn key(&self) -> (u8, i64, [u8; 32]) {
        match self {
            Self::Whole(number) => (0, *number, [0; 32]),
            Self::Other(digest) => (1, 0, *digest.as_bytes()),
            Self::Absent => (2, 0, [0; 32]),
        }
    }
}

impl PartialOrd for Told {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Told {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl Resolved {
    /// The values of the payload that some rule asks of such a hop, by JSON pointer.
    pub fn told(&self) -> BTreeMap<String, Told> {
        let asked = self.deployment().rules.asked_of(&self.hop().act);
        let payload = &self.hop().payload;
        asked.into_iter().map(|pointer| (pointer.clone(), Told::of(payload.pointer(pointer)))).collect()
    }
}
