//! What each task has seen, so that the origin of a value can be found (PG-2.5).

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use maso_core::TaskId;
use maso_policy::Memory;
use parking_lot::{Mutex, RwLock};

/// How many tasks are remembered at once. Beyond that the longest unused is forgotten: its values then have no
/// origin, which is the worst one.
const TASKS_MAX: usize = 4_096;

/// The memories of all tasks.
#[derive(Debug, Default)]
pub struct Memories(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    memories: HashMap<TaskId, Arc<RwLock<Memory>>>,
    order: VecDeque<TaskId>,
    /// Tasks that have seen something, here or before this process began.
    seen: HashSet<TaskId>,
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
            inner.memories.remove(&oldest);
        }
        // What was seen and is no longer known counts as the worst that could have been seen.
        let memory = if inner.seen.contains(&task) { begin().having_forgotten() } else { begin() };
        let memory = Arc::new(RwLock::new(memory));
        inner.memories.insert(task, Arc::clone(&memory));
        inner.order.push_back(task);
        memory
    }

    /// Notes that a task has seen something.
    pub(super) fn seen(&self, task: &str) {
        if let Ok(task) = task.parse() {
            self.0.lock().seen.insert(task);
        }
    }

    /// Forgets a task that was closed.
    pub(super) fn forget(&self, task: &str) {
        if let Ok(task) = task.parse() {
            let mut inner = self.0.lock();
            inner.memories.remove(&task);
            inner.seen.remove(&task);
            inner.order.retain(|known| *known != task);
        }
    }
}
