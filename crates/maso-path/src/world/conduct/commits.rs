//! What was decided about an item stays decided (EC-2.6).
//!
//! A decision that was carried out is committed for its workflow, across tasks. To decide otherwise about the same item by the
//! same tool is a reversal, and needs a person; after two there is no third.

use std::collections::{HashMap, VecDeque};

use maso_core::{Digest, Finding, Findings, HopId, Principal, Timestamp, ToolRef, Word, WorkflowName};
use maso_intent::{Bounds, Commitment, Deployment, Resolved};
use maso_log::v1;
use parking_lot::Mutex;

use super::awaiting::Awaiting;

/// All decisions that are committed, folded from the record.
#[derive(Debug, Default)]
pub(super) struct Commits(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    workflows: HashMap<WorkflowName, Register>,
    /// Decisions that were released and have not ended.
    awaiting: Awaiting<(WorkflowName, About)>,
    /// Decisions that were let pass and are not on the record yet.
    passing: HashMap<HopId, Deciding>,
}

/// The decisions of one workflow.
#[derive(Debug, Default)]
struct Register {
    made: HashMap<About, Made>,
    /// When they were made, in that order, with some that were made anew since.
    order: VecDeque<(Timestamp, About)>,
}

/// Which tool decides, and about what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct About {
    tool: ToolRef,
    item: Digest,
}

/// What a hop decides.
#[derive(Clone, Debug)]
pub(crate) struct Deciding {
    hop: HopId,
    workflow: WorkflowName,
    about: About,
    decision: Digest,
}

#[derive(Clone, Debug)]
struct Made {
    decision: Digest,
    n_reversals: u32,
    at: Timestamp,
    /// The hop that decided, and how it stood before.
    hop: HopId,
    before: Option<(Digest, u32)>,
}

impl Deciding {
    /// What a hop decides, if it decides anything.
    pub(crate) fn of(resolved: &Resolved) -> Option<Self> {
        match resolved.commitment() {
            Commitment::Decides { item, decision } => Some(Self {
                hop: resolved.hop().id,
                workflow: resolved.task().workflow.clone(),
                about: About { tool: resolved.hop().act.tool()?.clone(), item: item.digest() },
                decision,
            }),
            Commitment::Nothing | Commitment::Unclear { .. } => None,
        }
    }

    /// What a recorded hop decided.
    pub(super) fn read(decided: &v1::HopDecided, deployment: &Deployment) -> Option<Self> {
        let Principal::Agent(agent) = Principal::parse(decided.from.as_deref()?)? else { return None };
        Some(Self {
            hop: decided.hop.parse().ok()?,
            workflow: deployment.agents.get(&agent)?.workflow.clone(),
            about: About { tool: decided.object.parse().ok()?, item: Digest::parse(decided.item.as_deref()?)? },
            decision: Digest::parse(decided.decides.as_deref()?)?,
        })
    }
}

impl Commits {
    /// What was decided before says this of the hop.
    pub(super) fn limits(&self, resolved: &Resolved, bounds: &Bounds, now: Timestamp) -> Findings {
        let mut findings = Findings::none();
        if let Commitment::Unclear { pointer, why } = resolved.commitment() {
            findings.add(Finding::new("EC-2.6", Word::NoGo, why).at(pointer, ""));
            return findings;
        }
        let Some(deciding) = Deciding::of(resolved) else { return findings };
        let mut inner = self.0.lock();
        inner.passing.remove(&deciding.hop);
        let n_reversals = inner.n_reversals(&deciding, bounds, now);
        let word = word(n_reversals);
        match word {
            Word::Go => {}
            Word::Escalate => {
                let why = format!("it was decided otherwise before: reversal {n_reversals} of {REVERSALS_MAX}");
                findings.add(Finding::new("EC-2.6", word, why));
            }
            Word::NoGo => {
                let why = format!("it was decided otherwise before, and reversed {REVERSALS_MAX} times: it is locked");
                findings.add(Finding::new("EC-2.6", word, why));
            }
        }
        if word < Word::NoGo {
            inner.passing.insert(deciding.hop, deciding);
        }
        findings
    }

    /// Whether what was let pass under `heard` still may.
    pub(super) fn bear(&self, deciding: &Deciding, bounds: &Bounds, heard: Word, now: Timestamp) -> bool {
        word(self.0.lock().n_reversals(deciding, bounds, now)) <= heard
    }

