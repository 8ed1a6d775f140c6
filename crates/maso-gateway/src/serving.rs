//! The connections of those who come in over HTTP, one task each.

mod believed;
mod peers;
mod tls;

use std::{
    future::{Future, poll_fn},
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use axum::{Router, body::Body, extract::ConnectInfo};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use maso_bus::{Answered, Lines};
use maso_wire::PeerCertificates;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
};
use tower::ServiceExt as _;

pub use self::{
    believed::Believed,
    peers::{Doorkeeper, Peers, Showing},
    tls::{ServerCertificate, Tls},
};
use crate::stirred::Stirred;

/// Serves these routes over HTTP/1.1 until `stop` is over; then takes no new connection, and waits until what is under way
/// on the others is answered. A request carries the address of its sender as [`ConnectInfo`].
pub async fn serve(listener: TcpListener, routes: Router, stop: impl Future<Output = ()>) {
    Reception::new(routes).listen(listener, stop).await;
}

/// Serves these routes as [`serve`] does, over TLS. A request carries what its peer showed as [`PeerCertificates`], if it showed
/// something, and [`KnownAs`] in any case.
pub async fn serve_over_tls(listener: TcpListener, routes: Router, tls: Arc<Tls>, stop: impl Future<Output = ()>) {
    Reception::over_tls(routes, tls).listen(listener, stop).await;
}

/// Serves these routes as [`serve_over_tls`] does, to sidecars on lines of the broker.
pub async fn serve_lines(mut lines: Lines, routes: Router, tls: Arc<Tls>, stop: impl Future<Output = ()>) {
    let reception = Arc::new(Reception::over_tls(routes, tls));
    let mut stop = pin!(stop);
    loop {
        let answered = tokio::select! {
            biased;
            () = &mut stop => break,
            answered = lines.next() => answered,
        };
        let Some(Answered { agent, line }) = answered else {
            tracing::error!("lines of sidecars are answered no more");
            break;
        };
        let reception = Arc::clone(&reception);
        tokio::spawn(async move {
            let place = reception.place().await;
            tracing::debug!(%agent, "a sidecar has a line");
            reception.attend(line, NOWHERE, place).await;
        });
    }
    drop(lines);
    reception.close().await;
}

/// Goes with each request that came over TLS: how whoever sent it knows the address, without a path, such as
/// `https://maso.example:7443`. Proofs are bound to it.
#[derive(Clone, Debug)]
pub struct KnownAs(pub Arc<str>);

/// Attends to connections, by whatever they are carried, until it is closed.
pub struct Reception {
    routes: Router,
    tls: Option<Arc<Tls>>,
    silence: Duration,
    places: Arc<Semaphore>,
    is_closed: watch::Sender<bool>,
}

impl Reception {
    /// For connections that nothing secures.
    pub fn new(routes: Router) -> Self {
        let (places, is_closed) = (Arc::new(Semaphore::new(CONNECTIONS_MAX)), watch::Sender::new(false));
        Self { routes, tls: None, silence: SILENCE_MAX, places, is_closed }
    }

    /// For connections on which the peer speaks TLS.
    pub fn over_tls(routes: Router, tls: Arc<Tls>) -> Self {
        Self { tls: Some(tls), ..Self::new(routes) }
    }

    /// Serves what comes to this listener until `stop` is over, and then as [`Reception::close`] has it.
    async fn listen(self, listener: TcpListener, stop: impl Future<Output = ()>) {
        let this = Arc::new(self);
        let mut stop = pin!(stop);
        loop {
            let next = async {
                let place = this.place().await;
                (place, listener.accept().await)
            };
            let (place, accepted) = tokio::select! {
                biased;
                () = &mut stop => break,
                next = next => next,
            };
            match accepted {
                Ok((stream, peer)) => {
                    at_once(&stream);
                    let this = Arc::clone(&this);
                    tokio::spawn(async move { this.attend(stream, peer, place).await });
                }
                Err(error) => wait_out(error).await,
            }
        }
        drop(listener);
        this.close().await;
    }

