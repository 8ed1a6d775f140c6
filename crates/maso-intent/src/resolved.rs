//! Stage 3: the effective authority, the task, the mandate in force.

use std::sync::Arc;

use maso_core::{Digest, Hop, Mode, Phase, Refused};
use maso_identity::Identified;

use crate::{AgentMandate, Deployment, ServerManifest, SolutionMandate, TaskSpec, ToolManifest};

/// What is true around a hop at the moment it is resolved.
#[derive(Clone, Debug)]
pub struct Circumstances {
    /// The deployment in force.
    pub deployment: Arc<Deployment>,
    /// The task that the hop's token names, or the agent's standing task; `None` if the token names no open task.
    pub task: Option<Arc<TaskSpec>>,
    /// The PACE phase of the agent alone.
    pub agent_phase: Phase,
    /// The worst PACE phase of its workflow and deployment.
    pub around_phase: Phase,
    /// Whether the tool's definition is the one that was approved; for anything but a tool call, `Pinned`.
    pub pin: PinState,
    /// Whether decisions bind.
    pub mode: Mode,
}

/// How a tool's published definition stands to the one that a person approved (SC-2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinState {
    /// It is the approved one.
    Pinned,
    /// Nobody approved it yet.
    Unapproved {
        /// Digest of the published definition.
        published: Digest,
    },
    /// It changed since it was approved.
    Drifted {
        /// Digest of the approved definition.
        approved: Digest,
        /// Digest of the published definition.
        published: Digest,
    },
}

/// A hop together with the authority under which it is looked at.
#[derive(Clone, Debug)]
pub struct Resolved {
    identified: Identified,
    circumstances: Circumstances,
    task: Arc<TaskSpec>,
    mandate: Arc<AgentMandate>,
    solution: Arc<SolutionMandate>,
    server: Option<Arc<ServerManifest>>,
    tool: Option<Arc<ToolManifest>>,
}

impl Resolved {
    /// The hop.
    pub fn hop(&self) -> &Hop {
        self.identified.hop()
    }

    /// The hop with the proof of its sender.
    pub fn identified(&self) -> &Identified {
        &self.identified
    }

    /// What was true around it.
    pub fn circumstances(&self) -> &Circumstances {
        &self.circumstances
    }

    /// The deployment in force.
    pub fn deployment(&self) -> &Deployment {
        &self.circumstances.deployment
    }

    /// The task.
    pub fn task(&self) -> &Arc<TaskSpec> {
        &self.task
    }

    /// The mandate of the agent that the hop concerns.
    pub fn mandate(&self) -> &Arc<AgentMandate> {
        &self.mandate
    }

    /// The mandate of its workflow.
    pub fn solution(&self) -> &Arc<SolutionMandate> {
        &self.solution
    }

    /// The server that the hop concerns, if any.
    pub fn server(&self) -> Option<&Arc<ServerManifest>> {
        self.server.as_ref()
    }

    /// The manifest of the tool that is called or answers, if there is one.
    pub fn tool(&self) -> Option<&Arc<ToolManifest>> {
        self.tool.as_ref()
    }

    /// The digest to which approvals and verdicts are bound.
    pub fn action_digest(&self) -> Digest {
        self.hop().action_digest(self.task.id)
    }
}

/// Stage 3.
///
/// # Errors
/// When the hop lies outside the effective authority, or its agent is stopped.
pub fn resolve(identified: Identified, circumstances: Circumstances) -> Result<Resolved, Box<Refused<Identified>>> {
    unimplemented!("{identified:?}{circumstances:?}")
}
