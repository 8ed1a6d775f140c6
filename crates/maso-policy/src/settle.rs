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
        if self.review.dry_run {
            // Nothing here can attest a dry run, so a review that asks for one cannot be fulfilled.
            let finding = Finding::new("EC-2.7a", Word::NoGo, "a dry run is required and none was attested");
            return Ruling::Deny { refusal: Refusal::NotApproved, finding: Some(finding) };
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

    fn refusal(&self) -> Refusal {
        let outside = |finding: &Finding| matches!(finding.control.as_str(), "EC-1.2" | "IA-1.4" | "AT-1.4");
        let limit = |finding: &Finding| match finding.control.as_str() {
            "EC-1.3" | "AT-1.7" | "EC-1.5" | "EC-1.5a" | "EC-1.10" | "ENV-14" | "OB-2.5a" => true,
            // What points into the call says that nothing clear is decided there.
            "EC-2.6" => finding.evidence.is_none(),
            _ => false,
        };
        // What points into the call says that no instruction is named there.
        let done_before = |finding: &Finding| finding.control.as_str() == "AT-2.5" && finding.evidence.is_none();
        let sequence = |finding: &Finding| finding.control.as_str() == "AT-2.4";
        let incomplete = |finding: &Finding| finding.control.as_str() == "EC-2.8";
        let unclear =
            |finding: &Finding| matches!(finding.control.as_str(), "PG-1.6" | "PG-2.10") && finding.evidence.is_none();
        let absent = |finding: &Finding| finding.control.as_str() == "EC-1.7";
        if self.findings.leading().any(outside) {
            Refusal::OutOfMandate
        } else if self.findings.leading().all(limit) {
            Refusal::LimitReached
        } else if self.findings.leading().all(done_before) {
            Refusal::Duplicate
        } else if self.findings.leading().all(|finding| finding.control.as_str() == "PG-3.4") {
            Refusal::OutOfPlan
        } else if self.findings.leading().all(incomplete) {
            Refusal::Incomplete
        } else if self.findings.leading().all(|finding| sequence(finding) || incomplete(finding)) {
            Refusal::OutOfSequence
        } else if self.findings.leading().all(unclear) {
            Refusal::Unclear
        } else if self.findings.leading().all(absent) {
            Refusal::Unavailable
        } else {
            Refusal::Denied
        }
    }
}

/// What was heard about exactly this action and still counts.
#[derive(Clone, Debug, Default)]
struct Heard {
    approving_judges: BTreeSet<JudgeName>,
    doubts: bool,
    block: Option<(JudgeName, String)>,
    approving_people: BTreeSet<OperatorName>,
    rejection: Option<(OperatorName, String)>,
    expired: bool,
}

impl Heard {
    fn of(verdicts: &Verdicts, action: Digest, now: Timestamp, may_approve: impl Fn(&OperatorName) -> bool) -> Self {
        let mut heard = Self { expired: verdicts.expired, ..Self::default() };
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
