//! Stage 7: risk, reversibility, and the review that the hop needs (EC-1.6, EC-2.1, EC-2.9).

use maso_core::{
    Act, Class, Finding, Findings, Label, Mode, Origin, Phase, Principal, Reversibility, Review, Risk, Tier, Turn, Word,
};
use maso_intent::{Clarifying, Resolved};

use crate::{Traced, view::View};

#[cfg(test)]
mod tests;

/// A hop whose risk is known, and the review that it needs.
#[derive(Clone, Debug)]
pub struct Weighed {
    pub(crate) traced: Traced,
    pub(crate) findings: Findings,
    pub(crate) risk: Risk,
    pub(crate) reversibility: Reversibility,
    pub(crate) review: Review,
}

impl Weighed {
    /// The hop under its authority.
    pub fn resolved(&self) -> &Resolved {
        self.traced.resolved()
    }

    /// Its label.
    pub fn label(&self) -> Label {
        self.traced.label()
    }

    /// Where its values came from.
    pub fn origins(&self) -> &[Origin] {
        self.traced.origins()
    }

    /// What all controls said.
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// Its risk.
    pub fn risk(&self) -> Risk {
        self.risk
    }

    /// Whether it can be undone.
    pub fn reversibility(&self) -> Reversibility {
        self.reversibility
    }

    /// What must have been heard before it may be committed.
    pub fn review(&self) -> Review {
        self.review
    }
}

/// Stage 7. What nobody classified is critical. Findings combine by *most restrictive wins*.
pub fn weigh(traced: Traced, findings: Findings) -> Weighed {
    let Appraisal { risk, reversibility, review, findings } =
        appraise(View::from(traced.resolved()), traced.origins(), traced.findings(), findings);
    Weighed { traced, findings, risk, reversibility, review }
}

/// What stage 7 finds out.
#[derive(Clone, Debug)]
pub(crate) struct Appraisal {
    pub(crate) risk: Risk,
    pub(crate) reversibility: Reversibility,
    pub(crate) review: Review,
    pub(crate) findings: Findings,
}

pub(crate) fn appraise(view: View<'_>, origins: &[Origin], traced: &Findings, findings: Findings) -> Appraisal {
    let mut findings = findings;
    findings.join(traced.clone());
    let action = Action::of(view);
    let risk = action.risk(origins, view);
    findings.join(posture(view, action));
    let mut review = Review::NONE;
    if view.hop.turn == Turn::Ask {
        review = required(action, risk, n_judges(view), view);
        if is_pre_approved(risk, view) {
            review.n_people = 0;
        }
        match rehearsal(action, view) {
            Rehearsal::Spared => {}
            Rehearsal::Required => review.dry_run = true,
            Rehearsal::Missed { finding, is_required } => {
                // What nothing can fulfil: stage 8 refuses it.
                review.dry_run = is_required;
                findings.add(finding);
            }
        }
    }
    // An answer is data. One that says what was meant says what to do, as a request does.
    let directs = view.hop.turn == Turn::Ask || Clarifying::of(view.hop, view.solution).is_some();
    if directs && findings.word() >= Word::Escalate {
        review = review.join(PERSON);
    }
    Appraisal { risk, reversibility: action.reversibility, review, findings }
}

const PERSON: Review = Review { n_judges: 0, n_people: 1, dry_run: false };

/// What an act does, as its manifest declares it. What nobody classified executes, irreversibly, at critical risk.
#[derive(Clone, Copy, Debug)]
struct Action {
    class: Class,
    reversibility: Reversibility,
    declared: Risk,
    by_agent: bool,
}

impl Action {
    fn of(view: View<'_>) -> Self {
        let by_agent = matches!(view.hop.from, Principal::Agent(_));
        let harmless =
            Self { class: Class::Read, reversibility: Reversibility::Reversible, declared: Risk::Low, by_agent };
        match (&view.hop.act, view.hop.turn, view.tool) {
            (_, Turn::Answer { .. }, _) => harmless,
            (Act::CallTool(_), Turn::Ask, Some(tool)) => {
                Self { class: tool.class, reversibility: tool.reversibility, declared: tool.risk, by_agent }
            }
            (Act::CallTool(_), Turn::Ask, None) => Self {
                class: Class::Execute,
                reversibility: Reversibility::Irreversible,
                declared: Risk::Critical,
                by_agent,
            },
            (
                Act::ReadResource { .. }
                | Act::GetPrompt { .. }
                | Act::Complete { .. }
                | Act::List { .. }
                | Act::AskClient { .. }
                | Act::Notify { .. }
                | Act::Request { .. }
                | Act::Tell { .. }
                | Act::Report { .. }
                | Act::Spawn { .. },
                Turn::Ask,
                _,
            ) => harmless,
        }
    }

    fn changes(self) -> bool {
        self.class != Class::Read
    }

    /// Whether it changes what nobody can change back (EC-1.6).
    fn is_final(self, view: View<'_>) -> bool {
        self.changes() && self.reversibility == Reversibility::Irreversible && view.applies("EC-1.6")
    }

