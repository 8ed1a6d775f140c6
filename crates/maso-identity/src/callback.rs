//! Signatures of callbacks: whoever is called can tell that it is this deployment that calls, about what, and when.

use maso_core::{Timestamp, TrustDomain};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::AuthorityKey;

/// One callback.
#[derive(Clone, Copy, Debug)]
pub struct Callback<'a> {
    /// The trust domain of who calls.
    pub domain: &'a TrustDomain,
    /// The address that is called.
    pub url: &'a str,
    /// What is said there, to the byte.
    pub body: &'a [u8],
    /// Its own id: whoever is called takes it once.
    pub id: Uuid,
    /// When it is made.
    pub at: Timestamp,
}

impl AuthorityKey {
    /// A JWT over a callback, by the key that `/.well-known/jwks.json` shows. It is for this address and this body, and counts
    /// for some minutes. Its type is its own: it is never taken for a token.
    pub fn sign_callback(&self, callback: &Callback<'_>) -> String {
        let Callback { domain, url, body, id, at } = callback;
        let at_s = at.as_millis().div_euclid(1000);
        let body_sha256: String = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
        let claims = json!({
            "iss": format!("spiffe://{domain}"),
            "aud": url,
            "iat": at_s,
            "exp": at_s + VALID_S,
            "jti": id.to_string(),
            "request_body_sha256": body_sha256,
        });
        self.sign_named(TYPE, &claims)
    }
}

const TYPE: &str = "maso-callback+jwt";
/// Longer than all tries of one callback take.
const VALID_S: i64 = 300;
