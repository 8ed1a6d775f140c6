//! One module a command.

pub mod agents;
pub mod approvals;
pub mod bench;
pub mod bus;
pub mod check;
pub mod completions;
pub mod controls;
pub mod demo;
pub mod diff;
pub mod eval;
pub mod explain;
pub mod fmt;
pub mod init;
pub mod kill;
pub mod log;
pub mod map;
pub mod mcp;
pub mod operators;
pub mod pace;
pub mod schema;
pub mod sidecar;
pub mod sign;
pub mod tasks;
pub mod tier;
pub mod up;
