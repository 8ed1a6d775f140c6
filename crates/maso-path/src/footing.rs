//! What a decision rests on, and whether it still stands when the decision is about to be written.
//!
//! Between a decision and its commit, another process may stop somebody. So the writer asks, inside its transaction and
//! with everything folded that was recorded before: the very circumstances are looked at again, not a counter of all
//! changes, so that what does not concern a hop never sends it back (`docs/decisions/0011`).

use std::sync::Arc;

use maso_core::{AgentName, Digest, Finding, Hop, HopId, Phase, Principal, TicketId, Timestamp, ToolRef, Turn, Word};
use maso_identity::{Basis, Identified};
use maso_intent::{AgentMandate, Clarifying, Counted, Item, Moved, PinState, PlannedCall, TaskSpec};
use maso_policy::{Approval, Denial, Event, Spoken, Subject, Verdicts, Weighed};

use crate::{
    Path,
    spawning::{Spawn, stopped_starter},
    world::{Asked, ChainStep, Deciding, Passing, Request, Spending, Step, asked, is_call, is_made, planned, spoken},
};

/// What a decision rests on: everything around the hop that may change before the decision is on the record.
#[derive(Clone, Debug)]
pub(crate) struct Footing {
    /// The hop.
    pub(crate) hop: HopId,
    /// When it came: what happened later has no part in what it says.
    pub(crate) at: Timestamp,
    /// Why its sender is believed.
    pub(crate) basis: Basis,
    /// The mandate that it was looked at under.
    pub(crate) mandate: Arc<AgentMandate>,
    /// The agent that sends or, between agents, answers.
    pub(crate) agent: Option<AgentName>,
    /// No worse than this was the agent's phase.
    pub(crate) agent_phase: Phase,
    /// No worse than this was the phase around it.
    pub(crate) around_phase: Phase,
    /// The task, which was open.
    pub(crate) task: Arc<TaskSpec>,
    /// How the definition of the tool stood that is called, if one is.
    pub(crate) pin: Option<(ToolRef, PinState)>,
    /// The exact action.
    pub(crate) action: Digest,
    /// Who had approved it.
    pub(crate) approvals: Vec<Approval>,
    /// The ticket under which it is to wait, if it is.
    pub(crate) ticket: Option<TicketId>,
    /// Whether it happens because it was tried out and succeeded.
    pub(crate) was_tried: bool,
    /// Whether it counts as a call of its agent.
    pub(crate) is_call: bool,
    /// What it moves, if it is a transaction.
    pub(crate) moves: Option<u64>,
    /// What it spends of what its requests allow, if any of them bounds that.
    pub(crate) spending: Option<Spending>,
    /// Digest of what it is about, if it is about anything.
    pub(crate) item: Option<Digest>,
    /// The request that it makes of another agent, if it makes one.
    pub(crate) request: Option<Request>,
    /// What it decides about its item, if it decides anything.
    pub(crate) deciding: Option<Deciding>,
    /// What it adds to contexts and budgets.
    pub(crate) counted: Vec<Counted>,
    /// The call that it is of a plan, if it was decided as one that does not depart from it.
    pub(crate) planned: Option<PlannedCall>,
    /// What of it concerns the sequence of agents, if anything does.
    pub(crate) step: Option<Step>,
    /// The instance that it starts, if it starts one.
    pub(crate) spawn: Option<Spawn>,
    /// What it is about, if it starts work.
    pub(crate) work: Option<Work>,
    /// Whom it asks for work.
    pub(crate) asked: Option<Asked>,
    /// Whether it asks what is meant.
    pub(crate) is_question: bool,
    /// Whether it says what its agent takes for granted.
    pub(crate) is_assumption: bool,
    /// What one agent says to another by it.
    pub(crate) spoken: Option<Spoken>,
    /// What it would go on with, if it changes something and whether that can be undone counts (EC-2.11).
    pub(crate) chain_step: Option<ChainStep>,
    /// What temporal rules see of it, if they see anything.
    pub(crate) event: Option<Event>,
    /// The most restrictive word of what happened before (temporal rules, turns, decisions) that it was decided under, or could have been.
    pub(crate) rules_word: Word,
}

/// Work that waits while whoever does it has asked what is meant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    /// What it is about, if that is known.
    pub(crate) item: Option<Item>,
}

