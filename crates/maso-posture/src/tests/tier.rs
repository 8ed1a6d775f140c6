//! Which tier a record carries.

use maso_core::{Day, Phase, Tier, TierFact, Timestamp};
use proptest::prelude::*;

use crate::{Answer, Assessment, Criterion, Event, Fulfilment, History, Judged, Stated};

fn day(n: u32) -> Day {
    "2026-01-01".parse::<Day>().unwrap().plus(n)
}

fn noon(n: u32) -> Timestamp {
    day(n).begins().plus_ms(12 * super::HOUR_MS)
}

/// A log that goes on for so many days, in which people approve what judges approved, and reject what they had not.
fn quiet(n_days: u32) -> History {
    let mut history = History::default();
    for n in 0..=n_days {
        for _ in 0..30 {
            history.note(noon(n), Event::Answered { answer: Answer::Approved, judged: Judged::Approved });
        }
        history.note(noon(n), Event::Answered { answer: Answer::Rejected, judged: Judged::Objected });
    }
    history
}

fn stated(fact: TierFact, on: u32) -> Stated {
    Stated { fact, by: super::operator(), on: day(on), until: day(1_000) }
}

/// Everything that people can say for a deployment.
fn vouched() -> Vec<Stated> {
    [
        TierFact::Capacity,
        TierFact::ManagedApproved,
        TierFact::ComplianceReviewed,
        TierFact::AnomaliesDetected,
        TierFact::KilledAtPeakLoad,
        TierFact::RedTeamRemediated,
        TierFact::Maturity,
        TierFact::AutonomousApproved,
    ]
    .map(|fact| stated(fact, 0))
    .into()
}

fn found<'a>(assessment: &'a Assessment, name: &str) -> &'a Criterion {
    let falling_back = assessment.falling_back.iter().map(|(_, criterion)| criterion);
    let mut all = assessment.managed.iter().chain(&assessment.autonomous).chain(falling_back);
    all.find(|criterion| criterion.name == name).unwrap_or_else(|| panic!("no criterion `{name}`"))
}

fn escalated(from: Phase, to: Phase) -> Event<'static> {
    Event::PhaseChanged { from, to, trigger: "EC-2.4: breaker open" }
}

#[test]
fn a_tier_is_carried_from_the_day_on_which_everything_is_met() {
    for (n_days, tier) in [
        (0, Tier::Supervised),
        (89, Tier::Supervised),
        (90, Tier::Managed),
        (179, Tier::Managed),
        (180, Tier::Autonomous),
        (399, Tier::Autonomous),
        (1_000, Tier::Autonomous),
    ] {
        assert_eq!(Assessment::of(&quiet(n_days), &vouched(), day(n_days)).carries, tier, "after {n_days} days");
    }
}

#[test]
fn a_log_with_a_gap_begins_afresh() {
    let with_gap_of = |n: u32| {
        let mut history = quiet(100);
        for later in 100 + n..=190 {
            history.note(noon(later), Event::Other);
        }
        found(&Assessment::of(&history, &[], day(190)), "continuous-logs").clone()
    };
    assert_eq!(with_gap_of(4).fulfilment, Fulfilment::Met);
    let broken = with_gap_of(5);
    assert_eq!(broken.fulfilment, Fulfilment::Missing);
    assert!(broken.figure.starts_with("85 days, since 2026-04-16"), "{broken:?}");
}

#[test]
fn a_log_that_ended_is_not_continuous_and_an_empty_one_carries_tier_1() {
    let ended = Assessment::of(&quiet(300), &vouched(), day(305));
    assert_eq!(ended.carries, Tier::Supervised);
    assert!(found(&ended, "continuous-logs").figure.contains("the last record is of"), "{ended:?}");
    let empty = Assessment::of(&History::default(), &[], day(0));
    assert_eq!(empty.carries, Tier::Supervised);
    assert_eq!(found(&empty, "rejection-rate").fulfilment, Fulfilment::Unknown);
    assert_eq!(found(&empty, "judge-figures").fulfilment, Fulfilment::Unknown);
    assert!(empty.falling_back.iter().all(|(_, criterion)| criterion.fulfilment == Fulfilment::Met));
}

