//! How agents, workflows and the deployment stand: phases, breakers, counters (EC-1.3, EC-2.4, PACE).

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use maso_core::{
    AgentName, Finding, Findings, Hop, HopId, Phase, Principal, Scope, Timestamp, Turn, Word, WorkStatus, WorkflowName,
};
use maso_intent::{Deployment, Resolved};
use maso_log::v1;
use maso_posture::{
    AgentRules, Author, Authority, Happening, NotAllowed, Order, PlanAttemptsMax, Rate, Recorded, Rules, Signal, State,
    Summary, step,
};
use parking_lot::Mutex;

use crate::footing::Footing;

/// The posture of a deployment, folded from its record.
#[derive(Debug)]
pub struct Standing {
    deployment: Arc<Deployment>,
    rules: Rules,
    /// The same without a limit of cycles, where the deployment does without it for some time (EC-3.2).
    rules_without_cycles: Rules,
    state: Mutex<State>,
    /// Calls of this process that were let pass and are not on the record yet. They count, so that many at once are not
    /// more than one after the other.
    passing: Mutex<HashMap<AgentName, HashSet<HopId>>>,
    /// How often each agent signed what is no message of its contract.
    breaches: Mutex<HashMap<AgentName, u64>>,
}

impl Standing {
    pub(super) fn new(deployment: &Arc<Deployment>) -> Self {
        let rules = rules_of(deployment);
        Self {
            deployment: Arc::clone(deployment),
            // More than are ever counted.
            rules_without_cycles: Rules { cycles_max: u32::MAX, ..rules.clone() },
            rules,
            state: Mutex::new(State::new()),
            passing: Mutex::default(),
            breaches: Mutex::default(),
        }
    }

    fn rules(&self, at: Timestamp) -> &Rules {
        if self.deployment.applies("EC-3.2", at) { &self.rules } else { &self.rules_without_cycles }
    }

    /// The agent's own phase, and the worst phase around it.
    pub fn phases(&self, agent: &AgentName, workflow: &WorkflowName) -> (Phase, Phase) {
        let effective = self.state.lock().effective(agent, workflow, &self.rules);
        (effective.agent, effective.around)
    }

    /// A scope's own phase.
    pub fn phase_of(&self, scope: &Scope) -> Phase {
        self.state.lock().phase_of(scope)
    }

    /// All of it, for people.
    pub fn summary(&self, now: Timestamp) -> Summary {
        self.state.lock().summary(now, self.rules(now))
    }

    /// What the agent's rate allows.
    pub(super) fn limits(&self, resolved: &Resolved, now: Timestamp) -> Findings {
        let mut findings = Findings::none();
        let hop = resolved.hop();
        if !is_call(hop) || !resolved.deployment().applies("EC-1.3", now) {
            return findings;
        }
        let agent = &resolved.mandate().agent;
        let mut passing = self.passing.lock();
        let passing = passing.entry(agent.clone()).or_default();
        passing.remove(&hop.id);
        let may = match self.state.lock().rate(agent, now, self.rules(now)) {
            Rate::Within { n_left } => passing.len() < usize::try_from(n_left).unwrap_or(usize::MAX),
            Rate::Exhausted { .. } => false,
        };
        if may {
            passing.insert(hop.id);
        } else {
            let most = resolved.mandate().calls_per_hour_max;
            findings.add(Finding::new("EC-1.3", Word::NoGo, format!("more than {most} calls within an hour")));
        }
        findings
    }

    /// Whether a call that was let pass is still within its agent's rate, now that other processes' calls were counted.
    pub(super) fn bears(&self, footing: &Footing, now: Timestamp) -> bool {
        if !footing.is_call || !self.deployment.applies("EC-1.3", now) {
            return true;
        }
        let agent = &footing.mandate.agent;
        let passing = self.passing.lock();
        let n_others = passing.get(agent).map_or(0, |calls| calls.len() - usize::from(calls.contains(&footing.hop)));
        match self.state.lock().rate(agent, now, self.rules(now)) {
            Rate::Within { n_left } => n_others < usize::try_from(n_left).unwrap_or(usize::MAX),
            Rate::Exhausted { .. } => false,
        }
    }

    /// Gives back the place of a call that is not under way any more.
    pub(super) fn leave(&self, agent: &AgentName, hop: HopId) {
        if let Some(passing) = self.passing.lock().get_mut(agent) {
            passing.remove(&hop);
        }
    }

    /// How often an agent signed what is no message of its contract.
    pub fn n_breaches(&self, agent: &AgentName) -> u64 {
        self.breaches.lock().get(agent).copied().unwrap_or_default()
    }

