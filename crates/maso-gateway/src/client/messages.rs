//! The native door: signed messages between agents over plain HTTP, below `/v1/messages` (IA-2.3, PG-1.4).

use std::{convert::Infallible, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, Request, State},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
    routing::{delete, post},
};
use maso_core::{AgentName, HopId, Refusal, Refused, ServerName};
use maso_identity::{Addressee, Envelope, MessageError, SignedMessage};
use maso_path::NotTakenBack;
use maso_wire::{Credential, Limits, Parsed, parse};
use serde_json::{Value, json};

use super::http;
use crate::{
    admission::Admission,
    bodies::Unread,
    fleet::{self, Handed, Posted, Taker},
    gateway::Gateway,
    unbroken::Unbroken,
};

pub(super) fn routes() -> Router<Arc<Gateway>> {
    Router::new()
        .route("/v1/messages", post(send).get(listen))
        .route("/v1/messages/{id}", delete(take_back))
        .route("/v1/messages/{id}/ack", post(acknowledge))
        .route("/v1/messages/{id}/reply", post(reply))
}

/// A message that asks another agent for something.
async fn send(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let (visitor, body) = match Visitor::of(gateway, request) {
        Ok(visitor) => visitor,
        Err(response) => return *response,
    };
    let signed = match visitor.signed(body, Addressee::Anyone).await {
        Ok(signed) => signed,
        Err(response) => return *response,
    };
    let Visitor { gateway, credential, .. } = visitor;
    let now = Arc::clone(&gateway);
    // Finished also when the sender is gone: it may be in the mailbox already.
    let work = gateway.drain.keep(async move { now.post_message(signed, credential).await });
    posted(&gateway, Unbroken::new(work).await)
}

/// A message that answers a request which was made of its sender.
async fn reply(State(gateway): State<Arc<Gateway>>, Path(id): Path<String>, request: Request) -> Response {
    let (visitor, body) = match Visitor::of(gateway, request) {
        Ok(visitor) => visitor,
        Err(response) => return *response,
    };
    let known = id.parse::<HopId>().ok().and_then(|id| Some((id, visitor.gateway.fleet.find(id)?)));
    let Some((id, open)) = known else { return unknown() };
    let signed = match visitor.signed(body, Addressee::Agent(&open.from)).await {
        Ok(signed) => signed,
        Err(response) => return *response,
    };
    let Visitor { gateway, credential, .. } = visitor;
    let now = Arc::clone(&gateway);
    let work = gateway.drain.keep(async move { now.post_answer((id, open), signed, credential).await });
    posted(&gateway, Unbroken::new(work).await)
}

/// Who says something of a message that concerns nobody else, and of which.
async fn about(
    gateway: Arc<Gateway>,
    id: &str,
    request: Request,
) -> Result<(Arc<Gateway>, AgentName, HopId), Box<Response>> {
    let (visitor, _) = Visitor::of(gateway, request)?;
    let agent = visitor.identified().await?;
    let id = id.parse().map_err(|_| Box::new(unknown()))?;
    Ok((visitor.gateway, agent, id))
}

/// Says that the sender has what was handed to it.
async fn acknowledge(State(gateway): State<Arc<Gateway>>, Path(id): Path<String>, request: Request) -> Response {
    let (gateway, agent, id) = match about(gateway, &id, request).await {
        Ok(about) => about,
        Err(response) => return *response,
    };
    match gateway.fleet.acknowledge(id, &agent).await {
        Ok(true) => StatusCode::NO_CONTENT.into_response(),
        Ok(false) => unknown(),
        Err(unavailable) => {
            tracing::warn!(%unavailable, "what an agent has may be handed to it again");
            refused(Refusal::Unavailable, None)
        }
    }
}

/// Takes back a request that the sender made.
async fn take_back(State(gateway): State<Arc<Gateway>>, Path(id): Path<String>, request: Request) -> Response {
    let (gateway, agent, id) = match about(gateway, &id, request).await {
        Ok(about) => about,
        Err(response) => return *response,
    };
    match gateway.take_request_back(id, &agent).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(NotTakenBack::Unknown) => unknown(),
        Err(NotTakenBack::Over) => told(StatusCode::CONFLICT, &json!({ "over": "message" })),
        Err(NotTakenBack::Fault) => refused(Refusal::Unavailable, None),
    }
}

/// The stream of what waits for an agent: requests made of it, and answers to its own.
async fn listen(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let (visitor, _) = match Visitor::of(gateway, request) {
        Ok(visitor) => visitor,
        Err(response) => return *response,
    };
    if !http::accepts(&visitor.headers, "text/event-stream") {
        return StatusCode::NOT_ACCEPTABLE.into_response();
    }
    let agent = match visitor.identified().await {
        Ok(agent) => agent,
        Err(response) => return *response,
    };
    let admission = match visitor.gateway.admit(&visitor.credential, None) {
        Ok(admission) => admission,
        Err(refusal) => return refused(refusal, None),
    };
    visitor.gateway.decider.seen(&agent);
    let taker = visitor.gateway.decider.taker(&visitor.credential);
    let listener = Listener { gateway: visitor.gateway, agent, taker, admission, handed: Vec::new() };
    let events = futures::stream::unfold(listener, |mut listener| async move {
        let event = listener.next().await?;
        Some((Ok::<_, Infallible>(event), listener))
    });
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform")),
    ];
    (headers, Body::from_stream(events)).into_response()
}

