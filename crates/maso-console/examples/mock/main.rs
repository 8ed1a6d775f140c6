//! The console over canned answers: a claims insurer's afternoon, for working on the console without a deployment.
//!
//! `cargo run -p maso-console --example mock -- [observe] [alternate|contingency|emergency] [empty|many]`

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "an example that is run by hand")]

mod claims;
mod crowd;
mod desk;
mod map;
mod tasks;

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response, Sse, sse},
    routing::{get, post},
};
use desk::Desk;
use futures::{Stream, StreamExt as _};
use maso_api::{
    AnswerTicket, ApproveTool, AssessTask, Clarify, Event, Kill, MovePhase, Problem, Promote, Session, SignIn,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_stream::wrappers::BroadcastStream;

const COOKIE: &str = "maso_session=mock";
const LINK: &str = "canned";
const HOP_EVERY: Duration = Duration::from_millis(1_600);

#[tokio::main]
async fn main() {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let desk = Arc::new(Desk::new(&words));
    let is_crowd = words.iter().any(|word| word == "many");
    let api = Router::new()
        .route("/api/v1/session", post(sign_in).get(session).delete(sign_out))
        .route("/api/v1/status", get(async |State(desk): State<Arc<Desk>>| Json(desk.status())))
        .route("/api/v1/hops", get(async |State(desk): State<Arc<Desk>>| Json(desk.hops())))
        .route("/api/v1/hops/{hop}", get(about))
        .route("/api/v1/records/about/{what}", get(records_about))
        .route("/api/v1/tickets", get(async |State(desk): State<Arc<Desk>>| Json(desk.tickets())))
        .route("/api/v1/tickets/{ticket}", post(answer))
        .route("/api/v1/agents", get(async |State(desk): State<Arc<Desk>>| Json(desk.agents())))
        .route("/api/v1/map", get(async |State(desk): State<Arc<Desk>>| Json(desk.map())))
        .route("/api/v1/map/hops", get(latest_hops))
        .route("/api/v1/tools/waiting", get(async |State(desk): State<Arc<Desk>>| Json(desk.waiting_tools())))
        .route("/api/v1/tools/approved", post(approve_tool))
        .route("/api/v1/posture", get(async |State(desk): State<Arc<Desk>>| Json(desk.posture())).post(move_phase))
        .route("/api/v1/kill", post(kill))
        .route("/api/v1/records", get(records))
        .route("/api/v1/verification", get(async || Json(Value::Null)).post(verify))
        .route("/api/v1/events", get(events))
        .route("/v1/tasks", get(async |State(desk): State<Arc<Desk>>| Json(desk.tasks())))
        .route("/api/v1/clarifications", get(async |State(desk): State<Arc<Desk>>| Json(desk.clarifications())))
        .route("/v1/tasks/{task}/clarifications", post(clarify))
        .route("/api/v1/assumptions", get(async |State(desk): State<Arc<Desk>>| Json(desk.assumptions())))
        .route("/v1/tasks/{task}/assumptions", post(promote))
        .route("/api/v1/evaluations", get(async |State(desk): State<Arc<Desk>>| Json(desk.evaluations())))
        .route("/v1/tasks/{task}/assessments", post(assess))
        .layer(axum::middleware::from_fn(guard))
        .with_state(Arc::clone(&desk));
    let app = api.merge(maso_console::router(is_signed_in));
    let port = std::env::var("PORT").unwrap_or_else(|_| "7070".to_owned());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await.unwrap();
    println!("http://127.0.0.1:{port}/console/sign-in#link={LINK}");
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(if is_crowd { HOP_EVERY / 12 } else { HOP_EVERY }).await;
            desk.happen();
        }
    });
    axum::serve(listener, app).await.unwrap();
}

fn is_signed_in(headers: &HeaderMap) -> bool {
    let cookie = headers.get(header::COOKIE).and_then(|cookie| cookie.to_str().ok()).unwrap_or_default();
    cookie.split(';').any(|pair| pair.trim() == COOKIE)
}

/// As the real API: nothing for anyone who is signed out, nothing changed from another site.
async fn guard(request: axum::extract::Request, next: axum::middleware::Next) -> Response {
    match refusal(&request) {
        Some(response) => response,
        None => next.run(request).await,
    }
}

fn refusal(request: &axum::extract::Request) -> Option<Response> {
    let of = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let origin = of(header::ORIGIN).map(|origin| origin.split_once("://").map_or(origin, |(_, host)| host));
    if request.method() != axum::http::Method::GET && origin.is_some() && origin != of(header::HOST) {
        return Some(problem(StatusCode::FORBIDDEN, "CROSS_SITE", "the request came from another site", None));
    }
    let is_entrance = request.uri().path() == "/api/v1/session" && request.method() == axum::http::Method::POST;
    let may_pass = is_entrance || is_signed_in(request.headers());
    (!may_pass).then(|| problem(StatusCode::UNAUTHORIZED, "SIGNED_OUT", "nobody is signed in", None))
}

fn problem(status: StatusCode, code: &str, title: &str, help: Option<&str>) -> Response {
    let problem = Problem { code: code.to_owned(), title: title.to_owned(), help: help.map(str::to_owned) };
    (status, Json(problem)).into_response()
}

