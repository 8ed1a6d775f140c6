//! The credential of the agent beside a sidecar, which the agent itself never has.

use std::{fmt, sync::Arc};

use axum::{
    body::Body,
    http::{
        HeaderName, HeaderValue, Method, Request, Response, StatusCode,
        header::{AUTHORIZATION, CONTENT_TYPE},
    },
};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use maso_core::Timestamp;
use maso_identity::AgentKey;
use maso_path::Clock;
use parking_lot::RwLock;
use serde_json::{Value, json};
use uuid::Uuid;

use super::way::{Unreached, Way};

/// A token and the key to which it is bound, renewed as long as maso says so.
pub struct Badge {
    key: AgentKey,
    token: RwLock<Option<Token>>,
    clock: Arc<dyn Clock>,
}

#[derive(Clone)]
struct Token {
    text: String,
    expires_at: Timestamp,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum BadgeFault {
    /// maso gives none: not for this one, or not any more.
    #[error("maso gives no token ({0}): what was shown counts no more, or never did")]
    Refused(StatusCode),
    /// It answered something else.
    #[error("what maso answered is no token")]
    Unclear,
    /// There is none to be renewed.
    #[error("there is no token yet")]
    NoToken,
    /// It did not answer.
    #[error(transparent)]
    Unreached(#[from] Unreached),
}

impl Badge {
    /// With this key, and nothing to show yet.
    pub fn new(key: AgentKey, clock: Arc<dyn Clock>) -> Self {
        Self { key, token: RwLock::new(None), clock }
    }

    /// Goes on with a token that was given before.
    pub fn take_up(&self, text: String, expires_at: Timestamp) {
        *self.token.write() = Some(Token { text, expires_at });
    }

    /// The token, for whoever keeps it until the next start.
    pub fn expose_token(&self) -> Option<(String, Timestamp)> {
        self.token.read().as_ref().map(|Token { text, expires_at }| (text.clone(), *expires_at))
    }

    /// Until when it counts, if it does now.
    pub fn counts_until(&self) -> Option<Timestamp> {
        let now = self.clock.now();
        self.token.read().as_ref().map(|token| token.expires_at).filter(|expires_at| *expires_at > now)
    }

    /// Becomes the agent by a join token, which works once.
    ///
    /// # Errors
    /// When maso does not take it, or is not reached.
    pub async fn join(&self, way: &Way, join_token: &str) -> Result<(), BadgeFault> {
        let order = json!({ "token": join_token, "key": self.key.public().to_jwk() });
        let mut request = Request::new(Body::from(order.to_string()));
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request.headers_mut().insert(DPOP, self.proof(&Method::POST, &way.url(JOIN), join_token));
        self.asked(way, JOIN, request).await
    }

    /// Has the token renewed.
    ///
    /// # Errors
    /// When maso does not renew it, or is not reached. The former one counts until it ends.
    pub async fn renew(&self, way: &Way) -> Result<(), BadgeFault> {
        let mut request = Request::new(Body::empty());
        if !self.put_on(&mut request, &way.url(RENEW), &Method::POST) {
            return Err(BadgeFault::NoToken);
        }
        self.asked(way, RENEW, request).await
    }

    /// Shows on this request, which goes to `url`, whose it is. Says whether there is something to show.
    pub(super) fn put_on(&self, request: &mut Request<Body>, url: &str, method: &Method) -> bool {
        let Some(Token { text, .. }) = self.token.read().clone() else { return false };
        let Ok(mut shown) = HeaderValue::from_str(&format!("DPoP {text}")) else { return false };
        shown.set_sensitive(true);
        let proof = self.proof(method, url, &text);
        request.headers_mut().insert(AUTHORIZATION, shown);
        request.headers_mut().insert(DPOP, proof);
        true
    }

    /// Signs what its agent says.
    pub(super) const fn key(&self) -> &AgentKey {
        &self.key
    }

    fn proof(&self, method: &Method, url: &str, token: &str) -> HeaderValue {
        let proof = self.key.prove(method.as_str(), url, token, Uuid::new_v4(), self.clock.now());
        HeaderValue::from_str(&proof).expect("a JWS is a header's value")
    }

    async fn asked(&self, way: &Way, path: &'static str, mut request: Request<Body>) -> Result<(), BadgeFault> {
        *request.method_mut() = Method::POST;
        *request.uri_mut() = path.parse().expect("the path is one");
        let response = way.send(request).await?;
        if response.status() != StatusCode::CREATED {
            return Err(BadgeFault::Refused(response.status()));
        }
        let token = given(response).await.ok_or(BadgeFault::Unclear)?;
        *self.token.write() = Some(token);
        Ok(())
    }
}

impl fmt::Debug for Badge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Badge({})", self.key.thumbprint())
    }
}

async fn given(response: Response<Incoming>) -> Option<Token> {
    let bytes = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await.ok()?.to_bytes();
    let told: Value = serde_json::from_slice(&bytes).ok()?;
    let text = told.get("token")?.as_str()?.to_owned();
    let expires_at = told.get("expires_at")?.as_i64().map(Timestamp::from_millis)?;
    Some(Token { text, expires_at })
}

const DPOP: HeaderName = HeaderName::from_static("dpop");
const JOIN: &str = "/v1/join";
const RENEW: &str = "/v1/identity/renew";
const ANSWER_BYTES_MAX: usize = 64 * 1024;
