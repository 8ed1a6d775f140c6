//! The instances that agents started, as a tree: who, since when, until when, for which task, and why it ended.

use std::collections::BTreeMap;

use maso_core::{AgentName, InstanceId, Timestamp};
use maso_identity::{Instance, Instances};
use serde::Serialize;

use crate::screen::{self, say};

/// Those that were started, by who started them; agents that nobody started stand at the top.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Family(Vec<Branch>);

/// One instance, and what it started.
#[derive(Debug, Serialize)]
struct Branch {
    instance: String,
    agent: String,
    /// The agent that started it.
    by: String,
    task: String,
    since: String,
    until: String,
    /// When its process joined.
    #[serde(skip_serializing_if = "Option::is_none")]
    joined: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<Ended>,
    started: Vec<Self>,
}

#[derive(Debug, Serialize)]
struct Ended {
    at: String,
    /// `left`, `expired`, `not-joined`, `task-closed`, `revoked` or `with-its-starter`.
    why: &'static str,
}

impl Family {
    /// What the record says was started: those that count now, or all; those that one agent or its instances started, or all.
    pub fn of(instances: &Instances, (agent, all): (Option<&AgentName>, bool), now: Timestamp) -> Self {
        let mut by: BTreeMap<Option<InstanceId>, Vec<Instance>> = BTreeMap::new();
        // Of what ended, nothing that it started counts; so a tree of those that count has no gap.
        for instance in instances.all().into_iter().filter(|instance| all || instance.counts_at(now)) {
            by.entry(instance.by.instance).or_default().push(instance);
        }
        let mut roots = branches(&by, None);
        roots.retain(|branch| agent.is_none_or(|agent| branch.by == agent.as_str() || branch.agent == agent.as_str()));
        Self(roots)
    }

    /// Draws the tree.
    pub fn tell(&self) {
        for (index, branch) in self.0.iter().enumerate() {
            if index == 0 || self.0[index - 1].by != branch.by {
                say!("{}  started", screen::strong(&branch.by));
            }
            branch.tell(1);
        }
    }
}

impl Branch {
    fn tell(&self, depth: usize) {
        let indent = "  ".repeat(depth);
        let stands = match (&self.ended, &self.joined) {
            (Some(ended), _) => screen::faint(&format!("{} at {}", ended.why, ended.at)).to_string(),
            (None, Some(_)) => screen::green("there").to_string(),
            (None, None) => screen::yellow("not joined yet").to_string(),
        };
        say!("{indent}{}/{}  {stands}", screen::strong(&self.agent), self.instance);
        say!("{indent}  {}", screen::faint(&format!("{} to {}, for {}", self.since, self.until, self.task)));
        self.started.iter().for_each(|branch| branch.tell(depth + 1));
    }
}

/// The instances of an agent that count now, each with who started it.
pub fn those_of(agent: &str, instances: &Instances, now: Timestamp) -> Vec<String> {
    let mut counting = instances.all();
    counting.retain(|instance| instance.agent.as_str() == agent && instance.counts_at(now));
    counting.iter().map(|instance| format!("{} of {}", instance.id, instance.by.agent)).collect()
}

/// Agents as they are told to programs, each with the ids of its instances that count now.
pub fn beside(agents: &[maso_api::AgentView], instances: &Instances, now: Timestamp) -> Vec<serde_json::Value> {
    let all = instances.all();
    let told = |view: &maso_api::AgentView| {
        let counts = |it: &&Instance| it.agent.as_str() == view.agent && it.counts_at(now);
        let ids: Vec<String> = all.iter().filter(counts).map(|instance| instance.id.to_string()).collect();
        let mut told = serde_json::to_value(view).expect("a view is serializable");
        told["instances"] = serde_json::json!(ids);
        told
    };
    agents.iter().map(told).collect()
}

/// Bounded by how deep instances may stand.
fn branches(by: &BTreeMap<Option<InstanceId>, Vec<Instance>>, of: Option<InstanceId>) -> Vec<Branch> {
    let mut started: Vec<&Instance> = by.get(&of).into_iter().flatten().collect();
    started.sort_by(|one, other| (&one.by.agent, one.since, one.id).cmp(&(&other.by.agent, other.since, other.id)));
    let branch = |it: &Instance| Branch {
        instance: it.id.to_string(),
        agent: it.agent.to_string(),
        by: it.by.agent.to_string(),
        task: it.task.to_string(),
        since: it.since.to_string(),
        until: it.until.to_string(),
        joined: it.joined.map(|at| at.to_string()),
        ended: it.ended.map(|(at, why)| Ended { at: at.to_string(), why: why.as_str() }),
        started: branches(by, Some(it.id)),
    };
    started.into_iter().map(branch).collect()
}
