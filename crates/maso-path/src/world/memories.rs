//! What each task has seen, so that the origin of a value can be found (PG-2.5).
//!
//! What was delivered by another process, or in an earlier life of this one, is on the record: it is noted here as it
//! is folded, and read when the task next needs its memory ([`crate::Path::recall`]).

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::Arc,
};

use maso_core::{AgentName, HopId, Label, Principal, ServerName, TaskId, Timestamp};
use maso_log::{BUFFERED_MS_MAX, v1};
use maso_policy::{Memory, Order};
use parking_lot::{Mutex, RwLock};

use crate::footing::Footing;

/// How many tasks are remembered at once, besides those of hops that are under way. Beyond that the oldest is forgotten:
/// its values then have no origin, which is the worst one. How far it had seen stays known.
const TASKS_MAX: usize = 4_096;

/// How many deliveries of one task may wait to be read. Of the oldest ones beyond that only the label counts.
const MISSED_MAX: usize = 512;

/// How many hops may be under way here. Beyond that they are learned a second time, from the record.
const OWN_MAX: usize = 65_536;

/// The memories of all tasks.
#[derive(Debug, Default)]
pub struct Memories(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    memories: HashMap<TaskId, Arc<RwLock<Memory>>>,
    order: VecDeque<TaskId>,
    /// Hops that are decided here and not on the record yet. They are learned when they are released.
    own: HashSet<HopId>,
    missed: HashMap<TaskId, Missed>,
    /// What is being read at this moment: missed too, until all of it was.
    recalling: HashMap<TaskId, Missed>,
}

/// What was missed in a task and is being read into its memory. Dropped before it is [`Recall::done`], it counts as
/// missed again.
#[derive(Debug)]
pub(crate) struct Recall<'m> {
    memories: &'m Memories,
    task: TaskId,
    /// What is to be read.
    pub(crate) missed: Missed,
}

/// What was delivered in a task and is in no memory of this process.
#[derive(Clone, Debug)]
pub(crate) struct Missed {
    /// The label of all that was seen.
    pub(crate) seen: Label,
    /// What servers were sent that will not be read.
    pub(crate) unread: BTreeMap<ServerName, Label>,
    /// What is to be read, oldest first.
    pub(crate) deliveries: VecDeque<Delivery>,
    /// How it stands to what is in the memory already.
    pub(crate) order: Order,
    /// The first moment at which an agent can have known any of it.
    knowable_at: Timestamp,
}

/// A hop that was delivered.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    /// Its record.
    pub(crate) sequence: u64,
    /// The server that was sent it; `None` if an agent has seen it.
    pub(crate) sent_to: Option<ServerName>,
    /// Its label.
    pub(crate) label: Label,
}

impl Memories {
    /// The memory of a task; `begin` makes it when there is none. Whoever holds it keeps it from being given up.
    pub fn of(&self, task: TaskId, begin: impl FnOnce() -> Memory) -> Arc<RwLock<Memory>> {
        let mut inner = self.0.lock();
        if let Some(memory) = inner.memories.get(&task) {
            return Arc::clone(memory);
        }
        while inner.memories.len() >= TASKS_MAX && inner.give_up_the_oldest() {}
        let mut memory = begin();
        // The values are read when they are needed; how far the task has seen, and what it can no longer tell apart, is
        // known at once.
        for missed in [inner.recalling.get(&task), inner.missed.get(&task)].into_iter().flatten() {
            memory.reckon_with(missed.seen);
            for (server, label) in &missed.unread {
                memory.sent_unread(Order::Late, server, *label);
            }
        }
        let memory = Arc::new(RwLock::new(memory));
        inner.memories.insert(task, Arc::clone(&memory));
        inner.order.push_back(task);
        memory
    }

    /// Notes that a hop is about to be decided here, and says whether its task has something to recall first.
    pub(crate) fn deciding(&self, hop: HopId, task: TaskId) -> bool {
        let mut inner = self.0.lock();
        if inner.own.len() >= OWN_MAX {
            inner.own.clear();
        }
        inner.own.insert(hop);
        inner.has_missed(task)
    }

