//! The way from a sidecar to maso: HTTP over TLS over lines.

use std::{
    fmt,
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    body::Body,
    http::{HeaderValue, Request, Response, Uri, header::HOST},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::future::BoxFuture;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{
        Client, Error,
        connect::{Connected, Connection},
    },
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use maso_bus::Line;
use maso_core::TrustDomain;
use parking_lot::RwLock;
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs, pki_types::CertificateDer, version::TLS13};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tower::Service;

/// How a line to maso is had.
pub type Dial = Arc<dyn Fn() -> BoxFuture<'static, io::Result<Line>> + Send + Sync>;

/// Asks maso, of whom it is sure: whoever answers has a certificate for the trust domain's own name, by the trust domain's own
/// authority, which issues that name to nobody else.
pub struct Way {
    dial: Dial,
    domain: TrustDomain,
    host: HeaderValue,
    client: RwLock<Client<HttpsConnector<Dialer>, Body>>,
}

/// Why maso did not answer.
#[derive(Debug, thiserror::Error)]
pub enum Unreached {
    /// These certificates cannot be trusted, or there are none.
    #[error("nothing says by which certificates maso is known")]
    Roots(#[source] rustls::Error),
    /// The trust domain is no name that a certificate could have.
    #[error("the trust domain `{0}` is no host name")]
    Name(TrustDomain),
    /// It does not say by what it will be known.
    #[error("what maso says of its trust domain is no bundle")]
    NoBundle,
    /// There is no line, whoever answers is not maso, or it broke off.
    #[error("maso is not reached")]
    Line(#[source] Error),
}

impl Way {
    /// To the maso of this trust domain, which is known by certificates under one of `roots`.
    ///
    /// # Errors
    /// When none of them can be trusted.
    pub fn new(domain: TrustDomain, roots: &[CertificateDer<'static>], dial: Dial) -> Result<Self, Unreached> {
        let host = HeaderValue::from_str(domain.as_str()).map_err(|_| Unreached::Name(domain.clone()))?;
        let client = RwLock::new(client(roots, &dial)?);
        Ok(Self { dial, domain, host, client })
    }

    /// Goes on with these roots. Connections that are open go on as they are.
    ///
    /// # Errors
    /// When none of them can be trusted; the former ones count on.
    pub fn trust(&self, roots: &[CertificateDer<'static>]) -> Result<(), Unreached> {
        let client = client(roots, &self.dial)?;
        *self.client.write() = client;
        Ok(())
    }

    /// The address of a path at maso, as proofs name it.
    pub fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.domain)
    }

    /// Asks by which certificates maso is known from now on.
    ///
    /// # Errors
    /// When it does not say so.
    pub async fn roots(&self) -> Result<Vec<CertificateDer<'static>>, Unreached> {
        let request = Request::get(BUNDLE).body(Body::empty()).expect("the path is one");
        let answer = self.send(request).await?;
        let body =
            Limited::new(answer.into_body(), BUNDLE_BYTES_MAX).collect().await.map_err(|_| Unreached::NoBundle)?;
        roots(&body.to_bytes()).filter(|roots| !roots.is_empty()).ok_or(Unreached::NoBundle)
    }

    /// Sends a request to a path at maso, and waits for the head of its answer.
    ///
    /// # Errors
    /// When there is no answer. Whether it was heard, nobody knows.
    pub async fn send(&self, mut request: Request<Body>) -> Result<Response<Incoming>, Unreached> {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = self.url(path).parse().map_err(|_| Unreached::Name(self.domain.clone()))?;
        request.headers_mut().insert(HOST, self.host.clone());
        let client = self.client.read().clone();
        client.request(request).await.map_err(Unreached::Line)
    }
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Way").field("domain", &self.domain).finish_non_exhaustive()
    }
}

fn client(roots: &[CertificateDer<'static>], dial: &Dial) -> Result<Client<HttpsConnector<Dialer>, Body>, Unreached> {
    let mut store = RootCertStore::empty();
    for root in roots {
        store.add(root.clone()).map_err(Unreached::Roots)?;
    }
    if store.is_empty() {
        return Err(Unreached::Roots(rustls::Error::NoCertificatesPresented));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .map_err(Unreached::Roots)?
        .with_root_certificates(store)
        .with_no_client_auth();
    let connector = HttpsConnector::from((Dialer(Arc::clone(dial)), config));
    Ok(Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_FOR)
        .pool_max_idle_per_host(IDLE_MAX)
        .build(connector))
}

/// The certificates for X.509-SVIDs in a bundle of SPIFFE (Trust Domain and Bundle, section 4).
fn roots(document: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let document: Value = serde_json::from_slice(document).ok()?;
    let keys = document.get("keys")?.as_array()?;
    let of_x509 = keys.iter().filter(|key| key.get("use").and_then(Value::as_str) == Some("x509-svid"));
    of_x509.map(|key| STANDARD.decode(key.pointer("/x5c/0")?.as_str()?).ok().map(CertificateDer::from)).collect()
}

/// Makes lines, whatever the address is: all of them lead to maso.
#[derive(Clone)]
struct Dialer(Dial);

impl Service<Uri> for Dialer {
    type Response = TokioIo<OnLine>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<TokioIo<OnLine>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let line = (self.0)();
        Box::pin(async move { line.await.map(OnLine).map(TokioIo::new) })
    }
}

/// A line, as the HTTP client wants its connections.
struct OnLine(Line);

impl Connection for OnLine {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for OnLine {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_read(context, buffer)
    }
}

impl AsyncWrite for OnLine {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().0).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_shutdown(context)
    }
}

const BUNDLE: &str = "/v1/identity/bundle";
const BUNDLE_BYTES_MAX: usize = 256 * 1024;
/// How long a line may be idle. Less than what maso allows, so that none is closed while a request is on its way.
const IDLE_FOR: std::time::Duration = std::time::Duration::from_secs(60);
/// How many lines stay open for the next request.
const IDLE_MAX: usize = 16;
