//! What is true around a hop: folds over the record, and nothing else.
//!
//! The recorder calls [`World::fold`] for each record in commit order, its own and those of other processes alike,
//! before it answers whoever wrote it. So a restart, a second process and a live run all see the same world.

mod answered;
mod conduct;
mod dry_runs;
mod histories;
mod joins;
mod memories;
mod passing;
mod pins;
mod sources;
mod standing;
mod tasks;
mod tickets;
mod traffic;
mod versions;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use maso_core::{
    AgentName, Digest, Findings, Hop, HopId, Mode, Phase, Principal, Refusal, Refused, Scope, TaskId, Timestamp,
    ToolRef, Turn,
};
use maso_identity::Identified;
use maso_intent::{AgentMandate, Circumstances, Deployment, PinState, Resolved, SolutionMandate, TaskSpec};
use maso_log::{Record, v1::Body};
use maso_policy::{Grounds, Traced, Verdicts};

use crate::footing::Footing;

use answered::Answered;
use conduct::Warned;
pub(crate) use conduct::{
    Asked, ChainStep, Deciding, Request, Spending, Step, asked, is_made, planned, spoken, write_assumption,
    write_statement,
};
pub use conduct::{Assumptions, Clarity, Conduct, ContextUse, Evaluation, Evaluations, Question, Said};
use dry_runs::DryRuns;
use histories::Histories;
pub use joins::{Invitation, Joins};
pub(crate) use memories::Delivery;
pub use memories::Memories;
pub(crate) use passing::Passing;
pub use pins::{Pin, Pins};
pub use sources::{Clock, Ids, SystemClock, SystemIds};
pub use standing::Standing;
pub(crate) use standing::{is_call, is_plan_attempt, may_move_phases};
pub use tasks::{Tasks, write as write_task};
pub use tickets::{Answer, TicketState, Tickets};
pub use traffic::{Counts, Credentials, Edge, Ends, Flow, Link, Party, SPAN_MS, SPANS, Traffic};
pub use versions::Versions;
pub(crate) use versions::write as write_approval;

/// Everything that is folded from the record of one deployment.
#[derive(Debug)]
pub struct World {
    deployment: Arc<Deployment>,
    mode: Mode,
    tasks: Tasks,
    tickets: Tickets,
    pins: Pins,
    standing: Standing,
    conduct: Conduct,
    dry_runs: DryRuns,
    histories: Histories,
    memories: Memories,
    versions: Versions,
    joins: Joins,
    traffic: Traffic,
    answered: Answered,
}

impl World {
    /// The world before anything was recorded.
    pub fn new(deployment: Arc<Deployment>, mode: Mode) -> Self {
        let tasks = Tasks::new(&deployment);
        Self {
            conduct: Conduct::new(&deployment, tasks.standing_ids()),
            tasks,
            tickets: Tickets::new(deployment.settings.held_actions_max),
            pins: Pins::new(&deployment),
            standing: Standing::new(&deployment),
            dry_runs: DryRuns::default(),
            histories: Histories::new(&deployment),
            memories: Memories::default(),
            versions: Versions::default(),
            joins: Joins::default(),
            traffic: Traffic::new(&deployment),
            answered: Answered::default(),
            deployment,
            mode,
        }
    }

