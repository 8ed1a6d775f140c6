//! What was released and has not ended yet, by its hop.

use std::collections::{HashMap, VecDeque};

use maso_core::HopId;

/// Something for each hop that is awaited, bounded: the oldest go, such as those of a process that was killed.
#[derive(Debug)]
pub(super) struct Awaiting<T> {
    known: HashMap<HopId, T>,
    order: VecDeque<HopId>,
}

impl<T> Default for Awaiting<T> {
    fn default() -> Self {
        Self { known: HashMap::new(), order: VecDeque::new() }
    }
}

impl<T> Awaiting<T> {
    pub(super) fn insert(&mut self, hop: HopId, what: T) {
        self.known.insert(hop, what);
        self.order.push_back(hop);
        // Most have ended long before; what is left of them in the order goes first.
        while self.order.front().is_some_and(|first| self.order.len() > AWAITED_MAX || !self.known.contains_key(first))
        {
            self.order.pop_front().and_then(|first| self.known.remove(&first));
        }
    }

    pub(super) fn get(&self, hop: HopId) -> Option<&T> {
        self.known.get(&hop)
    }

    pub(super) fn remove(&mut self, hop: HopId) -> Option<T> {
        self.known.remove(&hop)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = (&HopId, &T)> {
        self.known.iter()
    }
}

const AWAITED_MAX: usize = 16_384;
