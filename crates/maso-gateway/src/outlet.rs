//! What is on its way to a client: frames in order, bounded, and kept a while for a client that comes back for them.

use std::collections::VecDeque;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::watch;

/// Frames to one client, in order.
pub(crate) struct Outlet {
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

struct State {
    frames: VecDeque<Queued>,
    next: u64,
    /// The highest number that a reader took, plus one.
    taken: u64,
    bytes: usize,
    closed: bool,
}

struct Queued {
    number: u64,
    frame: Bytes,
    weight: Weight,
}

/// Whether a frame may be lost when a client does not keep up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    /// A notification: it may.
    May,
    /// An answer or a question: it must arrive. How many there are is bounded by how many calls are under way.
    Must,
}

impl Outlet {
    pub(crate) fn new() -> Self {
        let state = State { frames: VecDeque::new(), next: 0, taken: 0, bytes: 0, closed: false };
        Self { state: Mutex::new(state), changed: watch::Sender::new(()) }
    }

    /// Queues a frame. Past the limits what was taken already goes first, then the oldest that may be lost.
    pub(crate) fn push(&self, frame: impl Into<Bytes>, weight: Weight) {
        self.queue(frame.into(), weight, false);
    }

    /// Queues the last frame.
    pub(crate) fn push_last(&self, frame: impl Into<Bytes>) {
        self.queue(frame.into(), Weight::Must, true);
    }

    fn queue(&self, frame: Bytes, weight: Weight, last: bool) {
        {
            let mut state = self.state.lock();
            if state.closed {
                return;
            }
            let number = state.next;
            state.next += 1;
            state.bytes += frame.len();
            state.frames.push_back(Queued { number, frame, weight });
            state.closed = last;
            while state.frames.len() > FRAMES_MAX || state.bytes > BYTES_MAX {
                let taken = state.taken;
                let oldest =
                    state.frames.iter().position(|queued| queued.number < taken || queued.weight == Weight::May);
                let Some(lost) = oldest.and_then(|index| state.frames.remove(index)) else { break };
                state.bytes -= lost.frame.len();
            }
        }
        self.changed.send_replace(());
    }

    /// Nothing more will be queued.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.changed.send_replace(());
    }

    /// Whether this frame was the first and the last.
    pub(crate) fn is_all(&self, number: u64) -> bool {
        let state = self.state.lock();
        state.closed && number == 0 && state.next == 1
    }

    /// The number of the first frame that no reader took.
    pub(crate) fn first_untaken(&self) -> u64 {
        self.state.lock().taken
    }

    /// The first frame numbered `from` or later, waiting for it; `None` when there will be none.
    pub(crate) async fn next(&self, from: u64) -> Option<(u64, Bytes)> {
        let mut changed = self.changed.subscribe();
        loop {
            {
                let mut state = self.state.lock();
                let found = state.frames.iter().find(|queued| queued.number >= from);
                if let Some((number, frame)) = found.map(|queued| (queued.number, queued.frame.clone())) {
                    state.taken = state.taken.max(number + 1);
                    return Some((number, frame));
                }
                if state.closed {
                    return None;
                }
            }
            // The sender lives as long as `self`.
            changed.changed().await.ok()?;
        }
    }
}

const FRAMES_MAX: usize = 512;
const BYTES_MAX: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frames_come_in_order_and_again() {
        let outlet = Outlet::new();
        outlet.push("a", Weight::May);
        outlet.push("b", Weight::Must);
        outlet.close();
        outlet.push("late", Weight::Must);
        assert_eq!(outlet.next(0).await, Some((0, Bytes::from("a"))));
        assert_eq!(outlet.next(1).await, Some((1, Bytes::from("b"))));
        assert_eq!(outlet.next(2).await, None);
        assert_eq!(outlet.next(1).await, Some((1, Bytes::from("b"))));
    }

    #[tokio::test]
    async fn only_notifications_are_lost() {
        let outlet = Outlet::new();
        outlet.push("answer", Weight::Must);
        for _ in 0..FRAMES_MAX * 2 {
            outlet.push("note", Weight::May);
        }
        assert_eq!(outlet.next(0).await, Some((0, Bytes::from("answer"))));
        assert!(outlet.state.lock().frames.len() <= FRAMES_MAX);
    }
}