async fn sign_in(headers: HeaderMap, Json(wanted): Json<SignIn>) -> Response {
    let is_right = match wanted {
        SignIn::Passphrase { passphrase, .. } => passphrase == "correct horse",
        SignIn::Link { token } => token == LINK,
    };
    if !is_right || !headers.contains_key(header::ORIGIN) {
        return problem(StatusCode::UNAUTHORIZED, "NOT_SIGNED_IN", "that did not sign anyone in", None);
    }
    let cookie = format!("{COOKIE}; HttpOnly; SameSite=Strict; Path=/");
    ([(header::SET_COOKIE, cookie)], session().await).into_response()
}

async fn session() -> Json<Session> {
    Json(Session {
        operator: "claims-supervisor".to_owned(),
        roles: ["operator", "supervisor", "incident-commander"].map(str::to_owned).to_vec(),
        expires_at: desk::now_ms() + 8 * 3_600_000,
        token: None,
    })
}

async fn sign_out() -> Response {
    let gone = "maso_session=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0";
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, gone)]).into_response()
}

async fn about(State(desk): State<Arc<Desk>>, Path(hop): Path<String>) -> Json<Vec<Value>> {
    Json(desk.about(&hop))
}

async fn records_about(State(desk): State<Arc<Desk>>, Path(what): Path<String>) -> Json<Value> {
    Json(json!({ "records": desk.about(&what), "next": null }))
}

async fn answer(
    State(desk): State<Arc<Desk>>,
    Path(ticket): Path<String>,
    Json(answer): Json<AnswerTicket>,
) -> Response {
    match desk.answer(&ticket, &answer) {
        Ok(ticket) => Json(ticket).into_response(),
        Err(title) => problem(StatusCode::CONFLICT, "CHANGED", title, Some("look at it again, then decide")),
    }
}

async fn clarify(State(desk): State<Arc<Desk>>, Path(task): Path<String>, Json(order): Json<Clarify>) -> Response {
    match desk.clarify(&task, &order) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(title) => problem(StatusCode::CONFLICT, "TOO_LATE", title, None),
    }
}

async fn promote(State(desk): State<Arc<Desk>>, Path(task): Path<String>, Json(order): Json<Promote>) -> Response {
    match desk.promote(&task, &order) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(title) => problem(StatusCode::CONFLICT, "TOO_LATE", title, None),
    }
}

async fn assess(State(desk): State<Arc<Desk>>, Path(task): Path<String>, Json(order): Json<AssessTask>) -> Response {
    match desk.assess(&task, &order) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(title) => problem(StatusCode::UNPROCESSABLE_ENTITY, "BAD_ORDER", title, None),
    }
}

async fn approve_tool(State(desk): State<Arc<Desk>>, Json(order): Json<ApproveTool>) -> StatusCode {
    desk.approve_tool(&order);
    StatusCode::NO_CONTENT
}

async fn move_phase(State(desk): State<Arc<Desk>>, Json(order): Json<MovePhase>) -> Response {
    let is_reviewed = order.review.as_ref().is_none_or(|review| review.root_cause_documented && review.gap_closed);
    if !is_reviewed {
        let help = Some("document the root cause and close the gap first");
        return problem(StatusCode::FORBIDDEN, "NOT_ALLOWED", "the emergency review is not complete", help);
    }
    Json(desk.move_phase(&order.scope, &order.to, &order.reason)).into_response()
}

async fn kill(State(desk): State<Arc<Desk>>, Json(order): Json<Kill>) -> Response {
    Json(desk.move_phase(&order.scope, "emergency", &order.reason)).into_response()
}

async fn verify(State(desk): State<Arc<Desk>>) -> Json<maso_api::VerificationView> {
    Json(desk.verify())
}

/// An edge, or somebody.
#[derive(Deserialize)]
struct Place {
    from: Option<String>,
    to: Option<String>,
    of: Option<String>,
}

async fn latest_hops(State(desk): State<Arc<Desk>>, Query(place): Query<Place>) -> Json<Vec<maso_api::HopView>> {
    let is_there = |(from, to): (String, String)| match &place.of {
        Some(party) => *party == from || *party == to,
        None => place.from == Some(from) && place.to == Some(to),
    };
    let hops = desk.hops().into_iter().rev().filter(|hop| is_there(map::ends(hop)));
    Json(hops.take(10).collect())
}

#[derive(Deserialize)]
struct Page {
    from: Option<u64>,
    limit: Option<usize>,
}

async fn records(State(desk): State<Arc<Desk>>, Query(page): Query<Page>) -> Json<Vec<Value>> {
    Json(desk.records(page.from, page.limit.unwrap_or(200)))
}

async fn events(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
) -> Sse<impl Stream<Item = Result<sse::Event, Infallible>>> {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).and_then(|id| id.parse().ok());
    let (missed, live) = desk.since(last);
    let live = BroadcastStream::new(live).filter_map(async |event| event.ok());
    let events = futures::stream::iter(missed).chain(live).map(|(id, event): (u64, Event)| {
        Ok(sse::Event::default().id(id.to_string()).data(serde_json::to_string(&event).unwrap()))
    });
    Sse::new(events).keep_alive(sse::KeepAlive::default())
}
