//! Encryption of bytes for one place: what was sealed with a key and a context opens with both of them alone.
//!
//! The context says what the bytes are and where they lie, so that a ciphertext that was put elsewhere opens nowhere. It begins
//! with a purpose, so that nothing is ever taken for something else. This crate must never know what it encrypts.

mod sealing;
mod wrapping;

pub use sealing::{NotSealed, SealingKey, draw};
pub use wrapping::{LocalKey, WrapFault, WrappingKey};

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that meets the unexpected fails")]
mod tests;
