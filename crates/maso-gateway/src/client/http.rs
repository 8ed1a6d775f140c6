//! The door for clients over streamable HTTP: `/mcp/{server}`, with sessions for older revisions, without for newer.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{ConnectInfo, Path, Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method as HttpMethod, StatusCode,
        header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, ORIGIN, WWW_AUTHENTICATE},
        request::Parts,
    },
    response::{IntoResponse, Response},
    routing::any,
};
use maso_core::{Refusal, ServerName};
use maso_wire::{
    Credential, PeerCertificates, UnverifiedToken,
    mcp::{self, Code, Frame, Id, Method, Mirrored, Reply, Revision, meta},
};

use crate::{
    admission::Admission,
    bodies::Unread,
    calls::Call,
    client::{
        Ends, Session, a2a, assumptions, instances, messages,
        session::{GENERAL, Listening},
        stdio::stateless_era,
    },
    gateway::Gateway,
    outlet::Outlet,
    proxy::{Asked, TurnedAway},
    unbroken::Unbroken,
};

/// The routes of the doors for agents, for [`crate::serve`]: without the peer's address no bearer token counts as coming from this
/// machine.
pub fn router(gateway: Arc<Gateway>) -> Router {
    Router::new()
        .route("/mcp/{server}", any(door))
        .merge(messages::routes())
        .merge(instances::routes())
        .merge(assumptions::routes())
        .merge(a2a::routes())
        .with_state(gateway)
}

