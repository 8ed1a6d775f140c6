//! What is counted of one agent, in bounded space.

use std::collections::VecDeque;

use maso_core::{TaskId, Timestamp};

use crate::{
    PlanAttemptsMax, Rules,
    order::Period,
    rules::{DAY_MS, MINUTE_MS},
    signal::Happening,
};

/// Whether an agent may make one more call (EC-1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// It may.
    Within {
        /// How many calls are left in this hour.
        n_left: u32,
    },
    /// Its hour is used up.
    Exhausted {
        /// When the oldest calls stop counting.
        retry_after_ms: u64,
    },
}

/// What is counted of one agent, in bounded space.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    guardrail_blocks: VecDeque<Timestamp>,
    judge_blocks: VecDeque<Timestamp>,
    plan_attempts: VecDeque<(Timestamp, TaskId)>,
    entries: VecDeque<Timestamp>,
    hard_stops: HardStops,
    context_warning: Option<u8>,
    contract_broken: bool,
    calls: Calls,
}

/// What of an agent stops its workflow at once, until a person ends that (AT-1.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HardStops {
    pub(crate) limit_breached: bool,
    pub(crate) sequence_violated: bool,
    pub(crate) failed: bool,
    pub(crate) substituted: bool,
}

impl HardStops {
    /// Whether there is one.
    pub(crate) fn any(self) -> bool {
        self != Self::default()
    }
}

impl Counters {
    /// Counts one happening.
    pub(crate) fn note(&mut self, what: &Happening, now: Timestamp, rules: &Rules, accepted: PlanAttemptsMax) {
        match what {
            Happening::GuardrailBlock => push(&mut self.guardrail_blocks, now, bound(rules.breaker_blocks_max)),
            Happening::JudgeBlock => push(&mut self.judge_blocks, now, past(rules.judge_blocks_max)),
            Happening::PlanAttempt { task, .. } => {
                self.plan_attempts.retain(|(at, _)| now.since_ms(*at) <= 30 * DAY_MS);
                let most = accepted.single_session.max(accepted.rolling_7day).max(accepted.rolling_30day);
                push(&mut self.plan_attempts, (now, *task), past(most));
            }
            Happening::LimitBreach => self.hard_stops.limit_breached = true,
            Happening::SequenceViolation => self.hard_stops.sequence_violated = true,
            Happening::AgentFailed => self.hard_stops.failed = true,
            Happening::CreativeSubstitution => self.hard_stops.substituted = true,
            Happening::ContextWarning { percent } => self.context_warning = Some(*percent),
            Happening::ContractBreach => {
                push(&mut self.guardrail_blocks, now, bound(rules.breaker_blocks_max));
                self.contract_broken = true;
            }
            Happening::Call => self.calls.count(now),
        }
    }

    /// Notes that the agent entered Alternate.
    pub(crate) fn entered_alternate(&mut self, now: Timestamp, rules: &Rules) {
        push(&mut self.entries, now, past(rules.cycles_max));
    }

    /// Forgets what isolated the agent: a person ended that, and its cause is explained.
    pub(crate) fn absolve_agent(&mut self) {
        self.guardrail_blocks.clear();
        self.judge_blocks.clear();
        self.plan_attempts.clear();
        self.context_warning = None;
        self.contract_broken = false;
    }

    /// Forgets what stopped the agent's workflow: a person ended that, and its cause is explained.
    pub(crate) fn absolve_workflow(&mut self) {
        self.plan_attempts.clear();
        self.entries.clear();
        self.hard_stops = HardStops::default();
    }

    pub(crate) fn n_guardrail_blocks(&self, now: Timestamp, rules: &Rules) -> u32 {
        within(&self.guardrail_blocks, now, rules.breaker_window_ms)
    }

    /// Whether it broke a contract and no person has looked at it since.
    pub(crate) fn has_broken_contract(&self) -> bool {
        self.contract_broken
    }

    pub(crate) fn n_judge_blocks(&self, now: Timestamp, rules: &Rules) -> u32 {
        within(&self.judge_blocks, now, rules.breaker_window_ms)
    }

    pub(crate) fn n_entries_in_day(&self, now: Timestamp) -> u32 {
        within(&self.entries, now, DAY_MS)
    }

    pub(crate) fn n_plan_attempts_in_month(&self, now: Timestamp) -> u32 {
        self.n_plan_attempts(now, 30 * DAY_MS)
    }