    /// Takes in one record.
    pub fn fold(&self, record: &Record) {
        for Warned { agent, percent } in self.conduct.fold(record) {
            self.standing.context_warned(record.at, agent, percent);
        }
        self.traffic.fold(record);
        match &record.body {
            Body::TaskOpened(task) => self.tasks.opened(task),
            Body::TaskClosed(closed) => {
                self.tasks.closed(closed);
                self.memories.forget(&closed.task);
                self.histories.closed(closed);
            }
            Body::HopDecided(decided) => {
                self.tickets.decided(decided);
                self.dry_runs.decided(record.at, decided);
                self.memories
                    .decided((record.sequence, record.at), decided, |agent| Some(self.tasks.standing(agent)?.id));
                self.standing.decided(record.at, decided);
                self.histories.decided(record.at, decided);
                self.answered.decided(record.at, decided);
            }
            Body::DryRunEnded(ended) => self.dry_runs.ended(record.at, ended),
            Body::TicketAnswered(answered) => {
                self.tickets.answered(answered);
                self.histories.answered(record.at, answered);
            }
            Body::TicketExpired(expired) => {
                self.tickets.expired(expired);
                self.histories.let_go(&expired.ticket);
            }
            Body::TicketSpent(spent) => {
                self.tickets.spent(spent);
                self.histories.let_go(&spent.ticket);
            }
            Body::ClarificationAnswered(answered) => self.memories.clarified(answered),
            Body::ToolSeen(seen) => self.pins.seen(seen),
            Body::ToolApproved(approved) => self.pins.approved(approved),
            Body::PhaseChanged(changed) => self.standing.changed(record.at, changed),
            Body::Killed(killed) => self.standing.killed(record.at, killed),
            Body::Started(started) => self.versions.started(started),
            Body::JoinTokenIssued(issued) => self.joins.issued(record.at, issued),
            Body::JoinTokenUsed(used) => self.joins.used(used),
            Body::TaskEvaluated(evaluated) => self.standing.evaluated(record.at, evaluated),
            Body::HopReleased(released) => self.answered.released(record.at, released),
            Body::StartRefused(_)
            | Body::TaskAssessed(_)
            | Body::TokenIssued(_)
            | Body::SvidIssued(_)
            // What is believed of instances is the trust's.
            | Body::AgentSpawned(_)
            | Body::InstanceEnded(_)
            | Body::Revoked(_)
            | Body::DryRunStarted(_)
            | Body::InstructionUsed(_)
            | Body::MessageSaid(_)
            | Body::ContextCheckpoint(_)
            | Body::ClarificationAsked(_)
            | Body::AssumptionMade(_)
            | Body::AssumptionAnswered(_)
            | Body::PayloadsErased(_)
            | Body::OperatorSession(_) => {}
        }
    }

    /// What is true around this hop now.
    ///
    /// # Errors
    /// When the hop concerns no agent of the deployment.
    pub fn around(
        &self,
        identified: Identified,
        now: Timestamp,
    ) -> Result<(Identified, Circumstances), Box<Refused<Identified>>> {
        let Some(mandate) = party(identified.hop()).and_then(|agent| self.deployment.agents.get(agent)) else {
            let finding =
                maso_core::Finding::new("AT-1.2", maso_core::Word::NoGo, "the hop concerns no agent with a mandate");
            return Err(Box::new(Refused::new(identified, Refusal::OutOfMandate, finding)));
        };
        let task = match identified.task() {
            // What ended while the hop waited is not open. What had ended before it came is refused for that.
            Some(claim) => self
                .tasks
                .open(claim.task)
                .filter(|task| now < self.end_of(task) || identified.hop().at >= self.end_of(task)),
            None => self.tasks.standing(&mandate.agent),
        };
        let pin = match (identified.hop().act.tool(), identified.hop().turn) {
            (Some(tool), maso_core::Turn::Ask) => self.pin(tool, now),
            _ => PinState::Pinned,
        };
        let (agent_phase, around_phase) = self.phases_of(mandate, identified.hop().agent());
        let is_first = self.conduct.is_first(identified.hop());
        let circumstances = Circumstances {
            now,
            deployment: Arc::clone(&self.deployment),
            task,
            agent_phase,
            around_phase,
            pin,
            is_first,
            mode: self.mode,
        };
        Ok((identified, circumstances))
    }

    /// Whether everything that a decision rests on is as it was, or looser.
    pub(crate) fn bears(&self, footing: &Footing, passing: &Passing, now: Timestamp) -> bool {
        let (agent_phase, around_phase) = self.phases_of(&footing.mandate, footing.agent.as_ref());
        let (agent_phase, around_phase) = passing.meet(agent_phase, around_phase);
        agent_phase <= footing.agent_phase
            && around_phase <= footing.around_phase
            && self.tasks.is_open(&footing.task)
            && now < self.end_of(&footing.task)
            && footing.pin.as_ref().is_none_or(|(tool, pin)| self.pin(tool, now) == *pin)
            && self.tickets.bear(footing, now)
            && (!footing.was_tried || self.dry_runs.bear(&footing.action, now))
            && self.memories.bear(footing)
            && self.standing.bears(footing, now)
            && self.conduct.bears(footing, |agent| self.is_stopped(agent), now)
            // The last: whatever passes here takes its place among what is being committed.
            && self.histories.bear(footing, now)
    }

