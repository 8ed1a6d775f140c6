//! Connections against a server that is nothing but a socket, so that each byte is ours to see.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    join,
    net::{TcpListener, TcpStream},
};

use super::*;

struct Server(TcpListener);

/// One connection, on which a request has arrived.
struct Asked {
    stream: TcpStream,
    head: String,
}

impl Server {
    async fn start() -> (Self, Connections) {
        let server = Self(TcpListener::bind("127.0.0.1:0").await.unwrap());
        let connections = reach(Dialer::without_proxy(), &format!("http://{}/mcp?x=1", server.address()));
        (server, connections)
    }

    fn address(&self) -> String {
        self.0.local_addr().unwrap().to_string()
    }

    /// The first request on the next connection.
    async fn asked(&self) -> Asked {
        let mut asked = Asked { stream: self.0.accept().await.unwrap().0, head: String::new() };
        asked.again().await;
        asked
    }
}

impl Asked {
    /// The next request on the same connection.
    async fn again(&mut self) {
        let mut seen = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&seen).into_owned();
            if let Some(end) = text.find("\r\n\r\n") {
                let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
                if seen.len() >= end + 4 + length.parse::<usize>().unwrap() {
                    text[..end].clone_into(&mut self.head);
                    return;
                }
            }
            let mut piece = [0; 1024];
            let n = self.stream.read(&mut piece).await.unwrap();
            assert_ne!(n, 0, "the client went away in the middle of a request: {text}");
            seen.extend_from_slice(&piece[..n]);
        }
    }

    fn starts_with(&self, line: &str) -> &Self {
        assert!(self.head.starts_with(line), "{}", self.head);
        self
    }

    fn has(&self, header: &str) -> &Self {
        assert!(self.head.lines().any(|line| line == header), "{}", self.head);
        self
    }

    async fn say(&mut self, bytes: &str) {
        self.stream.write_all(bytes.as_bytes()).await.unwrap();
    }

    async fn answer(&mut self, body: &str) {
        self.say(&format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())).await;
    }

    async fn answer_half(&mut self) {
        self.say("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await;
    }

    /// Waits until the other side closes.
    async fn closed(mut self) {
        // A reset is an end, too.
        self.stream.read_to_end(&mut Vec::new()).await.ok();
    }
}

fn reach(dialer: Dialer, address: &str) -> Connections {
    Connections::new(Arc::new(dialer), address.parse().unwrap()).unwrap()
}

async fn post(connections: &Connections) -> Result<Answering, LegFault> {
    connections.ask(Method::POST, HeaderMap::new(), Bytes::from_static(b"{}")).await
}

/// Asks, and reads what comes to its end.
async fn post_for(connections: &Connections) -> String {
    let mut answer = post(connections).await.unwrap();
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await {
        body.extend_from_slice(&chunk.unwrap());
    }
    String::from_utf8(body).unwrap()
}

fn n_idle(connections: &Connections) -> usize {
    connections.idle.0.lock().len()
}

#[tokio::test]
async fn one_connection_serves_one_request_after_the_other() {
    let (server, connections) = Server::start().await;
    let serving = async {
        let mut asked = server.asked().await;
        asked.starts_with("POST /mcp?x=1 HTTP/1.1\r\n").has(&format!("host: {}", server.address()));
        asked.answer("first").await;
        asked.again().await;
        asked.answer("second").await;
    };
    let asking = async { [post_for(&connections).await, post_for(&connections).await] };
    assert_eq!(join!(asking, serving).0, ["first", "second"]);
}

#[tokio::test]
async fn what_nobody_need_read_keeps_no_connection_from_the_next_request() {
    let (server, connections) = Server::start().await;
    let serving = async {
        let mut asked = server.asked().await;
        asked.say("HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n").await;
        asked.again().await;
        asked.answer("second").await;
    };
    let asking = async {
        drop(post(&connections).await.unwrap());
        post_for(&connections).await
    };
    assert_eq!(join!(asking, serving).0, "second");
}

