//! The transition function.

use maso_core::{AgentName, Phase, Scope, Tier, Timestamp};

use crate::{
    Author, Authority, NotAllowed, Office, Order, Rules, Signal, State, Trigger,
    counters::{self, KEPT_MAX},
    signal::Happening,
};

/// Folds a signal into the state and says what follows. Total: it never panics, and only [`Signal::Manual`] can be
/// refused.
///
/// # Errors
/// When a person moves a scope without enough authority or grounds, or towards a phase that the rules would leave again
/// at once. The state is then as it was.
pub fn step(state: &mut State, signal: Signal, now: Timestamp, rules: &Rules) -> Result<Vec<Order>, NotAllowed> {
    let mut motion = Motion { state, rules, now, orders: Vec::new() };
    match signal {
        Signal::Happened { agent, what } => {
            motion.state.note(&agent, &what, now, rules);
            // A call by itself moves no phase, and it is on the way of every hop.
            if what != Happening::Call {
                motion.watch_agent(&agent);
                motion.follow();
            }
        }
        Signal::BusIntegrity { scope, detail } => {
            motion.tighten(&scope, Phase::Contingency, Trigger::BusIntegrity { detail }, Author::Maso);
            motion.follow();
        }
        Signal::Tick => {
            // Whoever was judged already is judged the same again, and what was recalled but not judged is caught here.
            for agent in rules.agents.keys() {
                motion.watch_agent(agent);
            }
            motion.follow();
        }
        Signal::Manual { scope, to, by } => motion.manual(&scope, to, by)?,
        Signal::Kill { scope, by, reason } => {
            motion.tighten(&scope, Phase::Emergency, Trigger::Kill { reason }, Author::Operator(by));
            motion.follow();
        }
    }
    Ok(motion.orders)
}

/// One signal's way through the rules.
struct Motion<'a> {
    state: &'a mut State,
    rules: &'a Rules,
    now: Timestamp,
    orders: Vec<Order>,
}

