//! What is true around a hop: folds over the record.

use maso_core::{HopId, TaskId, TicketId, Timestamp};

/// Where moments come from; the simulator brings its own.
pub trait Clock: Send + Sync {
    /// This moment.
    fn now(&self) -> Timestamp;
}

/// Where fresh ids come from; the simulator brings its own.
pub trait Ids: Send + Sync {
    /// A fresh hop id.
    fn hop(&self) -> HopId;
    /// A fresh task id.
    fn task(&self) -> TaskId;
    /// A fresh ticket id.
    fn ticket(&self) -> TicketId;
}