#[tokio::test]
async fn an_idle_connection_that_the_server_closed_is_replaced() {
    let (server, connections) = Server::start().await;
    let serving = async {
        server.asked().await.answer("first").await;
        server.asked().await.answer("second").await;
    };
    let asking = async {
        assert_eq!(post_for(&connections).await, "first");
        // The end of the stream is on its way; a request that meets it on the connection may not be sent again.
        while connections.idle.0.lock().first_mut().is_some_and(Connection::is_fit) {
            tokio::task::yield_now().await;
        }
        post_for(&connections).await
    };
    assert_eq!(join!(asking, serving).0, "second");
}

#[tokio::test]
async fn whoever_drops_an_answer_takes_the_connection_with_it() {
    let (server, connections) = Server::start().await;
    let serving = async {
        let mut asked = server.asked().await;
        asked.answer_half().await;
        asked.closed().await;
    };
    let asking = async {
        assert_eq!(post(&connections).await.unwrap().chunk().await.unwrap().unwrap(), "half");
        assert_eq!(n_idle(&connections), 0);
    };
    join!(asking, serving);
}

#[tokio::test]
async fn whoever_gives_up_waiting_takes_the_connection_with_it() {
    let (server, connections) = Server::start().await;
    let asked = tokio::select! {
        asked = server.asked() => asked,
        _ = post(&connections) => unreachable!("nobody answers"),
    };
    asked.closed().await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_answer() {
    let (server, connections) = Server::start().await;
    let serving = async {
        server.asked().await.answer_half().await;
        drop(server.asked().await);
    };
    let asking = async {
        let mut answer = post(&connections).await.unwrap();
        assert_eq!(answer.chunk().await.unwrap().unwrap(), "half");
        assert!(answer.chunk().await.unwrap().is_err());
        assert!(answer.chunk().await.is_none());
        // This one left, and nobody knows what became of it.
        assert!(matches!(post(&connections).await, Err(LegFault::Broken(_))));
    };
    join!(asking, serving);
}

#[tokio::test]
async fn what_could_not_be_sent_is_known_not_to_have_happened() {
    let (server, connections) = Server::start().await;
    drop(server);
    assert!(matches!(post(&connections).await, Err(LegFault::NotSent(_))));
}

#[tokio::test]
async fn what_was_not_used_for_long_is_closed() {
    let (server, connections) = Server::start().await;
    let serving = async {
        let mut asked = server.asked().await;
        asked.answer("{}").await;
        asked
    };
    let (_, asked) = join!(post_for(&connections), serving);
    connections.tidy();
    assert_eq!(n_idle(&connections), 1);
    connections.idle.0.lock()[0].used_at -= IDLE_FOR;
    connections.tidy();
    assert_eq!(n_idle(&connections), 0);
    asked.closed().await;
}

#[tokio::test]
async fn a_proxy_is_asked_for_the_whole_address_and_told_who_asks() {
    let (proxy, _) = Server::start().await;
    let dialer = Dialer::through(&format!("http://maso:secret@{}", proxy.address()));
    let connections = reach(dialer, "http://tools.example/mcp");
    let serving = async {
        let mut asked = proxy.asked().await;
        asked.starts_with("POST http://tools.example/mcp HTTP/1.1\r\n").has("host: tools.example");
        asked.has("proxy-authorization: Basic bWFzbzpzZWNyZXQ=");
        asked.answer("{}").await;
    };
    assert_eq!(join!(post_for(&connections), serving).0, "{}");
}

#[tokio::test]
async fn a_proxy_is_told_of_a_secure_server_where_it_is_and_nothing_else() {
    let (proxy, _) = Server::start().await;
    let connections = reach(Dialer::through(&format!("http://{}", proxy.address())), "https://tools.example/mcp");
    let serving = async {
        let mut asked = proxy.asked().await;
        asked.starts_with("CONNECT tools.example:443 HTTP/1.1\r\n");
        asked.say("HTTP/1.1 403 Forbidden\r\n\r\n").await;
    };
    assert!(matches!(join!(post(&connections), serving).0, Err(LegFault::NotSent(_))));
}
