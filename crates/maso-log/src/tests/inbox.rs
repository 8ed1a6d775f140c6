use std::{sync::Arc, time::Duration};

use tokio::sync::{Semaphore, oneshot};

use crate::{
    inbox::{Door, Inbox},
    writer::{Group, Reply},
};

/// So long that a test which had to wait for it would not end.
const NEVER: Duration = Duration::from_secs(3600);

fn group(reply: Option<Reply>) -> Group {
    let places = Arc::new(Semaphore::new(1));
    Group { lines: Vec::new(), payload: None, guard: None, reply, place: places.try_acquire_owned().unwrap() }
}

fn awaited() -> Group {
    group(Some(oneshot::channel().0))
}

fn taken(inbox: &Inbox) -> Vec<bool> {
    inbox.take().iter().map(Group::is_awaited).collect()
}

#[test]
fn whoever_waits_wakes_the_writer_and_takes_the_rest_along_in_order() {
    let inbox = Arc::new(Inbox::new(8));
    let writer = {
        let inbox = Arc::clone(&inbox);
        std::thread::spawn(move || (inbox.sleep(NEVER), taken(&inbox)))
    };
    for group in [group(None), awaited(), group(None)] {
        inbox.push(group).unwrap();
    }
    inbox.wake();
    assert_eq!(writer.join().unwrap(), (Door::Open, vec![false, true, false]));
}

#[test]
fn what_nobody_waits_for_is_found_when_the_writer_looks() {
    let inbox = Inbox::new(8);
    inbox.push(group(None)).unwrap();
    inbox.wake();
    assert_eq!(inbox.sleep(Duration::ZERO), Door::Open);
    assert_eq!(taken(&inbox), [false]);
}

#[test]
fn a_batch_is_bounded_and_as_much_as_one_wakes_the_writer() {
    let inbox = Inbox::new(2);
    for _ in 0..5 {
        inbox.push(group(None)).unwrap();
    }
    assert_eq!(inbox.sleep(NEVER), Door::Open);
    assert_eq!([taken(&inbox).len(), taken(&inbox).len(), taken(&inbox).len(), taken(&inbox).len()], [2, 2, 1, 0]);
}

#[test]
fn what_could_not_be_written_comes_first_again() {
    let inbox = Inbox::new(8);
    inbox.push(awaited()).unwrap();
    let batch = inbox.take();
    inbox.push(group(None)).unwrap();
    inbox.put_back(batch);
    assert_eq!(inbox.sleep(NEVER), Door::Open);
    assert_eq!(taken(&inbox), [true, false]);
}

#[test]
fn the_writer_wakes_when_nothing_more_will_come() {
    let inbox = Inbox::new(8);
    inbox.close();
    assert_eq!(inbox.sleep(NEVER), Door::Closed);
}

#[test]
fn what_a_writer_that_ended_did_not_take_is_told_to_whoever_waits() {
    let inbox = Inbox::new(8);
    let (reply, mut answer) = oneshot::channel();
    inbox.push(group(Some(reply))).unwrap();
    inbox.end();
    assert!(answer.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Closed));
    assert!(inbox.push(awaited()).is_err());
}
