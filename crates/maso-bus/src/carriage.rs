//! The contract between mailboxes and whoever carries parcels to them.

use std::{fmt, time::Duration};

use async_trait::async_trait;

use crate::{Mailbox, Parcel};

/// Brings parcels into mailboxes, and hands them out until somebody has said that they arrived.
///
/// *At least once*: what was put stays until it is acknowledged, and is handed out again when whoever took it gave it back or
/// is gone. *Once in effect* is made of it by whoever takes parcels: one parcel has one [`Parcel::id`], however often it comes.
/// Nothing here says that parcels come in the order in which they were put, though without faults they do.
#[async_trait]
pub trait Carriage: Send + Sync + fmt::Debug {
    /// What an `Ok` of [`Carriage::put`] promises at least.
    fn promise(&self) -> Promise;

    /// Puts a parcel into its mailbox, and says what is promised of it from now on. Putting the same parcel again, while
    /// that is known, changes nothing and is no error: whoever does not know whether it was put puts it again.
    ///
    /// # Errors
    /// When it was not put, or nobody knows whether it was.
    async fn put(&self, parcel: &Parcel) -> Result<Promise, NotPut>;

    /// Takes the next parcel out of a mailbox, waiting for so long at most; `None` when there was none. Until it is
    /// acknowledged, nobody else gets it while this process lives and reaches the mailbox. A caller that drops the future
    /// takes nothing, though what was on its way to it may come to the next only after a while.
    ///
    /// A look without a wait gives what can be handed out at that moment, and promises nothing of what was put just before:
    /// a broker acknowledges a parcel a moment before it can be taken. Whoever must not miss it waits.
    ///
    /// # Errors
    /// When the mailbox cannot be reached.
    async fn take(&self, mailbox: &Mailbox, wait: Duration) -> Result<Option<Delivery>, Unavailable>;

    /// Ends a parcel: it is not handed out again. Ending it twice is no error.
    ///
    /// # Errors
    /// When nobody knows whether it was ended. It may be handed out again.
    async fn acknowledge(&self, receipt: &Receipt) -> Result<(), Unavailable>;

    /// Gives a parcel back that was taken: it is handed out again, at once where the mailbox can be reached and after
    /// the redelivery time where not. What was acknowledged stays so.
    async fn give_back(&self, receipt: &Receipt);
}

/// What somebody may rely on who was told that a parcel is put. In order: each promises what those before it do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Promise {
    /// It lies in this process's memory: it is there as long as the process.
    Memory,
    /// The broker wrote it to its file, and may not have waited for the disk: it survives that processes end, the broker's
    /// among them, and not that the machine loses power.
    Stored,
    /// It also survives that one machine loses power: the broker waited for its disk, or most of three machines have it.
    Synced,
}

impl Promise {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Memory, Self::Stored, Self::Synced];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Stored => "stored",
            Self::Synced => "synced",
        }
    }
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why it is not so that a parcel is put.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPut {
    /// There is no room. It was not put.
    #[error("{0}")]
    Full(Full),
    /// The carriage cannot be reached, or does not take it. It was not put.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// It was sent, and no answer came within the time: it may have been put, or may be yet.
    #[error("whether it was put is not known: {0}")]
    Unknown(String),
}

/// What has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// Too much of this sender waits there.
    #[error("too much of its sender waits in the mailbox")]
    Edge,
    /// The mailbox has too many parcels, or too many bytes.
    #[error("the mailbox is full")]
    Mailbox,
}

/// The carriage does not work at the moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bus is not available: {0}")]
pub struct Unavailable(pub String);

/// A parcel that was taken, and by what it is ended or given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// What was taken.
    pub parcel: Parcel,
    /// By what to end it, or to give it back.
    pub receipt: Receipt,
    /// Whether it may have been handed out before.
    pub again: bool,
}

/// Names one handing out of one parcel. It means something to the carriage alone that made it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Receipt(pub(crate) String);
