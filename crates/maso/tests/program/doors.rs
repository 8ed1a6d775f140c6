//! Who may come in at all: hosts, origins, content types, slow and half-closed connections.

use reqwest::{StatusCode, header::HeaderMap};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    client::text,
    decisions::{Scene, scene},
    deployment::Wanted,
};

#[tokio::test]
async fn pages_of_other_sites_are_turned_away() {
    let stage = scene(&Wanted::default()).await;
    let Scene { client, deployment, .. } = &stage;
    let frame = client.frame("tools/list", &json!({}));
    let wrong = [
        ("host", "evil.example"),
        ("host", "evil.example:80"),
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("origin", "http://127.0.0.1.evil.example"),
    ];
    for (header, value) in wrong {
        let mut headers = HeaderMap::new();
        headers.insert(header, value.parse().unwrap());
        let response = client.post(&frame, &headers).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{header}: {value}");
    }
    assert!(deployment.effects().is_empty());
    assert!(!client.tools().await.is_empty());
}

#[tokio::test]
async fn only_json_is_read() {
    let stage = scene(&Wanted::default()).await;
    let Scene { client, .. } = &stage;
    let frame = client.frame("tools/list", &json!({}));
    for kind in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonp"]
    {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", kind.parse().unwrap());
        let response = client.post(&frame, &headers).await;
        assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
    }
}

#[tokio::test]
async fn connections_that_dawdle_do_not_keep_others_out() {
    let stage = scene(&Wanted::default()).await;
    let Scene { client, up, .. } = &stage;
    let mut dawdlers = Vec::new();
    for _ in 0..200 {
        let mut stream = TcpStream::connect(up.address).await.unwrap();
        let head = format!(
            "POST /mcp/notes HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\nContent-Length: 1000\r\n\r\n{{",
            up.address
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        dawdlers.push(stream);
    }
    assert_eq!(text(&client.call("read_note", json!({ "note": "x" })).await), "an empty note");
    // One that closes its half and never sends the rest is let go of.
    let mut half = dawdlers.pop().unwrap();
    half.shutdown().await.unwrap();
    let mut said = Vec::new();
    half.read_to_end(&mut said).await.unwrap();
    assert!(!String::from_utf8_lossy(&said).starts_with("HTTP/1.1 2"), "{said:?}");
    assert_eq!(text(&client.call("read_note", json!({ "note": "x" })).await), "an empty note");
}

#[tokio::test]
async fn operators_pages_show_nothing_to_anyone_else() {
    let stage = scene(&Wanted::default()).await;
    let Scene { up, client, .. } = &stage;
    let agent = client.token.clone().unwrap();
    for path in ["/api/v1/hops", "/api/v1/tickets", "/api/v1/agents", "/api/v1/records", "/api/v1/events", "/metrics"] {
        let url = format!("http://{}{path}", up.address);
        assert_eq!(client.http.get(&url).send().await.unwrap().status(), 401, "{path}");
        // An agent's token is no operator's session.
        assert_eq!(client.http.get(&url).bearer_auth(&agent).send().await.unwrap().status(), 401, "{path}");
    }
    assert_eq!(client.http.get(format!("http://{}/healthz", up.address)).send().await.unwrap().status(), 200);
}
