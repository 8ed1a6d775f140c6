//! What an agent asks its sidecar, on its way to maso and back.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header,
        header::{CONTENT_TYPE, HOST, ORIGIN},
    },
    response::{IntoResponse, Response},
    routing::{any, get},
};
use maso_identity::{Envelope, SignedMessage};
use maso_wire::KnownHosts;

use super::{Badge, Way};

/// What a sidecar serves to its agent: the doors for agents, and whether it is of use. Whoever reaches it *is* the agent, so
/// it belongs on loopback, in a network namespace, container or machine that is the agent's alone.
pub fn sidecar_router(way: Arc<Way>, badge: Arc<Badge>) -> Router {
    Router::new()
        .route("/mcp/{*path}", any(carry))
        .route("/a2a/{*path}", any(carry))
        .route("/v1/messages", any(carry))
        .route("/v1/messages/{*path}", any(carry))
        .route("/v1/assumptions", any(carry))
        .route("/readyz", get(is_ready))
        .with_state(Sidecar { way, badge, hosts: Arc::new(KnownHosts::loopback()) })
}

#[derive(Clone)]
struct Sidecar {
    way: Arc<Way>,
    badge: Arc<Badge>,
    hosts: Arc<KnownHosts>,
}

async fn carry(State(sidecar): State<Sidecar>, request: Request) -> Response {
    // A page in a browser on this machine is not the agent.
    if !is_for_us(&sidecar.hosts, request.headers()) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let request = match signed(&sidecar.badge, request).await {
        Ok(request) => request,
        Err(status) => return status.into_response(),
    };
    let mut request = request;
    let (method, url) = (request.method().clone(), sidecar.way.url(request.uri().path()));
    let headers = request.headers_mut();
    hop_by_hop(headers);
    NOT_THE_AGENTS.iter().for_each(|name| drop(headers.remove(name)));
    if !sidecar.badge.put_on(&mut request, &url, &method) {
        return unavailable();
    }
    match sidecar.way.send(request).await {
        Ok(mut response) => {
            hop_by_hop(response.headers_mut());
            response.map(Body::new).into_response()
        }
        Err(why) => {
            tracing::warn!(error = &why as &dyn std::error::Error, "a request of the agent was not answered");
            unavailable()
        }
    }
}

/// The message in a request to the native door, signed as the agent's, where the agent left that to its sidecar.
async fn signed(badge: &Badge, request: Request) -> Result<Request, StatusCode> {
    let is_bare = request.method() == Method::POST
        && request
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|of| of.as_bytes() == SignedMessage::PAYLOAD_TYPE.as_bytes());
    if !is_bare {
        return Ok(request);
    }
    let (mut parts, body) = request.into_parts();
    let bytes = to_bytes(body, MESSAGE_BYTES_MAX).await.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
    let mut envelope = Envelope::new(SignedMessage::PAYLOAD_TYPE, bytes);
    envelope.sign_as_agent(badge.key());
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(Request::from_parts(parts, Body::from(envelope.write())))
}

/// Ready is who has a credential that counts, and a line.
async fn is_ready(State(sidecar): State<Sidecar>) -> StatusCode {
    if sidecar.badge.counts_until().is_none() {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let asked = sidecar.way.send(Request::get("/readyz").body(Body::empty()).expect("a request is one")).await;
    asked.map_or(StatusCode::SERVICE_UNAVAILABLE, |answer| answer.status())
}

fn is_for_us(hosts: &KnownHosts, headers: &HeaderMap) -> bool {
    let text = |value: &HeaderValue| value.to_str().map(str::to_owned).unwrap_or_default();
    let host = headers.get(HOST).map(text);
    let origin = headers.get(ORIGIN).map(text);
    host.is_some_and(|host| hosts.has(&host)) && origin.is_none_or(|origin| hosts.has_origin(&origin))
}

/// Takes off what concerns one connection alone (RFC 9110, section 7.6.1).
fn hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    named.iter().chain(&OF_A_CONNECTION).for_each(|name| drop(headers.remove(name)));
}

fn unavailable() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, axum::Json(serde_json::json!({ "code": "UNAVAILABLE" }))).into_response()
}

/// What a message may have, and a little more: how large it may be says maso.
const MESSAGE_BYTES_MAX: usize = 512 * 1024;
const OF_A_CONNECTION: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];
/// What an agent says of itself or of its address goes no further: who it is says its sidecar.
const NOT_THE_AGENTS: [HeaderName; 8] = [
    header::AUTHORIZATION,
    HeaderName::from_static("dpop"),
    header::COOKIE,
    header::ORIGIN,
    header::FORWARDED,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
];
