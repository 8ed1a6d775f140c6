//! The memory of what was used.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

#[test]
fn an_id_counts_once_per_owner() {
    let nonces = Nonces::new(100);
    assert_eq!(nonces.spend("a", "1", at(60_000), at(0)), Ok(()));
    assert_eq!(nonces.spend("a", "1", at(60_000), at(0)), Err(Spent::Seen));
    assert_eq!(nonces.spend("a", "1", at(90_000), at(0)), Err(Spent::Seen), "another time makes no other id");
    assert_eq!(nonces.spend("b", "1", at(60_000), at(0)), Ok(()));
    assert_eq!(nonces.spend("a", "2", at(60_000), at(0)), Ok(()));
}

#[test]
fn what_can_come_no_more_is_forgotten() {
    let nonces = Nonces::new(100);
    nonces.spend("a", "1", at(60_000), at(0)).unwrap();
    assert_eq!(nonces.spend("a", "1", at(60_000), at(60_000)), Err(Spent::Seen), "still fresh at its last moment");
    nonces.spend("a", "2", at(200_000), at(62_000)).unwrap();
    assert_eq!(nonces.n_remembered(), 1);
}

#[test]
fn a_caller_with_an_older_clock_cannot_use_what_was_forgotten() {
    let nonces = Nonces::new(100);
    nonces.spend("a", "1", at(60_000), at(0)).unwrap();
    nonces.spend("a", "2", at(200_000), at(62_000)).unwrap();
    assert_eq!(nonces.spend("a", "1", at(60_000), at(59_000)), Err(Spent::Late));
}

#[test]
fn a_full_table_accepts_nothing_until_something_ends() {
    let nonces = Nonces::new(4);
    for owner in ["a", "b", "c", "d"] {
        nonces.spend(owner, "1", at(60_000), at(0)).unwrap();
    }
    assert_eq!(nonces.spend("e", "1", at(60_000), at(0)), Err(Spent::Full));
    assert_eq!(nonces.spend("a", "1", at(60_000), at(0)), Err(Spent::Seen));
    assert_eq!(nonces.spend("e", "1", at(120_000), at(62_000)), Ok(()));
    assert_eq!(Nonces::new(0).spend("a", "1", at(1), at(0)), Err(Spent::Full));
}

#[test]
fn one_owner_cannot_take_it_all() {
    let nonces = Nonces::new(8);
    nonces.spend("noisy", "1", at(60_000), at(0)).unwrap();
    nonces.spend("noisy", "2", at(60_000), at(0)).unwrap();
    assert_eq!(nonces.spend("noisy", "3", at(60_000), at(0)), Err(Spent::ShareUsed));
    assert_eq!(nonces.spend("quiet", "1", at(60_000), at(0)), Ok(()));
    assert_eq!(nonces.spend("noisy", "3", at(120_000), at(62_000)), Ok(()), "its share comes back");
}

#[test]
fn of_many_threads_one_is_first() {
    let nonces = Nonces::new(10_000);
    let n_accepted: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    (0..200).filter(|id| nonces.spend("a", &id.to_string(), at(60_000), at(0)).is_ok()).count()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(n_accepted, 200);
}

proptest! {
    #[test]
    fn nothing_is_accepted_twice_while_its_time_lasts(
        steps in prop::collection::vec((0_u8..6, 0_i64..5_000, 0_i64..200_000), 1..60),
    ) {
        let nonces = Nonces::new(1_000);
        let mut accepted = HashSet::new();
        for (id, window_ms, now) in steps {
            let until = at(now + window_ms);
            if nonces.spend("a", &id.to_string(), until, at(now)).is_ok() {
                // The same id may come again only once everything that carried it before has ended.
                let again = accepted.iter().any(|(seen, seen_until): &(u8, i64)| *seen == id && *seen_until >= now);
                prop_assert!(!again, "id {} twice", id);
                accepted.insert((id, until.as_millis()));
            }
        }
    }
}
