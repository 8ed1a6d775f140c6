//! The framework's controls as data, and what this version does about each.
//!
//! The data lies in `catalogue/`, a file for each domain. A control that this version does something about names the
//! tests that prove it; a test of the program holds those names against the tests that there are.

mod reading;

use std::{collections::BTreeMap, sync::LazyLock};

use maso_core::{ControlId, Day, Tier};

/// A domain of the framework, with its controls in the framework's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// The letters with which its controls' ids begin; `RR` for those of the risk register.
    pub code: String,
    /// The framework's name for it.
    pub name: String,
    /// Its controls.
    pub controls: Vec<Control>,
}

/// A control of the framework.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// Its id.
    pub id: ControlId,
    /// The framework's title.
    pub title: String,
    /// The lowest tier that requires it.
    pub tier: Tier,
    /// How it can be fulfilled at all.
    pub kind: ControlKind,
    /// What it demands, in one sentence.
    pub says: String,
    /// The controls that ask for the same under other ids.
    pub same_as: Vec<ControlId>,
    /// What it is about, where a deployment may have none of that.
    pub concern: Option<Concern>,
    /// What this version does not have yet, and the control takes; none if it does something about it.
    pub awaits: Option<Awaits>,
    /// What this version does about it; none if nothing.
    pub does: Option<Does>,
}

/// How a control can be fulfilled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlKind {
    /// A runtime can enforce it.
    Enforce,
    /// A runtime can measure it and say so.
    Detect,
    /// People attest it, this often.
    Evidence(Rhythm),
}

/// How often something is attested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rhythm {
    /// Every week.
    Weekly,
    /// Every month.
    Monthly,
    /// Every quarter.
    Quarterly,
    /// Every year.
    Yearly,
}

/// What a control is about that not every deployment has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concern {
    /// Tools that run what agents write.
    Code,
}

/// What a control takes that this version does not have yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaits {
    /// Judges that are heard about more than the one action before them: the whole, a plan, each other.
    Judges,
    /// Identities that are issued, rotated and followed by maso itself.
    Identity,
    /// Phases with backups, baselines and scores.
    Pace,
}

/// What this version does about a control.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Does {
    /// When it does so.
    pub effect: Effect,
    /// What it takes besides.
    pub needs: Option<Needs>,
    /// Whether it prevents or tells.
    pub strength: Strength,
    /// What of it this version does not do; none where it does all of it.
    pub lacks: Option<String>,
    /// Tests that show it at work.
    pub proof: Vec<String>,
    /// Tests that show both sides: the attack fails with the control, and succeeds without it.
    pub pairs: Vec<String>,
}

/// When a control that this version does something about is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It is looked for in the declaration, by `maso check`, before anything runs.
    Checked,
    /// It is in force in every deployment and cannot be switched off.
    Always,
    /// It is in force unless the deployment deselects it.
    Switched,
}

/// What a control takes to be in force besides this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Needs {
    /// A deployment of its tier or a higher one.
    Tier,
    /// A judge.
    Judge,
    /// Signatures of versions: where nobody has to sign, a change is told and not prevented.
    Signatures,
    /// Another control, with which it is switched off.
    Control(ControlId),
}

/// Whether a control prevents or tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strength {
    /// What it forbids does not happen.
    Enforced,
    /// What it watches for is noticed and told.
    Detected,
}

impl Domain {
    /// All domains of the framework, in its order.
    pub fn all() -> &'static [Self] {
        &CATALOGUE.domains
    }
}

impl Control {
    /// The control with this id; none if the framework has no such control.
    pub fn of(id: &ControlId) -> Option<&'static Self> {
        let (domain, control) = CATALOGUE.places.get(id)?;
        CATALOGUE.domains.get(*domain)?.controls.get(*control)
    }

    /// All controls of the framework, in its order.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        Domain::all().iter().flat_map(|domain| &domain.controls)
    }

    /// When it is in force; none if this version does nothing about it.
    pub fn effect(&self) -> Option<Effect> {
        self.does.as_ref().map(|does| does.effect)
    }

    /// Whether this version prevents what it forbids, given all that it takes.
    pub fn is_enforced(&self) -> bool {
        self.does.as_ref().is_some_and(|does| does.strength == Strength::Enforced)
    }

    /// What of it this version does not do, if it does something about it; empty where it does all of it.
    pub fn lacks(&self) -> &str {
        self.does.as_ref().and_then(|does| does.lacks.as_deref()).unwrap_or_default()
    }

    /// The names of all tests that prove it.
    pub fn proofs(&self) -> impl Iterator<Item = &str> {
        self.does.iter().flat_map(|does| does.proof.iter().chain(&does.pairs)).map(String::as_str)
    }
}

impl Concern {
    /// Why a deployment without it is spared.
    pub const fn why_spared(self) -> &'static str {
        match self {
            Self::Code => "no tool here runs what agents write",
        }
    }
}

impl Awaits {
    /// What it takes, in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Judges => "judges of more than one action",
            Self::Identity => "identities that maso issues itself",
            Self::Pace => "baselines and scores behind the phases",
        }
    }
}

impl ControlKind {
    /// The word used in output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Detect => "detect",
            Self::Evidence(_) => "evidence",
        }
    }
}

impl Rhythm {
    /// The word used in output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Quarterly => "quarterly",
            Self::Yearly => "yearly",
        }
    }

    /// The last day on which what was attested on `on` still counts.
    pub const fn after(self, on: Day) -> Day {
        on.plus(match self {
            Self::Weekly => 7,
            Self::Monthly => 31,
            Self::Quarterly => 92,
            Self::Yearly => 366,
        })
    }
}

/// All domains, and where each control stands in them: index of the domain, index within.
struct Catalogue {
    domains: Vec<Domain>,
    places: BTreeMap<ControlId, (usize, usize)>,
}

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    let domains: Vec<_> = FILES
        .into_iter()
        .map(|text| reading::domain(text).expect("the catalogue is part of the source, and every test reads it"))
        .collect();
    let places = domains.iter().enumerate().flat_map(|(domain, read)| {
        read.controls.iter().enumerate().map(move |(control, read)| (read.id.clone(), (domain, control)))
    });
    let places = places.collect();
    Catalogue { domains, places }
});

/// The domains' files, in the framework's order.
const FILES: [&str; 13] = [
    include_str!("../catalogue/pg.toml"),
    include_str!("../catalogue/ia.toml"),
    include_str!("../catalogue/dp.toml"),
    include_str!("../catalogue/ec.toml"),
    include_str!("../catalogue/ob.toml"),
    include_str!("../catalogue/sc.toml"),
    include_str!("../catalogue/pa.toml"),
    include_str!("../catalogue/mc.toml"),
    include_str!("../catalogue/at.toml"),
    include_str!("../catalogue/oi.toml"),
    include_str!("../catalogue/ei.toml"),
    include_str!("../catalogue/env.toml"),
    include_str!("../catalogue/rr.toml"),
];
