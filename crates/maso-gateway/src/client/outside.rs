//! Agents that are outside come by one door: what crosses the border of a deployment crosses it over A2A, and nowhere else.

use std::sync::Arc;

use maso_core::{AgentName, Finding, Refusal, Refused, ServerName, Word};
use maso_wire::{Credential, UnverifiedToken};

use crate::{gateway::Gateway, unbroken::Unbroken};

impl Gateway {
    /// Turns whoever is outside away from a door that is not theirs, and puts it on the record.
    pub(super) async fn keep_out(
        self: &Arc<Self>,
        agent: &AgentName,
        (credential, task): (&Credential, Option<&UnverifiedToken>),
        server: &ServerName,
    ) -> Result<(), Refusal> {
        if !self.decider.deployment().is_outside(agent) {
            return Ok(());
        }
        let received = self.bare_hop(credential.clone(), task.cloned(), server)?;
        // The proof is used up: one proof does not fill the record with refusals.
        self.identify(credential.clone(), None, server)?;
        let reason = format!("`{agent}` is outside, and comes over A2A alone");
        let refused = Refused::new(received, Refusal::OutOfMandate, Finding::new("SC-3.4", Word::NoGo, reason));
        let decider = Arc::clone(&self.decider);
        // On the record also when it does not wait for that.
        Err(Unbroken::new(async move { decider.turned_away(refused).await }).await)
    }
}
