//! The path: what happens to every hop, end to end, in one readable function.
//!
//! Knows no protocol and no HTTP: an adapter brings a [`maso_wire::Received`] and a way to carry it, and consumes
//! what becomes of it. A simulator can drive it as well as a gateway.

mod travel;
mod world;

pub use travel::{Carried, Outcome, Path, Release, Ticket, Waiting};
pub use world::{Clock, Ids};
