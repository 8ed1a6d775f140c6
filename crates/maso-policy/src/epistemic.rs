//! What agents may tell each other, by what it rests on: rules over typed fields, never over a text (PG-2.4 to PG-2.8,
//! PG-3.3, EI-2.6).
//!
//! A [`Lineage`] knows what was said in one task and which primary sources each agent has seen in it. It judges a
//! [`Statement`] before it is taken in. It reads no text: what is compared are digests, confidences and ids. A [`Register`]
//! knows what agents assume for themselves in it, and holds texts against that by their likeness.

mod lineage;
mod register;
mod statement;
#[cfg(test)]
mod tests;

pub use lineage::{Grounds, Lineage};
pub use register::{Assumed, Promoted, Register, Spoken, likeness};
pub use statement::{Stance, Statement};
