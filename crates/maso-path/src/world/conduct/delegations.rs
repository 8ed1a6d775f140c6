//! How much work agents give to each other (EC-1.5a): requests in one task, and in a workflow within an hour.

use std::collections::{HashMap, VecDeque};

use maso_core::{Finding, Findings, HopId, Timestamp, Word, WorkflowName};
use maso_intent::Bounds;
use parking_lot::Mutex;

use super::requests::{Request, Run};

/// All requests that were released, counted.
#[derive(Debug, Default)]
pub(super) struct Delegations(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    runs: HashMap<Run, Bins>,
    workflows: HashMap<WorkflowName, Bins>,
    /// What was let pass and is not on the record yet.
    passing: HashMap<HopId, (Run, WorkflowName)>,
}

impl Delegations {
    /// What the limits say of this request.
    pub(super) fn limits(&self, request: &Request, bounds: &Bounds, now: Timestamp) -> Findings {
        let mut findings = Findings::none();
        let mut inner = self.0.lock();
        inner.passing.remove(&request.hop);
        match inner.excess(request, bounds, now) {
            None => drop(inner.passing.insert(request.hop, (request.run.clone(), request.workflow.clone()))),
            Some(why) => findings.add(Finding::new("EC-1.5a", Word::NoGo, why)),
        }
        findings
    }

    pub(super) fn bear(&self, request: &Request, bounds: &Bounds, now: Timestamp) -> bool {
        self.0.lock().excess(request, bounds, now).is_none()
    }

    pub(super) fn leave(&self, hop: HopId) {
        self.0.lock().passing.remove(&hop);
    }

    /// Takes in a request that was released.
    pub(super) fn asked(&self, at: Timestamp, request: &Request) {
        let mut inner = self.0.lock();
        inner.passing.remove(&request.hop);
        let of_run = match request.run {
            Run::Task(_) => Bins::WHOLE,
            Run::Standing(_) => Bins::DAY,
        };
        inner.runs.entry(request.run.clone()).or_insert_with(|| Bins::new(of_run)).add(at);
        inner.workflows.entry(request.workflow.clone()).or_insert_with(|| Bins::new(Bins::HOUR)).add(at);
    }

    pub(super) fn closed(&self, run: &Run) {
        self.0.lock().runs.remove(run);
    }
}

impl Inner {
    /// Why one more request does not fit, besides those that are under way.
    fn excess(&self, request: &Request, bounds: &Bounds, now: Timestamp) -> Option<String> {
        let others = || self.passing.iter().filter(|(hop, _)| **hop != request.hop).map(|(_, place)| place);
        let in_run = others().filter(|(run, _)| *run == request.run).count() as u64;
        let in_workflow = others().filter(|(_, workflow)| *workflow == request.workflow).count() as u64;
        let done = |bins: Option<&Bins>| bins.map_or(0, |bins| bins.sum(now));
        let (most, hourly) = (bounds.delegations_max, bounds.delegations_per_hour_max);
        if done(self.runs.get(&request.run)).saturating_add(in_run) >= u64::from(most) {
            let within = if matches!(request.run, Run::Task(_)) { "in one task" } else { "within a day" };
            return Some(format!("more than {most} requests between agents {within}"));
        }
        let in_hour = done(self.workflows.get(&request.workflow)).saturating_add(in_workflow);
        (in_hour >= u64::from(hourly)).then(|| {
            format!("more than {hourly} requests between agents of workflow `{}` within an hour", request.workflow)
        })
    }
}

/// A count over time, in bins of one width, oldest first.
#[derive(Debug)]
struct Bins {
    shape: Shape,
    bins: VecDeque<(i64, u64)>,
}

/// How wide a bin is, and how many whole ones count beside the one that is begun.
#[derive(Clone, Copy, Debug)]
struct Shape {
    width_ms: i64,
    n_whole: i64,
}

impl Bins {
    const WHOLE: Shape = Shape { width_ms: i64::MAX, n_whole: 1 };
    const DAY: Shape = Shape { width_ms: 3_600_000, n_whole: 24 };
    const HOUR: Shape = Shape { width_ms: 60_000, n_whole: 60 };

    const fn new(shape: Shape) -> Self {
        Self { shape, bins: VecDeque::new() }
    }

    fn add(&mut self, at: Timestamp) {
        let bin = at.as_millis().div_euclid(self.shape.width_ms);
        // A clock that was set back counts into the last bin, so that they stay in order.
        match self.bins.back_mut().filter(|(last, _)| *last >= bin) {
            Some((_, n)) => *n = n.saturating_add(1),
            None => self.bins.push_back((bin, 1)),
        }
        while self.bins.front().is_some_and(|(first, _)| *first < bin - self.shape.n_whole) {
            self.bins.pop_front();
        }
    }

    /// The bin that is only partly gone must not let its requests go early.
    fn sum(&self, now: Timestamp) -> u64 {
        let since = now.as_millis().div_euclid(self.shape.width_ms) - self.shape.n_whole;
        self.bins.iter().filter(|(bin, _)| *bin >= since).fold(0, |sum, (_, n)| sum.saturating_add(*n))
    }
}
