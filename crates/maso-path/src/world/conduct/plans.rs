//! What each agent has done of its plan in each task, against the order that its mandate declares (PG-3.4).

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use maso_core::{AgentName, Finding, Findings, HopId, Principal, TaskId, Timestamp, ToolRef, Turn, Word};
use maso_intent::{Came, Deployment, Done, Item, OnDeviation, PlannedCall, Progress, Resolved};
use maso_log::v1;
use parking_lot::Mutex;

use crate::footing::Footing;

/// The plans of all tasks, folded from the record.
#[derive(Debug)]
pub(super) struct Plans {
    deployment: Arc<Deployment>,
    /// Whether any agent has a plan: where none has, nothing is kept.
    has_any: bool,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    runs: HashMap<TaskId, HashMap<AgentName, Run>>,
    /// Steps on the record of which nobody knows yet what came, oldest first.
    begun: HashMap<HopId, Step>,
    order: VecDeque<HopId>,
}

/// What one agent has done of its plan in one task.
#[derive(Debug, Default)]
struct Run {
    progress: Progress,
    /// Whether any step is on the record.
    has_begun: bool,
    /// What was let pass and is not on the record yet. It counts, so that many at once are not more than one after the
    /// other.
    passing: HashMap<HopId, (ToolRef, Option<Item>)>,
}

#[derive(Debug)]
struct Step {
    task: TaskId,
    agent: AgentName,
    tool: ToolRef,
    item: Option<Item>,
}

impl Plans {
    pub(super) fn new(deployment: &Arc<Deployment>) -> Self {
        let has_any = deployment.agents.values().any(|mandate| !mandate.plan.is_empty());
        Self { deployment: Arc::clone(deployment), has_any, inner: Mutex::default() }
    }

    /// What the plan says of this hop.
    pub(super) fn limits(&self, resolved: &Resolved, now: Timestamp) -> Findings {
        let mut findings = Findings::none();
        let plan = &resolved.mandate().plan;
        let Some(call) = planned(resolved) else { return findings };
        if !self.deployment.applies("PG-3.4", now) {
            return findings;
        }
        let hop = resolved.hop().id;
        let mut inner = self.inner.lock();
        let runs = inner.runs.entry(resolved.task().id).or_default();
        let run = runs.entry(resolved.mandate().agent.clone()).or_default();
        run.passing.remove(&hop);
        let deviation = plan.deviation(&call, |tool| run.done(tool, call.item, hop));
        if let Some(deviation) = &deviation {
            let word = match plan.on_deviation(self.deployment.tier) {
                OnDeviation::Note => Word::Go,
                OnDeviation::Escalate => Word::Escalate,
                OnDeviation::Refuse => Word::NoGo,
            };
            findings.add(Finding::new("PG-3.4", word, format!("{}: {deviation}", deviation.kind())));
        }
        if plan.has(&call.tool) {
            run.passing.insert(hop, (call.tool, call.item));
        }
        findings
    }

    /// Whether it would depart from its plan as far as the record goes: what came of the step before may be on its way there.
    pub(super) fn is_off(&self, resolved: &Resolved) -> bool {
        let Some(call) = planned(resolved) else { return false };
        let inner = self.inner.lock();
        let run = inner.runs.get(&resolved.task().id).and_then(|runs| runs.get(&resolved.mandate().agent));
        let hop = resolved.hop().id;
        let done = |tool: &ToolRef| run.map_or_else(Done::default, |run| run.done(tool, call.item, hop));
        resolved.mandate().plan.deviation(&call, done).is_some()
    }

    /// Whether what was let pass as planned still is, now that what other processes recorded was taken in.
    pub(super) fn bear(&self, footing: &Footing, now: Timestamp) -> bool {
        let Some(call) = footing.planned.as_ref().filter(|_| self.deployment.applies("PG-3.4", now)) else {
            return true;
        };
        let inner = self.inner.lock();
        let run = inner.runs.get(&footing.task.id).and_then(|runs| runs.get(&footing.mandate.agent));
        let done = |tool: &ToolRef| run.map_or_else(Done::default, |run| run.done(tool, call.item, footing.hop));
        footing.mandate.plan.deviation(call, done).is_none()
    }

