//! One connection to one server: numbering requests, finding the answers, hearing what was not asked for.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::http::{HeaderName, HeaderValue};
use maso_core::ServerName;
use maso_intent::Settings;
use maso_wire::{
    Limits, Parsed,
    mcp::{self, Code, Frame, Id, Members, Method, Notification, Reply, Request, Response, Revision},
};
use parking_lot::Mutex;
use serde_json::{json, value::RawValue};
use tokio::sync::{mpsc, oneshot};

use crate::{
    places::Place,
    upstream::{
        Met,
        http::{Came, Endpoint},
    },
};

/// Hears what a server says unasked.
#[async_trait]
pub(crate) trait Hears: Send + Sync {
    /// A notification. Heard one after the other, in order with the answers.
    async fn notification(&self, told: Notification);
    /// The server asks the client something. Answers by [`Leg::answer`].
    fn asked(&self, leg: Arc<Leg>, request: Request);
    /// The connection ended.
    fn ended(&self);
}

/// Why a server could not be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LegFault {
    /// It never left this side.
    #[error("the server was not reached: {0}")]
    NotSent(String),
    /// It was sent, and nobody knows what became of it.
    #[error("the server did not answer: {0}")]
    Broken(String),
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) reply: Reply,
    /// The whole frame, strictly parsed.
    pub(crate) frame: Parsed,
}

/// What goes beside a frame, where frames go over HTTP.
pub(super) type Headers = Vec<(HeaderName, HeaderValue)>;

/// What comes in.
#[derive(Debug)]
pub(crate) enum Inbound {
    /// The bytes of a frame.
    Frame(Vec<u8>),
    /// The answer to this request cannot come any more.
    Failed { id: i64, fault: String },
    /// Nothing can come any more.
    Closed(String),
}

/// The way out.
pub(crate) enum Link {
    /// Lines to a child process.
    Pipe(mpsc::Sender<Vec<u8>>),
    /// POSTs to an endpoint.
    Http(Arc<Endpoint>),
}

/// One connection to one server.
pub(crate) struct Leg {
    server: ServerName,
    link: Link,
    limits: Limits,
    wait_ms: u64,
    next_id: AtomicI64,
    pending: Mutex<HashMap<i64, oneshot::Sender<Result<Answer, LegFault>>>>,
    open: AtomicBool,
    met: OnceLock<Met>,
    /// Input schemas of the tools whose arguments are mirrored in headers.
    schemas: Mutex<HashMap<String, serde_json::Value>>,
    _place: Option<Place>,
}

impl fmt::Debug for Leg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leg").field("server", &self.server).field("open", &self.is_open()).finish_non_exhaustive()
    }
}

impl Leg {
    /// Begins to listen. The revision is not settled yet.
    pub(super) fn begin(
        server: ServerName,
        link: Link,
        inbox: mpsc::Receiver<Inbound>,
        settings: &Settings,
        hears: Arc<dyn Hears>,
        place: Option<Place>,
    ) -> Arc<Self> {
        let leg = Arc::new(Self {
            server,
            link,
            limits: settings.limits,
            wait_ms: settings.server_wait_ms,
            next_id: AtomicI64::new(1),
            pending: Mutex::new(HashMap::new()),
            open: AtomicBool::new(true),
            met: OnceLock::new(),
            schemas: Mutex::new(HashMap::new()),
            _place: place,
        });
        // Weak: a connection that nobody uses any more must end, and with it its listener.
        tokio::spawn(listen(Arc::downgrade(&leg), inbox, hears));
        leg
    }

