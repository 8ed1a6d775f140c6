//! What runs beside an agent on a machine of its own: it has the agent's credential, and the only way to maso.
//!
//! It decides nothing and records nothing. The agent reaches it on loopback and shows it nothing; what the agent asks goes to
//! maso, signed and proven as the agent's, over TLS on lines of the broker. Where no line is to be had nothing goes on.

mod badge;
mod forwarding;
#[cfg(test)]
mod tests;
mod way;

pub use badge::{Badge, BadgeFault};
pub use forwarding::sidecar_router;
pub use way::{Dial, Unreached, Way};
