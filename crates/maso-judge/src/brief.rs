//! What a judge is shown.

use async_trait::async_trait;
use maso_core::{Digest, JudgeName, Timestamp};
use maso_policy::{Verdict, Weighed};

/// What a judge is shown: the declared intent and the exact action, never the agent's own rationale.
#[derive(Clone, Debug)]
pub struct Brief {
    /// The action, under its authority, with findings and origins.
    pub weighed: Weighed,
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

    /// Hears one action. Never fails: what goes wrong is [`maso_policy::Opinion::Silent`].
    async fn hear(&self, brief: &Brief) -> Verdict;
}
