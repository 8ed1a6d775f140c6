//! The whole machine, checked by going everywhere.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use maso_core::{Phase, Scope, Tier};
use proptest::prelude::*;

use super::*;

const SCOPES: [&str; 4] = ["deployment", "workflow:w", "agent:a", "agent:b"];

/// Two agents, one workflow, one deployment, with thresholds that are reached in few steps.
fn small(tier: Tier) -> Rules {
    let mut rules = rules(tier);
    rules.agents.remove(&agent("c"));
    rules.workflows.remove(&workflow("v"));
    rules.breaker_blocks_max = 2;
    rules.judge_blocks_max = 0;
    rules.workflows.insert(workflow("w"), PlanAttemptsMax { single_session: 0, rolling_7day: 0, rolling_30day: 0 });
    rules
}

fn phases(state: &State) -> [Phase; 4] {
    SCOPES.map(|text| state.phase_of(&scope(text)))
}

/// Every way in which a signal can differ in effect.
fn signals() -> Vec<Signal> {
    let mut signals = vec![Signal::Tick];
    for name in ["a", "b"] {
        let calls = [Happening::GuardrailBlock, Happening::JudgeBlock, Happening::Call, attempt(1)];
        let further = [
            Happening::LimitBreach,
            Happening::SequenceViolation,
            Happening::AgentFailed,
            Happening::ContextWarning { percent: 85 },
            Happening::CreativeSubstitution,
            Happening::ContractBreach,
        ];
        for what in calls.into_iter().chain(further) {
            signals.push(happened(name, what));
        }
    }
    for text in SCOPES {
        signals.push(Signal::BusIntegrity { scope: scope(text), detail: "gap".to_owned() });
        signals.push(Signal::Kill { scope: scope(text), by: operator(), reason: "drill".to_owned() });
        for &to in Phase::ALL {
            for office in [Office::Operator, Office::Supervisor, Office::Security, Office::IncidentCommander] {
                signals.push(manual(text, to, office));
            }
            let without_review = Authority { review: None, ..authority(Office::IncidentCommander) };
            signals.push(Signal::Manual { scope: scope(text), to, by: without_review });
            let without_reason = Authority { reason: String::new(), ..authority(Office::IncidentCommander) };
            signals.push(Signal::Manual { scope: scope(text), to, by: without_reason });
        }
    }
    signals
}

/// Takes one step and checks everything that must hold of any step. Returns the state after it.
fn check(before: &State, signal: &Signal, now: Timestamp, rules: &Rules) -> State {
    let mut live = before.clone();
    let outcome = step(&mut live, signal.clone(), now, rules);

    let Ok(orders) = outcome else {
        assert!(matches!(signal, Signal::Manual { .. }), "only a person's move can be refused: {signal:?}");
        assert_eq!(&live, before, "a refused move changes nothing");
        return live;
    };

    // Nothing loosens but the scope that a person moved, with the office and the grounds for it.
    for (text, (was, is)) in SCOPES.iter().zip(phases(before).into_iter().zip(phases(&live))) {
        if is < was {
            let Signal::Manual { scope: moved, to, by } = signal else { panic!("{signal:?} loosened {text}") };
            assert_eq!((moved, *to), (&scope(text), is));
            assert!(by.office >= Office::needed(was, is) && !by.reason.is_empty());
            if was == Phase::Emergency {
                let review = by.review.as_ref().expect("an emergency is left only through its gate");
                assert!(review.missing(rules.tier).is_empty());
            }
        }
    }

    // The kill switch works from everywhere.
    if let Signal::Kill { scope, .. } = signal {
        assert_eq!(live.phase_of(scope), Phase::Emergency);
    }

    // Orders tell the whole change, in order, each from where the last one left the scope.
    let mut told: BTreeMap<Scope, Phase> =
        SCOPES.iter().map(|text| (scope(text), before.phase_of(&scope(text)))).collect();
    for order in &orders {
        if let Order::ChangePhase { scope, from, to, .. } = order {
            assert_eq!(told.insert(scope.clone(), *to), Some(*from));
            assert_ne!(from, to);
        }
    }
    assert_eq!(told, SCOPES.iter().map(|text| (scope(text), live.phase_of(&scope(text)))).collect());

    // What is recalled from the record is the same state.
    let mut recalled = before.clone();
    for recorded in record(signal, &orders) {
        recalled.recall(&recorded, now, rules);
    }
    assert_eq!(recalled, live, "{signal:?}");

    // All that follows has followed. A call is the exception: it costs nothing, and the next tick follows.
    if !matches!(signal, Signal::Happened { what: Happening::Call, .. }) {
        // Whoever folds first what is recorded and asks afterwards what follows comes to the same.
        if let Signal::Happened { agent, what } = signal {
            let mut folded = before.clone();
            folded.recall(&Recorded::Happened { agent: agent.clone(), what: what.clone() }, now, rules);
            assert_eq!(step(&mut folded, Signal::Tick, now, rules).as_ref(), Ok(&orders), "{signal:?}");
            assert_eq!(folded, live);
        }
        let mut again = live.clone();
        assert_eq!(changes(&step(&mut again, Signal::Tick, now, rules).unwrap()), [""; 0], "{signal:?}");
    }
    live
}

