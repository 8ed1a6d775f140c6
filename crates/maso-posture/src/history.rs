//! What happened day by day, as far as a tier rests on it: a fold over the record.

use std::{collections::BTreeMap, ops::AddAssign};

use maso_core::{Day, Phase, Timestamp};

/// What happened on each of the latest days that have a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    // INVARIANT: not more than `DAYS_MAX`, the latest.
    days: BTreeMap<Day, Tally>,
}

/// What a record says, as far as a tier rests on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// Something that no tier asks about: it shows that the log went on.
    Other,
    /// A person answered a proposed action, on which judges had said something or not.
    Answered {
        /// The person's answer.
        answer: Answer,
        /// What the judges had said.
        judged: Judged,
    },
    /// A phase changed.
    PhaseChanged {
        /// The phase before.
        from: Phase,
        /// The phase after.
        to: Phase,
        /// Why, as recorded.
        trigger: &'a str,
    },
    /// The kill switch was pulled.
    Killed,
}

/// What a person said to a proposed action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Yes.
    Approved,
    /// No.
    Rejected,
}

/// What judges had said of an action before a person did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// Nothing: none was asked, or none answered.
    Not,
    /// All who spoke approved.
    Approved,
    /// One of them objected.
    Objected,
}

/// What happened on one day, or on several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Actions that people approved.
    pub(crate) n_approved: u64,
    /// Actions that people rejected.
    pub(crate) n_rejected: u64,
    /// Rejected actions that judges had approved.
    pub(crate) n_missed: u64,
    /// Rejected actions to which a judge had objected.
    pub(crate) n_caught: u64,
    /// Approved actions to which a judge had objected.
    pub(crate) n_false_alarms: u64,
    /// Approved actions that judges had approved.
    pub(crate) n_passed: u64,
    /// Phases that became stricter, stops included.
    pub(crate) n_escalations: u64,
    /// Scopes that went to Contingency.
    pub(crate) n_contingencies: u64,
    /// Scopes that went through Alternate too often (EC-3.2).
    pub(crate) n_cycle_limits: u64,
    /// Stops: the kill switch, or a scope that went to Emergency.
    pub(crate) n_emergencies: u64,
}

impl History {
    /// Takes in what a record of this moment says.
    pub fn note(&mut self, at: Timestamp, event: Event<'_>) {
        *self.days.entry(Day::of(at)).or_default() += Tally::of(event);
        if self.days.len() > DAYS_MAX {
            self.days.pop_first();
        }
    }

    /// The day since which the log has gone on to `today`, with gaps no longer than [`GAP_DAYS_MAX`]; none if it has not.
    pub(crate) fn goes_on_since(&self, today: Day) -> Option<Day> {
        let days = self.days.range(..=today).map(|(day, _)| *day).rev();
        let run = days.scan(today, |later, day| {
            let goes_on = later.since(day) <= GAP_DAYS_MAX;
            *later = day;
            goes_on.then_some(day)
        });
        run.last()
    }

    /// The latest day with a record.
    pub(crate) fn last(&self) -> Option<Day> {
        self.days.last_key_value().map(|(day, _)| *day)
    }

    /// What happened within the latest days, today included.
    pub(crate) fn within(&self, n_days: u64, today: Day) -> Tally {
        let mut sum = Tally::default();
        let days = self.days.range(..=today).filter(|(day, _)| today.since(**day) < n_days);
        days.for_each(|(_, tally)| sum += *tally);
        sum
    }

    /// The latest day up to `today` of which this is true.
    pub(crate) fn last_day(&self, today: Day, is_it: impl Fn(Day, &Tally) -> bool) -> Option<Day> {
        self.days.range(..=today).rev().find(|(day, tally)| is_it(**day, tally)).map(|(day, _)| *day)
    }
}

impl Tally {
    fn of(event: Event<'_>) -> Self {
        let mut tally = Self::default();
        match event {
            Event::Other => {}
            Event::Answered { answer, judged } => {
                let (answered, objected, approved) = match answer {
                    Answer::Approved => (&mut tally.n_approved, &mut tally.n_false_alarms, &mut tally.n_passed),
                    Answer::Rejected => (&mut tally.n_rejected, &mut tally.n_caught, &mut tally.n_missed),
                };
                *answered = 1;
                match judged {
                    Judged::Not => {}
                    Judged::Approved => *approved = 1,
                    Judged::Objected => *objected = 1,
                }
            }
            Event::PhaseChanged { from, to, trigger } if to > from => {
                tally.n_escalations = 1;
                tally.n_contingencies = u64::from(to == Phase::Contingency);
                tally.n_emergencies = u64::from(to == Phase::Emergency);
                // As `Trigger::Cycles` is written.
                tally.n_cycle_limits = u64::from(trigger.starts_with("EC-3.2:"));
            }
            Event::PhaseChanged { .. } => {}
            Event::Killed => {
                tally.n_escalations = 1;
                tally.n_emergencies = 1;
            }
        }
        tally
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.n_approved += other.n_approved;
        self.n_rejected += other.n_rejected;
        self.n_missed += other.n_missed;
        self.n_caught += other.n_caught;
        self.n_false_alarms += other.n_false_alarms;
        self.n_passed += other.n_passed;
        self.n_escalations += other.n_escalations;
        self.n_contingencies += other.n_contingencies;
        self.n_cycle_limits += other.n_cycle_limits;
        self.n_emergencies += other.n_emergencies;
    }
}

/// Days between two days with a record over which a log still counts as continuous: a long weekend. Ours; the framework
/// gives none.
pub(crate) const GAP_DAYS_MAX: u64 = 4;

/// Days that are remembered: more than twice the longest span that a tier asks about.
const DAYS_MAX: usize = 400;
