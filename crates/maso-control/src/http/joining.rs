//! The doors at which programs ask for themselves: `/v1/join`, `/v1/identity/renew`,
//! `/v1/identity/leave`.
//!
//! Nobody has to be signed in: what they show is looked at, and whoever shows nothing that counts is told no more than that.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode, header},
    routing::post,
};
use maso_api as api;
use maso_identity::PublicKey;
use maso_wire::{Credential, KnownHosts, UnverifiedToken};

use super::{Failure, harden, only_for};
use crate::{Desk, JoinFault, Joining};

/// The routes, for requests to these hosts; `base_url` is the address for which proofs must be made.
pub fn routes(desk: Arc<Desk>, hosts: &Arc<KnownHosts>, base_url: &str) -> Router {
    let door = Door { desk, base_url: base_url.trim_end_matches('/').into() };
    let routes = Router::new()
        .route(JOIN, post(join))
        .route(RENEW, post(renew))
        .route(LEAVE, post(leave))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(axum::middleware::from_fn(harden))
        .with_state(door);
    only_for(hosts, routes)
}

#[derive(Clone)]
struct Door {
    desk: Arc<Desk>,
    base_url: Arc<str>,
}

async fn join(
    State(door): State<Door>,
    headers: HeaderMap,
    Json(order): Json<api::Join>,
) -> Result<(StatusCode, Json<api::IssuedToken>), Failure> {
    let key = PublicKey::from_jwk(&order.key).map_err(|_| JoinFault::NotBelieved)?;
    let proof = UnverifiedToken::new(only(&headers, "dpop").ok_or(JoinFault::NotBelieved)?);
    let token = UnverifiedToken::new(order.token);
    let url = format!("{}{JOIN}", door.base_url);
    let issued = door.desk.join(Joining { token: &token, key: &key, proof: &proof, url: &url }).await?;
    Ok((StatusCode::CREATED, Json(issued)))
}

async fn renew(State(door): State<Door>, headers: HeaderMap) -> Result<(StatusCode, Json<api::IssuedToken>), Failure> {
    let credential = door.credential(&headers, RENEW)?;
    Ok((StatusCode::CREATED, Json(door.desk.renew(&credential).await?)))
}

async fn leave(State(door): State<Door>, headers: HeaderMap) -> Result<StatusCode, Failure> {
    let credential = door.credential(&headers, LEAVE)?;
    door.desk.leave(&credential).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl Door {
    /// What is shown at this address: a token, and a proof by its key.
    fn credential(&self, headers: &HeaderMap, address: &str) -> Result<Credential, JoinFault> {
        let shown = only(headers, header::AUTHORIZATION.as_str()).and_then(|value| value.split_once(' '));
        let (scheme, token) = shown.ok_or(JoinFault::NotBelieved)?;
        let proof = only(headers, "dpop").ok_or(JoinFault::NotBelieved)?;
        if !scheme.eq_ignore_ascii_case("dpop") {
            return Err(JoinFault::NotBelieved);
        }
        Ok(Credential::Bound {
            token: UnverifiedToken::new(token.trim()),
            proof: UnverifiedToken::new(proof),
            method: "POST".to_owned(),
            url: format!("{}{address}", self.base_url),
        })
    }
}

/// The value of a header that is there exactly once: two could be read differently by two readers.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

const JOIN: &str = "/v1/join";
const RENEW: &str = "/v1/identity/renew";
const LEAVE: &str = "/v1/identity/leave";
const BODY_BYTES_MAX: usize = 8 * 1024;
