//! One generation of the trust domain's authority, and the file in which it lies: two keys, and the certificate of the
//! first.
//!
//! X.509-SVIDs and JWT-SVIDs are signed by keys of their own, as the standards ask for.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt},
    path::{Path, PathBuf},
};

use maso_core::{Timestamp, TrustDomain};
use maso_identity::PublicKey;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer, pem::PemObject};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::{KeyFault, PemKey, SigningKey, jwt, rotation::Span, x509};

/// Why a generation cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GenerationFault {
    /// The system refused.
    #[error("cannot {operation} `{path}`")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Others may read it.
    #[error("`{path}` may be read by others (mode {mode:o}); `chmod go= {path}` ends that")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It is not what was written.
    #[error("`{0}` is not an authority: two P-256 keys and the first one's certificate were expected")]
    Malformed(PathBuf),
    /// A key cannot be used.
    #[error("the authority's key cannot be used")]
    Key(#[from] KeyFault),
}

/// One generation.
pub(crate) struct Generation {
    pub(crate) span: Span,
    /// Whose authority it is, as its certificate says.
    pub(crate) domain: String,
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) certificates: Box<dyn SigningKey>,
    pub(crate) tokens: Box<dyn SigningKey>,
    pub(crate) tokens_public: PublicKey,
}

impl Generation {
    /// Makes a generation and writes it, unless another process was first: then `None`.
    pub(crate) fn make(path: &Path, domain: &TrustDomain, now: Timestamp) -> Result<Option<Self>, GenerationFault> {
        let (certificates, tokens) = (PemKey::generate()?, PemKey::generate()?);
        let certificate = x509::authority(domain, &certificates, Span::beginning(now))?;
        let text = format!("{}{}{}", certificates.expose_pem(), tokens.expose_pem(), pem(&certificate));
        // Written whole and then named: nobody ever reads half of it, and of two that are made at once one counts.
        let fresh = path.with_extension(format!("new-{}", uuid::Uuid::new_v4().simple()));
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&fresh)
            .map_err(fault("create", &fresh))?;
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
        let named = written.and_then(|()| fs::hard_link(&fresh, path));
        fs::remove_file(&fresh).map_err(fault("remove", &fresh))?;
        match named {
            Ok(()) => Self::of(path, certificate, certificates, tokens).map(Some),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
            Err(error) => Err(fault("write", path)(error)),
        }
    }

    /// Reads the generation in this file, which nobody else may.
    pub(crate) fn read(path: &Path) -> Result<Self, GenerationFault> {
        let mut file = File::open(path).map_err(fault("read", path))?;
        let mode = file.metadata().map_err(fault("read", path))?.mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(GenerationFault::Exposed { path: path.to_owned(), mode });
        }
        let mut text = Vec::new();
        let read = Read::by_ref(&mut file).take(FILE_BYTES_MAX).read_to_end(&mut text);
        read.map_err(fault("read", path))?;
        let malformed = || GenerationFault::Malformed(path.to_owned());
        let keys: Vec<_> =
            PrivatePkcs8KeyDer::pem_slice_iter(&text).collect::<Result<_, _>>().map_err(|_| malformed())?;
        let [certificates, tokens] = keys.as_slice() else { return Err(malformed()) };
        let certificate = CertificateDer::from_pem_slice(&text).map_err(|_| malformed())?;
        let key = |der: &PrivatePkcs8KeyDer<'_>| PemKey::from_pkcs8(der.secret_pkcs8_der());
        Self::of(path, certificate, key(certificates)?, key(tokens)?)
    }

    fn of(
        path: &Path,
        certificate: CertificateDer<'static>,
        certificates: PemKey,
        tokens: PemKey,
    ) -> Result<Self, GenerationFault> {
        let malformed = || GenerationFault::Malformed(path.to_owned());
        let (domain, span) = {
            let (_, read) = X509Certificate::from_der(&certificate).map_err(|_| malformed())?;
            if read.public_key().subject_public_key.as_ref() != certificates.public() {
                return Err(malformed());
            }
            let moment = |seconds: i64| Timestamp::from_millis(seconds.saturating_mul(1000));
            let validity = read.validity();
            let span =
                Span { from: moment(validity.not_before.timestamp()), until: moment(validity.not_after.timestamp()) };
            let names = read.subject_alternative_name().ok().flatten().ok_or_else(malformed)?;
            let [GeneralName::URI(uri)] = names.value.general_names.as_slice() else { return Err(malformed()) };
            ((*uri).to_owned(), span)
        };
        Ok(Self {
            span,
            domain,
            certificate,
            tokens_public: jwt::public(&tokens)?,
            certificates: Box::new(certificates),
            tokens: Box::new(tokens),
        })
    }
}

/// A certificate in PEM.
fn pem(certificate: &CertificateDer<'_>) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let text = STANDARD.encode(certificate);
    // Base64 is ASCII, so any place is between characters.
    let lines = text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line) + "\n");
    let body: String = lines.collect();
    format!("-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n")
}

pub(crate) fn fault(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> GenerationFault {
    let path = path.to_owned();
    move |source| GenerationFault::Io { operation, path, source }
}

/// More than two keys and a certificate ever need.
const FILE_BYTES_MAX: u64 = 64 << 10;
