//! A sum that can be asked for as a whole, or for the last day.

use std::collections::VecDeque;

use maso_core::Timestamp;

/// A sum over time, in bounded space.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Spent {
    all: u64,
    /// By the hour, oldest first.
    hours: VecDeque<(i64, u64)>,
}

impl Spent {
    pub(super) fn is_empty(&self) -> bool {
        self.all == 0
    }

    pub(super) fn count(&mut self, at: Timestamp, n: u64) {
        self.all = self.all.saturating_add(n);
        let hour = hour_of(at);
        // A clock that was set back counts into the last hour, so that the hours stay in order.
        match self.hours.back_mut().filter(|(last, _)| *last >= hour) {
            Some((_, sum)) => *sum = sum.saturating_add(n),
            None => self.hours.push_back((hour, n)),
        }
        while self.hours.len() > HOURS_MAX {
            self.hours.pop_front();
        }
    }

    /// All of it, or that of the day before `now`.
    pub(super) fn sum(&self, is_day: bool, now: Timestamp) -> u64 {
        if !is_day {
            return self.all;
        }
        let since = hour_of(now) - DAY_HOURS;
        let counting = self.hours.iter().filter(|(hour, _)| *hour >= since);
        counting.fold(0, |sum, (_, n)| sum.saturating_add(*n))
    }
}

fn hour_of(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(3_600_000)
}

/// The hour that is only partly gone must not let what was counted in it go early.
const DAY_HOURS: i64 = 24;
const HOURS_MAX: usize = DAY_HOURS as usize + 1;