    /// Room for one more connection, as soon as there is some.
    pub async fn place(&self) -> Place {
        Place(Arc::clone(&self.places).acquire_owned().await.expect("nobody closes it"))
    }

    /// Serves one connection to its end. What carries it is `stream`; requests on it come from `peer`, which must not be an
    /// address of this machine unless they do.
    pub async fn attend<S>(&self, stream: S, peer: SocketAddr, place: Place)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut closing = self.is_closed.subscribe();
        let known_as = self.tls.as_ref().map(|tls| tls.known_as().clone());
        let from = |shown| From { peer, shown, known_as };
        match &self.tls {
            None => self.answer(stream, from(None), closing).await,
            Some(tls) => {
                let accepted = tokio::select! {
                    biased;
                    _ = closing.wait_for(|is_closed| *is_closed) => None,
                    accepted = tls.accept(stream) => Some(accepted),
                };
                match accepted {
                    Some(Ok((stream, shown))) => self.answer(stream, from(shown), closing).await,
                    // Whoever knocks can make it fail at will, so it is no warning.
                    Some(Err(error)) => tracing::debug!(%peer, %error, "there is no connection over TLS"),
                    None => {}
                }
            }
        }
        drop(place);
    }

    /// Ends all connections, each when what is under way on it was answered, and waits until they have ended.
    pub async fn close(&self) {
        self.is_closed.send_replace(true);
        self.is_closed.closed().await;
    }

    /// Answers one connection, request by request.
    async fn answer<S>(&self, stream: S, from: From, mut closing: watch::Receiver<bool>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = service_fn(|mut request: hyper::Request<Incoming>| {
            from.mark(request.extensions_mut());
            self.routes.clone().oneshot(request.map(Body::new))
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.silence)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        let stirred = Stirred::default();
        let mut told = pin!(async move {
            closing.wait_for(|is_closed| *is_closed).await.ok();
            closing
        });
        let mut held = None;
        let served = poll_fn(|context| {
            stirred.poll(context, |within| {
                if held.is_none()
                    && let Poll::Ready(closing) = told.as_mut().poll(within)
                {
                    held = Some(closing);
                    connection.as_mut().graceful_shutdown();
                }
                connection.as_mut().poll(within)
            })
        });
        if let Err(error) = served.await {
            tracing::trace!(%error, "a connection broke off");
        }
    }
}

impl std::fmt::Debug for Reception {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reception").field("tls", &self.tls).finish_non_exhaustive()
    }
}

/// Room for one connection, until it ends.
#[derive(Debug)]
pub struct Place(#[expect(dead_code, reason = "it is held, and given back when it is dropped")] OwnedSemaphorePermit);

/// Where the requests of one connection come from.
struct From {
    peer: SocketAddr,
    shown: Option<PeerCertificates>,
    known_as: Option<KnownAs>,
}

impl From {
    fn mark(&self, request: &mut axum::http::Extensions) {
        request.insert(ConnectInfo(self.peer));
        if let Some(known_as) = &self.known_as {
            request.insert(known_as.clone());
        }
        if let Some(shown) = &self.shown {
            request.insert(shown.clone());
        }
    }
}

/// Else a small answer waits for the acknowledgement of the one before.
fn at_once(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps its delay");
    }
}

/// What one peer did is over; what the system lacks may come back.
async fn wait_out(error: io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::error!(%error, "cannot accept connections for now");
        tokio::time::sleep(RECOVERY).await;
    }
}

/// The address of those who have none: a line begins at no address, and nothing on it comes from this machine.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
/// How many connections there may be; whoever comes then waits until one ends.
const CONNECTIONS_MAX: usize = 8_192;
/// How long a connection may take to send the head of a request, from the end of the one before. Longer than clients keep
/// idle connections by habit.
const SILENCE_MAX: Duration = Duration::from_secs(90);
/// How long it waits when the system has no descriptor left.
const RECOVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
