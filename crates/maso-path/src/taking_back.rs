//! Taking a request back: whoever made it ends it, and with it all that it led to (IA-2.4).
//!
//! It is a revocation of the link that the request is, as an operator's is: whatever rests on it asks for that, also at its
//! commit. What was done before stands.

use std::sync::Arc;

use maso_core::{Act, AgentName, HopId, Timestamp};
use maso_identity::Revocation;
use maso_intent::Clarifying;
use maso_log::{LogFault, Record, v1};

use crate::Path;

/// How a request of one agent to another ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Its answer was delivered.
    Answered,
    /// It was taken back, by whoever made it or by an operator.
    TakenBack,
}

/// Why a request was not taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTakenBack {
    /// The agent made no such request.
    #[error("the agent made no such request")]
    Unknown,
    /// It was answered, or its answer is on its way; or it was taken back before.
    #[error("it is over")]
    Over,
    /// The record could not be read or written.
    #[error("the record cannot be read or written")]
    Fault,
}

impl Path {
    /// How a request of one agent to another ended, through whichever process. `None` while it goes on.
    pub fn end_of(&self, request: HopId) -> Option<Ended> {
        if self.world.is_answered(request) {
            return Some(Ended::Answered);
        }
        self.trust.is_revoked(&Revocation::Link(request)).then_some(Ended::TakenBack)
    }

    /// Takes back a request that this agent made. Of it and its answer, the record lets the first count.
    ///
    /// # Errors
    /// When it is none of the agent's, is over, or cannot be recorded.
    pub async fn take_back(&self, request: HopId, by: &AgentName) -> Result<(), NotTakenBack> {
        let made_at = self.made(request, by)?.ok_or(NotTakenBack::Unknown)?;
        // Whether one that is so old was revoked may be forgotten, and nothing rests on it any more.
        if self.trust.is_over(made_at, self.clock.now()) {
            return Err(NotTakenBack::Over);
        }
        let revoked = v1::Revoked {
            what: "delegation".to_owned(),
            subject: request.to_string(),
            by: format!("agent:{by}"),
            reason: "taken back by whoever asked".to_owned(),
        };
        let (world, trust) = (Arc::clone(&self.world), Arc::clone(&self.trust));
        let goes_on = move || !world.is_being_answered(request) && !trust.is_revoked(&Revocation::Link(request));
        match self.recorder.record_if(v1::Body::Revoked(revoked), Vec::new(), goes_on).await {
            Ok(_) => Ok(()),
            Err(LogFault::Overtaken) => Err(NotTakenBack::Over),
            Err(fault) => Err(not_taken_back(&fault)),
        }
    }

    /// When this agent made this request, by the record, whatever anybody in this process remembers; `None` if it did not.
    fn made(&self, request: HopId, by: &AgentName) -> Result<Option<Timestamp>, NotTakenBack> {
        let subject = request.to_string();
        let known = self.recorder.reader().about(&subject, RECORDS_OF_HOP_MAX);
        let known = known.map_err(|fault| not_taken_back(&fault))?;
        let from = format!("agent:{by}");
        let is_it = |record: &&Record| match &record.body {
            v1::Body::HopDecided(decided) => {
                let asks = Act::parse(&decided.verb, &decided.object)
                    .is_some_and(|act| matches!(act, Act::Request { .. }) && !Clarifying::concerns(&act));
                let was_released = decided.decision == "allow" || !decided.enforced;
                asks && was_released
                    && decided.hop == subject
                    && decided.answers.is_none()
                    && decided.from.as_ref() == Some(&from)
            }
            _ => false,
        };
        Ok(known.iter().find(is_it).map(|record| record.at))
    }
}

fn not_taken_back(fault: &LogFault) -> NotTakenBack {
    tracing::error!(error = fault as &dyn std::error::Error, "a request could not be taken back");
    NotTakenBack::Fault
}

/// Records that name one hop: its decision, its answers, questions about it, its release.
const RECORDS_OF_HOP_MAX: usize = 64;
