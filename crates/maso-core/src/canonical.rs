//! One byte form for one value: what is hashed, bound and compared.

use std::{collections::BTreeMap, fmt};

use serde_json::Value;
use serde_json_canonicalizer::to_writer;
use sha2::{Digest as _, Sha256};

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of exactly these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest of a JSON value in its canonical form (RFC 8785).
    pub fn of_value(value: &Value) -> Self {
        Self::of(&canonical_bytes(value))
    }

    /// The digest of the JSON object with these members, in its canonical form.
    pub fn of_members<'a>(members: impl IntoIterator<Item = (&'a str, &'a Value)>) -> Self {
        let members: BTreeMap<_, _> = members.into_iter().collect();
        Self::of(&canonical(|bytes| to_writer(&members, bytes)))
    }

    /// A digest that was stored as raw bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads 64 hexadecimal digits, with or without the prefix `sha256:`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("sha256:").unwrap_or(text);
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// The raw bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The canonical JSON form of a value (RFC 8785): sorted keys, no whitespace, one way to write a number.
pub fn canonical_bytes(value: &Value) -> Vec<u8> {
    canonical(|bytes| to_writer(value, bytes))
}

fn canonical(write: impl FnOnce(&mut Vec<u8>) -> serde_json::Result<()>) -> Vec<u8> {
    // Room for the usual hop, so that the bytes are not moved again and again while they grow.
    let mut bytes = Vec::with_capacity(USUAL_BYTES);
    write(&mut bytes).expect("a JSON value has only string keys and finite numbers, and a vector takes all bytes");
    bytes
}

const USUAL_BYTES: usize = 4096;
