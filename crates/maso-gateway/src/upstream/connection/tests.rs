//! Connections against a server that is nothing but a socket, so that each byte is ours to see.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::*;

struct Server(TcpListener);

impl Server {
    async fn start() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn address(&self) -> String {
        self.0.local_addr().unwrap().to_string()
    }

    fn connections(&self) -> Connections {
        reach(Dialer::without_proxy(), &format!("http://{}/mcp?x=1", self.address()))
    }

    async fn accept(&self) -> TcpStream {
        self.0.accept().await.unwrap().0
    }
}

fn reach(dialer: Dialer, address: &str) -> Connections {
    Connections::new(Arc::new(dialer), address.parse().unwrap()).unwrap()
}

/// Reads one request, and gives its head.
async fn request(stream: &mut TcpStream) -> String {
    let mut seen = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&seen).into_owned();
        if let Some(end) = text.find("\r\n\r\n") {
            let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
            if seen.len() >= end + 4 + length.parse::<usize>().unwrap() {
                return text[..end].to_owned();
            }
        }
        let mut piece = [0; 1024];
        let n = stream.read(&mut piece).await.unwrap();
        assert_ne!(n, 0, "the client went away in the middle of a request: {text}");
        seen.extend_from_slice(&piece[..n]);
    }
}

async fn answer(stream: &mut TcpStream, body: &str) {
    let text =
        format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(text.as_bytes()).await.unwrap();
}

/// Waits until the other side closes.
async fn closed(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    // A reset is an end, too.
    stream.read_to_end(&mut rest).await.ok();
}

async fn post(connections: &Connections) -> Result<Answering, LegFault> {
    connections.ask(Method::POST, HeaderMap::new(), Bytes::from_static(b"{}")).await
}

async fn all(mut answer: Answering) -> String {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await {
        body.extend_from_slice(&chunk.unwrap());
    }
    String::from_utf8(body).unwrap()
}

#[tokio::test]
async fn one_connection_serves_one_request_after_the_other() {
    let server = Server::start().await;
    let connections = server.connections();
    let serving = async {
        let mut stream = server.accept().await;
        for n in 0..3 {
            let head = request(&mut stream).await;
            assert!(head.starts_with("POST /mcp?x=1 HTTP/1.1\r\n"), "{head}");
            assert!(head.contains(&format!("host: {}", server.address())), "{head}");
            answer(&mut stream, &format!("{{\"n\":{n}}}")).await;
        }
    };
    let asking = async {
        for n in 0..3 {
            assert_eq!(all(post(&connections).await.unwrap()).await, format!("{{\"n\":{n}}}"));
        }
    };
    tokio::join!(serving, asking);
}

#[tokio::test]
async fn an_idle_connection_that_the_server_closed_is_replaced() {
    let server = Server::start().await;
    let connections = server.connections();
    let serving = async {
        for _ in 0..2 {
            let mut stream = server.accept().await;
            request(&mut stream).await;
            answer(&mut stream, "{}").await;
        }
    };
    let asking = async {
        all(post(&connections).await.unwrap()).await;
        // The end of the stream is on its way; a request that meets it on the connection goes on another.
        let end = async {
            let idle = || connections.idle.0.lock().first_mut().is_some_and(Connection::is_fit);
            while idle() {
                tokio::task::yield_now().await;
            }
        };
        end.await;
        all(post(&connections).await.unwrap()).await;
    };
    tokio::join!(serving, asking);
}

#[tokio::test]
async fn whoever_drops_an_answer_takes_the_connection_with_it() {
    let server = Server::start().await;
    let connections = server.connections();
    let serving = async {
        let mut stream = server.accept().await;
        request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await.unwrap();
        closed(&mut stream).await;
    };
    let asking = async {
        let mut answer = post(&connections).await.unwrap();
        assert_eq!(answer.chunk().await.unwrap().unwrap(), "half");
        drop(answer);
        assert!(connections.idle.0.lock().is_empty());
    };
    tokio::join!(serving, asking);
}

#[tokio::test]
async fn whoever_gives_up_waiting_takes_the_connection_with_it() {
    let server = Server::start().await;
    let connections = server.connections();
    let serving = async {
        let mut stream = server.accept().await;
        request(&mut stream).await;
        stream
    };
    let mut stream = tokio::select! {
        stream = serving => stream,
        _ = post(&connections) => unreachable!("nobody answers"),
    };
    closed(&mut stream).await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_answer() {
    let server = Server::start().await;
    let connections = server.connections();
    let serving = async {
        let mut stream = server.accept().await;
        request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await.unwrap();
        drop(stream);
        let mut stream = server.accept().await;
        request(&mut stream).await;
    };
    let asking = async {
        let mut answer = post(&connections).await.unwrap();
        assert_eq!(answer.chunk().await.unwrap().unwrap(), "half");
        assert!(answer.chunk().await.unwrap().is_err());
        assert!(answer.chunk().await.is_none());
        // This one left, and nobody knows what became of it.
        assert!(matches!(post(&connections).await, Err(LegFault::Broken(_))));
    };
    tokio::join!(serving, asking);
}

#[tokio::test]
async fn what_could_not_be_sent_is_known_not_to_have_happened() {
    let server = Server::start().await;
    let connections = server.connections();
    drop(server);
    assert!(matches!(post(&connections).await, Err(LegFault::NotSent(_))));
}

#[tokio::test]
async fn what_was_not_used_for_long_is_closed() {
    let server = Server::start().await;
    let connections = server.connections();
    let serving = async {
        let mut stream = server.accept().await;
        request(&mut stream).await;
        answer(&mut stream, "{}").await;
        stream
    };
    let (mut stream, answer) = tokio::join!(serving, post(&connections));
    all(answer.unwrap()).await;
    connections.tidy();
    assert_eq!(connections.idle.0.lock().len(), 1);
    connections.idle.0.lock()[0].used_at -= IDLE_FOR;
    connections.tidy();
    assert!(connections.idle.0.lock().is_empty());
    closed(&mut stream).await;
}

#[tokio::test]
async fn a_proxy_is_asked_for_the_whole_address_and_told_who_asks() {
    let proxy = Server::start().await;
    let dialer = Dialer::through(&format!("http://maso:secret@{}", proxy.address()));
    let connections = reach(dialer, "http://tools.example/mcp");
    let serving = async {
        let mut stream = proxy.accept().await;
        let head = request(&mut stream).await;
        assert!(head.starts_with("POST http://tools.example/mcp HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("host: tools.example\r\n"), "{head}");
        assert!(head.contains("proxy-authorization: Basic bWFzbzpzZWNyZXQ="), "{head}");
        answer(&mut stream, "{}").await;
    };
    let asking = async { all(post(&connections).await.unwrap()).await };
    tokio::join!(serving, asking);
}

#[tokio::test]
async fn a_proxy_is_told_of_a_secure_server_where_it_is_and_nothing_else() {
    let proxy = Server::start().await;
    let connections = reach(Dialer::through(&format!("http://{}", proxy.address())), "https://tools.example/mcp");
    let serving = async {
        let mut stream = proxy.accept().await;
        let head = request(&mut stream).await;
        assert!(head.starts_with("CONNECT tools.example:443 HTTP/1.1\r\n"), "{head}");
        stream.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n").await.unwrap();
    };
    let (refused, ()) = tokio::join!(post(&connections), serving);
    assert!(matches!(refused, Err(LegFault::NotSent(_))));
}
