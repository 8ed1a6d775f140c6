//! What agents assume for themselves, task by task, and how far people let it travel (PG-2.8).

use std::collections::{BTreeSet, HashMap};

use maso_core::{AgentName, Digest, Finding, Findings, HopId, Principal, TaskId, Timestamp, Word};
use maso_intent::{Clarifying, Deployment, Resolved, TaskKind, TaskSpec};
use maso_log::v1;
use maso_policy::{Assumed, Promoted, Register, Spoken, likeness};
use maso_wire::envelope::{Input, Reach, Text};
use parking_lot::RwLock;
use serde_json::Value;

use crate::footing::Footing;

/// The assumptions of each task in which any was made, folded from the record.
#[derive(Debug, Default)]
pub struct Assumptions(RwLock<HashMap<TaskId, Register>>);

impl Assumptions {
    /// The assumption with this name, and the task for which it was made.
    pub fn find(&self, assumption: HopId) -> Option<(TaskId, Assumed)> {
        let tasks = self.0.read();
        tasks.iter().find_map(|(task, register)| Some((*task, register.find(assumption)?.clone())))
    }

    /// The assumptions of all tasks that are not closed, oldest first.
    pub fn all(&self) -> Vec<(TaskId, Assumed)> {
        let tasks = self.0.read();
        let of = |(task, register): (&TaskId, &Register)| {
            let task = *task;
            register.all().map(move |assumed| (task, assumed.clone())).collect::<Vec<_>>()
        };
        let mut all: Vec<_> = tasks.iter().flat_map(of).collect();
        all.sort_by_key(|(_, assumed)| (assumed.at, assumed.hop));
        all
    }

    /// For whom an assumption holds, by all that people said of what is like it.
    pub fn reach(&self, task: TaskId, assumed: &Assumed) -> Reach {
        let tasks = self.0.read();
        tasks.get(&task).and_then(|register| register.reach(&assumed.text)).unwrap_or(Reach::Local)
    }

    /// What is said of a hop by which an agent assumes something, or tells another one something. `not_given` finds what an
    /// agent was never given in the task.
    pub(super) fn limits(
        &self,
        resolved: &Resolved,
        not_given: impl Fn(&AgentName, &BTreeSet<Input>) -> Option<Input>,
        now: Timestamp,
    ) -> Findings {
        let task = resolved.task().id;
        let mut findings = Findings::none();
        if is_made(resolved) {
            let agent = &resolved.mandate().agent;
            let Some((_, inputs)) = read_payload(&resolved.hop().payload) else {
                findings.add(no("EC-2.15", "it names no assumption, or rests on what is no id".to_owned()));
                return findings;
            };
            if !self.has_room(task, agent) {
                let (of_task, own) = (Register::ASSUMPTIONS_MAX, Register::OF_AGENT_MAX);
                let reason = format!("{own} things were assumed by the agent, or {of_task} by all, in this task");
                findings.add(no("EC-1.3", reason));
            }
            if let Some(input) = not_given(agent, &inputs)
                && resolved.deployment().applies("PG-2.6", now)
            {
                let reason = format!("it rests on {input}, which its sender was never given in this task");
                findings.add(no("PG-2.6", reason));
            }
        } else if !self.0.read().is_empty()
            && let Some(spoken) = spoken(resolved)
            && let Some(finding) = self.judge(resolved.task(), &spoken, resolved.deployment(), now)
        {
            findings.add(finding);
        }
        findings
    }

    /// Whether what is said still may be, and there still is room for what is assumed.
    pub(super) fn bear(&self, footing: &Footing, deployment: &Deployment, now: Timestamp) -> bool {
        let task = footing.task.id;
        (!footing.is_assumption || self.has_room(task, &footing.mandate.agent))
            && footing.spoken.as_ref().is_none_or(|spoken| self.judge(&footing.task, spoken, deployment, now).is_none())
    }

    fn has_room(&self, task: TaskId, agent: &AgentName) -> bool {
        self.0.read().get(&task).is_none_or(|register| register.has_room(agent))
    }