    pub(crate) fn server(&self) -> &ServerName {
        &self.server
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// What the server said when it was met.
    pub(crate) fn met(&self) -> &Met {
        self.met.get().expect("a connection is given out only after its revision was settled")
    }

    pub(super) fn settle(&self, met: Met) {
        if let Link::Http(endpoint) = &self.link {
            endpoint.settle(met.revision);
        }
        // Set once: only `negotiate` calls this, once, before the connection is given out.
        self.met.get_or_init(|| met);
    }

    pub(super) async fn initialized(&self, revision: Revision) -> Result<(), LegFault> {
        if let Link::Http(endpoint) = &self.link {
            endpoint.settle(revision);
        }
        self.send(mcp::notification(Method::Initialized.as_str(), &Members::new()), Headers::new()).await
    }

    /// An id for a request that is about to be made; it serves as its progress token as well.
    pub(crate) fn fresh_id(&self) -> i64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Remembers the input schema of a tool, if some of its arguments are repeated in headers.
    pub(crate) fn learn_schema(&self, tool: &str, schema: &serde_json::Value) {
        let mut schemas = self.schemas.lock();
        if !mcp::has_mirrored_parameters(schema) {
            schemas.remove(tool);
        } else if schemas.len() < SCHEMAS_MAX {
            schemas.insert(tool.to_owned(), schema.clone());
        }
    }

    /// Asks, and waits for the answer as long as the deployment allows. Dropping the future forgets the answer. `arguments`
    /// are a tool's.
    pub(crate) async fn ask(
        &self,
        id: i64,
        method: Method,
        params: &Members,
        arguments: Option<&RawValue>,
    ) -> Result<Answer, LegFault> {
        let headers = if self.met().revision.is_stateless() {
            self.mirroring_headers(method, params, arguments)
        } else {
            Headers::new()
        };
        let params = params.to_raw();
        let asked = self.send_with_id(id, method.as_str(), &params, headers);
        match tokio::time::timeout(Duration::from_millis(self.wait_ms), asked).await {
            Ok(answered) => answered,
            Err(_) => {
                self.cancel(id).await;
                Err(LegFault::Broken(format!("nothing came within {} ms", self.wait_ms)))
            }
        }
    }

    /// The headers that say what the body of a stateless request says, for those who only look at headers.
    fn mirroring_headers(&self, method: Method, params: &Members, arguments: Option<&RawValue>) -> Headers {
        let mut headers = super::negotiate::stateless_headers(method);
        let name = mcp::mirrored_name(method.as_str()).and_then(|key| params.named(key));
        let Some(name) = name.and_then(|raw| serde_json::from_str::<String>(raw.get()).ok()) else { return headers };
        let mut mirror = |header: HeaderName, value: String| {
            // What no header can hold was encoded; a server that misses one says so.
            headers.extend(HeaderValue::try_from(value).ok().map(|value| (header, value)));
        };
        mirror(MCP_NAME, mcp::encode_header_value(&name));
        if let Some(schema) = self.schemas.lock().get(&name) {
            let arguments: serde_json::Value =
                arguments.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
            // A tool whose annotations cannot be followed is not shown to anybody.
            for (name, value) in mcp::parameter_headers(schema, &arguments).unwrap_or_default() {
                if let Ok(header) = HeaderName::try_from(format!("mcp-param-{name}")) {
                    mirror(header, value);
                }
            }
        }
        headers
    }

    pub(super) async fn send_raw(&self, method: &str, params: &RawValue, headers: Headers) -> Result<Answer, LegFault> {
        self.send_with_id(self.fresh_id(), method, params, headers).await
    }

    async fn send_with_id(
        &self,
        id: i64,
        method: &str,
        params: &RawValue,
        headers: Headers,
    ) -> Result<Answer, LegFault> {
        let (done, mut answered) = oneshot::channel();
        {
            let mut pending = self.pending.lock();
            if pending.len() >= PENDING_MAX {
                return Err(LegFault::NotSent(format!("{PENDING_MAX} requests are waiting already")));
            }
            pending.insert(id, done);
        }
        let _forgets = Forgets { leg: self, id };
        let frame = mcp::request(&Id::Number(id), method, params);
        match &self.link {
            Link::Pipe(_) => self.send(frame, headers).await?,
            Link::Http(_) if !self.is_open() => return Err(connection_ended()),
            // An endpoint answers on the connection on which it was asked, so whoever asks reads it there. Taken back or
            // given up, the request is dropped, which is how a stateless server learns of it.
            Link::Http(endpoint) => tokio::select! {
                biased;
                answered = &mut answered => return answered.unwrap_or_else(|_| Err(broken_off())),
                come = self.exchange(endpoint, id, frame, headers) => match come {
                    Ok(None) => {}
                    Ok(Some(answer)) => return Ok(answer),
                    Err(fault) => return Err(fault),
                },
            },
        }
        answered.await.unwrap_or_else(|_| Err(broken_off()))
    }

    /// Sends a request to an endpoint and reads what it says: the answer, or `None` when the inbox has it.
    async fn exchange(
        &self,
        endpoint: &Endpoint,
        id: i64,
        frame: Vec<u8>,
        headers: Headers,
    ) -> Result<Option<Answer>, LegFault> {
        let broken = |why: String| Err(LegFault::Broken(why));
        match endpoint.exchange(frame, headers).await {
            Came::Whole(body) => match Frame::parse(&body, &self.limits) {
                Ok(Frame::Response(Response { id: Some(Id::Number(of)), reply, parsed })) if of == id => {
                    Ok(Some(Answer { reply, frame: parsed }))
                }
                Ok(_) => broken("the server answered something else".to_owned()),
                Err(fault) => broken(fault.reason),
            },
            Came::Stream(answer) => endpoint.drain(*answer, Some(id)).await.map_or(Ok(None), broken),
            Came::Nothing(status) => broken(format!("the server answered {status}")),
            Came::Forgotten => {
                endpoint.forgotten().await;
                Ok(None)
            }
            Came::Fault(fault) => Err(fault),
        }
    }

    /// Opens a stream of notifications. What comes out in the end is its end: by the server's word, by a fault, or because
    /// it was cancelled.
    pub(crate) async fn begin_listening(
        &self,
        id: i64,
        params: &Members,
    ) -> Result<oneshot::Receiver<Result<Answer, LegFault>>, LegFault> {
        let (done, ended) = oneshot::channel();
        {
            let mut pending = self.pending.lock();
            if pending.len() >= PENDING_MAX {
                return Err(LegFault::NotSent(format!("{PENDING_MAX} requests are waiting already")));
            }
            pending.insert(id, done);
        }
        let method = Method::SubscriptionsListen;
        let frame = mcp::request(&Id::Number(id), method.as_str(), &params.to_raw());
        let headers = super::negotiate::stateless_headers(method);
        let sent = match &self.link {
            Link::Pipe(_) => self.send(frame, headers).await,
            Link::Http(endpoint) if self.is_open() => {
                endpoint.ask_in_background(id, frame, headers);
                Ok(())
            }
            Link::Http(_) => Err(connection_ended()),
        };
        if let Err(fault) = sent {
            self.pending.lock().remove(&id);
            return Err(fault);
        }
        Ok(ended)
    }

    /// Tells the server something.
    pub(crate) async fn tell(&self, method: Method, params: &Members) -> Result<(), LegFault> {
        self.send(mcp::notification(method.as_str(), params), Headers::new()).await
    }

    /// Tells the server that the answer to a request is no longer wanted.
    pub(crate) async fn cancel(&self, id: i64) {
        let mut params = Members::new();
        if let Some(waiting) = self.pending.lock().remove(&id) {
            waiting.send(Err(LegFault::Broken("the client took it back".to_owned()))).ok();
        }
        if let (Link::Http(endpoint), true) =
            (&self.link, self.met.get().is_some_and(|met| met.revision.is_stateless()))
        {
            // Such a server learns of it by the end of the exchange, and of nothing else.
            endpoint.hang_up(id);
            return;
        }
        params.set_value("requestId", &id);
        params.set_value("reason", &"cancelled");
        if let Err(fault) = self.tell(Method::Cancelled, &params).await {
            tracing::debug!(server = %self.server, %fault, "a cancellation could not be told");
        }
    }

    /// Answers what the server asked.
    pub(crate) async fn answer(&self, id: &Id, reply: &Reply) -> Result<(), LegFault> {
        self.send(mcp::response(Some(id), reply), Headers::new()).await
    }

    async fn send(&self, frame: Vec<u8>, headers: Headers) -> Result<(), LegFault> {
        if !self.is_open() {
            return Err(connection_ended());
        }
        match &self.link {
            Link::Pipe(lines) => {
                let sent = tokio::time::timeout(SEND_WAIT, lines.send(frame)).await;
                if !matches!(sent, Ok(Ok(()))) {
                    return Err(LegFault::NotSent("the server takes nothing".to_owned()));
                }
            }
            Link::Http(endpoint) => endpoint.tell(frame, headers),
        }
        Ok(())
    }

    /// Ends the connection; whoever waits is told.
    fn end(&self, reason: &str) {
        self.open.store(false, Ordering::Release);
        for (_, waiting) in self.pending.lock().drain() {
            // Whoever no longer waits does not need to know.
            waiting.send(Err(LegFault::Broken(reason.to_owned()))).ok();
        }
    }
}

impl Drop for Leg {
    fn drop(&mut self) {
        if let Link::Http(endpoint) = &self.link {
            endpoint.end();
        }
    }
}

struct Forgets<'a> {
    leg: &'a Leg,
    id: i64,
}