    /// The phases that a hop is looked at under: those of the agent whose mandate counts and, of an answer between
    /// agents, the worse of both. Who is stopped is told as little as it tells.
    fn phases_of(&self, mandate: &AgentMandate, agent: Option<&AgentName>) -> (Phase, Phase) {
        let (own, around) = self.standing.phases(&mandate.agent, &mandate.workflow);
        match agent.filter(|agent| **agent != mandate.agent).and_then(|agent| self.deployment.agents.get(agent)) {
            None => (own, around),
            Some(other) => {
                let (others, around_other) = self.standing.phases(&other.agent, &other.workflow);
                (own.max(others), around.max(around_other))
            }
        }
    }

    /// When a task ends by itself.
    fn end_of(&self, task: &TaskSpec) -> Timestamp {
        self.workflow_of(task).map_or(task.expires_at, |of| task.ends_at(&of.limits))
    }

    fn workflow_of(&self, task: &TaskSpec) -> Option<&Arc<SolutionMandate>> {
        self.deployment.workflows.get(&task.workflow)
    }

    /// Whether this agent is stopped: it is isolated, or everything around it is.
    pub fn is_stopped(&self, agent: &AgentName) -> bool {
        let Some(mandate) = self.deployment.agents.get(agent) else { return true };
        let (own, around) = self.standing.phases(agent, &mandate.workflow);
        own >= Phase::Alternate || around >= Phase::Emergency
    }

    /// Whether an agent is not stopped, and its task not over.
    pub(crate) fn may_work(&self, agent: &AgentName, task: &TaskSpec, now: Timestamp) -> bool {
        !self.is_stopped(agent) && self.tasks.is_open(task) && now < self.end_of(task)
    }

    /// What rates and limits say of this hop.
    pub fn limits(&self, resolved: &Resolved, now: Timestamp) -> Findings {
        let mut findings = self.standing.limits(resolved, now);
        findings.join(self.conduct.limits(resolved, |agent| self.is_stopped(agent), now));
        findings
    }

    /// Whether what comes of this hop, which is under way, must be on the record before anybody is told of it: it tries again
    /// what failed, or is the first of its kind.
    pub(crate) fn is_watched(&self, hop: HopId) -> bool {
        self.conduct.is_retry(hop) || self.conduct.is_first_under_way(hop)
    }

    /// What people have said of this action, and what trying it out showed.
    pub(crate) fn heard(&self, action: &Digest, hop: HopId, now: Timestamp) -> Verdicts {
        Verdicts { dry_run: self.dry_runs.of(action, hop, now).map(Box::new), ..self.tickets.heard(action, now) }
    }

    /// Whether this hop takes an agent's context past the warning, so that the posture must be asked when it is on the
    /// record.
    pub(crate) fn warns_of_context(&self, resolved: &Resolved, now: Timestamp) -> bool {
        self.conduct.warns(resolved, now)
    }

    /// How full an agent's context is in one task; `None` where nobody says how much it holds.
    pub fn context_in(&self, task: TaskId, agent: &AgentName, now: Timestamp) -> Option<ContextUse> {
        self.conduct.context_in(task, agent, now)
    }

    /// The fullest of an agent's contexts in all tasks; `None` where nobody says how much it holds, or nothing is in it.
    pub fn fullest_context(&self, agent: &AgentName, now: Timestamp) -> Option<ContextUse> {
        self.conduct.fullest_context(agent, now)
    }

    /// Whether this process may not have heard yet of what the hop rests on.
    pub(crate) fn may_be_behind(&self, resolved: &Resolved, now: Timestamp) -> bool {
        self.conduct.may_be_behind(resolved, now)
    }

