//! Stage 8: allow, hold or deny.

use std::collections::BTreeSet;

use maso_core::{Digest, Finding, Findings, JudgeName, OperatorName, Refusal, Review, Timestamp, Word};
use maso_intent::Role;

use crate::{Decision, Denial, Held, Opinion, Permit, Subject, Verdicts, Weighed};

#[cfg(test)]
mod tests;

/// Stage 8. The only maker of a [`crate::Permit`]. Silence counts against the hop.
///
/// A judge's or a person's word counts only if it is bound to this exact action and has not expired; a person's also
/// only while that person is a supervisor of the deployment. It can fulfil or refuse the review that the hop needs,
/// and never overrules a finding.
pub fn settle(weighed: Weighed, verdicts: Verdicts, now: Timestamp) -> Decision {
    let operators = &weighed.resolved().deployment().operators;
    let case = Case { findings: &weighed.findings, review: weighed.review, now };
    // The digest costs a canonical form of the whole payload; where nobody was heard there is nothing to compare.
    let heard = if verdicts.is_none() {
        Heard::default()
    } else {
        Heard::of(&verdicts, weighed.resolved().action_digest(), now, |person| {
            operators.get(person).is_some_and(|operator| operator.roles.contains(&Role::Supervisor))
        })
    };
    match case.rule(&heard) {
        Ruling::Allow => Decision::Allow(Permit { weighed, verdicts }),
        Ruling::Hold { awaited } => {
            let wait_ms = weighed.resolved().deployment().settings.approval_wait(weighed.risk());
            Decision::Hold(Held { weighed, verdicts, awaited, expires_at: now.plus_ms(wait_ms) })
        }
        Ruling::Deny { refusal, finding } => {
            let mut findings = weighed.findings.clone();
            if let Some(finding) = finding {
                findings.add(finding);
            }
            Decision::Deny(Denial { subject: Subject::Weighed(Box::new(weighed)), refusal, findings, verdicts })
        }
    }
}

/// What is settled: the findings, and the review that the hop needs.
#[derive(Clone, Copy, Debug)]
struct Case<'a> {
    findings: &'a Findings,
    review: Review,
    now: Timestamp,
}

/// What becomes of a case.
#[derive(Clone, Debug, PartialEq)]
enum Ruling {
    Allow,
    Hold { awaited: Review },
    Deny { refusal: Refusal, finding: Option<Finding> },
}

impl Case<'_> {
    /// From the most restrictive reason to the least.
    fn rule(&self, heard: &Heard) -> Ruling {
        if self.findings.word() == Word::NoGo {
            return Ruling::Deny { refusal: self.refusal(), finding: None };
        }
        if let Some((judge, reasoning)) = &heard.block {
            let finding = Finding::new("EC-2.5", Word::NoGo, format!("judge `{judge}` blocks it: {reasoning}"));
            return Ruling::Deny { refusal: Refusal::Denied, finding: Some(finding) };
        }
        if let Some((person, reason)) = &heard.rejection {
            let finding = Finding::new("EC-1.1", Word::NoGo, format!("`{person}` rejected it: {reason}"));
            return Ruling::Deny { refusal: Refusal::NotApproved, finding: Some(finding) };
        }
        if heard.expired {
            let finding = Finding::new("EC-2.9", Word::NoGo, format!("nobody had decided it by {}", self.now));
            return Ruling::Deny { refusal: Refusal::NotApproved, finding: Some(finding) };
        }
        if let (true, Err(why)) = (self.review.dry_run, &heard.dry_run) {
            let finding = Finding::new("EC-2.7a", Word::NoGo, why.clone());
            return Ruling::Deny { refusal: Refusal::DryRunFailed, finding: Some(finding) };
        }
        let n_missing = self.n_people(heard).saturating_sub(heard.n_people());
        if n_missing == 0 {
            Ruling::Allow
        } else {
            Ruling::Hold { awaited: Review { n_people: n_missing, ..Review::NONE } }
        }
    }

    /// How many people must approve. A judge that did not approve is made up for by one more person.
    fn n_people(&self, heard: &Heard) -> u8 {
        let judges_missing = heard.n_judges() < self.review.n_judges;
        let n_people = self.review.n_people.saturating_add(u8::from(judges_missing));
        if heard.doubts { n_people.max(1) } else { n_people }
    }

    /// What the agent is told: of what leads against the hop, what lies outside its mandate comes first; all else is told by
    /// the first row that says it of all of them.
    fn refusal(&self) -> Refusal {
        if self.findings.leading().any(|finding| OUTSIDE.contains(&finding.control.as_str())) {
            return Refusal::OutOfMandate;
        }
        let says =
            |(_, controls): &&Row| self.findings.leading().all(|it| controls.iter().any(|control| control.is(it)));
        TOLD.iter().find(says).map_or(Refusal::Denied, |(refusal, _)| *refusal)
    }
}

