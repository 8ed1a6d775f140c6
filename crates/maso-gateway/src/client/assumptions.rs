//! The native door at which an agent says what it takes for granted: `/v1/assumptions` (PG-2.8).

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    response::Response,
    routing::post,
};
use maso_wire::UnverifiedToken;

use super::{
    http,
    messages::{Visitor, refused, told},
};
use crate::{assuming::Noted, gateway::Gateway, unbroken::Unbroken};

pub(super) fn routes() -> Router<Arc<Gateway>> {
    Router::new().route("/v1/assumptions", post(assume).get(list))
}

async fn assume(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let (visitor, body) = match Visitor::of(gateway, request) {
        Ok(visitor) => visitor,
        Err(response) => return *response,
    };
    let (agent, payload) = match visitor.read(body, BODY_BYTES_MAX).await {
        Ok(read) => read,
        Err(response) => return *response,
    };
    let task = http::header(&visitor.headers, "maso-task").map(UnverifiedToken::new);
    let Visitor { gateway, credential, .. } = visitor;
    let now = Arc::clone(&gateway);
    // Finished also when whoever asked is gone: it may be on the record already.
    let work = gateway.drain.keep(async move { now.note_assumption(payload, agent, (credential, task)).await });
    match Unbroken::new(work).await {
        Noted::Kept(about) => told(StatusCode::CREATED, &about),
        Noted::Held(ticket) => told(StatusCode::ACCEPTED, &crate::hold::about(&ticket, gateway.decider.now())),
        Noted::Refused { hop, refusal } => refused(refusal, Some(hop)),
    }
}

async fn list(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let (visitor, _) = match Visitor::of(gateway, request) {
        Ok(visitor) => visitor,
        Err(response) => return *response,
    };
    match visitor.identified().await {
        Ok(agent) => told(StatusCode::OK, &visitor.gateway.assumptions_of(&agent).await),
        Err(response) => *response,
    }
}

/// Bytes of one assumption: a text, and ids of what it rests on.
const BODY_BYTES_MAX: usize = 16 << 10;
