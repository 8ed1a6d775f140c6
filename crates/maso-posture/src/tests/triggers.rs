//! What tightens, when, and how far.

use maso_core::{Phase, Tier};

use super::*;

const NONE: [&str; 0] = [];

#[test]
fn three_guardrail_blocks_in_ten_minutes_isolate_the_agent() {
    let rules = rules(Tier::Managed);
    let mut state = State::new();
    assert_eq!(go(&mut state, happened("a", Happening::GuardrailBlock), at(0), &rules), NONE);
    assert_eq!(go(&mut state, happened("a", Happening::GuardrailBlock), at(5), &rules), NONE);
    assert_eq!(go(&mut state, happened("a", Happening::GuardrailBlock), at(10), &rules), ["agent:a primary alternate"]);
    let standing = state.why(&scope("agent:a")).unwrap();
    assert_eq!(standing.trigger, "EC-2.4: breaker open, 3 guardrail blocks within 10 min");
    assert_eq!((standing.since, &standing.by), (at(10), &Author::Maso));
}

#[test]
fn blocks_outside_the_window_or_of_another_agent_do_not_add_up() {
    let rules = rules(Tier::Managed);
    let mut state = State::new();
    for (name, minute) in [("a", 0), ("a", 6), ("b", 7), ("a", 11), ("b", 12), ("a", 22)] {
        assert_eq!(go(&mut state, happened(name, Happening::GuardrailBlock), at(minute), &rules), NONE);
    }
}

#[test]
fn with_the_breaker_off_the_same_blocks_isolate_nobody() {
    let mut rules = rules(Tier::Managed);
    rules.breaker_blocks_max = u32::MAX;
    let mut state = State::new();
    for _ in 0..100 {
        assert_eq!(go(&mut state, happened("a", Happening::GuardrailBlock), at(0), &rules), NONE);
    }
}

#[test]
fn more_than_three_judge_blocks_isolate_the_agent() {
    let rules = rules(Tier::Managed);
    let mut state = State::new();
    for _ in 0..3 {
        assert_eq!(go(&mut state, happened("a", Happening::JudgeBlock), at(0), &rules), NONE);
    }
    assert_eq!(go(&mut state, happened("a", Happening::JudgeBlock), at(1), &rules), ["agent:a primary alternate"]);
}

#[test]
fn the_fourth_plan_attempt_in_a_task_stops_the_workflow() {
    let rules = rules(Tier::Managed);
    let mut state = State::new();
    for minute in 0..3 {
        assert_eq!(go(&mut state, happened("a", attempt(1)), at(minute), &rules), NONE);
    }
    assert_eq!(go(&mut state, happened("a", attempt(2)), at(3), &rules), NONE);
    assert_eq!(
        go(&mut state, happened("a", attempt(1)), at(4), &rules),
        ["agent:a primary alternate", "workflow:w primary contingency"]
    );
    assert_eq!(state.why(&scope("workflow:w")).unwrap().trigger, "AT-2.8: 4 plan attempts in one task, 3 are accepted");
}

#[test]
fn a_context_that_is_nearly_full_isolates_the_agent_but_at_tier_1() {
    for (tier, moved) in [(Tier::Supervised, false), (Tier::Managed, true), (Tier::Autonomous, true)] {
        let (rules, mut state) = (rules(tier), State::new());
        let told = go(&mut state, happened("a", Happening::ContextWarning { percent: 86 }), at(0), &rules);
        assert_eq!(told, if moved { vec!["agent:a primary alternate"] } else { vec![] });
        if !moved {
            continue;
        }
        assert_eq!(state.why(&scope("agent:a")).unwrap().trigger, "OB-2.5a: the agent's context is 86 % full");
        go(&mut state, manual("agent:a", Phase::Primary, Office::Supervisor), at(1), &rules);
        assert_eq!(go(&mut state, Signal::Tick, at(2), &rules), NONE, "what was ended is not remembered");
    }
}