/// The controls that say that something does not exist for the agent.
const OUTSIDE: [&str; 3] = ["EC-1.2", "IA-1.4", "AT-1.4"];

/// A code, and the controls that say nothing else.
type Row = (Refusal, &'static [Control]);

/// A control that speaks of a hop.
enum Control {
    /// Wherever it speaks.
    Any(&'static str),
    /// Where it speaks of the hop as a whole. What points into it says that it lacks something, and is told as any other no.
    Whole(&'static str),
}

impl Control {
    fn is(&self, finding: &Finding) -> bool {
        match self {
            Self::Any(id) => finding.control.as_str() == *id,
            Self::Whole(id) => finding.control.as_str() == *id && finding.evidence.is_none(),
        }
    }
}

const TOLD: &[Row] = {
    use Control::{Any, Whole};
    &[
        (
            Refusal::LimitReached,
            &[
                Any("EC-1.3"),
                Any("AT-1.7"),
                Any("IA-2.4"),
                Any("EC-1.5"),
                Any("EC-1.5a"),
                Any("EC-1.10"),
                Any("ENV-14"),
                Any("OB-2.5a"),
                Whole("EC-2.6"),
            ],
        ),
        (Refusal::Duplicate, &[Whole("AT-2.5")]),
        (Refusal::OutOfPlan, &[Any("PG-3.4")]),
        (Refusal::Incomplete, &[Any("EC-2.8")]),
        (Refusal::OutOfSequence, &[Any("AT-2.4"), Any("EC-2.8")]),
        (Refusal::Unclear, &[Whole("PG-1.6"), Whole("PG-2.10")]),
        (Refusal::Unavailable, &[Any("EC-1.7")]),
    ]
};

/// What was heard about exactly this action and still counts.
#[derive(Clone, Debug)]
struct Heard {
    /// Whether it was tried out and succeeded there; if not, why.
    dry_run: Result<(), String>,
    approving_judges: BTreeSet<JudgeName>,
    doubts: bool,
    block: Option<(JudgeName, String)>,
    approving_people: BTreeSet<OperatorName>,
    rejection: Option<(OperatorName, String)>,
    expired: bool,
}

impl Default for Heard {
    fn default() -> Self {
        Self {
            dry_run: Err("it must be tried out first, and nothing tries it out".to_owned()),
            approving_judges: BTreeSet::new(),
            doubts: false,
            block: None,
            approving_people: BTreeSet::new(),
            rejection: None,
            expired: false,
        }
    }
}

impl Heard {
    fn of(verdicts: &Verdicts, action: Digest, now: Timestamp, may_approve: impl Fn(&OperatorName) -> bool) -> Self {
        let mut heard = Self { expired: verdicts.expired, ..Self::default() };
        if let Some(tried) = verdicts.dry_run.as_ref().filter(|tried| tried.counts_for(action, now)) {
            let told = |why: &String| format!("it did not succeed where it was tried out, by `{}`: {why}", tried.tool);
            heard.dry_run = tried.outcome.as_ref().copied().map_err(told);
        }
        let mut doubting_judges = BTreeSet::new();
        for verdict in verdicts.judges.iter().filter(|verdict| verdict.action == action && now <= verdict.expires_at) {
            match verdict.opinion {
                Opinion::Approve => {
                    heard.approving_judges.insert(verdict.judge.clone());
                }
                Opinion::Flag | Opinion::Escalate | Opinion::Silent => {
                    doubting_judges.insert(&verdict.judge);
                }
                Opinion::Block => {
                    heard.block.get_or_insert_with(|| (verdict.judge.clone(), verdict.reasoning.clone()));
                }
            }
        }
        // A judge that said both yes and something else did not approve.
        heard.approving_judges.retain(|judge| !doubting_judges.contains(judge));
        heard.doubts = !doubting_judges.is_empty();
        heard.approving_people = verdicts
            .approvals
            .iter()
            .filter(|approval| approval.action == action && now <= approval.expires_at && may_approve(&approval.by))
            .map(|approval| approval.by.clone())
            .collect();
        heard.rejection = verdicts
            .rejections
            .iter()
            .find(|rejection| rejection.action == action)
            .map(|rejection| (rejection.by.clone(), rejection.reason.clone()));
        heard
    }

    fn n_judges(&self) -> u8 {
        u8::try_from(self.approving_judges.len()).unwrap_or(u8::MAX)
    }

    fn n_people(&self) -> u8 {
        u8::try_from(self.approving_people.len()).unwrap_or(u8::MAX)
    }
}
