//! Whose certificates are taken at a handshake. Who its peer may be is asked once more with every request: a connection may
//! stay open for longer than a certificate counts.

use std::{fmt, sync::Arc};

use maso_wire::PeerCertificates;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{CryptoProvider, verify_tls13_signature},
    pki_types::{CertificateDer, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};

use super::tls::provider;

/// Says whether certificates name somebody who may come in. Asked at each handshake.
pub trait Doorkeeper: Send + Sync + fmt::Debug {
    /// Whether whoever these certificates name may come in now.
    fn lets_in(&self, certificates: &PeerCertificates) -> bool;
}

/// Whether whoever connects has to show a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Showing {
    /// Without one there is no connection.
    Required,
    /// One that is shown must count; whoever shows none proves itself otherwise, request by request.
    Optional,
}

/// Who may connect over TLS.
#[derive(Debug)]
pub struct Peers {
    keeper: Arc<dyn Doorkeeper>,
    showing: Showing,
    provider: Arc<CryptoProvider>,
}

impl Peers {
    /// Those whom `keeper` lets in.
    pub fn new(keeper: Arc<dyn Doorkeeper>, showing: Showing) -> Self {
        Self { keeper, showing, provider: provider() }
    }
}

impl ClientCertVerifier for Peers {
    fn client_auth_mandatory(&self) -> bool {
        self.showing == Showing::Required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // Names of authorities say nothing of trust domains, and change while we serve.
        &[]
    }

    fn verify_client_cert(
        &self,
        own: &CertificateDer<'_>,
        issuers: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let shown = std::iter::once(own).chain(issuers).map(AsRef::as_ref);
        let may_come = PeerCertificates::new(shown).is_some_and(|shown| self.keeper.lets_in(&shown));
        // Why it may not is for the operator alone.
        let refused = Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure);
        may_come.then(ClientCertVerified::assertion).ok_or(refused)
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.2 is not spoken here".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