#[test]
fn a_breach_of_a_hard_limit_stops_the_workflow_until_a_person_ends_that() {
    let rules = rules(Tier::Managed);
    let mut state = State::new();
    assert_eq!(
        go(&mut state, happened("a", Happening::LimitBreach), at(0), &rules),
        ["workflow:w primary contingency"]
    );
    let why = "AT-1.7: agent `a` tried more than a hard limit allows";
    assert_eq!(state.why(&scope("workflow:w")).unwrap().trigger, why);
    let ended = go(&mut state, manual("workflow:w", Phase::Primary, Office::Security), at(1), &rules);
    assert_eq!(ended, ["workflow:w contingency primary"]);
    assert_eq!(go(&mut state, Signal::Tick, at(2), &rules), NONE, "what was ended is not remembered");
}

#[test]
fn a_breach_of_contract_isolates_at_once_where_nobody_looks_on_and_counts_as_a_block_elsewhere() {
    for (tier, n_borne) in [(Tier::Supervised, 2), (Tier::Managed, 2), (Tier::Autonomous, 0)] {
        let (rules, mut state) = (rules(tier), State::new());
        for n in 0..n_borne {
            assert_eq!(go(&mut state, happened("a", Happening::ContractBreach), at(n), &rules), NONE);
        }
        let told = go(&mut state, happened("a", Happening::ContractBreach), at(9), &rules);
        assert_eq!(told, ["agent:a primary alternate"], "{tier:?}");
        go(&mut state, manual("agent:a", Phase::Primary, Office::Supervisor), at(10), &rules);
        assert_eq!(go(&mut state, Signal::Tick, at(11), &rules), NONE, "what was ended is not remembered");
    }
}

#[test]
fn acting_before_its_turn_or_failing_stops_the_workflow_until_a_person_ends_that() {
    for (what, why) in [
        (Happening::SequenceViolation, "AT-2.4: agent `a` acted before its turn"),
        (Happening::AgentFailed, "AT-1.7: agent `a` reported that its work failed"),
    ] {
        let rules = rules(Tier::Managed);
        let mut state = State::new();
        assert_eq!(go(&mut state, happened("a", what), at(0), &rules), ["workflow:w primary contingency"]);
        assert_eq!(state.why(&scope("workflow:w")).unwrap().trigger, why);
        assert_eq!(state.phase_of(&scope("agent:a")), Phase::Primary);
        go(&mut state, manual("workflow:w", Phase::Primary, Office::Security), at(1), &rules);
        assert_eq!(go(&mut state, Signal::Tick, at(2), &rules), NONE, "what was ended is not remembered");
    }
}

#[test]
fn plan_attempts_spread_over_tasks_and_days_add_up() {
    let rules = rules(Tier::Managed);
    let in_a_week = attempts_until_stopped(&rules, 12 * HOUR_MS);
    let in_a_month = attempts_until_stopped(&rules, 28 * HOUR_MS);
    let too_rare = attempts_until_stopped(&rules, 31 * HOUR_MS);
    assert_eq!((in_a_week, in_a_month, too_rare), (Some(11), Some(26), None));
}

fn attempts_until_stopped(rules: &Rules, gap_ms: u64) -> Option<u64> {
    let mut state = State::new();
    (0..200).find_map(|n| {
        let now = at(0).plus_ms(n * gap_ms);
        let changed = go(&mut state, happened("a", attempt(u128::from(n))), now, rules);
        (!changed.is_empty()).then_some(n + 1)
    })
}

#[test]
fn a_second_isolated_agent_brings_the_workflow_to_contingency() {
    let rules = rules(Tier::Managed);
    let mut state = State::new();
    put(&mut state, "agent:a", Phase::Alternate, at(0), &rules);
    put(&mut state, "agent:c", Phase::Alternate, at(0), &rules);
    assert_eq!(go(&mut state, Signal::Tick, at(1), &rules), NONE);
    for _ in 0..2 {
        go(&mut state, happened("b", Happening::GuardrailBlock), at(2), &rules);
    }
    assert_eq!(
        go(&mut state, happened("b", Happening::GuardrailBlock), at(2), &rules),
        ["agent:b primary alternate", "workflow:w primary contingency"]
    );
}

#[test]
fn a_second_workflow_in_contingency_brings_the_deployment_there() {
    let rules = rules(Tier::Managed);
    let mut state = State::new();
    let broken = |of: &str| Signal::BusIntegrity { scope: scope(of), detail: "chain broken at 7".to_owned() };
    assert_eq!(go(&mut state, broken("workflow:w"), at(0), &rules), ["workflow:w primary contingency"]);
    assert_eq!(
        go(&mut state, broken("workflow:v"), at(0), &rules),
        ["workflow:v primary contingency", "deployment primary contingency"]
    );
}

