//! The connections of those who come in over HTTP, one task each.

use std::{
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    task::Poll,
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
    serve_within(SILENCE_MAX, listener, routes, stop).await;
}

async fn serve_within(silence: Duration, listener: TcpListener, routes: Router, stop: impl Future<Output = ()>) {
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
                let served = attend(stream, peer, routes.clone(), silence, is_stopping.clone());
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
async fn attend(
    stream: TcpStream,
    peer: SocketAddr,
    routes: Router,
    silence: Duration,
    mut stopping: watch::Receiver<()>,
) {
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
        .header_read_timeout(silence)
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
                && let Poll::Ready(stopping) = told.as_mut().poll(within)
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

#[cfg(test)]
mod tests {
    use axum::{extract::ConnectInfo, routing::get};
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        sync::{Notify, oneshot},
        task::JoinHandle,
    };

    use super::*;

    struct Served {
        address: SocketAddr,
        serving: JoinHandle<()>,
        stop: oneshot::Sender<()>,
    }

    async fn served(routes: Router) -> Served {
        served_within(SILENCE_MAX, routes).await
    }

    async fn served_within(silence: Duration, routes: Router) -> Served {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let serving =
            tokio::spawn(serve_within(silence, listener, routes, async move { stopped.await.unwrap_or_default() }));
        Served { address, serving, stop }
    }

    async fn say(address: SocketAddr, bytes: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        stream
    }

    async fn heard(mut stream: TcpStream) -> String {
        let mut heard = String::new();
        stream.read_to_string(&mut heard).await.unwrap();
        heard
    }

    const ASKED: &str = "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";

    #[tokio::test]
    async fn a_request_carries_the_address_of_its_sender() {
        let whose = get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.to_string());
        let served = served(Router::new().route("/", whose)).await;
        let stream = say(served.address, &ASKED.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n")).await;
        let own = stream.local_addr().unwrap().to_string();
        let heard = heard(stream).await;
        assert!(heard.ends_with(&own), "{heard}");
    }

    #[tokio::test]
    async fn whoever_does_not_come_to_the_end_of_a_head_is_let_go() {
        let served = served_within(Duration::from_millis(1), Router::new()).await;
        heard(say(served.address, "GET / HTTP/1.1\r\nhost: loc").await).await;
    }

    #[tokio::test]
    async fn what_is_under_way_is_answered_after_the_stop_and_nothing_else() {
        let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let slow = {
            let (begun, go) = (Arc::clone(&begun), Arc::clone(&go));
            get(async move || {
                begun.notify_one();
                go.notified().await;
                "done"
            })
        };
        let Served { address, mut serving, stop } = served(Router::new().route("/", slow)).await;
        let idle = say(address, "").await;
        let stream = say(address, ASKED).await;
        begun.notified().await;
        stop.send(()).unwrap();
        // An idle connection is closed, and nobody listens any more.
        assert_eq!(heard(idle).await, "");
        assert!(TcpStream::connect(address).await.is_err());
        assert!(futures::poll!(&mut serving).is_pending());
        go.notify_one();
        assert!(heard(stream).await.ends_with("done"));
        serving.await.unwrap();
    }
}
