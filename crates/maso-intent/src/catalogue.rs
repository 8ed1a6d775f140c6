//! The framework's controls by id, and what this version does about each.

use std::collections::BTreeSet;

use maso_core::{ControlId, Timestamp};

use crate::{Deployment, Deselection};

/// What this version does about a control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing yet.
    None,
    /// It is in force in every deployment and cannot be switched off.
    Always,
    /// It is in force unless the deployment deselects it.
    Switched,
}

impl Effect {
    /// What this version does about `control`; `None` if the framework has no such control.
    pub fn of(control: &ControlId) -> Option<Self> {
        let among = |list: &str| list.split_whitespace().any(|id| id == control.as_str());
        match (among(CATALOGUE), among(IN_FORCE), among(SWITCHED)) {
            (false, ..) => None,
            (true, false, _) => Some(Self::None),
            (true, true, false) => Some(Self::Always),
            (true, true, true) => Some(Self::Switched),
        }
    }

    /// The ids of all controls of the framework.
    pub fn catalogue() -> impl Iterator<Item = &'static str> {
        CATALOGUE.split_whitespace()
    }

    /// The ids of all controls that this version does something about.
    pub fn in_force() -> impl Iterator<Item = &'static str> {
        IN_FORCE.split_whitespace()
    }
}

impl Deployment {
    /// The deselections that count at this moment.
    pub fn switched_off(&self, now: Timestamp) -> impl Iterator<Item = &Deselection> {
        let counts = move |one: &&Deselection| one.counts(now) && Effect::of(&one.control) == Some(Effect::Switched);
        self.deselected.iter().filter(counts)
    }

    /// The controls that are in force at this moment: what this version does something about, less what is switched off.
    pub fn active_controls(&self, now: Timestamp) -> BTreeSet<ControlId> {
        let off: BTreeSet<_> = self.switched_off(now).map(|one| one.control.clone()).collect();
        Effect::in_force().map(ControlId::known).filter(|control| !off.contains(control)).collect()
    }
}

/// Controls that have an effect on a hop or on the record, each with a row and a test in `docs/controls.md`.
const IN_FORCE: &str = "
    AT-1.2 AT-1.4 AT-1.6 AT-1.7 AT-2.1 AT-2.5 AT-2.8 DP-1.1 DP-2.1 EC-1.1 EC-1.2 EC-1.3 EC-1.6 EC-1.8 EC-2.1 EC-2.3
    EC-2.4 EC-2.5 EC-2.7a EC-2.9 EC-2.10 EC-2.12 EC-2.13 EC-2.14 EC-2.15 EC-3.2 EC-3.4 ENV-1 ENV-3 ENV-16 ENV-21
    IA-1.1 IA-1.2 IA-1.4 IA-2.1 IA-2.2 IA-2.3 IA-2.4 IA-2.6 OB-1.1 OB-2.1 OB-2.7 OI-2.1 PG-1.1 PG-1.2 PG-1.3
    PG-1.4 PG-2.2 PG-2.5 SC-2.2 SC-2.4
";

/// Those that a deployment may switch off.
pub(crate) const SWITCHED: &str = "
    AT-2.5 AT-2.8 DP-1.1 DP-2.1 EC-1.3 EC-1.6 EC-1.8 EC-2.12 EC-2.13 EC-2.14 EC-2.15 EC-2.4 EC-2.5 EC-2.7a EC-3.2 ENV-1
    ENV-16 IA-2.6 PG-1.1 PG-1.2 PG-2.5 SC-2.2
";

