//! Stage 9: the commit point. What is not on the record is not done.

use std::sync::Arc;

use maso_core::{Act, Class, Finding, Hop, Mode, Risk, Tier, Word, WorkStatus};
use maso_guard::Redaction;
use maso_log::{Entry, Keep, LogFault, Recorded, RecordedDecision, Ruled, v1};
use maso_policy::{Decision, Denial, Excerpt, Held, Permit, Subject, excerpts};
use serde_json::Value;

use crate::{
    Path, Ticket,
    footing::Footing,
    release::{Observed, Passage},
    travel::NotRecorded,
    world::{Passing, may_move_phases},
};

impl Path {
    /// Records a permit together with the use of its approvals and what else it means: all or nothing. A pure read does not
    /// wait for the disk, below the tier at which nobody looks on.
    pub(crate) async fn record_permit(
        &self,
        permit: Permit,
        also: Vec<v1::Body>,
        passing: &Arc<Passing>,
    ) -> Result<Passage, NotRecorded> {
        let resolved = permit.weighed().resolved();
        let hop = resolved.hop().id.to_string();
        let stands = self.still_stands(Footing::of(permit.weighed(), permit.verdicts(), None), passing);
        let mut tickets: Vec<_> = permit.verdicts().approvals.iter().map(|approval| approval.ticket).collect();
        tickets.sort();
        tickets.dedup();
        let warns = self.world.warns_of_context(resolved, self.clock.now());
        if tickets.is_empty() && also.is_empty() && !warns && self.tier() < Tier::Autonomous && is_pure_read(&permit) {
            // It waits for no transaction; but what this process has heard of by then counts.
            let ruled = self.ruled(Decision::Allow(permit), None);
            let buffered = self.recorder.buffer_if(ruled, stands).await.map_err(not_recorded)?;
            return buffered.into_permit().map(Passage::Buffered).ok_or(NotRecorded::Fault);
        }
        let spent = tickets
            .into_iter()
            .map(|ticket| v1::Body::TicketSpent(v1::TicketSpent { ticket: ticket.to_string(), hop: hop.clone() }));
        let used = spent.chain(also).collect();
        let moves = warns || reports_failure(permit.weighed().resolved().hop());
        let recorded = self.commit(Decision::Allow(permit), None, used, stands).await?;
        if moves && self.world.mode() == Mode::Enforce {
            self.follow_orders().await;
        }
        match recorded {
            RecordedDecision::Allow(permit) => Ok(Passage::Permit(permit)),
            RecordedDecision::Hold(_) | RecordedDecision::Deny(_) => Err(NotRecorded::Fault),
        }
    }

    /// Records a hold under its ticket.
    pub(crate) async fn record_hold(
        &self,
        held: Held,
        ticket: &Ticket,
        passing: &Arc<Passing>,
    ) -> Result<Passage, NotRecorded> {
        let footing = Footing::of(held.weighed(), held.verdicts(), Some(ticket.id));
        let stands = self.still_stands(footing, passing);
        match self.commit(Decision::Hold(held), Some(ticket), Vec::new(), stands).await? {
            RecordedDecision::Hold(held) => Ok(Passage::Observed(held.map(|held| Observed::Held(Box::new(held))))),
            RecordedDecision::Allow(_) | RecordedDecision::Deny(_) => Err(NotRecorded::Fault),
        }
    }

    /// Records a denial, and what posture makes of it. Whoever waited for its ticket is told by it.
    pub(crate) async fn record_denial(&self, denial: Denial) {
        let ruled = self.ruled(Decision::Deny(denial), None);
        let moves = matches!(ruled.body(), v1::Body::HopDecided(decided) if may_move_phases(&decided));
        // Refused all the same: what could not be recorded did not happen, and nothing is what a denial does.
        if self.recorder.record(ruled).await.map_err(not_recorded).is_ok() && moves {
            self.follow_orders().await;
        }
    }

    /// Records a denial that does not bind, because the deployment only observes.
    pub(crate) async fn record_observed(&self, denial: Denial) -> Result<Passage, NotRecorded> {
        let stands = self.still_observed(&denial);
        match self.commit(Decision::Deny(denial), None, Vec::new(), stands).await? {
            RecordedDecision::Deny(denial) => Ok(Passage::Observed(denial.map(Observed::Denied))),
            RecordedDecision::Allow(_) | RecordedDecision::Hold(_) => Err(NotRecorded::Fault),
        }
    }

