//! How a task was done: its means and its outcome, each judged by itself from the record (AT-2.6, AT-2.7, AT-2.13).
//!
//! [`means`] looks at what ran and never at what came of it; [`outcome`] looks at what is known of the criteria and never at
//! how. Only [`Class::of`] sees both. It is here, and not in the posture, because it reads records and mandates; posture
//! is told what was found.

mod means;
mod outcome;
mod trace;

use std::collections::BTreeMap;

use maso_core::{AgentName, TaskId, words};
use maso_intent::{Decider, SolutionMandate};
use maso_log::{LogFault, Owner, Reader, Record, v1};

pub use means::{Departure, Means, means};
pub use outcome::{Criterion, Outcome, Weighing, criteria, outcome};
pub use trace::{Act, Trace};

use crate::Path;

/// How an agent's part in a task was done (AT-2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Right means, right outcome.
    NormalOperation,
    /// One of both is not known, or a step is open: nobody may call it normal.
    Undecided,
    /// Right means, wrong outcome.
    ExecutionFailure,
    /// Wrong means, wrong outcome.
    VisibleFailure,
    /// Wrong means, right outcome: nothing but a look at the means finds it, and it is as urgent as a fraud.
    CreativeSubstitution,
}
words!(Class {
    NormalOperation = "normal-operation",
    Undecided = "undecided",
    ExecutionFailure = "execution-failure",
    VisibleFailure = "visible-failure",
    CreativeSubstitution = "creative-substitution",
});

impl Class {
    /// What means and outcome are together.
    pub const fn of(means: &Means, outcome: Outcome) -> Self {
        match (means, outcome) {
            (Means::Right, Outcome::Right) => Self::NormalOperation,
            (Means::Right | Means::Unfinished(_), Outcome::Wrong) => Self::ExecutionFailure,
            (Means::Wrong(_), Outcome::Wrong) => Self::VisibleFailure,
            (Means::Wrong(_), Outcome::Right) => Self::CreativeSubstitution,
            // A right outcome with a step open may have come about without it, or before it.
            (Means::Unfinished(_), Outcome::Right)
            | (Means::Unspecified, Outcome::Right | Outcome::Wrong)
            | (_, Outcome::Undecided) => Self::Undecided,
        }
    }

    /// What whoever receives it is to do.
    pub const fn recommends(self) -> &'static str {
        match self {
            Self::NormalOperation => "log",
            Self::Undecided => "decide",
            Self::ExecutionFailure => "remediate",
            Self::VisibleFailure => "incident",
            Self::CreativeSubstitution => "contain",
        }
    }
}

/// What a task was to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The operator's own words.
    pub words: String,
    /// What decides how it ended; none of it is decided here.
    pub criteria: Vec<Criterion>,
}