/// What a step puts on the record.
fn record(signal: &Signal, orders: &[Order]) -> Vec<Recorded> {
    let mut recorded = Vec::new();
    match signal {
        Signal::Happened { agent, what } => {
            recorded.push(Recorded::Happened { agent: agent.clone(), what: what.clone() });
        }
        Signal::Kill { scope, by, reason } => {
            recorded.push(Recorded::Killed { scope: scope.clone(), by: by.clone(), reason: reason.clone() });
        }
        Signal::BusIntegrity { .. } | Signal::Tick | Signal::Manual { .. } => {}
    }
    recorded.extend(orders.iter().filter_map(|order| match order {
        Order::ChangePhase { scope, to, trigger, by, .. } => Some(Recorded::PhaseChanged {
            scope: scope.clone(),
            to: *to,
            trigger: trigger.to_string(),
            by: by.to_string().parse().unwrap(),
        }),
        Order::Notify { .. } => None,
    }));
    recorded
}

/// Goes everywhere from the beginning, at one moment. Two states are the same place if they differ only in why, or in
/// how often an agent was in Alternate, which the rules of this walk do not ask.
#[test]
fn everywhere_that_can_be_reached_every_signal_keeps_every_promise() {
    let rules = Rules { breaker_blocks_max: 1, ..small(Tier::Managed) };
    let now = at(0);
    // Offices between none and all, and judge blocks beside guardrail blocks, differ nowhere but in
    // `from_every_combination_of_phases_every_signal_keeps_every_promise`; calls lead nowhere.
    let signals: Vec<_> = signals()
        .into_iter()
        .filter(|signal| match signal {
            Signal::Manual { by, .. } => matches!(by.office, Office::Operator | Office::IncidentCommander),
            Signal::Happened { what, .. } => !matches!(what, Happening::Call | Happening::JudgeBlock),
            _ => true,
        })
        .collect();
    let place = |state: &State| {
        let counts = ["a", "b"].map(|name| {
            state.counters(&agent(name)).map(|counters| {
                let n_blocks = counters.n_guardrail_blocks(now, &rules);
                (n_blocks, counters.n_plan_attempts_in_month(now), counters.hard_stops().any())
            })
        });
        (phases(state), counts.map(Option::unwrap_or_default))
    };
    let mut seen = BTreeSet::from([place(&State::new())]);
    let mut open = VecDeque::from([State::new()]);
    while let Some(state) = open.pop_front() {
        for signal in &signals {
            let next = check(&state, signal, now, &rules);
            if seen.insert(place(&next)) {
                open.push_back(next);
            }
        }
    }
    let reached: BTreeSet<_> = seen.iter().map(|(phases, _)| *phases).collect();
    // All but those in which both agents left Primary and the workflow is not at least in Contingency.
    assert_eq!(reached.len(), 4 * (4 * 16 - 2 * 9), "combinations of phases that were reached");
}

