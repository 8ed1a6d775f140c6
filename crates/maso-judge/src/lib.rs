//! Layer 2: judges that are heard before an action is committed (EC-2.5, OI-2.1).
//!
//! A judge reads an action and says what it thinks. It grants nothing: its word can only fulfil or refuse a review
//! that `weigh` required.

mod brief;

pub use brief::{Brief, Judge};
