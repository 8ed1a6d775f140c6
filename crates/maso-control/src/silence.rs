//! Held actions in words: why people are asked, and what becomes of one that nobody answers.

use maso_core::{Class, Phase, Tier};
use maso_log::v1::{HopDecided, Review};
use maso_path::{Answer, TicketState};

/// Why people are asked about a held action of this class, from what its record says of it.
pub(crate) fn asked_because(decided: &HopDecided, n_people: u8, class: Class, tier: Tier) -> Vec<String> {
    let changes = class != Class::Read;
    let mut reasons = Vec::new();
    match decided.risk.as_deref() {
        Some("high") => reasons.push("its risk is high: a person decides".to_owned()),
        Some("low" | "medium") => {}
        _ => reasons.push("its risk is critical: two people decide".to_owned()),
    }
    if changes && decided.reversibility.as_deref() == Some("irreversible") {
        reasons.push("it cannot be undone".to_owned());
    }
    if let Some(finding) = decided.findings.iter().find(|finding| finding.word == "ESCALATE") {
        reasons.push(format!("control {} asks for a person", finding.control));
    }
    if changes && tier == Tier::Supervised {
        reasons.push("at tier 1 a person decides every write".to_owned());
    }
    match Phase::parse(&decided.pace_phase) {
        Some(Phase::Alternate) if changes => reasons.push("in Alternate a person decides every write".to_owned()),
        Some(Phase::Contingency) => reasons.push("in Contingency a person decides every action".to_owned()),
        _ => {}
    }
    if stands_in(decided, n_people) {
        reasons.push(format!("a person decides in place of the judge: {}", judges(decided)));
    }
    reasons
}

/// What becomes of a held action that nobody answers until its time is over, and what its agent then hears.
pub(crate) fn if_unanswered(state: &TicketState) -> String {
    let decided = &state.decided;
    if !decided.enforced {
        return "nothing changes: maso only observes, and has let it through".to_owned();
    }
    let risk = decided.risk.as_deref().unwrap_or("critical");
    let minutes = u64::try_from(state.expires_at.as_millis().saturating_sub(decided.received_at)).unwrap_or(0) / 60_000;
    let waited = match minutes {
        0 => format!("an action of {risk} risk waits no longer"),
        1 => format!("an action of {risk} risk waits 1 minute"),
        _ => format!("an action of {risk} risk waits {minutes} minutes"),
    };
    match (&state.answer, state.approvals.len()) {
        (Answer::Approved, _) => "the approval lapses unused, and the agent must ask again".to_owned(),
        (_, 0) => format!("it is denied, as silence is a no ({waited}); the agent is told `NOT_APPROVED`"),
        (_, n) => format!(
            "it is denied in spite of {n} of {} approvals ({waited}); the agent is told `NOT_APPROVED`",
            state.n_people
        ),
    }
}

/// Whether more people are asked than the action's own review names: one more makes up for a judge that did not approve.
fn stands_in(decided: &HopDecided, n_people: u8) -> bool {
    decided.review.is_some_and(|Review { people, .. }| n_people > people)
}

/// What the judges said that were to approve it.
fn judges(decided: &HopDecided) -> String {
    let said: Vec<_> = decided
        .verdicts
        .iter()
        .filter(|verdict| verdict.opinion != "approve")
        .map(|verdict| match verdict.opinion.as_str() {
            "silent" => format!("`{}` did not answer", verdict.judge),
            "flag" => format!("`{}` has doubts", verdict.judge),
            "escalate" => format!("`{}` wants a person to decide", verdict.judge),
            opinion => format!("`{}` says {opinion}", verdict.judge),
        })
        .collect();
    if said.is_empty() { "none could be heard".to_owned() } else { said.join(", ") }
}

#[cfg(test)]
mod tests;