#[test]
fn people_who_reject_one_in_twenty_keep_a_deployment_at_tier_1() {
    for (n_rejected, fulfilment) in [(4, Fulfilment::Met), (5, Fulfilment::Missing)] {
        let mut history = History::default();
        for n in 0..100 {
            let answer = if n < n_rejected { Answer::Rejected } else { Answer::Approved };
            history.note(noon(0), Event::Answered { answer, judged: Judged::Not });
        }
        let criterion = found(&Assessment::of(&history, &[], day(1)), "rejection-rate").clone();
        assert_eq!(criterion.fulfilment, fulfilment, "{criterion:?}");
    }
    // Steady means the latest month too.
    let mut history = quiet(90);
    for _ in 0..60 {
        history.note(noon(90), Event::Answered { answer: Answer::Rejected, judged: Judged::Not });
    }
    let criterion = found(&Assessment::of(&history, &[], day(90)), "rejection-rate").clone();
    assert_eq!(criterion.fulfilment, Fulfilment::Missing, "{criterion:?}");
}

#[test]
fn judges_are_measured_against_the_people_who_answered_after_them() {
    for (answer, judged, n_more, fulfilment) in [
        (Answer::Rejected, Judged::Approved, 1, Fulfilment::Met),
        (Answer::Rejected, Judged::Approved, 2, Fulfilment::Missing),
        (Answer::Approved, Judged::Objected, 299, Fulfilment::Met),
        (Answer::Approved, Judged::Objected, 300, Fulfilment::Missing),
        (Answer::Rejected, Judged::Not, 300, Fulfilment::Met),
    ] {
        // 90 days: 2,700 approved by both, 90 rejected by both.
        let mut history = quiet(89);
        for _ in 0..n_more {
            history.note(noon(89), Event::Answered { answer, judged });
        }
        let criterion = found(&Assessment::of(&history, &[], day(89)), "judge-figures").clone();
        assert_eq!(criterion.fulfilment, fulfilment, "{n_more} × {answer:?} {judged:?}: {criterion:?}");
    }
}

#[test]
fn what_happened_takes_a_tier_away_until_enough_days_have_passed() {
    let killed = &[Event::Killed][..];
    let stopped = &[escalated(Phase::Primary, Phase::Emergency)][..];
    let contingency = &[escalated(Phase::Alternate, Phase::Contingency)][..];
    let cycles =
        &[Event::PhaseChanged { from: Phase::Alternate, to: Phase::Contingency, trigger: "EC-3.2: 4 times" }][..];
    let alternate = &[escalated(Phase::Primary, Phase::Alternate)][..];
    let loosened = &[escalated(Phase::Emergency, Phase::Primary)][..];
    for (events, n_later, resolved, carries) in [
        (killed, 0, false, Tier::Supervised),
        (stopped, 89, false, Tier::Supervised),
        // Tier 3 waits for 180 days without an escalation.
        (stopped, 90, false, Tier::Managed),
        (stopped, 180, false, Tier::Autonomous),
        (stopped, 29, true, Tier::Supervised),
        (stopped, 30, true, Tier::Autonomous),
        (contingency, 0, false, Tier::Managed),
        (contingency, 179, false, Tier::Managed),
        (contingency, 180, false, Tier::Autonomous),
        (cycles, 30, true, Tier::Autonomous),
        (alternate, 0, false, Tier::Managed),
        (loosened, 0, false, Tier::Autonomous),
    ] {
        let mut history = quiet(200 + n_later);
        for event in events {
            history.note(noon(200), *event);
        }
        let mut stated_of = vouched();
        stated_of.extend(resolved.then(|| stated(TierFact::CauseResolved, 200)));
        let assessment = Assessment::of(&history, &stated_of, day(200 + n_later));
        assert_eq!(assessment.carries, carries, "{events:?}, {n_later} days later, resolved: {resolved}");
    }
}

