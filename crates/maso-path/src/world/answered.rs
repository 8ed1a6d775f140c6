//! Which requests of agents were answered: whichever process carried the answer, nobody works on them again.

use std::collections::{BTreeMap, VecDeque};

use maso_core::{HopId, Timestamp};
use maso_log::v1::{HopDecided, HopReleased};
use parking_lot::RwLock;

/// The requests whose answer was delivered. Each is remembered for as long as a request may lie in a mailbox.
#[derive(Debug, Default)]
pub(super) struct Answered(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Answers that were decided and are on their way, with what they answer.
    under_way: BTreeMap<String, HopId>,
    answered: BTreeMap<HopId, Timestamp>,
    /// What to forget when: in the order of the record.
    oldest: VecDeque<(Timestamp, Forgotten)>,
}

#[derive(Debug)]
enum Forgotten {
    UnderWay(String),
    Answered(HopId),
}

impl Answered {
    /// Whether an answer to this request was delivered.
    pub(super) fn contains(&self, request: HopId) -> bool {
        self.0.read().answered.contains_key(&request)
    }

    /// Whether an answer to this request was delivered, or is on its way.
    pub(super) fn is_or_may_be(&self, request: HopId) -> bool {
        let known = self.0.read();
        known.answered.contains_key(&request) || known.under_way.values().any(|answers| *answers == request)
    }

    pub(super) fn decided(&self, at: Timestamp, decided: &HopDecided) {
        let goes_out = decided.decision == "allow" || !decided.enforced;
        if decided.verb != REQUEST || !goes_out {
            return;
        }
        let Some(request) = decided.answers.as_ref().and_then(|answers| answers.parse().ok()) else { return };
        let mut known = self.0.write();
        known.forget(at);
        known.under_way.insert(decided.hop.clone(), request);
        known.oldest.push_back((at, Forgotten::UnderWay(decided.hop.clone())));
    }

    pub(super) fn released(&self, at: Timestamp, released: &HopReleased) {
        let mut known = self.0.write();
        // An answer that did not arrive, or of which nobody knows, may be given again: the mailbox takes it once.
        if let Some(request) = known.under_way.remove(&released.hop)
            && released.succeeded()
        {
            known.answered.insert(request, at);
            known.oldest.push_back((at, Forgotten::Answered(request)));
        }
    }
}

impl Known {
    fn forget(&mut self, now: Timestamp) {
        while let Some((at, _)) = self.oldest.front()
            && now.since_ms(*at) > KEPT_MS
        {
            match self.oldest.pop_front() {
                Some((_, Forgotten::UnderWay(hop))) => drop(self.under_way.remove(&hop)),
                Some((_, Forgotten::Answered(request))) => drop(self.answered.remove(&request)),
                None => {}
            }
        }
    }
}

/// How an answer to a request of an agent is called on the record.
const REQUEST: &str = "request";
/// Twice as long as anything lies in a mailbox.
const KEPT_MS: u64 = 2 * 24 * 60 * 60 * 1000;

#[cfg(test)]
mod tests {
    use maso_log::v1::{HopDecided, HopReleased};

    use super::*;

    const REQUEST_ID: &str = "hop_00000000000000000000000000000001";

    fn decided(hop: &str, verb: &str, answers: Option<&str>) -> HopDecided {
        let mut decided: HopDecided = serde_json::from_value(serde_json::json!({
            "hop": hop, "received_at": 0, "hop_kind": "delegation", "to": "agent:intake", "verb": verb,
            "object": "analysis:assess", "input_hash": "", "decision": "allow", "enforced": true,
            "findings": [], "pace_phase": "primary",
        }))
        .unwrap();
        decided.answers = answers.map(str::to_owned);
        decided
    }

    fn released(hop: &str, outcome: &str) -> HopReleased {
        HopReleased { hop: hop.to_owned(), outcome: outcome.to_owned(), took_ms: 0, fault: None, unsuccessful: false }
    }

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(0).plus_ms(ms)
    }

    #[test]
    fn an_answer_counts_when_it_was_delivered() {
        let request: HopId = REQUEST_ID.parse().unwrap();
        for (verb, outcome, counts) in [
            ("request", "delivered", true),
            ("request", "failed", false),
            ("request", "unknown", false),
            ("call_tool", "delivered", false),
        ] {
            let answered = Answered::default();
            answered.decided(at(0), &decided("hop_a", verb, Some(REQUEST_ID)));
            assert!(!answered.contains(request), "decided is not delivered");
            assert_eq!(answered.is_or_may_be(request), verb == "request", "it is on its way");
            answered.released(at(1), &released("hop_b", "delivered"));
            answered.released(at(1), &released("hop_a", outcome));
            assert_eq!(answered.contains(request), counts, "{verb} {outcome}");
            assert_eq!(answered.is_or_may_be(request), counts, "{verb} {outcome}");
        }
    }

    #[test]
    fn an_answer_that_is_held_or_refused_is_not_on_its_way() {
        for decision in ["hold", "deny"] {
            let answered = Answered::default();
            let refused = HopDecided { decision: decision.to_owned(), ..decided("hop_a", "request", Some(REQUEST_ID)) };
            answered.decided(at(0), &refused);
            assert!(!answered.is_or_may_be(REQUEST_ID.parse().unwrap()));
            let observed = HopDecided { enforced: false, ..refused };
            answered.decided(at(0), &observed);
            assert!(answered.is_or_may_be(REQUEST_ID.parse().unwrap()), "where the deployment observes, it is");
        }
    }

    #[test]
    fn it_is_remembered_for_longer_than_anything_waits_and_not_for_ever() {
        let answered = Answered::default();
        let request: HopId = REQUEST_ID.parse().unwrap();
        answered.decided(at(0), &decided("hop_a", "request", Some(REQUEST_ID)));
        answered.released(at(0), &released("hop_a", "delivered"));
        answered.decided(at(KEPT_MS), &decided("hop_b", "request", Some(REQUEST_ID)));
        assert!(answered.contains(request));
        answered.decided(at(KEPT_MS + 1), &decided("hop_c", "request", Some(REQUEST_ID)));
        assert!(!answered.contains(request));
    }
}
