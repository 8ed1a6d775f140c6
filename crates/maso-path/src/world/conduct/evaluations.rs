//! Which tasks wait to be evaluated, and which were found to be done by the wrong means (AT-2.6).

use std::collections::VecDeque;

use maso_core::{TaskId, Timestamp};
use maso_log::v1;
use parking_lot::Mutex;

/// What waits to be evaluated, and the gravest of what was found; folded from the record.
#[derive(Debug, Default)]
pub struct Evaluations(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    due: VecDeque<TaskId>,
    substitutions: VecDeque<Substitution>,
}

/// A right result by the wrong means.
#[derive(Clone, Debug, PartialEq)]
pub struct Substitution {
    /// When it was found.
    pub at: Timestamp,
    /// How the task was done.
    pub evaluated: v1::TaskEvaluated,
}

impl Evaluations {
    /// The latest creative substitutions that still stand, the latest first.
    pub fn substitutions(&self) -> Vec<Substitution> {
        self.0.lock().substitutions.iter().rev().cloned().collect()
    }

    /// What ended, or was assessed, and is not evaluated.
    pub(crate) fn due(&self) -> Vec<TaskId> {
        self.0.lock().due.iter().copied().collect()
    }

    pub(crate) fn is_due(&self, task: TaskId) -> bool {
        self.0.lock().due.contains(&task)
    }

    /// There is nothing to evaluate.
    pub(crate) fn settle(&self, task: TaskId) {
        self.0.lock().due.retain(|due| *due != task);
    }

    pub(super) fn fold(&self, at: Timestamp, body: &v1::Body) {
        match body {
            v1::Body::TaskClosed(closed) => self.wait(&closed.task),
            v1::Body::TaskAssessed(assessed) => self.wait(&assessed.task),
            v1::Body::TaskEvaluated(evaluated) => self.evaluated(at, evaluated),
            _ => {}
        }
    }

    fn wait(&self, task: &str) {
        let Ok(task) = task.parse::<TaskId>() else { return };
        let mut inner = self.0.lock();
        if inner.due.contains(&task) {
            return;
        }
        if inner.due.len() >= DUE_MAX {
            inner.due.pop_front();
        }
        inner.due.push_back(task);
    }

    fn evaluated(&self, at: Timestamp, evaluated: &v1::TaskEvaluated) {
        let mut inner = self.0.lock();
        inner.due.retain(|due| due.to_string() != evaluated.task);
        let is_same =
            |it: &Substitution| (&it.evaluated.task, &it.evaluated.agent) == (&evaluated.task, &evaluated.agent);
        inner.substitutions.retain(|known| !is_same(known));
        if evaluated.class == "creative-substitution" {
            if inner.substitutions.len() >= SUBSTITUTIONS_MAX {
                inner.substitutions.pop_front();
            }
            inner.substitutions.push_back(Substitution { at, evaluated: evaluated.clone() });
        }
    }
}

/// Tasks that wait to be evaluated; each is evaluated when it is closed, so that only those of a crash wait.
const DUE_MAX: usize = 256;
/// Creative substitutions that are shown; all of them are on the record.
const SUBSTITUTIONS_MAX: usize = 64;