    /// The declared risk, never less than the class and the reversibility imply.
    fn risk_of_effect(self, view: View<'_>) -> Risk {
        let by_class = match self.class {
            Class::Read | Class::Write => Risk::Low,
            Class::Send | Class::Delete => Risk::Medium,
            Class::Transfer | Class::Execute => Risk::High,
        };
        let by_reversibility = if self.is_final(view) { Risk::High } else { Risk::Low };
        self.declared.max(by_class).max(by_reversibility)
    }

    /// The same, and one step more, up to high, when a value that carries authority is believed less than the action needs:
    /// one person sees which value came from where.
    fn risk(self, origins: &[Origin], view: View<'_>) -> Risk {
        let risk = self.risk_of_effect(view);
        let doubtful = |origin: &Origin| origin.needed.is_some_and(|needed| origin.integrity < needed);
        if self.changes() && origins.iter().any(doubtful) { raised(risk) } else { risk }
    }
}

const fn raised(risk: Risk) -> Risk {
    match risk {
        Risk::Low => Risk::Medium,
        Risk::Medium | Risk::High => Risk::High,
        Risk::Critical => Risk::Critical,
    }
}

/// How many judges a review by judges means. Tier 1 needs none: there a person approves each write anyway. Elsewhere a
/// judge that nobody declared is a judge that is silent.
fn n_judges(view: View<'_>) -> u8 {
    match view.tier() {
        _ if !view.applies("EC-2.5") => 0,
        Tier::Supervised if view.deployment.judges.is_empty() => 0,
        Tier::Supervised | Tier::Managed => 1,
        Tier::Autonomous => 2,
    }
}

/// The review that the table, the tier and the phase ask for together. Each only ever adds.
fn required(action: Action, risk: Risk, n_judges: u8, view: View<'_>) -> Review {
    let (tier, phase) = (view.tier(), view.phase);
    let mut review = match risk {
        Risk::Low => Review::NONE,
        Risk::Medium => Review { n_judges, n_people: 0, dry_run: false },
        Risk::High => Review { n_judges, n_people: 1, dry_run: false },
        Risk::Critical => Review { n_judges, n_people: 2, dry_run: false },
    };
    if action.changes() && (tier == Tier::Supervised || phase >= Phase::Alternate) || action.is_final(view) {
        review = review.join(PERSON);
    }
    if action.by_agent && phase >= Phase::Contingency {
        review = review.join(PERSON);
    }
    review
}

/// Whether people approved such an action in advance, and the task asks for it: then nobody is asked once more (Tier 3). What is
/// critical is never approved so, nor is anything while something is wrong. Whatever a control has against it still needs a person.
fn is_pre_approved(risk: Risk, view: View<'_>) -> bool {
    let Some(tool) = view.hop.act.tool() else { return false };
    view.tier() == Tier::Autonomous
        && view.phase == Phase::Primary
        && risk < Risk::Critical
        && view.solution.pre_approved.iter().any(|it| it.tool == *tool && it.is_asked_for(view.task))
}

/// Whether a hop is tried out before anybody is asked about it (EC-2.7a).
enum Rehearsal {
    /// It need not be.
    Spared,
    /// It must have succeeded.
    Required,
    /// It should be, and cannot be.
    Missed { finding: Finding, is_required: bool },
}

/// What is critical must be tried out, and what nobody can change back as long as the agent has never done it; what is of
/// high risk, or more than low and new to the agent, is where it can be. A doubt about where a value came from is none
/// that trying out would settle.
fn rehearsal(action: Action, view: View<'_>) -> Rehearsal {
    let risk = action.risk_of_effect(view);
    if !action.changes() || !view.applies("EC-2.7a") {
        return Rehearsal::Spared;
    }
    let must = risk == Risk::Critical || view.is_first && action.is_final(view);
    let wanted = must || risk == Risk::High || view.is_first && risk == Risk::Medium;
    let can = view.tool.is_some_and(|tool| tool.dry_run.is_some());
    // At tier 1 a person sees each write, and is told where one is decided that should have been tried out.
    let is_supervised = view.tier() == Tier::Supervised;
    match (wanted, can) {
        (false, _) => Rehearsal::Spared,
        // What only observes tries nothing out, and says of the hop what would become of it after that.
        (true, true) if view.mode == Mode::Observe => Rehearsal::Spared,
        (true, true) => Rehearsal::Required,
        (true, false) if is_supervised && !must => Rehearsal::Spared,
        (true, false) => {
            let what = view.hop.act.object();
            let new = if view.is_first { " and is new to the agent" } else { "" };
            let reason = format!("`{what}` is of {risk} risk{new}, and no dry run is available: it was not tried out");
            let finding = Finding::new("EC-2.7a", Word::Escalate, reason);
            Rehearsal::Missed { finding, is_required: must && !is_supervised }
        }
    }
}

/// What the phase forbids outright. Stage 3 stops an agent; this holds even where it was not asked.
fn posture(view: View<'_>, action: Action) -> Findings {
    let between_agents = matches!(view.hop.act, Act::Request { .. } | Act::Tell { .. } | Act::Spawn { .. });
    let reason = match view.phase {
        Phase::Emergency => "everything is stopped",
        Phase::Contingency if between_agents => "agents may not talk to each other in Contingency",
        _ => return Findings::none(),
    };
    let mut findings = Findings::none();
    if action.by_agent || view.phase == Phase::Emergency {
        findings.add(Finding::new("EC-2.1", Word::NoGo, reason));
    }
    findings
}
