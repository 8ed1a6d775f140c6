//! Rotating a context: an agent notes what it goes on from, and gets it back in an empty one (EC-2.16).
//!
//! What it notes is checked, kept and recorded here and is no hop to anybody: only the same agent, in the same task, gets
//! it back. What its task has seen stays seen: a checkpoint washes no value and lowers no label.

use std::sync::Arc;

use maso_core::{Finding, Principal, Refusal, Refused, TaskId, Word};
use maso_identity::{Identified, identify};
use maso_intent::{Checkpoint, Seat, seat};
use maso_log::{Entry, LogFault, Payload, v1};
use maso_policy::Denial;
use maso_wire::Received;
use serde_json::Value;

use crate::{Path, world::ContextUse};

/// What an agent goes on from.
#[derive(Clone, Debug, PartialEq)]
pub struct Resumed {
    /// The words of whoever set the task; of a standing task, the goal of the agent's mandate.
    pub goal: String,
    /// Hash of the task's specification.
    pub specification: String,
    /// When it succeeded.
    pub success_criteria: Vec<String>,
    /// What the agent noted last in this task.
    pub checkpoint: Option<Value>,
    /// How full its context is.
    pub context: ContextUse,
}

impl Path {
    /// Notes what an agent goes on from, and counts its context as empty but for that.
    ///
    /// # Errors
    /// When the sender is nobody or stopped, the note is none, has another goal than the task, or drops a constraint of
    /// the one before; or when it could not be recorded. It is then as if nobody had asked.
    pub async fn checkpoint(&self, received: Received) -> Result<ContextUse, Refusal> {
        let (identified, seat) = self.seated(received).await?;
        let (task, agent) = (seat.task.id, &seat.mandate.agent);
        let now = self.clock.now();
        let Some(context) = self.world.context_in(task, agent, now) else {
            let finding = Finding::new("EC-2.16", Word::NoGo, "nobody says how much the agent's context holds");
            return Err(self.refuse(identified, Refusal::OutOfMandate, finding).await);
        };
        if let Err((refusal, finding)) = self.check_note(&identified, &seat, &context) {
            return Err(self.refuse(identified, refusal, finding).await);
        }
        let note = Note {
            body: v1::ContextCheckpoint {
                hop: identified.hop().id.to_string(),
                agent: Principal::Agent(agent.clone()).to_string(),
                task: task.to_string(),
                specification: seat.task.digest().to_string(),
                input_hash: identified.digest().to_string(),
                payload: None,
                bytes: maso_core::canonical_bytes(&identified.hop().payload).len() as u64,
                tokens_before: context.used,
                version: self.world.deployment().digest.to_string(),
            },
            task,
            identified: identified.clone(),
        };
        let (world, trust, clock) = (Arc::clone(&self.world), Arc::clone(&self.trust), Arc::clone(&self.clock));
        let (basis, working) = (identified.basis().clone(), Arc::clone(&seat.task));
        let worker = agent.clone();
        let stands = move || trust.bears(&basis).is_ok() && world.may_work(&worker, &working, clock.now());
        match self.recorder.record_if(note, Vec::new(), stands).await {
            Ok(_) => self.world.context_in(task, agent, self.clock.now()).ok_or(Refusal::Unavailable),
            Err(LogFault::Overtaken) => Err(Refusal::Suspended),
            Err(fault) => Err(unavailable(fault)),
        }
    }

    /// What an agent goes on from: its task as it was set, and what it noted last in it.
    ///
    /// # Errors
    /// When the sender is nobody or stopped, or the record cannot be read.
    pub async fn resume(&self, received: Received) -> Result<Resumed, Refusal> {
        let (identified, seat) = self.seated(received).await?;
        let Some(context) = self.world.context_in(seat.task.id, &seat.mandate.agent, self.clock.now()) else {
            let finding = Finding::new("EC-2.16", Word::NoGo, "nobody says how much the agent's context holds");
            return Err(self.refuse(identified, Refusal::OutOfMandate, finding).await);
        };
        let is_standing = seat.task.words.is_empty();
        Ok(Resumed {
            goal: if is_standing { seat.mandate.oispec.goal.clone() } else { seat.task.words.clone() },
            specification: seat.task.digest().to_string(),
            success_criteria: seat.task.success_criteria.clone(),
            checkpoint: self.noted(&context).map_err(unavailable)?,
            context,
        })
    }

