//! HTTP/1.1 connections to one server, each driven by the request that uses it.
//!
//! The usual client gives each connection to a task of its own and speaks to it by channels, so that a request wakes that
//! task and is woken by it, again for each part of the answer. On a connection one request is asked and answered at a
//! time, so whoever asks drives it (docs/performance.md).

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use axum::http::{
    HeaderMap, HeaderValue, Method, Request, StatusCode, Uri,
    header::{HOST, PROXY_AUTHORIZATION},
    response::Parts,
    uri::PathAndQuery,
};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    body::{Body as _, Incoming},
    client::conn::http1::{self, SendRequest},
};
use parking_lot::Mutex;

use crate::{
    stirred::Stirred,
    upstream::{
        LegFault,
        dial::{Dialer, Route, Stream},
    },
};

/// The connections to one address.
pub(super) struct Connections {
    dialer: Arc<Dialer>,
    address: Uri,
    host: HeaderValue,
    idle: Arc<Idle>,
}

/// Connections on which nothing is under way, the latest used last.
#[derive(Default)]
struct Idle(Mutex<Vec<Connection>>);

struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: Driver,
    route: Route,
    used_at: Instant,
}

struct Driver {
    work: http1::Connection<Stream, Full<Bytes>>,
    has_ended: bool,
    stirred: Stirred,
}

/// An answer whose head has arrived. Dropped before its end it takes the connection with it, which is how a server learns
/// that nobody wants the rest.
pub(super) struct Answering {
    head: Parts,
    body: Incoming,
    connection: Option<Connection>,
    home: Arc<Idle>,
}

impl Connections {
    /// `address` is absolute.
    pub(super) fn new(dialer: Arc<Dialer>, address: Uri) -> Result<Self, String> {
        let authority = address.authority().ok_or_else(|| "the address has no host".to_owned())?;
        // Without what may stand before an `@`, which is no part of a host.
        let host = authority.as_str().rsplit('@').next().unwrap_or_default();
        let host = HeaderValue::from_str(host).map_err(|_| "the address has no host".to_owned())?;
        Ok(Self { dialer, address, host, idle: Arc::default() })
    }

    /// Sends a request and waits for the head of its answer. A connection that turns out to be closed before the request
    /// was on it is left for another.
    pub(super) async fn ask(&self, method: Method, headers: HeaderMap, body: Bytes) -> Result<Answering, LegFault> {
        self.ask_at(&self.address, method, headers, body).await
    }

    /// The same, of another path of the server.
    pub(super) async fn ask_path(
        &self,
        path: &PathAndQuery,
        method: Method,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Answering, LegFault> {
        let mut parts = self.address.clone().into_parts();
        parts.path_and_query = Some(path.clone());
        let address = Uri::from_parts(parts).map_err(|error| LegFault::NotSent(error.to_string()))?;
        self.ask_at(&address, method, headers, body).await
    }

    async fn ask_at(
        &self,
        address: &Uri,
        method: Method,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Answering, LegFault> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.headers_mut() = headers;
        request.headers_mut().insert(HOST, self.host.clone());
        loop {
            let (mut connection, is_fresh) = match self.idle.take() {
                Some(connection) => (connection, false),
                None => (self.open().await?, true),
            };
            connection.route.prepare(&mut request, address);
            let asked = connection.sender.try_send_request(request);
            match connection.driver.drive(asked).await {
                Ok(response) => {
                    let (head, body) = response.into_parts();
                    let home = Arc::clone(&self.idle);
                    let mut answering = Answering { head, body, connection: Some(connection), home };
                    if answering.body.is_end_stream() {
                        // Nobody reads what is not there, as after a notification.
                        answering.go_home();
                    }
                    return Ok(answering);
                }
                Err(mut error) => match error.take_message() {
                    Some(unsent) if !is_fresh => request = unsent,
                    Some(_) => return Err(LegFault::NotSent(said(error.error()))),
                    None => return Err(LegFault::Broken(said(error.error()))),
                },
            }
        }
    }

    /// Closes the connections that nobody has used for long, and those that the server closed.
    pub(super) fn tidy(&self) {
        let now = Instant::now();
        self.idle.0.lock().retain_mut(|connection| {
            now.saturating_duration_since(connection.used_at) < IDLE_FOR && connection.is_fit()
        });
    }

    async fn open(&self) -> Result<Connection, LegFault> {
        let (stream, route) = self.dialer.dial(&self.address).await.map_err(LegFault::NotSent)?;
        let (sender, work) = http1::handshake(stream).await.map_err(|error| LegFault::NotSent(said(&error)))?;
        Ok(Connection {
            sender,
            driver: Driver { work, has_ended: false, stirred: Stirred::default() },
            route,
            used_at: Instant::now(),
        })
    }
}

impl Idle {
    fn take(&self) -> Option<Connection> {
        loop {
            let mut connection = self.0.lock().pop()?;
            if connection.is_fit() {
                return Some(connection);
            }
        }
    }