async fn door(State(gateway): State<Arc<Gateway>>, Path(server): Path<String>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if !host_is_ours(&gateway, &parts.headers, parts.uri.host()) || !origin_is_ours(&gateway, &parts.headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let Ok(server) = server.parse::<ServerName>() else { return StatusCode::NOT_FOUND.into_response() };
    let visitor = Visitor {
        credential: credential(&gateway, &parts),
        task: header(&parts.headers, "maso-task").map(UnverifiedToken::new),
        server,
        headers: parts.headers,
        gateway,
    };
    match parts.method {
        HttpMethod::POST => visitor.post(body).await,
        HttpMethod::GET => visitor.get(),
        HttpMethod::DELETE => visitor.delete(),
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

/// One HTTP request.
struct Visitor {
    gateway: Arc<Gateway>,
    server: ServerName,
    credential: Credential,
    task: Option<UnverifiedToken>,
    headers: HeaderMap,
}

impl Visitor {
    async fn post(self, body: Body) -> Response {
        if !content_type_is_json(&self.headers) {
            return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
        }
        if !accepts(&self.headers, "application/json") || !accepts(&self.headers, "text/event-stream") {
            return StatusCode::NOT_ACCEPTABLE.into_response();
        }
        let limits = self.gateway.decider.deployment().settings.limits;
        // With its proof: a stolen token without its key takes no place from its owner.
        let agent = match self.gateway.decider.shown(&self.credential) {
            Ok(agent) => agent,
            Err(refusal) => {
                let Self { gateway, credential, task, server, .. } = self;
                // On the record also when the stranger does not wait for it.
                Unbroken::new(async move { gateway.note_stranger(credential, task, &server).await }).await;
                return turned_away(None, refusal);
            }
        };
        if let Err(refusal) = self.gateway.keep_out(&agent, (&self.credential, self.task.as_ref()), &self.server).await
        {
            return match refusal {
                Refusal::Unauthentic => turned_away(None, refusal),
                refusal => error(StatusCode::FORBIDDEN, None, Code::Refused, refusal.as_str()),
            };
        }
        let bytes = match self.gateway.bodies.read(&agent, body, limits.frame_bytes_max).await {
            Ok(bytes) => bytes,
            Err(Unread::TooLarge) => {
                return error(StatusCode::PAYLOAD_TOO_LARGE, None, Code::InvalidRequest, "frame too large");
            }
            Err(Unread::TooSlow) => return StatusCode::REQUEST_TIMEOUT.into_response(),
        };
        match Frame::parse(&bytes, &limits) {
            Err(fault) => error(StatusCode::BAD_REQUEST, fault.id.as_ref(), fault.code, &fault.reason),
            Ok(Frame::Request(request)) => self.request(request).await,
            Ok(Frame::Notification(told)) => {
                if self.is_stateless() {
                    // The stateless revision has nothing that a client could tell this way.
                    return match self.identified() {
                        Ok(_) => StatusCode::ACCEPTED.into_response(),
                        Err(refusal) => turned_away(None, refusal),
                    };
                }
                match self.own_session() {
                    Ok(session) => {
                        self.gateway.client_told(&session, &told).await;
                        StatusCode::ACCEPTED.into_response()
                    }
                    Err(response) => *response,
                }
            }
            Ok(Frame::Response(response)) => match self.session() {
                // The answer travels as a hop, which identifies its sender.
                Ok(session) => {
                    let Self { gateway, credential, .. } = self;
                    // A server waits for it, whether or not the client waits until it has it.
                    Unbroken::new(async move { gateway.client_answered(credential, &session, response).await }).await;
                    StatusCode::ACCEPTED.into_response()
                }
                Err(response) => *response,
            },
        }
    }

    async fn request(self, request: mcp::Request) -> Response {
        let id = request.id.clone();
        if self.is_stateless() || request.meta(meta::PROTOCOL_VERSION).is_some() {
            return self.stateless(request).await;
        }
        if request.method == Method::Initialize.as_str() {
            let requested = request.params_value().get("protocolVersion").and_then(|version| version.as_str());
            let revision = Revision::for_handshake(requested.unwrap_or_default());
            let session = Session::new(self.server.clone(), revision, Arc::new(Outlet::new()));
            let gateway = Arc::clone(&self.gateway);
            let Served { mut response, error: failed } =
                self.serve(request, revision, Some(Arc::clone(&session))).await;
            // Nobody owns a session whose beginning was refused, or failed.
            if response.status().is_success() && failed.is_none() && session.agent().is_some() {
                if !gateway.sessions.begin(&session, &gateway.decider.deployment().settings.open) {
                    return error(StatusCode::SERVICE_UNAVAILABLE, Some(&id), Code::Internal, "too many sessions");
                }
                let value = HeaderValue::from_str(&session.id).expect("a session id is hexadecimal");
                response.headers_mut().insert(SESSION_ID.clone(), value);
            }
            return response;
        }
        let session = match self.session() {
            Ok(session) => session,
            Err(response) => return *response,
        };
        if !session.inflight().admits(&id) {
            let why = "the id is in use, or too many requests are";
            return error(StatusCode::BAD_REQUEST, Some(&id), Code::InvalidRequest, why);
        }
        let revision = session.revision;
        self.serve(request, revision, Some(session)).await.response
    }

    async fn stateless(self, request: mcp::Request) -> Response {
        let id = request.id.clone();
        let Some(version) = request.meta(meta::PROTOCOL_VERSION) else {
            return error(StatusCode::BAD_REQUEST, Some(&id), Code::InvalidParams, "`_meta` names no protocol version");
        };
        let mirrored = Mirrored {
            version: header(&self.headers, "mcp-protocol-version"),
            method: header(&self.headers, "mcp-method"),
            name: header(&self.headers, "mcp-name"),
        };
        if let Err(mismatch) = mirrored.agree_with(&request) {
            return error(StatusCode::BAD_REQUEST, Some(&id), Code::HeaderMismatch, &mismatch.to_string());
        }
        let shown = |name: &str| header(&self.headers, name);
        if let Err(mismatch) = self.gateway.parameters_agree(&self.credential, &self.server, &request, shown) {
            return error(StatusCode::BAD_REQUEST, Some(&id), Code::HeaderMismatch, &mismatch.to_string());
        }
        match stateless_era(&request, version) {
            Ok(revision) => self.serve(request, revision, None).await.response,
            Err(reply) => json(StatusCode::BAD_REQUEST, mcp::response(Some(&id), &reply)),
        }
    }

    /// Serves a request: with JSON if its answer is all there is, with a stream of events if something comes before it.
    async fn serve(self, request: mcp::Request, revision: Revision, session: Option<Arc<Session>>) -> Served {
        let Self { gateway, server, credential, task, .. } = self;
        let id = request.id.clone();
        let listens = request.method == Method::SubscriptionsListen.as_str();
        // Whether a session begins must be known before the first byte of the response.
        let begins = request.method == Method::Initialize.as_str();
        let (stream, outlet) = match &session {
            Some(session) => {
                let (number, outlet) = session.stream();
                (Some(number), outlet)
            }
            None => (None, Arc::new(Outlet::new())),
        };
        let asked = Arc::new(Asked::new(credential, task, revision, server, session.clone(), request));
        let (call, serving) = gateway.serve(&asked, Arc::clone(&outlet));
        if let Some(session) = &session {
            // Two requests with one id at the same moment: both are served, and only one of them can be cancelled.
            session.inflight().begin(&call);
            stream.into_iter().for_each(|number| session.answers_on(number, &call));
        }
        let attending = Attending { gateway: Arc::clone(&gateway), call: Arc::clone(&call), done: false };
        // Finished also when the client is gone: what has begun is kept for when it comes back.
        let mut replied = {
            let (gateway, outlet, call) = (Arc::clone(&gateway), Arc::clone(&outlet), Arc::clone(&call));
            let ends = if listens { Ends::WithError } else { Ends::WithReply };
            Unbroken::new(async move { tokio::join!(serving, gateway.put_reply(&call, &outlet, ends)).1 })
        };
        let mut code = None;
        let first = tokio::select! {
            biased;
            replied = &mut replied => {
                code = replied;
                outlet.next(0).await
            }
            first = outlet.next(0), if !begins => first,
        };
        let Some((number, frame)) = first else {
            // Taken back before there was anything to say.
            return Served { response: StatusCode::ACCEPTED.into_response(), error: code };
        };
        if outlet.is_all(number) {
            let mut attending = attending;
            attending.deliver();
            let response = match asked.turned_away() {
                Some(TurnedAway::Unauthentic) => turned_away(Some(&id), Refusal::Unauthentic),
                Some(TurnedAway::NotItsSession) => no_session(Some(&id)),
                None => json(status(revision, code), frame),
            };
            return Served { response, error: code };
        }
        let attending = Some(attending);
        let response =
            events(Streaming { outlet, from: 0, stream, attending, resumed: None, admission: None, _listening: None });
        Served { response, error: code }
    }

    /// The stream of what belongs to no request, or the rest of one that broke off.
    fn get(self) -> Response {
        if self.is_stateless() {
            return StatusCode::METHOD_NOT_ALLOWED.into_response();
        }
        if !accepts(&self.headers, "text/event-stream") {
            return StatusCode::NOT_ACCEPTABLE.into_response();
        }
        let session = match self.own_session() {
            Ok(session) => session,
            Err(response) => return *response,
        };
        let admission = match self.gateway.admit(&self.credential, self.task.as_ref()) {
            Ok(admission) => Some(admission),
            Err(Refusal::Unauthentic) => return turned_away(None, Refusal::Unauthentic),
            Err(refusal) => return error(StatusCode::FORBIDDEN, None, Code::Refused, refusal.as_str()),
        };
        let last = header(&self.headers, "last-event-id").map(event_number);
        let (stream, from) = match last {
            None => (GENERAL, None),
            Some(Some((stream, number))) => (stream, Some(number + 1)),
            Some(None) => return StatusCode::BAD_REQUEST.into_response(),
        };
        let Some((outlet, call)) = session.find_stream(stream) else { return StatusCode::NOT_FOUND.into_response() };
        let listening = match stream {
            GENERAL => match session.listen() {
                Some(listening) => Some(listening),
                None => return StatusCode::CONFLICT.into_response(),
            },
            _ => None,
        };
        let from = from.unwrap_or_else(|| outlet.first_untaken());
        let resumed = call.map(|call| (self.gateway, call));
        let stream = Some(stream);
        events(Streaming { outlet, from, stream, attending: None, resumed, admission, _listening: listening })
    }

    fn delete(self) -> Response {
        if self.is_stateless() {
            return StatusCode::METHOD_NOT_ALLOWED.into_response();
        }
        match self.own_session() {
            Ok(session) => {
                self.gateway.sessions.end(&session.id);
                StatusCode::OK.into_response()
            }
            Err(response) => *response,
        }
    }

    fn is_stateless(&self) -> bool {
        header(&self.headers, "mcp-protocol-version").and_then(Revision::parse).is_some_and(Revision::is_stateless)
    }

    fn identified(&self) -> Result<maso_core::AgentName, Refusal> {
        self.gateway.identify(self.credential.clone(), self.task.clone(), &self.server)
    }

    /// The session that the request names; whose it is has not been looked at.
    fn session(&self) -> Result<Arc<Session>, Box<Response>> {
        let Some(id) = header(&self.headers, SESSION_ID.as_str()) else {
            if self.credential == Credential::Absent {
                return Err(Box::new(turned_away(None, Refusal::Unauthentic)));
            }
            let missing = "the header Mcp-Session-Id is missing";
            return Err(Box::new(error(StatusCode::BAD_REQUEST, None, Code::InvalidRequest, missing)));
        };
        let Some(session) = self.gateway.sessions.find(id, &self.server) else {
            return Err(Box::new(no_session(None)));
        };
        match header(&self.headers, "mcp-protocol-version") {
            Some(version) if version != session.revision.as_str() => {
                let wrong = "MCP-Protocol-Version is not the session's";
                Err(Box::new(error(StatusCode::BAD_REQUEST, None, Code::InvalidRequest, wrong)))
            }
            _ => Ok(session),
        }
    }

    /// The session that the request names, if it is the sender's own.
    fn own_session(&self) -> Result<Arc<Session>, Box<Response>> {
        let agent = self.identified().map_err(|refusal| Box::new(turned_away(None, refusal)))?;
        let session = self.session()?;
        if session.is_of(&agent) { Ok(session) } else { Err(Box::new(no_session(None))) }
    }
}

/// How a request was served.
struct Served {
    response: Response,
    /// The code of its error, if it came to one before the response began.
    error: Option<i64>,
}

/// Someone waits for the answer of a call. When that ends before the answer was given, the answer is kept.
struct Attending {
    gateway: Arc<Gateway>,
    call: Arc<Call>,
    done: bool,
}

impl Attending {
    fn deliver(&mut self) {
        self.done = true;
        self.gateway.calls.delivered(&self.call);
    }
}

impl Drop for Attending {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        self.call.abandon();
        if self.call.revision.is_stateless()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            // A stateless client that hangs up takes its request back.
            let call = Arc::clone(&self.call);
            runtime.spawn(async move { call.cancel().await });
        }
    }
}

struct Streaming {
    outlet: Arc<Outlet>,
    from: u64,
    stream: Option<u64>,
    attending: Option<Attending>,
    /// The call whose broken stream is read to its end here.
    resumed: Option<(Arc<Gateway>, Arc<Call>)>,
    /// By what it stays open, where it is not the answer to a request that was decided.
    admission: Option<Admission>,
    _listening: Option<Listening>,
}

/// What comes next on a stream.
enum Next {
    Frame(u64, Bytes),
    /// Nothing, for so long that a sign of life is due.
    Silence,
    /// Nothing more: all of it was taken.
    End,
    /// Nothing more may be told.
    Closed,
}

impl Streaming {
    async fn next(&self) -> Next {
        let waited = async {
            match tokio::time::timeout(KEEP_ALIVE, self.outlet.next(self.from)).await {
                Err(_) => Next::Silence,
                Ok(Some((number, frame))) => Next::Frame(number, frame),
                Ok(None) => Next::End,
            }
        };
        let Some(admission) = &self.admission else { return waited.await };
        tokio::select! {
            biased;
            () = admission.ended() => Next::Closed,
            // Looked at once more: what comes may have come before the next tick.
            next = waited => if admission.counts() { next } else { Next::Closed },
        }
    }
}

/// A response that is a stream of the frames from a number on. Streams of a session have event ids.
fn events(state: Streaming) -> Response {
    let chunks = futures::stream::unfold(state, |mut state| async move {
        match state.next().await {
            Next::Silence => Some((Ok::<_, std::convert::Infallible>(Bytes::from_static(b":\n\n")), state)),
            Next::Frame(number, frame) => {
                state.from = number + 1;
                let mut event = String::from("event: message\n");
                if let Some(stream) = state.stream {
                    event.push_str(&format!("id: {stream}-{number}\n"));
                }
                let mut event = event.into_bytes();
                event.extend_from_slice(b"data: ");
                event.extend_from_slice(&frame);
                event.extend_from_slice(b"\n\n");
                Some((Ok(Bytes::from(event)), state))
            }
            Next::Closed => None,
            Next::End => {
                if let Some(attending) = &mut state.attending {
                    attending.deliver();
                }
                if let Some((gateway, call)) = &state.resumed
                    && call.was_answered()
                {
                    gateway.calls.delivered(call);
                }
                None
            }
        }
    });
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform")),
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    (headers, Body::from_stream(chunks)).into_response()
}

/// What whoever sent this request shows: the certificate of its connection, if it has one, and what its headers say beside it.
pub(super) fn credential(gateway: &Gateway, parts: &Parts) -> Credential {
    let loopback = parts
        .extensions
        .get::<ConnectInfo<SocketAddr>>()
        .is_some_and(|ConnectInfo(peer)| peer.ip().to_canonical().is_loopback());
    let url = gateway.doors.address(&parts.extensions, parts.uri.path());
    let said = in_headers(&parts.headers, &parts.method, url, loopback);
    match parts.extensions.get::<PeerCertificates>() {
        None => said,
        Some(certificates) => {
            // A header that cannot be read was meant to say something: it is not passed over.
            let beside = parts.headers.contains_key(AUTHORIZATION).then(|| Box::new(said));
            Credential::Certificate { certificates: certificates.clone(), beside }
        }
    }
}

fn in_headers(headers: &HeaderMap, method: &HttpMethod, url: String, loopback: bool) -> Credential {
    // Two values could be read differently by two readers.
    let Some(authorization) = header(headers, AUTHORIZATION.as_str()) else { return Credential::Absent };
    let Some((scheme, token)) = authorization.split_once(' ') else { return Credential::Absent };
    let token = UnverifiedToken::new(token.trim());
    if scheme.eq_ignore_ascii_case("dpop") {
        let Some(proof) = header(headers, "dpop") else { return Credential::Absent };
        return Credential::Bound {
            token,
            proof: UnverifiedToken::new(proof),
            method: method.as_str().to_owned(),
            url,
        };
    }
    if scheme.eq_ignore_ascii_case("bearer") { Credential::Bearer { token, loopback } } else { Credential::Absent }
}

/// The value of a header that is there exactly once.
pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

pub(super) fn host_is_ours(gateway: &Gateway, headers: &HeaderMap, authority: Option<&str>) -> bool {
    header(headers, HOST.as_str()).or(authority).is_some_and(|host| gateway.doors.hosts.has(host))
}

pub(super) fn origin_is_ours(gateway: &Gateway, headers: &HeaderMap) -> bool {
    !headers.contains_key(ORIGIN)
        || header(headers, ORIGIN.as_str()).is_some_and(|origin| gateway.doors.hosts.has_origin(origin))
}

pub(super) fn content_type_is_json(headers: &HeaderMap) -> bool {
    content_type_is(headers, &["application/json"])
}

pub(super) fn content_type_is(headers: &HeaderMap, kinds: &[&str]) -> bool {
    header(headers, CONTENT_TYPE.as_str()).is_some_and(|value| {
        let kind = value.split(';').next().unwrap_or_default().trim();
        kinds.iter().any(|wanted| kind.eq_ignore_ascii_case(wanted))
    })
}

pub(super) fn accepts(headers: &HeaderMap, kind: &str) -> bool {
    let family = kind.split('/').next().unwrap_or_default();
    headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(
        |range| {
            let range = range.split(';').next().unwrap_or_default().trim();
            range.eq_ignore_ascii_case(kind)
                || range == "*/*"
                || range.strip_suffix("/*").is_some_and(|of| of == family)
        },
    )
}

/// Stream and number of an event id of ours.
fn event_number(id: &str) -> Option<(u64, u64)> {
    let (stream, number) = id.split_once('-')?;
    let number: u64 = number.parse().ok()?;
    (number < u64::MAX).then_some((stream.parse().ok()?, number))
}

/// The status that goes with an error's code; older revisions answer all frames alike.
fn status(revision: Revision, code: Option<i64>) -> StatusCode {
    if !revision.is_stateless() {
        return StatusCode::OK;
    }
    match code {
        Some(code) if code == Code::MethodNotFound.number() => StatusCode::NOT_FOUND,
        Some(-32022..=-32020) => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    }
}

fn turned_away(id: Option<&Id>, refusal: Refusal) -> Response {
    let reply = mcp::error(Code::Refused, refusal.as_str(), None);
    let mut response = json(StatusCode::UNAUTHORIZED, mcp::response(id, &reply));
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("DPoP"));
    response
}

fn no_session(id: Option<&Id>) -> Response {
    error(StatusCode::NOT_FOUND, id, Code::InvalidRequest, "session not found")
}

fn error(status: StatusCode, id: Option<&Id>, code: Code, message: &str) -> Response {
    let reply: Reply = mcp::error(code, message, None);
    json(status, mcp::response(id, &reply))
}

pub(super) fn json(status: StatusCode, body: impl Into<Bytes>) -> Response {
    let body: Bytes = body.into();
    (status, [(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}

static SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(15);
