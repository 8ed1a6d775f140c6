//! Signatures of agent cards (A2A 1.0, 8.4): JWS (RFC 7515) over the card's canonical form (RFC 8785).
//!
//! A card is believed by the keys that the deployment names, and by no other: what a signature says of where its key is
//! found (`jku`, `jwk`, `x5u`, `x5c`) is never followed.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use maso_core::Digest;
use serde_json::{Map, Value, json};

use crate::{AuthorityKey, PublicKey, jws};

/// The keys by which one peer's card is believed. There is at least one.
#[derive(Clone, PartialEq, Eq)]
pub struct CardKeys(Vec<PublicKey>);

impl fmt::Debug for CardKeys {
    // By their names, which people can compare.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(PublicKey::thumbprint)).finish()
    }
}

/// A card that one of those keys signed.
#[derive(Clone, Debug, PartialEq)]
pub struct SignedCard {
    // INVARIANT: exactly what was signed; what a signature does not cover is left out.
    value: Value,
    digest: Digest,
}

/// Why a card is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CardError {
    /// It is no object, or has no canonical form.
    #[error("not an agent card")]
    Malformed,
    /// Nobody signed it.
    #[error("the agent card has no signature")]
    Unsigned,
    /// None of the keys that are believed signed it.
    #[error("no key that the deployment names signed the agent card")]
    Forged,
}

impl CardKeys {
    /// These keys; `None` where there is none, or there are more than anybody needs.
    pub fn new(keys: Vec<PublicKey>) -> Option<Self> {
        (1..=KEYS_MAX).contains(&keys.len()).then_some(Self(keys))
    }

    /// The keys.
    pub fn keys(&self) -> &[PublicKey] {
        &self.0
    }

    /// Believes a card that one of the keys signed.
    ///
    /// # Errors
    /// When none of them did.
    pub fn verify(&self, card: &Value) -> Result<SignedCard, CardError> {
        let members = card.as_object().ok_or(CardError::Malformed)?;
        let signatures = match members.get(SIGNATURES) {
            Some(Value::Array(signatures)) if !signatures.is_empty() => signatures,
            _ => return Err(CardError::Unsigned),
        };
        let mut unsigned = members.clone();
        unsigned.remove(SIGNATURES);
        let whole = Value::Object(unsigned);
        // Who writes cards as protocol buffers signs them without what is empty. Whichever form was signed is the card.
        let lean = without_empty(&whole).unwrap_or_else(|| Value::Object(Map::new()));
        for value in [whole, lean] {
            let bytes = canonical(&value)?;
            let payload = URL_SAFE_NO_PAD.encode(&bytes);
            if signatures.iter().take(SIGNATURES_MAX).any(|signature| self.signed(signature, &payload)) {
                return Ok(SignedCard { value, digest: Digest::of(&bytes) });
            }
        }
        Err(CardError::Forged)
    }

    fn signed(&self, signature: &Value, payload: &str) -> bool {
        let text = |name: &str| signature.get(name).and_then(Value::as_str);
        let (Some(protected), Some(signature)) = (text("protected"), text("signature")) else { return false };
        let Some(header) = header(protected) else { return false };
        // An extension that must be understood, and is not, ends it (RFC 7515 §4.1.11).
        if header.get("crit").is_some() {
            return false;
        }
        let Some(algorithm) = header.get("alg").and_then(Value::as_str) else { return false };
        let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else { return false };
        let signed = format!("{protected}.{payload}");
        self.0.iter().any(|key| key.signs_with(algorithm) && key.verifies(signed.as_bytes(), &signature))
    }
}

impl SignedCard {
    /// What was signed.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The digest of its canonical form.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

impl AuthorityKey {
    /// Signs a card of one of the deployment's agents. It must have nothing empty in it, so that all who read it see one
    /// canonical form.
    pub fn sign_card(&self, mut card: Value) -> Value {
        let header = json!({ "alg": "EdDSA", "typ": "JOSE", "kid": self.public().thumbprint().to_string() });
        let bytes = canonical(&card).expect("a card of ours has finite numbers and text for keys");
        let protected = URL_SAFE_NO_PAD.encode(header.to_string());
        let signed = format!("{protected}.{}", URL_SAFE_NO_PAD.encode(bytes));
        let signature = URL_SAFE_NO_PAD.encode(self.sign(signed.as_bytes()));
        card[SIGNATURES] = json!([{ "protected": protected, "signature": signature }]);
        card
    }
}

fn header(protected: &str) -> Option<Value> {
    if protected.len() > jws::LIMITS.frame_bytes_max {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(protected).ok()?;
    maso_wire::parse_json(&bytes, &jws::LIMITS).ok().filter(Value::is_object)
}

fn canonical(value: &Value) -> Result<Vec<u8>, CardError> {
    serde_json_canonicalizer::to_vec(value).map_err(|_| CardError::Malformed)
}

/// Without texts, lists and objects that are empty, or are so once that was done within them.
fn without_empty(value: &Value) -> Option<Value> {
    match value {
        Value::Object(members) => {
            let kept: Map<_, _> =
                members.iter().filter_map(|(name, it)| Some((name.clone(), without_empty(it)?))).collect();
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        Value::Array(items) => {
            let kept: Vec<_> = items.iter().filter_map(without_empty).collect();
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
        Value::String(text) if text.is_empty() => None,
        Value::Null => None,
        other => Some(other.clone()),
    }
}

const SIGNATURES: &str = "signatures";
const SIGNATURES_MAX: usize = 16;
const KEYS_MAX: usize = 16;
