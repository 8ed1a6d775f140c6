//! Offline checker of a flight record, small enough to audit in an hour.
//!
//! It says again, in code of its own, what `docs/record.md` says in words: it must never depend on the recorder, so
//! that a fault of the recorder cannot hide itself.

mod chain;
mod database;
mod export;
mod named;
mod payloads;
mod story;

use std::{fmt, fs::File, io::Read as _, path::Path};

pub use database::verify_database;
pub use export::verify_export;
pub use payloads::PayloadKey;

/// What was found in a flight record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many records were read.
    pub records: u64,
    /// The sequence of the first one.
    pub first: Option<u64>,
    /// The sequence of the last one.
    pub last: Option<u64>,
    /// The hash of the last one, in hexadecimal. Records missing from the end show only when this is compared with a
    /// hash that was noted elsewhere.
    pub last_hash: Option<String>,
    /// Payloads whose bytes were checked. An export has none.
    pub payloads: u64,
    /// Payloads that are there and were not looked into, because nobody gave the key.
    pub payloads_locked: u64,
    /// Payloads that a record names and that are not there: erased after their retention, or never exported.
    pub payloads_absent: u64,
    /// How many problems there are.
    pub n_problems: u64,
    /// The first [`PROBLEMS_MAX`] of them, in the order in which they were found.
    pub problems: Vec<Problem>,
}

/// One thing that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The record at which it shows; zero if it belongs to none.
    pub sequence: u64,
    /// What is wrong.
    pub what: String,
}

/// Problems that are kept.
pub const PROBLEMS_MAX: usize = 1000;

/// Why nothing could be verified. A record that cannot be read is not a record that holds.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The file could not be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The file.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The database could not be read.
    #[error("cannot read the database of the flight record")]
    Database(#[from] rusqlite::Error),
    /// The payloads were encrypted with another key.
    #[error("the payload key is not the one that this record's payloads were encrypted with")]
    WrongKey,
}

/// Verifies the flight record at `path`: the recorder's database without looking into its payloads, or an export as JSON
/// Lines.
///
/// # Errors
/// When the file cannot be read. What is wrong with its content is in the report.
pub fn verify(path: &Path) -> Result<Report, VerifyError> {
    let unreadable = |source| VerifyError::Read { path: path.display().to_string(), source };
    let mut start = Vec::new();
    let mut file = File::open(path).map_err(unreadable)?;
    (&mut file).take(SQLITE_MAGIC.len() as u64).read_to_end(&mut start).map_err(unreadable)?;
    if start == SQLITE_MAGIC {
        verify_database(path, None)
    } else {
        let file = File::open(path).map_err(unreadable)?;
        verify_export(std::io::BufReader::new(file)).map_err(unreadable)
    }
}

impl Report {
    /// Whether everything is as it must be.
    pub fn holds(&self) -> bool {
        self.n_problems == 0
    }

    pub(crate) fn problem(&mut self, sequence: u64, what: impl Into<String>) {
        self.n_problems += 1;
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(Problem { sequence, what: what.into() });
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "record {}: {}", self.sequence, self.what)
    }
}

const SQLITE_MAGIC: &[u8] = b"SQLite format 3\0";

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that meets the unexpected fails")]
mod tests;
