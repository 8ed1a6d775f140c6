//! The claims example: an insurer's tool servers, its three agents, and the check of what they brought about. And the
//! other worked deployments, which are declared and run nothing.
//!
//! The servers are real MCP servers over a real SQLite file; the agents are separate processes that speak MCP as any
//! client would and believe whatever they read. Nothing here decides anything: deciding is what stands in between.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod agents;
mod data;
mod error;
mod examples;
mod outcome;
mod poison;
mod servers;

pub use agents::{AgentArgs, Assignment, Because, Confinement, Event, Reply, run_agent};
pub use data::{DATABASE_FILE, DOCUMENTS_FOLDER, seed};
pub use error::DemoError;
pub use examples::{Example, Servers};
pub use outcome::{Answers, ClaimReport, PoisonReport, Report, Settled, check_outcome};
pub use servers::{DemoServer, serve};

#[cfg(test)]
mod testing;
