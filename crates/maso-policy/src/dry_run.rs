//! The first half of stage 8: what is tried out where it cannot hurt, before anybody is asked about it (EC-2.7a).

use maso_core::{Finding, Findings, Refusal, Timestamp, Word};
use maso_intent::DryRunCall;

use crate::{Denial, Subject, Verdicts, Weighed};

/// A hop that is tried out now. It grants nothing: what came of it is one of the things that [`crate::settle`] hears.
#[derive(Debug)]
pub struct DryRun {
    weighed: Weighed,
    verdicts: Verdicts,
    call: DryRunCall,
}

/// What comes before judges and people are heard.
#[derive(Debug)]
pub enum Before {
    /// The hop is tried out.
    TryOut(DryRun),
    /// Nothing: they are heard.
    Nothing(Weighed, Verdicts),
}

impl DryRun {
    /// The dry run that this hop still needs. None is made of what is refused anyway, nor of what somebody refused.
    pub fn due(weighed: Weighed, verdicts: Verdicts, now: Timestamp) -> Before {
        // Almost every hop ends here.
        if !weighed.review().dry_run || !is_open(&weighed, &verdicts, now) {
            return Before::Nothing(weighed, verdicts);
        }
        match weighed.resolved().tool().and_then(|tool| tool.dry_run.clone()) {
            Some(call) => Before::TryOut(Self { weighed, verdicts, call }),
            None => Before::Nothing(weighed, verdicts),
        }
    }

    /// The hop that is tried out, with all that was found out about it.
    pub fn weighed(&self) -> &Weighed {
        &self.weighed
    }

    /// What people said of it before.
    pub fn verdicts(&self) -> &Verdicts {
        &self.verdicts
    }

    /// How it is tried out.
    pub fn call(&self) -> &DryRunCall {
        &self.call
    }

    /// It cannot be tried out, for this reason.
    pub fn fail(self, why: impl Into<String>) -> Denial {
        let mut findings: Findings = self.weighed.findings().clone();
        findings.add(Finding::new("EC-2.7a", Word::NoGo, why));
        Denial {
            subject: Subject::Weighed(Box::new(self.weighed)),
            refusal: Refusal::DryRunFailed,
            findings,
            verdicts: self.verdicts,
        }
    }
}

/// Whether a dry run can still help, and none was made that counts.
fn is_open(weighed: &Weighed, verdicts: &Verdicts, now: Timestamp) -> bool {
    let is_refused = weighed.findings().word() == Word::NoGo || verdicts.expired || !verdicts.rejections.is_empty();
    let action = || weighed.resolved().action_digest();
    !is_refused && !verdicts.dry_run.as_ref().is_some_and(|tried| tried.counts_for(action(), now))
}