    /// What is assumed in the task is held against what is said there. Whoever leaves its task token out takes along what it
    /// assumes.
    fn judge(&self, task: &TaskSpec, spoken: &Spoken, deployment: &Deployment, now: Timestamp) -> Option<Finding> {
        let tasks = self.0.read();
        let here = tasks.get(&task.id).and_then(|register| register.judge(spoken));
        let elsewhere = || match task.kind {
            TaskKind::Opened => None,
            TaskKind::Standing(_) => tasks
                .iter()
                .filter(|(other, _)| **other != task.id)
                .find_map(|(_, register)| register.judge_elsewhere(spoken)),
        };
        let finding = here.or_else(elsewhere)?;
        deployment.applies(finding.control.as_str(), now).then_some(finding)
    }

    pub(super) fn made(&self, at: Timestamp, made: &v1::AssumptionMade) {
        // A record that cannot be read assumes nothing that anybody could let travel.
        if let (Ok(task), Some(assumed)) = (made.task.parse(), read(at, made)) {
            self.0.write().entry(task).or_default().take(assumed);
        }
    }

    pub(super) fn answered(&self, answered: &v1::AssumptionAnswered) {
        let (Ok(task), Ok(assumption), Some(Principal::Operator(by)), Some(reach)) = (
            answered.task.parse::<TaskId>(),
            answered.assumption.parse(),
            Principal::parse(&answered.by),
            Reach::parse(&answered.scope),
        ) else {
            return;
        };
        if let Some(register) = self.0.write().get_mut(&task) {
            register.answer(assumption, Promoted { by, reach });
        }
    }

    pub(super) fn closed(&self, closed: &v1::TaskClosed) {
        if let Ok(task) = closed.task.parse() {
            self.0.write().remove(&task);
        }
    }
}

/// Whether an agent says by this hop what it takes for granted.
pub(crate) fn is_made(resolved: &Resolved) -> bool {
    matches!(resolved.clarifying(), Some(Clarifying::Assume))
}

/// What one agent says to another by this hop. Who asks what is meant says nothing that anybody goes on from, and what is
/// meant is said by whoever knows.
pub(crate) fn spoken(resolved: &Resolved) -> Option<Spoken> {
    let hop = resolved.hop();
    let (Principal::Agent(from), Principal::Agent(_)) = (&hop.from, &hop.to) else { return None };
    if resolved.clarifying().is_some_and(|clarifying| !matches!(clarifying, Clarifying::Answer { .. })) {
        return None;
    }
    let beside = resolved.identified().said().map(|(_, beside)| beside);
    Some(Spoken::of(from.clone(), beside, &hop.payload))
}

/// What must be recorded with the permit of a hop by which an agent assumes something.
pub(crate) fn write_assumption(resolved: &Resolved) -> Option<v1::AssumptionMade> {
    let hop = resolved.hop();
    let (text, inputs) = is_made(resolved).then(|| read_payload(&hop.payload)).flatten()?;
    Some(v1::AssumptionMade {
        assumption: hop.id.to_string(),
        task: resolved.task().id.to_string(),
        by: hop.from.to_string(),
        text: likeness(text.as_str()).to_string(),
        inputs: inputs.iter().map(ToString::to_string).collect(),
    })
}

/// The text that is assumed, and on what it rests.
fn read_payload(payload: &Value) -> Option<(Text, BTreeSet<Input>)> {
    let text = payload.get("text")?.as_str()?.parse().ok()?;
    let inputs = match payload.get("inputs") {
        None => BTreeSet::new(),
        Some(inputs) => inputs.as_array()?.iter().map(|input| read_input(input.as_str()?)).collect::<Option<_>>()?,
    };
    Some((text, inputs))
}

fn read(at: Timestamp, made: &v1::AssumptionMade) -> Option<Assumed> {
    let Principal::Agent(by) = Principal::parse(&made.by)? else { return None };
    Some(Assumed {
        hop: made.assumption.parse().ok()?,
        at,
        by,
        text: Digest::parse(&made.text)?,
        inputs: made.inputs.iter().map(|input| read_input(input)).collect::<Option<_>>()?,
        answer: None,
    })
}

fn read_input(text: &str) -> Option<Input> {
    let message = text.parse().ok().map(Input::Message);
    message.or_else(|| text.parse().ok().map(Input::Hop))
}

fn no(control: &'static str, reason: String) -> Finding {
    Finding::new(control, Word::NoGo, reason)
}
