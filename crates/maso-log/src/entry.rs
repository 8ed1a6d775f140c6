//! What can be recorded.

use maso_core::TaskId;
use serde_json::Value;

use crate::v1::Body;

/// Something that can be recorded.
pub trait Entry {
    /// The record it makes.
    fn body(&self) -> Body;

    /// The payload that belongs to it: kept apart from the record, found by its digest.
    fn payload(&self) -> Option<Payload<'_>> {
        None
    }
}

/// A payload and the task that it belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Payload<'a> {
    /// The task, if one was established.
    pub task: Option<TaskId>,
    /// The payload.
    pub value: &'a Value,
}

impl Entry for Body {
    fn body(&self) -> Body {
        self.clone()
    }
}
