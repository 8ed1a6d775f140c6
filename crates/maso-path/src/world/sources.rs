//! Where moments and ids come from. The simulator brings its own; nothing else in this crate reads a clock.

use std::time::{SystemTime, UNIX_EPOCH};

use maso_core::{HopId, TaskId, TicketId, Timestamp};
use uuid::Uuid;

/// Where moments come from.
pub trait Clock: Send + Sync {
    /// This moment.
    fn now(&self) -> Timestamp;
}

/// Where fresh ids come from.
pub trait Ids: Send + Sync {
    /// A fresh hop id.
    fn hop(&self) -> HopId;
    /// A fresh task id.
    fn task(&self) -> TaskId;
    /// A fresh ticket id.
    fn ticket(&self) -> TicketId;
    /// 256 bits that nobody can guess; `None` where there are none to be had.
    fn secret(&self) -> Option<[u8; 32]>;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// Ids that sort by the time at which they were made (UUID version 7).
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemIds;

impl Ids for SystemIds {
    fn hop(&self) -> HopId {
        HopId::from_uuid(Uuid::now_v7())
    }

    fn task(&self) -> TaskId {
        TaskId::from_uuid(Uuid::now_v7())
    }

    fn ticket(&self) -> TicketId {
        TicketId::from_uuid(Uuid::now_v7())
    }

    fn secret(&self) -> Option<[u8; 32]> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).ok().map(|()| secret)
    }
}
