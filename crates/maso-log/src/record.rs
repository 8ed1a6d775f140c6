//! A record, and the proof that something is one.

use maso_core::{Digest, Timestamp};

use crate::v1::Body;

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
    pub(crate) fn new(value: T, sequence: u64) -> Self {
        Self { value, sequence }
    }

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

/// Something that is in the recorder's hands, in order, and will be durable within
/// [`BUFFERED_MS_MAX`] milliseconds; a crash before that loses it. Only a pure read may be released on this.
#[derive(Debug)]
pub struct Buffered<T> {
    value: T,
}

/// How long a buffered entry may stay undurable while the disk keeps up.
pub const BUFFERED_MS_MAX: u64 = 50;

impl<T> Buffered<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value }
    }

    /// What was buffered.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// Gives up the value.
    pub fn into_inner(self) -> T {
        self.value
    }

    /// The same fact about a part of what was buffered.
    pub fn map<U>(self, part: impl FnOnce(T) -> U) -> Buffered<U> {
        Buffered { value: part(self.value) }
    }
}
