//! A decision as it is recorded: stage 8's word, written down for stage 9.

use maso_core::{Finding, Findings, Hop, Mode, Principal, Reversibility, Review, SpiffeId, TicketId, Turn, Word};
use maso_identity::Identified;
use maso_intent::{Commitment, Moved, Resolved, Told};
use maso_policy::{Decision, Denial, Excerpt, Held, Opinion, Permit, Subject, Tried, Verdicts, Weighed};
use serde_json::Value;

use crate::{
    Buffered, Entry, Payload, Recorded,
    v1::{self, Body, HopDecided},
};

/// A decision, ready to be recorded.
#[derive(Debug)]
pub struct Ruled {
    /// What was decided.
    pub decision: Decision,
    /// The ticket under which a held hop waits.
    pub ticket: Option<TicketId>,
    /// Whether the decision binds.
    pub mode: Mode,
    /// What is kept of the hop's payload.
    pub keep: Keep,
    /// The passages from which its values came, beside its origins and in their order; fewer, or none, where it was
    /// allowed.
    pub excerpts: Vec<Option<Excerpt>>,
}

/// What is kept of a payload beside its record. The hash of the exact bytes is recorded in any case.
#[derive(Clone, Debug, PartialEq)]
pub enum Keep {
    /// All of it.
    Whole,
    /// This in its place: credentials were taken out.
    Redacted(Value),
    /// Nothing: there are credentials in it that cannot be taken out.
    HashAlone,
}

/// A decision that is on the record, sorted by what may follow from it.
#[derive(Debug)]
pub enum RecordedDecision {
    /// It may be released, once.
    Allow(Recorded<Permit>),
    /// It waits for people.
    Hold(Recorded<Held>),
    /// It is refused.
    Deny(Recorded<Denial>),
}

impl Recorded<Ruled> {
    /// Sorts it by what may follow from it.
    pub fn into_decision(self) -> RecordedDecision {
        let sequence = self.sequence();
        match self.into_inner().decision {
            Decision::Allow(permit) => RecordedDecision::Allow(Recorded::new(permit, sequence)),
            Decision::Hold(held) => RecordedDecision::Hold(Recorded::new(held, sequence)),
            Decision::Deny(denial) => RecordedDecision::Deny(Recorded::new(denial, sequence)),
        }
    }
}

impl Buffered<Ruled> {
    /// The permit, if it was one.
    pub fn into_permit(self) -> Option<Buffered<Permit>> {
        match self.into_inner().decision {
            Decision::Allow(permit) => Some(Buffered::new(permit)),
            Decision::Hold(_) | Decision::Deny(_) => None,
        }
    }
}

impl Entry for Ruled {
    fn body(&self) -> Body {
        let mut decided = match &self.decision {
            Decision::Allow(permit) => HopDecided {
                decision: "allow".to_owned(),
                ..weighed(permit.weighed(), Findings::none(), permit.verdicts())
            },
            Decision::Hold(held) => HopDecided {
                decision: "hold".to_owned(),
                expires_at: Some(held.expires_at().as_millis()),
                awaited: Some(review(held.awaited())),
                ..weighed(held.weighed(), Findings::none(), held.verdicts())
            },
            Decision::Deny(denial) => HopDecided { decision: "deny".to_owned(), ..denied(denial) },
        };
        decided.breaks_contract = breaks_contract(&self.decision);
        decided.enforced = self.mode == Mode::Enforce;
        decided.ticket = self.ticket.map(|ticket| ticket.to_string());
        for (origin, excerpt) in decided.origins.iter_mut().zip(&self.excerpts) {
            origin.excerpt = excerpt.as_ref().map(v1::Excerpt::from);
        }
        Body::HopDecided(Box::new(decided))
    }

    /// The hop's payload, once somebody answers for it: what nobody is known to have sent is kept as a hash alone, so
    /// that strangers cannot fill the disk.
    fn payload(&self) -> Option<Payload<'_>> {
        let kept = |whole| match &self.keep {
            Keep::Whole => Some(whole),
            Keep::Redacted(value) => Some(value),
            Keep::HashAlone => None,
        };
        let weighed = match &self.decision {
            Decision::Allow(permit) => permit.weighed(),
            Decision::Hold(held) => held.weighed(),
            Decision::Deny(Denial { subject: Subject::Weighed(weighed), .. }) => weighed,
            Decision::Deny(Denial { subject: Subject::Identified(identified), .. }) => {
                return Some(Payload { task: None, value: kept(&identified.hop().payload)? });
            }
            Decision::Deny(Denial { subject: Subject::Received(_), .. }) => return None,
        };
        let resolved = weighed.resolved();
        Some(Payload { task: Some(resolved.task().id), value: kept(&resolved.hop().payload)? })
    }
}

