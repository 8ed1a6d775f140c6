//! Over TLS: who is let in, by which certificate this side is known, and that it does not matter what carries it.

use axum::{Extension, extract::ConnectInfo};
use rcgen::{CertificateParams, KeyPair, SanType};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName},
    version::{TLS12, TLS13},
};
use tokio_rustls::TlsConnector;

use super::*;
use crate::serving::tls::provider;

/// A certificate that vouches for itself, with its key.
struct Pair(CertificateDer<'static>, PrivateKeyDer<'static>);

impl Pair {
    fn new() -> Self {
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::DnsName("maso.test".try_into().unwrap())];
        let certificate = params.self_signed(&key).unwrap();
        Self(certificate.into(), PrivateKeyDer::try_from(key.serialize_der()).unwrap())
    }

    fn parts(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        (vec![self.0.clone()], self.1.clone_key())
    }
}

/// Lets in whoever shows exactly this.
#[derive(Debug)]
struct Only(Vec<u8>);

impl Doorkeeper for Only {
    fn lets_in(&self, certificates: &PeerCertificates) -> bool {
        certificates.own() == self.0
    }
}

struct Rig {
    server: Pair,
    agent: Pair,
    certificate: Arc<ServerCertificate>,
}

impl Rig {
    fn new() -> Self {
        let server = Pair::new();
        let (chain, key) = server.parts();
        Self { server, agent: Pair::new(), certificate: ServerCertificate::new(chain, key).unwrap() }
    }

    fn tls(&self, showing: Showing) -> Tls {
        let peers = Peers::new(Arc::new(Only(self.agent.0.to_vec())), showing);
        Tls::new(Arc::clone(&self.certificate), peers, KnownAs("https://maso.test".into())).unwrap()
    }

    /// Somebody who comes over a pipe instead of a socket, in this version of TLS, and shows this.
    async fn asks(
        &self,
        reception: &Arc<Reception>,
        (server, shown): (&Pair, Option<&Pair>),
        version: &'static rustls::SupportedProtocolVersion,
    ) -> io::Result<String> {
        let (near, far) = tokio::io::duplex(1 << 16);
        let (attending, place) = (Arc::clone(reception), reception.place().await);
        tokio::spawn(async move { attending.attend(far, elsewhere(), place).await });
        let mut stream = connect(near, (server, shown), version).await?;
        stream.write_all(ASKED_ONCE.as_bytes()).await?;
        let mut heard = String::new();
        stream.read_to_string(&mut heard).await?;
        Ok(heard)
    }
}

async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    (server, shown): (&Pair, Option<&Pair>),
    version: &'static rustls::SupportedProtocolVersion,
) -> io::Result<tokio_rustls::client::TlsStream<S>> {
    let mut roots = RootCertStore::empty();
    roots.add(server.0.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots);
    let config = match shown {
        None => config.with_no_client_auth(),
        Some(pair) => {
            let (chain, key) = pair.parts();
            config.with_client_auth_cert(chain, key).unwrap()
        }
    };
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("maso.test").unwrap(), stream).await
}

fn elsewhere() -> SocketAddr {
    "192.0.2.7:1".parse().unwrap()
}

/// Says what the request carries with it.
fn routes() -> Router {
    let whose = get(
        async |ConnectInfo(peer): ConnectInfo<SocketAddr>,
               _: Extension<KnownAs>,
               shown: Option<Extension<PeerCertificates>>| {
            format!("{} of {}", if shown.is_some() { "a certificate" } else { "nothing" }, peer.ip())
        },
    );
    Router::new().route("/", whose)
}

const ASKED_ONCE: &str = "GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn whoever_shows_a_certificate_that_counts_is_served_over_whatever_carries_it() {
    let rig = Rig::new();
    let reception = Arc::new(Reception::over_tls(routes(), Arc::new(rig.tls(Showing::Required))));
    let heard = rig.asks(&reception, (&rig.server, Some(&rig.agent)), &TLS13).await.unwrap();
    assert!(heard.ends_with("a certificate of 192.0.2.7"), "{heard}");
}

