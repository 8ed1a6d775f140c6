//! What each task has done that changed something, as one chain: whether it can still be undone as a whole, and until
//! when (EC-2.11, EC-1.6).
//!
//! A chain is what a task did about one item, where tools say what names that, together with what it did about none. The
//! standing task of an agent has no end, so there only what is about the same item belongs together.

use std::collections::HashMap;

use maso_core::{Digest, Finding, Findings, HopId, TaskId, Timestamp, Word};
use maso_intent::{Deployment, Resolved, TaskKind, TaskSpec};
use maso_log::v1;
use parking_lot::Mutex;

mod links;
mod step;
mod telling;

#[cfg(test)]
mod tests;

use links::Chain;
pub(crate) use step::ChainStep;
use step::{Undo, taken};
use telling::{Sum, lapsed, no_return, part_of};

/// The chains of all tasks, folded from the record.
#[derive(Debug, Default)]
pub(super) struct Chains(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    tasks: HashMap<TaskId, Task>,
    /// Steps of which nobody has recorded yet what came of them.
    open: HashMap<HopId, Open>,
}

/// Where a step stands of which nobody knows yet what came of it.
#[derive(Clone, Copy, Debug)]
struct Open {
    task: TaskId,
    item: Option<Digest>,
    is_final: bool,
}

/// The chains of one task.
#[derive(Debug, Default)]
struct Task {
    /// Of everything, for what names no item: that goes on with all of it.
    all: Chain,
    /// Of what names no item.
    common: Chain,
    items: HashMap<Digest, Chain>,
    /// Of all items for which there was no room: they count as one.
    rest: Chain,
}

impl Chains {
    /// What the chain that a hop would go on with says of it.
    pub(super) fn limits(&self, resolved: &Resolved, now: Timestamp) -> Findings {
        let Some(step) = ChainStep::of(resolved).filter(|_| resolved.deployment().applies(CONTROL, now)) else {
            return Findings::none();
        };
        let sum = self.sum(resolved.task(), &step, now);
        let mut findings = Findings::none();
        if let Some(why) = lapsed(&sum) {
            findings.add(Finding::new(CONTROL, Word::Escalate, why));
        }
        if step.is_final {
            let why = no_return(&sum, resolved.tool().map(AsRef::as_ref));
            why.into_iter().for_each(|why| findings.add(Finding::new(CONTROL, Word::Escalate, why)));
        } else if let Some(why) = part_of(&sum) {
            findings.add(Finding::new(CONTROL, Word::Go, why));
        }
        findings
    }

    /// Whether nobody has to be asked about a step, now that what other processes recorded was taken in.
    pub(super) fn bear(&self, task: &TaskSpec, step: &ChainStep, now: Timestamp) -> bool {
        let sum = self.sum(task, step, now);
        !(sum.has_lapsed() || step.is_final && sum.ends_here())
    }

    /// Takes in a recorded decision.
    pub(super) fn decided(&self, deployment: &Deployment, at: Timestamp, decided: &v1::HopDecided) {
        let Some((task, hop, effect)) = taken(deployment, at, decided) else { return };
        let mut inner = self.0.lock();
        let chains = inner.tasks.entry(task).or_default();
        // It was let pass with that finding, so a person knows of what had lapsed when it came.
        let asked = |finding: &v1::Finding| finding.control == CONTROL && finding.word == Word::Escalate.as_str();
        if decided.decision == "allow" && decided.findings.iter().any(asked) {
            chains.acknowledge(effect.item, Timestamp::from_millis(decided.received_at));
        }
        let (item, is_final) = (effect.item, effect.undo == Undo::Never);
        chains.all.take(hop, effect.tool.clone(), effect.undo, at);
        chains.chain_of(item, at).take(hop, effect.tool, effect.undo, at);
        if inner.open.len() < OPEN_MAX {
            inner.open.insert(hop, Open { task, item, is_final });
        }
    }

    /// Takes in what came of a step: what is known to have failed changed nothing.
    pub(super) fn released(&self, released: &v1::HopReleased) {
        let Ok(hop) = released.hop.parse::<HopId>() else { return };
        let mut inner = self.0.lock();
        let Some(Open { task, item, is_final }) = inner.open.remove(&hop) else { return };
        if released.outcome == "failed"
            && let Some(chains) = inner.tasks.get_mut(&task)
        {
            chains.all.give_back(hop, is_final);
            chains.known(item).give_back(hop, is_final);
        }
    }

    pub(super) fn closed(&self, record: &v1::TaskClosed) {
        let Ok(task) = record.task.parse::<TaskId>() else { return };
        let mut inner = self.0.lock();
        if inner.tasks.remove(&task).is_some() {
            inner.open.retain(|_, open| open.task != task);
        }
    }

    /// All that a step would go on with, together.
    fn sum(&self, task: &TaskSpec, step: &ChainStep, now: Timestamp) -> Sum {
        let inner = self.0.lock();
        let mut sum = Sum::default();
        let Some(chains) = inner.tasks.get(&task.id) else { return sum };
        match (&task.kind, step.item) {
            (TaskKind::Standing(_), None) => {}
            (TaskKind::Standing(_), Some(item)) => sum.add(chains.of_item(item), now),
            (TaskKind::Opened, None) => sum.add(&chains.all, now),
            (TaskKind::Opened, Some(item)) => {
                sum.add(&chains.common, now);
                sum.add(chains.of_item(item), now);
            }
        }
        sum
    }
}

impl Task {
    fn of_item(&self, item: Digest) -> &Chain {
        self.items.get(&item).unwrap_or(&self.rest)
    }

    /// The chain that has taken this item in.
    fn known(&mut self, item: Option<Digest>) -> &mut Chain {
        match item {
            None => &mut self.common,
            Some(item) => self.items.get_mut(&item).unwrap_or(&mut self.rest),
        }
    }

    /// The chain of this item, a new one if there is room.
    fn chain_of(&mut self, item: Option<Digest>, at: Timestamp) -> &mut Chain {
        let Some(item) = item else { return &mut self.common };
        if !self.items.contains_key(&item) {
            if self.items.len() >= ITEMS_MAX {
                self.items.retain(|_, chain| chain.last_at().plus_ms(FORGOTTEN_AFTER_MS) > at);
            }
            if self.items.len() >= ITEMS_MAX {
                return &mut self.rest;
            }
        }
        self.items.entry(item).or_default()
    }

    /// What had lapsed by then cannot be undone any more, and a person has accepted that.
    fn acknowledge(&mut self, item: Option<Digest>, by: Timestamp) {
        self.common.acknowledge(by);
        match item {
            Some(item) => self.items.get_mut(&item).unwrap_or(&mut self.rest).acknowledge(by),
            None => {
                self.all.acknowledge(by);
                self.rest.acknowledge(by);
                self.items.values_mut().for_each(|chain| chain.acknowledge(by));
            }
        }
    }
}

const CONTROL: &str = "EC-2.11";
/// Items of one task that are told apart.
const ITEMS_MAX: usize = 4_096;
/// An item about which nothing was done for so long makes room.
const FORGOTTEN_AFTER_MS: u64 = 24 * 3_600_000;
/// Steps under way of which it is noticed that they failed; of others it is assumed that they did not.
const OPEN_MAX: usize = 4_096;
