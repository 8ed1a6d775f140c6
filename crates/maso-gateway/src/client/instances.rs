//! The native door at which an agent starts an instance of another: `POST /v1/instances` (EC-1.5a).

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    response::Response,
    routing::post,
};
use maso_core::Refusal;
use maso_wire::UnverifiedToken;

use super::{
    http,
    messages::{Visitor, refused, told},
};
use crate::{fleet::Spawned, gateway::Gateway, unbroken::Unbroken};

pub(super) fn routes() -> Router<Arc<Gateway>> {
    Router::new().route("/v1/instances", post(start))
}

async fn start(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let (visitor, body) = match Visitor::of(gateway, request) {
        Ok(visitor) => visitor,
        Err(response) => return *response,
    };
    let wish = match visitor.read(body, BODY_BYTES_MAX).await {
        Ok((_, wish)) => wish,
        Err(response) => return *response,
    };
    let task = http::header(&visitor.headers, "maso-task").map(UnverifiedToken::new);
    let Visitor { gateway, credential, .. } = visitor;
    let now = Arc::clone(&gateway);
    // Finished also when whoever asked is gone: it may have been started already.
    let work = gateway.drain.keep(async move { now.spawn(wish, (credential, task)).await });
    match Unbroken::new(work).await {
        Some(Spawned::Started(about)) => told(StatusCode::CREATED, &about),
        Some(Spawned::Held(ticket)) => told(StatusCode::ACCEPTED, &crate::hold::about(&ticket, gateway.decider.now())),
        Some(Spawned::Refused { hop, refusal }) => refused(refusal, Some(hop)),
        None => refused(Refusal::Malformed, None),
    }
}

/// Bytes of one wish: two names, and a reason for people.
const BODY_BYTES_MAX: usize = 16 << 10;
