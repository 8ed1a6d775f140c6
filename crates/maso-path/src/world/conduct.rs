//! What was done, held against what the mandates say of doing it: how much, in which order, how often, by whom.
//!
//! Each file below is one fold with one subject, and answers three questions: what its limits say of a hop, whether a
//! decision still stands at its commit, and what is given back when a hop is not under way any more.

mod tallies;

use std::sync::Arc;

use maso_core::{Findings, HopId, TaskId, Timestamp};
use maso_intent::{Deployment, Resolved};
use maso_log::{Record, v1::Body};

use crate::footing::Footing;

use tallies::Tallies;

/// All conduct, folded from the record.
#[derive(Debug)]
pub(crate) struct Conduct {
    deployment: Arc<Deployment>,
    tallies: Tallies,
}

impl Conduct {
    pub(super) fn new(deployment: &Arc<Deployment>) -> Self {
        Self { deployment: Arc::clone(deployment), tallies: Tallies::default() }
    }

    /// Takes in one record.
    pub(super) fn fold(&self, record: &Record) {
        match &record.body {
            Body::TaskClosed(closed) => self.tallies.closed(closed),
            Body::HopDecided(decided) => self.tallies.decided(record.at, decided),
            _ => {}
        }
    }

    /// What was done so far says this of the hop.
    pub(super) fn limits(&self, resolved: &Resolved, now: Timestamp) -> Findings {
        self.tallies.limits(resolved, now)
    }

    /// Whether what was let pass still may, now that what other processes recorded was taken in.
    pub(super) fn bears(&self, footing: &Footing, now: Timestamp) -> bool {
        let Some(workflow) = self.deployment.workflows.get(&footing.task.workflow) else { return false };
        self.tallies.bear(footing, &workflow.limits, now)
    }

    /// Gives back what a hop took that is not under way any more.
    pub(super) fn leave(&self, task: TaskId, hop: HopId) {
        self.tallies.leave(task, hop);
    }
}
