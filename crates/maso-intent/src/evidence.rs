//! What people attest: that a control is fulfilled, or what nothing but a person can know of a tier.

use maso_core::{ControlId, Day, OperatorName, TierFact};

use crate::{
    Control, ControlKind, Deployment, Problem, Severity,
    form::{EvidenceForm, File, Folder},
};

/// One thing that an operator attests (`evidence/*.toml`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attestation {
    /// The file, by its path inside the folder.
    pub file: String,
    /// What it is about.
    pub of: Attested,
    /// What was looked at, and what came of it.
    pub what: String,
    /// Who says so.
    pub by: OperatorName,
    /// The day of which it is said.
    pub on: Day,
    /// The last day on which it counts, as it is written.
    pub due: Day,
}

/// What an attestation is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attested {
    /// A control is fulfilled.
    Control(ControlId),
    /// Something about the deployment's tier.
    Tier(TierFact),
}

impl Attestation {
    /// The last day on which it counts: a control of which the framework says how often counts no longer than that.
    pub fn counts_until(&self) -> Day {
        let control = match &self.of {
            Attested::Control(id) => Control::of(id),
            Attested::Tier(_) => None,
        };
        match control.map(|control| control.kind) {
            Some(ControlKind::Evidence(rhythm)) => self.due.min(rhythm.after(self.on)),
            _ => self.due,
        }
    }
}

impl Deployment {
    /// The latest attestation of a control that was made by `today`.
    pub fn attested(&self, control: &ControlId, today: Day) -> Option<&Attestation> {
        let made = self.evidence.iter().filter(|one| one.on <= today);
        made.filter(|one| matches!(&one.of, Attested::Control(id) if id == control)).max_by_key(|one| one.on)
    }
}

/// Everything that is attested in a folder. What does not say what it is about is refused.
pub(crate) fn attestations(folder: &Folder<'_>, problems: &mut Vec<Problem>) -> Vec<Attestation> {
    folder.evidence.iter().filter_map(|file| attestation(file, problems)).collect()
}

fn attestation(file: &File<'_, EvidenceForm>, problems: &mut Vec<Problem>) -> Option<Attestation> {
    let form = &file.form;
    let of = match (&form.control, &form.fact) {
        (Some(control), None) => Attested::Control(control.value.clone()),
        (None, Some(fact)) => Attested::Tier(fact.value),
        (both, _) => {
            let message = match both {
                Some(_) => "it is about a `control` and about a `fact`",
                None => "nothing says what it is about",
            };
            let remedy = "write either `control` or `fact`; a second file attests something else";
            problems.push(file.problem(0, Severity::Error, "", message, remedy));
            return None;
        }
    };
    Some(Attestation {
        file: file.path.to_owned(),
        of,
        what: form.what.value.clone(),
        by: form.by.value.clone(),
        on: form.on.value,
        due: form.due.value,
    })
}
