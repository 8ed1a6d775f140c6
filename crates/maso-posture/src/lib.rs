//! PACE, breakers and counters as one pure transition function.
//!
//! [`step`] folds a [`Signal`] into the [`State`] and says what follows from it as [`Order`]s. Tightening is automatic
//! and immediate; the only signal that can loosen is [`Signal::Manual`], with enough [`Authority`]. What the orders did
//! is on the record, and [`State::recall`] rebuilds the very same state from the record after a restart.
//!
//! [`Assessment`] says which tier the same record carries: another fold, [`History`], day by day.
//!
//! No clock, file, socket or randomness here: time is an argument.

mod attempts;
mod authority;
mod counters;
mod history;
mod order;
mod rules;
mod signal;
mod state;
mod step;
mod tier;

pub use attempts::{Attempt, Attempts, Of, Trend};
pub use authority::{Authority, EmergencyReview, NotAllowed, Office};
pub use counters::Rate;
pub use history::{Answer, Event, History, Judged};
pub use order::{Author, Order, Period, Trigger};
pub use rules::{AgentRules, PlanAttemptsMax, Rules};
pub use signal::{Happening, Recorded, Signal};
pub use state::{AgentSummary, Effective, ScopeSummary, Standing, State, Summary};
pub use step::step;
pub use tier::{Assessment, Criterion, Fulfilment, Stated};

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
