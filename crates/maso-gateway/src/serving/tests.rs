mod over_tls;

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
    let reception = Reception { silence, ..Reception::new(routes) };
    let serving = tokio::spawn(reception.listen(listener, async move { stopped.await.unwrap_or_default() }));
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
