//! What a sidecar knows: where the broker is, whose it is, and by what maso is known; handed over once, and kept.

mod home;
mod invitation;

pub use home::Home;
pub use invitation::{Certificate, Invitation, Place};
