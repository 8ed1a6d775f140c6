//! The claims example: an insurer's tool servers, its three agents, and the check of what they brought about.
//!
//! The servers are real MCP servers over a real SQLite file; the agents are separate processes that speak MCP as any
//! client would and believe whatever they read. Nothing here decides anything: deciding is what stands in between.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod agents;
mod data;
mod error;
mod outcome;
mod poison;
mod servers;

pub use agents::{AgentArgs, Assignment, Because, Confinement, Event, Reply, run_agent};
pub use data::{DATABASE_FILE, DOCUMENTS_FOLDER, seed, unpack_deployment};
pub use error::DemoError;
pub use outcome::{Answers, ClaimReport, PoisonReport, Report, Settled, check_outcome};
pub use servers::{DemoServer, serve};

#[cfg(test)]
mod testing;
