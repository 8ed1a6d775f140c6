//! By which means a task was done: what ran, against what the mandates prescribe (AT-2.7).

use std::collections::{BTreeMap, HashMap};

use maso_core::{AgentName, ToolRef};
use maso_intent::{Came, Deployment, Item, PlannedCall, Progress};
use maso_log::v1;

use super::trace::{Act, Trace};

/// By which means an agent did its part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Means {
    /// As its mandate prescribes, to the end.
    Right,
    /// As its mandate prescribes, and these steps are open.
    Unfinished(Vec<ToolRef>),
    /// Otherwise.
    Wrong(Vec<Departure>),
    /// Its mandate prescribes nothing that could be compared.
    Unspecified,
}

/// One call that is not as the mandate prescribes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departure {
    /// The call.
    pub hop: String,
    /// What was called.
    pub tool: ToolRef,
    /// The kind, as it is written.
    pub kind: &'static str,
    /// In words.
    pub detail: String,
}

impl Means {
    /// As it is written.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Unfinished(_) => "unfinished",
            Self::Wrong(_) => "wrong",
            Self::Unspecified => "unspecified",
        }
    }

    pub(super) fn departures(&self) -> Vec<v1::Departure> {
        match self {
            Self::Right | Self::Unspecified => Vec::new(),
            Self::Unfinished(steps) => steps
                .iter()
                .map(|tool| v1::Departure {
                    hop: None,
                    tool: tool.to_string(),
                    what: "open".to_owned(),
                    detail: "the plan has it, and it was not done".to_owned(),
                })
                .collect(),
            Self::Wrong(departures) => departures
                .iter()
                .take(DEPARTURES_MAX)
                .map(|departure| v1::Departure {
                    hop: Some(departure.hop.clone()),
                    tool: departure.tool.to_string(),
                    what: departure.kind.to_owned(),
                    detail: departure.detail.clone(),
                })
                .collect(),
        }
    }
}

/// The means of each agent that acted. Without `is_compared` nothing is held against plans.
///
/// What a person approved as a departure is no wrong means: somebody who may looked at it first. What was blocked was no means
/// at all; it is counted as an attempt.
pub fn means(trace: &Trace, deployment: &Deployment, is_compared: bool) -> BTreeMap<AgentName, Means> {
    let mut parts: BTreeMap<AgentName, Part> = BTreeMap::new();
    let mut begun: HashMap<&str, (AgentName, ToolRef, Option<Item>)> = HashMap::new();
    for act in &trace.acts {
        match act {
            Act::Acted { agent } => drop(parts.entry(agent.clone()).or_default()),
            Act::Called { hop, agent, tool, item, is_attempt, is_approved } => {
                let part = parts.entry(agent.clone()).or_default();
                let mandate = deployment.agents.get(agent).filter(|_| is_compared);
                let plan = mandate.map(|mandate| &mandate.plan).filter(|plan| !plan.is_empty());
                let class = deployment.tool(tool).map(|manifest| manifest.class);
                let deviation = plan.zip(mandate).and_then(|(plan, mandate)| {
                    let call = PlannedCall::under(mandate, tool, class, *item);
                    plan.deviation(&call, |step| part.progress.of(step, item.as_ref()))
                });
                let mut depart = |kind, detail: String| {
                    part.departures.push(Departure { hop: hop.clone(), tool: tool.clone(), kind, detail });
                };
                if *is_attempt {
                    depart("prohibited", "the tool does not exist for the agent".to_owned());
                } else if let Some(deviation) = deviation.filter(|_| !is_approved) {
                    depart(deviation.kind(), deviation.to_string());
                }
                if plan.is_some_and(|plan| plan.has(tool)) {
                    part.progress.note(tool, *item, Came::Begun);
                }
                begun.insert(hop, (agent.clone(), tool.clone(), *item));
            }
            Act::Came { hop, came } => {
                let Some((agent, tool, item)) = begun.remove(hop.as_str()) else { continue };
                let Some(part) = parts.get_mut(&agent) else { continue };
                if deployment.agents.get(&agent).is_some_and(|mandate| mandate.plan.has(&tool)) && is_compared {
                    part.progress.note(&tool, item, *came);
                }
                // What its server refused did not happen.
                if *came == Came::Failed {
                    part.departures.retain(|departure| departure.hop != *hop);
                }
            }
            Act::Answered { .. } | Act::Requested { .. } => {}
        }
    }
    let judged = |(agent, part): (AgentName, Part)| {
        let plan = deployment.agents.get(&agent).map(|mandate| &mandate.plan);
        let means = match plan.filter(|plan| is_compared && trace.is_whole && !plan.is_empty()) {
            _ if !part.departures.is_empty() => Means::Wrong(part.departures),
            None => Means::Unspecified,
            Some(plan) => {
                let open: Vec<ToolRef> = plan.missing(&part.progress).cloned().collect();
                if open.is_empty() { Means::Right } else { Means::Unfinished(open) }
            }
        };
        (agent, means)
    };
    parts.into_iter().map(judged).collect()
}

#[derive(Debug, Default)]
struct Part {
    progress: Progress,
    departures: Vec<Departure>,
}

/// Departures that are written of one agent in one task.
const DEPARTURES_MAX: usize = 64;
