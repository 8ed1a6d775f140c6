//! Stage 8, the hearing: judges are asked once for what they are shown, and their word is kept while it counts.

use std::collections::HashMap;

use maso_core::{Digest, Timestamp};
use maso_judge::Brief;
use maso_policy::{Opinion, Tried, Verdict, Weighed};
use parking_lot::Mutex;

use crate::Path;

/// How many verdicts are kept. Beyond that the judges are asked again.
const KEPT_MAX: usize = 4_096;

/// Verdicts that still count, by what was judged.
#[derive(Debug, Default)]
pub(crate) struct Heard(Mutex<HashMap<Shown, Vec<Verdict>>>);

/// What judges are shown, as a digest: the exact action, and all that was known of it at that moment. A judge that knew
/// less of an action has not judged what is known now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Shown(Digest);

impl Shown {
    fn of(weighed: &Weighed, dry_run: Option<&Tried>, action: Digest) -> Self {
        let circumstances = weighed.resolved().circumstances();
        let known = (
            dry_run,
            weighed.label(),
            weighed.origins(),
            weighed.findings(),
            (weighed.risk(), weighed.reversibility(), weighed.review()),
            (circumstances.agent_phase, circumstances.around_phase),
        );
        // Kept in this process alone, so that the form need not outlast it.
        Self(Digest::of(format!("{action} {known:?}").as_bytes()))
    }
}

impl Heard {
    fn still_counting(&self, shown: &Shown, now: Timestamp) -> Option<Vec<Verdict>> {
        let kept = self.0.lock();
        let verdicts = kept.get(shown)?;
        // Silence is not kept: a judge that was late may be in time when the action is decided again.
        let counts = |verdict: &Verdict| verdict.expires_at > now && verdict.opinion != Opinion::Silent;
        verdicts.iter().all(counts).then(|| verdicts.clone())
    }

    /// How many verdicts are kept.
    #[cfg(test)]
    pub(crate) fn n_kept(&self) -> usize {
        self.0.lock().len()
    }

    fn keep(&self, shown: Shown, verdicts: &[Verdict], now: Timestamp) {
        let mut kept = self.0.lock();
        if kept.len() >= KEPT_MAX {
            kept.retain(|_, verdicts| verdicts.iter().all(|verdict| verdict.expires_at > now));
        }
        if kept.len() < KEPT_MAX {
            kept.insert(shown, verdicts.to_vec());
        }
    }
}

impl Path {
    /// What the judges say of this action.
    pub(crate) async fn panel_of(&self, weighed: &Weighed, dry_run: Option<&Tried>) -> Vec<Verdict> {
        let (action, now) = (weighed.resolved().action_digest(), self.clock.now());
        let shown = Shown::of(weighed, dry_run, action);
        if let Some(verdicts) = self.heard.still_counting(&shown, now) {
            return verdicts;
        }
        let brief = Brief { weighed: weighed.clone(), dry_run: dry_run.cloned(), action, now };
        let verdicts = self.panel.hear(usize::from(weighed.review().n_judges), &brief).await;
        self.heard.keep(shown, &verdicts, now);
        verdicts
    }
}
