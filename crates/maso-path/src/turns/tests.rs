//! Turns are taken task by task.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use futures::FutureExt as _;
use maso_core::TaskId;
use uuid::Uuid;

use super::{RUNNING_MAX, TASKS_MAX, Turns};

fn task(number: usize) -> TaskId {
    TaskId::from_uuid(Uuid::from_u128(number as u128))
}

#[tokio::test]
async fn a_turn_keeps_its_own_task_waiting_and_no_other() {
    let turns = Turns::default();
    let turn = turns.of(task(1)).await.unwrap();
    let mut next = Box::pin(turns.of(task(1)));
    assert!((&mut next).now_or_never().is_none());
    assert!(turns.of(task(2)).now_or_never().flatten().is_some());
    drop(turn);
    assert!(next.now_or_never().flatten().is_some());
}

#[tokio::test]
async fn so_many_turns_run_and_one_more_waits() {
    let turns = Turns::default();
    let mut running = Vec::new();
    for number in 0..RUNNING_MAX {
        running.push(turns.of(task(number)).await.unwrap());
    }
    let mut next = Box::pin(turns.of(task(RUNNING_MAX)));
    assert!((&mut next).now_or_never().is_none());
    running.pop();
    assert!(next.now_or_never().flatten().is_some());
}

#[test]
fn so_many_tasks_take_turns_and_one_more_is_turned_away_until_one_has_ended() {
    let turns = Turns::default();
    let mut queues: Vec<_> = (0..TASKS_MAX).map(|number| turns.queue_of(task(number)).unwrap()).collect();
    assert!(turns.queue_of(task(TASKS_MAX)).is_none());
    assert!(turns.queue_of(task(0)).is_some());
    queues.pop();
    assert!(turns.queue_of(task(TASKS_MAX)).is_some());
}