/// Whether a hop is refused for the form of what its sender signed. An agent's own program makes that, and no model.
fn breaks_contract(decision: &Decision) -> bool {
    let Decision::Deny(denial) = decision else { return false };
    let (identified, found) = match &denial.subject {
        // That the contract itself is no fit one is nothing that its sender did.
        Subject::Weighed(weighed) if weighed.resolved().wordy().is_some_and(|wordy| wordy.is_refused) => return false,
        Subject::Weighed(weighed) => (weighed.resolved().identified(), Some(weighed.findings())),
        Subject::Identified(identified) => (identified.as_ref(), None),
        Subject::Received(_) => return false,
    };
    let mut found = denial.findings.iter().chain(found.into_iter().flat_map(Findings::iter));
    identified.is_signed() && found.any(|it| it.word == Word::NoGo && CONTRACT.contains(&it.control.as_str()))
}

/// The controls of what a message looks like: its receiver's contract, and strict parsing.
const CONTRACT: [&str; 2] = ["EC-2.14", "EC-2.15"];

fn denied(denial: &Denial) -> HopDecided {
    let decided = match &denial.subject {
        Subject::Weighed(subject) => weighed(subject, denial.findings.clone(), &denial.verdicts),
        Subject::Identified(identified) => HopDecided {
            from: Some(identified.hop().from.to_string()),
            task: identified.task().map(|claim| claim.task.to_string()),
            chain: chain(identified),
            instance: instance(identified),
            findings: findings(denial.findings.iter()),
            ..outline(identified.hop(), identified.digest().to_string())
        },
        Subject::Received(received) => {
            let parts = received.as_ref().clone().into_parts();
            let claimed = Hop {
                id: parts.arrival.id,
                at: parts.arrival.at,
                // Nobody knows who sent it; it is not written down, and the kind of a hop does not depend on it.
                from: parts.arrival.to.clone(),
                to: parts.arrival.to,
                act: parts.act,
                turn: parts.turn,
                payload: parts.payload,
            };
            HopDecided { findings: findings(denial.findings.iter()), ..outline(&claimed, parts.digest.to_string()) }
        }
    };
    HopDecided { refusal: Some(denial.refusal.to_string()), ..decided }
}

/// The requests for which a hop is done.
fn chain(identified: &Identified) -> Vec<String> {
    let claim = identified.task().map(|claim| claim.chain.links());
    claim.into_iter().flatten().map(|link| link.id.to_string()).collect()
}

/// Which instance of its agent sent a hop. What answers it for a server is that server's.
fn instance(identified: &Identified) -> Option<String> {
    identified.basis().instance().map(|instance| instance.to_string())
}

/// Everything that is known of a hop that was weighed; `further` are findings that came after.
fn weighed(weighed: &Weighed, further: Findings, verdicts: &Verdicts) -> HopDecided {
    let resolved = weighed.resolved();
    let circumstances = resolved.circumstances();
    let added = further.iter().filter(|finding| !weighed.findings().iter().any(|known| known == *finding));
    HopDecided {
        from: Some(resolved.hop().from.to_string()),
        task: Some(resolved.task().id.to_string()),
        chain: chain(resolved.identified()),
        instance: instance(resolved.identified()),
        agent_nhi: agent_nhi(resolved),
        action: Some(resolved.action_digest().to_string()),
        deed: resolved.identified().said().map(|_| resolved.deed_digest().to_string()),
        risk: Some(weighed.risk().to_string()),
        reversibility: Some(weighed.reversibility().to_string()),
        reversible_ms: window_ms(weighed),
        moves: match resolved.moved() {
            Some(Moved::Minor(moves)) => Some(moves),
            Some(Moved::Unclear(_)) | None => None,
        },
        item: resolved.item().map(|item| item.digest().to_string()),
        decides: match resolved.commitment() {
            Commitment::Decides { decision, .. } => Some(decision.to_string()),
            Commitment::Nothing | Commitment::Unclear { .. } => None,
        },
        context_bytes: resolved.context_bytes(),
        context_claimed: resolved.identified().claimed_context_tokens().filter(|_| resolved.context_bytes().is_some()),
        told: resolved.told().into_iter().map(told).collect(),
        review: Some(review(weighed.review())),
        label: Some(weighed.label().to_string()),
        findings: findings(weighed.findings().iter().chain(added)),
        origins: weighed.origins().iter().map(origin).collect(),
        dry_run: verdicts.dry_run.as_deref().map(tried),
        verdicts: verdicts.judges.iter().map(verdict).collect(),
        approvals: verdicts
            .approvals
            .iter()
            .map(|approval| v1::Approval { ticket: approval.ticket.to_string(), by: approval.by.to_string() })
            .collect(),
        pace_phase: circumstances.agent_phase.max(circumstances.around_phase).to_string(),
        mandates: vec![resolved.mandate().digest.to_string(), resolved.solution().digest.to_string()],
        accountable_human: Some(resolved.task().accountable_human.to_string()),
        ..outline(resolved.hop(), resolved.identified().digest().to_string())
    }
}

