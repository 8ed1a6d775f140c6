//! A server over streamable HTTP: one POST a frame, answered with JSON or a stream of events.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use axum::http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri,
    header::{ACCEPT, CONTENT_TYPE},
};
use bytes::Bytes;
use maso_wire::{Limits, mcp::Revision};
use parking_lot::{Mutex, RwLock};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::upstream::{
    connection::{Answering, Connections},
    dial::Dialer,
    leg::{Headers, Inbound, LegFault, Link},
    negotiate::PROTOCOL_VERSION,
    sse::Reader,
};

/// The way to one endpoint.
pub(crate) struct Endpoint {
    connections: Connections,
    limits: Limits,
    found: mpsc::Sender<Inbound>,
    /// What goes with everything: what the manifest says, and what was settled at the handshake.
    standing: RwLock<HeaderMap>,
    /// Exchanges that go on in the background, by the request that waits for their end.
    exchanges: Mutex<HashMap<i64, CancellationToken>>,
}

/// What came of sending a frame.
pub(super) enum Came {
    /// A frame, whole.
    Whole(Vec<u8>),
    /// A stream of frames, which has only begun.
    Stream(Box<Answering>),
    /// No frame.
    Nothing(StatusCode),
    /// The server knows nothing of the session any more.
    Forgotten,
    /// No answer.
    Fault(LegFault),
}

/// Makes ready to reach the endpoint; nothing is sent yet.
pub(super) fn connect(
    dialer: &Arc<Dialer>,
    url: &Url,
    headers_from_env: &BTreeMap<String, String>,
    limits: Limits,
) -> Result<(Link, mpsc::Receiver<Inbound>), LegFault> {
    let headers = super::a2a::headers(headers_from_env)?;
    let (found, inbox) = mpsc::channel(QUEUE_FRAMES_MAX);
    // What stands behind a `#` is for a reader, and never sent.
    let address = url.as_str().split('#').next().unwrap_or_default().parse::<Uri>();
    let address = address.map_err(|_| LegFault::NotSent(format!("`{url}` is no address of a server")))?;
    let connections = Connections::new(Arc::clone(dialer), address).map_err(LegFault::NotSent)?;
    let (standing, exchanges) = (RwLock::new(headers), Mutex::default());
    let endpoint = Endpoint { connections, limits, found, standing, exchanges };
    Ok((Link::Http(Arc::new(endpoint)), inbox))
}

impl Endpoint {
    /// Sends a frame that has no answer, in the background. What is said on that occasion goes to the inbox.
    pub(super) fn tell(self: &Arc<Self>, frame: Vec<u8>, extra: Headers) {
        let endpoint = Arc::clone(self);
        tokio::spawn(async move {
            let told = async {
                if let Some(fault) = endpoint.heard(endpoint.exchange(frame, extra).await, None).await {
                    tracing::debug!(fault, "a tool server could not be told something");
                }
            };
            tokio::select! {
                () = told => {}
                () = endpoint.found.closed() => {}
            }
        });
    }

    /// Sends a request whose answer is the end of a stream, in the background. All that comes goes to the inbox.
    pub(super) fn ask_in_background(self: &Arc<Self>, id: i64, frame: Vec<u8>, extra: Headers) {
        let endpoint = Arc::clone(self);
        let hung_up = CancellationToken::new();
        self.exchanges.lock().insert(id, hung_up.clone());
        tokio::spawn(async move {
            let heard = async { endpoint.heard(endpoint.exchange(frame, extra).await, Some(id)).await };
            // Dropped when nobody wants it any more, which is how a stateless server learns that it was cancelled.
            let fault = tokio::select! {
                fault = heard => fault,
                () = endpoint.found.closed() => return,
                () = hung_up.cancelled() => return,
            };
            endpoint.exchanges.lock().remove(&id);
            if let Some(fault) = fault {
                endpoint.found.send(Inbound::Failed { id, fault }).await.ok();
            }
        });
    }

    /// Puts what came into the inbox. Says what went wrong, if the answer to the request cannot come any more.
    async fn heard(&self, came: Came, id: Option<i64>) -> Option<String> {
        match came {
            Came::Whole(body) => {
                self.found.send(Inbound::Frame(body)).await.ok();
                // If that was not the answer to the request, none will come.
                id.map(|_| "the server answered something else".to_owned())
            }
            Came::Stream(answer) => self.drain(*answer, id).await,
            // An accepted notification has no body; a request that gets none has failed.
            Came::Nothing(status) => id.map(|_| format!("the server answered {status}")),
            Came::Forgotten => {
                self.forgotten().await;
                None
            }
            Came::Fault(fault) => Some(fault.to_string()),
        }
    }

    /// The server knows nothing of the session any more, so the connection is at its end.
    pub(super) async fn forgotten(&self) {
        self.found.send(Inbound::Closed("the server forgot the session".to_owned())).await.ok();
    }

    /// Drops a request that was asked in the background.
    pub(super) fn hang_up(&self, id: i64) {
        if let Some(exchange) = self.exchanges.lock().remove(&id) {
            exchange.cancel();
        }
    }

    /// What was settled at the handshake goes with everything from now on. Opens the server's own stream where the
    /// revision has one.
    pub(super) fn settle(self: &Arc<Self>, revision: Revision) {
        self.standing.write().insert(PROTOCOL_VERSION, HeaderValue::from_static(revision.as_str()));
        if !revision.is_stateless() {
            let endpoint = Arc::clone(self);
            tokio::spawn(async move {
                tokio::select! {
                    () = endpoint.listen() => {}
                    () = endpoint.found.closed() => {}
                }
            });
        }
    }

    /// Closes connections that are no longer of use.
    pub(super) fn tidy(&self) {
        self.connections.tidy();
    }

