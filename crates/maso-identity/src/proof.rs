//! Proof of possession over one request (DPoP, RFC 9449).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use maso_core::{Digest, Timestamp};
use serde::Deserialize;
use subtle::ConstantTimeEq as _;
use url::Url;

use crate::{
    PublicKey, Thumbprint,
    jws::{Header, JwsError, UnverifiedJws},
};

/// Why a proof was not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// It cannot be read, or lacks what a proof must say.
    #[error("cannot be read as a DPoP proof")]
    Malformed,
    /// The key inside did not sign it.
    #[error("is not signed by the key that it shows")]
    Forged,
    /// It is made with another key than the one that the token is bound to.
    #[error("is made with another key than the token's")]
    OtherKey,
    /// It is made for another request.
    #[error("is made for another method or address")]
    OtherRequest,
    /// It is made for another token.
    #[error("is made for another token")]
    OtherToken,
    /// It is too old, or from the future.
    #[error("is not fresh: made at {made}, received at {received}")]
    Stale {
        /// When it says that it was made.
        made: Timestamp,
        /// When it was looked at.
        received: Timestamp,
    },
    /// It was made before this process began to remember proofs, so nobody knows whether it was used.
    #[error("was made before this process started")]
    BeforeStart,
}

/// The request that a proof must have been made for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) url: &'a str,
    /// The digest of the token that it comes with.
    pub(crate) token: Digest,
}

/// How fresh a proof must be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Freshness {
    pub(crate) now: Timestamp,
    pub(crate) window_ms: u64,
    pub(crate) since: Timestamp,
}

/// A proof that is signed by the key of its token. What it is for, and whether it is fresh, is still to be seen.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    key: Thumbprint,
    claims: Claims,
}

/// A proof that fits its request. Whether it was used before is still to be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Possession {
    pub(crate) id: String,
    /// The last moment at which it would still be fresh.
    pub(crate) until: Timestamp,
}

/// The key that the header of a proof shows, with which it may sign.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShownKey {
    key: PublicKey,
    thumbprint: Thumbprint,
}

impl ShownKey {
    /// The key with which a connection was made.
    pub(crate) fn of(key: PublicKey) -> Self {
        Self { key, thumbprint: key.thumbprint() }
    }

    /// Reads the header of a proof that must show the key of this name.
    pub(crate) fn read(header: &str, name: &Thumbprint) -> Result<Self, ProofError> {
        let header = Header::read(header, TYPE)?;
        let key = header.shown_key().map(PublicKey::from_jwk).ok_or(ProofError::Malformed)?;
        let key = key.map_err(|_| ProofError::Malformed)?;
        // Before the signature: nobody makes us check those of other keys.
        let shown = Self { key, thumbprint: key.thumbprint() };
        if !shown.is(name) {
            return Err(ProofError::OtherKey);
        }
        header.suits(&key)?;
        Ok(shown)
    }

    pub(crate) const fn key(&self) -> &PublicKey {
        &self.key
    }

    pub(crate) fn is(&self, name: &Thumbprint) -> bool {
        self.thumbprint.is_same(name)
    }
}

impl Signed {
    /// Reads a proof that must be signed by this key, which its header shows.
    pub(crate) fn read(proof: UnverifiedJws<'_>, by: &ShownKey) -> Result<Self, ProofError> {
        let claims: Claims = serde_json::from_value(proof.verify(&by.key)?).map_err(|_| ProofError::Malformed)?;
        if claims.jti.is_empty() || claims.jti.len() > ID_BYTES_MAX {
            return Err(ProofError::Malformed);
        }
        Ok(Self { key: by.thumbprint, claims })
    }

    pub(crate) fn is_by(&self, key: &Thumbprint) -> bool {
        self.key.is_same(key)
    }

    /// Whether it is made for this request, and lately.
    pub(crate) fn fits(&self, request: Request<'_>, freshness: Freshness) -> Result<Possession, ProofError> {
        let claims = &self.claims;
        if claims.htm != request.method || !is_same_address(&claims.htu, request.url) {
            return Err(ProofError::OtherRequest);
        }
        let ath = URL_SAFE_NO_PAD.encode(request.token.as_bytes());
        if !bool::from(claims.ath.as_bytes().ct_eq(ath.as_bytes())) {
            return Err(ProofError::OtherToken);
        }
        let made = moment(claims.iat).ok_or(ProofError::Malformed)?;
        let until = made.plus_ms(freshness.window_ms);
        if freshness.now > until || made > freshness.now.plus_ms(freshness.window_ms) {
            return Err(ProofError::Stale { made, received: freshness.now });
        }
        // Proofs carry whole seconds, so the second of the start itself must count.
        if made.as_millis().div_euclid(1000) < freshness.since.as_millis().div_euclid(1000) {
            return Err(ProofError::BeforeStart);
        }
        Ok(Possession { id: claims.jti.clone(), until })
    }
}

impl From<JwsError> for ProofError {
    fn from(error: JwsError) -> Self {
        match error {
            JwsError::Shape | JwsError::Type => Self::Malformed,
            JwsError::Signature => Self::Forged,
        }
    }
}

/// Compares scheme, host, port and path; query and fragment do not count (RFC 9449 §4.3).
fn is_same_address(claimed: &str, ours: &str) -> bool {
    // Nearly always, and taking addresses apart takes longer than all the rest.
    if claimed == ours {
        return true;
    }
    match (address(claimed), address(ours)) {
        (Some(claimed), Some(ours)) => claimed == ours,
        _ => false,
    }
}

fn address(text: &str) -> Option<Url> {
    let mut url = Url::parse(text).ok()?;
    if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    url.set_query(None);
    url.set_fragment(None);
    Some(url)
}

/// A NumericDate, which may have a fraction (RFC 7519 §2).
fn moment(seconds: f64) -> Option<Timestamp> {
    let millis = (seconds * 1000.0).floor();
    // Inside these bounds every whole millisecond is exact.
    if (0.0..9e15).contains(&millis) { Some(Timestamp::from_millis(millis as i64)) } else { None }
}

/// Other claims are allowed and mean nothing here.
#[derive(Clone, Debug, Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: f64,
    ath: String,
}

pub(crate) const TYPE: &str = "dpop+jwt";
const ID_BYTES_MAX: usize = 256;
