//! Reaching a server over the network: TCP, TLS where the address says so, and the proxy that the environment names.

use std::{
    future::poll_fn,
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::http::{HeaderValue, Uri};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::{
    client::{
        legacy::connect::{HttpConnector, proxy::Tunnel},
        proxy::matcher::Matcher,
    },
    rt::TokioIo,
};
use rustls::{ClientConfig, crypto::aws_lc_rs};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::net::TcpStream;
use tower::Service;

/// An open connection, with TLS or without.
pub(super) type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

/// Opens connections. A proxy is used as `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` say.
pub(crate) struct Dialer {
    tcp: HttpConnector,
    tls: OnceLock<Arc<ClientConfig>>,
    proxies: Matcher,
}

/// How requests get to their server.
#[derive(Clone, Debug)]
pub(super) enum Route {
    /// Straight, or through a tunnel, in which a proxy sees nothing.
    Straight,
    /// By a proxy that reads them.
    Forwarded(Option<HeaderValue>),
}

impl Dialer {
    pub(crate) fn new() -> Self {
        Self::with(Matcher::from_env())
    }

    fn with(proxies: Matcher) -> Self {
        let mut tcp = HttpConnector::new();
        // TLS is put on top by us.
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(KEEP_ALIVE));
        Self { tcp, tls: OnceLock::new(), proxies }
    }

    #[cfg(test)]
    pub(super) fn without_proxy() -> Self {
        Self::with(Matcher::builder().build())
    }

    #[cfg(test)]
    pub(super) fn through(proxy: &str) -> Self {
        Self::with(Matcher::builder().all(proxy).build())
    }

    /// Opens a connection to the host of `to`.
    pub(super) async fn dial(&self, to: &Uri) -> Result<(Stream, Route), String> {
        match tokio::time::timeout(DIAL_WAIT, self.dial_now(to)).await {
            Ok(dialled) => dialled,
            Err(_) => Err(format!("no connection within {} s", DIAL_WAIT.as_secs())),
        }
    }

    async fn dial_now(&self, to: &Uri) -> Result<(Stream, Route), String> {
        let secure = to.scheme_str() == Some("https");
        let Some(proxy) = self.proxies.intercept(to) else {
            let stream = if secure { self.secure(self.tcp.clone(), to).await? } else { self.plain(to).await? };
            return Ok((stream, Route::Straight));
        };
        if !matches!(proxy.uri().scheme_str(), Some("http")) {
            return Err("the proxy that the environment names is not an `http://` one".to_owned());
        }
        if secure {
            let mut tunnel = Tunnel::new(proxy.uri().clone(), self.tcp.clone());
            if let Some(credential) = proxy.basic_auth() {
                tunnel = tunnel.with_auth(credential.clone());
            }
            return Ok((self.secure(tunnel, to).await?, Route::Straight));
        }
        Ok((self.plain(proxy.uri()).await?, Route::Forwarded(proxy.basic_auth().cloned())))
    }

    async fn plain(&self, to: &Uri) -> Result<Stream, String> {
        call(self.tcp.clone(), to).await.map(MaybeHttpsStream::Http)
    }

    async fn secure<C>(&self, below: C, to: &Uri) -> Result<Stream, String>
    where
        HttpsConnector<C>: Service<Uri, Response = Stream>,
        <HttpsConnector<C> as Service<Uri>>::Error: std::fmt::Display,
    {
        call(HttpsConnector::from((below, self.tls()?)), to).await
    }

    /// Made when it is first needed: reading the system's certificates takes time and memory.
    fn tls(&self) -> Result<Arc<ClientConfig>, String> {
        if let Some(config) = self.tls.get() {
            return Ok(Arc::clone(config));
        }
        // Named, because the process-wide default could be changed by another crate.
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_platform_verifier())
            .map_err(|error| format!("TLS cannot be used: {error}"))?
            .with_no_client_auth();
        Ok(Arc::clone(self.tls.get_or_init(|| Arc::new(config))))
    }
}

async fn call<S>(mut service: S, to: &Uri) -> Result<S::Response, String>
where
    S: Service<Uri>,
    S::Error: std::fmt::Display,
{
    poll_fn(|context| service.poll_ready(context)).await.map_err(|error| error.to_string())?;
    service.call(to.clone()).await.map_err(|error| error.to_string())
}

const DIAL_WAIT: Duration = Duration::from_secs(10);
const KEEP_ALIVE: Duration = Duration::from_secs(15);
