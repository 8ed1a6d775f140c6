//! Which controls there are, which of them are in force, and what switching one off does.

use std::collections::BTreeSet;

use maso_core::{ControlId, Timestamp};

use crate::{Control, ControlKind, Domain, Effect, Needs, Strength, controls::why_it_stays};

#[test]
fn the_catalogue_has_every_control_of_the_framework_once() {
    let ids: BTreeSet<_> = Control::all().map(|control| &control.id).collect();
    assert_eq!((ids.len(), Control::all().count()), (262, 262));
    let count = |tier: u8| Control::all().filter(|control| control.tier.number() == tier).count();
    assert_eq!([count(1), count(2), count(3)], [76, 122, 64]);
    let is_evidence = |control: &&Control| matches!(control.kind, ControlKind::Evidence(_));
    assert_eq!(Control::all().filter(is_evidence).count(), 32);
    let sizes = Domain::all().iter().map(|domain| (domain.code.as_str(), domain.controls.len()));
    let expected = [
        ("PG", 22),
        ("IA", 14),
        ("DP", 15),
        ("EC", 35),
        ("OB", 18),
        ("SC", 13),
        ("PA", 19),
        ("MC", 21),
        ("AT", 25),
        ("OI", 18),
        ("EI", 15),
        ("ENV", 24),
        ("RR", 23),
    ];
    assert_eq!(sizes.collect::<Vec<_>>(), expected);
}

#[test]
fn a_control_is_found_by_its_id_and_stands_in_its_domain() {
    for domain in Domain::all() {
        for control in &domain.controls {
            assert_eq!(Control::of(&control.id), Some(control));
            assert!(
                domain.code == "RR" || control.id.as_str().starts_with(&format!("{}-", domain.code)),
                "{control:?}"
            );
        }
    }
    assert_eq!(Control::of(&ControlId::known("PG-9.9")), None);
}

#[test]
fn what_the_catalogue_says_of_one_control_agrees_with_what_it_says_of_others() {
    for control in Control::all() {
        for namesake in &control.same_as {
            let namesake = Control::of(namesake).unwrap_or_else(|| panic!("{} names no control", control.id));
            assert!(namesake.same_as.is_empty() && control.does.is_none(), "{} leads on", control.id);
        }
        let Some(does) = &control.does else { continue };
        let id = &control.id;
        if let Some(Needs::Control(other)) = &does.needs {
            assert_eq!(Control::of(other).and_then(Control::effect), Some(Effect::Switched), "{id}");
            assert_eq!(does.effect, Effect::Always, "{id}");
        }
        assert!(control.lacks().chars().count() < 74 && !control.lacks().ends_with('.'), "{id}: a short fragment");
        match does.effect {
            Effect::Switched => assert_eq!(why_it_stays(id.as_str()), None, "{id} can be switched off"),
            Effect::Checked => assert_eq!(does.strength, Strength::Detected, "{id} is told, and refuses nothing"),
            Effect::Always => {}
        }
    }
}

#[test]
fn what_cannot_be_switched_off_is_in_force() {
    for control in Control::all().filter(|control| why_it_stays(control.id.as_str()).is_some()) {
        assert!(matches!(control.effect(), Some(Effect::Always | Effect::Checked)), "{}", control.id);
    }
}

#[test]
fn a_deselection_counts_until_its_day_is_over() {
    let mut source = crate::minimal();
    let off = |control: &str, until: &str| {
        format!("[[controls.deselected]]\ncontrol = \"{control}\"\nreason = \"r\"\nowner = \"owner\"\n{until}\n")
    };
    let maso = source.files.get_mut("maso.toml").unwrap();
    *maso += &off("EC-2.12", "until = \"2027-01-01\"");
    *maso += &off("PG-1.2", "");
    *maso += &off("DP-2.1", "until = \"some day\"");
    let deployment = crate::parse(&source).unwrap();
    let off = |now| deployment.switched_off(now).map(|one| one.control.to_string()).collect::<Vec<_>>();
    let midnight = Timestamp::from_millis(1_798_848_000_000); // 2027-01-02T00:00:00Z
    assert_eq!(off(Timestamp::from_millis(midnight.as_millis() - 1)), ["EC-2.12", "PG-1.2"]);
    assert_eq!(off(midnight), ["PG-1.2"]);
    let active = deployment.active_controls(midnight);
    // Without a judge, at Tier 1: what takes a judge is not in force, nor what belongs to Tier 3.
    let in_force = |control: &&Control| {
        let does = control.does.as_ref().filter(|does| does.effect != Effect::Checked);
        does.is_some_and(|does| !matches!(does.needs, Some(Needs::Judge | Needs::Tier)))
    };
    assert_eq!(active.len(), Control::all().filter(in_force).count() - 1);
    assert!(active.contains(&ControlId::known("EC-2.12")) && !active.contains(&ControlId::known("PG-1.2")));
    for (control, now, applies) in [
        ("EC-2.12", Timestamp::from_millis(midnight.as_millis() - 1), false),
        ("EC-2.12", midnight, true),
        ("PG-1.2", midnight, false),
        ("PG-1.1", midnight, true),
    ] {
        assert_eq!(deployment.applies(control, now), applies, "{control} at {now}");
    }
    assert!(deployment.may_apply("EC-2.12") && !deployment.may_apply("PG-1.2"));
}
