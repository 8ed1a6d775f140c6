//! The rate limit (EC-1.3).

use maso_core::Tier;
use proptest::prelude::*;

use super::*;
use crate::{Rate, counters::Calls};

#[test]
fn the_hundred_and_first_call_in_an_hour_has_to_wait() {
    let rules = rules(Tier::Supervised);
    let mut state = State::new();
    for n in 0..100 {
        assert_eq!(state.rate(&agent("a"), at(0), &rules), Rate::Within { n_left: 100 - n });
        go(&mut state, happened("a", Happening::Call), at(0), &rules);
    }
    assert_eq!(state.calls_in_hour(&agent("a"), at(0)), 100);
    assert_eq!(state.rate(&agent("a"), at(0), &rules), Rate::Exhausted { retry_after_ms: 61 * MINUTE_MS });
    assert_eq!(state.rate(&agent("a"), at(60), &rules), Rate::Exhausted { retry_after_ms: MINUTE_MS });
    assert_eq!(state.rate(&agent("a"), at(61), &rules), Rate::Within { n_left: 100 });
    assert_eq!(state.rate(&agent("b"), at(0), &rules), Rate::Within { n_left: 100 });
}

#[test]
fn an_agent_that_nobody_declared_has_no_calls() {
    let rules = rules(Tier::Supervised);
    assert!(matches!(State::new().rate(&agent("stranger"), at(0), &rules), Rate::Exhausted { .. }));
}

#[test]
fn a_clock_that_is_set_back_frees_nobody() {
    let mut rules = rules(Tier::Supervised);
    rules.agents.get_mut(&agent("a")).unwrap().calls_per_hour_max = 1;
    let mut state = State::new();
    go(&mut state, happened("a", Happening::Call), at(30), &rules);
    assert!(matches!(state.rate(&agent("a"), at(10), &rules), Rate::Exhausted { .. }));
}

#[test]
fn the_ends_of_time_are_survived() {
    for millis in [i64::MIN, -1, 0, i64::MAX] {
        let now = Timestamp::from_millis(millis);
        let rules = rules(Tier::Autonomous);
        let mut state = State::new();
        for what in [Happening::Call, Happening::GuardrailBlock, Happening::JudgeBlock, attempt(1)] {
            step(&mut state, happened("a", what), now, &rules).unwrap();
        }
        step(&mut state, Signal::Tick, Timestamp::from_millis(i64::MAX), &rules).unwrap();
        state.rate(&agent("a"), now, &rules);
        state.rate(&agent("a"), Timestamp::from_millis(i64::MAX), &rules);
        state.summary(now, &rules);
    }
}

proptest! {
    #[test]
    fn no_call_of_the_last_hour_is_missed_and_none_older_than_61_minutes_counts(
        gaps_ms in prop::collection::vec(0u64..20 * MINUTE_MS, 1..200),
    ) {
        let rules = rules(Tier::Supervised);
        let mut state = State::new();
        let mut calls = Vec::new();
        let mut now = at(0);
        for gap_ms in gaps_ms {
            now = now.plus_ms(gap_ms);
            go(&mut state, happened("a", Happening::Call), now, &rules);
            calls.push(now);
            let within = |ms| calls.iter().filter(|call| now.since_ms(**call) <= ms).count() as u32;
            let counted = state.calls_in_hour(&agent("a"), now);
            prop_assert!((within(HOUR_MS)..=within(HOUR_MS + MINUTE_MS)).contains(&counted));
            let most = counted.saturating_sub(1);
            rules_hold(&state, now, most)?;
        }
    }
}

/// Whoever waits as long as told may call again, or is told to wait for what came later.
fn rules_hold(state: &State, now: Timestamp, most: u32) -> Result<(), TestCaseError> {
    let mut rules = rules(Tier::Supervised);
    rules.agents.get_mut(&agent("a")).unwrap().calls_per_hour_max = most;
    if let Rate::Exhausted { retry_after_ms } = state.rate(&agent("a"), now, &rules) {
        prop_assert!((1..=61 * MINUTE_MS).contains(&retry_after_ms));
        let later = now.plus_ms(retry_after_ms);
        prop_assert!(state.calls_in_hour(&agent("a"), later) < state.calls_in_hour(&agent("a"), now));
    }
    Ok(())
}

#[test]
fn counting_takes_the_same_room_however_many_calls_there_are() {
    assert!(size_of::<Calls>() <= 1024);
}