    /// Notes that a hop is not under way here any more.
    pub(super) fn leave(&self, hop: HopId) {
        self.0.lock().own.remove(&hop);
    }

    /// Whether something was delivered in a task that is in no memory of this process.
    pub fn has_missed(&self, task: TaskId) -> bool {
        self.0.lock().has_missed(task)
    }

    /// Whether nothing was missed that the sender of the hop can have known when it sent it. What was delivered later
    /// has no part in what it says: so whoever is sent back for this has that much less to be sent back for.
    pub(super) fn bear(&self, footing: &Footing) -> bool {
        let inner = self.0.lock();
        let noted = [inner.missed.get(&footing.task.id), inner.recalling.get(&footing.task.id)];
        noted.into_iter().flatten().all(|missed| missed.knowable_at > footing.at)
    }

    /// What was delivered in a task and is to be learned now. One at a time for each task.
    pub(crate) fn recall(&self, task: TaskId) -> Option<Recall<'_>> {
        let mut inner = self.0.lock();
        let missed = inner.missed.remove(&task)?;
        inner.recalling.insert(task, missed.clone());
        Some(Recall { memories: self, task, missed })
    }

    /// Takes in a recorded decision. `standing` is the standing task of an agent.
    pub(super) fn decided(
        &self,
        (sequence, at): (u64, Timestamp),
        decided: &v1::HopDecided,
        standing: impl FnOnce(&AgentName) -> Option<TaskId>,
    ) {
        let mut inner = self.0.lock();
        if decided.hop.parse().is_ok_and(|hop: HopId| inner.own.remove(&hop)) {
            return;
        }
        // What only observes lets everything pass.
        if decided.decision != "allow" && decided.enforced {
            return;
        }
        // Nothing is learned from listings, and nothing is seen in those of tools, which are pinned.
        let is_list = decided.verb == "list";
        if is_list && (decided.object.ends_with(":tools") || decided.answers.is_none()) {
            return;
        }
        let (Some(task), Some(from), Some(to)) = (
            decided.task.as_deref().and_then(|task| task.parse::<TaskId>().ok()),
            decided.from.as_deref().and_then(Principal::parse),
            Principal::parse(&decided.to),
        ) else {
            return;
        };
        let label = decided.label.as_deref().and_then(Label::parse).unwrap_or(Label::WORST);
        let knowable_at = knowable_at(at, decided);
        let sent_to = match (from, to) {
            (Principal::Agent(_), Principal::Server(server)) => Some(server),
            (_, Principal::Agent(receiver)) => {
                // Whoever leaves its task token out takes what it knows along.
                if let Some(standing) = standing(&receiver).filter(|standing| *standing != task) {
                    inner.missed_in(standing, knowable_at).see(label);
                }
                None
            }
            _ => return,
        };
        let missed = inner.missed_in(task, knowable_at);
        if sent_to.is_none() {
            missed.see(label);
        }
        if is_list {
            return;
        }
        missed.deliver(Delivery { sequence, sent_to, label });
    }

    /// Takes in what a person said of a task after it was opened. A memory that is begun later learns it then.
    pub(super) fn clarified(&self, answered: &v1::ClarificationAnswered) {
        let (Ok(task), Some(words)) = (answered.task.parse::<TaskId>(), &answered.answer) else { return };
        if !matches!(Principal::parse(&answered.by), Some(Principal::Operator(_))) {
            return;
        }
        let memory = self.0.lock().memories.get(&task).map(Arc::clone);
        if let Some(memory) = memory {
            memory.write().clarified(task, words);
        }
    }

    /// Forgets a task that was closed.
    pub(super) fn forget(&self, task: &str) {
        if let Ok(task) = task.parse() {
            let mut inner = self.0.lock();
            inner.memories.remove(&task);
            inner.missed.remove(&task);
            inner.recalling.remove(&task);
            inner.order.retain(|known| *known != task);
        }
    }
}

