//! What the stages look at: a hop under its authority, as plain borrows.

use maso_core::{Hop, Mode, Phase, Tier, Timestamp};
use maso_intent::{
    AgentMandate, Deployment, PinState, Prospect, Resolved, ServerManifest, SolutionMandate, Specification,
    ToolManifest, ToolTerms,
};

/// A hop and everything that stages 5 to 8 may look at. Each stage takes its proof type at the door and this inside.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    pub(crate) hop: &'a Hop,
    pub(crate) deployment: &'a Deployment,
    pub(crate) task: &'a Specification,
    pub(crate) mandate: &'a AgentMandate,
    pub(crate) solution: &'a SolutionMandate,
    pub(crate) server: Option<&'a ServerManifest>,
    pub(crate) tool: Option<&'a ToolManifest>,
    pub(crate) phase: Phase,
    pub(crate) pin: PinState,
    pub(crate) is_first: bool,
    pub(crate) mode: Mode,
    pub(crate) now: Timestamp,
}

impl<'a> From<&'a Resolved> for View<'a> {
    fn from(resolved: &'a Resolved) -> Self {
        let circumstances = resolved.circumstances();
        Self {
            hop: resolved.hop(),
            deployment: resolved.deployment(),
            task: resolved.task(),
            mandate: resolved.mandate(),
            solution: resolved.solution(),
            server: resolved.server().map(AsRef::as_ref),
            tool: resolved.tool().map(AsRef::as_ref),
            phase: circumstances.agent_phase.max(circumstances.around_phase),
            pin: circumstances.pin,
            is_first: circumstances.is_first,
            mode: circumstances.mode,
            now: circumstances.now,
        }
    }
}

impl<'a> From<&'a Prospect> for View<'a> {
    fn from(prospect: &'a Prospect) -> Self {
        let circumstances = prospect.circumstances();
        Self {
            hop: prospect.hop(),
            deployment: prospect.deployment(),
            task: prospect.task(),
            mandate: prospect.mandate(),
            solution: prospect.solution(),
            server: prospect.server(),
            tool: prospect.tool(),
            phase: circumstances.agent_phase.max(circumstances.around_phase),
            pin: circumstances.pin,
            is_first: circumstances.is_first,
            mode: circumstances.mode,
            now: circumstances.now,
        }
    }
}

impl<'a> View<'a> {
    pub(crate) fn tier(&self) -> Tier {
        self.deployment.tier
    }

    /// Whether the control counts for this hop.
    pub(crate) fn applies(&self, control: &str) -> bool {
        self.deployment.applies(control, self.now)
    }

    /// The terms on which the agent holds the tool that the hop concerns.
    pub(crate) fn terms(&self) -> Option<&'a ToolTerms> {
        self.mandate.tools.get(self.hop.act.tool()?)
    }
}