/// Starts in each combination of phases, as a record could have left it, also where no live history leads.
#[test]
fn from_every_combination_of_phases_every_signal_keeps_every_promise() {
    for &tier in Tier::ALL {
        let rules = small(tier);
        let signals = signals();
        for_each_combination(|combination| {
            let mut state = State::new();
            for (text, phase) in SCOPES.iter().zip(combination) {
                put(&mut state, text, phase, at(0), &rules);
            }
            // Let what already follows follow, so that each signal is judged by its own effect.
            step(&mut state, Signal::Tick, at(0), &rules).unwrap();
            for signal in &signals {
                check(&state, signal, at(1), &rules);
                check(&state, signal, at(48 * 60), &rules);
            }
        });
    }
}

#[test]
fn a_worse_phase_anywhere_never_makes_an_effective_phase_better() {
    let rules = small(Tier::Managed);
    let mut all = Vec::new();
    for_each_combination(|combination| {
        let mut state = State::new();
        for (text, phase) in SCOPES.iter().zip(combination) {
            put(&mut state, text, phase, at(0), &rules);
        }
        let effective = state.effective(&agent("a"), &workflow("w"), &rules);
        assert!(effective.agent == combination[2]);
        assert!(effective.around >= combination[0].max(combination[1]));
        assert_eq!(effective.worst(), effective.agent.max(effective.around));
        all.push((combination, effective));
    });
    for (one, looser) in &all {
        for (other, tighter) in &all {
            if one.iter().zip(other).all(|(a, b)| a <= b) {
                assert!(looser.agent <= tighter.agent && looser.around <= tighter.around, "{one:?} {other:?}");
            }
        }
    }
}

fn for_each_combination(mut visit: impl FnMut([Phase; 4])) {
    for &deployment in Phase::ALL {
        for &workflow in Phase::ALL {
            for &a in Phase::ALL {
                for &b in Phase::ALL {
                    visit([deployment, workflow, a, b]);
                }
            }
        }
    }
}

fn any_signal() -> impl Strategy<Value = Signal> {
    let name = prop::sample::select(vec!["a", "b", "c", "stranger"]);
    let what = prop_oneof![
        Just(Happening::GuardrailBlock),
        Just(Happening::JudgeBlock),
        Just(Happening::Call),
        Just(Happening::LimitBreach),
        (85..100_u8).prop_map(|percent| Happening::ContextWarning { percent }),
        Just(Happening::CreativeSubstitution),
        Just(Happening::SequenceViolation),
        Just(Happening::AgentFailed),
        Just(Happening::ContractBreach),
        (0u128..3).prop_map(attempt),
    ];
    let place = prop::sample::select(vec!["deployment", "workflow:w", "workflow:v", "agent:a", "agent:b", "agent:c"]);
    let office =
        prop::sample::select(vec![Office::Operator, Office::Supervisor, Office::Security, Office::IncidentCommander]);
    let phase = prop::sample::select(Phase::ALL.to_vec());
    prop_oneof![
        6 => (name, what).prop_map(|(name, what)| happened(name, what)),
        3 => (place.clone(), phase, office).prop_map(|(place, to, office)| manual(place, to, office)),
        1 => place.clone().prop_map(|place| Signal::BusIntegrity { scope: scope(place), detail: "gap".to_owned() }),
        1 => place.prop_map(|place| Signal::Kill { scope: scope(place), by: operator(), reason: "drill".to_owned() }),
        1 => Just(Signal::Tick),
    ]
}

proptest! {
    /// A long history with time in it: the state is exactly what its record says, at each point of it.
    #[test]
    fn a_restart_at_any_point_changes_nothing(
        tier in prop::sample::select(Tier::ALL.to_vec()),
        history in prop::collection::vec((any_signal(), 0u64..6 * HOUR_MS), 1..120),
    ) {
        let rules = rules(tier);
        let (mut live, mut recalled) = (State::new(), State::new());
        let mut now = at(0);
        for (signal, gap_ms) in history {
            now = now.plus_ms(gap_ms);
            let before = live.clone();
            let kept = signal.clone();
            let Ok(orders) = step(&mut live, signal, now, &rules) else {
                prop_assert_eq!(&live, &before);
                continue;
            };
            for recorded in record(&kept, &orders) {
                recalled.recall(&recorded, now, &rules);
            }
            prop_assert_eq!(&recalled, &live);
            if !matches!(kept, Signal::Manual { .. }) {
                for (scope, standing) in before.standings() {
                    prop_assert!(live.phase_of(scope) >= standing.phase);
                }
            }
        }
    }
}
