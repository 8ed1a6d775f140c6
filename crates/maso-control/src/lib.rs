//! What people order: tasks, answers, tool approvals, posture, tokens; and the HTTP API in front of it.
//!
//! Each order needs a [`SignedIn`], which only signing in makes, and becomes a record before it has an effect. The
//! command line and the HTTP API give the same orders through the same [`Desk`].

mod amount;
mod desk;
mod fault;
pub mod http;
mod orders;
mod signed_in;
mod silence;
mod verification;
pub mod view;

pub use desk::{Desk, Secrets};
pub use fault::OrderFault;
pub use orders::joining::{JoinFault, Joining};
pub use signed_in::{SignInFault, SignedIn};

#[cfg(test)]
mod tests;
