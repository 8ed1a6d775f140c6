//! What can go wrong with the flight record.

use std::sync::Arc;

use maso_seal::WrapFault;

/// Why the recorder could not do what was asked. Nothing was acknowledged.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LogFault {
    /// The database refused.
    #[error("cannot {operation} the flight record")]
    Store {
        /// What was tried.
        operation: &'static str,
        /// What the database said. Shared, because one failed commit refuses a whole group.
        #[source]
        source: Arc<rusqlite::Error>,
    },
    /// The log is not what it was: the recorder stops.
    #[error("the flight record is corrupt at {sequence}: {reason}")]
    Corrupt {
        /// The first bad record.
        sequence: u64,
        /// What is wrong.
        reason: String,
    },
    /// A once-only record exists already (an approval that was spent).
    #[error("`{subject}` was used before")]
    Spent {
        /// What was used.
        subject: String,
    },
    /// What the entry rests on no longer held when it was about to be written: somebody was stopped meanwhile.
    #[error("what it rests on no longer holds")]
    Overtaken,
    /// The file is some other program's, or was written by a later version.
    #[error("`{path}` is not a flight record that this version can read: {reason}")]
    Foreign {
        /// The file.
        path: String,
        /// What was found, and what was expected.
        reason: String,
    },
    /// A key of payloads cannot be had.
    #[error("cannot use the keys of payloads")]
    Key(#[from] WrapFault),
    /// The key that was given is not the one under which the keys of this record's payloads lie.
    #[error("the payload key is not the one that this record's payloads were encrypted with")]
    WrongKey,
    /// Whoever opened the record gave no key for payloads.
    #[error("payloads are neither kept nor read without their key")]
    Locked,
    /// The recorder has stopped.
    #[error("the flight recorder has stopped")]
    Stopped,
}

impl LogFault {
    /// Tells damage from refusal: a database that is damaged at `sequence` is a corrupt record.
    pub(crate) fn store(operation: &'static str, sequence: u64, source: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        match source.sqlite_error_code() {
            Some(DatabaseCorrupt | NotADatabase) => Self::Corrupt { sequence, reason: source.to_string() },
            _ => Self::Store { operation, source: Arc::new(source) },
        }
    }
}
