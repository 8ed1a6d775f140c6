//! Keys of operators: what a person signs a deployment with, and what the deployment knows of it.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::SigningKey;

use crate::{KeyError, PublicKey, Thumbprint, key};

/// The private key of one operator (Ed25519). Never leaves the operator's side.
#[derive(Clone)]
pub struct OperatorKey(SigningKey);

impl OperatorKey {
    /// The key of these 32 random bytes.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&seed))
    }

    /// Reads a private key in PKCS#8 PEM.
    ///
    /// # Errors
    /// When the text is not an Ed25519 private key.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        key::signing_key_from_pem(text).map(Self)
    }

    /// The private key in PKCS#8 PEM. Write it where only its operator can read it.
    pub fn expose_pem(&self) -> String {
        key::signing_key_to_pem(&self.0)
    }

    /// What the deployment may know of the key.
    pub fn public(&self) -> OperatorPublic {
        OperatorPublic(self.0.verifying_key().to_bytes())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        key::sign(&self.0, message)
    }
}

impl fmt::Debug for OperatorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OperatorKey({})", self.public())
    }
}

/// The public key of one operator. Written as base64url of its 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
// INVARIANT: a key under which one signature fits one message; `FromStr` refuses the others.
pub struct OperatorPublic([u8; 32]);

impl OperatorPublic {
    /// The key, as envelopes are verified with it.
    pub const fn key(&self) -> PublicKey {
        PublicKey::Ed25519(self.0)
    }

    /// The key's name (RFC 7638).
    pub fn thumbprint(&self) -> Thumbprint {
        self.key().thumbprint()
    }
}

impl FromStr for OperatorPublic {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        key::ed25519_from_text(text).map(Self)
    }
}

impl fmt::Display for OperatorPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for OperatorPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OperatorPublic({self})")
    }
}
