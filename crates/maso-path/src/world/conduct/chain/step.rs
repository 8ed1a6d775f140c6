//! A step: a call of a tool that changes something.

use maso_core::{Class, Digest, HopId, Reversibility, TaskId, Timestamp, ToolRef, Turn};
use maso_intent::{Deployment, Resolved};
use maso_log::v1;

/// A hop that would go on with a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChainStep {
    /// What it is about, where its tool says what names that.
    pub(super) item: Option<Digest>,
    /// Whether it could never be undone.
    pub(super) is_final: bool,
}

impl ChainStep {
    /// The step that a hop is; none for what changes nothing.
    pub(crate) fn of(resolved: &Resolved) -> Option<Self> {
        let hop = resolved.hop();
        hop.act.tool().filter(|_| hop.turn == Turn::Ask)?;
        let reversibility = match resolved.tool() {
            Some(tool) if tool.class == Class::Read => return None,
            Some(tool) => tool.reversibility,
            None => Reversibility::Irreversible,
        };
        let item = resolved.item().map(|item| item.digest());
        Some(Self { item, is_final: reversibility == Reversibility::Irreversible })
    }
}

/// Until when a step can be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undo {
    Always,
    Until(Timestamp),
    Never,
}

/// What a recorded step does.
pub(super) struct Effect {
    pub(super) tool: String,
    pub(super) item: Option<Digest>,
    pub(super) undo: Undo,
}

/// The step that a recorded decision let pass, if it is one.
pub(super) fn taken(
    deployment: &Deployment,
    at: Timestamp,
    decided: &v1::HopDecided,
) -> Option<(TaskId, HopId, Effect)> {
    // What does not bind is released whatever was decided.
    let passed = decided.decision == "allow" || !decided.enforced;
    if !passed || decided.verb != "call_tool" || decided.answers.is_some() {
        return None;
    }
    let tool: ToolRef = decided.object.parse().ok()?;
    if deployment.tool(&tool).is_some_and(|tool| tool.class == Class::Read) {
        return None;
    }
    let undo = match decided.reversibility.as_deref().and_then(Reversibility::parse) {
        Some(Reversibility::Reversible) => Undo::Always,
        // A window that nobody declared is none.
        Some(Reversibility::TimeBounded) => {
            decided.reversible_ms.map_or(Undo::Never, |window_ms| Undo::Until(at.plus_ms(window_ms)))
        }
        Some(Reversibility::Irreversible) | None => Undo::Never,
    };
    let item = decided.item.as_deref().and_then(Digest::parse);
    let effect = Effect { tool: decided.object.clone(), item, undo };
    Some((decided.task.as_deref()?.parse().ok()?, decided.hop.parse().ok()?, effect))
}
