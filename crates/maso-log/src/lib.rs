//! The flight recorder: one append-only log that everything else is a fold of (OB-1.1, OB-2.1).
//!
//! Append, group commit, recovery, tail. Several processes may hold the same log open: each append reads the head
//! inside its own transaction, and each process sees the others' records in commit order.

mod entry;
mod recorder;
pub mod v1;

pub use entry::{Entry, Payload};
pub use recorder::{LogFault, Options, Record, Recorded, Recorder};
