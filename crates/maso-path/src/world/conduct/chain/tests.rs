//! That all of it is bounded, and errs on the side of asking.

use maso_core::{HopId, Timestamp};
use uuid::Uuid;

use super::{
    ITEMS_MAX, Task,
    links::Chain,
    step::Undo,
    telling::{Sum, lapsed},
};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn hop(n: u128) -> HopId {
    HopId::from_uuid(Uuid::from_u128(n))
}

fn sum(chain: &Chain, now: i64) -> Sum {
    let mut sum = Sum::default();
    sum.add(chain, at(now));
    sum
}

#[test]
fn of_many_windows_those_that_end_first_are_kept() {
    let mut chain = Chain::default();
    for n in (0..1_000).rev() {
        chain.take(hop(n as u128), "mail:send".to_owned(), Undo::Until(at(n)), at(-1));
    }
    assert!(chain.windows().count() <= 16);
    assert!(lapsed(&sum(&chain, 0)).is_some());
    // Nobody knows of the later ones any more, and none of them is taken for one that still can be undone.
    chain.acknowledge(at(15));
    assert_eq!(chain.windows().count(), 0);
    assert_eq!(chain.n_final(), 16);
}

#[test]
fn a_step_that_is_taken_back_leaves_nothing() {
    let mut chain = Chain::default();
    chain.take(hop(1), "db:wipe".to_owned(), Undo::Never, at(0));
    chain.take(hop(2), "mail:send".to_owned(), Undo::Until(at(9)), at(0));
    chain.give_back(hop(1), true);
    chain.give_back(hop(2), false);
    assert_eq!((chain.n_steps(), chain.n_final(), chain.last_final()), (0, 0, None));
    assert!(!sum(&chain, 100).ends_here() && lapsed(&sum(&chain, 100)).is_none());
}

#[test]
fn items_for_which_there_is_no_room_count_as_one_until_others_are_a_day_old() {
    let mut task = Task::default();
    let item = |n: usize| maso_core::Digest::of(&n.to_le_bytes());
    for n in 0..ITEMS_MAX {
        task.chain_of(Some(item(n)), at(0)).take(hop(0), "db:note".to_owned(), Undo::Always, at(0));
    }
    task.chain_of(Some(item(ITEMS_MAX)), at(1)).take(hop(1), "db:wipe".to_owned(), Undo::Never, at(1));
    assert_eq!(task.items.len(), ITEMS_MAX);
    assert_eq!(task.of_item(item(ITEMS_MAX + 1)).n_final(), 1);
    let day = 24 * 3_600_000;
    task.chain_of(Some(item(ITEMS_MAX + 2)), at(day)).take(hop(2), "db:note".to_owned(), Undo::Always, at(day));
    assert_eq!(task.items.len(), 1);
}
