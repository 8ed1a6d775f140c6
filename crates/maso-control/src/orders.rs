//! The orders, each a record before it has an effect.

mod erasing;
pub(crate) mod joining;
mod posture;
mod tasks;
mod tickets;
mod tokens;
mod tools;