    /// Whether a note may be kept.
    fn check_note(&self, identified: &Identified, seat: &Seat, context: &ContextUse) -> Result<(), (Refusal, Finding)> {
        let now = self.clock.now();
        let value = &identified.hop().payload;
        let no = |refusal, control, why: String| Err((refusal, Finding::new(control, Word::NoGo, why)));
        if context.used == context.noted {
            return no(
                Refusal::LimitReached,
                "EC-2.16",
                "its context holds nothing new since it was rotated".to_owned(),
            );
        }
        if self.scanner.holds_credentials(value, now) {
            return no(Refusal::Denied, "IA-2.6", "a credential would come to rest beside the record".to_owned());
        }
        if !self.world.deployment().applies("EC-2.16", now) {
            // Bounded all the same.
            return match Checkpoint::is_bounded(value) {
                true => Ok(()),
                false => no(Refusal::Malformed, "EC-2.15", "it is no object, or too long".to_owned()),
            };
        }
        let note = match Checkpoint::read(value) {
            Ok(note) => note,
            Err(why) => return no(Refusal::Malformed, "EC-2.16", format!("what is noted is no checkpoint: {why}")),
        };
        if !note.is_about(&seat.task, &seat.mandate) {
            let why = format!("it goes on to another goal than {} has, {}", seat.task.id, seat.task.digest());
            return no(Refusal::Denied, "EC-2.16", why);
        }
        let earlier = match self.noted(context) {
            Ok(earlier) => earlier,
            Err(fault) => {
                return no(Refusal::Unavailable, "EC-2.16", format!("the one before cannot be read: {fault}"));
            }
        };
        let earlier = earlier.as_ref().and_then(|earlier| Checkpoint::read(earlier).ok());
        match earlier.as_ref().and_then(|earlier| note.lost(earlier)) {
            Some(lost) => {
                let lost: String = lost.chars().take(SHOWN_CHARS_MAX).collect();
                no(Refusal::Denied, "EC-2.16", format!("a constraint of the checkpoint before is lost: `{lost}`"))
            }
            None => Ok(()),
        }
    }

    /// What the agent noted last.
    fn noted(&self, context: &ContextUse) -> Result<Option<Value>, LogFault> {
        context.checkpoint.map_or(Ok(None), |digest| self.recorder.reader().payload(digest))
    }

    /// Stages 2 and 3, for what goes to maso itself.
    async fn seated(&self, received: Received) -> Result<(Identified, Seat), Refusal> {
        // What was read a moment ago may be on its way to the disk.
        self.recorder.flush().await.map_err(unavailable)?;
        let identified = match identify(received, &self.trust, self.clock.now()) {
            Ok(identified) => identified,
            Err(refused) => return Err(self.deny(Denial::from(*refused)).await),
        };
        let (identified, circumstances) = match self.world.around(identified, self.clock.now()) {
            Ok(around) => around,
            Err(refused) => return Err(self.deny(Denial::from(*refused)).await),
        };
        match seat(&identified, &circumstances) {
            Ok(seat) => Ok((identified, seat)),
            Err((refusal, finding)) => Err(self.refuse(identified, refusal, finding).await),
        }
    }

    async fn refuse(&self, identified: Identified, refusal: Refusal, finding: Finding) -> Refusal {
        self.deny(Denial::from(Refused::new(identified, refusal, finding))).await
    }

    async fn deny(&self, denial: Denial) -> Refusal {
        let refusal = denial.refusal;
        self.record_denial(denial).await;
        refusal
    }
}

/// A note, ready to be recorded.
struct Note {
    body: v1::ContextCheckpoint,
    task: TaskId,
    identified: Identified,
}

impl Entry for Note {
    fn body(&self) -> v1::Body {
        v1::Body::ContextCheckpoint(self.body.clone())
    }

    fn payload(&self) -> Option<Payload<'_>> {
        Some(Payload { task: Some(self.task), value: &self.identified.hop().payload })
    }
}

fn unavailable(fault: LogFault) -> Refusal {
    tracing::error!(error = &fault as &dyn std::error::Error, "what an agent goes on from cannot be read or recorded");
    Refusal::Unavailable
}

const SHOWN_CHARS_MAX: usize = 200;
