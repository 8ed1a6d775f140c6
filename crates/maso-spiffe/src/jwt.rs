//! JWT-SVIDs: tokens that say who an agent is, to those for whom they are meant, as the JWT-SVID standard has them.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use maso_core::{SpiffeId, Timestamp, TrustDomain};
use maso_identity::PublicKey;
use maso_wire::Limits;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{
    KeyFault, SigningKey,
    key::{coordinates, fixed},
    rotation::Span,
    x509::whole_second,
};

/// A token for an agent.
pub struct JwtSvid {
    /// Whose it is.
    pub spiffe_id: SpiffeId,
    /// Its own id (`jti`).
    pub id: Uuid,
    /// Thumbprint of the key that signed it (`kid`).
    pub key: maso_identity::Thumbprint,
    /// When it ends.
    pub not_after: Timestamp,
    token: String,
}

impl JwtSvid {
    /// The token, for the process that it was made for.
    pub fn expose(&self) -> &str {
        &self.token
    }
}

impl std::fmt::Debug for JwtSvid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "JwtSvid({}, {})", self.spiffe_id, self.id)
    }
}

/// What a token says, which was signed by the trust domain, is meant for whoever asks, and counts now.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidatedJwt {
    /// Who shows it.
    pub spiffe_id: SpiffeId,
    /// Its own id.
    pub id: Option<Uuid>,
    /// All that it claims.
    pub claims: Map<String, Value>,
}

/// Why a JWT-SVID is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SvidError {
    /// It cannot be read, or lacks what the standard asks for.
    #[error("it is not a JWT-SVID")]
    Malformed,
    /// Nobody in the bundle signed it.
    #[error("it is not signed by this trust domain")]
    Forged,
    /// It is about an identity of somewhere else.
    #[error("it belongs to another trust domain")]
    Foreign,
    /// It is meant for somebody else.
    #[error("it is meant for another audience")]
    Audience,
    /// Its time is over, or has not come.
    #[error("it does not count now")]
    Expired,
    /// It was revoked, or its agent or key.
    #[error("it was revoked")]
    Revoked,
}

/// Makes a token about an agent for these audiences.
pub(crate) fn issue(
    spiffe_id: SpiffeId,
    by: &dyn SigningKey,
    audience: &[String],
    span: Span,
) -> Result<JwtSvid, KeyFault> {
    let (key, id) = (public(by)?.thumbprint(), Uuid::new_v4());
    let not_after = whole_second(span.until);
    let header = json!({ "alg": "ES256", "kid": key.to_string(), "typ": "JWT" });
    let claims = json!({
        "sub": spiffe_id.to_string(),
        "aud": audience,
        "iat": span.from.as_millis().div_euclid(1000),
        "exp": not_after.as_millis() / 1000,
        "jti": id.to_string(),
    });
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(&header), encode(&claims));
    let signature = URL_SAFE_NO_PAD.encode(fixed(&by.sign(signed.as_bytes())?)?);
    Ok(JwtSvid { spiffe_id, id, key, not_after, token: format!("{signed}.{signature}") })
}

/// What the token says, if one of `believed` signed it for `audience` and it counts now. Whether it was revoked is for
/// whoever knows the record.
pub(crate) fn validate(
    token: &str,
    audience: &str,
    domain: &TrustDomain,
    believed: &[PublicKey],
    now: Timestamp,
) -> Result<ValidatedJwt, SvidError> {
    if token.len() > LIMITS.frame_bytes_max {
        return Err(SvidError::Malformed);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(SvidError::Malformed)?;
    let (header, claims) = signed.split_once('.').ok_or(SvidError::Malformed)?;
    let header = object(header)?;
    let text = |object: &Map<String, Value>, name: &str| object.get(name).and_then(Value::as_str).map(str::to_owned);
    let is_jwt = header.get("typ").is_none_or(|typ| typ == "JWT" || typ == "JOSE");
    if text(&header, "alg").as_deref() != Some("ES256") || !is_jwt || header.contains_key("crit") {
        return Err(SvidError::Malformed);
    }
    let kid = text(&header, "kid").ok_or(SvidError::Malformed)?;
    let key = believed.iter().find(|key| key.thumbprint().to_string() == kid).ok_or(SvidError::Forged)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| SvidError::Malformed)?;
    if !key.verifies(signed.as_bytes(), &signature) {
        return Err(SvidError::Forged);
    }
    let claims = object(claims)?;
    let spiffe_id: SpiffeId = text(&claims, "sub").and_then(|sub| sub.parse().ok()).ok_or(SvidError::Malformed)?;
    if spiffe_id.trust_domain != *domain {
        return Err(SvidError::Foreign);
    }
    let seconds = |name: &str| claims.get(name).and_then(Value::as_i64);
    let (until, from) = (seconds("exp").ok_or(SvidError::Malformed)?, seconds("iat").unwrap_or(i64::MIN));
    let now = now.as_millis().div_euclid(1000);
    if now >= until || from > now {
        return Err(SvidError::Expired);
    }
    let is_meant = match claims.get("aud").ok_or(SvidError::Malformed)? {
        Value::String(one) => one == audience,
        Value::Array(many) => many.iter().any(|one| one == audience),
        _ => return Err(SvidError::Malformed),
    };
    if !is_meant {
        return Err(SvidError::Audience);
    }
    let id = text(&claims, "jti").and_then(|id| id.parse().ok());
    Ok(ValidatedJwt { spiffe_id, id, claims })
}

/// The keys that are believed, as a JWKS document.
pub(crate) fn bundle(keys: &[PublicKey]) -> String {
    json!({ "keys": keys.iter().map(bundle_key).collect::<Vec<_>>() }).to_string()
}

/// A key with which JWT-SVIDs are believed, as bundles have it.
pub(crate) fn bundle_key(key: &PublicKey) -> Value {
    let mut jwk = key.to_jwk();
    jwk["kid"] = json!(key.thumbprint().to_string());
    jwk["use"] = json!("jwt-svid");
    jwk["alg"] = json!("ES256");
    jwk
}

pub(crate) fn public(key: &dyn SigningKey) -> Result<PublicKey, KeyFault> {
    let (x, y) = coordinates(key.public())?;
    Ok(PublicKey::P256 { x, y })
}

fn object(part: &str) -> Result<Map<String, Value>, SvidError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| SvidError::Malformed)?;
    match maso_wire::parse_json(&bytes, &LIMITS) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(SvidError::Malformed),
    }
}

/// Bounds on tokens, which are small by nature.
const LIMITS: Limits = Limits {
    frame_bytes_max: 16 << 10,
    depth_max: 6,
    nodes_max: 128,
    string_bytes_max: 4 << 10,
    keys_max: 32,
    ..Limits::DEFAULT
};
