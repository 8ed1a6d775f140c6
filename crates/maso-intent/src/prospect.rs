//! Looking ahead: what stage 3 would make of a hop that nobody sent.

use std::sync::Arc;

use maso_core::{Finding, Hop, Refusal};
use maso_identity::TaskClaim;

use crate::{
    AgentMandate, Circumstances, Deployment, ServerManifest, SolutionMandate, TaskKind, TaskSpec, ToolManifest,
    resolved::{Ground, ground},
};

/// A hop that nobody sent, on the ground that stage 3 finds under it.
///
/// It tells what would become of such a hop, and nothing can become of it: only a [`crate::Resolved`], which knows its
/// sender, leads to a permit.
#[derive(Clone, Debug)]
pub struct Prospect {
    hop: Hop,
    circumstances: Circumstances,
    ground: Ground,
}

impl Prospect {
    /// Stage 3 for this hop, as if its sender had shown the token of the task that the circumstances name.
    ///
    /// # Errors
    /// Where stage 3 would refuse the hop, with what it would say.
    pub fn of(hop: Hop, circumstances: Circumstances) -> Result<Self, Box<(Refusal, Finding)>> {
        let opened = circumstances.task.as_ref().filter(|task| task.kind == TaskKind::Opened);
        let claim = opened.map(|task| TaskClaim::begun(task.id, task.digest()));
        let ground = ground(&hop, claim.as_ref(), &circumstances)?;
        Ok(Self { hop, circumstances, ground })
    }

    /// The hop.
    pub fn hop(&self) -> &Hop {
        &self.hop
    }

    /// What is true around it.
    pub fn circumstances(&self) -> &Circumstances {
        &self.circumstances
    }

    /// The deployment under which it is looked at.
    pub fn deployment(&self) -> &Deployment {
        &self.circumstances.deployment
    }

    /// The task.
    pub fn task(&self) -> &TaskSpec {
        &self.ground.task
    }

    /// The mandate of the agent that it concerns.
    pub fn mandate(&self) -> &AgentMandate {
        &self.ground.mandate
    }

    /// The mandate of its workflow.
    pub fn solution(&self) -> &SolutionMandate {
        &self.ground.solution
    }

    /// The server that it concerns, if any.
    pub fn server(&self) -> Option<&ServerManifest> {
        self.ground.server.as_ref().map(Arc::as_ref)
    }

    /// The manifest of the tool that is called, if there is one.
    pub fn tool(&self) -> Option<&ToolManifest> {
        self.ground.tool.as_ref().map(Arc::as_ref)
    }
}
