//! Which tasks are open (PG-2.2).

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use maso_core::{AgentName, Digest, TaskId, Timestamp};
use maso_intent::{Deployment, OpenedUnder, Specification, TaskKind, TaskSpec};
use maso_log::v1;
use parking_lot::RwLock;

/// The open tasks of a deployment, and the standing task of each agent.
#[derive(Debug)]
pub struct Tasks {
    open: RwLock<HashMap<TaskId, Arc<TaskSpec>>>,
    standing: HashMap<AgentName, Arc<TaskSpec>>,
}

impl Tasks {
    /// No task but the standing ones.
    pub(super) fn new(deployment: &Deployment) -> Self {
        let standing = deployment
            .agents
            .keys()
            .filter_map(|agent| {
                let task = TaskSpec::standing(deployment, agent, standing_id(deployment, agent))?;
                Some((agent.clone(), Arc::new(task)))
            })
            .collect();
        Self { open: RwLock::default(), standing }
    }

    /// The task with this id, if it is open.
    pub fn open(&self, id: TaskId) -> Option<Arc<TaskSpec>> {
        self.open.read().get(&id).cloned()
    }

    /// The standing task of an agent.
    pub fn standing(&self, agent: &AgentName) -> Option<Arc<TaskSpec>> {
        self.standing.get(agent).cloned()
    }

    /// The ids of all standing tasks.
    pub(super) fn standing_ids(&self) -> HashSet<TaskId> {
        self.standing.values().map(|task| task.id).collect()
    }

    /// All open tasks, oldest first; standing ones are not among them.
    pub fn all_open(&self) -> Vec<Arc<TaskSpec>> {
        let mut tasks: Vec<_> = self.open.read().values().cloned().collect();
        tasks.sort_by_key(|task| (task.opened_at, task.id));
        tasks
    }

    /// Whether this very task is still open; a standing one always is.
    pub(super) fn is_open(&self, task: &TaskSpec) -> bool {
        matches!(task.kind, TaskKind::Standing(_)) || self.open.read().contains_key(&task.id)
    }

    pub(super) fn overdue(&self, is_over: impl Fn(&TaskSpec) -> bool) -> Vec<TaskId> {
        self.open.read().values().filter(|task| is_over(task)).map(|task| task.id).collect()
    }

    pub(super) fn opened(&self, record: &v1::Task) {
        // A record whose specification does not hash to what was signed opens nothing: its token will find no task.
        if let Some(task) = read(record).filter(|task| Digest::parse(&record.specification) == Some(task.digest())) {
            self.open.write().insert(task.id, Arc::new(task));
        }
    }

    pub(super) fn closed(&self, record: &v1::TaskClosed) {
        if let Ok(id) = record.task.parse() {
            self.open.write().remove(&id);
        }
    }
}

/// The record of an opened task.
pub fn write(task: &TaskSpec) -> v1::Task {
    v1::Task {
        task: task.id.to_string(),
        standing: match &task.kind {
            TaskKind::Opened => None,
            TaskKind::Standing(agent) => Some(agent.to_string()),
        },
        workflow: task.workflow.to_string(),
        words: task.words.clone(),
        success_criteria: task.success_criteria.clone(),
        scope: task.scope.clone(),
        out_of_scope: task.out_of_scope.clone(),
        accountable_human: task.accountable_human.to_string(),
        opened_at: task.opened_at.as_millis(),
        expires_at: task.expires_at.as_millis(),
        specification: task.digest().to_string(),
        version: task.under.map(|under| under.version.to_string()),
        mandates: task.under.map(|under| under.mandates.to_string()),
    }
}

pub(super) fn read(record: &v1::Task) -> Option<TaskSpec> {
    let said = Specification {
        id: record.task.parse().ok()?,
        kind: match &record.standing {
            None => TaskKind::Opened,
            Some(agent) => TaskKind::Standing(agent.parse().ok()?),
        },
        workflow: record.workflow.parse().ok()?,
        words: record.words.clone(),
        success_criteria: record.success_criteria.clone(),
        scope: record.scope.clone(),
        out_of_scope: record.out_of_scope.clone(),
        accountable_human: record.accountable_human.parse().ok()?,
        opened_at: Timestamp::from_millis(record.opened_at),
        expires_at: Timestamp::from_millis(record.expires_at),
        under: match (&record.version, &record.mandates) {
            (None, None) => None,
            (version, mandates) => Some(OpenedUnder {
                version: Digest::parse(version.as_deref()?)?,
                mandates: Digest::parse(mandates.as_deref()?)?,
            }),
        },
    };
    Some(said.into())
}

/// The same agent of the same trust domain has the same standing task in each process and after each restart.
pub(super) fn standing_id(deployment: &Deployment, agent: &AgentName) -> TaskId {
    let digest = Digest::of(format!("standing task of spiffe://{}/agent/{agent}", deployment.trust_domain).as_bytes());
    let mut bits = [0; 16];
    bits.copy_from_slice(&digest.as_bytes()[..16]);
    TaskId::from_uuid(uuid::Builder::from_custom_bytes(bits).into_uuid())
}
