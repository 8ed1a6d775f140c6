//! What ran in a task, read from its records.

use std::collections::BTreeMap;

use maso_core::{AgentName, TaskId, ToolRef};
use maso_intent::{Came, Item};
use maso_log::{Record, v1};

use super::RECORDS_MAX;
use crate::world::is_plan_attempt;

/// What ran in a task, in the order of the record, and what people and judges said of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// The task.
    pub opened: v1::Task,
    /// Whether it has ended.
    pub is_closed: bool,
    /// Whether all of it was read.
    pub is_whole: bool,
    /// Calls, and what came of them.
    pub acts: Vec<Act>,
    /// Plan attempts, by agent and tool.
    pub attempts: BTreeMap<AgentName, BTreeMap<String, u32>>,
    /// What people said of its criteria, in order.
    pub assessed: Vec<v1::TaskAssessed>,
    /// What judges said of its hops, in order.
    pub verdicts: Vec<v1::Verdict>,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// A call that was let pass.
    Called {
        /// The hop.
        hop: String,
        /// Who called.
        agent: AgentName,
        /// What was called.
        tool: ToolRef,
        /// What it was about.
        item: Option<Item>,
        /// Whether the tool does not exist for the agent, and it was called because the deployment only observes.
        is_attempt: bool,
        /// Whether a person approved that it departs from the plan.
        is_approved: bool,
    },
    /// An agent asked another one, or called in vain: it acted.
    Acted {
        /// Who.
        agent: AgentName,
    },
    /// What came of a hop.
    Came {
        /// The hop.
        hop: String,
        /// What.
        came: Came,
    },
    /// A call was answered, and the answer let pass.
    Answered {
        /// The call.
        hop: String,
    },
    /// A request between agents was let pass.
    Requested {
        /// The hop.
        hop: String,
        /// What was requested.
        request: String,
    },
}

impl Trace {
    /// What the records of a task say; `None` if it was never opened.
    pub fn of(task: TaskId, records: &[Record]) -> Option<Self> {
        let task = task.to_string();
        let opened = records.iter().find_map(|record| match &record.body {
            v1::Body::TaskOpened(opened) if opened.task == task => Some(opened.clone()),
            _ => None,
        })?;
        let mut trace = Self {
            opened,
            is_closed: false,
            is_whole: records.len() < RECORDS_MAX,
            acts: Vec::new(),
            attempts: BTreeMap::new(),
            assessed: Vec::new(),
            verdicts: Vec::new(),
        };
        for record in records {
            match &record.body {
                v1::Body::HopDecided(decided) => trace.decided(decided),
                v1::Body::HopReleased(released) => {
                    let came = match released.outcome.as_str() {
                        "delivered" if !released.succeeded() => Came::Failed,
                        "delivered" => Came::Delivered,
                        "failed" => Came::Failed,
                        _ => continue,
                    };
                    trace.acts.push(Act::Came { hop: released.hop.clone(), came });
                }
                v1::Body::TaskAssessed(assessed) if assessed.task == task => trace.assessed.push(assessed.clone()),
                v1::Body::TaskClosed(closed) => trace.is_closed |= closed.task == task,
                _ => {}
            }
        }
        Some(trace)
    }

    fn decided(&mut self, decided: &v1::HopDecided) {
        self.verdicts.extend(decided.verdicts.iter().cloned());
        // What only observes lets everything pass.
        let passes = decided.decision == "allow" || !decided.enforced;
        if let Some(call) = &decided.answers {
            if decided.decision == "allow" {
                self.acts.push(Act::Answered { hop: call.clone() });
            }
            return;
        }
        let agent = decided.from.as_deref().and_then(|from| from.strip_prefix("agent:")?.parse::<AgentName>().ok());
        let Some(agent) = agent else { return };
        let is_attempt = is_plan_attempt(decided);
        if is_attempt {
            let n_attempts = self.attempts.entry(agent.clone()).or_default().entry(decided.object.clone()).or_default();
            *n_attempts = n_attempts.saturating_add(1);
        }
        let hop = decided.hop.clone();
        let act = match (decided.verb.as_str(), decided.object.parse::<ToolRef>()) {
            ("call_tool", Ok(tool)) if passes => {
                let asked = decided.findings.iter().any(|it| it.control == "PG-3.4" && it.word == "ESCALATE");
                let item = decided.item.as_deref().and_then(Item::written);
                Act::Called { hop, agent, tool, item, is_attempt, is_approved: asked && !decided.approvals.is_empty() }
            }
            ("request", _) if passes => {
                self.acts.push(Act::Acted { agent });
                let request = decided.object.split_once(':').map_or("", |(_, request)| request).to_owned();
                Act::Requested { hop, request }
            }
            _ => Act::Acted { agent },
        };
        self.acts.push(act);
    }
}
