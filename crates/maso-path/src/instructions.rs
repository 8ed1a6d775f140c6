//! Instructions that were carried out, by the record (AT-2.5).
//!
//! What was done once is not done again because somebody asked twice: an agent whose client gave up waiting, or two that
//! work on the same thing. The record refuses a second use at the commit, also between processes; here it is found out
//! before judges and people are asked.

use maso_core::{Finding, Word};
use maso_intent::{Instruction, Resolved};
use maso_log::{LogFault, v1};

use crate::{Path, travel::NotRecorded};

impl Path {
    /// What must be recorded with the permit of a hop that carries out an instruction, or why there may be none.
    pub(crate) async fn instruction_of(
        &self,
        resolved: &Resolved,
    ) -> Result<Result<Option<v1::InstructionUsed>, Finding>, NotRecorded> {
        if !self.world.deployment().applies("AT-2.5", self.clock.now()) {
            return Ok(Ok(None));
        }
        let no = |why: String| Ok(Err(Finding::new("AT-2.5", Word::NoGo, why)));
        let instruction = match resolved.instruction() {
            Instruction::Untold => return Ok(Ok(None)),
            // It points into the call: nobody is told that it was done.
            Instruction::Unnamed { pointer, why } => {
                return Ok(Err(Finding::new("AT-2.5", Word::NoGo, why).at(pointer, "")));
            }
            Instruction::Named(instruction) => instruction,
        };
        let uses = self.uses_of(&instruction).await.map_err(|fault| {
            tracing::error!(error = &fault as &dyn std::error::Error, "what was done before cannot be read");
            NotRecorded::Fault
        })?;
        match uses.last() {
            Some(last) if !last.has_failed => no(format!("`{}` carried it out already, or may have", last.hop)),
            Some(_) if uses.len() >= ATTEMPTS_MAX => no(format!("it failed {ATTEMPTS_MAX} times")),
            _ => Ok(Ok(Some(v1::InstructionUsed {
                attempt: format!("{instruction}#{}", uses.len()),
                instruction,
                hop: resolved.hop().id.to_string(),
                tool: resolved.hop().act.object(),
            }))),
        }
    }

    /// The attempts at an instruction, in order.
    async fn uses_of(&self, instruction: &str) -> Result<Vec<Use>, LogFault> {
        let uses = self.uses_on_disk(instruction)?;
        if uses.last().is_none_or(|last| last.has_failed) {
            return Ok(uses);
        }
        // What came of it may be on its way to the disk.
        self.recorder.flush().await?;
        self.uses_on_disk(instruction)
    }

    fn uses_on_disk(&self, instruction: &str) -> Result<Vec<Use>, LogFault> {
        let reader = self.recorder.reader();
        let mut uses = Vec::new();
        for record in reader.about(instruction, ATTEMPTS_MAX)? {
            let v1::Body::InstructionUsed(used) = record.body else { continue };
            // Only what is known to have failed did not happen.
            let failed = |body: &v1::Body| match body {
                v1::Body::HopReleased(released) => released.hop == used.hop && released.outcome == "failed",
                _ => false,
            };
            let has_failed = reader.about(&used.hop, RECORDS_OF_HOP_MAX)?.iter().any(|record| failed(&record.body));
            uses.push(Use { hop: used.hop, has_failed });
        }
        Ok(uses)
    }
}

struct Use {
    hop: String,
    has_failed: bool,
}

/// How often an instruction may fail at its server before it is given up.
const ATTEMPTS_MAX: usize = 8;
/// Records that name one hop: its decision, its answers, what it used up, its release.
const RECORDS_OF_HOP_MAX: usize = 64;