#[tokio::test]
async fn whoever_shows_none_or_another_where_one_is_required_has_no_connection() {
    let rig = Rig::new();
    let reception = Arc::new(Reception::over_tls(routes(), Arc::new(rig.tls(Showing::Required))));
    rig.asks(&reception, (&rig.server, None), &TLS13).await.unwrap_err();
    rig.asks(&reception, (&rig.server, Some(&Pair::new())), &TLS13).await.unwrap_err();
}

#[tokio::test]
async fn where_none_is_required_one_that_does_not_count_is_refused_all_the_same() {
    let rig = Rig::new();
    let reception = Arc::new(Reception::over_tls(routes(), Arc::new(rig.tls(Showing::Optional))));
    let heard = rig.asks(&reception, (&rig.server, None), &TLS13).await.unwrap();
    assert!(heard.ends_with("nothing of 192.0.2.7"), "{heard}");
    rig.asks(&reception, (&rig.server, Some(&Pair::new())), &TLS13).await.unwrap_err();
}

#[tokio::test]
async fn nothing_older_than_tls_1_3_is_spoken() {
    let rig = Rig::new();
    let reception = Arc::new(Reception::over_tls(routes(), Arc::new(rig.tls(Showing::Optional))));
    rig.asks(&reception, (&rig.server, Some(&rig.agent)), &TLS12).await.unwrap_err();
}

#[tokio::test]
async fn a_certificate_is_renewed_and_open_connections_go_on() {
    let rig = Rig::new();
    let reception = Arc::new(Reception::over_tls(routes(), Arc::new(rig.tls(Showing::Optional))));
    let (near, far) = tokio::io::duplex(1 << 16);
    let (attending, place) = (Arc::clone(&reception), reception.place().await);
    tokio::spawn(async move { attending.attend(far, elsewhere(), place).await });
    let mut open = connect(near, (&rig.server, None), &TLS13).await.unwrap();

    let next = Pair::new();
    let (chain, key) = next.parts();
    rig.certificate.renew(chain, key).unwrap();
    rig.asks(&reception, (&rig.server, None), &TLS13).await.unwrap_err();
    rig.asks(&reception, (&next, None), &TLS13).await.unwrap();
    open.write_all(ASKED_ONCE.as_bytes()).await.unwrap();
    let mut heard = String::new();
    open.read_to_string(&mut heard).await.unwrap();
    assert!(heard.starts_with("HTTP/1.1 200"), "{heard}");
}

#[tokio::test]
async fn a_key_of_another_certificate_is_no_certificate_to_be_known_by() {
    let rig = Rig::new();
    let ((chain, _), (_, key)) = (rig.server.parts(), Pair::new().parts());
    rig.certificate.renew(chain, key).unwrap_err();
    // The former one counts on.
    let reception = Arc::new(Reception::over_tls(routes(), Arc::new(rig.tls(Showing::Optional))));
    rig.asks(&reception, (&rig.server, None), &TLS13).await.unwrap();
}

#[tokio::test]
async fn whoever_does_not_come_to_the_end_of_a_handshake_is_let_go() {
    let rig = Rig::new();
    let tls = rig.tls(Showing::Optional).within(Duration::from_millis(1));
    let reception = Reception::over_tls(routes(), Arc::new(tls));
    let (_near, far) = tokio::io::duplex(1 << 16);
    reception.attend(far, elsewhere(), reception.place().await).await;
}

#[tokio::test]
async fn a_handshake_does_not_hold_up_the_end() {
    let rig = Rig::new();
    let reception = Arc::new(Reception::over_tls(routes(), Arc::new(rig.tls(Showing::Optional))));
    let (_near, far) = tokio::io::duplex(1 << 16);
    let mut attending = std::pin::pin!(reception.attend(far, elsewhere(), reception.place().await));
    assert!(futures::poll!(&mut attending).is_pending());
    tokio::join!(attending, reception.close());
}
