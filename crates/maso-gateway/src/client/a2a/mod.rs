//! The door for agents over A2A: `/a2a/{agent}` takes its JSON-RPC, and below it lies the agent's card.
//!
//! A message asks for a request that a grant names; it travels as any request does, and lies in the same mailbox. To whoever
//! sent it, it is a task, whose id is that of its hop (decision 24).

mod cards;
mod following;
mod push;
mod sending;
mod tasks;

pub(crate) use tasks::Tasks;

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header::WWW_AUTHENTICATE},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use maso_core::{AgentName, Finding, HopId, Refusal, Refused, ServerName, Word};
use maso_wire::{
    Arrival, Credential, Received, UnverifiedToken,
    a2a::{self, Asked, Code, Method, WhichTask, WhichTasks},
    mcp::{self, Frame, Id},
};
use serde_json::{Value, json};

use self::{sending::Sent, tasks::Page};
use super::http;
use crate::{bodies::Unread, fleet, gateway::Gateway, unbroken::Unbroken};

pub(super) fn routes() -> Router<Arc<Gateway>> {
    Router::new()
        .route("/a2a/{agent}", post(ask))
        .route("/a2a/{agent}/.well-known/agent-card.json", get(cards::card))
        .route("/.well-known/jwks.json", get(cards::keys))
}

/// One HTTP request to this door.
struct Visitor {
    gateway: Arc<Gateway>,
    /// Who is asked.
    to: AgentName,
    /// Who asks, by a token and a proof that do not count as used yet.
    from: AgentName,
    credential: Credential,
    task: Option<UnverifiedToken>,
    /// The request that is answered.
    id: Id,
}

/// Why a request is answered with an error.
#[derive(Debug)]
enum Fault {
    /// The sender is nobody.
    Unauthentic,
    /// Anything else: a code, and what the client is told.
    Told(Code, String),
}

impl Fault {
    fn refused(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unauthentic => Self::Unauthentic,
            refusal => Self::Told(Code::Refused, format!("maso refused this: {refusal}")),
        }
    }

    fn unknown_task() -> Self {
        Self::Told(Code::TaskNotFound, "there is no such task".to_owned())
    }
}

impl From<(Code, String)> for Fault {
    fn from((code, told): (Code, String)) -> Self {
        Self::Told(code, told)
    }
}

