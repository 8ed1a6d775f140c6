//! How much may lie in mailboxes, and for how long.

use std::time::Duration;

/// What one mailbox holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Parcels of one sender. Less than the mailbox, so that one noisy agent does not silence the others.
    pub edge_max: usize,
    /// Parcels of all senders.
    pub mailbox_max: usize,
    /// Bytes of all parcels. A broker reserves them, so that a disk that others fill refuses at the start and not later.
    pub mailbox_bytes_max: usize,
    /// How long a parcel waits for whom it is for; then it is dropped.
    pub kept: Duration,
    /// How long it is known that a parcel was put, be it taken since: putting it once more changes nothing.
    pub known_for: Duration,
}

impl Bounds {
    /// What a deployment gets.
    pub const DEFAULT: Self = Self {
        edge_max: 250,
        mailbox_max: 1_000,
        mailbox_bytes_max: 32 << 20,
        kept: Duration::from_hours(24),
        known_for: Duration::from_mins(2),
    };
}

impl Default for Bounds {
    fn default() -> Self {
        Self::DEFAULT
    }
}
