//! Signing in and out.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use maso_api::{Session, SignIn};
use maso_wire::UnverifiedToken;

use super::{By, Failure, SESSION_COOKIE};
use crate::{Desk, SignInFault, SignedIn, fault::role_word};

pub(super) async fn sign_in(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
    Json(wanted): Json<SignIn>,
) -> Result<Response, Failure> {
    let now = desk.path().clock().now();
    let signed_in = match wanted {
        SignIn::Passphrase { operator, passphrase } => desk.sign_in(&operator, passphrase, now).await,
        SignIn::Link { token } => desk.sign_in_by_link(&UnverifiedToken::new(token), now).await,
    }
    .map_err(Failure::SignIn)?;
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|_| Failure::SignIn(SignInFault::NotRecorded))?;
    let secret = desk.open_session(&signed_in, random, now).map_err(Failure::SignIn)?;
    // A browser keeps the cookie, which its scripts cannot read; whoever sends no `Origin` is no browser's script.
    let from_browser = headers.contains_key(header::ORIGIN);
    let mut session = describe(&signed_in, now.as_millis());
    if !from_browser {
        session.token = Some(secret.expose().to_owned());
        return Ok(Json(session).into_response());
    }
    let cookie = format!("{SESSION_COOKIE}={}; HttpOnly; SameSite=Strict; Path=/", secret.expose());
    Ok(([(header::SET_COOKIE, cookie)], Json(session)).into_response())
}

pub(super) async fn show(State(desk): State<Arc<Desk>>, By(by): By) -> Json<Session> {
    Json(describe(&by, desk.path().clock().now().as_millis()))
}

pub(super) async fn sign_out(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Result<Response, Failure> {
    if let Some(secret) = super::secret(&headers) {
        desk.sign_out(&secret, desk.path().clock().now()).await.map_err(Failure::SignIn)?;
    }
    let gone = format!("{SESSION_COOKIE}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0");
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, gone)]).into_response())
}

fn describe(by: &SignedIn, now_ms: i64) -> Session {
    Session {
        operator: by.operator().to_string(),
        roles: by.roles().iter().map(|role| role_word(*role).to_owned()).collect(),
        expires_at: now_ms.saturating_add_unsigned(maso_identity::SessionLimits::DEFAULT.absolute_ms),
        token: None,
    }
}
