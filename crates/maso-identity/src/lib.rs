//! Who sent it, is it fresh: `Received` to [`Identified`] (IA-1.1, IA-2.1, IA-2.2, IA-2.3); an envelope to a
//! [`SignedMessage`].
//!
//! Keys, tokens and proofs of the trust domain. Time and randomness are arguments; no file is read here.

mod authority;
mod callback;
mod card;
mod delegation;
mod dsse;
mod identified;
mod identify;
mod instances;
mod join;
mod jws;
mod key;
mod message;
mod nonces;
mod operator_key;
mod passphrase;
mod proof;
mod revoked;
mod session;
mod sign_in;
mod svid;
mod token;
mod trust;
mod verified;

pub use authority::{AuthorityKey, AuthorityPublic};
pub use callback::Callback;
pub use card::{CardError, CardKeys, SignedCard};
pub use delegation::{
    Beyond, BoundArgument, Chain, DataScope, Delegation, Link, NotTheirs, Quota, Remit, TASK_TOKEN_MS_MAX, TaskToken,
};
pub use dsse::{Envelope, EnvelopeError};
pub use identified::{Basis, Identified, Proof, TaskClaim};
pub use identify::{Unproven, identify};
pub use instances::{Ending, Instance, Instances, Starter};
pub use join::{JoinToken, JoinTokenError};
pub use key::{AgentKey, KeyError, PublicKey, Thumbprint};
pub use message::{Addressee, MessageError, Messages, SignedMessage};
pub use nonces::{Nonces, Spent};
pub use operator_key::{OperatorKey, OperatorPublic};
pub use passphrase::{Passphrase, PassphraseError, PassphraseHash};
pub use proof::ProofError;
pub use revoked::Revocation;
pub use session::{SessionLimits, SessionSecret, Sessions, SessionsFull};
pub use sign_in::{SignInError, SignIns};
pub use svid::SvidError;
pub use token::{AgentToken, TokenError};
pub use trust::{SvidSettings, Trust, TrustSettings};

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that meets the unexpected fails")]
mod tests;
