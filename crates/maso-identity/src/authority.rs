//! The deployment's own key: what it signs is what everybody in the trust domain believes.

use std::{fmt, str::FromStr};

use aws_lc_rs::hkdf;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::SigningKey;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{KeyError, PublicKey, Thumbprint, jws, key};

/// The private key of the deployment. Whoever holds it can be any agent: it stays with the control plane.
#[derive(Clone)]
pub struct AuthorityKey(SigningKey);

impl AuthorityKey {
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

    /// The private key in PKCS#8 PEM. Write it where only the control plane can read it.
    pub fn expose_pem(&self) -> String {
        key::signing_key_to_pem(&self.0)
    }

    /// The public half.
    pub fn public(&self) -> AuthorityPublic {
        AuthorityPublic(self.0.verifying_key().to_bytes())
    }

    /// Signs bytes that name their own purpose at their beginning (a signed note, a DSSE envelope), so that they can
    /// never be taken for a token.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        key::sign(&self.0, message)
    }

    /// 32 secret bytes for this purpose alone (HKDF-SHA256): nobody learns the key from them, or those of another purpose.
    pub fn derive(&self, purpose: &'static str) -> Zeroizing<[u8; 32]> {
        let info = [purpose.as_bytes()];
        let seed = self.seed();
        let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, b"maso deployment key").extract(&*seed);
        let mut derived = Zeroizing::new([0; 32]);
        let expanded = extracted.expand(&info, hkdf::HKDF_SHA256).expect("32 bytes are one block of SHA-256");
        expanded.fill(&mut *derived).expect("as many bytes as were asked for");
        derived
    }

    /// The 32 bytes of which it is made.
    pub(crate) fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// For whoever finds the key by its name in a set of them.
    pub(crate) fn sign_named(&self, typ: &str, claims: &Value) -> String {
        let kid = self.public().thumbprint().to_string();
        jws::sign(&self.0, &serde_json::json!({ "alg": "EdDSA", "typ": typ, "kid": kid }), claims)
    }

    pub(crate) fn sign_token(&self, typ: &str, claims: &Value) -> String {
        jws::sign(&self.0, &serde_json::json!({ "alg": "EdDSA", "typ": typ }), claims)
    }
}

impl fmt::Debug for AuthorityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthorityKey({})", self.public())
    }
}

/// The public key of the deployment. Written as base64url.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AuthorityPublic([u8; 32]);

impl AuthorityPublic {
    /// The key with these bytes.
    ///
    /// # Errors
    /// When they are no Ed25519 public key, or a weak one.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, KeyError> {
        key::ed25519(bytes).map(Self)
    }

    /// The raw bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether the deployment signed these bytes.
    pub fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.key().verifies(message, signature)
    }

    /// The key's name.
    pub fn thumbprint(&self) -> Thumbprint {
        self.key().thumbprint()
    }

    pub(crate) const fn key(&self) -> PublicKey {
        PublicKey::Ed25519(self.0)
    }
}

impl fmt::Display for AuthorityPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for AuthorityPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthorityPublic({self})")
    }
}

impl FromStr for AuthorityPublic {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        key::ed25519_from_text(text).map(Self)
    }
}
