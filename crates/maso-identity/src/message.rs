//! Messages between agents: signed by their sender, over the exact bytes, and read only afterwards (IA-2.3).

use maso_core::{AgentName, Digest, Finding, Refusal, SpiffeId, Timestamp, Word};
use maso_wire::{Credential, Malformed, Parsed, envelope::Message};

use crate::{AgentKey, Envelope, Nonces, Spent, Thumbprint, Trust, Unproven, jws::UnverifiedJws, proof::ShownKey};

/// A message that is its sender's own: signed by the key to which the sender's token is bound, for whom it says, within its
/// time, and not taken before. Whether it may be said is another question.
#[derive(Clone, Debug, PartialEq)]
pub struct SignedMessage {
    message: Message,
    // INVARIANT: of the message, with the digest of the exact bytes that were signed.
    content: Parsed,
    key: Thumbprint,
}

impl SignedMessage {
    /// What a message is called in its envelope.
    pub const PAYLOAD_TYPE: &'static str = "application/vnd.maso.message+json";

    /// Puts a message into an envelope that this key has signed.
    pub fn seal(message: &Message, key: &AgentKey) -> Envelope {
        let mut envelope = Envelope::new(Self::PAYLOAD_TYPE, message.write());
        envelope.sign_as_agent(key);
        envelope
    }

    /// The message.
    pub const fn message(&self) -> &Message {
        &self.message
    }

    /// Gives up the message, and its content as the payload of the hop by which it is sent.
    pub fn into_parts(self) -> (Message, Parsed) {
        (self.message, self.content)
    }

    /// SHA-256 of the exact bytes that were signed.
    pub fn digest(&self) -> Digest {
        self.content.digest()
    }

    /// The key that signed it.
    pub const fn key(&self) -> &Thumbprint {
        &self.key
    }

    /// Who sent it.
    pub fn sender(&self) -> &AgentName {
        // Compared with who was proven before this was made.
        &self.message.claimed_sender.agent
    }

    /// Whom it is for.
    pub fn recipient(&self) -> &AgentName {
        &self.message.recipient.agent
    }
}

/// Whom a message has to be for, where it came.
#[derive(Clone, Copy, Debug)]
pub enum Addressee<'a> {
    /// Any other agent of the deployment: it is on its way to whom it names.
    Anyone,
    /// This agent, as for an answer.
    Agent(&'a AgentName),
}

/// Which messages were taken within the time that they are valid. Bounded as [`Nonces`] is: when full it takes none.
#[derive(Debug)]
pub struct Messages {
    nonces: Nonces,
    since: Timestamp,
}

impl Messages {
    /// Milliseconds that a message may come from the future: clocks differ.
    pub const SKEW_MS: u64 = 60_000;

    /// Takes messages that are made from now on, and remembers up to `n_max` at a time. The memory does not outlive the
    /// process, so nobody knows of earlier ones whether they were taken.
    pub fn new(n_max: usize, now: Timestamp) -> Self {
        Self { nonces: Nonces::new(n_max), since: now }
    }

    /// Takes the message in an envelope, once. `credential` is what came with it; its proof is not used up, which is for
    /// [`crate::identify`]. No byte of the message is parsed before its signature was checked, and what is refused for any
    /// reason but replay has used up no nonce.
    ///
    /// # Errors
    /// When it is not a message of the agent that shows the credential, for that addressee, now, and for the first time.
    pub fn take(
        &self,
        envelope: &Envelope,
        credential: &Credential,
        addressee: Addressee<'_>,
        trust: &Trust,
        now: Timestamp,
    ) -> Result<SignedMessage, MessageError> {
        let (agent, key) = holder(credential, trust, now)?;
        if envelope.payload_type() != SignedMessage::PAYLOAD_TYPE {
            return Err(MessageError::Type);
        }
        if envelope.n_signatures() != 1 {
            return Err(MessageError::Signatures(envelope.n_signatures()));
        }
        if !envelope.is_signed_by(key.key()) {
            return Err(MessageError::Forged);
        }
        let read = Message::parse_with_content(envelope.unverified_payload());
        let (message, content) = read.map_err(MessageError::Malformed)?;
        if message.claimed_sender != (SpiffeId { trust_domain: trust.trust_domain().clone(), agent: agent.clone() }) {
            return Err(MessageError::Sender);
        }
        let is_addressee = match addressee {
            Addressee::Anyone => message.recipient.agent != agent,
            Addressee::Agent(expected) => message.recipient.agent == *expected,
        };
        if !is_addressee || message.recipient.trust_domain != *trust.trust_domain() {
            return Err(MessageError::Recipient);
        }
        if message.at > now.plus_ms(Self::SKEW_MS) {
            return Err(MessageError::NotYet { at: message.at });
        }
        if now > message.valid_until {
            return Err(MessageError::Late { until: message.valid_until });
        }
        if message.at < self.since {
            return Err(MessageError::BeforeStart);
        }
        self.nonces
            .spend(agent.as_str(), message.nonce.as_str(), message.valid_until, now)
            .map_err(MessageError::Spent)?;
        Ok(SignedMessage { message, content, key: key.key().thumbprint() })
    }
}

