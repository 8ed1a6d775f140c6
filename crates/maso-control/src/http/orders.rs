//! Orders of operators who signed in.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use maso_api as api;
use maso_core::{AgentName, Digest, TaskId, TicketId, ToolRef};

use super::{By, Failure, reads::ticket_view};
use crate::{Desk, OrderFault, view};

fn named<T: std::str::FromStr>(what: &'static str, name: &str) -> Result<T, OrderFault> {
    name.parse().map_err(|_| OrderFault::Unknown { what, name: name.to_owned() })
}

pub(super) async fn open_task(
    State(desk): State<Arc<Desk>>,
    By(by): By,
    Json(order): Json<api::OpenTask>,
) -> Result<(StatusCode, Json<api::OpenedTask>), Failure> {
    let (task, token) = desk.open_task(&by, &order).await?;
    Ok((StatusCode::CREATED, Json(api::OpenedTask { task: view::task(desk.path().world(), &task), token })))
}

pub(super) async fn clarify(
    State(desk): State<Arc<Desk>>,
    By(by): By,
    Path(task): Path<String>,
    Json(order): Json<api::Clarify>,
) -> Result<StatusCode, Failure> {
    desk.clarify(&by, named::<TaskId>("open task", &task)?, &order).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn promote(
    State(desk): State<Arc<Desk>>,
    By(by): By,
    Path(task): Path<String>,
    Json(order): Json<api::Promote>,
) -> Result<StatusCode, Failure> {
    desk.promote(&by, named::<TaskId>("open task", &task)?, &order).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn close_task(
    State(desk): State<Arc<Desk>>,
    By(by): By,
    Path(task): Path<String>,
    Json(order): Json<api::CloseTask>,
) -> Result<StatusCode, Failure> {
    desk.close_task(&by, named::<TaskId>("open task", &task)?, &order.reason).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn assess_task(
    State(desk): State<Arc<Desk>>,
    By(by): By,
    Path(task): Path<String>,
    Json(order): Json<api::AssessTask>,
) -> Result<StatusCode, Failure> {
    desk.assess_task(&by, named::<TaskId>("task", &task)?, &order).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn answer_ticket(
    State(desk): State<Arc<Desk>>,
    By(by): By,
    Path(ticket): Path<String>,
    Json(answer): Json<api::AnswerTicket>,
) -> Result<Json<api::TicketView>, Failure> {
    let id = named::<TicketId>("ticket", &ticket)?;
    desk.answer_ticket(&by, id, &answer).await?;
    let state = desk.path().world().tickets().find(id);
    let state = state.ok_or(OrderFault::Unknown { what: "ticket", name: ticket })?;
    Ok(Json(ticket_view(&desk, &state)))
}

pub(super) async fn approve_tool(
    State(desk): State<Arc<Desk>>,
    By(by): By,
    Json(order): Json<api::ApproveTool>,
) -> Result<StatusCode, Failure> {
    let tool = named::<ToolRef>("tool", &order.tool)?;
    let digest =
        Digest::parse(&order.digest).ok_or_else(|| OrderFault::Bad(format!("`{}` is not a digest", order.digest)))?;
    desk.approve_tool(&by, &tool, digest).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn issue_token(
    State(desk): State<Arc<Desk>>,
    By(by): By,
    Path(agent): Path<String>,
    Json(order): Json<api::IssueToken>,
) -> Result<(StatusCode, Json<api::IssuedToken>), Failure> {
    let issued = desk.issue_agent_token(&by, &named::<AgentName>("agent", &agent)?, &order).await?;
    Ok((StatusCode::CREATED, Json(issued)))
}

pub(super) async fn revoke(
    State(desk): State<Arc<Desk>>,
    By(by): By,
    Json(order): Json<api::Revoke>,
) -> Result<StatusCode, Failure> {
    desk.revoke(&by, &order).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Checks the whole record now. Anyone who may look may ask for it; one check runs at a time.
pub(super) async fn verify(State(desk): State<Arc<Desk>>, _: By) -> Result<Json<api::VerificationView>, Failure> {
    Ok(Json(desk.verify().await?))
}

pub(super) async fn move_phase(
    State(desk): State<Arc<Desk>>,
    By(by): By,
    Json(order): Json<api::MovePhase>,
) -> Result<Json<api::PostureView>, Failure> {
    desk.move_phase(&by, &order).await?;
    Ok(Json(view::posture(desk.path().world(), desk.path().clock().now())))
}

pub(super) async fn kill(
    State(desk): State<Arc<Desk>>,
    By(by): By,
    Json(order): Json<api::Kill>,
) -> Result<Json<api::PostureView>, Failure> {
    desk.kill(&by, &order).await?;
    Ok(Json(view::posture(desk.path().world(), desk.path().clock().now())))
}

pub(super) async fn erase_payloads(
    State(desk): State<Arc<Desk>>,
    By(by): By,
    Json(order): Json<api::ErasePayloads>,
) -> Result<Json<api::ErasedPayloads>, Failure> {
    Ok(Json(desk.erase_payloads(&by, &order).await?))
}