impl Footing {
    pub(crate) fn of(weighed: &Weighed, verdicts: &Verdicts, ticket: Option<TicketId>) -> Self {
        let resolved = weighed.resolved();
        let (hop, circumstances) = (resolved.hop(), resolved.circumstances());
        let called = hop.act.tool().filter(|_| hop.turn == Turn::Ask);
        Self {
            hop: hop.id,
            at: hop.at,
            basis: resolved.identified().basis().clone(),
            mandate: Arc::clone(resolved.mandate()),
            agent: hop.agent().cloned(),
            agent_phase: circumstances.agent_phase,
            around_phase: circumstances.around_phase,
            task: Arc::clone(resolved.task()),
            pin: called.map(|tool| (tool.clone(), circumstances.pin)),
            action: resolved.action_digest(),
            approvals: verdicts.approvals.clone(),
            ticket,
            was_tried: ticket.is_none() && weighed.review().dry_run,
            is_call: is_call(hop),
            moves: match resolved.moved() {
                Some(Moved::Minor(moves)) => Some(moves),
                Some(Moved::Unclear(_)) | None => None,
            },
            spending: Spending::of(resolved),
            item: resolved.item().map(|item| item.digest()),
            request: Request::of(resolved),
            deciding: Deciding::of(resolved),
            counted: resolved.counted(),
            planned: planned(resolved).filter(|_| !weighed.findings().iter().any(is_off_plan)),
            step: Step::of(resolved),
            spawn: Spawn::of(resolved, circumstances.now).ok().flatten(),
            work: resolved.starts_work().then(|| Work { item: resolved.item() }),
            asked: asked(resolved),
            is_question: matches!(resolved.clarifying(), Some(Clarifying::AskPerson | Clarifying::AskBack { .. })),
            is_assumption: is_made(resolved),
            spoken: spoken(resolved),
            chain_step: ChainStep::of(resolved).filter(|_| resolved.deployment().applies("EC-2.11", circumstances.now)),
            event: match resolved.deployment().rules.is_empty() {
                true => None,
                false => Event::deciding(resolved, weighed.label(), circumstances.now),
            },
            // A person was heard about it, or is about to be: a rule that wants one has nothing more against it.
            rules_word: if ticket.is_some() || weighed.review().n_people > 0 { Word::Escalate } else { Word::Go },
        }
    }
}

impl Path {
    /// The question that the writer asks before it writes a decision that something is released on. The recorder keeps
    /// it until the decision is written, and the hop's places with it, whether or not anybody waits for that.
    pub(crate) fn still_stands(&self, footing: Footing, passing: &Arc<Passing>) -> impl Fn() -> bool + Send + use<> {
        let (world, trust, clock) = (Arc::clone(&self.world), Arc::clone(&self.trust), Arc::clone(&self.clock));
        let passing = Arc::clone(passing);
        move || {
            let (instances, now) = (trust.instances(), clock.now());
            let instance = footing.basis.instance();
            trust.bears(&footing.basis).is_ok()
                && instance.is_none_or(|id| instances.find(id).is_some_and(|it| it.counts_at(now)))
                && stopped_starter(instances, instance, &world).is_none()
                && footing.spawn.as_ref().is_none_or(|spawn| spawn.fits(instances, now))
                && world.bears(&footing, &passing, now)
        }
    }

    /// The same question about a denial that does not bind, because the deployment only observes: what a person stopped
    /// or revoked is stopped all the same.
    pub(crate) fn still_observed(&self, denial: &Denial) -> impl Fn() -> bool + Send + use<> {
        let identified = match &denial.subject {
            Subject::Weighed(weighed) => Some(weighed.resolved().identified()),
            Subject::Identified(identified) => Some(identified.as_ref()),
            Subject::Received(_) => None,
        };
        let basis = identified.map(|identified| identified.basis().clone()).unwrap_or_default();
        let agents: Vec<AgentName> = identified.map(Identified::hop).into_iter().flat_map(agents_of).cloned().collect();
        let (world, trust) = (Arc::clone(&self.world), Arc::clone(&self.trust));
        move || {
            let is_stopped =
                |agent: &AgentName| world.deployment().agents.contains_key(agent) && world.is_stopped(agent);
            trust.bears(&basis).is_ok() && !agents.iter().any(is_stopped)
        }
    }
}

/// Whether it says that a call departs from its plan, and that this was weighed.
fn is_off_plan(finding: &Finding) -> bool {
    finding.control.as_str() == "PG-3.4"
}

fn agents_of(hop: &Hop) -> impl Iterator<Item = &AgentName> {
    [&hop.from, &hop.to].into_iter().filter_map(|party| match party {
        Principal::Agent(agent) => Some(agent),
        Principal::Server(_) | Principal::Operator(_) => None,
    })
}