async fn ask(State(gateway): State<Arc<Gateway>>, Path(to): Path<String>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if !http::host_is_ours(&gateway, &parts.headers, parts.uri.host())
        || !http::origin_is_ours(&gateway, &parts.headers)
    {
        return StatusCode::FORBIDDEN.into_response();
    }
    let Ok(to) = to.parse::<AgentName>() else { return StatusCode::NOT_FOUND.into_response() };
    if !http::content_type_is_json(&parts.headers) {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    let credential = http::credential(&gateway, &parts);
    let task = http::header(&parts.headers, "maso-task").map(UnverifiedToken::new);
    // With its proof: a stolen token without its key takes no place from its owner.
    let from = match gateway.decider.shown(&credential) {
        Ok(from) => from,
        Err(_) => {
            // On the record also when the stranger does not wait for it.
            Unbroken::new(async move { gateway.note_stranger(credential, task, &maso()).await }).await;
            return answered(None, Err(Fault::Unauthentic));
        }
    };
    let request = match read(&gateway, &from, body).await {
        Ok(request) => request,
        Err(response) => return *response,
    };
    let visitor = Visitor { gateway, to, from, credential, task, id: request.id.clone() };
    visitor.answer(&parts.headers, request).await
}

async fn read(gateway: &Gateway, from: &AgentName, body: Body) -> Result<mcp::Request, Box<Response>> {
    let limits = gateway.decider.deployment().settings.limits;
    let bytes = match gateway.bodies.read(from, body, limits.frame_bytes_max).await {
        Ok(bytes) => bytes,
        Err(Unread::TooLarge) => return Err(Box::new(StatusCode::PAYLOAD_TOO_LARGE.into_response())),
        Err(Unread::TooSlow) => return Err(Box::new(StatusCode::REQUEST_TIMEOUT.into_response())),
    };
    let wrong = |id: Option<&Id>, code: Code, why: String| Box::new(answered(id, Err(Fault::Told(code, why))));
    match Frame::parse(&bytes, &limits) {
        Ok(Frame::Request(request)) => Ok(request),
        Ok(_) => Err(wrong(None, Code::InvalidRequest, "a request with an id is wanted".to_owned())),
        Err(fault) if fault.code == mcp::Code::Parse => Err(wrong(None, Code::Parse, fault.reason)),
        Err(fault) => Err(wrong(fault.id.as_ref(), Code::InvalidRequest, fault.reason)),
    }
}

impl Visitor {
    async fn answer(self, headers: &HeaderMap, request: mcp::Request) -> Response {
        let id = self.id.clone();
        let version = http::header(headers, a2a::VERSION_HEADER);
        if !a2a::speaks(version) {
            let told = format!("version {} is spoken", a2a::VERSION);
            return answered(Some(&id), Err(Fault::Told(Code::VersionNotSupported, told)));
        }
        let Some(method) = Method::parse(&request.method) else {
            return answered(Some(&id), Err(Fault::Told(Code::MethodNotFound, "no such method".to_owned())));
        };
        let asked = match Asked::read(method, request.params_value()) {
            Ok(asked) => asked,
            Err(fault) => return answered(Some(&id), Err(fault.into())),
        };
        let streams = matches!(asked, Asked::SendAndFollow(_) | Asked::Follow(_));
        if streams && !http::accepts(headers, "text/event-stream") {
            return StatusCode::NOT_ACCEPTABLE.into_response();
        }
        let told = match asked {
            Asked::SendAndFollow(send) => match self.send(&request, *send).await {
                Ok(Sent { id }) => return self.follow(id),
                Err(fault) => Err(fault),
            },
            Asked::Follow(which) => match self.own(&which) {
                Ok((task, _, standing)) if standing.state.is_final() => {
                    Err(Fault::Told(Code::UnsupportedOperation, format!("the task is over ({task})")))
                }
                Ok((task, ..)) => return self.follow(task),
                Err(fault) => Err(fault),
            },
            Asked::Send(send) => self.send_and_wait(&request, *send).await,
            Asked::Task(which) => self.task(&which),
            Asked::Tasks(wanted) => self.tasks(&wanted),
            Asked::Cancel(which) => self.cancel(&which),
            Asked::CallBack(which, target) => self.call_back(&which, target),
            Asked::Callback(which) => self.callback(which),
            Asked::Callbacks(which) => self.callbacks(&which),
            Asked::NoCallback(which) => self.no_callback(which),
            Asked::Card => self.identified().map(|()| cards::of(&self.gateway, &self.to, Some(&self.from))),
        };
        answered(Some(&id), told)
    }

    fn task(&self, which: &WhichTask) -> Result<Value, Fault> {
        let (id, known, standing) = self.own(which)?;
        Ok(standing.told(&id.to_string(), &known).write())
    }

    fn cancel(&self, which: &WhichTask) -> Result<Value, Fault> {
        let (id, ..) = self.own(which)?;
        if !self.gateway.a2a_tasks.cancel(id, &self.gateway.fleet) {
            return Err(Fault::Told(Code::TaskNotCancelable, "somebody works on it, or it is over".to_owned()));
        }
        self.gateway.fleet.stir();
        let (known, standing) = self.gateway.a2a_standing(id, &self.from, &self.to).ok_or_else(Fault::unknown_task)?;
        Ok(standing.told(&id.to_string(), &known).write())
    }

    fn tasks(&self, wanted: &WhichTasks) -> Result<Value, Fault> {
        self.identified()?;
        let Page { tasks, n_all, has_more } =
            self.gateway.a2a_tasks.list((&self.from, &self.to), wanted, &self.gateway.fleet);
        let next = tasks.last().filter(|_| has_more).map(|(id, ..)| id.to_string());
        let tasks: Vec<Value> = tasks
            .iter()
            .map(|(id, known, standing)| {
                let id = id.to_string();
                let told = standing.told(&id, known);
                a2a::Task { result: told.result.filter(|_| wanted.with_artifacts), ..told }.write()
            })
            .collect();
        Ok(json!({
            "tasks": tasks,
            "nextPageToken": next.unwrap_or_default(),
            "pageSize": wanted.n_max.get(),
            "totalSize": n_all,
        }))
    }

    /// One of the client's own tasks with this agent. Uses the proof up.
    fn own(&self, task: &WhichTask) -> Result<(HopId, tasks::Known, tasks::Standing), Fault> {
        self.identified()?;
        let id = task.0.parse::<HopId>().map_err(|_| Fault::unknown_task())?;
        let (known, standing) = self.gateway.a2a_standing(id, &self.from, &self.to).ok_or_else(Fault::unknown_task)?;
        Ok((id, known, standing))
    }

    /// Uses the proof up. Whoever is stopped is told nothing.
    fn identified(&self) -> Result<(), Fault> {
        let identified = self.gateway.identify(self.credential.clone(), None, &maso());
        match identified {
            Ok(agent) if agent != self.from => Err(Fault::Unauthentic),
            Ok(agent) if self.gateway.decider.is_stopped(&agent) => Err(Fault::refused(Refusal::Suspended)),
            Ok(agent) => {
                self.gateway.decider.seen(&agent);
                Ok(())
            }
            Err(_) => {
                let (gateway, credential) = (Arc::clone(&self.gateway), self.credential.clone());
                tokio::spawn(
                    self.gateway.drain.keep(async move { gateway.note_stranger(credential, None, &maso()).await }),
                );
                Err(Fault::Unauthentic)
            }
        }
    }

    fn arrival(&self) -> Arrival {
        Arrival {
            id: self.gateway.decider.hop_id(),
            at: self.gateway.decider.now(),
            credential: self.credential.clone(),
            task: self.task.clone(),
            to: maso_core::Principal::Agent(self.to.clone()),
        }
    }

    /// Puts on the record what goes no further than this door.
    async fn turn_away(&self, received: Received, refusal: Refusal, control: &'static str, reason: String) -> Fault {
        // The proof is used up: one proof does not fill the record with refusals.
        if let Err(fault) = self.identified() {
            return fault;
        }
        let decider = Arc::clone(&self.gateway.decider);
        let refused = Refused::new(received, refusal, Finding::new(control, Word::NoGo, reason));
        Fault::refused(decider.turned_away(refused).await)
    }
}

/// The answer to a request.
fn answered(id: Option<&Id>, told: Result<Value, Fault>) -> Response {
    let (status, body) = match told {
        Ok(result) => (StatusCode::OK, result_frame(id, &result)),
        Err(Fault::Unauthentic) => {
            let told = Refusal::Unauthentic.as_str();
            (StatusCode::UNAUTHORIZED, error_frame(id, Code::Refused, told))
        }
        Err(Fault::Told(code, told)) => (StatusCode::OK, error_frame(id, code, &told)),
    };
    let mut response = http::json(status, body.to_string());
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("DPoP"));
    }
    response
}

fn result_frame(id: Option<&Id>, result: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "result": result })
}

fn error_frame(id: Option<&Id>, code: Code, told: &str) -> Value {
    let mut error = json!({ "code": code.number(), "message": told });
    if let Some(reason) = code.reason() {
        error["data"] = json!([{
            "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "a2a-protocol.org",
        }]);
    }
    json!({ "jsonrpc": "2.0", "id": id, "error": error })
}

/// Whose hop it is that goes no further than to maso.
fn maso() -> ServerName {
    fleet::SERVER.parse().expect("it is the name of a server")
}
