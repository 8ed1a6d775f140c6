//! The doors over the real path, a real record and a real server process: what goes through goes through unchanged, and
//! what does not is told of in the client's own protocol.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test says what it expects by unwrapping it")]

mod a2a;
mod bounds;
mod fixture;
mod fleet;
mod holds;
mod http;
mod listening;
mod logging;
mod meeting;
mod messages;
mod peers;
mod pipe;
mod remarks;
mod rig;
mod server;
mod streams;
mod taking_back;
mod upstream;