    /// Ends the server's session.
    pub(super) fn end(self: &Arc<Self>) {
        let headers = self.standing.read().clone();
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if headers.contains_key(SESSION_ID) {
            let endpoint = Arc::clone(self);
            runtime.spawn(async move {
                let asked = endpoint.connections.ask(Method::DELETE, headers, Bytes::new());
                if !matches!(tokio::time::timeout(END_WAIT, asked).await, Ok(Ok(_))) {
                    tracing::debug!("a tool server's session could not be ended");
                }
            });
        }
    }

    /// Sends a frame and says what came back; a stream has only begun.
    pub(super) async fn exchange(&self, frame: Vec<u8>, extra: Headers) -> Came {
        let mut headers = self.standing.read().clone();
        let in_session = headers.contains_key(SESSION_ID);
        for (name, value) in extra {
            headers.insert(name, value);
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        let answer = match self.connections.ask(Method::POST, headers, frame.into()).await {
            Ok(answer) => answer,
            Err(fault) => return Came::Fault(fault),
        };
        if let Some(session_id) = answer.headers().get(SESSION_ID).filter(|_| !in_session) {
            self.standing.write().entry(SESSION_ID).or_insert_with(|| session_id.clone());
        }
        if answer.status() == StatusCode::NOT_FOUND && in_session {
            return Came::Forgotten;
        }
        if content_type_is(&answer, "text/event-stream") {
            return Came::Stream(Box::new(answer));
        }
        if !content_type_is(&answer, "application/json") {
            return Came::Nothing(answer.status());
        }
        match self.whole(answer).await {
            Ok(body) => Came::Whole(body),
            Err(fault) => Came::Fault(LegFault::Broken(fault)),
        }
    }

    async fn whole(&self, mut answer: Answering) -> Result<Vec<u8>, String> {
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await {
            let chunk = chunk.map_err(|error| format!("the answer broke off: {error}"))?;
            if body.len() + chunk.len() > self.limits.frame_bytes_max {
                return Err("the answer is larger than a frame may be".to_owned());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// Reads a stream into the inbox: up to the answer of a request, or to its end. Takes it up again where the server
    /// can resume it. Says what went wrong, if the answer cannot come any more.
    pub(super) async fn drain(&self, answer: Answering, id: Option<i64>) -> Option<String> {
        let mut last_event = None;
        let mut pause = RESUME_PAUSE;
        let mut answer = Some(answer);
        for _ in 0..RESUMES_MAX {
            let mut current = match answer.take() {
                Some(answer) => answer,
                None => {
                    // Only a stream with event ids can be resumed, and only where there is a session to resume it in.
                    let last: &HeaderValue = last_event.as_ref()?;
                    tokio::time::sleep(pause).await;
                    match self.get(Some(last)).await {
                        Ok(answer) => answer,
                        Err(fault) => return Some(fault),
                    }
                }
            };
            let mut reader = Reader::new(self.limits.frame_bytes_max);
            while let Some(Ok(chunk)) = current.chunk().await {
                let Some(events) = reader.take(&chunk) else {
                    return Some("an event is larger than a frame may be".to_owned());
                };
                for event in events {
                    if let Some(event_id) = event.id {
                        last_event = HeaderValue::from_str(&event_id).ok();
                    }
                    if let Some(retry_ms) = event.retry_ms {
                        pause = Duration::from_millis(retry_ms.min(RETRY_MS_MAX));
                    }
                    if event.data.is_empty() {
                        continue;
                    }
                    let answers = id.is_some_and(|id| is_answer_to(&event.data, id));
                    self.found.send(Inbound::Frame(event.data)).await.ok();
                    if answers {
                        return None;
                    }
                }
            }
            if last_event.is_none() {
                break;
            }
        }
        Some("the server's stream ended before the answer".to_owned())
    }

    async fn get(&self, last_event: Option<&HeaderValue>) -> Result<Answering, String> {
        let mut headers = self.standing.read().clone();
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        if let Some(last) = last_event {
            headers.insert(LAST_EVENT_ID, last.clone());
        }
        match self.connections.ask(Method::GET, headers, Bytes::new()).await {
            Ok(answer) if answer.status().is_success() && content_type_is(&answer, "text/event-stream") => Ok(answer),
            Ok(answer) => Err(format!("the server answered {} to a stream's opening", answer.status())),
            Err(fault) => Err(format!("a stream could not be opened: {fault}")),
        }
    }

    /// The server's own stream, for what belongs to no request.
    async fn listen(&self) {
        let mut n_failures = 0;
        while n_failures < RESUMES_MAX {
            match self.get(None).await {
                Ok(answer) => {
                    self.drain(answer, None).await;
                    n_failures += 1;
                }
                // A server that has no such stream says so, and has nothing to say unasked.
                Err(_) => return,
            }
            tokio::time::sleep(RESUME_PAUSE).await;
        }
    }
}

fn content_type_is(answer: &Answering, kind: &str) -> bool {
    answer
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(kind))
}

/// Whether this looks like the answer, to know when to stop reading; the frame is parsed properly by whoever gets it.
fn is_answer_to(data: &[u8], id: i64) -> bool {
    #[derive(serde::Deserialize)]
    struct Peek {
        id: Option<i64>,
        method: Option<serde::de::IgnoredAny>,
    }
    serde_json::from_slice(data).is_ok_and(|peek: Peek| peek.id == Some(id) && peek.method.is_none())
}

const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const QUEUE_FRAMES_MAX: usize = 64;
const RESUMES_MAX: usize = 8;
const RESUME_PAUSE: Duration = Duration::from_millis(500);
const RETRY_MS_MAX: u64 = 30_000;
const END_WAIT: Duration = Duration::from_secs(5);
