//! What was done, held against what the mandates say of doing it: how much, in which order, how often, by whom.
//!
//! Each file below is one fold with one subject, and answers three questions: what its limits say of a hop, whether a
//! decision still stands at its commit, and what is given back when a hop is not under way any more.

mod assumptions;
mod attempts;
mod awaiting;
mod chain;
mod clarity;
mod commits;
mod context;
mod delegations;
mod depths;
mod evaluations;
mod firsts;
mod lineages;
mod plans;
mod presence;
mod quotas;
mod requests;
mod retries;
mod sequence;
mod spent;
mod tallies;
#[cfg(test)]
mod tests;
mod turns;

use std::{collections::HashSet, sync::Arc};

use maso_core::{AgentName, Findings, Hop, HopId, TaskId, Timestamp, Word};
use maso_intent::{Deployment, Resolved};
use maso_log::{
    Record,
    v1::{self, Body},
};
use maso_policy::Grounds;
use maso_posture::Attempts;

use crate::footing::Footing;

pub use assumptions::Assumptions;
pub(crate) use assumptions::{is_made, spoken, write_assumption};
use attempts::PlanAttempts;
pub(crate) use chain::ChainStep;
use chain::Chains;
pub use clarity::{Clarity, Question, Said};
use commits::Commits;
pub(crate) use commits::Deciding;
pub use context::ContextUse;
use context::Contexts;
pub(super) use context::Warned;
use delegations::Delegations;
use depths::Depths;
pub use evaluations::{Evaluation, Evaluations};
use firsts::Firsts;
use lineages::Lineages;
pub(crate) use lineages::write_statement;
use plans::Plans;
pub(crate) use plans::planned;
use presence::Presence;
pub(crate) use presence::{Asked, asked};
use quotas::Quotas;
pub(crate) use quotas::Spending;
pub(crate) use requests::Request;
use requests::Runs;
use retries::{Patience, Retries};
use sequence::Sequence;
pub(crate) use sequence::Step;
use tallies::Tallies;
use turns::Turns;

/// All conduct, folded from the record.
#[derive(Debug)]
pub struct Conduct {
    deployment: Arc<Deployment>,
    runs: Runs,
    tallies: Tallies,
    turns: Turns,
    delegations: Delegations,
    quotas: Quotas,
    chains: Chains,
    depths: Depths,
    retries: Retries,
    commits: Commits,
    contexts: Contexts,
    plans: Plans,
    evaluations: Evaluations,
    lineages: Lineages,
    assumptions: Assumptions,
    firsts: Firsts,
    attempts: PlanAttempts,
    sequence: Sequence,
    clarity: Clarity,
    presence: Presence,
}

impl Conduct {
    /// Nothing was done yet; these are the standing tasks.
    pub(super) fn new(deployment: &Arc<Deployment>, standing: HashSet<TaskId>) -> Self {
        Self {
            deployment: Arc::clone(deployment),
            runs: Runs::new(deployment),
            tallies: Tallies::default(),
            turns: Turns::default(),
            delegations: Delegations::default(),
            quotas: Quotas::default(),
            chains: Chains::default(),
            depths: Depths::default(),
            retries: Retries::default(),
            commits: Commits::default(),
            contexts: Contexts::new(deployment, standing),
            plans: Plans::new(deployment),
            evaluations: Evaluations::default(),
            lineages: Lineages::default(),
            assumptions: Assumptions::default(),
            firsts: Firsts::default(),
            attempts: PlanAttempts::default(),
            sequence: Sequence::new(deployment),
            clarity: Clarity::new(deployment),
            presence: Presence::new(deployment),
        }
    }

    /// Takes in one record. Gives the agents whose contexts it took past the warning.
    pub(super) fn fold(&self, record: &Record) -> Vec<Warned> {
        match &record.body {
            Body::TaskOpened(task) => {
                self.sequence.opened(task);
                self.clarity.opened(task);
            }
            Body::TaskClosed(closed) => self.closed(closed),
            Body::HopDecided(decided) => {
                self.tallies.decided(record.at, decided);
                self.quotas.decided(decided);
                self.retries.decided(record.at, decided);
                self.commits.decided(record.at, decided, &self.deployment);
                self.request(record.at, decided);
                self.plans.decided(decided);
                self.chains.decided(&self.deployment, record.at, decided);
                self.presence.decided(decided);
                self.sequence.decided(record.sequence, decided);
                self.attempts.decided(&self.deployment, record.at, decided);
                self.firsts.decided(&self.deployment, decided);
                self.lineages.decided(&self.deployment, decided);
            }
            Body::MessageSaid(said) => self.lineages.said(said),
            Body::HopReleased(released) => {
                self.retries.released(record.at, released);
                self.commits.released(released);
                self.plans.released(released);
                self.chains.released(released);
                self.sequence.released(released);
                self.firsts.released(released);
                if let ("failed", Ok(hop)) = (released.outcome.as_str(), released.hop.parse()) {
                    self.depths.ended(hop);
                }
            }
            Body::ContextCheckpoint(checkpoint) => self.contexts.rotated(record.at, checkpoint),
            Body::ClarificationAsked(asked) => self.clarity.asked(record.at, asked),
            Body::ClarificationAnswered(answered) => self.clarity.answered(answered),
            Body::AssumptionMade(made) => self.assumptions.made(record.at, made),
            Body::AssumptionAnswered(answered) => self.assumptions.answered(answered),
            _ => {}
        }
        self.evaluations.fold(record.at, &record.body);
        match &record.body {
            Body::HopDecided(decided) => self.contexts.decided(record.at, decided),
            _ => Vec::new(),
        }
    }