/// One HTTP request to this door.
pub(super) struct Visitor {
    pub(super) gateway: Arc<Gateway>,
    pub(super) credential: Credential,
    pub(super) headers: HeaderMap,
}

impl Visitor {
    pub(super) fn of(gateway: Arc<Gateway>, request: Request) -> Result<(Self, Body), Box<Response>> {
        let (parts, body) = request.into_parts();
        if !http::host_is_ours(&gateway, &parts.headers, parts.uri.host())
            || !http::origin_is_ours(&gateway, &parts.headers)
        {
            return Err(Box::new(StatusCode::FORBIDDEN.into_response()));
        }
        let credential = http::credential(&gateway, &parts);
        Ok((Self { gateway, credential, headers: parts.headers }, body))
    }

    /// The agent that shows itself, with its proof, which does not count as used: a stolen token without its key takes no place
    /// from its owner. Whoever is outside has no part here.
    pub(super) async fn shown(&self) -> Result<AgentName, Box<Response>> {
        let agent = match self.gateway.decider.shown(&self.credential) {
            Ok(agent) => agent,
            Err(refusal) => {
                self.note_stranger().await;
                return Err(Box::new(refused(refusal, None)));
            }
        };
        match self.gateway.keep_out(&agent, (&self.credential, None), &maso()).await {
            Ok(()) => Ok(agent),
            Err(refusal) => Err(Box::new(refused(refusal, None))),
        }
    }

    /// The JSON in a body, from whoever shows that it is an agent of the deployment, and which.
    pub(super) async fn read(&self, body: Body, bytes_max: usize) -> Result<(AgentName, Parsed), Box<Response>> {
        let (agent, bytes) = self.bytes(body, bytes_max).await?;
        let parsed = parse(&bytes, &Limits::DEFAULT).map_err(|_| Box::new(refused(Refusal::Malformed, None)))?;
        Ok((agent, parsed))
    }

    async fn bytes(&self, body: Body, bytes_max: usize) -> Result<(AgentName, Bytes), Box<Response>> {
        if !http::content_type_is_json(&self.headers) {
            return Err(Box::new(StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response()));
        }
        let agent = self.shown().await?;
        match self.gateway.bodies.read(&agent, body, bytes_max).await {
            Ok(bytes) => Ok((agent, bytes)),
            Err(Unread::TooLarge) => Err(Box::new(StatusCode::PAYLOAD_TOO_LARGE.into_response())),
            Err(Unread::TooSlow) => Err(Box::new(StatusCode::REQUEST_TIMEOUT.into_response())),
        }
    }

    /// The message in the body, taken once.
    async fn signed(&self, body: Body, addressee: Addressee<'_>) -> Result<SignedMessage, Box<Response>> {
        let (_, bytes) = self.bytes(body, ENVELOPE_BYTES_MAX).await?;
        let envelope = std::str::from_utf8(&bytes).ok().and_then(|text| Envelope::read(text).ok());
        let Some(envelope) = envelope else { return Err(Box::new(refused(Refusal::Malformed, None))) };
        match self.gateway.decider.take(&envelope, &self.credential, addressee) {
            Ok(signed) => Ok(signed),
            Err(error) => Err(Box::new(self.not_taken(&error).await)),
        }
    }

    /// Puts a message on the record that is not its sender's, not for its recipient, or not now.
    async fn not_taken(&self, error: &MessageError) -> Response {
        let server = maso();
        if let MessageError::Malformed(_) = error {
            return self.illegible(error).await;
        }
        let Ok(received) = self.gateway.bare_hop(self.credential.clone(), None, &server) else {
            return refused(Refusal::Malformed, None);
        };
        let hop = received.arrival().id;
        // The proof is used up: one proof does not fill the record with refusals.
        if let Err(refusal) = self.gateway.identify(self.credential.clone(), None, &server) {
            return refused(refusal, None);
        }
        let turned_away = Refused::new(received, error.refusal(), error.finding());
        refused(self.gateway.decider.clone().turned_away(turned_away).await, Some(hop))
    }

    /// Puts on the record that an agent signed what is no message, which ends its streams: a program that does so is not
    /// what it was (EC-2.15).
    async fn illegible(&self, error: &MessageError) -> Response {
        let Ok(received) = self.gateway.bare_hop(self.credential.clone(), None, &maso()) else {
            return refused(Refusal::Malformed, None);
        };
        let hop = received.arrival().id;
        let refused_it = Refused::new(received.saying_nothing(), error.refusal(), error.finding());
        let refusal = self.gateway.decider.clone().turned_back(refused_it).await;
        self.gateway.look_at_streams();
        refused(refusal, Some(hop))
    }