    /// Takes in a recorded decision.
    pub(super) fn decided(&self, at: Timestamp, decided: &v1::HopDecided) {
        let Some(agent) = agent_of(decided) else { return };
        if decided.breaks_contract && self.deployment.agents.contains_key(&agent) {
            *self.breaches.lock().entry(agent.clone()).or_default() += 1;
        }
        if let Some(what) = happening(decided).filter(|what| counts(&self.deployment, what, at)) {
            self.state.lock().recall(&Recorded::Happened { agent: agent.clone(), what }, at, self.rules(at));
        }
        // Counted by now if it is to be counted.
        if let Ok(hop) = decided.hop.parse() {
            self.leave(&agent, hop);
        }
    }

    /// Takes in that what is on the record filled an agent's context past the warning (OB-2.5a).
    pub(super) fn context_warned(&self, at: Timestamp, agent: AgentName, percent: u8) {
        let what = Happening::ContextWarning { percent };
        if counts(&self.deployment, &what, at) {
            self.state.lock().recall(&Recorded::Happened { agent, what }, at, self.rules(at));
        }
    }

    pub(super) fn changed(&self, at: Timestamp, record: &v1::PhaseChanged) {
        let (Ok(scope), Some(to)) = (record.scope.parse(), Phase::parse(&record.to)) else { return };
        let Ok(by) = record.by.parse::<Author>() else { return };
        let recorded = Recorded::PhaseChanged { scope, to, trigger: record.trigger.clone(), by };
        self.state.lock().recall(&recorded, at, self.rules(at));
    }

    pub(super) fn killed(&self, at: Timestamp, record: &v1::Killed) {
        let Ok(scope) = record.scope.parse() else { return };
        // Whoever pulled it, it was pulled: a name that does not parse must not keep anything running.
        let by = record.by.trim_start_matches("operator:").parse().unwrap_or_else(|_| unknown_operator());
        let recorded = Recorded::Killed { scope, by, reason: record.reason.clone() };
        self.state.lock().recall(&recorded, at, self.rules(at));
    }

    /// Takes in how an agent's part in a task was done.
    pub(super) fn evaluated(&self, at: Timestamp, evaluated: &v1::TaskEvaluated) {
        let Ok(agent) = evaluated.agent.parse() else { return };
        if evaluated.class == "creative-substitution" && self.deployment.applies("AT-2.6", at) {
            let what = Happening::CreativeSubstitution;
            self.state.lock().recall(&Recorded::Happened { agent, what }, at, self.rules(at));
        }
    }

    /// What follows from what was counted since the last call, as records to be written.
    pub(crate) fn orders(&self, now: Timestamp) -> Vec<v1::Body> {
        let orders = step(&mut self.state.lock(), Signal::Tick, now, self.rules(now));
        orders.unwrap_or_default().iter().filter_map(write).collect()
    }

    /// A person moves a scope.
    ///
    /// # Errors
    /// When the person's office or grounds are not enough.
    pub fn moved(&self, scope: Scope, to: Phase, by: Authority, now: Timestamp) -> Result<Vec<v1::Body>, NotAllowed> {
        // Judged on a copy: the state changes when the record is folded, not before it is durable.
        let mut copy = self.state.lock().clone();
        let orders = step(&mut copy, Signal::Manual { scope, to, by }, now, self.rules(now))?;
        Ok(orders.iter().filter_map(write).collect())
    }
}

/// Whether it is counted: it is but for what the deployment switched off.
fn counts(deployment: &Deployment, what: &Happening, at: Timestamp) -> bool {
    match what {
        Happening::GuardrailBlock | Happening::JudgeBlock | Happening::ContractBreach => {
            deployment.applies("EC-2.4", at)
        }
        Happening::PlanAttempt { .. } => deployment.applies("AT-2.8", at),
        Happening::ContextWarning { .. } => deployment.applies("OB-2.5a", at),
        Happening::CreativeSubstitution => deployment.applies("AT-2.6", at),
        Happening::SequenceViolation => deployment.applies("AT-2.4", at),
        Happening::LimitBreach | Happening::AgentFailed | Happening::Call => true,
    }
}

/// Whether a decision is one that posture must be asked about at once.
pub(crate) fn may_move_phases(decided: &v1::HopDecided) -> bool {
    matches!(
        happening(decided),
        Some(
            Happening::GuardrailBlock
                | Happening::JudgeBlock
                | Happening::PlanAttempt { .. }
                | Happening::LimitBreach
                | Happening::SequenceViolation
                | Happening::AgentFailed
                | Happening::ContractBreach
        )
    )
}

/// Whether a hop counts as a call of its agent.
pub(crate) fn is_call(hop: &Hop) -> bool {
    matches!((&hop.from, hop.turn), (Principal::Agent(_), Turn::Ask)) && is_counted(hop.act.verb())
}

fn is_counted(verb: &str) -> bool {
    matches!(verb, "call_tool" | "read_resource" | "get_prompt" | "request" | "tell" | "report" | "spawn")
}

