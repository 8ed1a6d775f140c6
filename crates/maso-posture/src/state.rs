//! Phases and counters, and what is asked of them.

use std::collections::BTreeMap;

use maso_core::{AgentName, Phase, Scope, Timestamp, WorkflowName};

use crate::{
    Author, Rate, Recorded, Rules, Trigger,
    counters::{Calls, Counters},
    signal::Happening,
};

/// The phases of all scopes and the counters of all agents. A fold over the record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    // INVARIANT: holds no scope that is in Primary, so that the normal case is an empty map.
    standings: BTreeMap<Scope, Standing>,
    counters: BTreeMap<AgentName, Counters>,
}

/// How a scope stands that is not in Primary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its phase.
    pub phase: Phase,
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub trigger: String,
    /// Who brought it there.
    pub by: Author,
}

/// The phases that a hop is decided under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effective {
    /// The phase of the agent alone.
    pub agent: Phase,
    /// The worst phase around it: of its workflow, of the deployment, and Alternate while an agent of the workflow
    /// is isolated, because every write then needs a person.
    pub around: Phase,
}

impl Effective {
    /// The worst of both.
    pub fn worst(self) -> Phase {
        self.agent.max(self.around)
    }
}

/// All of it, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The deployment, each workflow and each agent, in this order.
    pub scopes: Vec<ScopeSummary>,
    /// The counters of each agent.
    pub agents: Vec<AgentSummary>,
}

/// How one scope stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeSummary {
    /// The scope.
    pub scope: Scope,
    /// Its own phase.
    pub phase: Phase,
    /// How it came there; `None` in Primary.
    pub standing: Option<Standing>,
}

/// What is counted of one agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentSummary {
    /// The agent.
    pub agent: AgentName,
    /// The phases that its hops are decided under.
    pub effective: Effective,
    /// Calls in the last hour.
    pub n_calls_in_hour: u32,
    /// Calls that it may make within an hour.
    pub calls_per_hour_max: u32,
    /// Guardrail blocks in the breaker's window.
    pub n_guardrail_blocks: u32,
    /// Judge blocks in the breaker's window.
    pub n_judge_blocks: u32,
    /// Plan attempts in 30 days.
    pub n_plan_attempts_in_month: u32,
}

impl State {
    /// Everything in Primary, nothing counted.
    pub fn new() -> Self {
        Self::default()
    }

    /// The scope's own phase.
    pub fn phase_of(&self, scope: &Scope) -> Phase {
        self.standings.get(scope).map_or(Phase::Primary, |standing| standing.phase)
    }

    /// How the scope came to its phase; `None` in Primary.
    pub fn why(&self, scope: &Scope) -> Option<&Standing> {
        self.standings.get(scope)
    }

    /// The phases that a hop of the agent in the workflow is decided under. Costs nothing while all is Primary.
    pub fn effective(&self, agent: &AgentName, workflow: &WorkflowName, rules: &Rules) -> Effective {
        let mut effective = Effective { agent: Phase::Primary, around: Phase::Primary };
        for (scope, standing) in &self.standings {
            match scope {
                Scope::Deployment => effective.around = effective.around.max(standing.phase),
                Scope::Workflow(one) if one == workflow => effective.around = effective.around.max(standing.phase),
                Scope::Workflow(_) => {}
                Scope::Agent(one) => {
                    if one == agent {
                        effective.agent = standing.phase;
                    }
                    if rules.workflow_of(one) == Some(workflow) {
                        effective.around = effective.around.max(Phase::Alternate);
                    }
                }
            }
        }
        effective
    }

    /// Calls of the agent in the last hour.
    pub fn calls_in_hour(&self, agent: &AgentName, now: Timestamp) -> u32 {
        self.counters.get(agent).map_or(0, |counters| counters.calls().in_hour(now))
    }

    /// Whether the agent may make one more call. An agent that nobody knows may not.
    pub fn rate(&self, agent: &AgentName, now: Timestamp, rules: &Rules) -> Rate {
        let most = rules.calls_per_hour_max(agent);
        match self.counters.get(agent) {
            Some(counters) => counters.calls().rate(now, most),
            None => Calls::default().rate(now, most),
        }
    }

