//! What each task has seen, so that the origin of a value can be found (PG-2.5).
//!
//! What was delivered by another process, or in an earlier life of this one, is on the record: it is noted here as it
//! is folded, and read when the task next needs its memory ([`crate::Path::recall`]).

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::Arc,
};

use maso_core::{AgentName, HopId, Label, Principal, ServerName, TaskId};
use maso_log::v1;
use maso_policy::{Memory, Order};
use parking_lot::{Mutex, RwLock};

/// How many tasks are remembered at once. Beyond that the oldest is forgotten: its values then have no origin, which is
/// the worst one. How far it had seen stays known.
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
    /// The last record that this tells of.
    pub(crate) last: u64,
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
    /// The memory of a task; `begin` makes it when there is none.
    pub fn of(&self, task: TaskId, begin: impl FnOnce() -> Memory) -> Arc<RwLock<Memory>> {
        let mut inner = self.0.lock();
        if let Some(memory) = inner.memories.get(&task) {
            return Arc::clone(memory);
        }
        while inner.memories.len() >= TASKS_MAX {
            let Some(oldest) = inner.order.pop_front() else { break };
            inner.give_up(oldest);
        }
        let mut memory = begin();
        // The values are read when they are needed; how far the task has seen is known at once.
        if let Some(missed) = inner.missed.get(&task) {
            memory.reckon_with(missed.seen);
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
        inner.missed.contains_key(&task)
    }

    /// Whether something was delivered in a task that is in no memory of this process.
    pub fn has_missed(&self, task: TaskId) -> bool {
        self.0.lock().missed.contains_key(&task)
    }

    /// What was delivered in a task and is to be learned yet. It stays noted until [`Memories::recalled`].
    pub(crate) fn missed(&self, task: TaskId) -> Option<Missed> {
        self.0.lock().missed.get(&task).cloned()
    }

    /// Notes that what was missed up to this record is in the memory now.
    pub(crate) fn recalled(&self, task: TaskId, up_to: u64) {
        let mut inner = self.0.lock();
        let Some(missed) = inner.missed.get_mut(&task) else { return };
        if missed.last <= up_to {
            inner.missed.remove(&task);
        } else {
            missed.deliveries.retain(|delivery| delivery.sequence > up_to);
        }
    }

    /// Takes in a recorded decision. `standing` is the standing task of an agent.
    pub(super) fn decided(
        &self,
        sequence: u64,
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
        let sent_to = match (from, to) {
            (Principal::Agent(_), Principal::Server(server)) => Some(server),
            (_, Principal::Agent(receiver)) => {
                // Whoever leaves its task token out takes what it knows along.
                if let Some(standing) = standing(&receiver).filter(|standing| *standing != task) {
                    inner.missed_in(standing, sequence).see(label);
                }
                None
            }
            _ => return,
        };
        let missed = inner.missed_in(task, sequence);
        if sent_to.is_none() {
            missed.see(label);
        }
        if is_list {
            return;
        }
        missed.deliveries.push_back(Delivery { sequence, sent_to, label });
        if missed.deliveries.len() > MISSED_MAX
            && let Some(Delivery { sent_to: Some(server), label, .. }) = missed.deliveries.pop_front()
        {
            missed.leave_unread(server, label);
        }
    }

    /// Forgets a task that was closed.
    pub(super) fn forget(&self, task: &str) {
        if let Ok(task) = task.parse() {
            let mut inner = self.0.lock();
            inner.memories.remove(&task);
            inner.missed.remove(&task);
            inner.order.retain(|known| *known != task);
        }
    }
}

impl Inner {
    fn missed_in(&mut self, task: TaskId, sequence: u64) -> &mut Missed {
        let order = if self.memories.contains_key(&task) { Order::Late } else { Order::InTime };
        let missed = self.missed.entry(task).or_insert_with(|| Missed::none(order));
        if order == Order::Late {
            missed.order = order;
        }
        missed.last = sequence;
        missed
    }

    /// Gives up a memory. What it had seen and sent still counts, its values do not.
    fn give_up(&mut self, task: TaskId) {
        let Some(memory) = self.memories.remove(&task) else { return };
        let memory = memory.read();
        let missed = self.missed.entry(task).or_insert_with(|| Missed::none(Order::InTime));
        missed.see(memory.label());
        for (server, label) in memory.sent_to() {
            missed.leave_unread(server.clone(), label);
        }
    }
}

impl Missed {
    fn none(order: Order) -> Self {
        Self { seen: Label::NEUTRAL, unread: BTreeMap::new(), deliveries: VecDeque::new(), order, last: 0 }
    }

    fn see(&mut self, label: Label) {
        self.seen = self.seen.combine(label);
    }

    fn leave_unread(&mut self, server: ServerName, label: Label) {
        self.unread.entry(server).and_modify(|known| *known = known.combine(label)).or_insert(label);
    }
}