/// All controls of the framework.
const CATALOGUE: &str = "
    PG-1.1 PG-1.2 PG-1.3 PG-1.4 PG-1.5 PG-1.6 PG-2.1 PG-2.2 PG-2.3 PG-2.4 PG-2.5 PG-2.6 PG-2.7 PG-2.8 PG-2.9
    PG-2.10 PG-3.1 PG-3.2 PG-3.3 PG-3.4 PG-3.5 PG-3.6
    IA-1.1 IA-1.2 IA-1.3 IA-1.4 IA-2.1 IA-2.2 IA-2.3 IA-2.4 IA-2.5 IA-2.6 IA-3.1 IA-3.2 IA-3.3 IA-3.4
    DP-1.1 DP-1.2 DP-1.3 DP-1.4 DP-1.5 DP-1.6 DP-2.1 DP-2.2 DP-2.3 DP-2.4 DP-2.5 DP-3.1 DP-3.2 DP-3.3 DP-3.4
    EC-1.1 EC-1.2 EC-1.3 EC-1.4 EC-1.5 EC-1.5a EC-1.6 EC-1.7 EC-1.8 EC-1.9 EC-1.10 EC-2.1 EC-2.2 EC-2.3 EC-2.4
    EC-2.5 EC-2.6 EC-2.7 EC-2.7a EC-2.8 EC-2.9 EC-2.10 EC-2.11 EC-2.12 EC-2.13 EC-2.14 EC-2.15 EC-2.16 EC-2.17
    EC-3.1 EC-3.2 EC-3.3 EC-3.4 EC-3.5 EC-3.6
    OB-1.1 OB-1.2 OB-1.3 OB-1.4 OB-2.1 OB-2.2 OB-2.3 OB-2.4 OB-2.5 OB-2.5a OB-2.6 OB-2.7 OB-2.8 OB-3.1 OB-3.2
    OB-3.3 OB-3.4 OB-3.5
    SC-1.1 SC-1.2 SC-1.3 SC-1.4 SC-2.1 SC-2.2 SC-2.3 SC-2.4 SC-3.1 SC-3.2 SC-3.3 SC-3.4 SC-3.5
    PA-1.1 PA-1.2 PA-1.3 PA-1.4 PA-2.1 PA-2.2 PA-2.3 PA-2.4 PA-2.5 PA-2.6 PA-2.7 PA-2.8 PA-3.1 PA-3.2 PA-3.3
    PA-3.4 PA-3.5 PA-3.6 PA-3.7
    MC-1.1 MC-1.2 MC-1.3 MC-1.4 MC-1.5 MC-1.6 MC-2.1 MC-2.2 MC-2.3 MC-2.4 MC-2.5 MC-2.6 MC-2.7 MC-2.8 MC-2.9
    MC-2.10 MC-3.1 MC-3.2 MC-3.3 MC-3.4 MC-3.5
    AT-1.1 AT-1.2 AT-1.3 AT-1.4 AT-1.5 AT-1.6 AT-1.7 AT-2.1 AT-2.2 AT-2.3 AT-2.4 AT-2.5 AT-2.6 AT-2.7 AT-2.8
    AT-2.9 AT-2.10 AT-2.11 AT-2.12 AT-2.13 AT-2.14 AT-2.15 AT-3.1 AT-3.2 AT-3.3
    OI-1.1 OI-1.2 OI-1.3 OI-1.4 OI-1.5 OI-2.1 OI-2.2 OI-2.3 OI-2.4 OI-2.5 OI-2.6 OI-2.7 OI-3.1 OI-3.2 OI-3.3
    OI-3.4 OI-3.5 OI-3.6
    EI-1.1 EI-1.2 EI-1.3 EI-1.4 EI-1.5 EI-2.1 EI-2.2 EI-2.3 EI-2.4 EI-2.5 EI-2.6 EI-3.1 EI-3.2 EI-3.3 EI-3.4
    ENV-1 ENV-2 ENV-3 ENV-4 ENV-5 ENV-6 ENV-7 ENV-8 ENV-9 ENV-10 ENV-11 ENV-12 ENV-13 ENV-14 ENV-15 ENV-16
    ENV-17 ENV-18 ENV-19 ENV-20 ENV-21 ENV-22 ENV-23 ENV-24
    EP-C01 EP-C02 EP-C03 EP-C04 EP-C05 EP-C06 EP-C07 EP-C08 EP-C09
    CR-C01 CR-C02
    SM-C01 SM-C02
    GV-C01 GV-C02
    OP-C01 OP-C04 OP-C04a OP-C04b OP-C04c OP-C04d
    IS-C01 IS-C02
";