    /// Takes in what became of what one agent said to another.
    fn request(&self, at: Timestamp, decided: &v1::HopDecided) {
        if !matches!(decided.verb.as_str(), "request" | "tell") || decided.decision != "allow" {
            return;
        }
        if let Some(request) = self.runs.read(&self.deployment, decided) {
            self.turns.asked(at, &request);
            if request.hands_on {
                self.delegations.asked(at, &request);
                self.depths.asked(&request, &self.deployment);
            }
        } else if let Some(Ok(answered)) = decided.answers.as_deref().map(str::parse) {
            self.depths.ended(answered);
        }
    }

    fn closed(&self, closed: &v1::TaskClosed) {
        self.tallies.closed(closed);
        self.quotas.closed(closed);
        self.contexts.closed(closed);
        self.plans.closed(closed);
        self.chains.closed(closed);
        self.sequence.closed(closed);
        self.clarity.closed(closed);
        self.lineages.closed(closed);
        self.assumptions.closed(closed);
        if let Ok(task) = closed.task.parse() {
            let run = self.runs.run(task);
            self.turns.closed(&run);
            self.delegations.closed(&run);
            self.depths.closed(&run);
            self.retries.closed(task);
        }
    }

    /// On what an agent may rest what it says in this task.
    pub(super) fn grounds(&self, agent: &AgentName, task: TaskId) -> Grounds {
        self.lineages.grounds(agent, task)
    }

    /// Which tasks wait to be evaluated, and what was found.
    pub fn evaluations(&self) -> &Evaluations {
        &self.evaluations
    }

    /// The plan attempts of the last thirty days (AT-2.8).
    pub fn attempts(&self) -> Attempts {
        self.attempts.all()
    }

    /// What was done so far says this of the hop. `is_stopped` says it of the agent that is asked for work.
    pub(super) fn limits(
        &self,
        resolved: &Resolved,
        is_stopped: impl Fn(&AgentName) -> bool,
        now: Timestamp,
    ) -> Findings {
        let mut findings = self.tallies.limits(resolved, now);
        findings.join(self.quotas.limits(resolved));
        findings.join(self.contexts.limits(resolved, now));
        findings.join(self.plans.limits(resolved, now));
        findings.join(self.sequence.limits(resolved, now));
        findings.join(self.clarity.limits(resolved, now));
        findings.join(self.chains.limits(resolved, now));
        findings.join(self.lineages.limits(resolved, now));
        findings.join(self.assumed(resolved, now));
        if let Some(asked) = asked(resolved) {
            let absent = self.presence.limits(&asked, is_stopped(&asked.agent), now);
            absent.into_iter().for_each(|finding| findings.add(finding));
        }
        let applies = |control: &str| self.deployment.applies(control, now);
        let bounds = &resolved.solution().bounds;
        if let Some(request) = Request::of(resolved) {
            if applies("EC-1.5") {
                findings.join(self.turns.limits(&request, bounds.turns_max, now));
            }
            if applies("EC-1.5a") && request.hands_on {
                findings.join(self.delegations.limits(&request, bounds, now));
                findings.join(self.depths.limits(&request, &self.deployment));
            }
            return findings;
        }
        findings.join(self.retries.limits(resolved, Patience::of(bounds, resolved.mandate(), applies), now));
        if applies("EC-2.6") {
            findings.join(self.commits.limits(resolved, bounds, now));
        }
        findings
    }

    /// Whether something stands against the hop that what is on its way to the disk may take away.
    pub(super) fn may_be_behind(&self, resolved: &Resolved, now: Timestamp) -> bool {
        self.sequence.limits(resolved, now).word() > Word::Go
            || self.plans.is_off(resolved)
            || self.contexts.is_crowded(resolved, now)
            || self.clarity.limits(resolved, now).word() > Word::Go
            || self.lineages.limits(resolved, now).word() > Word::Go
            || self.assumed(resolved, now).word() > Word::Go
    }

