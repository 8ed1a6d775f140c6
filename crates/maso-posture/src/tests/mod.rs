//! What posture promises.

mod authority;
mod counters;
mod model;
mod tier;
mod triggers;

use maso_core::{AgentName, OperatorName, Phase, Scope, TaskId, Tier, Timestamp, ToolRef, WorkflowName};

use crate::{
    AgentRules, Author, Authority, EmergencyReview, Happening, Office, Order, PlanAttemptsMax, Recorded, Rules, Signal,
    State, step,
};

pub(super) const MINUTE_MS: u64 = 60_000;
pub(super) const HOUR_MS: u64 = 60 * MINUTE_MS;

pub(super) fn agent(name: &str) -> AgentName {
    name.parse().unwrap()
}

pub(super) fn workflow(name: &str) -> WorkflowName {
    name.parse().unwrap()
}

pub(super) fn scope(text: &str) -> Scope {
    text.parse().unwrap()
}

pub(super) fn operator() -> OperatorName {
    "claims-supervisor".parse().unwrap()
}

pub(super) fn at(minutes: u64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000).plus_ms(minutes * MINUTE_MS)
}

pub(super) fn task(number: u128) -> TaskId {
    format!("task_{number:032x}").parse().unwrap()
}

pub(super) fn tool() -> ToolRef {
    "claims-db:pay_claim".parse().unwrap()
}

/// Agents `a` and `b` in workflow `w`, agent `c` in workflow `v`.
pub(super) fn rules(tier: Tier) -> Rules {
    let mut rules = Rules::of(tier);
    for (name, of) in [("a", "w"), ("b", "w"), ("c", "v")] {
        rules.agents.insert(agent(name), AgentRules { workflow: workflow(of), calls_per_hour_max: 100 });
        rules.workflows.insert(workflow(of), PlanAttemptsMax::default());
    }
    rules
}

pub(super) fn happened(name: &str, what: Happening) -> Signal {
    Signal::Happened { agent: agent(name), what }
}

pub(super) fn attempt(number: u128) -> Happening {
    Happening::PlanAttempt { task: task(number), tool: tool() }
}

pub(super) fn complete_review() -> EmergencyReview {
    EmergencyReview {
        root_cause_documented: true,
        gap_closed: true,
        baselines_updated: true,
        triggers_recalibrated: true,
        regulator_settled: true,
        scenario_added: true,
        risk_owner: "chief-information-security-officer".to_owned(),
    }
}

pub(super) fn authority(office: Office) -> Authority {
    Authority {
        operator: operator(),
        office,
        reason: "poisoned document removed from the intake folder".to_owned(),
        review: (office == Office::IncidentCommander).then(complete_review),
    }
}

pub(super) fn manual(text: &str, to: Phase, office: Office) -> Signal {
    Signal::Manual { scope: scope(text), to, by: authority(office) }
}

/// Brings a scope into a phase the way the record does.
pub(super) fn put(state: &mut State, text: &str, to: Phase, when: Timestamp, rules: &Rules) {
    let trigger = "as recorded".to_owned();
    state.recall(&Recorded::PhaseChanged { scope: scope(text), to, trigger, by: Author::Maso }, when, rules);
}

/// The phase changes among orders, as `scope from to`.
pub(super) fn changes(orders: &[Order]) -> Vec<String> {
    orders
        .iter()
        .filter_map(|order| match order {
            Order::ChangePhase { scope, from, to, .. } => Some(format!("{scope} {from} {to}")),
            Order::Notify { .. } => None,
        })
        .collect()
}

/// Steps, and returns the phase changes that followed.
pub(super) fn go(state: &mut State, signal: Signal, now: Timestamp, rules: &Rules) -> Vec<String> {
    changes(&step(state, signal, now, rules).unwrap())
}
