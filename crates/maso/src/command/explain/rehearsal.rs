//! The way of a hop that nobody sends: every stage of the path up to the decision, with a key that signs for nobody.

use std::sync::Arc;

use maso_core::{
    Act, Findings, HopId, Integrity, Label, Mode, Phase, Principal, Review, Source, TaskId, Timestamp, Turn, Word,
};
use maso_guard::{Config, Scanner};
use maso_identity::{AuthorityKey, Trust, TrustSettings, identify};
use maso_intent::{
    Circumstances, Deployment, JudgeKind, PinState, ResultLabels, Specification, TaskKind, TaskSpec, resolve,
};
use maso_judge::{Brief, Judge as _, RuleJudge};
use maso_path::World;
use maso_policy::{
    Action, CompileError, Decision, Memory, Policies, Traced, Tried, Verdict, Verdicts, Weighed, authorise, settle,
    trace, weigh,
};
use maso_wire::{Arrival, Credential, Received, UnverifiedToken};
use uuid::Uuid;

use crate::{assemble::deselected, fault::Fault};

/// A deployment that has done nothing yet, ready to be asked what it would make of a hop.
pub struct Rehearsal {
    deployment: Arc<Deployment>,
    policies: Policies,
    scanner: Scanner,
    world: World,
    authority: AuthorityKey,
    now: Timestamp,
}

/// What each stage said.
pub struct Rehearsed {
    /// Stage 3; nothing follows if it refused.
    pub resolve: Findings,
    /// All that followed.
    pub decided: Option<Decided>,
    /// Who must be heard; `None` where it is refused.
    pub review: Option<Review>,
}

/// What the stages after the third said.
pub struct Decided {
    pub scan: Findings,
    pub limits: Findings,
    pub authorise: Findings,
    pub traced: Traced,
    pub weighed: Weighed,
    /// What judges by rules say; judges by models are not asked.
    pub verdicts: Vec<Verdict>,
}

impl Rehearsal {
    pub fn new(deployment: Arc<Deployment>, now: Timestamp) -> Result<Self, Fault> {
        let policies = Policies::compile(&deployment).map_err(uncompiled)?;
        Ok(Self {
            policies,
            scanner: Scanner::with(Config { deselected: deselected(&deployment) }),
            world: World::new(Arc::clone(&deployment), Mode::Enforce),
            authority: AuthorityKey::from_seed([0; 32]),
            deployment,
            now,
        })
    }

    pub fn deployment(&self) -> &Arc<Deployment> {
        &self.deployment
    }

    /// What becomes of the action, as the first of its task.
    pub async fn of(&self, action: &Action) -> Result<Rehearsed, Fault> {
        let task = Arc::new(self.task(action)?);
        let received = self.received(action, &task)?;
        let settings = TrustSettings::new(self.deployment.trust_domain.clone(), self.authority.public(), self.now);
        let identified = identify(received, &Trust::new(settings), self.now)
            .map_err(|refused| Fault::plain(format!("the hop cannot be made: {}", refused.finding.reason)))?;
        let circumstances = Circumstances {
            now: self.now,
            deployment: Arc::clone(&self.deployment),
            task: Some(Arc::clone(&task)),
            agent_phase: Phase::Primary,
            around_phase: action.phase,
            pin: self.pin(&action.act),
            is_first: false,
            mode: Mode::Enforce,
        };
        let resolved = match resolve(identified, circumstances) {
            Ok(resolved) => resolved,
            Err(refused) => {
                let resolve = Findings::from(vec![refused.finding]);
                return Ok(Rehearsed { resolve, decided: None, review: None });
            }
        };
        let mut memory = Memory::for_task(&task, resolved.solution(), resolved.mandate());
        learn(&mut memory, action, task.id);
        let scan = self.scanner.scan(&resolved, self.now).findings;
        let limits = self.world.limits(&resolved, self.now);
        let authorised = authorise(&self.policies, &resolved, memory.label());
        let traced = trace(&memory, resolved);
        let findings = [&scan, &limits, &authorised].into_iter().flat_map(Findings::iter).cloned().collect();
        let weighed = weigh(traced.clone(), findings);
        let verdicts = self.hear(&weighed).await;
        let dry_run = self.tried(&weighed).map(Box::new);
        let heard = Verdicts { dry_run, judges: verdicts.clone(), ..Verdicts::none() };
        let review = match settle(weighed.clone(), heard, self.now) {
            Decision::Allow(_) | Decision::Hold(_) => Some(self.needed(weighed.review())),
            Decision::Deny(_) => None,
        };
        let decided = Decided { scan, limits, authorise: authorised, traced, weighed, verdicts };
        Ok(Rehearsed { resolve: Findings::none(), decided: Some(decided), review })
    }

