//! The recorder: stage 9, the commit point.

use std::{path::Path, sync::Arc};

use maso_core::{Digest, Timestamp};
use tokio::sync::broadcast;

use crate::{Entry, v1::Body};

/// One record as it lies in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Its place, from 1 without gaps.
    pub sequence: u64,
    /// When it was committed, by the recorder's clock.
    pub at: Timestamp,
    /// What it says.
    pub body: Body,
    /// Hash of the record before it (OB-2.1); zero for the first.
    pub previous: Digest,
    /// Its own hash.
    pub hash: Digest,
}

/// Something that is durably on the record.
#[derive(Debug)]
pub struct Recorded<T> {
    value: T,
    sequence: u64,
}

impl<T> Recorded<T> {
    /// What was recorded.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// Its place in the log.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Gives up the value.
    pub fn into_inner(self) -> T {
        self.value
    }

    /// The same fact about a part of what was recorded.
    pub fn map<U>(self, part: impl FnOnce(T) -> U) -> Recorded<U> {
        Recorded { value: part(self.value), sequence: self.sequence }
    }
}

/// How a log is opened.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Entries that may wait for a commit; one more waits.
    pub queue_max: usize,
    /// Entries of one group commit.
    pub batch_max: usize,
}

/// Why the recorder could not do what was asked. Nothing was acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum LogFault {
    /// The database refused.
    #[error("cannot {operation} the flight record")]
    Store {
        /// What was tried.
        operation: &'static str,
        /// What the database said.
        #[source]
        source: rusqlite::Error,
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
    /// The recorder has stopped.
    #[error("the flight recorder has stopped")]
    Stopped,
}

/// A handle on the log. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Recorder {}

impl Recorder {
    /// Opens the log at `path`, recovering it, and hands every record so far to `fold` in order.
    ///
    /// # Errors
    /// When the file cannot be opened or its chain does not hold.
    pub fn open(path: &Path, options: Options, fold: impl FnMut(&Record)) -> Result<Self, LogFault> {
        let _ = (path, options, fold);
        unimplemented!()
    }

    /// Records one entry durably. When this returns, it is on disk.
    ///
    /// # Errors
    /// When it could not be made durable; it then must count as not done.
    pub async fn record<T: Entry>(&self, entry: T) -> Result<Recorded<T>, LogFault> {
        let _ = entry;
        unimplemented!()
    }

    /// All records from here on, those of other processes too, in commit order.
    pub fn follow(&self) -> broadcast::Receiver<Arc<Record>> {
        unimplemented!()
    }
}
