//! Instances of agents that agents started: whom each comes from, and whether it still counts (IA-2.1, EC-1.5a).
//!
//! One state machine, with the record's moments as arguments. Nothing here ever counts again that has ended, and what
//! ends takes all with it that it started (`docs/decisions/0029`).

use std::collections::BTreeMap;

use maso_core::{AgentName, InstanceId, TaskId, Timestamp};
use parking_lot::RwLock;

use crate::{Revocation, Thumbprint};

/// One instance of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Its id, its own alone.
    pub id: InstanceId,
    /// The agent that it is an instance of: what that may do, it may.
    pub agent: AgentName,
    /// Who started it.
    pub by: Starter,
    /// All by which its starter was believed then. Whatever of it is revoked ends the instance.
    pub rests_on: Vec<Revocation>,
    /// The task for which it was started; it ends with that.
    pub task: TaskId,
    /// The key of its process. No other joins as it.
    pub key: Thumbprint,
    /// How many agents stand between it and one that nobody started, itself included.
    pub depth: u32,
    /// When it was started.
    pub since: Timestamp,
    /// Until when its process must have joined.
    pub join_by: Timestamp,
    /// Its end, whatever it renews.
    pub until: Timestamp,
    /// When its process joined.
    pub joined: Option<Timestamp>,
    /// When and why it ended.
    pub ended: Option<(Timestamp, Ending)>,
}

/// Who started an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Starter {
    /// The agent.
    pub agent: AgentName,
    /// Which instance of it; `None` for the agent itself.
    pub instance: Option<InstanceId>,
}

/// Why an instance counts no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Ending {
    /// It said itself that it is done.
    #[error("left")]
    Left,
    /// Its time is over.
    #[error("has ended: its time is over")]
    Expired,
    /// No process joined as it in time.
    #[error("has ended: nobody joined as it in time")]
    NotJoined,
    /// The task for which it was started is closed.
    #[error("has ended with its task")]
    TaskClosed,
    /// It was revoked, or something by which its starter was believed.
    #[error("is revoked, or what its starter was believed by")]
    Revoked,
    /// The instance that started it has ended.
    #[error("has ended with the one that started it")]
    WithItsStarter,
    /// Nobody started it, or that is long forgotten.
    #[error("is not known")]
    Unknown,
}

impl Ending {
    /// One word for it, as the record has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Expired => "expired",
            Self::NotJoined => "not-joined",
            Self::TaskClosed => "task-closed",
            Self::Revoked => "revoked",
            Self::WithItsStarter => "with-its-starter",
            Self::Unknown => "unknown",
        }
    }

    /// Reads what [`as_str`](Self::as_str) writes.
    pub fn parse(text: &str) -> Option<Self> {
        let all = [Self::Left, Self::Expired, Self::NotJoined, Self::TaskClosed, Self::Revoked, Self::WithItsStarter];
        all.into_iter().find(|ending| ending.as_str() == text)
    }
}

/// All instances that are remembered.
#[derive(Debug, Default)]
pub struct Instances(RwLock<State>);

#[derive(Clone, Debug, Default)]
struct State {
    all: BTreeMap<InstanceId, Instance>,
    /// How many were started for each task that is not closed.
    for_task: BTreeMap<TaskId, u32>,
}

impl Instances {
    /// Takes in one that was started. If its starter is an instance that counts no more, neither does it.
    pub fn started(&self, instance: Instance) {
        let mut state = self.0.write();
        let State { all, for_task } = &mut *state;
        let ended = match instance.by.instance.map(|starter| all.get(&starter)) {
            None => None,
            Some(Some(starter)) if starter.ended.is_none() => None,
            Some(_) => Some((instance.since, Ending::WithItsStarter)),
        };
        let started = for_task.entry(instance.task).or_default();
        *started = started.saturating_add(1);
        // The first counts: an id names one instance, for ever.
        all.entry(instance.id).or_insert(Instance { joined: None, ended, ..instance });
    }

    /// Takes in that its process joined.
    pub fn joined(&self, id: InstanceId, at: Timestamp) {
        if let Some(instance) = self.0.write().all.get_mut(&id) {
            instance.joined.get_or_insert(at);
        }
    }

    /// Ends one, and all that it started.
    pub fn end(&self, id: InstanceId, at: Timestamp, why: Ending) {
        self.0.write().end(at, why, |instance| instance.id == id);
    }

    /// Ends what rests on something that is revoked, and all that it started.
    pub fn revoked(&self, revocation: &Revocation, at: Timestamp) {
        self.0.write().end(at, Ending::Revoked, |instance| {
            instance.rests_on.contains(revocation)
                || match revocation {
                    Revocation::Instance(id) => instance.id == *id,
                    Revocation::Agent(agent) => instance.agent == *agent,
                    Revocation::Key(key) => instance.key == *key,
                    Revocation::Task(task) => instance.task == *task,
                    Revocation::Token(_) | Revocation::Link(_) => false,
                }
        });
    }

