//! Tokens that say who an agent is. Which task it works on is another token's to say ([`crate::TaskToken`]).
//!
//! Each kind has its own `typ`, checked before the signature, so that one can never be used as another.

use maso_core::{Holder, InstanceId, SpiffeId, Timestamp, TrustDomain};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    AuthorityKey, AuthorityPublic, Thumbprint,
    jws::{Header, JwsError, UnverifiedJws},
};

/// Why a token was not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It cannot be read, or says something that such a token never says.
    #[error("cannot be read")]
    Malformed,
    /// It is a token of another kind.
    #[error("is of another kind")]
    OtherKind,
    /// The deployment did not sign it.
    #[error("is not signed by this deployment")]
    Forged,
    /// It belongs to another trust domain or is meant for somebody else.
    #[error("belongs to another trust domain or audience")]
    Foreign,
    /// Its time is over.
    #[error("expired at {at}")]
    Expired {
        /// When it ended.
        at: Timestamp,
    },
    /// Its time has not come.
    #[error("is valid only from {from}")]
    NotYetValid {
        /// When it begins.
        from: Timestamp,
    },
}

impl From<JwsError> for TokenError {
    fn from(error: JwsError) -> Self {
        match error {
            JwsError::Shape => Self::Malformed,
            JwsError::Type => Self::OtherKind,
            JwsError::Signature => Self::Forged,
        }
    }
}

/// What an agent token says, once its signature was checked. Whether it is valid now is asked each time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentToken {
    id: Uuid,
    holder: Holder,
    key: Option<Thumbprint>,
    lifetime: Lifetime,
}

impl AgentToken {
    /// Believes a token that this deployment signed for one of its agents.
    pub(crate) fn believe(text: &str, authority: &AuthorityPublic, domain: &TrustDomain) -> Result<Self, TokenError> {
        let claims: AgentClaims = claims(text, AGENT_TYPE, authority)?;
        let holder: Holder = claims.sub.parse().map_err(|_| TokenError::Malformed)?;
        if claims.iss != issuer(domain) || claims.aud != AUDIENCE || holder.agent.trust_domain != *domain {
            return Err(TokenError::Foreign);
        }
        let key = match claims.cnf {
            Some(confirmation) => Some(confirmation.jkt.parse().map_err(|_| TokenError::Malformed)?),
            None => None,
        };
        if holder.instance.is_some() && key.is_none() {
            // What a process of its own joined with is bound to the key of that process.
            return Err(TokenError::Malformed);
        }
        Ok(Self { id: claims.jti, holder, key, lifetime: Lifetime::new(claims.iat, claims.exp)? })
    }

    /// Its own id.
    pub const fn id(&self) -> Uuid {
        self.id
    }

    /// The agent whose it is.
    pub const fn agent(&self) -> &SpiffeId {
        &self.holder.agent
    }

    /// The instance of that agent whose it is; `None` where it is the agent's own.
    pub const fn instance(&self) -> Option<InstanceId> {
        self.holder.instance
    }

    /// The moment from which it counts no more.
    pub const fn until(&self) -> Timestamp {
        self.lifetime.until
    }

    /// The key without which it is worth nothing, if it is bound to one.
    pub const fn key(&self) -> Option<&Thumbprint> {
        self.key.as_ref()
    }

    pub(crate) const fn lifetime(&self) -> Lifetime {
        self.lifetime
    }
}

impl AuthorityKey {
    /// Issues a token that says who an agent is, or an instance of it. With a key it is worth nothing without that key; without one it is a
    /// bearer token, which works on loopback only and only where the deployment says so.
    pub fn issue_agent_token(
        &self,
        holder: impl Into<Holder>,
        key: Option<&Thumbprint>,
        token_id: Uuid,
        now: Timestamp,
        ttl_ms: u64,
    ) -> String {
        let holder = holder.into();
        let mut claims = issued(&holder.agent.trust_domain, &holder, AUDIENCE, now, ttl_ms);
        claims["jti"] = json!(token_id.to_string());
        if let Some(key) = key {
            claims["cnf"] = json!({ "jkt": key.to_string() });
        }
        self.sign_token(AGENT_TYPE, &claims)
    }
}

/// From when to when a token is valid, in whole seconds as JWT has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lifetime {
    from: Timestamp,
    until: Timestamp,
}

impl Lifetime {
    pub(crate) fn new(iat: i64, exp: i64) -> Result<Self, TokenError> {
        let moment = |second: i64| second.checked_mul(1000).map(Timestamp::from_millis).ok_or(TokenError::Malformed);
        Ok(Self { from: moment(iat)?, until: moment(exp)? })
    }

    pub(crate) const fn between(from: Timestamp, until: Timestamp) -> Self {
        Self { from, until }
    }

    pub(crate) const fn from(self) -> Timestamp {
        self.from
    }

    pub(crate) const fn until(self) -> Timestamp {
        self.until
    }

    /// Whether `now` lies inside; the beginning may lie `skew_ms` ahead, the end may not lie behind.
    pub(crate) fn check(self, now: Timestamp, skew_ms: u64) -> Result<(), TokenError> {
        if now >= self.until {
            return Err(TokenError::Expired { at: self.until });
        }
        if self.from > now.plus_ms(skew_ms) {
            return Err(TokenError::NotYetValid { from: self.from });
        }
        Ok(())
    }
}

/// What every token claims: who issues it, about whom, for whom, and from when to when.
pub(crate) fn issued(
    domain: &TrustDomain,
    subject: impl ToString,
    audience: &str,
    now: Timestamp,
    ttl_ms: u64,
) -> Value {
    json!({
        "iss": issuer(domain),
        "sub": subject.to_string(),
        "aud": audience,
        "iat": seconds(now),
        "exp": seconds(now.plus_ms(ttl_ms)),
    })
}

/// The claims of a text that `authority` signed as a token of the type `typ`.
pub(crate) fn claims<T: DeserializeOwned>(text: &str, typ: &str, authority: &AuthorityPublic) -> Result<T, TokenError> {
    let jws = UnverifiedJws::split(text)?;
    let key = authority.key();
    Header::read(jws.header, typ)?.suits(&key)?;
    let claims: Value = jws.verify(&key)?;
    serde_json::from_value(claims).map_err(|_| TokenError::Malformed)
}

pub(crate) fn issuer(domain: &TrustDomain) -> String {
    format!("spiffe://{domain}/maso")
}

/// Whole seconds, rounded down: a token may end earlier than asked for and never later.
pub(crate) const fn seconds(moment: Timestamp) -> i64 {
    moment.as_millis().div_euclid(1000)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AgentClaims {
    iss: String,
    sub: String,
    aud: String,
    iat: i64,
    exp: i64,
    jti: Uuid,
    #[serde(default, deserialize_with = "present")]
    cnf: Option<Confirmation>,
}

/// A member that may be absent and may not be null: a token is not unbound by saying nothing of its key.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Confirmation>, D::Error> {
    Confirmation::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirmation {
    jkt: String,
}

const AUDIENCE: &str = "maso";
const AGENT_TYPE: &str = "maso-agent+jwt";