    /// Gives back the place of a step that is not under way any more.
    pub(super) fn leave(&self, task: TaskId, hop: HopId) {
        if !self.has_any {
            return;
        }
        let mut inner = self.inner.lock();
        let Some(runs) = inner.runs.get_mut(&task) else { return };
        runs.retain(|_, run| {
            run.passing.remove(&hop);
            !run.passing.is_empty() || run.has_begun
        });
        if runs.is_empty() {
            inner.runs.remove(&task);
        }
    }

    /// Takes in a recorded decision.
    pub(super) fn decided(&self, decided: &v1::HopDecided) {
        if !self.has_any || decided.verb != "call_tool" || decided.answers.is_some() {
            return;
        }
        let Some(step) = self.step(decided) else { return };
        let Ok(hop) = decided.hop.parse::<HopId>() else { return };
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        let run = inner.runs.entry(step.task).or_default().entry(step.agent.clone()).or_default();
        run.passing.remove(&hop);
        // What only observes lets everything pass.
        if decided.decision != "allow" && decided.enforced {
            return;
        }
        run.has_begun = true;
        run.progress.note(&step.tool, step.item, Came::Begun);
        if inner.order.len() >= BEGUN_MAX
            && let Some(oldest) = inner.order.pop_front()
        {
            inner.begun.remove(&oldest);
        }
        inner.order.push_back(hop);
        inner.begun.insert(hop, step);
    }

    /// Takes in what came of a hop.
    pub(super) fn released(&self, released: &v1::HopReleased) {
        if !self.has_any {
            return;
        }
        let Ok(hop) = released.hop.parse::<HopId>() else { return };
        let mut inner = self.inner.lock();
        let Some(Step { task, agent, tool, item }) = inner.begun.remove(&hop) else { return };
        while inner.order.front().is_some_and(|oldest| !inner.begun.contains_key(oldest)) {
            inner.order.pop_front();
        }
        let Some(run) = inner.runs.get_mut(&task).and_then(|runs| runs.get_mut(&agent)) else { return };
        match released.outcome.as_str() {
            // A tool that says itself that it did not succeed has done no step.
            "delivered" if !released.succeeded() => run.progress.note(&tool, item, Came::Failed),
            "delivered" => run.progress.note(&tool, item, Came::Delivered),
            "failed" => run.progress.note(&tool, item, Came::Failed),
            _ => {}
        }
    }

    pub(super) fn closed(&self, record: &v1::TaskClosed) {
        if self.has_any
            && let Ok(task) = record.task.parse::<TaskId>()
        {
            self.inner.lock().runs.remove(&task);
        }
    }

    /// The step of a plan that a recorded call is, if it is one.
    fn step(&self, decided: &v1::HopDecided) -> Option<Step> {
        let agent: AgentName = decided.from.as_deref()?.strip_prefix("agent:")?.parse().ok()?;
        let plan = &self.deployment.agents.get(&agent)?.plan;
        let tool: ToolRef = decided.object.parse().ok()?;
        if !plan.has(&tool) {
            return None;
        }
        let task = decided.task.as_deref()?.parse().ok()?;
        let item = decided.item.as_deref().and_then(Item::written);
        Some(Step { task, agent, tool, item })
    }
}

impl Run {
    /// How often a step was taken for an item, and is being taken by others than this hop.
    fn done(&self, tool: &ToolRef, item: Option<Item>, hop: HopId) -> Done {
        let done = self.progress.of(tool, item.as_ref());
        let is_meant = |of: Option<Item>| item.is_none() || of.is_none() || of == item;
        let others =
            self.passing.iter().filter(|(other, (of, about))| **other != hop && of == tool && is_meant(*about));
        Done { begun: done.begun.saturating_add(others.count() as u64), ..done }
    }
}

/// The call that a hop is, if its agent has a plan.
pub(crate) fn planned(resolved: &Resolved) -> Option<PlannedCall> {
    let (hop, mandate) = (resolved.hop(), resolved.mandate());
    if mandate.plan.is_empty() || hop.turn != Turn::Ask || !matches!(hop.from, Principal::Agent(_)) {
        return None;
    }
    let tool = hop.act.tool()?;
    Some(PlannedCall::under(mandate, tool, resolved.tool().map(|tool| tool.class), resolved.item()))
}

/// Steps of which it is not known what came. Beyond that the oldest counts as one of which nobody will know.
const BEGUN_MAX: usize = 65_536;