    /// All of it, for people.
    pub fn summary(&self, now: Timestamp, rules: &Rules) -> Summary {
        let mut scopes = vec![Scope::Deployment];
        scopes.extend(rules.workflows.keys().cloned().map(Scope::Workflow));
        scopes.extend(rules.agents.keys().cloned().map(Scope::Agent));
        // Scopes that left the deployment while they were not in Primary stay visible until a person ends that.
        let left: Vec<Scope> = self.standings.keys().filter(|scope| !scopes.contains(scope)).cloned().collect();
        scopes.extend(left);
        Summary {
            scopes: scopes
                .into_iter()
                .map(|scope| ScopeSummary { phase: self.phase_of(&scope), standing: self.why(&scope).cloned(), scope })
                .collect(),
            agents: rules
                .agents
                .iter()
                .map(|(agent, of)| {
                    let counters = self.counters.get(agent);
                    AgentSummary {
                        agent: agent.clone(),
                        effective: self.effective(agent, &of.workflow, rules),
                        n_calls_in_hour: self.calls_in_hour(agent, now),
                        calls_per_hour_max: of.calls_per_hour_max,
                        n_guardrail_blocks: counters.map_or(0, |c| c.n_guardrail_blocks(now, rules)),
                        n_judge_blocks: counters.map_or(0, |c| c.n_judge_blocks(now, rules)),
                        n_plan_attempts_in_month: counters.map_or(0, |c| c.n_plan_attempts_in_month(now)),
                    }
                })
                .collect(),
        }
    }

    /// Folds in what is on the record. The record is the truth: nothing is judged anew and no order follows. After the
    /// last record, one [`crate::Signal::Tick`] catches up with what a crash kept from being recorded.
    pub fn recall(&mut self, recorded: &Recorded, at: Timestamp, rules: &Rules) {
        match recorded {
            Recorded::Happened { agent, what } => self.note(agent, what, at, rules),
            Recorded::PhaseChanged { scope, to, trigger, by } => {
                self.set_phase(scope, *to, trigger.clone(), by.clone(), at, rules);
            }
            Recorded::Killed { scope, by, reason } => {
                let trigger = Trigger::Kill { reason: reason.clone() }.to_string();
                self.set_phase(scope, Phase::Emergency, trigger, Author::Operator(by.clone()), at, rules);
            }
        }
    }

    /// Forgets the counters of agents that left the deployment. Phases stay until a person ends them.
    pub fn retain(&mut self, rules: &Rules) {
        self.counters.retain(|agent, _| rules.agents.contains_key(agent));
    }

    /// Counts what an agent did; agents that the rules do not know are not counted, so that names cannot fill memory.
    pub(crate) fn note(&mut self, agent: &AgentName, what: &Happening, at: Timestamp, rules: &Rules) {
        if rules.agents.contains_key(agent) {
            let accepted = rules.plan_attempts_max(agent);
            self.counters.entry(agent.clone()).or_default().note(what, at, rules, accepted);
        }
    }

    pub(crate) fn counters(&self, agent: &AgentName) -> Option<&Counters> {
        self.counters.get(agent)
    }

    pub(crate) fn standings(&self) -> &BTreeMap<Scope, Standing> {
        &self.standings
    }

    /// The one place where a phase changes, live and from the record.
    pub(crate) fn set_phase(
        &mut self,
        scope: &Scope,
        to: Phase,
        trigger: String,
        by: Author,
        at: Timestamp,
        rules: &Rules,
    ) {
        let from = self.phase_of(scope);
        if from == to {
            return;
        }
        match scope {
            Scope::Agent(agent) if rules.agents.contains_key(agent) => {
                let counters = self.counters.entry(agent.clone()).or_default();
                if to < from {
                    counters.absolve_agent();
                } else if from == Phase::Primary {
                    counters.entered_alternate(at, rules);
                }
            }
            Scope::Workflow(workflow) if to < from => {
                for (agent, counters) in &mut self.counters {
                    if rules.workflow_of(agent) == Some(workflow) {
                        counters.absolve_workflow();
                    }
                }
            }
            Scope::Agent(_) | Scope::Workflow(_) | Scope::Deployment => {}
        }
        if to == Phase::Primary {
            self.standings.remove(scope);
        } else {
            self.standings.insert(scope.clone(), Standing { phase: to, since: at, trigger, by });
        }
    }
}