impl Recall<'_> {
    /// All of it is in the memory now.
    pub(crate) fn done(self) {
        self.memories.0.lock().recalling.remove(&self.task);
    }
}

impl Drop for Recall<'_> {
    fn drop(&mut self) {
        let mut inner = self.memories.0.lock();
        if let Some(given_up) = inner.recalling.remove(&self.task) {
            let later = inner.missed.remove(&self.task);
            inner.missed.insert(self.task, later.into_iter().fold(given_up, Missed::and_then));
        }
    }
}

impl Inner {
    fn has_missed(&self, task: TaskId) -> bool {
        self.missed.contains_key(&task) || self.recalling.contains_key(&task)
    }

    fn missed_in(&mut self, task: TaskId, knowable_at: Timestamp) -> &mut Missed {
        let order = if self.memories.contains_key(&task) { Order::Late } else { Order::InTime };
        let missed = self.missed.entry(task).or_insert_with(|| Missed::none(order, knowable_at));
        if order == Order::Late {
            missed.order = order;
        }
        missed.knowable_at = missed.knowable_at.min(knowable_at);
        missed
    }

    /// Gives up the oldest memory that nobody holds, if there is one. What somebody holds is about to learn something
    /// that would be lost with it.
    fn give_up_the_oldest(&mut self) -> bool {
        // Nobody comes to hold one without the lock that is held here.
        let is_free = |task: &TaskId| self.memories.get(task).is_none_or(|memory| Arc::strong_count(memory) == 1);
        let oldest = self.order.iter().position(is_free).and_then(|index| self.order.remove(index));
        oldest.inspect(|task| self.give_up(*task)).is_some()
    }

    /// Gives up a memory. What it had seen and sent still counts, its values do not.
    fn give_up(&mut self, task: TaskId) {
        let Some(memory) = self.memories.remove(&task) else { return };
        let memory = memory.read();
        let whenever = Timestamp::from_millis(i64::MIN);
        let missed = self.missed.entry(task).or_insert_with(|| Missed::none(Order::InTime, whenever));
        missed.knowable_at = whenever;
        missed.see(memory.label());
        for (server, label) in memory.sent_to() {
            missed.leave_unread(server.clone(), label);
        }
    }
}

impl Missed {
    fn none(order: Order, knowable_at: Timestamp) -> Self {
        Self { seen: Label::NEUTRAL, unread: BTreeMap::new(), deliveries: VecDeque::new(), order, knowable_at }
    }

    fn see(&mut self, label: Label) {
        self.seen = self.seen.combine(label);
    }

    fn leave_unread(&mut self, server: ServerName, label: Label) {
        self.unread.entry(server).and_modify(|known| *known = known.combine(label)).or_insert(label);
    }

    fn deliver(&mut self, delivery: Delivery) {
        self.deliveries.push_back(delivery);
        if self.deliveries.len() > MISSED_MAX
            && let Some(Delivery { sent_to: Some(server), label, .. }) = self.deliveries.pop_front()
        {
            self.leave_unread(server, label);
        }
    }

    /// All of this, and then what was missed later.
    fn and_then(mut self, later: Self) -> Self {
        let Self { seen, unread, deliveries, order, knowable_at } = later;
        self.see(seen);
        unread.into_iter().for_each(|(server, label)| self.leave_unread(server, label));
        deliveries.into_iter().for_each(|delivery| self.deliver(delivery));
        if order == Order::Late {
            self.order = order;
        }
        self.knowable_at = self.knowable_at.min(knowable_at);
        self
    }
}

/// The first moment at which an agent can have known what a record lets pass: not before it came, and not earlier before
/// the record than a pure read may pass.
fn knowable_at(at: Timestamp, decided: &v1::HopDecided) -> Timestamp {
    let buffered_ms = i64::try_from(BUFFERED_MS_MAX).unwrap_or(i64::MAX);
    let released_at = Timestamp::from_millis(at.as_millis().saturating_sub(buffered_ms));
    released_at.max(Timestamp::from_millis(decided.received_at))
}

#[cfg(test)]
mod tests;
