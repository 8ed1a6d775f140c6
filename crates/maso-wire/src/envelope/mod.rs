//! What one agent says to another: the typed message that an envelope carries (PG-1.4, DP-1.6, EC-2.13, EC-2.15, EI-2.5).
//!
//! A [`Message`] says which kind it is, on what it rests and how sure its sender is, in types that cannot hold what such a
//! message must not be: a claim without provenance, a delegation without its task. Nothing in it is believed for being
//! said. Who sent it is shown by the signature around it, which is checked before a byte of it is parsed.

mod beside;
mod confidence;
mod extraction;
mod kind;
mod message;
mod nonce;
mod provenance;
mod read;
mod remark;
mod statement;
mod write;

pub use beside::{Beside, Input};
pub use confidence::Confidence;
pub use extraction::{Extraction, Validation};
pub use kind::{Evidence, Kind};
pub use message::{Contract, Message, Parts};
pub use nonce::Nonce;
pub use provenance::{Method, Provenance, Source};
pub use remark::{Remark, Remarked};
pub use statement::{Assumption, Constraint, Force, Reach, Text};

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that meets the unexpected fails")]
mod tests;
