//! The HTTP API: `/api/v1`, `/v1/tasks`, `/healthz`, `/readyz`, `/metrics`.
//!
//! Reads and orders for operators who signed in; nothing is served to anyone else. A browser's session is a cookie that
//! scripts cannot read; a command line's is a bearer token. Every request but a probe must name a host that is known, and
//! those that change something must come from our own pages: their `Origin`, where there is one, is compared with the `Host`.

mod bundle;
mod events;
mod joining;
mod map;
mod orders;
mod reads;
mod session;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, FromRequestParts, State},
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
    routing::{get, post},
};
pub use bundle::routes as bundle_router;
pub use joining::routes as joining_router;
use maso_api::Problem;
use maso_identity::SessionSecret;
use maso_wire::KnownHosts;

use crate::{Desk, JoinFault, OrderFault, SignInFault, SignedIn};

/// Name of the session cookie.
pub const SESSION_COOKIE: &str = "maso_session";

/// How much a request body may hold.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// The routes of the API, for requests to these hosts.
pub fn router(desk: Arc<Desk>, hosts: &Arc<KnownHosts>) -> Router {
    let routes = Router::new()
        .route("/api/v1/session", post(session::sign_in).get(session::show).delete(session::sign_out))
        .route("/api/v1/status", get(reads::status))
        .route("/api/v1/hops", get(reads::hops))
        .route("/api/v1/hops/{hop}", get(reads::hop))
        .route("/api/v1/tickets", get(reads::tickets))
        .route("/api/v1/tickets/{ticket}", get(reads::ticket).post(orders::answer_ticket))
        .route("/api/v1/agents", get(reads::agents))
        .route("/api/v1/map", get(map::map))
        .route("/api/v1/map/hops", get(map::hops))
        .route("/api/v1/agents/{agent}/tokens", post(orders::issue_token))
        .route("/api/v1/revocations", post(orders::revoke))
        .route("/api/v1/tools/waiting", get(reads::waiting_tools))
        .route("/api/v1/tools/approved", post(orders::approve_tool))
        .route("/api/v1/posture", get(reads::posture).post(orders::move_phase))
        .route("/api/v1/kill", post(orders::kill))
        .route("/api/v1/records", get(reads::records))
        .route("/api/v1/records/about/{what}", get(reads::records_about))
        .route("/api/v1/payloads/{digest}", get(reads::payload))
        .route("/api/v1/erasures", post(orders::erase_payloads))
        .route("/api/v1/verification", get(reads::verification).post(orders::verify))
        .route("/api/v1/events", get(events::stream))
        .route("/v1/tasks", get(reads::tasks).post(orders::open_task))
        .route("/v1/tasks/{task}/clarifications", post(orders::clarify))
        .route("/api/v1/clarifications", get(reads::clarifications))
        .route("/v1/tasks/{task}/assumptions", post(orders::promote))
        .route("/api/v1/assumptions", get(reads::assumptions))
        .route("/v1/tasks/{task}", axum::routing::delete(orders::close_task))
        .route("/v1/tasks/{task}/evaluation", get(reads::evaluation))
        .route("/api/v1/evaluations", get(reads::evaluations))
        .route("/v1/tasks/{task}/assessments", post(orders::assess_task))
        .route("/metrics", get(reads::metrics))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(axum::middleware::from_fn(harden))
        .with_state(Arc::clone(&desk));
    // In this order: what is found nowhere falls to the last, which looks at the host first.
    probes(desk).merge(only_for(hosts, routes))
}

/// Whether the process is there and ready, for whoever asks by whatever name: probes use the address of the moment, which
/// nobody declared, and they are told yes or no and nothing else.
fn probes(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(reads::ready))
        .layer(axum::middleware::from_fn(harden))
        .with_state(desk)
}

/// The same routes, for requests to these hosts alone: what names another is turned away before anything looks at it.
pub fn only_for(hosts: &Arc<KnownHosts>, routes: Router) -> Router {
    routes.layer(axum::middleware::from_fn_with_state(Arc::clone(hosts), known_host))
}

/// Who this request comes from, by its cookie or bearer token.
pub fn signed_in(desk: &Desk, headers: &HeaderMap) -> Option<SignedIn> {
    desk.session(&secret(headers)?, desk.path().clock().now())
}

/// The session secret that a request shows.
fn secret(headers: &HeaderMap) -> Option<SessionSecret> {
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let cookie = || {
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find_map(|(name, value)| (name == SESSION_COOKIE).then_some(value))
    };
    bearer.or_else(cookie).map(SessionSecret::shown)
}

