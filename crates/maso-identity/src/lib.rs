//! Who sent it, is it fresh: `Received` to [`Identified`] (IA-1.1, IA-2.1, IA-2.2).
//!
//! Keys, tokens and proofs of the trust domain. Time and randomness are arguments; no file is read here.

mod identified;

pub use identified::{Identified, Proof, TaskClaim};
