//! What each task has done so far, against the hard limits of its workflow's mandate (AT-1.7): transactions, and the
//! money that they moved.

use std::collections::{HashMap, VecDeque};

use maso_core::{Finding, Findings, HopId, TaskId, Timestamp, Word};
use maso_intent::{HardLimits, Moved, OpenTask, Resolved, TaskKind, TaskSpec};
use maso_log::v1;
use parking_lot::Mutex;

use crate::footing::Footing;

/// The tallies of all tasks, folded from the record.
#[derive(Debug, Default)]
pub(super) struct Tallies(Mutex<HashMap<TaskId, Tally>>);

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Done {
    /// Transactions.
    pub n_transactions: u64,
    /// What they moved, in the smallest unit of the currency.
    pub moved_minor: u64,
}

/// What one task has done.
#[derive(Debug, Default)]
struct Tally {
    /// By the hour, oldest first.
    hours: VecDeque<(i64, Done)>,
    /// What was let pass and is not on the record yet: what it moves. It counts, so that many at once are not more than
    /// one after the other.
    passing: HashMap<HopId, u64>,
}

impl Tallies {
    /// What the limits say of this hop.
    pub(super) fn limits(&self, resolved: &Resolved, now: Timestamp) -> Findings {
        let mut findings = Findings::none();
        let mut refuse = |control, why: String| findings.add(Finding::new(control, Word::NoGo, why));
        match resolved.moved() {
            None => {}
            Some(Moved::Unclear(why)) => refuse("EC-2.3", format!("nobody can say how much it moves: {why}")),
            Some(Moved::Minor(moves)) => {
                let (task, hop, limits) = (resolved.task(), resolved.hop().id, &resolved.solution().limits);
                let mut tallies = self.0.lock();
                let tally = tallies.entry(task.id).or_default();
                tally.passing.remove(&hop);
                match tally.room(task, hop, moves, limits, now) {
                    Ok(()) => drop(tally.passing.insert(hop, moves)),
                    Err(Excess::Done(why)) => refuse("AT-1.7", why),
                    // What is under way may still be held or refused, so nothing was overstepped yet.
                    Err(Excess::UnderWay) => {
                        refuse("EC-1.3", "as much as may be moved is under way already".to_owned())
                    }
                }
            }
        }
        findings
    }

    /// Whether what was let pass still fits, now that other processes' transactions were counted.
    pub(super) fn bear(&self, footing: &Footing, limits: &HardLimits, now: Timestamp) -> bool {
        let Some(moves) = footing.moves else { return true };
        let tallies = self.0.lock();
        let nothing = Tally::default();
        let tally = tallies.get(&footing.task.id).unwrap_or(&nothing);
        tally.room(&footing.task, footing.hop, moves, limits, now).is_ok()
    }

    /// Gives back the place of a transaction that is not under way any more.
    pub(super) fn leave(&self, task: TaskId, hop: HopId) {
        let mut tallies = self.0.lock();
        let Some(tally) = tallies.get_mut(&task) else { return };
        tally.passing.remove(&hop);
        if tally.passing.is_empty() && tally.hours.is_empty() {
            tallies.remove(&task);
        }
    }

    /// Takes in a recorded decision.
    pub(super) fn decided(&self, at: Timestamp, decided: &v1::HopDecided) {
        let Some(Ok(task)) = decided.task.as_deref().map(str::parse::<TaskId>) else { return };
        let Ok(hop) = decided.hop.parse::<HopId>() else { return };
        let mut tallies = self.0.lock();
        if let Some(tally) = tallies.get_mut(&task) {
            tally.passing.remove(&hop);
        }
        let Some(moves) = decided.moves else { return };
        // Counted even if it fails afterwards: whether a transaction that broke midway moved something, nobody knows.
        if decided.decision == "allow" {
            tallies.entry(task).or_default().count(at, moves);
        }
    }

    pub(super) fn closed(&self, record: &v1::TaskClosed) {
        if let Ok(task) = record.task.parse::<TaskId>() {
            self.0.lock().remove(&task);
        }
    }
}

impl Tally {
    fn count(&mut self, at: Timestamp, moves: u64) {
        let hour = hour_of(at);
        // A clock that was set back counts into the last hour, so that the hours stay in order.
        match self.hours.back_mut().filter(|(last, _)| *last >= hour) {
            Some((_, done)) => *done = done.and(moves),
            None => self.hours.push_back((hour, Done::default().and(moves))),
        }
        while self.hours.len() > HOURS_MAX {
            self.hours.pop_front();
        }
    }

    fn done(&self, task: &TaskSpec, now: Timestamp) -> Done {
        let since = match task.kind {
            TaskKind::Opened => i64::MIN,
            TaskKind::Standing(_) => hour_of(now) - DAY_HOURS,
        };
        self.hours.iter().filter(|(hour, _)| *hour >= since).fold(Done::default(), |sum, (_, done)| Done {
            n_transactions: sum.n_transactions.saturating_add(done.n_transactions),
            moved_minor: sum.moved_minor.saturating_add(done.moved_minor),
        })
    }

    /// Whether one more transaction fits, besides those that are under way.
    fn room(&self, task: &TaskSpec, hop: HopId, moves: u64, limits: &HardLimits, now: Timestamp) -> Result<(), Excess> {
        let done = self.done(task, now);
        if let Some(why) = excess(task, done, moves, limits) {
            return Err(Excess::Done(why));
        }
        let others = self.passing.iter().filter(|(other, _)| **other != hop);
        let with_others = others.fold(done, |done, (_, moves)| done.and(*moves));
        excess(task, with_others, moves, limits).map_or(Ok(()), |_| Err(Excess::UnderWay))
    }
}

impl Done {
    fn and(self, moves: u64) -> Self {
        Self {
            n_transactions: self.n_transactions.saturating_add(1),
            moved_minor: self.moved_minor.saturating_add(moves),
        }
    }
}

fn hour_of(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(3_600_000)
}

/// A standing task's day. The hour that is only partly gone must not let its transactions go early.
const DAY_HOURS: i64 = 24;

/// Hours that an opened task can have, the first and the last only partly.
const HOURS_MAX: usize = (OpenTask::TTL_MS_MAX / 3_600_000) as usize + 1;

/// Why one more transaction does not fit.
enum Excess {
    /// What was done already leaves no room.
    Done(String),
    /// What is under way leaves none, if it is done.
    UnderWay,
}

/// What one more transaction would overstep after so much.
fn excess(task: &TaskSpec, before: Done, moves: u64, limits: &HardLimits) -> Option<String> {
    let after = before.and(moves);
    let HardLimits { max_transactions_per_batch, max_value_minor, .. } = *limits;
    let within = match task.kind {
        TaskKind::Opened => "in one task",
        TaskKind::Standing(_) => "within a day",
    };
    if after.n_transactions > max_transactions_per_batch {
        return Some(format!("more than {max_transactions_per_batch} transactions {within}"));
    }
    (moves > 0 && after.moved_minor > max_value_minor).then(|| {
        let before = before.moved_minor;
        format!("it moves {moves} after {before}, and at most {max_value_minor} may be moved {within}")
    })
}
