//! Authorise, trace, weigh, settle: stages 5 to 8 of the path, total and pure.
//!
//! No clock, no I/O, no randomness, no judge. Deciding never fails: what cannot be decided is held or denied, with
//! the reason inside.

mod authorise;
mod decision;
mod settle;
mod trace;
mod verdict;
mod weigh;

pub use authorise::{CompileError, Policies, authorise};
pub use decision::{Decision, Denial, Held, Permit, Subject};
pub use settle::settle;
pub use trace::{Memory, Traced, trace};
pub use verdict::{Approval, Opinion, Verdict, Verdicts};
pub use weigh::{Weighed, weigh};
