//! Versions and signatures (AT-1.3): what people approved, byte for byte, and what may therefore start.
//!
//! A version of a deployment is the digest of its files. Who must sign it is said by the version itself and by the one
//! that was in force before it, so that nobody comes to sign by declaring it.

mod approval;
mod duty;
mod history;
mod problems;
mod statement;

pub use approval::{Approval, InForce, Unapproved};
pub use duty::{Duties, Duty, Office};
pub use history::{Change, SignError, SignedVersions};
pub use problems::problems as signature_problems;
pub use statement::Statement;
pub(crate) use statement::digest_of;
