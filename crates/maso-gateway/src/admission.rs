//! By what a stream was opened that stays open. A hop is decided when it comes; a stream would outlive the token that
//! opened it, so what opened it is looked at again for as long as it lasts.

use std::sync::{Arc, Weak};

use maso_core::Refusal;
use maso_wire::{Credential, UnverifiedToken};
use tokio::sync::watch;

use crate::gateway::Gateway;

/// What was shown when a stream was opened.
pub(crate) struct Admission {
    gateway: Weak<Gateway>,
    credential: Credential,
    task: Option<UnverifiedToken>,
    ticks: watch::Receiver<()>,
    /// How often its agent had signed what is no message of its contract. Once more ends all of its streams.
    n_breaches: u64,
}

impl Gateway {
    /// Opens a stream to whoever shows this, for as long as it counts.
    ///
    /// # Errors
    /// When it does not count now.
    pub(crate) fn admit(&self, credential: &Credential, task: Option<&UnverifiedToken>) -> Result<Admission, Refusal> {
        let agent = self.decider.admits(credential, task)?;
        let n_breaches = self.decider.n_breaches(&agent);
        let gateway = self.weak();
        let (credential, task, ticks) = (credential.clone(), task.cloned(), self.ticks.subscribe());
        Ok(Admission { gateway, credential, task, ticks, n_breaches })
    }

    /// Has all streams looked at now.
    pub(crate) fn look_at_streams(&self) {
        self.ticks.send_replace(());
    }
}

impl Admission {
    /// One that counts no more.
    #[cfg(test)]
    pub(crate) fn lost() -> Self {
        Self {
            gateway: Weak::new(),
            credential: Credential::Absent,
            task: None,
            ticks: watch::channel(()).1,
            n_breaches: 0,
        }
    }

    /// Whether the stream would be opened now: its token has neither ended nor been revoked, its agent is not stopped, its
    /// task goes on.
    pub(crate) fn counts(&self) -> bool {
        self.gateway.upgrade().is_some_and(|gateway| self.counts_for(&gateway))
    }

    /// Resolves when it counts no more, or maso is about to end. Looked at now and on each tick.
    pub(crate) async fn ended(&self) {
        let mut ticks = self.ticks.clone();
        loop {
            ticks.mark_unchanged();
            let goes_on = |gateway: Arc<Gateway>| !gateway.drain.has_begun() && self.counts_for(&gateway);
            // Without a sender there is no gateway either.
            if !self.gateway.upgrade().is_some_and(goes_on) || ticks.changed().await.is_err() {
                return;
            }
        }
    }

    fn counts_for(&self, gateway: &Gateway) -> bool {
        let agent = gateway.decider.admits(&self.credential, self.task.as_ref());
        agent.is_ok_and(|agent| gateway.decider.n_breaches(&agent) == self.n_breaches)
    }
}
