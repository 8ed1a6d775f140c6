//! Requests of one agent to another, as far as they are counted: who asks whom, about what, and with which others it is
//! counted together.

use std::collections::HashMap;

use maso_core::{Act, AgentName, Digest, HopId, Principal, TaskId, Turn, WorkflowName};
use maso_intent::{Clarifying, Deployment, Resolved, TaskKind, TaskSpec};
use maso_log::v1;

use crate::world::tasks;

/// What is counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Run {
    /// An opened task.
    Task(TaskId),
    /// All standing tasks of a workflow: who is asked there answers from a standing task of its own.
    Standing(WorkflowName),
}

impl Run {
    fn of(task: &TaskSpec) -> Self {
        match task.kind {
            TaskKind::Opened => Self::Task(task.id),
            TaskKind::Standing(_) => Self::Standing(task.workflow.clone()),
        }
    }
}

/// A request that one agent makes of another, or what it tells it unasked.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(super) hop: HopId,
    /// Whether work is handed on. Talk is a turn of a conversation all the same.
    pub(super) hands_on: bool,
    pub(super) run: Run,
    pub(super) workflow: WorkflowName,
    pub(super) from: AgentName,
    pub(super) to: AgentName,
    /// What it is about, where its grant says so.
    pub(super) item: Option<Digest>,
    /// Who asks whom for exactly what.
    pub(super) deed: Digest,
}

impl Request {
    /// The request that a hop makes, if it makes one.
    pub(crate) fn of(resolved: &Resolved) -> Option<Self> {
        let hop = resolved.hop();
        match (&hop.from, &hop.act, hop.turn) {
            // Who asks what is meant asks for no work.
            (Principal::Agent(_), act, _) if Clarifying::concerns(act) => None,
            (Principal::Agent(from), act @ (Act::Request { agent, .. } | Act::Tell { agent, .. }), Turn::Ask) => {
                Some(Self {
                    hop: hop.id,
                    hands_on: hands_on(act),
                    run: Run::of(resolved.task()),
                    workflow: resolved.task().workflow.clone(),
                    from: from.clone(),
                    to: agent.clone(),
                    item: resolved.item().map(|item| item.digest()),
                    deed: resolved.deed_digest(),
                })
            }
            _ => None,
        }
    }

    /// The two that talk, whoever asks.
    pub(super) fn between(&self) -> (AgentName, AgentName) {
        let (one, other) = (self.from.clone(), self.to.clone());
        if one <= other { (one, other) } else { (other, one) }
    }
}

const fn hands_on(act: &Act) -> bool {
    matches!(act, Act::Request { .. })
}

/// The standing tasks of a deployment, which the record knows by their ids alone.
#[derive(Debug)]
pub(super) struct Runs(HashMap<TaskId, WorkflowName>);

impl Runs {
    pub(super) fn new(deployment: &Deployment) -> Self {
        let agents = deployment.agents.iter();
        Self(agents.map(|(name, it)| (tasks::standing_id(deployment, name), it.workflow.clone())).collect())
    }

    /// What a recorded task is counted with.
    pub(super) fn run(&self, task: TaskId) -> Run {
        self.0.get(&task).map_or(Run::Task(task), |workflow| Run::Standing(workflow.clone()))
    }

    /// The request that a recorded decision was about, if it was about one.
    pub(super) fn read(&self, deployment: &Deployment, decided: &v1::HopDecided) -> Option<Request> {
        let act = Act::parse(&decided.verb, &decided.object)
            .filter(|act| matches!(act, Act::Request { .. } | Act::Tell { .. }) && !Clarifying::concerns(act))?;
        if decided.answers.is_some() {
            return None;
        }
        let (Principal::Agent(from), Principal::Agent(to)) =
            (Principal::parse(decided.from.as_deref()?)?, Principal::parse(&decided.to)?)
        else {
            return None;
        };
        Some(Request {
            hop: decided.hop.parse().ok()?,
            hands_on: hands_on(&act),
            run: self.run(decided.task.as_deref()?.parse().ok()?),
            workflow: deployment.agents.get(&from)?.workflow.clone(),
            item: decided.item.as_deref().and_then(Digest::parse),
            deed: Digest::parse(decided.deed.as_deref().or(decided.action.as_deref())?)?,
            from,
            to,
        })
    }
}
