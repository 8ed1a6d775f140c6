//! How each control stands in a deployment.

use super::{edit, team};
use crate::{ControlState, Source, minimal};
use maso_core::{ControlId, Day, Timestamp};

/// The state of a control on a day, and why.
fn state(source: &Source, control: &str, day: &str) -> (&'static str, String) {
    let deployment = crate::parse(source).unwrap_or_else(|problems| panic!("{problems}"));
    let now: Timestamp = day.parse::<Day>().unwrap().begins();
    let control: ControlId = control.parse().unwrap();
    let found = deployment.applicability(now).find(|one| one.control.id == control).unwrap();
    (found.state.as_str(), found.reason().into_owned())
}

fn check(source: &Source, rows: &[(&str, &str, &str)]) {
    for (control, expected, why) in rows {
        let (found, reason) = state(source, control, "2026-11-20");
        assert_eq!(&found, expected, "{control}: {reason}");
        assert!(reason.contains(why), "{control}: {reason}");
    }
}

/// The source with something attested.
fn attested(mut source: Source, control: &str, by: &str, on: &str, due: &str) -> Source {
    let text =
        format!("control = \"{control}\"\nwhat = \"looked at {on}\"\nby = \"{by}\"\non = \"{on}\"\ndue = \"{due}\"\n");
    source.files.insert(format!("evidence/{on}.toml"), text);
    source
}

#[test]
fn each_control_stands_as_this_version_and_the_declaration_say() {
    check(
        &team(),
        &[
            ("EC-1.1", "enforced", ""),
            ("EC-2.5", "enforced", ""),
            ("AT-1.6", "detected", "SIEM"),
            ("EC-1.3", "enforced", "all alike"),
            ("OI-1.5", "detected", "maso check"),
            ("EC-2.12", "deselected", "no images"),
            ("EC-3.2", "not-applicable", "tier 3"),
            ("EC-3.1", "not-applicable", "tier 3"),
            ("EC-2.2", "not-applicable", "no tool here runs"),
            ("OI-2.6", "missing", "it takes judges"),
            ("AT-1.3", "enforced", ""),
            ("SC-1.1", "missing", "due monthly"),
            ("OB-1.3", "missing", "due weekly"),
        ],
    );
}

#[test]
fn what_takes_a_judge_or_a_tier_is_in_force_with_it() {
    check(&minimal(), &[("EC-2.5", "not-applicable", "tier 2"), ("PA-1.3", "not-applicable", "a judge")]);
    let mut without = team();
    without.files.remove("judges/tactical.toml");
    check(&without, &[("EC-2.5", "missing", "no judge"), ("PA-1.3", "missing", "no judge")]);
    check(&edit(team(), "maso.toml", "tier = 2", "tier = 3"), &[("EC-3.2", "enforced", ""), ("EC-3.1", "missing", "")]);
}

#[test]
fn what_runs_code_asks_for_a_box_to_run_it_in() {
    let runs = edit(team(), "tools/db.toml", "class = \"delete\"", "class = \"execute\"");
    check(&runs, &[("EC-2.2", "missing", "this version does nothing")]);
}

#[test]
fn where_nobody_has_to_sign_a_change_is_told_and_not_prevented() {
    let told = ("detected", "nobody has to sign");
    check(&minimal(), &[("AT-1.3", told.0, told.1), ("AT-2.10", told.0, told.1), ("OI-1.3", "enforced", "")]);
}

#[test]
fn a_deselection_shows_wherever_it_switches_something_off() {
    let off = |control: &str| edit(team(), "maso.toml", "control = \"EC-2.12\"", &format!("control = \"{control}\""));
    check(&off("DP-1.1"), &[("DP-1.1", "deselected", "no images"), ("PG-1.4", "deselected", "with DP-1.1")]);
    check(&off("SC-2.2"), &[("SC-2.4", "deselected", "with SC-2.2")]);
    // What this version does nothing about can be answered for all the same; what is checked goes on to be.
    check(&off("EC-2.2"), &[("EC-2.2", "deselected", "no images"), ("EC-2.12", "enforced", "")]);
    check(&off("PG-2.9"), &[("PG-2.9", "detected", "maso check")]);
    assert_eq!(state(&team(), "EC-2.12", "2027-01-01").0, "deselected");
    assert_eq!(state(&team(), "EC-2.12", "2027-01-02").0, "enforced");
}

#[test]
fn evidence_counts_until_it_is_due() {
    let weekly = |due: &str| attested(team(), "OB-1.3", "supervisor", "2026-11-20", due);
    let on = |source: &Source, day: &str| state(source, "OB-1.3", day);
    assert_eq!(on(&weekly("2026-11-24"), "2026-11-19").0, "missing");
    assert_eq!(on(&weekly("2026-11-24"), "2026-11-24"), ("evidence", "looked at 2026-11-20".to_owned()));
    let overdue = "attested by supervisor on 2026-11-20, overdue since 2026-11-24";
    assert_eq!(on(&weekly("2026-11-24"), "2026-11-25"), ("missing", overdue.to_owned()));
    // Written as it may be, it counts no longer than the framework asks for.
    assert_eq!(on(&weekly("2030-01-01"), "2026-11-27").0, "evidence");
    assert_eq!(on(&weekly("2030-01-01"), "2026-11-28").0, "missing");
    let renewed = attested(weekly("2026-11-24"), "OB-1.3", "supervisor", "2026-11-25", "2026-12-02");
    assert_eq!(on(&renewed, "2026-11-25"), ("evidence", "looked at 2026-11-25".to_owned()));
    // A person may also attest what a runtime could do, and a control of a higher tier.
    for control in ["EC-2.2", "EC-3.1"] {
        let source = attested(team(), control, "supervisor", "2026-11-20", "2027-11-20");
        assert_eq!(state(&source, control, "2026-12-20").0, "evidence", "{control}");
    }
}

#[test]
fn a_control_stands_as_the_one_that_asks_for_the_same() {
    check(
        &team(),
        &[
            ("EP-C03", "enforced", "the same as PG-2.5"),
            ("EP-C02", "detected", "the same as PG-2.9"),
            ("SM-C01", "missing", "this version does nothing"),
        ],
    );
    let off = edit(team(), "maso.toml", "control = \"EC-2.12\"", "control = \"PG-2.5\"");
    let off = edit(off, "maso.toml", "selected = [\"PG-2.5\"]", "selected = []");
    check(&off, &[("EP-C03", "deselected", "with PG-2.5: no images")]);
}

#[test]
fn every_state_has_a_word_of_its_own() {
    let deployment = crate::parse(&team()).unwrap();
    let now = "2026-11-20".parse::<Day>().unwrap().begins();
    for one in deployment.applicability(now) {
        assert!(ControlState::WORDS.contains(&one.state.as_str()));
    }
    assert_eq!(deployment.applicability(now).count(), 262);
}