#[test]
fn what_people_report_takes_a_tier_away_too() {
    for (fact, carries) in [
        (TierFact::IncidentConfirmed, Tier::Supervised),
        (TierFact::RegulatorOrdered, Tier::Supervised),
        (TierFact::MonitorsDisagree, Tier::Managed),
        (TierFact::CriticalGap, Tier::Managed),
        (TierFact::BaselinesVoid, Tier::Managed),
        (TierFact::KillSwitchDrill, Tier::Autonomous),
    ] {
        let mut reported = vouched();
        reported.push(stated(fact, 190));
        assert_eq!(Assessment::of(&quiet(200), &reported, day(200)).carries, carries, "{fact}");
        // What is still to come has not happened.
        assert_eq!(Assessment::of(&quiet(189), &reported, day(189)).carries, Tier::Autonomous, "{fact}");
    }
}

#[test]
fn a_cause_that_was_resolved_before_is_another_one() {
    let mut history = quiet(240);
    history.note(noon(200), Event::Killed);
    let mut stated_of = vouched();
    stated_of.push(stated(TierFact::CauseResolved, 199));
    let assessment = Assessment::of(&history, &stated_of, day(240));
    assert_eq!(assessment.carries, Tier::Supervised);
    let missing = &found(&assessment, "no-emergency").missing;
    assert_eq!(missing, "50 more days, or its cause resolved (`fact = \"cause-resolved\"`) and 30 days");
}

#[test]
fn a_drill_is_no_emergency_on_its_day_alone() {
    let mut history = quiet(200);
    history.note(noon(150), Event::Killed);
    let mut stated_of = vouched();
    stated_of.push(stated(TierFact::KillSwitchDrill, 150));
    assert_eq!(Assessment::of(&history, &stated_of, day(200)).carries, Tier::Autonomous);
    history.note(noon(151), Event::Killed);
    assert_eq!(Assessment::of(&history, &stated_of, day(200)).carries, Tier::Supervised);
}

#[test]
fn what_nobody_attests_is_unknown_and_what_lapsed_is_missing() {
    let of = |stated: Vec<Stated>| found(&Assessment::of(&quiet(90), &stated, day(90)), "capacity").clone();
    let nobody = of(Vec::new());
    assert_eq!(nobody.fulfilment, Fulfilment::Unknown);
    assert_eq!(nobody.missing, "somebody who attests `fact = \"capacity\"` in evidence/");
    let until = |n: u32| vec![Stated { until: day(n), ..stated(TierFact::Capacity, 0) }];
    assert_eq!(of(until(90)).fulfilment, Fulfilment::Met);
    assert_eq!(of(until(89)).fulfilment, Fulfilment::Missing);
    assert_eq!(of(vec![stated(TierFact::Capacity, 91)]).fulfilment, Fulfilment::Unknown);
}

fn any_event() -> impl Strategy<Value = Event<'static>> {
    let phase = || prop::sample::select(Phase::ALL);
    let answer = prop::sample::select(vec![Answer::Approved, Answer::Rejected]);
    let judged = prop::sample::select(vec![Judged::Not, Judged::Approved, Judged::Objected]);
    prop_oneof![
        20 => Just(Event::Other),
        20 => (answer, judged).prop_map(|(answer, judged)| Event::Answered { answer, judged }),
        1 => (phase(), phase()).prop_map(|(from, to)| escalated(from, to)),
        1 => Just(Event::Killed),
    ]
}

proptest! {
    /// Whatever happened, a stop takes every tier but the first away, and nothing that is asked of a higher tier helps.
    #[test]
    fn no_history_outweighs_a_stop(events in prop::collection::vec((any_event(), 0u32..400), 0..200)) {
        let mut history = quiet(400);
        for (event, n) in events {
            history.note(noon(n), event);
        }
        history.note(noon(400), Event::Killed);
        prop_assert_eq!(Assessment::of(&history, &vouched(), day(400)).carries, Tier::Supervised);
    }

    /// The order in which one day's records come does not matter, nor does what lies too far back.
    #[test]
    fn a_day_is_the_sum_of_its_records(events in prop::collection::vec((any_event(), 0u32..30), 0..100)) {
        let fold = |events: &[(Event<'static>, u32)]| {
            let mut history = History::default();
            events.iter().for_each(|(event, n)| history.note(noon(*n), *event));
            history
        };
        let mut sorted = events.clone();
        sorted.sort_by_key(|(_, n)| *n);
        prop_assert_eq!(fold(&events), fold(&sorted));
        let reversed: Vec<_> = events.iter().rev().copied().collect();
        prop_assert_eq!(fold(&events), fold(&reversed));
    }
}
