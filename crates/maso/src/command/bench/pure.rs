//! (a) The pure path: stages 3 to 8 of one call, by the number of policies, beside a bare Cedar call.

use std::{cell::Cell, hint::black_box, str::FromStr as _, sync::Arc};

use cedar_policy::{
    Authorizer, Context, Decision as CedarDecision, Entities, Entity, EntityUid, Policy, PolicyId, PolicySet, Request,
    RestrictedExpression,
};
use maso_core::{Label, Mode, Phase, Principal, Source, TaskId, Timestamp};
use maso_guard::Scanner;
use maso_identity::{AuthorityKey, Identified, Trust, TrustSettings, identify};
use maso_intent::{Circumstances, Deployment, PinState, Resolved, ResultLabels, TaskSpec, resolve};
use maso_policy::{Decision, Memory, Policies, Verdicts, authorise, settle, trace, weigh};
use maso_wire::Credential;
use serde::Serialize;
use uuid::Uuid;

use super::{
    ground::{self, Spread},
    times::{Quantiles, Times},
};
use crate::fault::Fault;

/// The pure path under so many policies.
#[derive(Clone, Debug, Serialize)]
pub struct PurePath {
    /// Hand-written policies.
    pub n_policies: usize,
    /// Whether each of them names nobody and nothing.
    pub each_concerns_the_call: bool,
    /// Stage 3.
    pub resolve: Quantiles,
    /// Stage 5.
    pub authorise: Quantiles,
    /// Stage 6.
    pub trace: Quantiles,
    /// Stages 7 and 8.
    pub weigh_and_settle: Quantiles,
    /// Stages 3 and 5 to 8 in a row.
    pub without_scan: Quantiles,
    /// Stage 4 alone.
    pub scan: Quantiles,
    /// Stage 11 for an answer of the same size, in a task that has seen many like it.
    pub learn: Quantiles,
    /// One call of Cedar's authorizer over the same policies.
    pub bare_cedar: Quantiles,
}

/// Measures the pure path under `n_policies`.
pub fn measure(n_policies: usize, spread: Spread, rounds: usize) -> Result<PurePath, Fault> {
    let deployment = Arc::new(ground::deployment(&ground::source_under(n_policies, spread))?);
    let policies = Policies::compile(&deployment)
        .map_err(|errors| Fault::plain(format!("{} generated policies do not compile", errors.len())))?;
    let scanner = Scanner::new();
    let (identified, circumstances) = hop(&deployment)?;
    let resolved = resolved(identified.clone(), circumstances.clone())?;
    let memory = Memory::for_task(resolved.task(), resolved.solution(), resolved.mandate());
    let seen = memory.label();
    let decide = |resolved: Resolved| {
        let findings = authorise(&policies, &resolved, seen);
        settle(weigh(trace(&memory, resolved), findings), Verdicts::none(), NOW)
    };
    let Decision::Allow(_) = decide(resolved.clone()) else {
        return Err(Fault::plain("the call that is measured was expected to be allowed"));
    };
    let whole = |(identified, around)| match resolve(identified, around) {
        Ok(resolved) => Some(decide(resolved)),
        Err(_) => None,
    };
    let again = || resolved.clone();
    Ok(PurePath {
        n_policies,
        each_concerns_the_call: spread == Spread::AllConcern,
        resolve: Times::taken(
            rounds,
            || (identified.clone(), circumstances.clone()),
            |(identified, around)| resolve(identified, around).is_ok(),
        )
        .quantiles(),
        authorise: Times::taken(rounds, again, |resolved| authorise(&policies, &resolved, seen)).quantiles(),
        trace: Times::taken(rounds, again, |resolved| trace(&memory, resolved)).quantiles(),
        weigh_and_settle: Times::taken(
            rounds,
            || (trace(&memory, resolved.clone()), authorise(&policies, &resolved, seen)),
            |(traced, findings)| settle(weigh(traced, findings), Verdicts::none(), NOW),
        )
        .quantiles(),
        without_scan: Times::taken(rounds, || (identified.clone(), circumstances.clone()), whole).quantiles(),
        scan: Times::taken(rounds, || (), |()| scanner.scan(&resolved, NOW)).quantiles(),
        learn: learn(rounds.min(LESSONS)),
        // It asks every policy: fewer rounds where there are many of them.
        bare_cedar: bare_cedar(&policies, (rounds * 100 / n_policies.max(100)).max(20))?,
    })
}

