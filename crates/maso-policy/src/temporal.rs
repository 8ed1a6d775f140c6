//! Temporal rules over the history of a task, an agent, a workflow or the deployment (`docs/decisions/0014`).
//!
//! Pure and incremental: what a rule must know of its history is kept in a cell per rule and reach, and each event is
//! taken in once. Deciding a hop costs what the rules cost that name it, however long the history is and however many
//! other rules there are.

mod cell;
mod compiled;
mod event;
mod history;
mod index;
#[cfg(test)]
mod tests;

pub use event::Event;
pub use history::History;
