//! What came of a task: its criteria, by what each says that decides it (AT-2.6).

use std::collections::{HashMap, HashSet};

use maso_core::words;
use maso_intent::{Came, Decider, SolutionMandate};
use maso_log::v1;

use super::trace::{Act, Trace};

/// What came of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every success criterion is met, and no failure was reported.
    Right,
    /// A success criterion is missed, or a failure was reported.
    Wrong,
    /// Nothing decides one of them yet.
    Undecided,
}
words!(Outcome { Right = "right", Wrong = "wrong", Undecided = "undecided" });

/// When a task succeeded, or failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Criterion {
    /// Its id.
    pub id: String,
    /// In words.
    pub text: String,
    /// Whether it says when the task failed.
    pub is_failure: bool,
    /// What decides it.
    pub decider: Option<Decider>,
    /// Whether it is met, if that is decided.
    pub is_met: Option<bool>,
}

/// All criteria of a task, decided as far as the record goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weighing {
    /// The criteria.
    pub criteria: Vec<Criterion>,
}

impl Criterion {
    /// Whether the record itself decides it, so that nobody's word can.
    pub fn is_decided_by_record(&self) -> bool {
        matches!(self.decider, Some(Decider::Tool(_) | Decider::Request(_)))
    }

    /// Whether this operator's word decides it.
    pub fn may_be_assessed_by(&self, operator: &str) -> bool {
        match &self.decider {
            Some(Decider::Person(person)) => person.as_str() == operator,
            Some(Decider::Tool(_) | Decider::Request(_)) => false,
            Some(Decider::Judge(_) | Decider::Field(_)) | None => true,
        }
    }
}

impl Weighing {
    /// What they say together.
    pub fn outcome(&self) -> Outcome {
        let (failures, successes): (Vec<_>, Vec<_>) = self.criteria.iter().partition(|criterion| criterion.is_failure);
        if failures.iter().any(|it| it.is_met == Some(true)) || successes.iter().any(|it| it.is_met == Some(false)) {
            Outcome::Wrong
        } else if !successes.is_empty() && successes.iter().all(|criterion| criterion.is_met == Some(true)) {
            Outcome::Right
        } else {
            Outcome::Undecided
        }
    }
}

/// The criteria of a task: those that it was opened with, by the ids of its workflow's where they are the same words, and
/// its workflow's failures.
pub fn criteria(opened: &v1::Task, solution: &SolutionMandate) -> Vec<Criterion> {
    let oispec = &solution.oispec;
    let successes = opened.success_criteria.iter().enumerate().map(|(index, text)| {
        let known = oispec.success_criteria.iter().position(|known| known == text);
        let id = known.and_then(|known| oispec.criterion_ids.get(known)).cloned();
        Criterion {
            id: id.unwrap_or_else(|| format!("task-{}", index + 1)),
            text: text.clone(),
            is_failure: false,
            decider: known.and_then(|known| oispec.deciders.get(known)).cloned().flatten(),
            is_met: None,
        }
    });
    let failures = oispec.failure_criteria.iter().enumerate().map(|(index, text)| Criterion {
        id: format!("failure-{}", index + 1),
        text: text.clone(),
        is_failure: true,
        decider: None,
        is_met: None,
    });
    successes.chain(failures).collect()
}

/// What came of a task, by its criteria.
pub fn outcome(trace: &Trace, criteria: &[Criterion]) -> Weighing {
    let came = Results::of(trace);
    let weighed = criteria.iter().map(|criterion| {
        let said = || {
            let mut about = trace.assessed.iter().filter(|assessed| assessed.criterion == criterion.id);
            let counts = |assessed: &&v1::TaskAssessed| {
                criterion.may_be_assessed_by(assessed.by.trim_start_matches("operator:"))
            };
            about.rfind(counts).map(|assessed| assessed.met)
        };
        // What was not read may have met it.
        let missed = || (trace.is_closed && trace.is_whole).then_some(false);
        let is_met = match &criterion.decider {
            Some(Decider::Tool(tool)) => {
                if came.tools.contains(&tool.to_string()) {
                    Some(true)
                } else {
                    missed()
                }
            }
            Some(Decider::Request(request)) => {
                if came.requests.contains(request.as_str()) {
                    Some(true)
                } else {
                    missed()
                }
            }
            Some(Decider::Judge(judge)) => said().or_else(|| judged(trace, judge.as_str(), criterion)),
            Some(Decider::Person(_) | Decider::Field(_)) | None => said(),
        };
        Criterion { is_met, ..criterion.clone() }
    });
    Weighing { criteria: weighed.collect() }
}

/// What a judge said of a criterion by name.
fn judged(trace: &Trace, judge: &str, criterion: &Criterion) -> Option<bool> {
    let names = |verdict: &&v1::Verdict| {
        verdict.judge == judge && verdict.criteria.iter().any(|it| *it == criterion.id || *it == criterion.text)
    };
    match trace.verdicts.iter().rfind(names)?.opinion.as_str() {
        "approve" => Some(true),
        "flag" | "escalate" | "block" => Some(false),
        _ => None,
    }
}

/// What was delivered, and answered as its schema asks.
#[derive(Debug, Default)]
struct Results {
    tools: HashSet<String>,
    requests: HashSet<String>,
}

impl Results {
    fn of(trace: &Trace) -> Self {
        let (mut results, mut called, mut requested) = (Self::default(), HashMap::new(), HashMap::new());
        let mut delivered = HashSet::new();
        for act in &trace.acts {
            match act {
                Act::Called { hop, tool, .. } => drop(called.insert(hop.as_str(), tool)),
                Act::Requested { hop, request } => drop(requested.insert(hop.as_str(), request)),
                Act::Came { hop, came: Came::Delivered } => drop(delivered.insert(hop.as_str())),
                Act::Came { .. } | Act::Answered { .. } | Act::Acted { .. } => {}
            }
        }
        let answered = trace.acts.iter().filter_map(|act| match act {
            Act::Answered { hop } => Some(hop.as_str()),
            _ => None,
        });
        for tool in answered.filter(|hop| delivered.contains(hop)).filter_map(|hop| called.get(hop)) {
            results.tools.insert(tool.to_string());
        }
        for request in delivered.iter().filter_map(|hop| requested.get(hop)) {
            results.requests.insert((*request).clone());
        }
        results
    }
}
