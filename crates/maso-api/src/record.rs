//! Whether the record holds.

use serde::{Deserialize, Serialize};

/// What came of checking the whole record against itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerificationView {
    /// When it was checked.
    pub at: i64,
    /// How long that took.
    pub took_ms: u64,
    /// Whether it holds.
    pub verified: bool,
    /// How many records were read.
    pub records: u64,
    /// Hash of the last of them.
    pub head: String,
    /// Payloads whose bytes were checked.
    pub payloads: u64,
    /// How many problems there are.
    pub n_problems: u64,
    /// The first of them.
    pub problems: Vec<ProblemView>,
}

/// One thing that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemView {
    /// The record at which it shows; zero if it belongs to none.
    pub sequence: u64,
    /// What is wrong.
    pub what: String,
}
