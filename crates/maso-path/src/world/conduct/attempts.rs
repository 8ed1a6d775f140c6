//! Calls of tools that do not exist for their agents, of the last thirty days (AT-2.8).

use maso_core::{AgentName, Timestamp};
use maso_intent::Deployment;
use maso_log::v1;
use maso_posture::{Attempt, Attempts};
use parking_lot::Mutex;

use crate::world::is_plan_attempt;

/// The plan attempts of all agents, folded from the record.
#[derive(Debug, Default)]
pub(super) struct PlanAttempts(Mutex<Attempts>);

impl PlanAttempts {
    pub(super) fn all(&self) -> Attempts {
        self.0.lock().clone()
    }

    /// Takes in a recorded decision.
    pub(super) fn decided(&self, deployment: &Deployment, at: Timestamp, decided: &v1::HopDecided) {
        if decided.decision == "allow" || !is_plan_attempt(decided) {
            return;
        }
        let agent = decided.from.as_deref().and_then(|from| from.strip_prefix("agent:")?.parse().ok());
        let Some(mandate) = agent.and_then(|agent: AgentName| deployment.agents.get(&agent)) else { return };
        self.0.lock().note(Attempt {
            at,
            agent: mandate.agent.clone(),
            model: mandate.model.as_ref().map(|(provider, name)| format!("{provider}/{name}")),
            tool: decided.object.clone(),
            workflow: mandate.workflow.to_string(),
            task: decided.task.clone().unwrap_or_default(),
        });
    }
}
