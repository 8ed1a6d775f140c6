//! One contract, kept by every carriage, and what a broker's faults do to it.
#![allow(clippy::unwrap_used, reason = "a test that meets the unexpected fails")]

#[macro_use]
mod contract;
mod in_process;
mod nats;
mod server;
