//! Links with which an operator signs in once, without a passphrase.

use maso_core::{OperatorName, Timestamp, TrustDomain};
use maso_wire::UnverifiedToken;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::{
    AuthorityKey, AuthorityPublic, Nonces, Spent, TokenError,
    token::{Lifetime, claims, issued, issuer, seconds},
};

/// Why a sign-in link is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// It is not believed.
    #[error("the sign-in link {0}")]
    Token(#[from] TokenError),
    /// It does not count again.
    #[error("the sign-in link {0}")]
    Spent(#[from] Spent),
    /// It was issued before this process began to remember links, so nobody knows whether it was used.
    #[error("the sign-in link was issued before this process started")]
    BeforeStart,
}

impl AuthorityKey {
    /// Issues the secret part of a link with which `operator` signs in once within `ttl_ms`.
    pub fn issue_sign_in(
        &self,
        domain: &TrustDomain,
        operator: &OperatorName,
        id: Uuid,
        now: Timestamp,
        ttl_ms: u64,
    ) -> String {
        let mut claims = issued(domain, operator, AUDIENCE, now, ttl_ms);
        claims["jti"] = json!(id.to_string());
        self.sign_token(TYPE, &claims)
    }
}

/// The sign-in links of a deployment, each good for once.
#[derive(Debug)]
pub struct SignIns {
    trust_domain: TrustDomain,
    authority: AuthorityPublic,
    since: Timestamp,
    used: Nonces,
}

impl SignIns {
    /// Accepts links that `authority` issued from now on. The memory of used ones does not outlive the process.
    pub fn new(trust_domain: TrustDomain, authority: AuthorityPublic, now: Timestamp) -> Self {
        Self { trust_domain, authority, since: now, used: Nonces::new(LINKS_MAX) }
    }

    /// Who signs in with this link. It counts once.
    ///
    /// # Errors
    /// When the deployment did not issue it, it has ended or it was used.
    pub fn redeem(&self, link: &UnverifiedToken, now: Timestamp) -> Result<OperatorName, SignInError> {
        let claims: Claims = claims(link.expose(), TYPE, &self.authority)?;
        if claims.iss != issuer(&self.trust_domain) || claims.aud != AUDIENCE {
            return Err(TokenError::Foreign.into());
        }
        let operator: OperatorName = claims.sub.parse().map_err(|_| TokenError::Malformed)?;
        let lifetime = Lifetime::new(claims.iat, claims.exp)?;
        lifetime.check(now, SKEW_MS)?;
        if lifetime.from().as_millis() < seconds(self.since).saturating_mul(1000) {
            return Err(SignInError::BeforeStart);
        }
        self.used.spend(operator.as_str(), &claims.jti.to_string(), lifetime.until(), now)?;
        Ok(operator)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    iat: i64,
    exp: i64,
    jti: Uuid,
}

const TYPE: &str = "maso-signin+jwt";
const AUDIENCE: &str = "maso-console";
const LINKS_MAX: usize = 4_096;
const SKEW_MS: u64 = 5_000;
