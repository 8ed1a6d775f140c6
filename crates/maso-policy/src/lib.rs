//! Authorise, trace, weigh, settle: stages 5 to 8 of the path, total and pure.
//!
//! No clock, no I/O, no randomness, no judge. Deciding never fails: what cannot be decided is held or denied, with
//! the reason inside.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod authorise;
mod compare;
mod decision;
mod dry_run;
mod epistemic;
#[cfg(test)]
mod fixture;
mod settle;
mod temporal;
mod trace;
mod verdict;
mod view;
mod weigh;

pub use authorise::{CompileError, Policies, authorise};
pub use compare::{
    Action, Change, Direction, Outcome, Side, Witness, compare, nearest_allowed, text_matching, within_bounds,
};
pub use decision::{Decision, Denial, Held, Permit, Subject};
pub use dry_run::{Before, DryRun};
pub use epistemic::{Assumed, Grounds, Lineage, Promoted, Register, Spoken, Stance, Statement, likeness};
pub use settle::settle;
pub use temporal::{Event, History};
pub use trace::{
    Excerpt, Memory, Order, Traced, best_answer, excerpts, inert, labels_declared, labels_of, source_declared,
    source_of, trace,
};
pub use verdict::{Approval, Opinion, Rejection, Tried, Verdict, Verdicts};
pub use weigh::{Weighed, weigh};