impl Path {
    /// How a task was done so far, one evaluation for each agent that acted in it, the gravest first; none if there is no
    /// such task, or nobody acted in it.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn evaluation(&self, task: TaskId) -> Result<Vec<v1::TaskEvaluated>, LogFault> {
        self.recorder.flush().await?;
        let reader = self.recorder.reader().clone();
        // It may read far; no hop waits for that.
        let read = tokio::task::spawn_blocking(move || records_of(&reader, task)).await;
        let records = read.map_err(|_| LogFault::Stopped)??;
        let Some(trace) = Trace::of(task, &records) else { return Ok(Vec::new()) };
        Ok(self.evaluate(&trace))
    }

    /// What a task was to do; `None` if there is no such task, and without criteria if there is no workflow for it any more.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn assignment(&self, task: TaskId) -> Result<Option<Assignment>, LogFault> {
        let records = self.recorder.reader().about(&task.to_string(), 1)?;
        let opened = records.iter().find_map(|record| match &record.body {
            v1::Body::TaskOpened(opened) => Some(opened),
            _ => None,
        });
        Ok(opened.map(|opened| Assignment {
            words: opened.words.clone(),
            criteria: self.solution(opened).map(|solution| criteria(opened, solution)).unwrap_or_default(),
        }))
    }

    /// Evaluates what ended, and what a person assessed, and records it. Called when a task is closed, and regularly: what
    /// a crash kept from being evaluated is evaluated then.
    ///
    /// # Errors
    /// When it could not be read or recorded; the next call tries again.
    pub async fn evaluate_due(&self) -> Result<(), LogFault> {
        if !self.world.deployment().applies("AT-2.6", self.clock.now()) {
            return Ok(());
        }
        for task in self.world.conduct().evaluations().due() {
            let mut evaluated = self.evaluation(task).await?.into_iter();
            let Some(gravest) = evaluated.next() else {
                self.world.conduct().evaluations().settle(task);
                continue;
            };
            if gravest.class == Class::CreativeSubstitution.as_str() {
                let (agent, workflow) = (&gravest.agent, &gravest.workflow);
                tracing::warn!(%task, agent, workflow, "AT-2.6: creative substitution: the right result by the wrong means");
            }
            let world = std::sync::Arc::clone(&self.world);
            let is_due = move || world.conduct().evaluations().is_due(task);
            let others = evaluated.map(Box::new).map(v1::Body::TaskEvaluated).collect();
            match self.recorder.record_if(v1::Body::TaskEvaluated(Box::new(gravest)), others, is_due).await {
                Ok(_) => self.follow_orders().await,
                // Another process did.
                Err(LogFault::Overtaken) => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }

    fn solution(&self, opened: &v1::Task) -> Option<&SolutionMandate> {
        let workflow = opened.workflow.parse().ok()?;
        self.world.deployment().workflows.get(&workflow).map(AsRef::as_ref)
    }

    fn evaluate(&self, trace: &Trace) -> Vec<v1::TaskEvaluated> {
        let (deployment, now) = (self.world.deployment(), self.clock.now());
        let Some(solution) = self.solution(&trace.opened) else { return Vec::new() };
        let criteria = criteria(&trace.opened, solution);
        let weighing = outcome(trace, &criteria);
        // Under other mandates than those it was opened under, nobody can say which means were right.
        let opened_under = trace.opened.mandates.as_deref();
        let is_same = opened_under.is_none()
            || opened_under == deployment.mandates_of(&solution.workflow).map(|digest| digest.to_string()).as_deref();
        let is_compared = is_same && deployment.applies("AT-2.7", now);
        let means = means(trace, deployment, is_compared);
        let attempts = self.world.conduct().attempts().trends(now);
        let mut evaluated: Vec<_> = means
            .iter()
            .map(|(agent, means)| {
                let patterns = attempts.iter().find(|trend| trend.is_of_agent(agent)).map(|trend| trend.patterns());
                let class = Class::of(means, weighing.outcome());
                let mandate = deployment.agents.get(agent).map(|mandate| mandate.id.clone());
                let attempts = trace.attempts.get(agent).cloned().unwrap_or_default();
                (
                    class,
                    write(trace, agent, (class, means, &weighing), (mandate, attempts, patterns.unwrap_or_default())),
                )
            })
            .collect();
        evaluated.sort_by_key(|(class, _)| std::cmp::Reverse(*class));
        evaluated.into_iter().map(|(_, evaluated)| evaluated).collect()
    }
}

fn write(
    trace: &Trace,
    agent: &AgentName,
    (class, means, weighing): (Class, &Means, &Weighing),
    (mandate, attempted, patterns): (Option<String>, BTreeMap<String, u32>, Vec<&'static str>),
) -> v1::TaskEvaluated {
    v1::TaskEvaluated {
        task: trace.opened.task.clone(),
        workflow: trace.opened.workflow.clone(),
        agent: agent.to_string(),
        mandate: mandate.unwrap_or_default(),
        class: class.to_string(),
        means: means.word().to_owned(),
        outcome: weighing.outcome().to_string(),
        departures: means.departures(),
        criteria: weighing.criteria.iter().map(Criterion::write).collect(),
        plan_attempts: attempted.into_iter().map(|(tool, n_attempts)| v1::Attempted { tool, n_attempts }).collect(),
        patterns: patterns.into_iter().map(str::to_owned).collect(),
        recommends: class.recommends().to_owned(),
        confidence: confidence(means, weighing),
    }
}

/// How much of it was decided, in percent: each criterion, and the means, count alike.
fn confidence(means: &Means, weighing: &Weighing) -> u8 {
    let n_all = weighing.criteria.len() + 1;
    let n_decided = weighing.criteria.iter().filter(|criterion| criterion.is_met.is_some()).count()
        + usize::from(!matches!(means, Means::Unspecified));
    u8::try_from(n_decided * 100 / n_all).unwrap_or(100)
}

impl Criterion {
    fn write(&self) -> v1::CriterionEvaluated {
        v1::CriterionEvaluated {
            id: self.id.clone(),
            is_failure: self.is_failure,
            is_met: self.is_met,
            decided_by: self.decider.as_ref().map(|decider| match decider {
                Decider::Judge(judge) => format!("judge:{judge}"),
                Decider::Person(person) => format!("person:{person}"),
                Decider::Tool(tool) => format!("schema:{tool}"),
                Decider::Request(request) => format!("schema:{request}"),
                Decider::Field(pointer) => format!("field:{pointer}"),
            }),
        }
    }
}

fn records_of(reader: &Reader, task: TaskId) -> Result<Vec<Record>, LogFault> {
    let (owner, mut from, mut records) = (Owner::Task(task), 1, Vec::new());
    loop {
        let page = reader.belonging(&owner, from, PAGE_MAX)?;
        records.extend(page.records);
        match page.next {
            Some(next) if records.len() < RECORDS_MAX => from = next,
            _ => {
                // What became of a hop stands on the page of its decision.
                records.sort_by_key(|record| record.sequence);
                records.dedup_by_key(|record| record.sequence);
                return Ok(records);
            }
        }
    }
}

/// Records that are read at a time.
const PAGE_MAX: usize = 1_000;
/// Records of one task that are looked at; with more of them nothing about it is decided.
pub(crate) const RECORDS_MAX: usize = 200_000;