impl Drop for Forgets<'_> {
    fn drop(&mut self) {
        self.leg.pending.lock().remove(&self.id);
    }
}

async fn listen(leg: Weak<Leg>, mut inbox: mpsc::Receiver<Inbound>, hears: Arc<dyn Hears>) {
    let reason = loop {
        let Some(inbound) = next(&leg, &mut inbox).await else { break "the connection ended".to_owned() };
        let Some(leg) = leg.upgrade() else { return };
        match inbound {
            Inbound::Closed(reason) => break reason,
            Inbound::Failed { id, fault } => {
                if let Some(waiting) = leg.pending.lock().remove(&id) {
                    waiting.send(Err(LegFault::Broken(fault))).ok();
                }
            }
            Inbound::Frame(bytes) => match Frame::parse(&bytes, &leg.limits) {
                Ok(Frame::Response(response)) => answered(&leg, response),
                Ok(Frame::Notification(told)) => hears.notification(told).await,
                Ok(Frame::Request(request)) if request.method == Method::Ping.as_str() => {
                    let empty = Reply::Result(Members::new().to_raw());
                    leg.answer(&request.id, &empty).await.ok();
                }
                Ok(Frame::Request(request)) => hears.asked(Arc::clone(&leg), request),
                Err(fault) if matches!(leg.link, Link::Pipe(_)) && fault.id.is_none() && !looks_like_json(&bytes) => {
                    // Servers that print to the wrong pipe are common; what is not JSON was never a frame.
                    tracing::debug!(server = %leg.server, "a tool server wrote a line that is no frame");
                }
                Err(fault) => match fault.id {
                    Some(Id::Number(id)) => {
                        if let Some(waiting) = leg.pending.lock().remove(&id) {
                            waiting.send(Err(LegFault::Broken(fault.reason))).ok();
                        }
                    }
                    _ => break format!("a frame that cannot be read: {}", fault.reason),
                },
            },
        }
    };
    if let Some(leg) = leg.upgrade() {
        tracing::debug!(server = %leg.server, reason, "the connection to a tool server ended");
        leg.end(&reason);
    }
    hears.ended();
}

