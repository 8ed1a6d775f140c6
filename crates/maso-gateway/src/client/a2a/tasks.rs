//! The tasks of clients over A2A: what they asked for, and how it stands.
//!
//! They live as long as the process, as mailboxes do: what must outlast it is on the record.

use std::collections::BTreeMap;

use maso_core::{AgentName, HopId, Refusal, Timestamp};
use maso_path::Ticket;
use maso_wire::a2a::{PushTarget, Task, TaskState, WhichTasks};
use parking_lot::Mutex;
use serde_json::Value;

use crate::{
    fleet::{Fleet, Progress},
    gateway::Gateway,
};

/// All tasks.
#[derive(Default)]
pub(crate) struct Tasks(Mutex<BTreeMap<HopId, Known>>);

/// A task that is not forgotten yet.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// Whose it is.
    pub(super) from: AgentName,
    /// Who is asked.
    pub(super) to: AgentName,
    /// The conversation that it belongs to.
    pub(super) context: String,
    at: Timestamp,
    stage: Stage,
    /// Under which its client's answer waits for a person.
    pub(super) answer_waits: Option<Ticket>,
    /// Where its client is called back, by the name of the place.
    pub(super) push: BTreeMap<String, PushTarget>,
}

/// How far a task has come, as far as no mailbox says it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Stage {
    /// It is being decided.
    Deciding,
    /// It waits for a person.
    Held(Ticket),
    /// It was put into a mailbox, which says the rest.
    Sent,
    /// It was refused.
    Refused(Refusal),
    /// It was taken back while it waited for a person.
    Canceled,
}

/// What comes of taking a task back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cancel {
    /// It is taken back: it had gone to nobody.
    Done,
    /// It was released: its request is taken back, on the record.
    Sent,
    /// It is over, or being decided.
    TooLate,
}

/// How a task stands at one moment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Standing {
    pub(super) state: TaskState,
    pub(super) note: Option<String>,
    pub(super) result: Option<Value>,
}

/// Some of a client's tasks.
pub(super) struct Page {
    pub(super) tasks: Vec<(HopId, Known, Standing)>,
    /// How many there are on all pages.
    pub(super) n_all: usize,
    /// Whether this is not the last one.
    pub(super) has_more: bool,
}

/// Why a task was not noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMany;

impl Tasks {
    /// Notes a new task. What its client has of finished ones gives way to it, oldest first.
    pub(super) fn begin(
        &self,
        id: HopId,
        (from, to): (AgentName, AgentName),
        context: String,
        (fleet, now): (&Fleet, Timestamp),
    ) -> Result<(), TooMany> {
        let mut tasks = self.0.lock();
        tasks.retain(|_, known| now.since_ms(known.at) < KEPT_MS);
        let own = || tasks.iter().filter(|(_, known)| known.from == from);
        if own().count() >= OF_CLIENT_MAX || tasks.len() >= TASKS_MAX {
            let finished = own().filter(|(id, known)| known.standing(**id, fleet).is_none_or(|it| it.state.is_final()));
            let Some(oldest) = finished.min_by_key(|(_, known)| known.at).map(|(id, _)| *id) else {
                return Err(TooMany);
            };
            tasks.remove(&oldest);
        }
        let (stage, push) = (Stage::Deciding, BTreeMap::new());
        tasks.insert(id, Known { from, to, context, at: now, stage, answer_waits: None, push });
        Ok(())
    }

    /// The task, if it is this client's with this agent. Of others', nobody is told that they are there.
    pub(super) fn find(&self, id: HopId, from: &AgentName, to: &AgentName) -> Option<Known> {
        self.0.lock().get(&id).filter(|known| known.from == *from && known.to == *to).cloned()
    }

    /// Moves a task on that was not decided yet; `false` when its client took it back meanwhile.
    pub(super) fn decided(&self, id: HopId, stage: Stage) -> bool {
        match self.0.lock().get_mut(&id) {
            Some(known) if known.is_undecided() => {
                known.stage = stage;
                true
            }
            _ => false,
        }
    }

    /// Whether a task is still to be decided.
    pub(crate) fn is_undecided(&self, id: HopId) -> bool {
        self.0.lock().get(&id).is_some_and(Known::is_undecided)
    }

    /// Forgets a task of somebody who turned out to be nobody.
    pub(super) fn forget(&self, id: HopId) {
        self.0.lock().remove(&id);
    }

    /// Takes a task back that was not released.
    pub(super) fn cancel(&self, id: HopId) -> Cancel {
        let mut tasks = self.0.lock();
        let Some(known) = tasks.get_mut(&id) else { return Cancel::TooLate };
        match known.stage {
            Stage::Held(_) => {
                known.stage = Stage::Canceled;
                Cancel::Done
            }
            Stage::Sent => Cancel::Sent,
            Stage::Deciding | Stage::Refused(_) | Stage::Canceled => Cancel::TooLate,
        }
    }

