//! What is shown to operators who signed in.

use std::{fmt::Write as _, sync::Arc};

use axum::{
    Json,
    extract::{Path, Query, State},
    http::StatusCode,
    response::IntoResponse,
};
use maso_api as api;
use maso_core::{Digest, Phase, Scope, TicketId};
use maso_path::{Answer, TicketState};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{By, Failure};
use crate::{Desk, OrderFault, view};

/// How many entries one answer may hold.
const PAGE_MAX: usize = 1_000;

pub(super) async fn status(State(desk): State<Arc<Desk>>, _: By) -> Result<Json<api::Status>, Failure> {
    let path = desk.path();
    let world = path.world();
    let deployment = world.deployment();
    let last = path.recorder().last_sequence();
    let head = path.recorder().reader().record(last)?.map_or_else(String::new, |record| record.hash.to_string());
    Ok(Json(api::Status {
        deployment: deployment.name.clone(),
        digest: deployment.digest.to_string(),
        signers: deployment.approval.signers().iter().map(ToString::to_string).collect(),
        trust_domain: deployment.trust_domain.to_string(),
        tier: deployment.tier.number(),
        mode: world.mode().to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        phase: world.standing().phase_of(&Scope::Deployment).to_string(),
        n_records: last,
        head,
        n_open_tickets: world.tickets().all().iter().filter(|ticket| ticket.answer == Answer::Open).count(),
        n_waiting_tools: world.pins().waiting().len(),
        n_open_questions: view::n_open_questions(world),
    }))
}

/// A page of the record.
#[derive(Deserialize)]
pub(super) struct Page {
    /// The first sequence that is wanted; the latest ones where absent.
    from: Option<u64>,
    /// How many.
    limit: Option<usize>,
}

pub(super) async fn hops(
    State(desk): State<Arc<Desk>>,
    _: By,
    Query(page): Query<Page>,
) -> Result<Json<Vec<api::HopView>>, Failure> {
    let limit = page.limit.unwrap_or(200).min(PAGE_MAX);
    let recorder = desk.path().recorder();
    let last = recorder.last_sequence();
    // Hops are about half of what is recorded: their answers, releases and tickets are the rest.
    let from = page.from.unwrap_or_else(|| last.saturating_sub(4 * limit as u64)).max(1);
    let records = recorder.reader().records(from, last, PAGE_MAX * 4)?;
    let hops: Vec<_> = records.iter().filter_map(view::hop).collect();
    let skipped = if page.from.is_some() { 0 } else { hops.len().saturating_sub(limit) };
    Ok(Json(hops.into_iter().skip(skipped).take(limit).collect()))
}

/// Everything on the record about one hop.
pub(super) async fn hop(State(desk): State<Arc<Desk>>, _: By, Path(hop): Path<String>) -> Result<Json<Value>, Failure> {
    let records = desk.path().recorder().reader().about(&hop, PAGE_MAX)?;
    if records.is_empty() {
        return Err(OrderFault::Unknown { what: "hop", name: hop }.into());
    }
    Ok(Json(records.iter().map(record).collect()))
}

pub(super) async fn tickets(State(desk): State<Arc<Desk>>, _: By) -> Json<Vec<api::TicketView>> {
    let tickets = desk.path().world().tickets().all();
    Json(tickets.iter().take(PAGE_MAX).map(|state| ticket_view(&desk, state)).collect())
}

pub(super) async fn ticket(
    State(desk): State<Arc<Desk>>,
    _: By,
    Path(ticket): Path<String>,
) -> Result<Json<api::TicketView>, Failure> {
    let state = ticket.parse::<TicketId>().ok().and_then(|id| desk.path().world().tickets().find(id));
    let state = state.ok_or(OrderFault::Unknown { what: "ticket", name: ticket })?;
    Ok(Json(ticket_view(&desk, &state)))
}

/// A held action with its exact parameters.
pub(super) fn ticket_view(desk: &Desk, state: &TicketState) -> api::TicketView {
    let payload = state.decided.payload.as_deref().and_then(Digest::parse).and_then(|digest| {
        // A payload that cannot be read is shown as absent: the person then sees that there is nothing to approve.
        desk.path().recorder().reader().payload(digest).ok().flatten()
    });
    view::ticket(desk.path().world(), state, payload)
}

pub(super) async fn agents(State(desk): State<Arc<Desk>>, _: By) -> Json<Vec<api::AgentView>> {
    Json(view::agents(desk.path().world(), desk.path().clock().now()))
}

pub(super) async fn tasks(State(desk): State<Arc<Desk>>, _: By) -> Json<Vec<api::TaskView>> {
    let world = desk.path().world();
    Json(world.tasks().all_open().iter().map(|task| view::task(world, task)).collect())
}

/// The questions about what is meant, and their answers.
pub(super) async fn clarifications(State(desk): State<Arc<Desk>>, _: By) -> Json<Vec<api::ClarificationView>> {
    Json(view::clarifications(desk.path()))
}

/// What agents assume, and for whom it holds.
pub(super) async fn assumptions(State(desk): State<Arc<Desk>>, _: By) -> Json<Vec<api::AssumptionView>> {
    Json(view::assumptions(desk.path()))
}

pub(super) async fn posture(State(desk): State<Arc<Desk>>, _: By) -> Json<api::PostureView> {
    Json(view::posture(desk.path().world(), desk.path().clock().now()))
}

pub(super) async fn waiting_tools(State(desk): State<Arc<Desk>>, _: By) -> Json<Vec<api::WaitingTool>> {
    let waiting = desk.path().world().pins().waiting();
    Json(waiting.iter().filter_map(|(tool, pin)| view::waiting_tool(tool, pin, &pin.findings)).collect())
}

