//! The path, end to end: one case for each decision, and what must hold after a restart and across processes.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

mod approvals;
mod assuming;
mod bounds;
mod chains;
mod clarity;
mod commit_point;
mod context;
mod decisions;
mod delegating;
mod evaluating;
mod faults;
mod hearing;
mod instructions;
mod limits;
mod messages;
mod observing;
mod order;
mod pinning;
mod plans;
mod posture;
mod recalling;
mod rig;
mod rotation;
mod rules;
mod simulation;
mod spawning;
mod trying_out;
