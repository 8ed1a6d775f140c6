//! The flight recorder: one append-only log that everything else is a fold of (OB-1.1, OB-2.1).
//!
//! Append, group commit, recovery, tail. Several processes may hold the same log open: each append reads the head
//! inside its own transaction, and each process sees the others' records in commit order.
//!
//! This crate must never decide anything, and never know what a record is for.

mod belonging;
mod chain;
mod entry;
mod export;
mod fault;
mod inbox;
mod mentions;
mod reader;
mod record;
mod recorder;
mod ruled;
mod store;
mod tail;
mod turnstile;
pub mod v1;
mod vault;
mod writer;

pub use belonging::{Owner, Page};
pub use entry::{Entry, Payload};
pub use export::ExportError;
pub use fault::LogFault;
pub use reader::Reader;
pub use record::{BUFFERED_MS_MAX, Buffered, Record, Recorded};
pub use recorder::{Options, PayloadKey, Recorder};
pub use ruled::{Keep, RecordedDecision, Ruled};

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that meets the unexpected fails")]
mod tests;
