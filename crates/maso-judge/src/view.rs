//! What judges look at, as plain borrows.

use maso_core::{Class, Findings, Hop, Origin, Reversibility, Risk};
use maso_intent::{AgentMandate, SolutionMandate, TaskSpec, ToolManifest};
use maso_policy::Tried;

use crate::Brief;

/// An action and the intent that it is held against. A judge takes the proof at the door and this inside.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    pub(crate) hop: &'a Hop,
    pub(crate) task: &'a TaskSpec,
    pub(crate) mandate: &'a AgentMandate,
    pub(crate) solution: &'a SolutionMandate,
    pub(crate) tool: Option<&'a ToolManifest>,
    pub(crate) origins: &'a [Origin],
    pub(crate) findings: &'a Findings,
    pub(crate) dry_run: Option<&'a Tried>,
    pub(crate) risk: Risk,
    pub(crate) reversibility: Reversibility,
}

impl<'a> From<&'a Brief> for View<'a> {
    fn from(brief: &'a Brief) -> Self {
        let weighed = &brief.weighed;
        let resolved = weighed.resolved();
        Self {
            hop: resolved.hop(),
            task: resolved.task(),
            mandate: resolved.mandate(),
            solution: resolved.solution(),
            tool: resolved.tool().map(AsRef::as_ref),
            origins: weighed.origins(),
            findings: weighed.findings(),
            dry_run: brief.dry_run.as_ref(),
            risk: weighed.risk(),
            reversibility: weighed.reversibility(),
        }
    }
}

impl View<'_> {
    /// What kind of action the tool performs; the worst where nobody classified it.
    pub(crate) fn class(&self) -> Class {
        self.tool.map_or(Class::Execute, |tool| tool.class)
    }
}
