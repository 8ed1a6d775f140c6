//! The numbers by which posture moves, and whom they are about.

use std::collections::BTreeMap;

use maso_core::{AgentName, Tier, WorkflowName};

/// The numbers by which posture moves, and whom they are about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The deployment's tier. Contingency is entered automatically from Tier 2 up; a Tier 1 system needs only Primary
    /// and Emergency, and keeps Alternate because isolating an agent is the stricter choice.
    pub tier: Tier,
    /// The agents of the deployment. What happens to an agent that is not here is not counted: it has no authority.
    pub agents: BTreeMap<AgentName, AgentRules>,
    /// The workflows of the deployment, each with the plan attempts that it accepts.
    pub workflows: BTreeMap<WorkflowName, PlanAttemptsMax>,
    /// Guardrail blocks within the window that open an agent's breaker (EC-2.4).
    pub breaker_blocks_max: u32,
    /// The window of the breaker and of the judge's blocks.
    pub breaker_window_ms: u64,
    /// Judge blocks within the window that are still accepted; one more isolates the agent.
    pub judge_blocks_max: u32,
    /// How long a scope may stay in Alternate before it goes to Contingency.
    pub alternate_ms_max: u64,
    /// How often an agent may enter Alternate in 24 hours at Tier 3; once more is Contingency (EC-3.2).
    pub cycles_max: u32,
}

/// What posture knows of one agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentRules {
    /// The workflow that it belongs to.
    pub workflow: WorkflowName,
    /// Calls that it may make within an hour (EC-1.3).
    pub calls_per_hour_max: u32,
}

/// How many plan attempts are still accepted; one more is a hard stop (AT-2.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanAttemptsMax {
    /// In one task.
    pub single_session: u32,
    /// In seven days.
    pub rolling_7day: u32,
    /// In thirty days.
    pub rolling_30day: u32,
}

impl Rules {
    /// The framework's numbers, about nobody yet.
    pub const fn of(tier: Tier) -> Self {
        Self {
            tier,
            agents: BTreeMap::new(),
            workflows: BTreeMap::new(),
            breaker_blocks_max: 3,
            breaker_window_ms: 10 * MINUTE_MS,
            judge_blocks_max: 3,
            alternate_ms_max: 48 * HOUR_MS,
            cycles_max: 3,
        }
    }

    /// Calls that the agent may make within an hour; none if nobody knows it.
    pub fn calls_per_hour_max(&self, agent: &AgentName) -> u32 {
        self.agents.get(agent).map_or(0, |rules| rules.calls_per_hour_max)
    }

    /// Plan attempts that the agent's workflow accepts.
    pub(crate) fn plan_attempts_max(&self, agent: &AgentName) -> PlanAttemptsMax {
        self.agents.get(agent).and_then(|rules| self.workflows.get(&rules.workflow)).copied().unwrap_or_default()
    }

    /// The workflow that the agent belongs to.
    pub(crate) fn workflow_of(&self, agent: &AgentName) -> Option<&WorkflowName> {
        self.agents.get(agent).map(|rules| &rules.workflow)
    }
}

impl Default for PlanAttemptsMax {
    fn default() -> Self {
        Self { single_session: 3, rolling_7day: 10, rolling_30day: 25 }
    }
}

pub(crate) const MINUTE_MS: u64 = 60_000;
pub(crate) const HOUR_MS: u64 = 60 * MINUTE_MS;
pub(crate) const DAY_MS: u64 = 24 * HOUR_MS;
