//! The program from outside: built, started, spoken to over the wire, killed. Nothing in here knows its insides.
#![allow(clippy::unwrap_used, reason = "a test that cannot do its part has failed")]

mod bad_input;
mod changes;
mod checking;
mod client;
mod controls;
mod crash;
mod decisions;
mod deployment;
mod documented;
mod doors;
mod examples;
mod files;
mod identity;
mod map;
mod nats;
#[path = "../../../maso-bus/tests/carriages/server.rs"]
#[allow(dead_code, reason = "the tests of the bus also kill it and let it stand still")]
mod nats_server;
mod pairs;
mod payloads;
mod pipe;
mod random;
mod server;
mod servers;
mod sidecar;
mod signing;
mod spawning;
mod stopping;
mod tls;