/// An operator who signed in, as an argument of a handler.
pub(crate) struct By(pub(crate) SignedIn);

impl FromRequestParts<Arc<Desk>> for By {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, desk: &Arc<Desk>) -> Result<Self, Failure> {
        signed_in(desk, &parts.headers).map(Self).ok_or(Failure::SignedOut)
    }
}

/// What a request is answered when it fails.
#[derive(Debug)]
pub(crate) enum Failure {
    SignedOut,
    SignIn(SignInFault),
    Order(OrderFault),
    NotBelieved,
    CrossSite,
    ForeignHost,
}

impl From<OrderFault> for Failure {
    fn from(fault: OrderFault) -> Self {
        Self::Order(fault)
    }
}

impl From<JoinFault> for Failure {
    fn from(fault: JoinFault) -> Self {
        match fault {
            JoinFault::NotBelieved => Self::NotBelieved,
            JoinFault::NotRecorded(fault) => Self::Order(OrderFault::NotRecorded(fault)),
        }
    }
}

impl From<maso_log::LogFault> for Failure {
    fn from(fault: maso_log::LogFault) -> Self {
        Self::Order(OrderFault::NotRecorded(fault))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, code, title, help) = match self {
            Self::SignedOut => (
                StatusCode::UNAUTHORIZED,
                "SIGNED_OUT",
                "nobody is signed in".to_owned(),
                Some("sign in at /console, or POST /api/v1/session".to_owned()),
            ),
            Self::SignIn(fault) => {
                let status = match fault {
                    SignInFault::Wrong => StatusCode::UNAUTHORIZED,
                    SignInFault::TooMany | SignInFault::Full => StatusCode::TOO_MANY_REQUESTS,
                    SignInFault::NotRecorded => StatusCode::SERVICE_UNAVAILABLE,
                };
                (status, "NOT_SIGNED_IN", fault.to_string(), None)
            }
            Self::NotBelieved => (StatusCode::UNAUTHORIZED, "UNAUTHENTIC", JoinFault::NotBelieved.to_string(), None),
            Self::CrossSite => {
                (StatusCode::FORBIDDEN, "CROSS_SITE", "the request came from another site".to_owned(), None)
            }
            Self::ForeignHost => (
                StatusCode::FORBIDDEN,
                "FOREIGN_HOST",
                "the request names a host that is not known here".to_owned(),
                Some("`[listen] public_url` in maso.toml names the address under which maso is reached".to_owned()),
            ),
            Self::Order(fault) => {
                let status = match &fault {
                    OrderFault::NeedsRole(_) | OrderFault::NotAllowed { .. } => StatusCode::FORBIDDEN,
                    OrderFault::Unknown { .. } => StatusCode::NOT_FOUND,
                    OrderFault::Changed(_) | OrderFault::TooLate(_) => StatusCode::CONFLICT,
                    OrderFault::Bad(_) => StatusCode::UNPROCESSABLE_ENTITY,
                    OrderFault::NotRecorded(_) | OrderFault::NotVerified(_) | OrderFault::NotRead => {
                        StatusCode::SERVICE_UNAVAILABLE
                    }
                };
                (status, fault.code(), fault.to_string(), fault.help())
            }
        };
        let problem = Problem { code: code.to_owned(), title, help };
        (status, [(header::CONTENT_TYPE, "application/problem+json")], Json(problem)).into_response()
    }
}

/// Turns away what names a host that is not ours, as a page does whose own name was pointed at this machine.
async fn known_host(
    State(hosts): State<Arc<KnownHosts>>,
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> Response {
    let mut named = request.headers().get_all(header::HOST).iter();
    let host = match (named.next(), named.next()) {
        (Some(host), None) => host.to_str().ok(),
        (None, _) => request.uri().host(),
        // Two hosts could be read differently by two readers.
        (Some(_), Some(_)) => None,
    };
    if host.is_some_and(|host| hosts.has(host)) {
        next.run(request).await
    } else {
        Failure::ForeignHost.into_response()
    }
}

/// What holds for every answer, and the check that a changing request is not another site's.
async fn harden(request: axum::extract::Request, next: axum::middleware::Next) -> Response {
    let changes = !matches!(*request.method(), axum::http::Method::GET | axum::http::Method::HEAD);
    if changes && !is_same_site(request.headers()) {
        return Failure::CrossSite.into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, header::HeaderValue::from_static("nosniff"));
    response
}

/// Whether the request's `Origin`, if it names one, is the host that it is sent to.
fn is_same_site(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    origin.is_some() && origin == host
}
