//! Where entries wait to be written.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::{LogFault, writer::Group};

/// A queue whose writer sleeps as long as it can.
///
/// Waking a thread costs more than most entries do. An entry that nobody waits for wakes nobody: the writer looks here
/// at regular times anyway, and takes along what it finds. Bounded by the places of the recorder, of which each group
/// holds one.
#[derive(Debug)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    woken: Condvar,
    /// Entries of one commit.
    batch_max: usize,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<Group>,
    /// How many of them somebody waits for.
    n_awaited: usize,
    closed: bool,
    /// Nothing is written any more.
    ended: bool,
}

/// Whether anything more will come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    Open,
    Closed,
}

impl Inbox {
    pub(crate) fn new(batch_max: usize) -> Self {
        Self { state: Mutex::default(), woken: Condvar::new(), batch_max: batch_max.max(1) }
    }

    /// Queues a group.
    ///
    /// # Errors
    /// When nothing is written any more.
    pub(crate) fn push(&self, group: Group) -> Result<(), LogFault> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(LogFault::Stopped);
        }
        state.n_awaited += usize::from(group.is_awaited());
        state.waiting.push(group);
        Ok(())
    }

    /// Wakes the writer if somebody waits, or if there is enough for a commit.
    pub(crate) fn wake(&self) {
        let is_due = self.state.lock().is_due(self.batch_max);
        if is_due {
            self.woken.notify_one();
        }
    }

    /// Sleeps until there is something to do, for up to `look_after`.
    pub(crate) fn sleep(&self, look_after: Duration) -> Door {
        let deadline = Instant::now() + look_after;
        let mut state = self.state.lock();
        while !state.closed && !state.is_due(self.batch_max) {
            if self.woken.wait_until(&mut state, deadline).timed_out() {
                break;
            }
        }
        if state.closed { Door::Closed } else { Door::Open }
    }

    /// What is to be written together, in the order in which it came. Nothing is written together with something before
    /// it that may overtake it.
    pub(crate) fn take(&self) -> Vec<Group> {
        let mut state = self.state.lock();
        let overtaking = state.waiting.iter().position(Group::may_overtake);
        let n_together = overtaking.map_or(state.waiting.len(), |index| index + 1);
        let n_taken = n_together.min(self.batch_max);
        let later = state.waiting.split_off(n_taken);
        let batch = std::mem::replace(&mut state.waiting, later);
        state.n_awaited -= n_awaited(&batch);
        batch
    }

    /// Puts back what was taken and could not be written now; it comes before what came meanwhile.
    pub(crate) fn put_back(&self, mut batch: Vec<Group>) {
        let mut state = self.state.lock();
        if state.ended {
            return;
        }
        state.n_awaited += n_awaited(&batch);
        batch.append(&mut state.waiting);
        state.waiting = batch;
    }

    /// Nothing more will come.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.woken.notify_one();
    }

    /// Nothing is written any more. What waits goes, and whoever waits for it learns it from that.
    pub(crate) fn end(&self) {
        self.close();
        drop(self.take_all());
    }

    fn take_all(&self) -> Vec<Group> {
        let mut state = self.state.lock();
        state.ended = true;
        state.n_awaited = 0;
        std::mem::take(&mut state.waiting)
    }
}

impl State {
    fn is_due(&self, batch_max: usize) -> bool {
        self.n_awaited > 0 || self.waiting.len() >= batch_max
    }
}

fn n_awaited(groups: &[Group]) -> usize {
    groups.iter().filter(|group| group.is_awaited()).count()
}
