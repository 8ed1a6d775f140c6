//! Compact JWS (RFC 7515): sign bytes, verify bytes, and parse them only afterwards.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::SigningKey;
use maso_wire::Limits;
use serde_json::Value;

use crate::{PublicKey, key};

/// A compact JWS that was taken apart. Nothing in it has been read.
pub(crate) struct UnverifiedJws<'a> {
    /// As it was sent.
    pub(crate) header: &'a str,
    signed: &'a str,
    claims: &'a str,
    signature: &'a str,
}

/// The header of a JWS, of which nothing is believed.
pub(crate) struct Header(Value);

/// Why a JWS was not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JwsError {
    /// It cannot be read.
    Shape,
    /// It is meant for something else.
    Type,
    /// The key did not sign it.
    Signature,
}

impl<'a> UnverifiedJws<'a> {
    /// Takes a text apart.
    pub(crate) fn split(text: &'a str) -> Result<Self, JwsError> {
        if text.len() > LIMITS.frame_bytes_max {
            return Err(JwsError::Shape);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(JwsError::Shape)?;
        let (header, claims) = signed.split_once('.').ok_or(JwsError::Shape)?;
        Ok(Self { header, signed, claims, signature })
    }

    /// The claims, if `key` signed them. Whether it may sign with the algorithm that the header names is for
    /// [`Header::suits`].
    pub(crate) fn verify(self, key: &PublicKey) -> Result<Value, JwsError> {
        let signature = URL_SAFE_NO_PAD.decode(self.signature).map_err(|_| JwsError::Shape)?;
        if !key.verifies(self.signed.as_bytes(), &signature) {
            return Err(JwsError::Signature);
        }
        object(self.claims)
    }
}

impl Header {
    /// Reads the header of a text of the type `typ`.
    pub(crate) fn read(header: &str, typ: &str) -> Result<Self, JwsError> {
        let header = object(header)?;
        if header.get("typ").and_then(Value::as_str) != Some(typ) {
            return Err(JwsError::Type);
        }
        // An extension that must be understood, and is not, ends it (RFC 7515 §4.1.11).
        if header.get("crit").is_some() {
            return Err(JwsError::Shape);
        }
        Ok(Self(header))
    }

    /// The key that it shows (RFC 7515 §4.1.3).
    pub(crate) fn shown_key(&self) -> Option<&Value> {
        self.0.get("jwk")
    }

    /// Whether it names an algorithm with which this key signs.
    pub(crate) fn suits(&self, key: &PublicKey) -> Result<(), JwsError> {
        let algorithm = self.0.get("alg").and_then(Value::as_str).ok_or(JwsError::Shape)?;
        if key.signs_with(algorithm) { Ok(()) } else { Err(JwsError::Signature) }
    }
}

/// Signs header and claims as a compact JWS.
pub(crate) fn sign(key: &SigningKey, header: &Value, claims: &Value) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(header), encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(key::sign(key, signed.as_bytes()));
    format!("{signed}.{signature}")
}

fn object(part: &str) -> Result<Value, JwsError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| JwsError::Shape)?;
    match maso_wire::parse_json(&bytes, &LIMITS) {
        Ok(value) if value.is_object() => Ok(value),
        _ => Err(JwsError::Shape),
    }
}

/// Bounds on tokens and proofs, which are small by nature.
pub(crate) const LIMITS: Limits = Limits {
    frame_bytes_max: 8 << 10,
    depth_max: 6,
    nodes_max: 128,
    string_bytes_max: 4 << 10,
    keys_max: 32,
    ..Limits::DEFAULT
};
