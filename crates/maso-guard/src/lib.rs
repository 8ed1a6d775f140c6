//! Layer 1: deterministic scanners over every hop. Microseconds, no model, no I/O.
//!
//! Each scanner is one file and speaks under the id of the control that it implements. All of them are pure: the
//! same payload always gives the same findings. This crate must never know who is allowed to do what; it says what
//! it sees in a payload, and an error of its own is a finding against the hop.

mod confusable;
mod forms;
mod injection;
mod invisible;
mod leaf;
mod manipulation;
mod normal;
mod notes;
mod personal;
mod redaction;
mod scan;
mod schema;
mod secrets;
mod size;
mod subject;
mod traversal;

pub use normal::{Bound, Budget, Found, Layer, Normal, View, Way};
pub use redaction::Redaction;
pub use scan::{Config, Deselected, Scan, Scanner, Surface};
pub use size::Sizes;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot read its input has failed")]
mod tests;
