//! Who may move what.

use maso_core::{Phase, Tier};

use super::*;

/// Tries a move and says what came of it: `moved`, or the beginning of why not.
fn check(from: Phase, to: Phase, by: Authority, tier: Tier) -> String {
    let rules = rules(tier);
    let mut state = State::new();
    put(&mut state, "agent:a", from, at(0), &rules);
    let before = state.clone();
    match step(&mut state, Signal::Manual { scope: scope("agent:a"), to, by }, at(1), &rules) {
        Ok(_) => {
            assert_eq!(state.phase_of(&scope("agent:a")), to);
            "moved".to_owned()
        }
        Err(refused) => {
            assert_eq!(state, before, "a refused move changes nothing");
            assert!(!refused.help.is_empty());
            refused.why
        }
    }
}

#[test]
fn each_move_needs_its_office() {
    use Office::{IncidentCommander, Operator, Security, Supervisor};
    use Phase::{Alternate, Contingency, Emergency, Primary};
    for (from, to, needed) in [
        (Primary, Alternate, Supervisor),
        (Primary, Contingency, Security),
        (Primary, Emergency, IncidentCommander),
        (Alternate, Primary, Supervisor),
        (Alternate, Contingency, Security),
        (Contingency, Alternate, Security),
        (Contingency, Primary, Security),
        (Emergency, Contingency, IncidentCommander),
        (Emergency, Alternate, IncidentCommander),
        (Emergency, Primary, IncidentCommander),
    ] {
        for office in [Operator, Supervisor, Security, IncidentCommander] {
            let outcome = check(from, to, authority(office), Tier::Managed);
            assert_eq!(outcome == "moved", office >= needed, "{office} {from} -> {to}: {outcome}");
        }
    }
}

#[test]
fn loosening_needs_the_cause() {
    let silent = |office| Authority { reason: " \n".to_owned(), ..authority(office) };
    assert_eq!(
        check(Phase::Alternate, Phase::Primary, silent(Office::Supervisor), Tier::Managed),
        "alternate is left only when its cause is explained, and no reason was given"
    );
    assert_eq!(check(Phase::Primary, Phase::Alternate, silent(Office::Supervisor), Tier::Managed), "moved");
}

#[test]
fn an_emergency_ends_only_with_a_complete_review() {
    let with = |review| Authority { review, ..authority(Office::IncidentCommander) };
    assert_eq!(
        check(Phase::Emergency, Phase::Primary, with(None), Tier::Managed),
        "the review that ends an emergency lacks: root cause documented, gap closed, baselines updated, triggers \
         recalibrated, regulator told or nothing due, risk owner's approval"
    );
    type Lack = fn(&mut EmergencyReview);
    let lacking: [(Lack, &str); 7] = [
        (|review| review.root_cause_documented = false, "root cause documented"),
        (|review| review.gap_closed = false, "gap closed"),
        (|review| review.baselines_updated = false, "baselines updated"),
        (|review| review.triggers_recalibrated = false, "triggers recalibrated"),
        (|review| review.regulator_settled = false, "regulator told or nothing due"),
        (|review| review.scenario_added = false, "scenario added to the red-team cycle"),
        (|review| review.risk_owner = " ".to_owned(), "risk owner's approval"),
    ];
    for (lack, point) in lacking {
        let mut review = complete_review();
        lack(&mut review);
        let why = check(Phase::Emergency, Phase::Contingency, with(Some(review)), Tier::Autonomous);
        assert_eq!(why, format!("the review that ends an emergency lacks: {point}"));
    }
    let review = EmergencyReview { scenario_added: false, ..complete_review() };
    assert_eq!(check(Phase::Emergency, Phase::Primary, with(Some(review)), Tier::Managed), "moved");
}

#[test]
fn the_review_is_part_of_what_is_recorded() {
    let rules = rules(Tier::Autonomous);
    let mut state = State::new();
    put(&mut state, "deployment", Phase::Emergency, at(0), &rules);
    let orders =
        step(&mut state, manual("deployment", Phase::Alternate, Office::IncidentCommander), at(1), &rules).unwrap();
    assert_eq!(changes(&orders), ["deployment emergency alternate"]);
    let standing = state.why(&scope("deployment")).unwrap();
    assert_eq!(
        standing.trigger,
        "manual: poisoned document removed from the intake folder; review: complete; risk owner \
         `chief-information-security-officer`"
    );
    assert_eq!(standing.by.to_string(), "operator:claims-supervisor");
}

#[test]
fn a_phase_is_not_left_while_its_cause_still_stands() {
    let rules = rules(Tier::Managed);
    let mut state = State::new();
    put(&mut state, "agent:a", Phase::Alternate, at(0), &rules);
    put(&mut state, "agent:b", Phase::Alternate, at(0), &rules);
    go(&mut state, Signal::Tick, at(0), &rules);
    let refused = step(&mut state, manual("workflow:w", Phase::Primary, Office::Security), at(1), &rules).unwrap_err();
    assert_eq!(refused.why, "the cause still stands: PACE: 2 agents of the workflow left primary");
    go(&mut state, manual("agent:a", Phase::Primary, Office::Supervisor), at(1), &rules);
    assert_eq!(
        go(&mut state, manual("workflow:w", Phase::Primary, Office::Security), at(1), &rules),
        ["workflow:w contingency primary"]
    );
}

#[test]
fn what_was_explained_no_longer_counts() {
    let rules = rules(Tier::Managed);
    let mut state = State::new();
    for _ in 0..3 {
        go(&mut state, happened("a", Happening::GuardrailBlock), at(0), &rules);
    }
    go(&mut state, manual("agent:a", Phase::Primary, Office::Supervisor), at(1), &rules);
    assert!(go(&mut state, Signal::Tick, at(1), &rules).is_empty());
    assert!(go(&mut state, happened("a", Happening::GuardrailBlock), at(2), &rules).is_empty());
}

#[test]
fn a_hard_stop_that_was_explained_is_not_repeated() {
    let rules = rules(Tier::Autonomous);
    let mut state = State::new();
    for _ in 0..4 {
        go(&mut state, happened("a", attempt(1)), at(0), &rules);
    }
    assert_eq!(
        go(&mut state, manual("workflow:w", Phase::Primary, Office::Security), at(1), &rules),
        ["workflow:w contingency primary"]
    );
    assert!(go(&mut state, Signal::Tick, at(2), &rules).is_empty());
    assert_eq!(state.phase_of(&scope("agent:a")), Phase::Alternate, "the agent has to be released for itself");
}

#[test]
fn nobody_moves_what_does_not_exist_and_a_move_to_where_it_is_does_nothing() {
    let rules = rules(Tier::Managed);
    let mut state = State::new();
    for text in ["agent:nobody", "workflow:nothing"] {
        let refused = step(&mut state, manual(text, Phase::Alternate, Office::Security), at(0), &rules).unwrap_err();
        assert_eq!(refused.why, format!("the deployment has no `{text}`"));
    }
    assert_eq!(step(&mut state, manual("agent:a", Phase::Primary, Office::Operator), at(0), &rules), Ok(vec![]));
    assert_eq!(state, State::new());
}
