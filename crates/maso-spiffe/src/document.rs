//! The bundle of the trust domain as others fetch it: the SPIFFE Trust Domain and Bundle standard, section 4.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use maso_identity::PublicKey;
use serde_json::{Value, json};

use crate::{generation::Generation, jwt, key::coordinates};

/// The document: for each generation the certificate that signs X.509-SVIDs and the key that signs JWT-SVIDs.
pub(crate) fn of(generations: &[Arc<Generation>], sequence: u64) -> String {
    let keys = generations.iter().flat_map(|generation| {
        [certificate(generation), Some(jwt::bundle_key(&generation.tokens_public))].into_iter().flatten()
    });
    json!({
        "keys": keys.collect::<Vec<_>>(),
        "spiffe_sequence": sequence,
        "spiffe_refresh_hint": REFRESH_SECONDS,
    })
    .to_string()
}

fn certificate(generation: &Generation) -> Option<Value> {
    let (x, y) = coordinates(generation.certificates.public()).ok()?;
    let mut jwk = PublicKey::P256 { x, y }.to_jwk();
    jwk["use"] = json!("x509-svid");
    jwk["x5c"] = json!([STANDARD.encode(&generation.certificate)]);
    Some(jwk)
}

/// How often others should look for the next. It is there for a day before it signs anything.
const REFRESH_SECONDS: u64 = 3_600;
