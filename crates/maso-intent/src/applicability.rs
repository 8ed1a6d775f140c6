//! Which controls a deployment has: a statement of applicability, control by control.

use std::{borrow::Cow, collections::BTreeSet};

use maso_core::{ControlId, Day, Tier, Timestamp};

use crate::{Attestation, Control, ControlKind, Deployment, Deselection, Does, Effect, Needs, Strength};

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
    /// A higher tier requires it, or it is about judges at Tier 1, where there need be none; and nothing here does it.
    NotApplicable,
    /// The tier requires it and nothing fulfils it.
    Missing(Gap<'a>),
}

/// Why a control is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap<'a> {
    /// This version does nothing about it, and nobody attests it.
    NotInThisVersion,
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
                Strength::Enforced => ControlState::Enforced,
                Strength::Detected => ControlState::Detected,
            },
            does => match self.attested(&control.id, today) {
                Some(attestation) if attestation.counts_until() >= today => {
                    ControlState::Evidence(attestation, attestation.counts_until())
                }
                _ if control.tier > self.tier => ControlState::NotApplicable,
                None if self.tier < Tier::Managed && does.is_some() => ControlState::NotApplicable,
                Some(attestation) => ControlState::Missing(Gap::Overdue(attestation, attestation.counts_until())),
                None if matches!(control.kind, ControlKind::Evidence(_)) => ControlState::Missing(Gap::NotAttested),
                None if does.is_some() => ControlState::Missing(Gap::NoJudge),
                None => ControlState::Missing(Gap::NotInThisVersion),
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
            None | Some(Needs::Control(_)) => true,
            Some(Needs::Tier) => self.tier >= control.tier,
            Some(Needs::Judge) => !self.judges.is_empty(),
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
    !matches!(state, ControlState::NotApplicable | ControlState::Missing(_))
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
            Self::NotApplicable => "not-applicable",
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
            ControlState::Enforced | ControlState::Detected if !control.lacks().is_empty() => control.lacks().into(),
            ControlState::Enforced => "".into(),
            ControlState::Detected if control.effect() == Some(Effect::Checked) => {
                "`maso check` looks for it before anything runs".into()
            }
            ControlState::Detected => "it is told, and nothing is refused for it alone".into(),
            ControlState::Evidence(attestation, _) => attestation.what.as_str().into(),
            ControlState::Deselected(deselection) => deselection.reason.as_str().into(),
            ControlState::NotApplicable if control.tier == Tier::Supervised => {
                "it takes a judge, which tier 1 does not require".into()
            }
            ControlState::NotApplicable => format!("required from tier {} on", control.tier.number()).into(),
            ControlState::Missing(Gap::NotInThisVersion) => {
                "this version does nothing about it, and nobody attests it".into()
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