/// The next thing that comes in, as long as somebody uses the connection.
async fn next(leg: &Weak<Leg>, inbox: &mut mpsc::Receiver<Inbound>) -> Option<Inbound> {
    loop {
        match tokio::time::timeout(LOOK_UP, inbox.recv()).await {
            Ok(inbound) => return inbound,
            Err(_) => match &leg.upgrade()?.link {
                Link::Http(endpoint) => endpoint.tidy(),
                Link::Pipe(_) => {}
            },
        }
    }
}

fn answered(leg: &Leg, response: Response) {
    let Some(Id::Number(id)) = response.id else { return };
    if let Some(waiting) = leg.pending.lock().remove(&id) {
        waiting.send(Ok(Answer { reply: response.reply, frame: response.parsed })).ok();
    }
}

fn connection_ended() -> LegFault {
    LegFault::NotSent("the connection ended".to_owned())
}

fn broken_off() -> LegFault {
    LegFault::Broken("the connection ended".to_owned())
}

fn looks_like_json(bytes: &[u8]) -> bool {
    matches!(bytes.iter().find(|byte| !byte.is_ascii_whitespace()), Some(b'{' | b'['))
}

/// The reply to a server whose question is not passed on.
pub(crate) fn not_passed_on() -> Reply {
    mcp::error(Code::MethodNotFound, "not available", Some(json!({})))
}

const MCP_NAME: HeaderName = HeaderName::from_static("mcp-name");
const PENDING_MAX: usize = 256;
const SCHEMAS_MAX: usize = 4096;
const SEND_WAIT: Duration = Duration::from_secs(30);
const LOOK_UP: Duration = Duration::from_secs(2);
