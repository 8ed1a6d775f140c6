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
    by_action: HashMap<Digest, Ended>,
    /// The order in which they ended; some are not there any more.
    order: VecDeque<Digest>,
}

#[derive(Clone, Debug)]
struct Ended {
    hop: HopId,
    tried: Tried,
}

impl DryRuns {
    /// What trying out this action showed: a success counts for whoever asks for the very same, a failure for the hop that
    /// was tried out.
    pub(super) fn of(&self, action: &Digest, hop: HopId, now: Timestamp) -> Option<Tried> {
        let inner = self.0.lock();
        let ended = inner.by_action.get(action)?;
        let counts = now <= ended.tried.expires_at && (ended.tried.outcome.is_ok() || ended.hop == hop);
        counts.then(|| ended.tried.clone())
    }

    /// Whether the action may happen because of a dry run that counts.
    pub(super) fn bear(&self, action: &Digest, now: Timestamp) -> bool {
        let inner = self.0.lock();
        inner.by_action.get(action).is_some_and(|ended| now <= ended.tried.expires_at && ended.tried.outcome.is_ok())
    }

    /// Takes in what came of a dry run.
    pub(super) fn ended(&self, at: Timestamp, record: &v1::DryRunEnded) {
        let Some((action, ended)) = read(at, record) else { return };
        let mut inner = self.0.lock();
        inner.by_action.insert(action, ended);
        inner.order.push_back(action);
        // One that was forgotten is made anew.
        while inner.order.len() > KEPT_MAX
            || inner.order.front().is_some_and(|first| !inner.by_action.contains_key(first))
        {
            let first = inner.order.pop_front();
            first.and_then(|first| inner.by_action.remove(&first));
        }
    }

    /// Takes in a decision: what is allowed uses up its dry run, and a failure was told.
    pub(super) fn decided(&self, decided: &v1::HopDecided) {
        if decided.dry_run.is_none() || decided.decision == "hold" {
            return;
        }
        let Some(action) = decided.action.as_deref().and_then(Digest::parse) else { return };
        let mut inner = self.0.lock();
        let failed = inner.by_action.get(&action).is_some_and(|ended| ended.tried.outcome.is_err());
        if decided.decision == "allow" || failed {
            inner.by_action.remove(&action);
        }
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
