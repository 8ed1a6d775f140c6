//! Declared intent: what each agent should do, and what a hop may therefore ask for.
//!
//! Parses a deployment folder from text (doors read files), lints it, opens tasks, and turns `Identified` into
//! [`Resolved`]: the effective authority, the task, the mandate in force. No file, clock or socket here.

mod deployment;
mod mandate;
mod manifest;
mod resolved;
mod settings;
mod task;

pub use deployment::{Deployment, JudgeKind, JudgeSpec, Operator, PolicyFile, Role};
pub use mandate::{
    AgentMandate, Bound, Evaluation, Grant, HardLimits, OiSpec, PlanAttempts, ResourceTerm, SolutionMandate,
    ToolTerms,
};
pub use manifest::{
    AuthorityArgument, Below, ResultLabels, ServerManifest, ToolDefinition, ToolManifest, Transport,
};
pub use resolved::{Circumstances, PinState, Resolved, resolve};
pub use settings::Settings;
pub use task::{TaskKind, TaskSpec};