    /// Who it is, for what concerns nobody else. Whoever is stopped is told nothing.
    pub(super) async fn identified(&self) -> Result<AgentName, Box<Response>> {
        match self.gateway.identify(self.credential.clone(), None, &maso()) {
            Ok(agent) if self.gateway.decider.is_stopped(&agent) => Err(Box::new(refused(Refusal::Suspended, None))),
            Ok(agent) if self.gateway.decider.deployment().is_outside(&agent) => {
                Err(Box::new(refused(Refusal::OutOfMandate, None)))
            }
            Ok(agent) => Ok(agent),
            Err(refusal) => {
                self.note_stranger().await;
                Err(Box::new(refused(refusal, None)))
            }
        }
    }

    async fn note_stranger(&self) {
        let (gateway, credential) = (Arc::clone(&self.gateway), self.credential.clone());
        // On the record also when the stranger does not wait for it.
        Unbroken::new(async move { gateway.note_stranger(credential, None, &maso()).await }).await;
    }
}

/// Somebody who listens. What it did not acknowledge before it left waits for the next.
struct Listener {
    gateway: Arc<Gateway>,
    agent: AgentName,
    /// Whether it is an instance of the agent, and which.
    taker: Taker,
    /// By what the stream stays open.
    admission: Admission,
    handed: Vec<Handed>,
}

impl Listener {
    /// What comes next on the stream; `None` when nothing more may be told.
    async fn next(&mut self) -> Option<Bytes> {
        // It acknowledges before it gets more: what it holds is bounded.
        self.handed.retain(|one| self.gateway.fleet.is_out(*one));
        let waited = async {
            if self.handed.len() >= HANDED_MAX {
                self.gateway.fleet.acknowledged().await;
                return None;
            }
            self.gateway.free_what_ended(&self.agent);
            self.gateway.fleet.hand(&self.agent, std::future::pending()).await
        };
        let next = tokio::select! {
            biased;
            () = self.admission.ended() => return None,
            next = tokio::time::timeout(http::KEEP_ALIVE, waited) => next.ok().flatten(),
        };
        let Some((handed, told)) = next else { return Some(Bytes::from_static(b":\n\n")) };
        if let Handed::Request(id) = handed {
            self.gateway.fleet.taken(&[id], self.taker);
        }
        self.handed.push(handed);
        // Looked at once more: what came may have come before the next tick.
        if !self.admission.counts() {
            return None;
        }
        let (event, id) = match handed {
            Handed::Request(id) => ("request", id),
            Handed::Answer(id) => ("answer", id),
            Handed::Told(id) => ("told", id),
            Handed::TakenBack(id) => ("taken_back", id),
        };
        Some(Bytes::from(format!("event: {event}\nid: {id}\ndata: {told}\n\n")))
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let (gateway, agent, handed) =
            (Arc::clone(&self.gateway), self.agent.clone(), std::mem::take(&mut self.handed));
        // Nobody waits for it: the next who listens finds it back, here or in another process. Where the process is ending,
        // the bus finds out by itself.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { gateway.fleet.take_back(&agent, &handed).await });
        }
    }
}

/// What a sender is told of its message.
fn posted(gateway: &Gateway, posted: Posted) -> Response {
    match posted {
        Posted::Sent { id, there } => told(StatusCode::CREATED, &json!({ "id": id.to_string(), "there": there })),
        Posted::Answered => told(StatusCode::CREATED, &json!({ "done": true })),
        Posted::Held(ticket) => told(StatusCode::ACCEPTED, &crate::hold::about(&ticket, gateway.decider.now())),
        Posted::Refused { hop, refusal } => refused(refusal, Some(hop)),
    }
}

/// A code, and nothing to probe with.
pub(super) fn refused(refusal: Refusal, hop: Option<HopId>) -> Response {
    let status = match refusal {
        Refusal::Malformed => StatusCode::BAD_REQUEST,
        Refusal::Unauthentic => StatusCode::UNAUTHORIZED,
        Refusal::LimitReached => StatusCode::TOO_MANY_REQUESTS,
        Refusal::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::FORBIDDEN,
    };
    let mut about = json!({ "refused": refusal.as_str() });
    if let Some(hop) = hop {
        about["hop"] = json!(hop.to_string());
    }
    let mut response = told(status, &about);
    if refusal == Refusal::Unauthentic {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("DPoP"));
    }
    response
}

fn unknown() -> Response {
    told(StatusCode::NOT_FOUND, &json!({ "unknown": "message" }))
}

pub(super) fn told(status: StatusCode, value: &Value) -> Response {
    http::json(status, value.to_string())
}

fn maso() -> ServerName {
    fleet::SERVER.parse().expect("it is the name of a server")
}

/// Bytes of one envelope: a message in base64, and a signature.
const ENVELOPE_BYTES_MAX: usize = 512 << 10;
/// What one listener may hold without having acknowledged it.
const HANDED_MAX: usize = 100;
