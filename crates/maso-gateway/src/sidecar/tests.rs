//! A sidecar and a maso that is made up, with a pipe in the place of a line.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode, Uri},
    response::IntoResponse,
    routing::{any, get, post},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use maso_core::Timestamp;
use maso_identity::AgentKey;
use maso_path::SystemClock;
use maso_wire::PeerCertificates;
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair, SanType};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::*;
use crate::{Doorkeeper, KnownAs, Peers, Reception, ServerCertificate, Showing, Tls};

/// An authority of a trust domain.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
        Self(CertifiedIssuer::self_signed(params, key()).unwrap())
    }

    fn root(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    fn issue(&self, name: SanType) -> Arc<ServerCertificate> {
        let (mut params, key) = (CertificateParams::default(), key());
        params.subject_alt_names = vec![name];
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        ServerCertificate::new(vec![certificate.into()], key).unwrap()
    }
}

fn key() -> KeyPair {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap()
}

fn domain() -> SanType {
    SanType::DnsName("notes.example".try_into().unwrap())
}

#[derive(Debug)]
struct Nobody;

impl Doorkeeper for Nobody {
    fn lets_in(&self, _: &PeerCertificates) -> bool {
        false
    }
}

/// Lines at whose other end these routes are, by this certificate.
fn lines(certificate: Arc<ServerCertificate>, routes: Router) -> Dial {
    let peers = Peers::new(Arc::new(Nobody), Showing::Optional);
    let tls = Tls::new(certificate, peers, KnownAs("https://notes.example".into())).unwrap();
    let reception = Arc::new(Reception::over_tls(routes, Arc::new(tls)));
    Arc::new(move || {
        let reception = Arc::clone(&reception);
        Box::pin(async move {
            let (near, far) = tokio::io::duplex(1 << 16);
            let place = reception.place().await;
            tokio::spawn(async move { reception.attend(far, ([0, 0, 0, 0], 0).into(), place).await });
            Ok(near)
        })
    })
}

fn way(authority: &Authority, dial: Dial) -> Arc<Way> {
    Arc::new(Way::new("notes.example".parse().unwrap(), &[authority.root()], dial).unwrap())
}

fn badge() -> Arc<Badge> {
    let badge = Badge::new(AgentKey::from_seed([3; 32]), Arc::new(SystemClock));
    badge.take_up("the.token".to_owned(), Timestamp::from_millis(i64::MAX));
    Arc::new(badge)
}

/// Says what came.
async fn echo(uri: Uri, headers: HeaderMap, body: String) -> Json<Value> {
    let headers: serde_json::Map<String, Value> =
        headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().into())).collect();
    Json(json!({ "path": uri.path(), "headers": headers, "body": body }))
}

