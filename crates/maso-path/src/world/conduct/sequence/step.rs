//! What of a hop concerns the sequence.

use maso_core::{Act, AgentName, HopId, Principal, Turn, WorkStatus};
use maso_intent::{About, Clarifying, Resolved, SequenceBy, TaskKind};

use crate::world::is_call;

/// What an agent does that needs its turn, or its work done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// The agent.
    pub(super) agent: AgentName,
    /// By what it comes to its turn.
    pub(super) by: SequenceBy,
    /// What it does.
    pub(super) kind: StepKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StepKind {
    /// It acts.
    Acts(About),
    /// It asks another agent for work.
    HandsOn(About),
    /// It answers the request that was this hop.
    Answers(HopId),
    /// It says that its work is completed.
    Completes,
    /// It says so in its standing task, which no work ever completes.
    CompletesNothing,
}

impl Step {
    /// `None` for what has no place in a sequence.
    pub(crate) fn of(resolved: &Resolved) -> Option<Self> {
        let by = resolved.solution().sequence?;
        let hop = resolved.hop();
        let Principal::Agent(agent) = &hop.from else { return None };
        if Clarifying::concerns(&hop.act) {
            return None;
        }
        let about = || resolved.deployment().about(agent, &hop.act, resolved.item());
        let is_opened = matches!(resolved.task().kind, TaskKind::Opened);
        let kind = match (&hop.act, hop.turn) {
            (Act::Report { status: WorkStatus::Completed }, Turn::Ask) if !is_opened => StepKind::CompletesNothing,
            _ if !is_opened => return None,
            (Act::Report { status: WorkStatus::Completed }, Turn::Ask) => StepKind::Completes,
            // Whoever cannot go on may say so at any time.
            (Act::Report { .. }, _) => return None,
            (Act::Request { .. }, Turn::Answer { to }) => StepKind::Answers(to),
            (Act::Request { .. }, Turn::Ask) => StepKind::HandsOn(about()),
            _ if is_call(hop) => StepKind::Acts(about()),
            _ => return None,
        };
        Some(Self { agent: agent.clone(), by, kind })
    }
}