#[test]
fn alternate_lasts_48_hours() {
    let rules = rules(Tier::Managed);
    let mut state = State::new();
    put(&mut state, "agent:a", Phase::Alternate, at(0), &rules);
    put(&mut state, "deployment", Phase::Alternate, at(60), &rules);
    assert_eq!(go(&mut state, Signal::Tick, at(48 * 60 - 1), &rules), NONE);
    assert_eq!(
        go(&mut state, Signal::Tick, at(48 * 60), &rules),
        ["agent:a alternate contingency", "workflow:w primary contingency"]
    );
    assert_eq!(go(&mut state, Signal::Tick, at(49 * 60), &rules), ["deployment alternate contingency"]);
    assert_eq!(go(&mut state, Signal::Tick, at(1_000_000), &rules), NONE, "no timer leads to emergency");
}

#[test]
fn tier_1_keeps_primary_alternate_and_emergency() {
    let rules = rules(Tier::Supervised);
    let mut state = State::new();
    for name in ["a", "b", "b", "a", "b"] {
        go(&mut state, happened(name, Happening::GuardrailBlock), at(0), &rules);
    }
    assert_eq!(
        go(&mut state, happened("a", Happening::GuardrailBlock), at(0), &rules),
        ["agent:a primary alternate"],
        "no contingency although two agents are isolated"
    );
    assert_eq!(go(&mut state, Signal::Tick, at(100 * 60), &rules), NONE);
    let kill = Signal::Kill { scope: scope("deployment"), by: operator(), reason: "unexplained output".to_owned() };
    assert_eq!(go(&mut state, kill, at(100 * 60), &rules), ["deployment primary emergency"]);
}

#[test]
fn the_fourth_time_in_alternate_within_a_day_is_contingency_at_tier_3() {
    for (tier, expected) in [(Tier::Managed, None), (Tier::Autonomous, Some(4))] {
        let rules = rules(tier);
        let mut state = State::new();
        let contingency = (1..=6u64).find(|cycle| {
            let now = at(cycle * 120);
            for _ in 0..3 {
                go(&mut state, happened("a", Happening::GuardrailBlock), now, &rules);
            }
            let there = state.phase_of(&scope("workflow:w")) == Phase::Contingency;
            step(&mut state, manual("agent:a", Phase::Primary, Office::Supervisor), now, &rules).unwrap();
            there
        });
        assert_eq!(contingency, expected, "{tier}");
    }
}

#[test]
fn what_a_crash_kept_from_the_record_is_caught_up() {
    let rules = rules(Tier::Managed);
    let mut state = State::new();
    for minute in 0..3 {
        let block = Recorded::Happened { agent: agent("a"), what: Happening::GuardrailBlock };
        state.recall(&block, at(minute), &rules);
    }
    assert_eq!(state.phase_of(&scope("agent:a")), Phase::Primary);
    assert_eq!(go(&mut state, Signal::Tick, at(3), &rules), ["agent:a primary alternate"]);
    assert_eq!(go(&mut state, Signal::Tick, at(3), &rules), NONE);

    let mut state = State::new();
    for _ in 0..4 {
        state.recall(&Recorded::Happened { agent: agent("a"), what: attempt(1) }, at(3), &rules);
    }
    put(&mut state, "agent:a", Phase::Alternate, at(3), &rules);
    assert_eq!(
        go(&mut state, Signal::Tick, at(3), &rules),
        ["workflow:w primary contingency"],
        "the crash came between the two changes of one step"
    );

    let killed = Recorded::Killed { scope: scope("deployment"), by: operator(), reason: "drill".to_owned() };
    state.recall(&killed, at(4), &rules);
    assert_eq!(state.phase_of(&scope("deployment")), Phase::Emergency);
}

#[test]
fn an_isolated_agent_puts_every_write_of_its_workflow_before_a_person() {
    let rules = rules(Tier::Managed);
    let mut state = State::new();
    put(&mut state, "agent:a", Phase::Emergency, at(0), &rules);
    let of = |name: &str, flow: &str| {
        let effective = state.effective(&agent(name), &workflow(flow), &rules);
        (effective.agent, effective.around, effective.worst())
    };
    assert_eq!(of("a", "w"), (Phase::Emergency, Phase::Alternate, Phase::Emergency));
    assert_eq!(of("b", "w"), (Phase::Primary, Phase::Alternate, Phase::Alternate));
    assert_eq!(of("c", "v"), (Phase::Primary, Phase::Primary, Phase::Primary));
}

