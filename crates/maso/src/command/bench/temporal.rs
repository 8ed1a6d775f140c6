//! (a) The pure path once more, under as many temporal rules as policies, with a history behind them.

use std::{cell::RefCell, sync::Arc};

use maso_core::{HopId, Timestamp};
use maso_intent::resolve;
use maso_policy::{Decision, Event, History, Memory, Policies, Verdicts, authorise, settle, trace, weigh};
use serde::Serialize;
use uuid::Uuid;

use super::{
    ground::{self, Spread},
    pure::{self, NOW},
    times::{Quantiles, Times},
};
use crate::fault::Fault;

/// The pure path under so many temporal rules and as many policies, of each of which one concerns the call.
#[derive(Clone, Debug, Serialize)]
pub struct Temporal {
    /// Temporal rules, and hand-written policies.
    pub n_rules: usize,
    /// Events behind the rule that concerns the call.
    pub n_events: usize,
    /// Stages 3 and 5 to 8 in a row, the rules among them.
    pub decide: Quantiles,
    /// What the rules say, alone.
    pub judge: Quantiles,
    /// Taking in one event (stage 11).
    pub take_in: Quantiles,
    /// One call of Cedar's authorizer over the same policies, which know no history.
    pub bare_cedar: Quantiles,
}

/// Measures the pure path under `n_rules` temporal rules and as many policies, after `n_events` calls like the measured
/// one.
pub fn measure(n_rules: usize, n_events: usize, rounds: usize) -> Result<Temporal, Fault> {
    let source = ground::with_rules(ground::source_under(n_rules, Spread::OneConcerns), n_rules);
    let deployment = Arc::new(ground::deployment(&source)?);
    let policies = Policies::compile(&deployment)
        .map_err(|errors| Fault::plain(format!("{} generated policies do not compile", errors.len())))?;
    let (identified, circumstances) = pure::hop(&deployment)?;
    let resolved = pure::resolved(identified.clone(), circumstances.clone())?;
    let memory = Memory::for_task(resolved.task(), resolved.solution(), resolved.mandate());
    let seen = memory.label();
    let traced = trace(&memory, resolved);
    let event = Event::deciding(traced.resolved(), traced.label(), NOW)
        .ok_or_else(|| Fault::plain("the call that is measured is no event"))?;

    let mut history = History::new(&deployment);
    let like_it = |n: usize| Event {
        hop: HopId::from_uuid(Uuid::from_u128(n as u128)),
        at: Timestamp::from_millis(NOW.as_millis() - 1_000_000 + i64::try_from(n).unwrap_or(0)),
        ..event.clone()
    };
    (0..n_events).for_each(|n| history.happened(&like_it(n)));

    let decide = |(identified, around)| {
        let Ok(resolved) = resolve(identified, around) else { return None };
        let mut findings = authorise(&policies, &resolved, seen);
        let traced = trace(&memory, resolved);
        let event = Event::deciding(traced.resolved(), traced.label(), NOW)?;
        findings.join(history.judge(&event, |_| true));
        Some(settle(weigh(traced, findings), Verdicts::none(), NOW))
    };
    let hop = || (identified.clone(), circumstances.clone());
    let Some(Decision::Allow(_)) = decide(hop()) else {
        return Err(Fault::plain("the call that is measured was expected to be allowed"));
    };
    let times = Times::taken(rounds, hop, decide).quantiles();
    let judge = Times::taken(rounds, || (), |()| history.judge(&event, |_| true)).quantiles();
    let grown = RefCell::new(history);
    Ok(Temporal {
        n_rules,
        n_events,
        decide: times,
        judge,
        take_in: Times::taken(rounds, || like_it(n_events), |event| grown.borrow_mut().happened(&event)).quantiles(),
        bare_cedar: pure::bare_cedar(&policies, (rounds * 100 / n_rules.max(100)).max(20))?,
    })
}