    pub(super) fn leave(&self, hop: HopId) {
        self.0.lock().passing.remove(&hop);
    }

    /// Takes in a recorded decision.
    pub(super) fn decided(&self, at: Timestamp, decided: &v1::HopDecided, deployment: &Deployment) {
        if decided.decides.is_none() {
            return;
        }
        let Some(deciding) = Deciding::read(decided, deployment) else { return };
        let kept_ms = deployment.workflows.get(&deciding.workflow).map_or(0, |it| it.bounds.decisions_kept_ms);
        let mut inner = self.0.lock();
        inner.passing.remove(&deciding.hop);
        if decided.decision == "allow" {
            inner.awaiting.insert(deciding.hop, (deciding.workflow.clone(), deciding.about.clone()));
            inner.workflows.entry(deciding.workflow.clone()).or_default().commit(at, deciding, kept_ms);
        }
    }

    /// Takes in what came of it: what is known to have failed was not carried out, and commits to nothing.
    pub(super) fn released(&self, released: &v1::HopReleased) {
        let Ok(hop) = released.hop.parse::<HopId>() else { return };
        let mut inner = self.0.lock();
        let Some((workflow, about)) = inner.awaiting.remove(hop) else { return };
        if released.outcome != "failed" {
            return;
        }
        let Some(register) = inner.workflows.get_mut(&workflow) else { return };
        if let Some(made) = register.made.get_mut(&about).filter(|made| made.hop == hop) {
            match made.before.take() {
                Some((decision, n_reversals)) => (made.decision, made.n_reversals) = (decision, n_reversals),
                None => drop(register.made.remove(&about)),
            }
        }
    }
}

impl Inner {
    /// Which reversal this would be, with all that is under way besides; 0 for none.
    fn n_reversals(&self, deciding: &Deciding, bounds: &Bounds, now: Timestamp) -> u32 {
        let made = self.workflows.get(&deciding.workflow).and_then(|register| register.made.get(&deciding.about));
        let made = made.filter(|made| now.since_ms(made.at) <= bounds.decisions_kept_ms);
        let otherwise = |other: &&Deciding| {
            other.hop != deciding.hop
                && other.workflow == deciding.workflow
                && other.about == deciding.about
                && other.decision != deciding.decision
        };
        let n_others = u32::try_from(self.passing.values().filter(otherwise).count()).unwrap_or(u32::MAX);
        match made {
            None => n_others,
            Some(made) if made.decision == deciding.decision && n_others == 0 => 0,
            Some(made) => made.n_reversals.saturating_add(n_others).saturating_add(1),
        }
    }
}

impl Register {
    fn commit(&mut self, at: Timestamp, deciding: Deciding, kept_ms: u64) {
        let Deciding { hop, about, decision, .. } = deciding;
        let before = self.made.get(&about).filter(|made| at.since_ms(made.at) <= kept_ms);
        let before = before.map(|made| (made.decision, made.n_reversals));
        let n_reversals = match before {
            Some((earlier, n)) if earlier != decision => n.saturating_add(1),
            Some((_, n)) => n,
            None => 0,
        };
        self.made.insert(about.clone(), Made { decision, n_reversals, at, hop, before });
        self.order.push_back((at, about));
        // What was made anew stands further back in the order once more.
        let is_latest = |made: &HashMap<About, Made>, at: Timestamp, about: &About| {
            made.get(about).is_some_and(|known| known.at == at)
        };
        while let Some((first, about)) = self.order.front() {
            let latest = is_latest(&self.made, *first, about);
            if latest && self.made.len() <= DECISIONS_MAX && at.since_ms(*first) <= kept_ms {
                break;
            }
            if latest {
                self.made.remove(about);
            }
            self.order.pop_front();
        }
        if self.order.len() > 2 * DECISIONS_MAX {
            let made = &self.made;
            self.order.retain(|(at, about)| is_latest(made, *at, about));
        }
    }
}

fn word(n_reversals: u32) -> Word {
    match n_reversals {
        0 => Word::Go,
        1..=REVERSALS_MAX => Word::Escalate,
        _ => Word::NoGo,
    }
}

/// How often a decision about one item may be reversed.
const REVERSALS_MAX: u32 = 2;

/// Decisions of one workflow that are kept; the oldest go.
const DECISIONS_MAX: usize = 20_000;