    /// Notes that a client's answer waits for a person, or waits no more.
    pub(super) fn answer_waits(&self, id: HopId, ticket: Option<Ticket>) {
        if let Some(known) = self.0.lock().get_mut(&id) {
            known.answer_waits = ticket;
        }
    }

    /// Changes where a task's client is called back.
    pub(super) fn change_push<T>(
        &self,
        id: HopId,
        change: impl FnOnce(&mut BTreeMap<String, PushTarget>) -> T,
    ) -> Option<T> {
        self.0.lock().get_mut(&id).map(|known| change(&mut known.push))
    }

    /// A task about which somebody is called back; `None` when nobody is any more.
    pub(super) fn called_back(&self, id: HopId) -> Option<Known> {
        self.0.lock().get(&id).filter(|known| !known.push.is_empty()).cloned()
    }

    /// A page of a client's own tasks with one agent, the newest first.
    pub(super) fn list(
        &self,
        (from, to): (&AgentName, &AgentName),
        wanted: &WhichTasks,
        standing: impl Fn(HopId, &Known) -> Option<Standing>,
    ) -> Page {
        let tasks = self.0.lock();
        let mut found: Vec<_> = tasks
            .iter()
            .filter(|(_, known)| known.from == *from && known.to == *to)
            .filter(|(_, known)| wanted.context.as_ref().is_none_or(|context| *context == known.context))
            .filter_map(|(id, known)| Some((*id, known, standing(*id, known)?)))
            .filter(|(_, _, standing)| wanted.state.is_none_or(|state| state == standing.state))
            .collect();
        found.sort_by_key(|(id, known, _)| std::cmp::Reverse((known.at, *id)));
        let n_all = found.len();
        let after = wanted.after.as_deref();
        let skipped = after.map_or(0, |after| {
            found.iter().position(|(id, _, _)| id.to_string() == after).map_or(n_all, |index| index + 1)
        });
        let has_more = skipped.saturating_add(wanted.n_max.get()) < n_all;
        let page = found.into_iter().skip(skipped).take(wanted.n_max.get());
        let tasks = page.map(|(id, known, standing)| (id, known.clone(), standing)).collect();
        Page { tasks, n_all, has_more }
    }
}

impl Known {
    /// How it stands now, as far as its mailbox says it; `None` when that forgot it.
    pub(super) fn standing(&self, id: HopId, fleet: &Fleet) -> Option<Standing> {
        let stands = |state, note: Option<String>, result| Standing { state, note, result };
        Some(match &self.stage {
            Stage::Deciding => stands(TaskState::Submitted, None, None),
            Stage::Held(ticket) => {
                let note = format!("waits until a person has approved it ({})", ticket.id);
                stands(TaskState::Submitted, Some(note), None)
            }
            Stage::Refused(refusal) => {
                stands(TaskState::Rejected, Some(format!("maso refused this: {refusal} ({id})")), None)
            }
            Stage::Canceled => stands(TaskState::Canceled, None, None),
            Stage::Sent => match fleet.progress(id)? {
                Progress::Waits => stands(TaskState::Submitted, None, None),
                Progress::Taken => stands(TaskState::Working, None, None),
                Progress::TakenBack => {
                    let note = format!(
                        "nothing more is done for it; what was done is not undone, and stands on the record ({id})"
                    );
                    stands(TaskState::Canceled, Some(note), None)
                }
                Progress::Answered(result) => stands(TaskState::Completed, None, Some(result)),
            },
        })
    }

    /// Whether it waits for a person.
    pub(super) fn is_held(&self) -> bool {
        matches!(self.stage, Stage::Held(_))
    }

    fn is_undecided(&self) -> bool {
        matches!(self.stage, Stage::Deciding | Stage::Held(_))
    }
}

impl Standing {
    /// The task as its client is told of it.
    pub(super) fn told<'a>(&'a self, id: &'a str, known: &'a Known) -> Task<'a> {
        Task {
            id,
            context: &known.context,
            state: self.state,
            note: self.note.as_deref(),
            result: self.result.as_ref(),
        }
    }
}

impl Gateway {
    /// How a client's task stands; `None` for one that is not its, or is forgotten.
    pub(super) fn a2a_standing(&self, id: HopId, from: &AgentName, to: &AgentName) -> Option<(Known, Standing)> {
        let known = self.a2a_tasks.find(id, from, to)?;
        let standing = self.standing_of(id, &known)?;
        Some((known, standing))
    }
}

const TASKS_MAX: usize = 10_000;
const OF_CLIENT_MAX: usize = 1_000;
const KEPT_MS: u64 = 24 * 60 * 60 * 1000;
