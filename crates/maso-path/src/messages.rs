//! Messages that were said, by the record: each is said once, however long ago that was.

use maso_core::{Finding, Word};
use maso_intent::Resolved;
use maso_log::v1;

use crate::{Path, travel::NotRecorded, world::write_statement};

impl Path {
    /// What must be recorded with the permit of a hop by which a message is sent, or why there may be none. The record
    /// refuses a second use of its id at the commit, also between processes and tasks; here it is found out before judges
    /// and people are asked.
    pub(crate) fn message_of(&self, resolved: &Resolved) -> Result<Result<Option<v1::Body>, Finding>, NotRecorded> {
        let Some(said) = write_statement(resolved) else { return Ok(Ok(None)) };
        // By its sender and its id: another agent may have given a message of its own the same id.
        let was_said = self.recorder.reader().is_spent(&said.said).map_err(|fault| {
            tracing::error!(error = &fault as &dyn std::error::Error, "what was said before cannot be read");
            NotRecorded::Fault
        })?;
        Ok(if was_said {
            Err(Finding::new("IA-2.3", Word::NoGo, format!("{} was said before", said.message)))
        } else {
            Ok(Some(v1::Body::MessageSaid(Box::new(said))))
        })
    }
}