impl Motion<'_> {
    /// What the agent's counters lead to.
    fn watch_agent(&mut self, agent: &AgentName) {
        let Some(counters) = self.state.counters(agent) else { return };
        let (now, rules) = (self.now, self.rules);
        let n_guardrail_blocks = counters.n_guardrail_blocks(now, rules);
        let n_judge_blocks = counters.n_judge_blocks(now, rules);
        let plan_attempts = counters.plan_attempts_over(now, rules.plan_attempts_max(agent));
        let hard_stops = counters.hard_stops();
        let has_broken_contract = counters.has_broken_contract();
        let context_warning = counters.context_warning();
        let scope = Scope::Agent(agent.clone());

        if n_guardrail_blocks as usize >= counters::bound(rules.breaker_blocks_max) {
            let trigger = Trigger::Breaker { n_blocks: n_guardrail_blocks, window_ms: rules.breaker_window_ms };
            self.tighten(&scope, Phase::Alternate, trigger, Author::Maso);
        }
        if n_judge_blocks > rules.judge_blocks_max.min(KEPT_MAX - 1) {
            let trigger = Trigger::JudgeBlocks { n_blocks: n_judge_blocks, window_ms: rules.breaker_window_ms };
            self.tighten(&scope, Phase::Alternate, trigger, Author::Maso);
        }
        // Where nobody looks on, the first one isolates; elsewhere it counts as a block.
        if has_broken_contract && rules.tier == Tier::Autonomous {
            self.tighten(&scope, Phase::Alternate, Trigger::ContractBreach, Author::Maso);
        }
        // At Tier 1 people are told, and decide.
        if let Some(percent) = context_warning.filter(|_| rules.tier > Tier::Supervised) {
            self.tighten(&scope, Phase::Alternate, Trigger::ContextWarning { percent }, Author::Maso);
        }
        if let Some((n_attempts, n_accepted, period)) = plan_attempts {
            let trigger = Trigger::PlanAttempts { n_attempts, n_accepted, period };
            self.tighten(&scope, Phase::Alternate, trigger.clone(), Author::Maso);
            // A hard stop stops all agents of the workflow: none acts but with a person's word for each action.
            if let Some(workflow) = rules.workflow_of(agent) {
                self.tighten(&Scope::Workflow(workflow.clone()), Phase::Contingency, trigger, Author::Maso);
            }
        }
        if !hard_stops.any() {
            return;
        }
        let Some(workflow) = rules.workflow_of(agent) else { return };
        for (stops, trigger) in [
            (hard_stops.limit_breached, Trigger::LimitBreach { agent: agent.clone() }),
            (hard_stops.sequence_violated, Trigger::SequenceViolation { agent: agent.clone() }),
            (hard_stops.failed, Trigger::AgentFailed { agent: agent.clone() }),
            // As urgent as a fraud indicator. At Tier 1 a person approves each write, and is told.
            (
                hard_stops.substituted && rules.tier > Tier::Supervised,
                Trigger::CreativeSubstitution { agent: agent.clone() },
            ),
        ] {
            if stops {
                self.tighten(&Scope::Workflow(workflow.clone()), Phase::Contingency, trigger, Author::Maso);
            }
        }
    }

    /// What follows from the phases themselves: several of them, for too long, too often.
    fn follow(&mut self) {
        if self.rules.tier == Tier::Supervised {
            return;
        }
        self.follow_cycles();
        self.follow_clocks();
        self.follow_numbers();
    }

    fn follow_clocks(&mut self) {
        let bound_ms = self.rules.alternate_ms_max;
        let late: Vec<Scope> = self
            .state
            .standings()
            .iter()
            .filter(|(_, standing)| standing.phase == Phase::Alternate && self.now.since_ms(standing.since) >= bound_ms)
            .map(|(scope, _)| scope.clone())
            .collect();
        for scope in late {
            let trigger = Trigger::AlternateTooLong { scope: scope.clone(), bound_ms };
            self.tighten(&scope, Phase::Contingency, trigger.clone(), Author::Maso);
            if let Scope::Agent(agent) = &scope
                && let Some(workflow) = self.rules.workflow_of(agent)
            {
                self.tighten(&Scope::Workflow(workflow.clone()), Phase::Contingency, trigger, Author::Maso);
            }
        }
    }

    fn follow_cycles(&mut self) {
        if self.rules.tier < Tier::Autonomous {
            return;
        }
        for (agent, of) in &self.rules.agents {
            let n_cycles = self.state.counters(agent).map_or(0, |counters| counters.n_entries_in_day(self.now));
            if n_cycles > self.rules.cycles_max.min(KEPT_MAX - 1) {
                let scope = Scope::Workflow(of.workflow.clone());
                self.tighten(&scope, Phase::Contingency, Trigger::Cycles { n_cycles }, Author::Maso);
            }
        }
    }

    fn follow_numbers(&mut self) {
        if self.state.standings().is_empty() {
            return;
        }
        for workflow in self.rules.workflows.keys() {
            let n_agents = self
                .state
                .standings()
                .keys()
                .filter(|scope| matches!(scope, Scope::Agent(agent) if self.rules.workflow_of(agent) == Some(workflow)))
                .count();
            if n_agents >= SEVERAL {
                let trigger = Trigger::SeveralAgents { n_agents: u32::try_from(n_agents).unwrap_or(u32::MAX) };
                self.tighten(&Scope::Workflow(workflow.clone()), Phase::Contingency, trigger, Author::Maso);
            }
        }
        let n_workflows = self
            .state
            .standings()
            .iter()
            .filter(|(scope, standing)| matches!(scope, Scope::Workflow(_)) && standing.phase >= Phase::Contingency)
            .count();
        if n_workflows >= SEVERAL {
            let trigger = Trigger::SeveralWorkflows { n_workflows: u32::try_from(n_workflows).unwrap_or(u32::MAX) };
            self.tighten(&Scope::Deployment, Phase::Contingency, trigger, Author::Maso);
        }
    }

    /// A person's move.
    fn manual(&mut self, scope: &Scope, to: Phase, by: Authority) -> Result<(), NotAllowed> {
        let from = self.state.phase_of(scope);
        let known = match scope {
            Scope::Deployment => true,
            Scope::Workflow(workflow) => self.rules.workflows.contains_key(workflow),
            Scope::Agent(agent) => self.rules.agents.contains_key(agent),
        };
        if !known && self.state.why(scope).is_none() {
            return Err(NotAllowed {
                why: format!("the deployment has no `{scope}`"),
                help: "name `deployment`, `workflow:NAME` or `agent:NAME` as the deployment declares them".to_owned(),
            });
        }
        if from == to {
            self.follow();
            return Ok(());
        }
        by.suffices(from, to, self.rules.tier)?;
        let author = Author::Operator(by.operator);
        let trigger = Trigger::Manual { reason: by.reason, review: by.review };
        if to < from {
            self.stays_loose(scope, to)?;
        }
        self.change(scope, to, trigger, author);
        self.follow();
        Ok(())
    }

    /// Refuses a loosening that the rules would undo in the same breath: its cause still stands.
    fn stays_loose(&self, scope: &Scope, to: Phase) -> Result<(), NotAllowed> {
        let mut trial = self.state.clone();
        let mut ahead = Motion { state: &mut trial, rules: self.rules, now: self.now, orders: Vec::new() };
        ahead.state.set_phase(scope, to, String::new(), Author::Maso, self.now, self.rules);
        ahead.follow();
        match ahead.state.why(scope) {
            Some(standing) if standing.phase > to => Err(NotAllowed {
                why: format!("the cause still stands: {}", standing.trigger),
                help: "first bring back what caused it".to_owned(),
            }),
            _ => Ok(()),
        }
    }

    /// Tightens, or does nothing if the scope is already there or beyond.
    fn tighten(&mut self, scope: &Scope, to: Phase, trigger: Trigger, by: Author) {
        if self.state.phase_of(scope) < to {
            self.change(scope, to, trigger, by);
        }
    }

    fn change(&mut self, scope: &Scope, to: Phase, trigger: Trigger, by: Author) {
        let from = self.state.phase_of(scope);
        self.state.set_phase(scope, to, trigger.to_string(), by.clone(), self.now, self.rules);
        let (audience, what_next) = match to {
            Phase::Primary => (Office::Supervisor, ""),
            Phase::Alternate => (Office::Supervisor, "; the cause must be explained before it returns"),
            Phase::Contingency if by == Author::Maso => (Office::Security, "; security has to ratify it"),
            Phase::Contingency => (Office::Security, ""),
            Phase::Emergency => (Office::IncidentCommander, "; only a complete review ends it"),
        };
        let message = format!("{scope} went from {from} to {to}: {trigger}{what_next}");
        self.orders.push(Order::ChangePhase { scope: scope.clone(), from, to, trigger, by });
        self.orders.push(Order::Notify { audience, scope: scope.clone(), message });
    }
}

/// From how many on agents or workflows are "several".
const SEVERAL: usize = 2;