    /// The first threshold of plan attempts that is passed: how many there were, how many are accepted, within what.
    pub(crate) fn plan_attempts_over(&self, now: Timestamp, accepted: PlanAttemptsMax) -> Option<(u32, u32, Period)> {
        let in_task = self.plan_attempts.back().map_or(0, |(_, latest)| {
            count(self.plan_attempts.iter().filter(|(at, task)| task == latest && now.since_ms(*at) <= 30 * DAY_MS))
        });
        [
            (in_task, accepted.single_session, Period::Task),
            (self.n_plan_attempts(now, 7 * DAY_MS), accepted.rolling_7day, Period::Week),
            (self.n_plan_attempts(now, 30 * DAY_MS), accepted.rolling_30day, Period::Month),
        ]
        .into_iter()
        .map(|(n, most, period)| (n, most.min(KEPT_MAX - 1), period))
        .find(|(n, most, _)| n > most)
    }

    pub(crate) fn hard_stops(&self) -> HardStops {
        self.hard_stops
    }

    /// How full its context was when it passed the warning, unless a person has let it go on since.
    pub(crate) fn context_warning(&self) -> Option<u8> {
        self.context_warning
    }

    pub(crate) fn calls(&self) -> &Calls {
        &self.calls
    }

    fn n_plan_attempts(&self, now: Timestamp, window_ms: u64) -> u32 {
        count(self.plan_attempts.iter().filter(|(at, _)| now.since_ms(*at) <= window_ms))
    }
}

/// Calls of the last hour, in buckets of one minute: the cost of counting does not grow with the rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Calls {
    buckets: [Bucket; BUCKETS],
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Bucket {
    minute: i64,
    n_calls: u32,
}

impl Default for Calls {
    fn default() -> Self {
        Self { buckets: [Bucket::default(); BUCKETS] }
    }
}

impl Calls {
    fn count(&mut self, now: Timestamp) {
        let minute = minute_of(now);
        let bucket = &mut self.buckets[minute.rem_euclid(BUCKETS as i64) as usize];
        if bucket.minute == minute {
            bucket.n_calls = bucket.n_calls.saturating_add(1);
        } else {
            *bucket = Bucket { minute, n_calls: 1 };
        }
    }

    /// Calls that still count. Minutes that lie ahead count too, so that a clock set back frees nobody.
    pub(crate) fn in_hour(&self, now: Timestamp) -> u32 {
        self.counting(now).fold(0, |sum, bucket| sum.saturating_add(bucket.n_calls))
    }

    pub(crate) fn rate(&self, now: Timestamp, most: u32) -> Rate {
        let n_calls = self.in_hour(now);
        if n_calls < most {
            return Rate::Within { n_left: most - n_calls };
        }
        let oldest = self.counting(now).map(|bucket| bucket.minute).min().unwrap_or_else(|| minute_of(now));
        let free_at = Timestamp::from_millis(oldest.saturating_add(BUCKETS as i64).saturating_mul(MINUTE_MS as i64));
        Rate::Exhausted { retry_after_ms: free_at.since_ms(now) }
    }

    fn counting(&self, now: Timestamp) -> impl Iterator<Item = &Bucket> {
        let first = minute_of(now) - (BUCKETS as i64 - 1);
        self.buckets.iter().filter(move |bucket| bucket.n_calls > 0 && bucket.minute >= first)
    }
}

fn minute_of(now: Timestamp) -> i64 {
    now.as_millis().div_euclid(MINUTE_MS as i64)
}

/// Appends, and forgets the oldest beyond `kept`.
fn push<T>(list: &mut VecDeque<T>, item: T, kept: usize) {
    list.push_back(item);
    while list.len() > kept {
        list.pop_front();
    }
}

fn within(list: &VecDeque<Timestamp>, now: Timestamp, window_ms: u64) -> u32 {
    count(list.iter().filter(|at| now.since_ms(**at) <= window_ms))
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}

/// How many to keep to see that a bound was reached.
pub(crate) fn bound(most: u32) -> usize {
    most.clamp(1, KEPT_MAX) as usize
}

/// How many to keep to see that a bound was passed.
fn past(most: u32) -> usize {
    bound(most.saturating_add(1))
}

/// No list of an agent grows longer; a larger threshold counts as this one.
pub(crate) const KEPT_MAX: u32 = 4096;

/// One more than an hour has minutes: the minute that is only partly gone must not let its calls go early.
const BUCKETS: usize = 61;
