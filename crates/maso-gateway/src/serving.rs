//! The connections of those who come in over HTTP, one task each.

use std::{
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    time::Duration,
};

use axum::{Router, body::Body, extract::ConnectInfo};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
};
use tower::ServiceExt as _;

use crate::stirred::Stirred;

/// Serves these routes over HTTP/1.1 until `stop` is over; then takes no new connection, and waits until what is under way
/// on the others is answered. A request carries the address of its sender as [`ConnectInfo`].
pub async fn serve(listener: TcpListener, routes: Router, stop: impl Future<Output = ()>) {
    let (stopping, is_stopping) = watch::channel(());
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut stop = pin!(stop);
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await.expect("nobody closes it");
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            biased;
            () = &mut stop => break,
            next = next => next,
        };
        match accepted {
            Ok((stream, peer)) => {
                let served = attend(stream, peer, routes.clone(), is_stopping.clone());
                tokio::spawn(async move {
                    served.await;
                    drop(place);
                });
            }
            Err(error) => wait_out(error).await,
        }
    }
    drop((listener, is_stopping));
    stopping.send_replace(());
    stopping.closed().await;
}

/// Serves one connection, request by request.
async fn attend(stream: TcpStream, peer: SocketAddr, routes: Router, mut stopping: watch::Receiver<()>) {
    // Else a small answer waits for the acknowledgement of the one before.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps its delay");
    }
    let service = service_fn(|mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        routes.clone().oneshot(request.map(Body::new))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(SILENCE_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let stirred = Stirred::default();
    let mut told = pin!(async move {
        stopping.changed().await.ok();
        stopping
    });
    let mut held = None;
    let served = poll_fn(|context| {
        stirred.poll(context, |within| {
            if held.is_none()
                && let std::task::Poll::Ready(stopping) = told.as_mut().poll(within)
            {
                held = Some(stopping);
                connection.as_mut().graceful_shutdown();
            }
            connection.as_mut().poll(within)
        })
    });
    if let Err(error) = served.await {
        tracing::trace!(%error, "a connection broke off");
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

/// How many connections there may be; whoever comes then waits until one ends.
const CONNECTIONS_MAX: usize = 8_192;
/// How long a connection may take to send the head of a request, from the end of the one before. Longer than clients keep
/// idle connections by habit.
const SILENCE_MAX: Duration = Duration::from_secs(90);
/// How long it waits when the system has no descriptor left.
const RECOVERY: Duration = Duration::from_secs(1);
