//! Stage 2 itself.

use std::sync::Arc;

use maso_core::{Act, AgentName, Finding, Hop, HopId, Refusal, Refused, Timestamp, Turn, Word};
use maso_wire::Received;

use crate::{Basis, Ending, Identified, Spent, SvidError, TokenError, Trust, proof::ProofError};

/// Believes the sender of a hop: it is who it says, now, and this hop was not shown before.
///
/// # Errors
/// When the sender is not proven. What is refused for any reason but replay has used up no proof.
pub fn identify(received: Received, trust: &Trust, now: Timestamp) -> Result<Identified, Box<Refused<Received>>> {
    let arrival = received.arrival();
    let proven = trust.weigh_credential(&arrival.credential, now).and_then(|claimant| {
        let task = arrival.task.as_ref().map(|token| trust.task(token, now)).transpose()?;
        let (id, chain) = task.as_ref().map(|claim| (claim.task, Arc::clone(&claim.chain))).unzip();
        let basis = Basis { task: id, chain, ..claimant.basis().clone() };
        let (from, proof) = claimant.spend(trust, now)?;
        Ok((from, proof, basis, task))
    });
    match proven {
        Ok((from, proof, basis, task)) => {
            let parts = received.into_parts();
            let hop = Hop {
                id: parts.arrival.id,
                at: parts.arrival.at,
                from,
                to: parts.arrival.to,
                act: parts.act,
                turn: parts.turn,
                payload: parts.payload,
            };
            let basis = Basis { answers: answered_by(&hop), ..basis };
            Ok(Identified::new(hop, proof, basis, task, (parts.digest, parts.claims)))
        }
        Err(unproven) => Err(Box::new(Refused::new(received, unproven.refusal(), unproven.finding()))),
    }
}

/// The request between agents that a hop answers: it rests on that.
fn answered_by(hop: &Hop) -> Option<HopId> {
    match (&hop.act, hop.turn) {
        (Act::Request { .. }, Turn::Answer { to }) => Some(to),
        _ => None,
    }
}

/// Why a sender is not believed, for the operator. Never holds a token or a part of one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// Nothing was shown.
    #[error("no credential was shown")]
    NoCredential,
    /// The agent token is not believed.
    #[error("the agent token {0}")]
    Token(TokenError),
    /// The agent token was revoked.
    #[error("the agent token is revoked")]
    TokenRevoked,
    /// The agent was revoked.
    #[error("agent `{0}` is revoked")]
    AgentRevoked(AgentName),
    /// The key was revoked.
    #[error("the key that the agent token is bound to is revoked")]
    KeyRevoked,
    /// A token that is bound to a key came without a proof by that key, as a stolen one would.
    #[error("the agent token is bound to a key and came without a proof by that key")]
    BoundTokenAlone,
    /// A token that is bound to no key came with a proof, which then proves nothing.
    #[error("the agent token is bound to no key, so the proof that came with it proves nothing")]
    UnboundTokenWithProof,
    /// A bearer token came from another machine.
    #[error("a token that is bound to no key came from another machine")]
    BearerFromAfar,
    /// The deployment accepts no bearer tokens.
    #[error("tokens that are bound to no key are not accepted in this deployment")]
    BearerNotAllowed,
    /// The proof of possession is not believed.
    #[error("the proof of possession {0}")]
    Possession(ProofError),
    /// The proof of possession does not count again.
    #[error("the proof of possession {0}")]
    Spent(Spent),
    /// The certificate of the connection is not believed.
    #[error("the certificate {0}")]
    Svid(SvidError),
    /// The certificate of the connection was revoked, or its key.
    #[error("the certificate, or its key, is revoked")]
    SvidRevoked,
    /// Who shows it is an instance of an agent that counts no more, or that nobody started.
    #[error("the instance of the agent {0}")]
    Instance(Ending),
    /// The certificate and what came with the request are not the same agent's.
    #[error("the certificate is of one agent, and what came with the request of another")]
    TwoAgents,
    /// The task token is not believed.
    #[error("the task token {0}")]
    Task(TokenError),
    /// A request by which the task came was revoked, and all that it led to.
    #[error("the request {0}, for which this is done, is revoked")]
    LinkRevoked(HopId),
    /// The task was closed or revoked.
    #[error("the task is closed")]
    TaskRevoked,
}

impl Unproven {
    /// The control that refuses.
    pub const fn control(&self) -> &'static str {
        match self {
            Self::Token(TokenError::Expired { .. } | TokenError::NotYetValid { .. })
            | Self::Svid(SvidError::Time(_) | SvidError::LivesTooLong { .. }) => "IA-2.2",
            Self::Svid(_)
            | Self::SvidRevoked
            | Self::Token(_)
            | Self::TokenRevoked
            | Self::AgentRevoked(_)
            | Self::KeyRevoked
            | Self::Instance(_) => "IA-2.1",
            Self::BearerFromAfar | Self::BearerNotAllowed => "IA-1.2",
            Self::NoCredential
            | Self::BoundTokenAlone
            | Self::TwoAgents
            | Self::UnboundTokenWithProof
            | Self::Possession(_)
            | Self::Spent(_) => "IA-2.3",
            Self::LinkRevoked(_) => "IA-2.4",
            Self::Task(_) | Self::TaskRevoked => "PG-1.3",
        }
    }

    /// What the sender is told.
    pub const fn refusal(&self) -> Refusal {
        match self {
            Self::Spent(Spent::Full) => Refusal::Unavailable,
            Self::Spent(Spent::ShareUsed) => Refusal::LimitReached,
            Self::LinkRevoked(_) => Refusal::TakenBack,
            _ => Refusal::Unauthentic,
        }
    }

    /// What the operator is told.
    pub fn finding(&self) -> Finding {
        Finding::new(self.control(), Word::NoGo, self.to_string())
    }
}
