//! Bytes to [`Received`] and back: strict parsing, limits, MCP frames, messages between agents.
//!
//! What comes out of here parsed, and nothing in it is believed. This crate must never know a socket, a file, a
//! clock or a random source, nor what anybody is allowed to do.

pub mod a2a;
mod credential;
mod document;
pub mod envelope;
mod json;
mod known_hosts;
mod limits;
pub mod mcp;
mod number;
mod received;
pub mod sse;

pub use credential::{Credential, PeerCertificates, UnverifiedToken};
pub use document::{DocumentForm, parse_document};
pub use json::{Malformed, Parsed, parse, parse_json};
pub use known_hosts::KnownHosts;
pub use limits::Limits;
pub use received::{Arrival, Claims, Parts, Received, Said};

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that meets the unexpected fails")]
mod tests;