pub(super) async fn records(
    State(desk): State<Arc<Desk>>,
    _: By,
    Query(page): Query<Page>,
) -> Result<Json<Value>, Failure> {
    let limit = page.limit.unwrap_or(200).min(PAGE_MAX);
    let recorder = desk.path().recorder();
    let last = recorder.last_sequence();
    let from = page.from.unwrap_or_else(|| (last + 1).saturating_sub(limit as u64)).max(1);
    let records = recorder.reader().records(from, last, limit)?;
    Ok(Json(records.iter().map(record).collect()))
}

/// How each agent's part in a task was done so far.
pub(super) async fn evaluation(
    State(desk): State<Arc<Desk>>,
    _: By,
    Path(task): Path<String>,
) -> Result<Json<Vec<api::EvaluationView>>, Failure> {
    let id = task.parse().map_err(|_| OrderFault::Unknown { what: "task", name: task })?;
    Ok(Json(desk.path().evaluation(id).await?.iter().map(view::evaluation).collect()))
}

/// How the latest tasks were done, the latest first.
pub(super) async fn evaluations(
    State(desk): State<Arc<Desk>>,
    _: By,
) -> Result<Json<Vec<api::EvaluationView>>, Failure> {
    // What each was to do is read from the record; nobody else waits for that.
    let found = tokio::task::spawn_blocking(move || view::evaluations(desk.path())).await;
    Ok(Json(found.map_err(|_| OrderFault::NotRead)??))
}

/// What is on the record about a hop, a ticket, a task or an agent, and from where on there is more.
pub(super) async fn records_about(
    State(desk): State<Arc<Desk>>,
    _: By,
    Path(what): Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, Failure> {
    let limit = page.limit.unwrap_or(200).clamp(1, PAGE_MAX);
    let reader = desk.path().recorder().reader().clone();
    let from = page.from.unwrap_or(1);
    // It may read far; nobody else waits for that.
    let found = tokio::task::spawn_blocking(move || reader.page(&what, from, limit)).await;
    let page = found.map_err(|_| OrderFault::NotRead)??;
    Ok(Json(json!({ "records": page.records.iter().map(record).collect::<Vec<_>>(), "next": page.next })))
}

fn record(record: &maso_log::Record) -> Value {
    json!({
        "sequence": record.sequence,
        "at": record.at.as_millis(),
        "hash": record.hash.to_string(),
        "previous": record.previous.to_string(),
        "body": record.body,
    })
}

/// What a hop sent, by the digest that its record names.
pub(super) async fn payload(
    State(desk): State<Arc<Desk>>,
    _: By,
    Path(digest): Path<String>,
) -> Result<Json<Value>, Failure> {
    let unknown = || OrderFault::Unknown { what: "payload", name: digest.clone() };
    let wanted = Digest::parse(&digest).ok_or_else(unknown)?;
    let payload = desk.path().recorder().reader().payload(wanted)?;
    Ok(Json(payload.ok_or_else(unknown)?))
}

/// What came of the latest check of the record; `null` before the first.
pub(super) async fn verification(State(desk): State<Arc<Desk>>, _: By) -> Json<Option<api::VerificationView>> {
    Json(desk.verification())
}

/// Ready to decide: the recorder runs and the deployment is not stopped.
pub(super) async fn ready(State(desk): State<Arc<Desk>>) -> impl IntoResponse {
    let path = desk.path();
    let stopped = path.world().standing().phase_of(&Scope::Deployment) == Phase::Emergency;
    match (path.recorder().is_running(), stopped) {
        (true, false) => (StatusCode::OK, "ready"),
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, "the flight recorder has stopped"),
        (true, true) => (StatusCode::SERVICE_UNAVAILABLE, "stopped: Emergency"),
    }
}

/// Gauges in the Prometheus text format. They tell nobody what agents do, but they are for operators all the same.
pub(super) async fn metrics(State(desk): State<Arc<Desk>>, _: By) -> impl IntoResponse {
    let path = desk.path();
    let world = path.world();
    let mut text = String::new();
    let mut gauge = |name: &str, help: &str, labels: &str, value: u64| {
        let known = text.contains(&format!("# TYPE {name} "));
        if !known {
            writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge").expect("a string takes any text");
        }
        writeln!(text, "{name}{labels} {value}").expect("a string takes any text");
    };
    gauge("maso_records", "Records in the flight record.", "", path.recorder().last_sequence());
    let open = world.tickets().all().iter().filter(|ticket| ticket.answer == Answer::Open).count();
    gauge("maso_tickets_open", "Held actions that wait for a person.", "", open as u64);
    gauge("maso_tools_waiting", "Tool definitions that wait for a person.", "", world.pins().waiting().len() as u64);
    gauge("maso_tasks_open", "Open tasks.", "", world.tasks().all_open().len() as u64);
    let summary = world.standing().summary(path.clock().now());
    for scope in &summary.scopes {
        let labels = format!("{{scope=\"{}\"}}", scope.scope);
        gauge("maso_pace_phase", "0 primary, 1 alternate, 2 contingency, 3 emergency.", &labels, scope.phase as u64);
    }
    for agent in &summary.agents {
        let labels = format!("{{agent=\"{}\"}}", agent.agent);
        gauge("maso_agent_calls_in_hour", "Calls in the last hour.", &labels, u64::from(agent.n_calls_in_hour));
        gauge(
            "maso_agent_guardrail_blocks",
            "Guardrail blocks in the breaker's window.",
            &labels,
            u64::from(agent.n_guardrail_blocks),
        );
        if let Some(context) = world.fullest_context(&agent.agent, path.clock().now()) {
            let help = "How full the fullest of its contexts is, as far as maso sees.";
            gauge("maso_agent_context_percent", help, &labels, context.terms.percent(context.used));
        }
    }
    ([(axum::http::header::CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}
