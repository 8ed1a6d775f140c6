//! The chain: each record follows from the one before it.

use sha2::{Digest, Sha256};

use crate::{Report, story::Story};

/// One record as it lies in the file. Nothing in it is believed.
pub(crate) struct Raw<'a> {
    pub(crate) sequence: u64,
    pub(crate) at_ms: i64,
    pub(crate) previous: &'a [u8],
    pub(crate) hash: &'a [u8],
    pub(crate) body: &'a [u8],
}

/// Walks along the records from the first to the last.
pub(crate) struct Walk {
    pub(crate) report: Report,
    pub(crate) story: Story,
    /// The stored hash and time of the record before.
    before: Option<(Vec<u8>, i64)>,
}

impl Walk {
    pub(crate) fn new() -> rusqlite::Result<Self> {
        Ok(Self { report: Report::default(), story: Story::new()?, before: None })
    }

    /// Checks one record against the one before it, then its body against the story so far.
    pub(crate) fn step(&mut self, raw: &Raw<'_>) -> rusqlite::Result<()> {
        let Raw { sequence, at_ms, previous, hash: stored, body } = *raw;
        let report = &mut self.report;
        match report.last {
            Some(last) if last.checked_add(1) != Some(sequence) => {
                report.problem(sequence, format!("it follows record {last}"));
            }
            None if sequence == 0 => report.problem(sequence, "records are numbered from 1"),
            _ => {}
        }
        match &self.before {
            Some((hash, _)) if hash != previous => {
                report.problem(sequence, "it does not name the hash of the record before it");
            }
            // The first of an export that begins later names a hash that is not in it.
            None if sequence == 1 && previous != [0; 32] => {
                report.problem(sequence, "the first record names a record before it");
            }
            _ => {}
        }
        if matches!(self.before, Some((_, before_ms)) if at_ms < before_ms) {
            report.problem(sequence, "it is older than the record before it");
        }
        if hash(sequence, at_ms, previous, body)[..] != *stored {
            report.problem(sequence, "its hash is not that of its content");
        }
        if report.first.is_none() {
            report.first = Some(sequence);
            self.story.is_whole = sequence == 1;
        }
        report.records += 1;
        report.last = Some(sequence);
        report.last_hash = Some(hex::encode(stored));
        self.before = Some((stored.to_vec(), at_ms));
        match serde_json::from_slice(body) {
            Ok(body) => self.story.tell(sequence, at_ms, &body, report)?,
            Err(_) => report.problem(sequence, "its body is not JSON"),
        }
        Ok(())
    }
}

/// SHA-256 over the domain, sequence, time, previous hash and body, each preceded by its length in 8 bytes.
pub(crate) fn hash(sequence: u64, at_ms: i64, previous: &[u8], body: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for field in [b"maso/record/v1", &sequence.to_be_bytes()[..], &at_ms.to_be_bytes(), previous, body] {
        hasher.update((field.len() as u64).to_be_bytes());
        hasher.update(field);
    }
    hasher.finalize().into()
}