    /// Ends what was started for a task that is closed.
    pub fn task_closed(&self, task: TaskId, at: Timestamp) {
        let mut state = self.0.write();
        state.for_task.remove(&task);
        state.end(at, Ending::TaskClosed, |instance| instance.task == task);
    }

    /// Those that time alone ends by now, and how.
    pub fn overdue(&self, now: Timestamp) -> Vec<(InstanceId, Ending)> {
        let state = self.0.read();
        let open = state.all.values().filter(|instance| instance.ended.is_none());
        open.filter_map(|instance| Some((instance.id, instance.overdue(now)?))).collect()
    }

    /// Whether it counts as an instance of this agent.
    ///
    /// # Errors
    /// Why it does not.
    pub fn counts(&self, id: InstanceId, agent: &AgentName) -> Result<(), Ending> {
        let state = self.0.read();
        match state.all.get(&id).filter(|instance| instance.agent == *agent) {
            None => Err(Ending::Unknown),
            Some(Instance { ended: Some((_, why)), .. }) => Err(*why),
            Some(_) => Ok(()),
        }
    }

    /// One of them, whether or not it still counts.
    pub fn find(&self, id: InstanceId) -> Option<Instance> {
        self.0.read().all.get(&id).cloned()
    }

    /// All that are remembered, in the order of their ids.
    pub fn all(&self) -> Vec<Instance> {
        self.0.read().all.values().cloned().collect()
    }

    /// Whether an instance that has not ended is bound to this key.
    pub fn hold(&self, key: &Thumbprint) -> bool {
        self.0.read().all.values().any(|instance| instance.ended.is_none() && instance.key == *key)
    }

    /// How many instances of `agent` that `by` and its instances started count at this moment.
    pub fn n_alive(&self, by: &AgentName, agent: &AgentName, now: Timestamp) -> usize {
        self.count(|it| it.by.agent == *by && it.agent == *agent && it.counts_at(now))
    }

    /// How many instances of `agent` were started by `by` and its instances since a moment, whatever became of them.
    pub fn n_since(&self, by: &AgentName, agent: &AgentName, since: Timestamp) -> usize {
        self.count(|it| it.by.agent == *by && it.agent == *agent && it.since > since)
    }

    /// How many were started for a task that is not closed, whatever became of them.
    pub fn n_for_task(&self, task: TaskId) -> u32 {
        self.0.read().for_task.get(&task).copied().unwrap_or(0)
    }

    /// How many agents stand between a starter and one that nobody started, itself included.
    pub fn depth_of(&self, starter: Option<InstanceId>) -> u32 {
        starter.map_or(0, |id| self.0.read().all.get(&id).map_or(u32::MAX, |instance| instance.depth))
    }

    /// Forgets those whose end lies before a moment. Their ids count no more than before.
    pub fn forget_before(&self, moment: Timestamp) {
        self.0.write().all.retain(|_, instance| instance.until >= moment);
    }

    fn count(&self, wanted: impl Fn(&Instance) -> bool) -> usize {
        self.0.read().all.values().filter(|instance| wanted(instance)).count()
    }
}

impl Instance {
    /// Whether it counts at this moment: nothing has ended it, and its time has not.
    pub fn counts_at(&self, now: Timestamp) -> bool {
        self.ended_by(now).is_none()
    }

    /// When and why it ended, if it has by now: whether that is on the record, or time alone ended it.
    pub fn ended_by(&self, now: Timestamp) -> Option<(Timestamp, Ending)> {
        let in_time = |why| (if why == Ending::NotJoined { self.join_by } else { self.until }, why);
        self.ended.or_else(|| self.overdue(now).map(in_time))
    }

    fn overdue(&self, now: Timestamp) -> Option<Ending> {
        // Whichever was first, however late it is looked at.
        if self.joined.is_none() && now >= self.join_by {
            Some(Ending::NotJoined)
        } else if now >= self.until {
            Some(Ending::Expired)
        } else {
            None
        }
    }
}

impl State {
    /// Ends those that are meant, and whatever any of them started, however far that goes.
    fn end(&mut self, at: Timestamp, why: Ending, is_meant: impl Fn(&Instance) -> bool) {
        let open = self.all.values_mut().filter(|instance| instance.ended.is_none());
        let mut gone: Vec<InstanceId> = Vec::new();
        for instance in open.filter(|instance| is_meant(instance)) {
            instance.ended = Some((at, why));
            gone.push(instance.id);
        }
        while let Some(starter) = gone.pop() {
            for instance in self.all.values_mut() {
                if instance.ended.is_none() && instance.by.instance == Some(starter) {
                    instance.ended = Some((at, Ending::WithItsStarter));
                    gone.push(instance.id);
                }
            }
        }
    }
}
