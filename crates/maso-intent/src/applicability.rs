//! Which controls a deployment has: a statement of applicability, control by control.

use std::{borrow::Cow, collections::BTreeSet};

use maso_core::{Class, ControlId, Day, Tier, Timestamp};

use crate::{
    Attestation, Awaits, Concern, Control, ControlKind, Deployment, Deselection, Does, Effect, Needs, Strength,
};

/// How a control stands in a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applicability<'a> {
    /// The control.
    pub control: &'static Control,
    /// How it stands.
    pub state: ControlState<'a>,
    /// The control that decides for it: one that asks for the same, or with which it is switched off.
    pub through: Option<&'static ControlId>,
}

/// How a control stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlState<'a> {
    /// What it forbids does not happen.
    Enforced,
    /// What it watches for is noticed and told.
    Detected,
    /// Somebody attests it, and that counts until a day.
    Evidence(&'a Attestation, Day),
    /// Somebody answers for doing without.
    Deselected(&'a Deselection),
    /// It asks nothing of this deployment, and nothing here does it.
    NotApplicable(Spared),
    /// The tier requires it and nothing fulfils it.
    Missing(Gap<'a>),
}

/// Why a control asks nothing of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spared {
    /// A higher tier requires it.
    Tier,
    /// It is about judges, and Tier 1 requires none.
    Judge,
    /// Nothing here does what it is about.
    Concern(Concern),
}

/// Why a control is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap<'a> {
    /// This version does nothing about it, and nobody attests it.
    NotInThisVersion,
    /// It takes something that this version does not have yet, and nobody attests it.
    Awaits(Awaits),
    /// It takes a judge, and the deployment has none.
    NoJudge,
    /// Nobody attests it.
    NotAttested,
    /// What attests it counted until this day and was not renewed.
    Overdue(&'a Attestation, Day),
}

impl Deployment {
    /// How each control of the framework stands at this moment, in the framework's order.
    pub fn applicability(&self, now: Timestamp) -> impl Iterator<Item = Applicability<'_>> {
        Control::all().map(move |control| self.applicability_of(control, now))
    }

    fn applicability_of(&self, control: &'static Control, now: Timestamp) -> Applicability<'_> {
        // What is declared or attested of the control itself comes first, then what its namesakes have.
        let own = self.state_of(control, now);
        if stands(own.state) { own } else { self.namesake(control, now).unwrap_or(own) }
    }

    /// The weakest of the controls that ask for the same, if each of them is fulfilled or answered for.
    fn namesake(&self, control: &'static Control, now: Timestamp) -> Option<Applicability<'_>> {
        let namesakes = control.same_as.iter().map(|id| {
            let state = self.state_of(Control::of(id)?, now).state;
            stands(state).then_some(Applicability { control, state, through: Some(id) })
        });
        let namesakes: Option<Vec<_>> = namesakes.collect();
        namesakes?.into_iter().max_by_key(|namesake| match namesake.state {
            ControlState::Enforced => 0,
            ControlState::Detected => 1,
            ControlState::Evidence(..) => 2,
            _ => 3,
        })
    }

    fn state_of(&self, control: &'static Control, now: Timestamp) -> Applicability<'_> {
        if let Some((deselection, through)) = self.deselection_of(control, now) {
            return Applicability { control, state: ControlState::Deselected(deselection), through };
        }
        let today = Day::of(now);
        let state = match &control.does {
            Some(does) if self.has(control) => match does.strength {
                // Without signatures a new version is told, and not prevented.
                Strength::Enforced if self.is_unsigned(does) => ControlState::Detected,
                Strength::Enforced => ControlState::Enforced,
                Strength::Detected => ControlState::Detected,
            },
            does => match self.attested(&control.id, today) {
                Some(attestation) if attestation.counts_until() >= today => {
                    ControlState::Evidence(attestation, attestation.counts_until())
                }
                _ if control.tier > self.tier => ControlState::NotApplicable(Spared::Tier),
                None if self.tier < Tier::Managed && does.is_some() => ControlState::NotApplicable(Spared::Judge),
                _ if let Some(concern) = self.spared_of(control) => {
                    ControlState::NotApplicable(Spared::Concern(concern))
                }
                Some(attestation) => ControlState::Missing(Gap::Overdue(attestation, attestation.counts_until())),
                None if matches!(control.kind, ControlKind::Evidence(_)) => ControlState::Missing(Gap::NotAttested),
                None if does.is_some() => ControlState::Missing(Gap::NoJudge),
                None => ControlState::Missing(control.awaits.map_or(Gap::NotInThisVersion, Gap::Awaits)),
            },
        };
        Applicability { control, state, through: None }
    }

    /// What switches a control off at this moment, and the control that it names if that is another. What cannot be
    /// switched off is not.
    fn deselection_of(
        &self,
        control: &'static Control,
        now: Timestamp,
    ) -> Option<(&Deselection, Option<&'static ControlId>)> {
        let of = |id: &ControlId| self.deselected.iter().find(|one| one.control == *id && one.counts(now));
        match &control.does {
            Some(Does { needs: Some(Needs::Control(id)), .. }) => of(id).map(|deselection| (deselection, Some(id))),
            Some(Does { effect: Effect::Always | Effect::Checked, .. }) => None,
            Some(Does { effect: Effect::Switched, .. }) | None => {
                of(&control.id).map(|deselection| (deselection, None))
            }
        }
    }

    /// Whether the deployment has what the control takes, so that this version does something about it.
    fn has(&self, control: &Control) -> bool {
        control.does.as_ref().is_some_and(|does| match does.needs {
            None | Some(Needs::Control(_) | Needs::Signatures) => true,
            Some(Needs::Tier) => self.tier >= control.tier,
            Some(Needs::Judge) => !self.judges.is_empty(),
        })
    }

    /// Whether the control rests on signatures, and nobody has to sign here.
    fn is_unsigned(&self, does: &Does) -> bool {
        does.needs == Some(Needs::Signatures) && !self.approval.is_required()
    }

    /// What the control is about, if nothing in this deployment does that.
    fn spared_of(&self, control: &Control) -> Option<Concern> {
        control.concern.filter(|concern| match concern {
            Concern::Code => {
                let mut tools = self.servers.values().flat_map(|server| server.tools.values());
                let mut mandated = self.agents.values().flat_map(|agent| agent.tools.keys());
                // What nobody described counts as the worst that a tool can be.
                !tools.any(|tool| tool.class == Class::Execute) && !mandated.any(|tool| self.tool(tool).is_none())
            }
        })
    }

    /// The deselections that switch something off at this moment.
    pub fn switched_off(&self, now: Timestamp) -> impl Iterator<Item = &Deselection> {
        let effect = |one: &Deselection| Control::of(&one.control).and_then(Control::effect);
        self.deselected.iter().filter(move |one| one.counts(now) && effect(one) == Some(Effect::Switched))
    }

    /// The controls that are in force at this moment: what this version does about a hop or the record in this
    /// deployment, less what is switched off.
    pub fn active_controls(&self, now: Timestamp) -> BTreeSet<ControlId> {
        let in_force = |control: &&'static Control| {
            matches!(control.effect(), Some(Effect::Always | Effect::Switched))
                && self.has(control)
                && self.deselection_of(control, now).is_none()
        };
        Control::all().filter(in_force).map(|control| control.id.clone()).collect()
    }
}

/// Whether a control is fulfilled, or somebody answers for doing without.
fn stands(state: ControlState<'_>) -> bool {
    !matches!(state, ControlState::NotApplicable(_) | ControlState::Missing(_))
}

impl ControlState<'_> {
    /// All words that [`Self::as_str`] may give.
    pub const WORDS: [&'static str; 6] =
        ["enforced", "detected", "evidence", "deselected", "not-applicable", "missing"];

    /// The word used in output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforced => "enforced",
            Self::Detected => "detected",
            Self::Evidence(..) => "evidence",
            Self::Deselected(_) => "deselected",
            Self::NotApplicable(_) => "not-applicable",
            Self::Missing(_) => "missing",
        }
    }
}

