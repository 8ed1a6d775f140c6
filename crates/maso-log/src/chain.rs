//! The chain: what is hashed, and how one record follows from the one before it (OB-2.1).
//!
//! `docs/record.md` says the same in words; `maso-verify` says it again in code of its own.

use maso_core::{Digest, Timestamp};
use sha2::{Digest as _, Sha256};

use crate::{LogFault, Record};

/// Names the encoding inside the hash, so that no other use of SHA-256 can collide with it.
const DOMAIN: &[u8] = b"maso/record/v1";

/// The end of the chain as it is known: what the next record is chained to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) sequence: u64,
    pub(crate) at: Timestamp,
    pub(crate) hash: Digest,
}

impl Head {
    /// Before the first record.
    pub(crate) const START: Self =
        Self { sequence: 0, at: Timestamp::from_millis(i64::MIN), hash: Digest::from_bytes([0; 32]) };

    /// The head after a record of this body was appended at `now`; time never runs backwards along the chain.
    pub(crate) fn after(self, now: Timestamp, body: &[u8]) -> Self {
        let sequence = self.sequence + 1;
        let at = self.at.max(now);
        Self { sequence, at, hash: hash(sequence, at, self.hash, body) }
    }

    /// Checks that `row` follows from this head, and reads it.
    pub(crate) fn follow(self, row: &Row<'_>) -> Result<Record, LogFault> {
        let sequence = self.sequence + 1;
        let corrupt = |reason: &str| LogFault::Corrupt { sequence, reason: reason.to_owned() };
        if u64::try_from(row.sequence) != Ok(sequence) {
            return Err(corrupt(&format!("the next record is numbered {}", row.sequence)));
        }
        let (Ok(previous), Ok(stored)) = (<[u8; 32]>::try_from(row.previous), <[u8; 32]>::try_from(row.hash)) else {
            return Err(corrupt("a hash is not 32 bytes long"));
        };
        let (previous, stored) = (Digest::from_bytes(previous), Digest::from_bytes(stored));
        let at = Timestamp::from_millis(row.at_ms);
        if previous != self.hash {
            return Err(corrupt("it does not name the hash of the record before it"));
        }
        if hash(sequence, at, previous, row.body) != stored {
            return Err(corrupt("its hash is not that of its content"));
        }
        if at < self.at {
            return Err(corrupt("it is older than the record before it"));
        }
        let body = serde_json::from_slice(row.body)
            .map_err(|error| corrupt(&format!("its body cannot be read by this version: {error}")))?;
        Ok(Record { sequence, at, body, previous, hash: stored })
    }
}

impl From<&Record> for Head {
    fn from(record: &Record) -> Self {
        Self { sequence: record.sequence, at: record.at, hash: record.hash }
    }
}

/// One row as it lies in the file; nothing in it has been checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a> {
    pub(crate) sequence: i64,
    pub(crate) at_ms: i64,
    pub(crate) body: &'a [u8],
    pub(crate) previous: &'a [u8],
    pub(crate) hash: &'a [u8],
}

impl<'a> Row<'a> {
    /// Reads the columns `sequence, at_ms, body, previous, hash`.
    pub(crate) fn of(row: &'a rusqlite::Row<'_>) -> Result<Self, LogFault> {
        let sequence = row.get(0).map_err(|source| LogFault::store("read", 0, source))?;
        let at = u64::try_from(sequence).unwrap_or(0);
        let corrupt =
            |column: &str| LogFault::Corrupt { sequence: at, reason: format!("its {column} has another type") };
        let bytes = |index: usize, column: &str| {
            let value = row.get_ref(index).map_err(|source| LogFault::store("read", at, source))?;
            value.as_bytes().map_err(|_| corrupt(column))
        };
        Ok(Self {
            sequence,
            at_ms: row.get(1).map_err(|_| corrupt("time"))?,
            body: bytes(2, "body")?,
            previous: bytes(3, "previous hash")?,
            hash: bytes(4, "hash")?,
        })
    }
}

/// SHA-256 over the domain and the four fields, each preceded by its length: no two records encode alike.
pub(crate) fn hash(sequence: u64, at: Timestamp, previous: Digest, body: &[u8]) -> Digest {
    let mut hasher = Sha256::new();
    for field in [DOMAIN, &sequence.to_be_bytes(), &at.as_millis().to_be_bytes(), previous.as_bytes(), body] {
        hasher.update((field.len() as u64).to_be_bytes());
        hasher.update(field);
    }
    Digest::from_bytes(hasher.finalize().into())
}
