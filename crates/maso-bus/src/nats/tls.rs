//! TLS to a NATS server: by whom its certificate must be vouched for, and which one it is shown.

use std::{fmt, io, sync::Arc};

use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use rustls_platform_verifier::BuilderVerifierExt as _;

use super::Broker;

/// A certificate that a server is shown which asks for one, and its key.
#[derive(Clone)]
pub struct ClientCertificate(Arc<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>);

/// What is no certificate with its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// There is no certificate.
    #[error("no certificates in PEM")]
    NoCertificate,
    /// There is no key.
    #[error("no private key in PEM")]
    NoKey,
    /// They do not belong together, or are of a kind that is not known.
    #[error("the certificate and its key cannot be used")]
    Unusable,
}

impl ClientCertificate {
    /// Reads both, as they stand in files: the certificate with those that vouch for it, and its private key.
    ///
    /// # Errors
    /// When one of them is none, or is not the other's.
    pub fn from_pem(certificate: &[u8], key: &[u8]) -> Result<Self, CertificateError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or(CertificateError::NoCertificate)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| CertificateError::NoKey)?;
        let provider = aws_lc_rs::default_provider();
        rustls::sign::CertifiedKey::from_der(chain.clone(), key.clone_key(), &provider)
            .map_err(|_| CertificateError::Unusable)?;
        Ok(Self(Arc::new((chain, key))))
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCertificate")
    }
}

/// How connections to a broker are encrypted. Where they are to be plain nobody is believed: a server that wants more than was
/// asked for is not reached, rather than reached without knowing it.
pub(super) fn config(broker: &Broker) -> Result<ClientConfig, io::Error> {
    // Named, because the process-wide default could be changed by another crate.
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let builder = match (&broker.roots_pem, broker.servers.is_encrypted()) {
        (_, false) => builder.with_root_certificates(RootCertStore::empty()),
        (Some(pem), true) => builder.with_root_certificates(roots(pem)?),
        (None, true) => builder.with_platform_verifier().map_err(io::Error::other)?,
    };
    match &broker.certificate {
        None => Ok(builder.with_no_client_auth()),
        Some(ClientCertificate(shown)) => {
            builder.with_client_auth_cert(shown.0.clone(), shown.1.clone_key()).map_err(io::Error::other)
        }
    }
}

fn roots(pem: &[u8]) -> Result<RootCertStore, io::Error> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
    }
    if roots.is_empty() { Err(io::Error::other("there is no certificate in the file")) } else { Ok(roots) }
}
