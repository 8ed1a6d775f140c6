//! How what an agent did departs from its plan, and what it has done of it so far (PG-3.4).

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    fmt,
};

use maso_core::ToolRef;

use crate::Item;

/// How a call departs from the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deviation {
    /// A step before it was left out.
    Skipped {
        /// What was not done.
        missing: Vec<ToolRef>,
    },
    /// It comes after what was to come after it.
    Reordered {
        /// What was done already.
        later: ToolRef,
    },
    /// It is carried out more often than what comes before it.
    Repeated,
    /// It stands in the place of the tool that was prescribed.
    Substituted {
        /// The tool that was prescribed.
        prescribed: ToolRef,
    },
    /// It is no step, and does more than read.
    Unplanned,
}

impl Deviation {
    /// Its kind, as it is written.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Skipped { .. } => "skip",
            Self::Reordered { .. } => "reorder",
            Self::Repeated => "repeat",
            Self::Substituted { .. } => "substitution",
            Self::Unplanned => "unplanned",
        }
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Skipped { missing } => {
                let missing: Vec<String> = missing.iter().map(|tool| format!("`{tool}`")).collect();
                write!(f, "the plan has {} before it, which was not done", missing.join(", "))
            }
            Self::Reordered { later } => write!(f, "the plan has it before `{later}`, which is done"),
            Self::Repeated => f.write_str("it is carried out more often than what the plan has before it"),
            Self::Substituted { prescribed } => write!(f, "the plan has `{prescribed}` in its place"),
            Self::Unplanned => f.write_str("it is no step of the plan, and does more than read"),
        }
    }
}

/// How far an agent has come with its plan in one task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    all: Steps,
    /// Calls that named no item: they are about each.
    of_none: Steps,
    of_items: HashMap<Item, Steps>,
    /// The items, oldest first.
    items: VecDeque<Item>,
}

type Steps = BTreeMap<ToolRef, Done>;

/// How often a step was taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Taken, and not known to have failed.
    pub begun: u64,
    /// Taken, and known to have succeeded.
    pub delivered: u64,
}

/// What is known of a step that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// It was taken, and what comes of it is not known.
    Begun,
    /// It succeeded.
    Delivered,
    /// It did not happen.
    Failed,
}

impl Progress {
    /// How often a step was taken for an item, calls about no item included; for none, how often at all.
    pub fn of(&self, tool: &ToolRef, item: Option<&Item>) -> Done {
        let in_steps = |steps: &Steps| steps.get(tool).copied().unwrap_or_default();
        match item {
            None => in_steps(&self.all),
            Some(item) => {
                let own = self.of_items.get(item).map(in_steps).unwrap_or_default();
                let shared = in_steps(&self.of_none);
                Done { begun: own.begun + shared.begun, delivered: own.delivered + shared.delivered }
            }
        }
    }

    /// Notes what came of a step.
    pub fn note(&mut self, tool: &ToolRef, item: Option<Item>, came: Came) {
        count(&mut self.all, tool, came);
        let Some(item) = item else { return count(&mut self.of_none, tool, came) };
        if !self.of_items.contains_key(&item) {
            // What is known of an item that was forgotten is not done: a person is asked once more.
            if self.items.len() >= ITEMS_MAX
                && let Some(oldest) = self.items.pop_front()
            {
                self.of_items.remove(&oldest);
            }
            self.items.push_back(item);
        }
        count(self.of_items.entry(item).or_default(), tool, came);
    }
}

fn count(steps: &mut Steps, tool: &ToolRef, came: Came) {
    let done = match steps.get_mut(tool) {
        Some(done) => done,
        None => steps.entry(tool.clone()).or_default(),
    };
    match came {
        Came::Begun => done.begun = done.begun.saturating_add(1),
        Came::Delivered => done.delivered = done.delivered.saturating_add(1),
        Came::Failed => done.begun = done.begun.saturating_sub(1),
    }
}

/// Items of one agent's plan in one task; beyond that the oldest is forgotten.
const ITEMS_MAX: usize = 4_096;
