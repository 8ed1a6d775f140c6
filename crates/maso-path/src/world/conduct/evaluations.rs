//! Which tasks wait to be evaluated, and what was found of the latest (AT-2.6).

use std::collections::VecDeque;

use maso_core::{TaskId, Timestamp};
use maso_log::v1;
use parking_lot::Mutex;

use crate::evaluation::Class;

/// What waits to be evaluated, and what was found of what was; folded from the record.
#[derive(Debug, Default)]
pub struct Evaluations(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    due: VecDeque<TaskId>,
    /// One for each agent in a task, as it was found last; in that order.
    found: VecDeque<Evaluation>,
}

/// How an agent's part in a task was done, and when that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// When it was found.
    pub at: Timestamp,
    /// How the task was done.
    pub evaluated: v1::TaskEvaluated,
}

impl Evaluations {
    /// What was found of the latest tasks and still stands, the latest first. A creative substitution stays longer than
    /// what is less grave.
    pub fn latest(&self) -> Vec<Evaluation> {
        self.0.lock().found.iter().rev().cloned().collect()
    }

    /// The latest creative substitutions that still stand, the latest first.
    pub fn substitutions(&self) -> Vec<Evaluation> {
        self.0.lock().found.iter().rev().filter(|found| found.is_substitution()).cloned().collect()
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
            |it: &Evaluation| (&it.evaluated.task, &it.evaluated.agent) == (&evaluated.task, &evaluated.agent);
        inner.found.retain(|known| !is_same(known));
        inner.found.push_back(Evaluation { at, evaluated: evaluated.clone() });
        inner.make_room();
    }
}

impl Inner {
    /// The oldest goes that is no creative substitution: many tasks that went well do not hide the gravest.
    fn make_room(&mut self) {
        let n_substitutions = self.found.iter().filter(|found| found.is_substitution()).count();
        let goes = if n_substitutions > SUBSTITUTIONS_MAX {
            self.found.iter().position(Evaluation::is_substitution)
        } else if self.found.len() > FOUND_MAX {
            self.found.iter().position(|found| !found.is_substitution())
        } else {
            None
        };
        if let Some(index) = goes {
            self.found.remove(index);
        }
    }
}

impl Evaluation {
    fn is_substitution(&self) -> bool {
        self.evaluated.class == Class::CreativeSubstitution.as_str()
    }
}

/// Tasks that wait to be evaluated; each is evaluated when it is closed, so that only those of a crash wait.
const DUE_MAX: usize = 256;
/// What was found, as far as it is shown; all of it is on the record.
pub(super) const FOUND_MAX: usize = 100;
/// Creative substitutions among it.
const SUBSTITUTIONS_MAX: usize = 64;
