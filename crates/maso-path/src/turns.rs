//! Whose turn it is, task by task: nobody waits for another task's history.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use maso_core::TaskId;
use parking_lot::Mutex;
use tokio::sync::{Mutex as Queue, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

/// How many tasks may take turns at a time. What belongs to one more task is turned away.
pub(crate) const TASKS_MAX: usize = 4_096;

/// How many turns may run at a time. They read from the disk, on threads that others need too; one more waits.
const RUNNING_MAX: usize = 8;

/// The tasks in which somebody has, or waits for, a turn.
#[derive(Debug)]
pub(crate) struct Turns {
    queues: Mutex<HashMap<TaskId, Weak<Queue<()>>>>,
    running: Arc<Semaphore>,
}

/// A turn in a task. The next one there comes when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    _of_task: OwnedMutexGuard<()>,
    _running: OwnedSemaphorePermit,
}

impl Default for Turns {
    fn default() -> Self {
        Self { queues: Mutex::default(), running: Arc::new(Semaphore::new(RUNNING_MAX)) }
    }
}

impl Turns {
    /// Waits for a turn in this task; `None` if too many tasks take turns already.
    pub(crate) async fn of(&self, task: TaskId) -> Option<Turn> {
        let of_task = self.queue_of(task)?.lock_owned().await;
        let running = Arc::clone(&self.running).acquire_owned().await.ok()?;
        Some(Turn { _of_task: of_task, _running: running })
    }

    fn queue_of(&self, task: TaskId) -> Option<Arc<Queue<()>>> {
        let mut queues = self.queues.lock();
        if let Some(queue) = queues.get(&task).and_then(Weak::upgrade) {
            return Some(queue);
        }
        queues.retain(|_, queue| queue.strong_count() > 0);
        if queues.len() >= TASKS_MAX {
            return None;
        }
        let queue = Arc::default();
        queues.insert(task, Arc::downgrade(&queue));
        Some(queue)
    }
}

#[cfg(test)]
mod tests;
