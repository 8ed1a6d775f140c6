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

impl DryRun {
    /// The dry run that this hop still needs; else what was given comes back. What is refused anyway is not tried out, nor
    /// what somebody refused.
    ///
    /// # Errors
    /// Where nothing is to be tried out, or nothing says how.
    pub fn due(weighed: Weighed, verdicts: Verdicts, now: Timestamp) -> Result<Self, Box<(Weighed, Verdicts)>> {
        let call = weighed.resolved().tool().and_then(|tool| tool.dry_run.clone());
        match call {
            Some(call) if weighed.review().dry_run && is_open(&weighed, &verdicts, now) => {
                Ok(Self { weighed, verdicts, call })
            }
            _ => Err(Box::new((weighed, verdicts))),
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
