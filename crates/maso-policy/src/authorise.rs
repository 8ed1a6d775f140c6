//! Stage 5: policy over the effective authority (IA-1.4, EC-1.2).
//!
//! Mandates compile to Cedar permits, and hand-written policies can only forbid: what an agent may do is written in its
//! mandate and nowhere else. A hop is decided over the few policies whose scope can concern it, so the cost does not
//! grow with the number of policies.

use cedar_policy::Policy;
use maso_core::{Finding, Findings, Label, Turn, Word};
use maso_intent::{Clarifying, Deployment, PinState, Resolved};

use crate::view::View;
use compile::Compiled;
use slices::{Ruling, Slices};

mod arguments;
pub(crate) mod bounds;
mod compile;
mod entities;
mod goal;
mod slices;
#[cfg(test)]
mod tests;

/// The policies of a deployment, compiled and indexed.
#[derive(Debug)]
pub struct Policies {
    slices: Slices,
}

/// Why policies could not be compiled: file, line, cause.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}:{line}: {cause}")]
pub struct CompileError {
    /// The policy file.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub cause: String,
}

impl Policies {
    /// Compiles the mandates and the hand-written policies of a deployment.
    ///
    /// # Errors
    /// When a hand-written policy does not parse, does not fit the schema, or permits: what an agent may do comes from
    /// its mandate alone.
    pub fn compile(deployment: &Deployment) -> Result<Self, Vec<CompileError>> {
        Ok(Self { slices: Slices::new(Compiled::of(deployment)?) })
    }

    /// The schema that hand-written policies are checked against, in Cedar's own syntax.
    pub const fn schema() -> &'static str {
        compile::SCHEMA
    }

    /// Every policy in force: its id, which names the file it comes from, and its text.
    pub fn texts(&self) -> impl Iterator<Item = (String, String)> + '_ {
        self.slices.policies().map(|policy| (policy.id().to_string(), policy.to_string()))
    }

    /// The policies that were written by hand.
    pub(crate) fn by_hand(&self) -> &[Policy] {
        self.slices.by_hand()
    }

    /// How many policies are in force.
    pub fn len(&self) -> usize {
        self.slices.policies().count()
    }

    /// Whether nothing is permitted.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Stage 5. `seen` is the label of all that the task has read so far. No permit is a deny; an error is a forbid.
pub fn authorise(policies: &Policies, resolved: &Resolved, seen: Label) -> Findings {
    let mut findings = judge(policies, View::from(resolved), seen);
    findings.join(goal::attested(resolved));
    findings
}

pub(crate) fn judge(policies: &Policies, view: View<'_>, seen: Label) -> Findings {
    let mut findings = Findings::none();
    let ruling = match view.hop.turn {
        Turn::Ask => policies.slices.rule(view, seen),
        // An answer was authorised with what it answers. It is looked at again only for whether its agent still holds
        // what it asked with: its payload is no argument, so policies on arguments say nothing of it.
        Turn::Answer { .. } => policies.slices.rule_answer(view),
    };
    for finding in words_of(ruling, view) {
        findings.add(finding);
    }
    if view.hop.turn == Turn::Ask {
        findings.join(pinned(view));
        if let Some(terms) = view.terms() {
            findings.join(bounds::check(&terms.bounds, &view.hop.payload));
        }
        findings.join(bounds::check_address(&view.hop.act));
    }
    findings
}

fn words_of(ruling: Ruling, view: View<'_>) -> Vec<Finding> {
    let act = &view.hop.act;
    match ruling {
        Ruling::Permitted => Vec::new(),
        // Who may ask what is meant, and whom, is written in no mandate: it follows from who asks whom for work.
        Ruling::NotPermitted if Clarifying::of(view.hop, view.solution).is_some() => Vec::new(),
        Ruling::NotPermitted => {
            let control = if act.tool().is_some() { "EC-1.2" } else { "IA-1.4" };
            let reason = format!("no mandate lets agent `{}` {} `{}`", view.mandate.agent, act.verb(), act.object());
            vec![Finding::new(control, Word::NoGo, reason)]
        }
        Ruling::Forbidden(policies) => policies
            .into_iter()
            .map(|policy| Finding::new("EC-2.1", Word::NoGo, format!("policy `{policy}` forbids it")))
            .collect(),
        Ruling::Broken(errors) => errors
            .into_iter()
            .map(|error| Finding::new("EC-2.1", Word::NoGo, format!("a policy could not be evaluated: {error}")))
            .collect(),
    }
}

/// A definition that nobody approved is not called, whatever the mandate says (SC-2.2).
fn pinned(view: View<'_>) -> Findings {
    let reason = match view.pin {
        PinState::Pinned => return Findings::none(),
        PinState::Unapproved { .. } => format!("nobody approved the definition of `{}` yet", view.hop.act.object()),
        PinState::Drifted { .. } => {
            format!("the definition of `{}` changed since it was approved", view.hop.act.object())
        }
    };
    Findings::from(vec![Finding::new("SC-2.2", Word::NoGo, reason)])
}
