//! Stage 1: it parsed, and nothing in it is believed.

use std::sync::Arc;

use maso_core::{Act, Digest, HopId, Principal, Timestamp, Turn};
use serde_json::Value;

use crate::{
    Credential, Limits, Malformed, Parsed, UnverifiedToken,
    envelope::{Message, Remark},
    parse,
};

/// What the door knows about a frame besides its bytes.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The id that the hop gets.
    pub id: HopId,
    /// When it arrived.
    pub at: Timestamp,
    /// What the sender showed of itself.
    pub credential: Credential,
    /// The task token that came with it, if one did.
    pub task: Option<UnverifiedToken>,
    /// Whom it is addressed to.
    pub to: Principal,
}

/// A hop that parsed within its limits. Nothing in it is believed.
#[derive(Clone, Debug)]
pub struct Received {
    arrival: Arrival,
    act: Act,
    turn: Turn,
    payload: Value,
    digest: Digest,
    claims: Claims,
}

/// What a sender says of itself and its work. Nothing shows that it is so: it may count against the hop, and never for it.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    /// How many tokens are in its context.
    pub context_tokens: Option<u64>,
    /// The hash of the goal that it works on.
    pub goal: Option<String>,
    /// What it says beside the payload.
    pub said: Said,
}

/// What a sender says beside the payload of its hop.
#[derive(Clone, Debug, Default)]
pub enum Said {
    /// Nothing.
    #[default]
    Nothing,
    /// A remark, which nobody signed.
    Remark(Arc<Remark>),
    /// A message under its sender's own signature, of which the payload is the content.
    Message(Arc<Message>),
    /// Something that its sender signed, and that is no message.
    Illegible,
}

/// The parts of a [`Received`], for the stage that eats it.
#[derive(Debug)]
pub struct Parts {
    /// What the door knew.
    pub arrival: Arrival,
    /// What is asked for or answered.
    pub act: Act,
    /// Whether it asks or answers.
    pub turn: Turn,
    /// Arguments, result or content.
    pub payload: Value,
    /// SHA-256 of the exact bytes that were parsed.
    pub digest: Digest,
    /// What the sender says of itself, and nothing shows.
    pub claims: Claims,
}

impl Received {
    /// Receives the payload bytes of a hop.
    ///
    /// # Errors
    /// When the bytes are not one JSON text within the limits.
    pub fn from_bytes(
        arrival: Arrival,
        act: Act,
        turn: Turn,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<Self, Malformed> {
        Ok(Self::from_parsed(arrival, act, turn, parse(bytes, limits)?))
    }

    /// Receives a hop whose payload is part of a frame that was parsed once as a whole.
    pub fn from_parsed(arrival: Arrival, act: Act, turn: Turn, payload: Parsed) -> Self {
        let digest = payload.digest();
        Self { arrival, act, turn, payload: payload.into_value(), digest, claims: Claims::default() }
    }

    /// The same, of a sender that says how many tokens are in its context.
    #[must_use]
    pub fn claiming_context(mut self, context_tokens: Option<u64>) -> Self {
        self.claims.context_tokens = context_tokens;
        self
    }

    /// The same, from a sender that says which goal it works on, by its hash.
    #[must_use]
    pub fn attesting(mut self, goal: Option<String>) -> Self {
        self.claims.goal = goal;
        self
    }

    /// The same, by which this message is sent, for the goal that it names. What it says beside its content counts as said.
    #[must_use]
    pub fn saying(mut self, message: Arc<Message>) -> Self {
        self.claims.goal = Some(message.goal.to_string());
        self.claims.said = Said::Message(message);
        self
    }

    /// The same, from a sender that says this beside its payload, if it says anything.
    #[must_use]
    pub fn remarking(mut self, remark: Option<Arc<Remark>>) -> Self {
        self.claims.said = remark.map_or(Said::Nothing, Said::Remark);
        self
    }

    /// The same, from a sender that signed what is no message.
    #[must_use]
    pub fn saying_nothing(mut self) -> Self {
        self.claims.said = Said::Illegible;
        self
    }

    /// What the door knew about it.
    pub fn arrival(&self) -> &Arrival {
        &self.arrival
    }

    /// What it claims to ask for or answer.
    pub fn claimed_act(&self) -> &Act {
        &self.act
    }

    /// Gives up the parts.
    pub fn into_parts(self) -> Parts {
        let Self { arrival, act, turn, payload, digest, claims } = self;
        Parts { arrival, act, turn, payload, digest, claims }
    }
}
