use std::time::Duration;

use maso_policy::Policies;

use super::{
    ground::{self, Spread},
    pure, temporal,
    times::Times,
};

#[test]
fn quantiles_are_times_that_were_taken() {
    for (n_times, p50_us, p99_us) in
        [(1, 1.0, 1.0), (2, 1.0, 1.0), (3, 2.0, 2.0), (100, 50.0, 99.0), (1000, 500.0, 990.0)]
    {
        let quantiles = Times::of((1..=n_times).rev().map(Duration::from_micros).collect()).unwrap().quantiles();
        assert!((quantiles.p50_us - p50_us).abs() < 1e-9, "{n_times}: {quantiles:?}");
        assert!((quantiles.p99_us - p99_us).abs() < 1e-9, "{n_times}: {quantiles:?}");
    }
    assert!(Times::of(Vec::new()).is_none());
}

#[test]
fn as_many_policies_are_in_force_as_are_said() {
    let mandates_alone = n_in_force(0, Spread::OneConcerns);
    for (n_policies, spread) in [(1, Spread::OneConcerns), (100, Spread::OneConcerns), (100, Spread::AllConcern)] {
        assert_eq!(n_in_force(n_policies, spread), mandates_alone + n_policies);
    }
}

fn n_in_force(n_policies: usize, spread: Spread) -> usize {
    Policies::compile(&ground::deployment(&ground::source_under(n_policies, spread)).unwrap()).unwrap().len()
}

/// The measurement itself refuses to measure a call that is not allowed, by us or by the bare Cedar call.
#[test]
fn the_call_that_is_measured_is_allowed() {
    for spread in [Spread::OneConcerns, Spread::AllConcern] {
        assert_eq!(pure::measure(10, spread, 1).unwrap().n_policies, 10);
    }
}

#[test]
fn the_call_is_allowed_under_temporal_rules_and_one_more_than_they_count_is_not() {
    assert_eq!(temporal::measure(10, 100, 1).unwrap().n_rules, 10);
    assert!(temporal::measure(10, 10_000, 1).is_err());
}

#[test]
fn the_arguments_are_two_kibibytes() {
    let n_bytes = serde_json::to_vec(&ground::arguments()).unwrap().len();
    assert!((2_000..=2_100).contains(&n_bytes), "{n_bytes}");
}