    fn put(&self, mut connection: Connection) {
        if connection.is_fit() {
            connection.used_at = Instant::now();
            let mut idle = self.0.lock();
            if idle.len() < IDLE_MAX {
                idle.push(connection);
            }
        }
    }
}

impl Connection {
    /// Whether a request may be sent on it: the server has neither closed it nor said anything unasked.
    fn is_fit(&mut self) -> bool {
        // Nobody waits here: who asks next drives it with a waker of its own.
        let mut context = Context::from_waker(Waker::noop());
        self.driver.is_going_on(&mut context) && matches!(self.sender.poll_ready(&mut context), Poll::Ready(Ok(())))
    }
}

impl Driver {
    /// Moves the connection as long as the work that needs it is not done.
    async fn drive<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let stirred = self.stirred.clone();
        poll_fn(|context| {
            stirred.poll(context, |within| {
                // If the connection ends, that is told to whoever waits for its answer.
                self.is_going_on(within);
                work.as_mut().poll(within)
            })
        })
        .await
    }

    fn is_going_on(&mut self, context: &mut Context<'_>) -> bool {
        self.has_ended = self.has_ended || Pin::new(&mut self.work).poll(context).is_ready();
        !self.has_ended
    }
}

impl Route {
    /// Gives the request the form that this way wants.
    fn prepare(&self, request: &mut Request<Full<Bytes>>, address: &Uri) {
        match self {
            Self::Straight => {
                let path = address.path_and_query().cloned();
                *request.uri_mut() = path.map_or_else(|| Uri::from_static("/"), Uri::from);
            }
            Self::Forwarded(credential) => {
                *request.uri_mut() = address.clone();
                if let Some(credential) = credential {
                    request.headers_mut().insert(PROXY_AUTHORIZATION, credential.clone());
                }
            }
        }
    }
}

impl Answering {
    pub(super) fn status(&self) -> StatusCode {
        self.head.status
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// The connection serves the next request.
    fn go_home(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.home.put(connection);
        }
    }

    /// The next piece of the body; `None` at its end, after which the connection serves the next request.
    pub(super) async fn chunk(&mut self) -> Option<Result<Bytes, String>> {
        loop {
            let connection = self.connection.as_mut()?;
            match connection.driver.drive(self.body.frame()).await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Some(Ok(data));
                    }
                }
                Some(Err(error)) => {
                    self.connection = None;
                    return Some(Err(said(&error)));
                }
                None => {
                    self.go_home();
                    return None;
                }
            }
        }
    }
}

/// What went wrong, down to its cause: hyper says the general thing, and the system the particular one.
fn said(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

const IDLE_MAX: usize = 64;
const IDLE_FOR: Duration = Duration::from_secs(60);

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that meets the unexpected fails")]
mod tests;