    /// Whether what was let pass still may, now that what other processes recorded was taken in.
    pub(super) fn bears(&self, footing: &Footing, is_stopped: impl Fn(&AgentName) -> bool, now: Timestamp) -> bool {
        let Some(workflow) = self.deployment.workflows.get(&footing.task.workflow) else { return false };
        let applies = |control: &str| self.deployment.applies(control, now);
        let (bounds, heard) = (&workflow.bounds, footing.rules_word);
        let may_ask = |request: &Request| {
            (!applies("EC-1.5") || self.turns.bear(request, bounds.turns_max, heard, now))
                && (!applies("EC-1.5a")
                    || !request.hands_on
                    || self.delegations.bear(request, bounds, now) && self.depths.bear(request, &self.deployment))
        };
        let may_decide = |deciding: &Deciding| !applies("EC-2.6") || self.commits.bear(deciding, bounds, heard, now);
        self.tallies.bear(footing, &workflow.limits, now)
            && self.quotas.bear(footing.spending.as_ref())
            && self.contexts.bear(footing, &workflow.limits, now)
            && self.plans.bear(footing, now)
            && self.clarity.bear(footing, now)
            && self.assumptions.bear(footing, &self.deployment, now)
            && self.chain_bears(footing, now)
            && footing.asked.as_ref().is_none_or(|asked| self.presence.bear(asked, is_stopped(&asked.agent), now))
            && self.sequence.bears(footing.task.id, footing.step.as_ref(), now)
            && self.retries.bear(footing, Patience::of(bounds, &footing.mandate, applies), now)
            && footing.request.as_ref().is_none_or(may_ask)
            && footing.deciding.as_ref().is_none_or(may_decide)
    }

    /// What is said of a hop by what is assumed in its task.
    fn assumed(&self, resolved: &Resolved, now: Timestamp) -> Findings {
        let task = resolved.task().id;
        self.assumptions.limits(resolved, |agent, inputs| self.lineages.not_given(task, agent, inputs), now)
    }

    /// Whether a person was asked about a step, or still needs not be.
    fn chain_bears(&self, footing: &Footing, now: Timestamp) -> bool {
        let Some(step) = &footing.chain_step else { return true };
        footing.rules_word >= Word::Escalate || self.chains.bear(&footing.task, step, now)
    }

    /// Whether this hop, which is under way, tries again what failed.
    pub(super) fn is_retry(&self, hop: HopId) -> bool {
        self.retries.is_retry(hop)
    }

    /// Whether a hop calls a tool that its agent has not carried out before.
    pub(super) fn is_first(&self, hop: &Hop) -> bool {
        self.firsts.is_first(hop)
    }

    /// Whether this hop, which is under way, is such a call.
    pub(super) fn is_first_under_way(&self, hop: HopId) -> bool {
        self.firsts.is_under_way(hop)
    }

    /// Whether this hop takes an agent's context past the warning.
    pub(super) fn warns(&self, resolved: &Resolved, now: Timestamp) -> bool {
        self.contexts.warns(resolved, now)
    }

    /// How full an agent's context is in one task.
    pub(super) fn context_in(&self, task: TaskId, agent: &AgentName, now: Timestamp) -> Option<ContextUse> {
        self.contexts.usage_in(task, agent, now)
    }

    /// The fullest of an agent's contexts.
    pub(super) fn fullest_context(&self, agent: &AgentName, now: Timestamp) -> Option<ContextUse> {
        self.contexts.fullest(agent, now)
    }

    /// Gives back what a hop took that is not under way any more.
    pub(super) fn leave(&self, task: TaskId, hop: HopId) {
        self.tallies.leave(task, hop);
        self.quotas.leave(task, hop);
        self.turns.leave(hop);
        self.delegations.leave(hop);
        self.retries.leave(hop);
        self.commits.leave(hop);
        self.contexts.leave(task, hop);
        self.plans.leave(task, hop);
    }

    /// What agents assume for themselves.
    pub fn assumptions(&self) -> &Assumptions {
        &self.assumptions
    }

    /// What is unclear.
    pub(super) fn clarity(&self) -> &Clarity {
        &self.clarity
    }

    /// Notes that an agent showed itself to this process.
    pub(super) fn seen(&self, agent: &AgentName, at: Timestamp) {
        self.presence.seen(agent, at);
    }

    /// Whether an agent was heard of lately.
    pub(super) fn is_there(&self, agent: &AgentName, now: Timestamp) -> bool {
        self.presence.is_there(agent, now)
    }
}
