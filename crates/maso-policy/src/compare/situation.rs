//! One version of a deployment, and what it makes of one concrete action: by the stages of the path themselves.

use std::sync::Arc;

use maso_core::{
    Act, AgentName, Confidentiality, Hop, HopId, Integrity, Label, Mode, Phase, Principal, Review, Source, TaskId,
    Timestamp, Turn, Word,
};
use maso_intent::{Circumstances, Deployment, PinState, Prospect, ResultLabels, Specification, TaskKind, TaskSpec};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    CompileError, Memory, Policies,
    authorise::judge,
    trace::follow,
    view::View,
    weigh::{Appraisal, appraise},
};

/// A version of a deployment at a moment, ready to be asked.
#[derive(Debug)]
pub(super) struct Version {
    pub(super) deployment: Arc<Deployment>,
    pub(super) policies: Policies,
    now: Timestamp,
}

/// One concrete action, and what is true around it.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// The agent that acts, or whose client is asked or told something.
    pub agent: AgentName,
    /// What is done.
    pub act: Act,
    /// With these arguments, or this content.
    pub payload: Value,
    /// How far the origins of its values are believed.
    pub origin: Integrity,
    /// The label of all that the task has seen.
    pub seen: Label,
    /// Whether a person opened the task; otherwise it is the agent's standing one.
    pub opened: bool,
    /// The PACE phase of the workflow and the deployment.
    pub phase: Phase,
}

/// What becomes of an action before anybody was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It is refused, whoever is asked.
    Refused,
    /// It happens once so many judges and people approved.
    After(Review),
}

impl Outcome {
    /// Whether something is easier here than there.
    pub(super) fn is_easier_than(self, other: Self) -> bool {
        match (self, other) {
            (Self::Refused, _) => false,
            (Self::After(_), Self::Refused) => true,
            (Self::After(one), Self::After(other)) => {
                one.n_judges < other.n_judges || one.n_people < other.n_people || (other.dry_run && !one.dry_run)
            }
        }
    }
}

impl Version {
    /// This version at the moment `now`.
    ///
    /// # Errors
    /// When its policies do not compile.
    pub(super) fn new(deployment: Arc<Deployment>, now: Timestamp) -> Result<Self, Vec<CompileError>> {
        let policies = Policies::compile(&deployment)?;
        Ok(Self { deployment, policies, now })
    }

    /// What becomes of the action: stages 3, 5, 6 and 7, and of stage 8 what it asks for.
    pub(super) fn decide(&self, action: &Action) -> Outcome {
        let Some(prospect) = self.prospect(action) else { return Outcome::Refused };
        let view = View::from(&prospect);
        let tracing = follow(&memory_of(action, prospect.task()), view);
        let findings = judge(&self.policies, view, action.seen);
        let Appraisal { review, findings, .. } = appraise(view, &tracing.origins, &tracing.findings, findings);
        let waits_in_vain = matches!(action.act, Act::Notify { .. }) && review != Review::NONE;
        let is_untriable = review.dry_run && prospect.tool().is_none_or(|tool| tool.dry_run.is_none());
        let is_refused = findings.word() == Word::NoGo || waits_in_vain || is_untriable;
        if is_refused { Outcome::Refused } else { self.after(review) }
    }

    /// A judge that nobody declared is made up for by one more person, as stage 8 does it.
    fn after(&self, review: Review) -> Outcome {
        let declared = u8::try_from(self.deployment.judges.len()).unwrap_or(u8::MAX);
        if declared >= review.n_judges {
            return Outcome::After(review);
        }
        Outcome::After(Review { n_judges: declared, n_people: review.n_people.saturating_add(1), ..review })
    }

    fn prospect(&self, action: &Action) -> Option<Prospect> {
        let agent = Principal::Agent(action.agent.clone());
        let (from, to) = match &action.act {
            Act::AskClient { server, .. } | Act::Notify { server, .. } => (Principal::Server(server.clone()), agent),
            Act::Request { agent: to, .. } | Act::Tell { agent: to, .. } => (agent, Principal::Agent(to.clone())),
            Act::Report { .. } | Act::Spawn { .. } => (agent, Principal::itself()),
            act => (agent, Principal::Server(act.server()?.clone())),
        };
        let hop = Hop {
            id: HopId::from_uuid(Uuid::nil()),
            at: self.now,
            from,
            to,
            act: action.act.clone(),
            turn: Turn::Ask,
            payload: action.payload.clone(),
        };
        let circumstances = Circumstances {
            now: self.now,
            deployment: Arc::clone(&self.deployment),
            task: Some(Arc::new(self.task(action)?)),
            agent_phase: Phase::Primary,
            around_phase: action.phase,
            pin: PinState::Pinned,
            // What is compared is how agents work, not how they begin.
            is_first: false,
            mode: Mode::Enforce,
        };
        Prospect::of(hop, circumstances).ok()
    }

    fn task(&self, action: &Action) -> Option<TaskSpec> {
        let standing = TaskSpec::standing(&self.deployment, &action.agent, TaskId::from_uuid(Uuid::nil()))?;
        Some(match action.opened {
            true => {
                let said = Specification::clone(&standing);
                Specification { kind: TaskKind::Opened, opened_at: self.now, ..said }.into()
            }
            false => standing,
        })
    }
}

/// A memory in which the values of the action have this origin, and whose label is as confidential as what was seen.
fn memory_of(action: &Action, task: &TaskSpec) -> Memory {
    let mut memory = Memory::default();
    let labels = |integrity, confidentiality| ResultLabels::plain(Label { integrity, confidentiality });
    // What nobody saw is believed least.
    if action.origin > Integrity::External {
        memory.learn(Source::Task(task.id), &action.payload, &labels(action.origin, Confidentiality::Public));
    }
    if action.seen.confidentiality > Confidentiality::Public {
        let seen = labels(Integrity::Operator, action.seen.confidentiality);
        memory.learn(Source::Mandate(String::new()), &Value::from("seen elsewhere"), &seen);
    }
    memory
}
