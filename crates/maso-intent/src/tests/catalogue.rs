//! Which controls there are, which of them are in force, and what switching one off does.

use std::collections::BTreeSet;

use maso_core::{ControlId, Timestamp};

use crate::{Effect, catalogue::SWITCHED, controls::why_it_stays};

/// The ids in the first column of the tables of `docs/controls.md` that name a place and a test.
fn documented() -> BTreeSet<String> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/controls.md");
    let text = std::fs::read_to_string(path).unwrap();
    // Those of what, where and which test; another says which of them stay.
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ")).filter(|row| row.split(" | ").count() == 4);
    let cells = rows.filter_map(|row| row.split(" | ").next());
    let words = cells.flat_map(|cell| cell.split([' ', ',']));
    words
        .filter(|word| word.parse::<ControlId>().is_ok_and(|id| Effect::of(&id).is_some()))
        .map(str::to_owned)
        .collect()
}

#[test]
fn what_is_said_to_be_in_force_is_what_the_documentation_shows_a_test_of() {
    assert_eq!(documented(), Effect::in_force().map(str::to_owned).collect());
}

#[test]
fn the_lists_agree() {
    let catalogue: BTreeSet<_> = Effect::catalogue().collect();
    assert_eq!(catalogue.len(), 262);
    assert!(Effect::in_force().all(|id| catalogue.contains(id)));
    let in_force: BTreeSet<_> = Effect::in_force().collect();
    assert!(SWITCHED.split_whitespace().all(|id| in_force.contains(id) && why_it_stays(id).is_none()));
    assert!(catalogue.iter().all(|id| id.parse::<ControlId>().is_ok()));
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
    assert_eq!(active.len(), Effect::in_force().count() - 1);
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