    /// Records a decision that something may be released on, if what it rests on still stands.
    async fn commit(
        &self,
        decision: Decision,
        ticket: Option<&Ticket>,
        also: Vec<v1::Body>,
        stands: impl Fn() -> bool + Send + 'static,
    ) -> Result<RecordedDecision, NotRecorded> {
        let ruled = self.ruled(decision, ticket);
        let recorded: Recorded<Ruled> = self.recorder.record_if(ruled, also, stands).await.map_err(not_recorded)?;
        Ok(recorded.into_decision())
    }

    fn ruled(&self, decision: Decision, ticket: Option<&Ticket>) -> Ruled {
        let keep = self.keep_of(&decision);
        let excerpts = self.excerpts_of(&decision);
        Ruled { decision, ticket: ticket.map(|ticket| ticket.id), mode: self.world.mode(), keep, excerpts }
    }

    /// The passages from which the values came, for whoever reads why it was held or refused. What is allowed needs
    /// none, and does not wait for them.
    fn excerpts_of(&self, decision: &Decision) -> Vec<Option<Excerpt>> {
        let weighed = match decision {
            Decision::Hold(held) => held.weighed(),
            Decision::Deny(Denial { subject: Subject::Weighed(weighed), .. }) => weighed,
            Decision::Allow(_) | Decision::Deny(_) => return Vec::new(),
        };
        let memory = self.memory_of(weighed.resolved());
        let memory = memory.read();
        excerpts(&memory, weighed, |text, name| self.scanner.credentials_in(text, name, self.clock.now()))
    }

    /// What may be kept of the payload: no credential comes to rest beside the record (IA-2.6).
    fn keep_of(&self, decision: &Decision) -> Keep {
        let weighed = match decision {
            Decision::Allow(permit) => permit.weighed(),
            Decision::Hold(held) => held.weighed(),
            Decision::Deny(Denial { subject: Subject::Weighed(weighed), .. }) => weighed,
            Decision::Deny(Denial { subject: Subject::Identified(identified), .. }) => {
                // It was turned away before any scanner saw it.
                return self.keep_if_clean(&identified.hop().payload);
            }
            Decision::Deny(Denial { subject: Subject::Received(_), .. }) => return Keep::HashAlone,
        };
        let Some(worst) =
            weighed.findings().iter().filter(|finding| is_about_credentials(finding)).map(|finding| finding.word).max()
        else {
            let is_off = !self.world.deployment().applies("IA-2.6", self.clock.now());
            return if is_off { self.keep_if_clean(&weighed.resolved().hop().payload) } else { Keep::Whole };
        };
        let redactions = self.scanner.scan(weighed.resolved(), self.clock.now()).redactions;
        let payload = &weighed.resolved().hop().payload;
        match (worst, redactions.is_empty()) {
            (Word::NoGo, _) => Keep::HashAlone,
            (_, false) => {
                let mut redacted = payload.clone();
                Redaction::apply(&mut redacted, &redactions);
                Keep::Redacted(redacted)
            }
            // Only suspected, and a person must see exactly what is asked for.
            (Word::Go | Word::Escalate, true) => Keep::Whole,
        }
    }

    /// What may be kept of a payload of which no scanner has said whether a credential is in it.
    fn keep_if_clean(&self, payload: &Value) -> Keep {
        if self.scanner.holds_credentials(payload, self.clock.now()) { Keep::HashAlone } else { Keep::Whole }
    }
}

/// Whether a finding says that there is a credential in the payload.
fn is_about_credentials(finding: &Finding) -> bool {
    finding.control.as_str() == "IA-2.6"
}

/// Whether releasing the hop changes nothing anywhere: a read, or the answer to one.
fn is_pure_read(permit: &Permit) -> bool {
    let resolved = permit.weighed().resolved();
    permit.weighed().risk() == Risk::Low
        && match &resolved.hop().act {
            Act::CallTool(_) => resolved.tool().is_some_and(|tool| tool.class == Class::Read),
            Act::ReadResource { .. }
            | Act::GetPrompt { .. }
            | Act::Complete { .. }
            | Act::List { .. }
            | Act::Notify { .. } => true,
            Act::AskClient { .. } | Act::Request { .. } | Act::Tell { .. } | Act::Report { .. } | Act::Spawn { .. } => {
                false
            }
        }
}

/// Whether an agent says that its work failed, which stops its workflow.
fn reports_failure(hop: &Hop) -> bool {
    matches!(hop.act, Act::Report { status: WorkStatus::Failed })
}

pub(crate) fn not_recorded(fault: LogFault) -> NotRecorded {
    match fault {
        LogFault::Spent { .. } | LogFault::Overtaken => NotRecorded::Overtaken,
        fault => {
            tracing::error!(error = &fault as &dyn std::error::Error, "a decision could not be recorded");
            NotRecorded::Fault
        }
    }
}