fn is_counted_call(from: &str, verb: &str, is_ask: bool) -> bool {
    is_ask && from.starts_with("agent:") && is_counted(verb)
}

fn agent_of(decided: &v1::HopDecided) -> Option<AgentName> {
    // What a server sends is held against nobody: its poison is the agent's misfortune, not its deed.
    decided.from.as_deref()?.strip_prefix("agent:")?.parse().ok()
}

/// What a decision counts as.
fn happening(decided: &v1::HopDecided) -> Option<Happening> {
    let from = decided.from.as_deref()?;
    let is_ask = decided.answers.is_none();
    // What only observes has blocked nothing, and nothing may stop because of it.
    if !decided.enforced && decided.decision != "allow" {
        return None;
    }
    match decided.decision.as_str() {
        "deny" => {
            let stopped = |control: &str| {
                decided.findings.iter().any(|finding| finding.word == "NO-GO" && finding.control == control)
            };
            if is_plan_attempt(decided) {
                let tool = decided.object.parse().ok();
                // An attempt without a task token was made in the agent's standing task: all such count together.
                let task = decided.task.as_deref().and_then(|task| task.parse().ok()).unwrap_or(NO_TASK);
                return Some(match tool {
                    Some(tool) => Happening::PlanAttempt { task, tool },
                    None => Happening::GuardrailBlock,
                });
            }
            if decided.verdicts.iter().any(|verdict| verdict.opinion == "block") {
                return Some(Happening::JudgeBlock);
            }
            if stopped("AT-1.7") {
                return Some(Happening::LimitBreach);
            }
            if stopped("AT-2.4") {
                return Some(Happening::SequenceViolation);
            }
            if decided.breaks_contract {
                return Some(Happening::ContractBreach);
            }
            // Being stopped, late or over a rate is not an attack; counting it would keep an agent down for ever.
            let by_guardrail = matches!(decided.refusal.as_deref(), Some("DENIED" | "OUT_OF_MANDATE" | "OUT_OF_PLAN"));
            (by_guardrail && !stopped("EC-1.3") && !stopped("SC-2.2")).then_some(Happening::GuardrailBlock)
        }
        "allow" if decided.enforced && is_ask && has_failed(decided) => Some(Happening::AgentFailed),
        "allow" if is_counted_call(from, &decided.verb, is_ask) => Some(Happening::Call),
        _ => None,
    }
}

/// Whether a recorded hop is a call of a tool that does not exist for its agent (AT-2.8).
pub(crate) fn is_plan_attempt(decided: &v1::HopDecided) -> bool {
    decided.findings.iter().filter_map(read).any(|finding| maso_intent::is_plan_attempt(&finding))
}

/// Whether an agent reports that its work failed.
fn has_failed(decided: &v1::HopDecided) -> bool {
    decided.verb == "report" && decided.object == WorkStatus::Failed.as_str()
}

fn read(finding: &v1::Finding) -> Option<Finding> {
    Some(Finding {
        control: finding.control.parse().ok()?,
        word: Word::parse(&finding.word)?,
        reason: finding.reason.clone(),
        evidence: None,
    })
}

fn write(order: &Order) -> Option<v1::Body> {
    match order {
        Order::ChangePhase { scope, from, to, trigger, by } => Some(v1::Body::PhaseChanged(v1::PhaseChanged {
            scope: scope.to_string(),
            from: from.to_string(),
            to: to.to_string(),
            trigger: trigger.to_string(),
            by: by.to_string(),
        })),
        Order::Notify { audience, scope, message } => {
            tracing::warn!(audience = audience.as_str(), %scope, "{message}");
            None
        }
    }
}

fn rules_of(deployment: &Deployment) -> Rules {
    let settings = &deployment.settings;
    let mut rules = Rules::of(deployment.tier);
    rules.breaker_blocks_max = settings.breaker_blocks_max;
    rules.breaker_window_ms = settings.breaker_window_ms;
    rules.judge_blocks_max = settings.judge_blocks_max;
    rules.alternate_ms_max = settings.alternate_ms_max;
    for mandate in deployment.agents.values() {
        let agent = AgentRules { workflow: mandate.workflow.clone(), calls_per_hour_max: mandate.calls_per_hour_max };
        rules.agents.insert(mandate.agent.clone(), agent);
    }
    for solution in deployment.workflows.values() {
        let accepted = PlanAttemptsMax {
            single_session: solution.plan_attempts.single_session,
            rolling_7day: solution.plan_attempts.rolling_7day,
            rolling_30day: solution.plan_attempts.rolling_30day,
        };
        rules.workflows.insert(solution.workflow.clone(), accepted);
    }
    rules
}

/// The task of what belongs to none.
const NO_TASK: maso_core::TaskId = maso_core::TaskId::from_uuid(uuid::Uuid::nil());

fn unknown_operator() -> maso_core::OperatorName {
    "unknown".parse().expect("`unknown` is an operator name")
}