pub(super) fn resolved(identified: Identified, circumstances: Circumstances) -> Result<Resolved, Fault> {
    resolve(identified, circumstances)
        .map_err(|refused| Fault::plain(format!("the call that is measured was refused: {}", refused.finding.reason)))
}

pub(super) fn hop(deployment: &Arc<Deployment>) -> Result<(Identified, Circumstances), Fault> {
    let agent: maso_core::AgentName = ground::AGENT_NAME.parse().expect("the name is an agent's");
    let bytes = serde_json::to_vec(&ground::arguments()).expect("an object is JSON");
    let credential = Credential::Pipe(Principal::Agent(agent.clone()));
    let received = ground::call(maso_core::HopId::from_uuid(Uuid::from_u128(1)), NOW, credential, &bytes)?;
    let authority = AuthorityKey::from_seed([7; 32]).public();
    let trust = Trust::new(TrustSettings::new(deployment.trust_domain.clone(), authority, NOW));
    let identified = identify(received, &trust, NOW)
        .map_err(|refused| Fault::plain(format!("the measured caller is not believed: {}", refused.finding.reason)))?;
    let task = TaskSpec::standing(deployment, &agent, TaskId::from_uuid(Uuid::from_u128(2))).map(Arc::new);
    let circumstances = Circumstances {
        now: NOW,
        deployment: Arc::clone(deployment),
        task,
        agent_phase: Phase::Primary,
        around_phase: Phase::Primary,
        pin: PinState::Pinned,
        is_first: false,
        mode: Mode::Enforce,
    };
    Ok((identified, circumstances))
}

fn learn(rounds: usize) -> Quantiles {
    let mut memory = Memory::default();
    let labels = ResultLabels::plain(Label::WORST);
    let source = Source::Server { server: "notes".parse().expect("the name is a server's"), item: "read_note".into() };
    let answer = ground::arguments();
    Times::taken(rounds, || source.clone(), |source| memory.learn(source, &answer, &labels)).quantiles()
}

/// The same question to the same policies, with nothing around it: request and entities are made beforehand.
pub(super) fn bare_cedar(policies: &Policies, rounds: usize) -> Result<Quantiles, Fault> {
    let wrong = |what: &str| Fault::plain(format!("the bare Cedar call cannot be made: {what}"));
    let parsed = policies
        .texts()
        .map(|(id, text)| Policy::parse(Some(PolicyId::new(id)), text).map_err(|error| wrong(&error.to_string())))
        .collect::<Result<Vec<_>, _>>()?;
    let set = PolicySet::from_policies(parsed).map_err(|error| wrong(&error.to_string()))?;
    let (request, entities) = question().ok_or_else(|| wrong("its request does not fit"))?;
    let authorizer = Authorizer::new();
    let allowed = Cell::new(true);
    let ask = |()| {
        let response = authorizer.is_authorized(black_box(&request), &set, &entities);
        allowed.set(allowed.get() && response.decision() == CedarDecision::Allow);
        response
    };
    let times = Times::taken(rounds, || (), ask);
    if allowed.get() { Ok(times.quantiles()) } else { Err(wrong("it was expected to allow")) }
}

fn question() -> Option<(Request, Entities)> {
    let uid = |text: &str| EntityUid::from_str(text).ok();
    let (agent, action) = (uid(r#"Agent::"writer""#)?, uid(r#"Action::"call_tool""#)?);
    let (tool, server) = (uid(r#"Tool::"notes:save_note""#)?, uid(r#"Server::"notes""#)?);
    let (workflow, texts) = (uid(r#"Workflow::"notes""#)?, uid(r#"Texts::"arguments""#)?);
    let entity = |uid: EntityUid, above: Option<EntityUid>| Entity::new_no_attrs(uid, above.into_iter().collect());
    let tags = [("/to".to_owned(), RestrictedExpression::new_string(ground::RECIPIENT.to_owned()))];
    let arguments = Entity::new_with_tags(texts.clone(), [], [], tags).ok()?;
    let entities = [
        entity(agent.clone(), Some(workflow.clone())),
        entity(workflow, None),
        entity(tool.clone(), Some(server.clone())),
        entity(server, None),
        arguments,
    ];
    let context = Context::from_pairs([
        ("risk_level".to_owned(), RestrictedExpression::new_long(0)),
        ("text".to_owned(), RestrictedExpression::new_entity_uid(texts)),
    ])
    .ok()?;
    let request = Request::new(agent, action, tool, context, None).ok()?;
    Some((request, Entities::from_entities(entities, None).ok()?))
}

const LESSONS: usize = 2_000;
pub(super) const NOW: Timestamp = ground::MIDDAY;
