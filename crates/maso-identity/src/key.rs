//! Keys of agents: what an agent signs with, what others know of it, and the name of both (RFC 7638).

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{
    Signer as _, SigningKey, VerifyingKey,
    pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, KeypairBytes, spki::der::pem::LineEnding},
};
use jsonwebtoken::{Algorithm, DecodingKey, crypto::aws_lc};
use maso_core::{Digest, Timestamp};
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use crate::{jws, proof};

/// Why a text is not a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a private Ed25519 key in PKCS#8 PEM.
    #[error("not an Ed25519 private key in PKCS#8 PEM")]
    Pem,
    /// Not a JWK that is accepted.
    #[error("not a JWK of an Ed25519 or P-256 key")]
    Jwk,
    /// A private key stands where a public one belongs.
    #[error("a private key where a public one was expected")]
    Private,
    /// The parts of a key do not belong together, or make a key that anybody could sign for.
    #[error("not a usable key")]
    Unusable,
    /// Not a thumbprint.
    #[error("not a thumbprint: 43 characters of base64url")]
    Thumbprint,
}

/// The key with which one agent proves that it is itself. Never leaves the agent's side.
#[derive(Clone)]
pub struct AgentKey(SigningKey);

impl AgentKey {
    /// The key of these 32 random bytes.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&seed))
    }

    /// Reads a private key in PKCS#8 PEM.
    ///
    /// # Errors
    /// When the text is not an Ed25519 private key.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        signing_key_from_pem(text).map(Self)
    }

    /// The private key in PKCS#8 PEM. Write it where only its agent can read it.
    pub fn expose_pem(&self) -> String {
        signing_key_to_pem(&self.0)
    }

    /// Reads a private key as JWK (RFC 8037).
    ///
    /// # Errors
    /// When the text is not an Ed25519 private key, or its two halves do not belong together.
    pub fn from_jwk(text: &str) -> Result<Self, KeyError> {
        let jwk = maso_wire::parse_json(text.as_bytes(), &jws::LIMITS).map_err(|_| KeyError::Jwk)?;
        let PublicKey::Ed25519(public) = PublicKey::of_jwk_members(&jwk)? else { return Err(KeyError::Jwk) };
        let key = Self::from_seed(coordinate(&jwk, "d")?);
        if key.public() == PublicKey::Ed25519(public) { Ok(key) } else { Err(KeyError::Unusable) }
    }

    /// The private key as JWK (RFC 8037). Write it where only its agent can read it.
    pub fn expose_jwk(&self) -> String {
        let mut jwk = self.public().to_jwk();
        jwk["d"] = Value::from(URL_SAFE_NO_PAD.encode(self.0.as_bytes()));
        jwk.to_string()
    }

    /// What others may know of the key.
    pub fn public(&self) -> PublicKey {
        PublicKey::Ed25519(self.0.verifying_key().to_bytes())
    }

    /// The key's name.
    pub fn thumbprint(&self) -> Thumbprint {
        self.public().thumbprint()
    }

    /// Makes the proof that the holder of this key sends this request with this token, now (DPoP, RFC 9449).
    ///
    /// `url` may have a query and a fragment; they are left out. `id` must be new each time.
    pub fn prove(&self, method: &str, url: &str, token: &str, id: Uuid, now: Timestamp) -> String {
        let url = url.split(['?', '#']).next().unwrap_or(url);
        let header = json!({ "typ": proof::TYPE, "alg": "EdDSA", "jwk": self.public().to_jwk() });
        let claims = json!({
            "jti": id.to_string(),
            "htm": method,
            "htu": url,
            "iat": now.as_millis().div_euclid(1000),
            "ath": URL_SAFE_NO_PAD.encode(Digest::of(token.as_bytes()).as_bytes()),
        });
        jws::sign(&self.0, &header, &claims)
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        sign(&self.0, message)
    }
}

impl fmt::Debug for AgentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AgentKey({})", self.thumbprint())
    }
}

/// A public key of one of the two kinds that agents may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PublicKey {
    /// Ed25519 (RFC 8037).
    Ed25519([u8; 32]),
    /// P-256 (RFC 7518).
    P256 {
        /// The first coordinate.
        x: [u8; 32],
        /// The second coordinate.
        y: [u8; 32],
    },
}

impl PublicKey {
    /// Reads a public key from a JWK. Private parts are refused: whoever shows them has lost the key.
    ///
    /// # Errors
    /// When it is no public Ed25519 or P-256 key.
    pub fn from_jwk(jwk: &Value) -> Result<Self, KeyError> {
        if PRIVATE_MEMBERS.iter().any(|member| jwk.get(member).is_some()) {
            return Err(KeyError::Private);
        }
        Self::of_jwk_members(jwk)
    }