/// For how long the hop can be undone, where its tool says so.
fn window_ms(weighed: &Weighed) -> Option<u64> {
    match weighed.reversibility() {
        Reversibility::TimeBounded => weighed.resolved().tool()?.reversible_window_ms,
        Reversibility::Reversible | Reversibility::Irreversible => None,
    }
}

/// What can be said of a hop of which nothing but its form is known.
fn outline(hop: &Hop, input_hash: String) -> HopDecided {
    HopDecided {
        hop: hop.id.to_string(),
        answers: match hop.turn {
            Turn::Ask => None,
            Turn::Answer { to } => Some(to.to_string()),
        },
        received_at: hop.at.as_millis(),
        hop_kind: hop.kind().to_string(),
        from: None,
        to: hop.to.to_string(),
        verb: hop.act.verb().to_owned(),
        object: hop.act.object(),
        task: None,
        chain: Vec::new(),
        agent_nhi: None,
        instance: None,
        input_hash,
        payload: None,
        action: None,
        deed: None,
        decision: String::new(),
        enforced: true,
        refusal: None,
        breaks_contract: false,
        ticket: None,
        expires_at: None,
        awaited: None,
        risk: None,
        reversibility: None,
        reversible_ms: None,
        moves: None,
        item: None,
        decides: None,
        context_bytes: None,
        context_claimed: None,
        told: Vec::new(),
        review: None,
        label: None,
        findings: Vec::new(),
        origins: Vec::new(),
        dry_run: None,
        verdicts: Vec::new(),
        approvals: Vec::new(),
        pace_phase: UNRESOLVED.to_owned(),
        mandates: Vec::new(),
        accountable_human: None,
    }
}

fn agent_nhi(resolved: &Resolved) -> Option<String> {
    let trust_domain = resolved.deployment().trust_domain.clone();
    match (&resolved.hop().from, resolved.hop().agent()) {
        (Principal::Operator(_), _) | (_, None) => None,
        (_, Some(agent)) => Some(SpiffeId { trust_domain, agent: agent.clone() }.to_string()),
    }
}

fn findings<'a>(findings: impl Iterator<Item = &'a Finding>) -> Vec<v1::Finding> {
    findings.map(v1::Finding::from).collect()
}

impl From<&Finding> for v1::Finding {
    fn from(finding: &Finding) -> Self {
        Self {
            control: finding.control.to_string(),
            word: finding.word.to_string(),
            reason: finding.reason.clone(),
            pointer: finding.evidence.as_ref().map(|evidence| evidence.pointer.clone()),
            excerpt: finding.evidence.as_ref().map(|evidence| evidence.excerpt.clone()),
            span: finding.evidence.as_ref().and_then(|evidence| evidence.span).map(|span| {
                let range = span.range();
                [range.start, range.end]
            }),
        }
    }
}

fn told((pointer, told): (String, Told)) -> v1::Told {
    let (whole, digest) = match told {
        Told::Whole(number) => (Some(number), None),
        Told::Other(digest) => (None, Some(digest.to_string())),
        Told::Absent => (None, None),
    };
    v1::Told { pointer, whole, digest }
}

fn origin(origin: &maso_core::Origin) -> v1::Origin {
    v1::Origin {
        pointer: origin.pointer.clone(),
        authority: origin.authority,
        source: origin.source.to_string(),
        integrity: origin.integrity.to_string(),
        confidentiality: Some(origin.confidentiality.to_string()),
        needed: origin.needed.map(|needed| needed.to_string()),
        excerpt: None,
    }
}

impl From<&Excerpt> for v1::Excerpt {
    fn from(excerpt: &Excerpt) -> Self {
        let Excerpt { field, before, value, after } = excerpt.clone();
        Self { field, before, value, after }
    }
}

fn tried(tried: &Tried) -> v1::TriedOut {
    v1::TriedOut {
        tool: tried.tool.to_string(),
        at: tried.at.as_millis(),
        outcome: if tried.outcome.is_ok() { "succeeded" } else { "failed" }.to_owned(),
        fault: tried.outcome.as_ref().err().cloned(),
        says: tried.says.clone(),
    }
}

fn verdict(verdict: &maso_policy::Verdict) -> v1::Verdict {
    let opinion = match verdict.opinion {
        Opinion::Approve => "approve",
        Opinion::Flag => "flag",
        Opinion::Escalate => "escalate",
        Opinion::Block => "block",
        Opinion::Silent => "silent",
    };
    v1::Verdict {
        judge: verdict.judge.to_string(),
        opinion: opinion.to_owned(),
        reasoning: verdict.reasoning.clone(),
        criteria: verdict.criteria.clone(),
    }
}

fn review(review: Review) -> v1::Review {
    v1::Review { judges: review.n_judges, people: review.n_people, dry_run: review.dry_run }
}

/// The phase of a hop that was refused before anyone knew under which phase it stood.
const UNRESOLVED: &str = "unresolved";
