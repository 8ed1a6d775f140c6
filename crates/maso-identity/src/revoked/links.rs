//! Requests that were revoked, for as long as anything that rests on one could count (IA-2.4).
//!
//! Agents add to them by taking requests back, so they are not kept for ever. What may be forgotten when is decided here, and
//! that nobody is believed again for it: a token has ended by then, and is held to have ended whatever a clock says later.

use std::collections::{HashMap, VecDeque};

use maso_core::{HopId, Timestamp};

use crate::TASK_TOKEN_MS_MAX;

#[derive(Debug)]
pub(super) struct Links {
    /// With when each was revoked, the last time.
    revoked: HashMap<HopId, Timestamp>,
    /// In the order of the record: what to forget next.
    order: VecDeque<(Timestamp, HopId)>,
    // INVARIANT: no token that holds a forgotten request ends after this.
    over: Timestamp,
    kept_ms: u64,
}

impl Default for Links {
    fn default() -> Self {
        Self::keeping(LINK_KEPT_MS)
    }
}

impl Links {
    pub(super) fn keeping(kept_ms: u64) -> Self {
        Self { revoked: HashMap::new(), order: VecDeque::new(), over: Timestamp::from_millis(i64::MIN), kept_ms }
    }

    pub(super) fn add(&mut self, link: HopId, at: Timestamp) {
        self.forget(at);
        self.revoked.insert(link, at);
        self.order.push_back((at, link));
    }

    pub(super) fn remove(&mut self, link: HopId) -> bool {
        self.revoked.remove(&link).is_some()
    }

    pub(super) fn contains(&self, link: HopId) -> bool {
        self.revoked.contains_key(&link)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.revoked.is_empty()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// The moment that no clock is behind of, where it is asked whether a token has ended.
    pub(super) const fn over(&self) -> Timestamp {
        self.over
    }

    fn forget(&mut self, now: Timestamp) {
        while let Some((at, link)) = self.order.front().copied()
            && at.plus_ms(self.kept_ms) <= now
        {
            self.order.pop_front();
            self.over = self.over.max(at.plus_ms(self.kept_ms));
            // What was revoked again since is kept for that.
            if self.revoked.get(&link) == Some(&at) {
                self.revoked.remove(&link);
            }
        }
    }
}

/// How long a revoked request is remembered: it was made before it was revoked, with a token that counted then, and no token
/// counts for longer. Not the deployment's own limit, which the next version may lower while tokens of this one still count. A
/// day more, since a token may begin a little later than it is issued by the clock of whoever reads it.
pub(crate) const LINK_KEPT_MS: u64 = TASK_TOKEN_MS_MAX + 24 * 3_600_000;