    fn of_jwk_members(jwk: &Value) -> Result<Self, KeyError> {
        let member = |name: &str| jwk.get(name).and_then(Value::as_str);
        match (member("kty"), member("crv")) {
            (Some("OKP"), Some("Ed25519")) => coordinate(jwk, "x").and_then(ed25519).map(Self::Ed25519),
            (Some("EC"), Some("P-256")) => Ok(Self::P256 { x: coordinate(jwk, "x")?, y: coordinate(jwk, "y")? }),
            _ => Err(KeyError::Jwk),
        }
    }

    /// The key as JWK, with the required members only.
    pub fn to_jwk(&self) -> Value {
        match self {
            Self::Ed25519(x) => json!({ "crv": "Ed25519", "kty": "OKP", "x": URL_SAFE_NO_PAD.encode(x) }),
            Self::P256 { x, y } => json!({
                "crv": "P-256",
                "kty": "EC",
                "x": URL_SAFE_NO_PAD.encode(x),
                "y": URL_SAFE_NO_PAD.encode(y),
            }),
        }
    }

    /// The key's name: SHA-256 over the required members in order of their names (RFC 7638).
    pub fn thumbprint(&self) -> Thumbprint {
        let base64 = |bytes: &[u8; 32]| URL_SAFE_NO_PAD.encode(bytes);
        // Written out: it is asked for with every request, and the form is fixed.
        let jwk = match self {
            Self::Ed25519(x) => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, base64(x)),
            Self::P256 { x, y } => format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, base64(x), base64(y)),
        };
        Thumbprint(*Digest::of(jwk.as_bytes()).as_bytes())
    }

    /// Whether a JWS that says `algorithm` may be checked with this key.
    pub(crate) fn signs_with(&self, algorithm: &str) -> bool {
        match self {
            // RFC 9864 gives the same signature its own name.
            Self::Ed25519(_) => matches!(algorithm, "EdDSA" | "Ed25519"),
            Self::P256 { .. } => algorithm == "ES256",
        }
    }

    /// Whether `signature` is this key's over `message`.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let (algorithm, key) = match self {
            Self::Ed25519(x) => (Algorithm::EdDSA, DecodingKey::from_ed_der(x)),
            Self::P256 { x, y } => {
                let mut point = vec![UNCOMPRESSED_POINT];
                point.extend_from_slice(x);
                point.extend_from_slice(y);
                (Algorithm::ES256, DecodingKey::from_ec_der(&point))
            }
        };
        // Named instead of the process-wide default, which a feature of another crate could change under us.
        (aws_lc::DEFAULT_PROVIDER.verifier_factory)(&algorithm, &key)
            .is_ok_and(|verifier| verifier.verify(message, &signature.to_vec()).is_ok())
    }
}

/// The name of a key: the SHA-256 thumbprint of its JWK (RFC 7638). Written as base64url.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Thumbprint([u8; 32]);

impl Thumbprint {
    /// The raw bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether both name the same key, in a time that does not tell where they differ.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Thumbprint({self})")
    }
}

impl FromStr for Thumbprint {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| KeyError::Thumbprint)?;
        bytes.try_into().map(Self).map_err(|_| KeyError::Thumbprint)
    }
}

pub(crate) fn signing_key_from_pem(text: &str) -> Result<SigningKey, KeyError> {
    SigningKey::from_pkcs8_pem(text).map_err(|_| KeyError::Pem)
}

/// Without the public half (PKCS#8 version 1): many readers know no other form, and it follows from the private one.
pub(crate) fn signing_key_to_pem(key: &SigningKey) -> String {
    let bytes = KeypairBytes { secret_key: key.to_bytes(), public_key: None };
    (*bytes.to_pkcs8_pem(LineEnding::LF).expect("32 bytes always fit the form")).clone()
}

pub(crate) fn sign(key: &SigningKey, message: &[u8]) -> [u8; 64] {
    key.sign(message).to_bytes()
}

/// The bytes of an Ed25519 public key, written as base64url.
pub(crate) fn ed25519_from_text(text: &str) -> Result<[u8; 32], KeyError> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| KeyError::Unusable)?;
    ed25519(bytes.try_into().map_err(|_| KeyError::Unusable)?)
}

/// These bytes, if they are an Ed25519 public key. Under a weak key one signature fits many messages: it proves nothing.
pub(crate) fn ed25519(bytes: [u8; 32]) -> Result<[u8; 32], KeyError> {
    let key = VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError::Unusable)?;
    if key.is_weak() { Err(KeyError::Unusable) } else { Ok(bytes) }
}

fn coordinate(jwk: &Value, name: &str) -> Result<[u8; 32], KeyError> {
    let text = jwk.get(name).and_then(Value::as_str).ok_or(KeyError::Jwk)?;
    URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(KeyError::Jwk)
}

const PRIVATE_MEMBERS: [&str; 8] = ["d", "k", "p", "q", "dp", "dq", "qi", "oth"];
const UNCOMPRESSED_POINT: u8 = 4;
