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

/// What erases payloads: those of a task that has ended, or those that were kept before a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErasePayloads {
    /// The task. Either it or a day is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The first day (UTC) whose payloads stay, `2026-11-23`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Why.
    pub reason: String,
}

/// What was erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasedPayloads {
    /// The record that says so.
    pub sequence: u64,
    /// How many payloads that could not be read any more were removed.
    pub removed: u64,
}
