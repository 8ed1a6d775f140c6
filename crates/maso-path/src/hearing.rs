//! Stage 8, the hearing: judges are asked once for an exact action, and their word is kept while it counts.

use std::collections::HashMap;

use maso_core::{Digest, Timestamp};
use maso_judge::Brief;
use maso_policy::{Opinion, Verdict, Weighed};
use parking_lot::Mutex;

use crate::Path;

/// How many actions' verdicts are kept. Beyond that the judges are asked again.
const KEPT_MAX: usize = 4_096;

/// Verdicts that still count, by action.
#[derive(Debug, Default)]
pub(crate) struct Heard(Mutex<HashMap<Digest, Vec<Verdict>>>);

impl Heard {
    fn still_counting(&self, action: &Digest, now: Timestamp) -> Option<Vec<Verdict>> {
        let kept = self.0.lock();
        let verdicts = kept.get(action)?;
        // Silence is not kept: a judge that was late may be in time when the action is decided again.
        let counts = |verdict: &Verdict| verdict.expires_at > now && verdict.opinion != Opinion::Silent;
        verdicts.iter().all(counts).then(|| verdicts.clone())
    }

    fn keep(&self, action: Digest, verdicts: &[Verdict], now: Timestamp) {
        let mut kept = self.0.lock();
        if kept.len() >= KEPT_MAX {
            kept.retain(|_, verdicts| verdicts.iter().all(|verdict| verdict.expires_at > now));
        }
        if kept.len() < KEPT_MAX {
            kept.insert(action, verdicts.to_vec());
        }
    }
}

impl Path {
    /// What the judges say of this action.
    pub(crate) async fn panel_of(&self, weighed: &Weighed, action: Digest) -> Vec<Verdict> {
        let now = self.clock.now();
        if let Some(verdicts) = self.heard.still_counting(&action, now) {
            return verdicts;
        }
        let brief = Brief { weighed: weighed.clone(), action, now };
        let verdicts = self.panel.hear(usize::from(weighed.review().n_judges), &brief).await;
        self.heard.keep(action, &verdicts, now);
        verdicts
    }
}
