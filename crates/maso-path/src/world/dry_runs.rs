//! What came of trying actions out (EC-2.7a): each success counts once, for the exact action, and not for ever.

use std::collections::{HashMap, VecDeque};

use maso_core::{Digest, HopId, Timestamp};
use maso_log::v1;
use maso_policy::Tried;
use parking_lot::Mutex;

/// The dry runs that nobody has used yet, folded from the record.
#[derive(Debug, Default)]
pub(super) struct DryRuns(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Those of each action, in the order in which they ended: identical hops at once are each tried out.
    by_action: HashMap<Digest, VecDeque<Ended>>,
    /// The order in which all of them ended; some are not there any more.
    order: VecDeque<(Digest, HopId)>,
}

#[derive(Clone, Debug)]
struct Ended {
    hop: HopId,
    tried: Tried,
}

impl DryRuns {
    /// What trying out this action showed: the hop's own dry run, else a success of whoever asked for the very same.
    pub(super) fn of(&self, action: &Digest, hop: HopId, now: Timestamp) -> Option<Tried> {
        let inner = self.0.lock();
        let all = inner.by_action.get(action)?;
        let own = all.iter().rfind(|ended| ended.hop == hop && now <= ended.tried.expires_at);
        own.or_else(|| all.iter().find(|ended| ended.bears(now))).map(|ended| ended.tried.clone())
    }

    /// Whether the action may happen because of a dry run that counts.
    pub(super) fn bear(&self, action: &Digest, now: Timestamp) -> bool {
        self.0.lock().by_action.get(action).is_some_and(|all| all.iter().any(|ended| ended.bears(now)))
    }

    /// Takes in what came of a dry run.
    pub(super) fn ended(&self, at: Timestamp, record: &v1::DryRunEnded) {
        let Some((action, ended)) = read(at, record) else { return };
        let mut inner = self.0.lock();
        inner.order.push_back((action, ended.hop));
        inner.by_action.entry(action).or_default().push_back(ended);
        // One that was forgotten is made anew.
        while inner.order.len() > KEPT_MAX || inner.order.front().is_some_and(|first| !inner.has(first)) {
            let Some((action, hop)) = inner.order.pop_front() else { break };
            inner.forget(&action, |ended| ended.hop == hop);
        }
    }

    /// Takes in a decision: what is allowed uses up its dry run, and a failure was told.
    pub(super) fn decided(&self, at: Timestamp, decided: &v1::HopDecided) {
        if decided.dry_run.is_none() || decided.decision == "hold" {
            return;
        }
        let (Some(action), Ok(hop)) = (decided.action.as_deref().and_then(Digest::parse), decided.hop.parse()) else {
            return;
        };
        let mut inner = self.0.lock();
        if decided.decision == "allow" {
            let _ = inner.forget(&action, |ended| ended.hop == hop && ended.bears(at))
                || inner.forget(&action, |ended| ended.bears(at));
        } else {
            inner.forget(&action, |ended| ended.hop == hop && ended.tried.outcome.is_err());
        }
    }
}

impl Ended {
    fn bears(&self, now: Timestamp) -> bool {
        now <= self.tried.expires_at && self.tried.outcome.is_ok()
    }
}

impl Inner {
    fn has(&self, (action, hop): &(Digest, HopId)) -> bool {
        self.by_action.get(action).is_some_and(|all| all.iter().any(|ended| ended.hop == *hop))
    }

    /// Takes the first away of which this is true, and says whether there was one.
    fn forget(&mut self, action: &Digest, is_it: impl Fn(&Ended) -> bool) -> bool {
        let Some(all) = self.by_action.get_mut(action) else { return false };
        let Some(place) = all.iter().position(is_it) else { return false };
        all.remove(place);
        if all.is_empty() {
            self.by_action.remove(action);
        }
        true
    }
}

fn read(at: Timestamp, record: &v1::DryRunEnded) -> Option<(Digest, Ended)> {
    let action = Digest::parse(&record.action)?;
    let outcome = match record.outcome.as_str() {
        "succeeded" => Ok(()),
        _ => Err(record.fault.clone().unwrap_or_else(|| "it is not known why".to_owned())),
    };
    let tried = Tried {
        action,
        tool: record.tool.parse().ok()?,
        at,
        outcome,
        says: record.says.clone(),
        expires_at: Timestamp::from_millis(record.expires_at),
    };
    Some((action, Ended { hop: record.hop.parse().ok()?, tried }))
}

/// How many are kept.
const KEPT_MAX: usize = 4_096;
