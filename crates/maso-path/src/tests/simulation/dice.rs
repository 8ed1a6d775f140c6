//! Chance that happens again: one seed, one history.

use std::sync::atomic::{AtomicU64, Ordering};

use maso_core::{HopId, TaskId, TicketId};
use uuid::{Builder, Uuid};

use crate::Ids;

/// A sequence of numbers that looks like chance (splitmix64).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.roll() % n as u64).unwrap()
    }

    /// True once in `n` times.
    pub fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn one_of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }

    /// One of the choices, each as often as its weight says.
    pub fn weighted<T: Copy>(&mut self, choices: &[(usize, T)]) -> T {
        let mut left = self.below(choices.iter().map(|(weight, _)| weight).sum());
        for (weight, choice) in choices {
            if left < *weight {
                return *choice;
            }
            left -= weight;
        }
        unreachable!("the weights are what they were a line above")
    }
}

/// Ids in the order in which they were asked for.
#[derive(Debug, Default)]
pub struct CountedIds(AtomicU64);

impl CountedIds {
    fn next(&self) -> Uuid {
        let count = u128::from(self.0.fetch_add(1, Ordering::SeqCst) + 1);
        Builder::from_custom_bytes((count << 64).to_be_bytes()).into_uuid()
    }
}

impl Ids for CountedIds {
    fn hop(&self) -> HopId {
        HopId::from_uuid(self.next())
    }

    fn task(&self) -> TaskId {
        TaskId::from_uuid(self.next())
    }

    fn ticket(&self) -> TicketId {
        TicketId::from_uuid(self.next())
    }

    fn secret(&self) -> Option<[u8; 32]> {
        Some(*maso_core::Digest::of(self.next().as_bytes()).as_bytes())
    }
}