async fn asked(sidecar: Router, request: Request<Body>) -> (StatusCode, Value) {
    let answer = sidecar.oneshot(request).await.unwrap();
    let (status, bytes) = (answer.status(), to_bytes(answer.into_body(), 1 << 20).await.unwrap());
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

fn from_agent(path: &str) -> axum::http::request::Builder {
    Request::post(path).header("host", "127.0.0.1:7681")
}

#[tokio::test]
async fn what_an_agent_says_of_itself_goes_no_further_and_what_its_sidecar_says_does() {
    let authority = Authority::new();
    let way = way(&authority, lines(authority.issue(domain()), Router::new().fallback(any(echo))));
    let request = from_agent("/mcp/notes?x=1")
        .header("authorization", "Bearer stolen")
        .header("dpop", "forged")
        .header("cookie", "session=1")
        .header("x-forwarded-for", "10.0.0.1")
        .header("connection", "x-once, close")
        .header("x-once", "1")
        .header("maso-task", "a task")
        .body(Body::from("words"));
    let (status, came) = asked(sidecar_router(way, badge()), request.unwrap()).await;
    assert_eq!(status, StatusCode::OK);
    let headers = &came["headers"];
    assert_eq!((&came["path"], &came["body"]), (&json!("/mcp/notes"), &json!("words")));
    assert_eq!((&headers["host"], &headers["maso-task"]), (&json!("notes.example"), &json!("a task")));
    assert_eq!(headers["authorization"], "DPoP the.token");
    assert_ne!(headers["dpop"], "forged");
    for gone in ["cookie", "x-forwarded-for", "x-once"] {
        assert_eq!(headers[gone], Value::Null, "{gone}");
    }
}

#[tokio::test]
async fn whoever_answers_without_the_trust_domains_own_certificate_is_not_maso() {
    let authority = Authority::new();
    let as_agent = SanType::URI("spiffe://notes.example/agent/writer".try_into().unwrap());
    let elsewhere = SanType::DnsName("other.example".try_into().unwrap());
    let certificates = [Authority::new().issue(domain()), authority.issue(as_agent), authority.issue(elsewhere)];
    for certificate in certificates {
        let way = way(&authority, lines(certificate, Router::new().fallback(any(echo))));
        let request = from_agent("/mcp/notes").body(Body::from("secret words")).unwrap();
        let (status, said) = asked(sidecar_router(way, badge()), request).await;
        assert_eq!((status, said), (StatusCode::SERVICE_UNAVAILABLE, json!({ "code": "UNAVAILABLE" })));
    }
    let gone: Dial = Arc::new(|| Box::pin(async { Err(std::io::Error::other("no line")) }));
    let request = from_agent("/mcp/notes").body(Body::empty()).unwrap();
    let (status, _) = asked(sidecar_router(way(&authority, gone), badge()), request).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn without_a_token_nothing_is_asked_and_a_page_is_no_agent() {
    let authority = Authority::new();
    let dial: Dial = Arc::new(|| unreachable!("nothing is asked"));
    let bare = Arc::new(Badge::new(AgentKey::from_seed([3; 32]), Arc::new(SystemClock)));
    let request = from_agent("/mcp/notes").body(Body::empty()).unwrap();
    let (status, _) = asked(sidecar_router(way(&authority, Arc::clone(&dial)), bare), request).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    for (host, origin) in [("evil.example", None), ("127.0.0.1", Some("https://evil.example"))] {
        let mut request = Request::post("/mcp/notes").header("host", host);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let sidecar = sidecar_router(way(&authority, Arc::clone(&dial)), badge());
        let (status, _) = asked(sidecar, request.body(Body::empty()).unwrap()).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{host}");
    }
}

#[tokio::test]
async fn a_message_without_an_envelope_is_signed_and_one_with_goes_as_it_is() {
    let authority = Authority::new();
    let routes = Router::new().fallback(any(echo));
    let sidecar = sidecar_router(way(&authority, lines(authority.issue(domain()), routes)), badge());
    let bare = from_agent("/v1/messages").header("content-type", "application/vnd.maso.message+json");
    let (_, came) = asked(sidecar.clone(), bare.body(Body::from("{}")).unwrap()).await;
    let envelope: Value = serde_json::from_str(came["body"].as_str().unwrap()).unwrap();
    assert_eq!(envelope["payload"], STANDARD.encode("{}"));
    assert_eq!(envelope["signatures"].as_array().unwrap().len(), 1);
    assert_eq!(came["headers"]["content-type"], "application/json");
    let signed = from_agent("/v1/messages").header("content-type", "application/json");
    let (_, came) = asked(sidecar.clone(), signed.body(Body::from("{ }")).unwrap()).await;
    assert_eq!(came["body"], "{ }");
    let large = from_agent("/v1/messages").header("content-type", "application/vnd.maso.message+json");
    let (status, _) = asked(sidecar, large.body(Body::from(vec![b' '; 600 << 10])).unwrap()).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_token_is_renewed_where_maso_says_so_and_counts_on_where_not() {
    let authority = Authority::new();
    let given = post(|| async { (StatusCode::CREATED, Json(json!({ "token": "another", "expires_at": 9_000 }))) });
    let way_to = |routes| way(&authority, lines(authority.issue(domain()), routes));
    let badge = badge();
    let refusing = way_to(Router::new());
    assert!(matches!(badge.renew(&refusing).await, Err(BadgeFault::Refused(StatusCode::NOT_FOUND))));
    let babbling = way_to(Router::new().route("/v1/identity/renew", post(|| async { (StatusCode::CREATED, "what?") })));
    assert!(matches!(badge.renew(&babbling).await, Err(BadgeFault::Unclear)));
    assert_eq!(badge.expose_token().unwrap().0, "the.token");
    badge.renew(&way_to(Router::new().route("/v1/identity/renew", given))).await.unwrap();
    assert_eq!(badge.expose_token(), Some(("another".to_owned(), Timestamp::from_millis(9_000))));
    assert_eq!(badge.counts_until(), None, "its time is over");
}

#[tokio::test]
async fn the_next_authority_is_known_before_it_signs() {
    let (former, next) = (Authority::new(), Authority::new());
    let x509 = |of: &Authority| json!({ "use": "x509-svid", "x5c": [STANDARD.encode(of.root())] });
    let bundle = json!({ "keys": [x509(&former), { "use": "jwt-svid", "kid": "1" }, x509(&next)] });
    let told = bundle.to_string();
    let routes = Router::new().route("/v1/identity/bundle", get(move || async move { told.into_response() }));
    let certificate = former.issue(domain());
    let way = way(&former, lines(Arc::clone(&certificate), routes));
    let roots = way.roots().await.unwrap();
    assert_eq!(roots, [former.root(), next.root()]);
    way.trust(&roots).unwrap();
    // It signs from now on; whoever has heard of it goes on.
    let (chain, key) = {
        let (mut params, key) = (CertificateParams::default(), key());
        params.subject_alt_names = vec![domain()];
        let signed = params.signed_by(&key, &next.0).unwrap();
        (vec![signed.into()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
    };
    certificate.renew(chain, key).unwrap();
    assert_eq!(way.roots().await.unwrap().len(), 2);
    assert!(way.trust(&[]).is_err(), "nobody is believed for want of a reason");
}