/// The agent that shows a credential, and the key that it proves to hold.
fn holder(credential: &Credential, trust: &Trust, now: Timestamp) -> Result<(AgentName, ShownKey), MessageError> {
    let claimant = trust.weigh_credential(credential, now)?;
    // Neither a pipe nor a bearer token says which key is whose.
    if let Credential::Certificate { certificates, beside: None } = credential {
        let (agent, svid) = trust.svid(certificates, now)?;
        return Ok((agent, ShownKey::of(svid.key)));
    }
    let token = match credential {
        Credential::Certificate { beside: Some(token), .. } => token,
        other => other,
    };
    let (Credential::Bound { proof, .. }, Some(agent), Some(key)) =
        (token, &claimant.basis().agent, &claimant.basis().key)
    else {
        return Err(MessageError::NoKey);
    };
    let proof = UnverifiedJws::split(proof.expose()).map_err(|error| Unproven::Possession(error.into()))?;
    Ok((agent.clone(), ShownKey::read(proof.header, key).map_err(Unproven::Possession)?))
}

/// Why an envelope is not taken as its sender's message, for the operator. Holds nothing of what was said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Who sends it is not proven.
    #[error(transparent)]
    Credential(#[from] Unproven),
    /// Who sends it is proven by other means than a key, and nothing else signs.
    #[error("a message comes from an agent whose token is bound to no key, so nobody can have signed it")]
    NoKey,
    /// The envelope is said to hold something else.
    #[error("the envelope is not said to hold a message: `{}` was expected", SignedMessage::PAYLOAD_TYPE)]
    Type,
    /// It has no signature, or more than its sender's.
    #[error("the envelope has {0} signatures, its sender's alone was expected")]
    Signatures(usize),
    /// The key of its sender did not sign these bytes.
    #[error("the envelope is not signed by the key of the agent that sent it")]
    Forged,
    /// What was signed is no message.
    #[error("what was signed is no message: {0}")]
    Malformed(Malformed),
    /// It names another sender than the one that signed it.
    #[error("the message names another sender than the agent that signed it")]
    Sender,
    /// It is for somebody else, or for its sender.
    #[error("the message is not for an agent that it can be for here")]
    Recipient,
    /// It is from the future.
    #[error("the message was made at {at}, which is still to come")]
    NotYet {
        /// When it says that it was made.
        at: Timestamp,
    },
    /// Its time is over.
    #[error("the message was valid until {until}")]
    Late {
        /// The last moment at which it might have been taken.
        until: Timestamp,
    },
    /// It was made before this process began to remember messages, so nobody knows whether it was taken.
    #[error("the message was made before this process started")]
    BeforeStart,
    /// Its nonce does not count again.
    #[error("the message {0}")]
    Spent(Spent),
}

impl MessageError {
    /// The control that refuses.
    pub const fn control(&self) -> &'static str {
        match self {
            Self::Credential(unproven) => unproven.control(),
            Self::Malformed(_) => "EC-2.15",
            Self::NoKey
            | Self::Type
            | Self::Signatures(_)
            | Self::Forged
            | Self::Sender
            | Self::Recipient
            | Self::NotYet { .. }
            | Self::Late { .. }
            | Self::BeforeStart
            | Self::Spent(_) => "IA-2.3",
        }
    }

    /// What the sender is told.
    pub const fn refusal(&self) -> Refusal {
        match self {
            Self::Credential(unproven) => unproven.refusal(),
            Self::Malformed(_) => Refusal::Malformed,
            Self::Spent(Spent::Full) => Refusal::Unavailable,
            Self::Spent(Spent::ShareUsed) => Refusal::LimitReached,
            _ => Refusal::Unauthentic,
        }
    }

    /// What the operator is told.
    pub fn finding(&self) -> Finding {
        Finding::new(self.control(), Word::NoGo, self.to_string())
    }
}