#[test]
fn people_are_told() {
    let rules = rules(Tier::Managed);
    let mut state = State::new();
    let signal = Signal::BusIntegrity { scope: scope("workflow:w"), detail: "x".repeat(10_000) };
    let orders = step(&mut state, signal, at(0), &rules).unwrap();
    let told: Vec<_> = orders
        .iter()
        .filter_map(|order| match order {
            Order::Notify { audience, message, .. } => Some((*audience, message.len())),
            Order::ChangePhase { .. } => None,
        })
        .collect();
    assert!(matches!(told[..], [(Office::Security, ..700)]), "{told:?}");
}

#[test]
fn the_summary_shows_everything_that_is_declared_or_not_in_primary() {
    let rules = rules(Tier::Managed);
    let mut state = State::new();
    put(&mut state, "agent:retired", Phase::Emergency, at(0), &rules);
    go(&mut state, happened("b", Happening::GuardrailBlock), at(1), &rules);
    go(&mut state, happened("b", Happening::Call), at(1), &rules);
    let summary = state.summary(at(2), &rules);
    let scopes: Vec<_> = summary.scopes.iter().map(|one| format!("{} {}", one.scope, one.phase)).collect();
    assert_eq!(
        scopes,
        [
            "deployment primary",
            "workflow:v primary",
            "workflow:w primary",
            "agent:a primary",
            "agent:b primary",
            "agent:c primary",
            "agent:retired emergency"
        ]
    );
    let b = &summary.agents[1];
    assert_eq!((b.n_guardrail_blocks, b.n_calls_in_hour, b.calls_per_hour_max), (1, 1, 100));
}

#[test]
fn agents_that_nobody_declared_fill_no_memory() {
    let rules = rules(Tier::Managed);
    let mut state = State::new();
    for n in 0..100 {
        let stranger = format!("stranger-{n}");
        go(&mut state, happened(&stranger, Happening::GuardrailBlock), at(0), &rules);
        go(&mut state, happened(&stranger, Happening::Call), at(0), &rules);
    }
    assert_eq!(state, State::new());
}

#[test]
fn counters_of_agents_that_left_are_forgotten_and_their_phases_are_not() {
    let mut rules = rules(Tier::Managed);
    let mut state = State::new();
    go(&mut state, happened("c", Happening::Call), at(0), &rules);
    put(&mut state, "agent:c", Phase::Emergency, at(0), &rules);
    rules.agents.remove(&agent("c"));
    state.retain(&rules);
    assert_eq!(state.calls_in_hour(&agent("c"), at(0)), 0);
    assert_eq!(state.phase_of(&scope("agent:c")), Phase::Emergency);
}

#[test]
fn authors_are_read_as_they_are_written() {
    for text in ["maso", "operator:claims-supervisor"] {
        assert_eq!(text.parse::<Author>().unwrap().to_string(), text);
    }
    for text in ["", "Maso", "operator:", "agent:a"] {
        assert!(text.parse::<Author>().is_err(), "{text}");
    }
}

#[test]
fn a_creative_substitution_stops_the_workflow_from_tier_2_on_until_a_person_ends_that() {
    for (tier, stops) in [(Tier::Supervised, false), (Tier::Managed, true), (Tier::Autonomous, true)] {
        let rules = rules(tier);
        let mut state = State::new();
        let orders = go(&mut state, happened("a", Happening::CreativeSubstitution), at(0), &rules);
        assert_eq!(orders.iter().any(|order| order == "workflow:w primary contingency"), stops, "{orders:?}");
        if stops {
            let why = "AT-2.6: creative substitution by agent `a`: the right result by the wrong means";
            assert_eq!(state.why(&scope("workflow:w")).unwrap().trigger, why);
            go(&mut state, manual("workflow:w", Phase::Primary, Office::Security), at(1), &rules);
            assert_eq!(go(&mut state, Signal::Tick, at(2), &rules), NONE);
        }
    }
}