impl Applicability<'_> {
    /// Why it stands so, in words; empty where the state says it all.
    pub fn reason(&self) -> Cow<'_, str> {
        let control = self.control;
        match (self.through, self.state) {
            (Some(through), ControlState::Deselected(deselection)) => {
                return format!("with {through}: {}", deselection.reason).into();
            }
            (Some(through), _) => return format!("the same as {through}").into(),
            (None, _) => {}
        }
        match self.state {
            ControlState::Detected
                if self.control.does.as_ref().is_some_and(|does| does.needs == Some(Needs::Signatures)) =>
            {
                "nobody has to sign a version here: a change is told, and not prevented".into()
            }
            ControlState::Enforced | ControlState::Detected if !control.lacks().is_empty() => control.lacks().into(),
            ControlState::Enforced => "".into(),
            ControlState::Detected if control.effect() == Some(Effect::Checked) => {
                "`maso check` looks for it before anything runs".into()
            }
            ControlState::Detected => "it is told, and nothing is refused for it alone".into(),
            ControlState::Evidence(attestation, _) => attestation.what.as_str().into(),
            ControlState::Deselected(deselection) => deselection.reason.as_str().into(),
            ControlState::NotApplicable(Spared::Judge) => "it takes a judge, which tier 1 does not require".into(),
            ControlState::NotApplicable(Spared::Tier) => {
                format!("required from tier {} on", control.tier.number()).into()
            }
            ControlState::NotApplicable(Spared::Concern(concern)) => concern.why_spared().into(),
            ControlState::Missing(Gap::NotInThisVersion) => {
                "this version does nothing about it, and nobody attests it".into()
            }
            ControlState::Missing(Gap::Awaits(awaits)) => {
                format!("it takes {}; this version has none", awaits.as_str()).into()
            }
            ControlState::Missing(Gap::NoJudge) => "the deployment has no judge".into(),
            ControlState::Missing(Gap::NotAttested) => match control.kind {
                ControlKind::Evidence(rhythm) => format!("nobody attests it; due {}", rhythm.as_str()).into(),
                ControlKind::Enforce | ControlKind::Detect => "nobody attests it".into(),
            },
            ControlState::Missing(Gap::Overdue(attestation, last)) => {
                format!("attested by {} on {}, overdue since {last}", attestation.by, attestation.on).into()
            }
        }
    }
}
