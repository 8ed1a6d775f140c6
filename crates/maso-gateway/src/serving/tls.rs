//! Connections over TLS 1.3: by which certificate this side is known, and whose certificates it takes.

use std::{fmt, io, sync::Arc, time::Duration};

use maso_wire::PeerCertificates;
use parking_lot::RwLock;
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer},
    server::{ClientHello, NoServerSessionStorage, ResolvesServerCert, danger::ClientCertVerifier},
    sign::CertifiedKey,
    version::TLS13,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::Semaphore,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{KnownAs, peers::Peers};

/// How connections are secured. One TLS connection has one peer, from its beginning to its end: nothing is resumed, so whoever
/// comes again shows a certificate again.
pub struct Tls {
    acceptor: TlsAcceptor,
    known_as: KnownAs,
    handshakes: Semaphore,
    handshake_max: Duration,
}

impl Tls {
    /// TLS 1.3 alone, known by `certificate` as it is at each handshake and at the address `known_as`, for those whom `peers`
    /// lets in.
    ///
    /// # Errors
    /// When this build's cryptography has no TLS 1.3.
    pub fn new(certificate: Arc<ServerCertificate>, peers: Peers, known_as: KnownAs) -> Result<Self, rustls::Error> {
        let peers: Arc<dyn ClientCertVerifier> = Arc::new(peers);
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])?
            .with_client_cert_verifier(peers)
            .with_cert_resolver(certificate);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        let (acceptor, handshakes) = (TlsAcceptor::from(Arc::new(config)), Semaphore::new(HANDSHAKES_MAX));
        Ok(Self { acceptor, known_as, handshakes, handshake_max: HANDSHAKE_MAX })
    }

    /// How whoever connects knows the address.
    pub(super) const fn known_as(&self) -> &KnownAs {
        &self.known_as
    }

    /// Comes to an understanding with whoever is at the other end.
    pub(super) async fn accept<S>(&self, stream: S) -> io::Result<(TlsStream<S>, Option<PeerCertificates>)>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let handshake = async {
            let _place = self.handshakes.acquire().await.expect("nobody closes it");
            self.acceptor.accept(stream).await
        };
        let stream = tokio::time::timeout(self.handshake_max, handshake).await??;
        let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let peer = PeerCertificates::new(shown.iter().map(AsRef::as_ref));
        Ok((stream, peer))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

/// The certificate by which this side is known, with its key. Another may take its place while connections are served: those
/// that are open go on, new ones see the new one.
pub struct ServerCertificate(RwLock<Arc<CertifiedKey>>);

impl ServerCertificate {
    /// Begins with this certificate and those that vouch for it.
    ///
    /// # Errors
    /// When the key cannot be used or is not the certificate's.
    pub fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Arc<Self>, rustls::Error> {
        Ok(Arc::new(Self(RwLock::new(certified(chain, key)?))))
    }

    /// Goes on with another.
    ///
    /// # Errors
    /// As [`ServerCertificate::new`]; the former one counts on.
    pub fn renew(&self, chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<(), rustls::Error> {
        *self.0.write() = certified(chain, key)?;
        Ok(())
    }
}

impl ResolvesServerCert for ServerCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read()))
    }
}

impl fmt::Debug for ServerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerCertificate(…)")
    }
}

fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<CertifiedKey>, rustls::Error> {
    CertifiedKey::from_der(chain, key, &provider()).map(Arc::new)
}

pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// How many handshakes there may be at a time; whoever comes then waits.
const HANDSHAKES_MAX: usize = 1_024;
/// How long a handshake may take, the waiting for its turn included.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

#[cfg(test)]
impl Tls {
    pub(super) fn within(self, handshake_max: Duration) -> Self {
        Self { handshake_max, ..self }
    }
}
