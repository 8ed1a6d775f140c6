//! What a judge is shown.

use async_trait::async_trait;
use maso_core::{Digest, JudgeName, Timestamp};
use maso_policy::{Opinion, Tried, Verdict, Weighed};

/// What a judge is shown: the declared intent and the exact action, never the agent's own rationale.
#[derive(Clone, Debug)]
pub struct Brief {
    /// The action, under its authority, with findings and origins.
    pub weighed: Weighed,
    /// What trying it out showed, where it was.
    pub dry_run: Option<Tried>,
    /// The action's digest; the verdict is bound to it.
    pub action: Digest,
    /// When it is judged.
    pub now: Timestamp,
}

/// A judge.
#[async_trait]
pub trait Judge: Send + Sync {
    /// Its name.
    fn name(&self) -> &JudgeName;

    /// How long it may take; the panel counts what comes later as silence.
    fn latency_ms_max(&self) -> u64 {
        LATENCY_MS_MAX
    }

    /// Hears one action. Never fails: what goes wrong is [`maso_policy::Opinion::Silent`].
    async fn hear(&self, brief: &Brief) -> Verdict;
}

/// How long a verdict counts. An action that is decided again later is judged again.
pub const VERDICT_MS: u64 = 15 * 60_000;

/// The framework's sample of `max_evaluation_latency_ms`.
const LATENCY_MS_MAX: u64 = 5_000;

/// What a judge found, before it is bound to the action.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ruling {
    pub(crate) opinion: Opinion,
    pub(crate) reasoning: String,
    pub(crate) criteria: Vec<String>,
}

impl Ruling {
    /// The judge did not answer, for this reason.
    pub(crate) fn silent(why: impl Into<String>) -> Self {
        Self { opinion: Opinion::Silent, reasoning: why.into(), criteria: Vec::new() }
    }

    /// Binds it to the exact action.
    pub(crate) fn bind(self, judge: &JudgeName, action: Digest, now: Timestamp) -> Verdict {
        let Self { opinion, reasoning, criteria } = self;
        Verdict { judge: judge.clone(), opinion, reasoning, criteria, action, expires_at: now.plus_ms(VERDICT_MS) }
    }
}