    /// What temporal rules say of this hop.
    pub(crate) fn rules(&self, traced: &Traced, now: Timestamp) -> Findings {
        self.histories.judge(traced, now)
    }

    /// The deployment in force.
    pub fn deployment(&self) -> &Arc<Deployment> {
        &self.deployment
    }

    /// Whether decisions bind.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The tasks.
    pub fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    /// On what an agent may rest what it says: in this task, or without one in its standing task.
    pub fn grounds(&self, agent: &AgentName, task: Option<TaskId>) -> Grounds {
        let task = task.or_else(|| self.tasks.standing(agent).map(|task| task.id));
        task.map(|task| self.conduct.grounds(agent, task)).unwrap_or_default()
    }

    /// What is unclear.
    pub fn clarity(&self) -> &Clarity {
        self.conduct.clarity()
    }

    /// Notes that an agent showed itself to this process, without a hop that is on the record.
    pub fn seen(&self, agent: &AgentName, at: Timestamp) {
        self.conduct.seen(agent, at);
    }

    /// Whether an agent was heard of lately and is not stopped (EC-1.7).
    pub fn is_there(&self, agent: &AgentName, now: Timestamp) -> bool {
        self.conduct.is_there(agent, now) && !self.is_stopped(agent)
    }

    /// The held actions.
    pub fn tickets(&self) -> &Tickets {
        &self.tickets
    }

    /// The pinned and the published tool definitions.
    pub fn pins(&self) -> &Pins {
        &self.pins
    }

    /// Phases, breakers and counters.
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// How the tool's published definition stands to its pin, as far as that counts in this deployment (SC-2.2).
    pub fn pin(&self, tool: &ToolRef, now: Timestamp) -> PinState {
        if self.deployment.applies("SC-2.2", now) { self.pins.state(tool) } else { PinState::Pinned }
    }

    /// What was done, against what the mandates say of doing it.
    pub fn conduct(&self) -> &Conduct {
        &self.conduct
    }

    /// What each task has seen.
    pub fn memories(&self) -> &Memories {
        &self.memories
    }

    /// Which version of the deployment is in force.
    pub fn versions(&self) -> &Versions {
        &self.versions
    }

    /// Who was invited to join and did not yet.
    pub fn joins(&self) -> &Joins {
        &self.joins
    }

    /// Who deals with whom.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// Whether a request of one agent to another was answered, through whichever process.
    pub fn is_answered(&self, request: HopId) -> bool {
        self.answered.contains(request)
    }

    /// Whether it was, or its answer is on its way.
    pub(crate) fn is_being_answered(&self, request: HopId) -> bool {
        self.answered.is_or_may_be(request)
    }

    /// The worst phase on the way up from an agent.
    pub fn phase(&self, agent: &AgentName) -> Phase {
        match self.deployment.agents.get(agent) {
            Some(mandate) => {
                let (own, around) = self.standing.phases(agent, &mandate.workflow);
                own.max(around)
            }
            None => self.standing.phase_of(&Scope::Deployment),
        }
    }

    /// Closes what time alone closes: tickets nobody answered.
    pub fn overdue(&self, now: Timestamp) -> Vec<Body> {
        let tickets = self
            .tickets
            .overdue(now)
            .into_iter()
            .map(|ticket| Body::TicketExpired(maso_log::v1::TicketExpired { ticket: ticket.to_string() }));
        let tasks = self.tasks.overdue(|task| self.end_of(task) <= now).into_iter().map(|task| {
            Body::TaskClosed(maso_log::v1::TaskClosed {
                task: task.to_string(),
                reason: "its time is over".to_owned(),
                by: "maso".to_owned(),
            })
        });
        tickets.chain(tasks).chain(self.standing.orders(now)).collect()
    }
}

/// The agent whose mandate and whose standing task count: the one that asks or, between agents, is answered.
fn party(hop: &Hop) -> Option<&AgentName> {
    match (&hop.to, hop.turn) {
        (Principal::Agent(asker), Turn::Answer { .. }) => Some(asker),
        _ => hop.agent(),
    }
}
