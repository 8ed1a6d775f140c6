//! The requests by which agents handed work on to each other, by task (IA-2.4).

use std::collections::{HashMap, VecDeque};

use maso_core::{AgentName, HopId, TaskId, Timestamp};
use maso_log::v1;

/// A request that was let through: a link of the chains that lead on from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The request.
    pub hop: HopId,
    /// Who asked.
    pub from: AgentName,
    /// Who was asked.
    pub to: AgentName,
    /// What was asked for: `AGENT:REQUEST`.
    pub request: String,
    /// The requests before it, the first one first.
    pub chain: Vec<HopId>,
    /// When it was decided.
    pub at: Timestamp,
    /// Whether it, or a request before it, was revoked.
    pub is_revoked: bool,
}

/// The latest links of the latest tasks.
#[derive(Debug, Default)]
pub struct Links {
    tasks: HashMap<TaskId, VecDeque<Link>>,
    /// In the order in which they last handed something on, the longest ago first.
    order: VecDeque<TaskId>,
}

impl Links {
    /// Takes in a decision.
    pub(super) fn decided(&mut self, at: Timestamp, decided: &v1::HopDecided) {
        let is_released = decided.decision == "allow" || !decided.enforced;
        if decided.verb != "request" || decided.answers.is_some() || !is_released {
            return;
        }
        let Some((task, link)) = read(at, decided) else { return };
        self.order.retain(|other| *other != task);
        self.order.push_back(task);
        let links = self.tasks.entry(task).or_default();
        links.push_back(link);
        if links.len() > LINKS_OF_TASK_MAX {
            links.pop_front();
        }
        if self.order.len() > TASKS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.tasks.remove(&oldest);
        }
    }

    /// Takes in a revocation: it ends a request, and all that this led to.
    pub(super) fn revoked(&mut self, revoked: &v1::Revoked) {
        let hop = || revoked.subject.parse::<HopId>().ok();
        let Some(hop) = (revoked.what == "delegation").then(hop).flatten() else { return };
        for link in self.tasks.values_mut().flatten() {
            link.is_revoked |= link.hop == hop || link.chain.contains(&hop);
        }
    }

    /// By task, the one that handed something on last first.
    pub(super) fn chains(&self) -> Vec<(TaskId, Vec<Link>)> {
        let of = |task: &TaskId| self.tasks.get(task).map(|links| (*task, links.iter().cloned().collect()));
        self.order.iter().rev().filter_map(of).collect()
    }
}

fn read(at: Timestamp, decided: &v1::HopDecided) -> Option<(TaskId, Link)> {
    let agent = |name: Option<&str>| name?.strip_prefix("agent:")?.parse().ok();
    let link = Link {
        hop: decided.hop.parse().ok()?,
        from: agent(decided.from.as_deref())?,
        to: agent(Some(&decided.to))?,
        request: decided.object.clone(),
        chain: decided.chain.iter().map(|hop| hop.parse()).collect::<Result<_, _>>().ok()?,
        at,
        is_revoked: false,
    };
    Some((decided.task.as_deref()?.parse().ok()?, link))
}

/// Tasks of which links are kept.
pub(super) const TASKS_MAX: usize = 64;
/// Links of one task that are kept.
pub(super) const LINKS_OF_TASK_MAX: usize = 64;