    /// What can be tried out is taken to succeed.
    fn tried(&self, weighed: &Weighed) -> Option<Tried> {
        let call = weighed.resolved().tool()?.dry_run.as_ref()?;
        Some(Tried {
            action: weighed.resolved().action_digest(),
            tool: call.tool.clone(),
            at: self.now,
            outcome: Ok(()),
            says: None,
            expires_at: self.now,
        })
    }

    /// A judge that nobody declared is made up for by one more person.
    fn needed(&self, review: Review) -> Review {
        let declared = u8::try_from(self.deployment.judges.len()).unwrap_or(u8::MAX);
        if declared >= review.n_judges {
            return review;
        }
        Review { n_judges: declared, n_people: review.n_people.saturating_add(1), ..review }
    }

    async fn hear(&self, weighed: &Weighed) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        if weighed.review().n_judges == 0 || weighed.findings().word() == Word::NoGo {
            return verdicts;
        }
        let action = weighed.resolved().action_digest();
        let brief = Brief { weighed: weighed.clone(), dry_run: None, action, now: self.now };
        for judge in self.deployment.judges.values().filter(|judge| judge.kind == JudgeKind::Rules) {
            verdicts.push(RuleJudge::new(judge.name.clone()).hear(&brief).await);
        }
        verdicts
    }

    /// What is approved counts as what is published: only a server that is asked could say otherwise.
    fn pin(&self, act: &Act) -> PinState {
        let Some(tool) = act.tool() else { return PinState::Pinned };
        if let Some(definition) = self.deployment.tool(tool).and_then(|tool| tool.definition.as_ref()) {
            self.world.pins().publish(tool, definition.digest);
        }
        self.world.pin(tool, self.now)
    }

    fn task(&self, action: &Action) -> Result<TaskSpec, Fault> {
        let standing = TaskSpec::standing(&self.deployment, &action.agent, TaskId::from_uuid(Uuid::nil()));
        let standing =
            standing.ok_or_else(|| Fault::plain(format!("the deployment has no agent `{}`", action.agent)))?;
        Ok(match action.opened {
            true => {
                let said = Specification::clone(&standing);
                Specification { kind: TaskKind::Opened, opened_at: self.now, ..said }.into()
            }
            false => standing,
        })
    }

    fn received(&self, action: &Action, task: &TaskSpec) -> Result<Received, Fault> {
        let domain = &self.deployment.trust_domain;
        let token = || self.authority.issue_task_token(domain, (task.id, task.digest()), &[], self.now, 60_000);
        let to = match &action.act {
            Act::Request { agent, .. } | Act::Tell { agent, .. } => Principal::Agent(agent.clone()),
            Act::Report { .. } => Principal::itself(),
            act => Principal::Server(act.server().ok_or_else(|| Fault::plain("the act goes nowhere"))?.clone()),
        };
        let arrival = Arrival {
            id: HopId::from_uuid(Uuid::nil()),
            at: self.now,
            credential: Credential::Pipe(Principal::Agent(action.agent.clone())),
            task: action.opened.then(|| UnverifiedToken::new(token())),
            to,
        };
        let bytes = action.payload.to_string();
        let limits = &self.deployment.settings.limits;
        Received::from_bytes(arrival, action.act.clone(), Turn::Ask, bytes.as_bytes(), limits)
            .map(|received| received.attesting(Some(task.digest().to_string())))
            .map_err(|malformed| Fault::new("the arguments would not be received", malformed))
    }
}

/// Lets the task have seen what the action says it has.
fn learn(memory: &mut Memory, action: &Action, task: TaskId) {
    let labels = |label| ResultLabels::plain(label);
    if action.origin > Integrity::External {
        let label = Label { integrity: action.origin, ..action.seen };
        memory.learn(Source::Task(task), &action.payload, &labels(label));
    }
    if action.seen != Label::NEUTRAL {
        memory.learn(Source::Task(task), &"seen elsewhere".into(), &labels(action.seen));
    }
}

/// Policies that do not compile decide nothing.
pub fn uncompiled(errors: Vec<CompileError>) -> Fault {
    let first = errors.first().map_or_else(String::new, ToString::to_string);
    Fault::plain(format!("the policies do not compile: {first}")).help("`maso check` shows all that is wrong with them")
}
