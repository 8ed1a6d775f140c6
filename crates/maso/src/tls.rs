//! The door over TLS: by which certificate maso is known there, and who vouches for those who come.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use maso_core::Timestamp;
use maso_gateway::{Believed, KnownAs, Peers, ServerCertificate, Showing, Tls};
use maso_intent::{CertificateFiles, ClientCertificates, HostName, TlsSettings};
use maso_spiffe::{Authority, AuthorityFault, Federated};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject as _};

use crate::{assemble::Assembled, fault::Fault, state};

/// The certificate by which maso is known, which is renewed while it serves.
pub struct Known {
    certificate: Arc<ServerCertificate>,
    from: Whence,
    shown: Shown,
}

/// Where the certificate comes from.
enum Whence {
    /// The trust domain's own authority, for these names.
    Authority(Arc<Authority>, Vec<HostName>),
    /// Files that somebody else renews.
    Files { certificate: PathBuf, key: PathBuf },
}

/// What is shown now, and from when on another should be.
struct Shown {
    chain: Vec<CertificateDer<'static>>,
    renew_at: Option<Timestamp>,
}

/// Why there is no certificate to be known by.
#[derive(Debug, thiserror::Error)]
enum CertificateFault {
    #[error("the trust domain's authority did not sign")]
    Authority(#[from] AuthorityFault),
    #[error("cannot read `{path}`")]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    Key(#[from] state::StateFault),
    #[error("`{0}` holds no certificates in PEM")]
    NoCertificate(PathBuf),
    #[error("`{0}` holds no private key in PEM")]
    NoKey(PathBuf),
    #[error("the certificate and its key cannot be used")]
    Unusable,
}

impl Known {
    /// The certificate that the deployment says, and TLS by it for whoever the path believes.
    pub fn open(
        assembled: &Assembled,
        authority: &Arc<Authority>,
        settings: &TlsSettings,
        known_as: KnownAs,
    ) -> Result<(Self, Arc<Tls>), Fault> {
        let from = match &settings.certificate {
            None => Whence::Authority(Arc::clone(authority), settings.names.clone()),
            Some(CertificateFiles { certificate, key }) => Whence::Files {
                certificate: assembled.in_folder(Path::new(certificate)),
                key: assembled.in_folder(Path::new(key)),
            },
        };
        let showing = match settings.client_certificates {
            ClientCertificates::Required => Showing::Required,
            ClientCertificates::Optional => Showing::Optional,
        };
        Self::begin(assembled, from, showing, known_as)
            .map_err(|fault| fault.help("`[listen.tls]` in maso.toml says by what"))
    }

    /// The trust domain's own certificate for its own name, by which sidecars are sure of maso. Who they speak for they show
    /// with each request.
    pub fn for_sidecars(assembled: &Assembled, authority: &Arc<Authority>) -> Result<(Self, Arc<Tls>, String), Fault> {
        let domain = assembled.deployment.trust_domain.as_str();
        let names = vec![HostName::Dns(domain.to_owned())];
        let (from, url) = (Whence::Authority(Arc::clone(authority), names), format!("https://{domain}"));
        let (known, tls) = Self::begin(assembled, from, Showing::Optional, KnownAs(url.as_str().into()))?;
        Ok((known, tls, url))
    }

    fn begin(
        assembled: &Assembled,
        from: Whence,
        showing: Showing,
        known_as: KnownAs,
    ) -> Result<(Self, Arc<Tls>), Fault> {
        let cannot = |fault| Fault::new("cannot serve over TLS", fault);
        let (shown, key) = next(&from, assembled.path.clock().now()).map_err(cannot)?;
        let certificate = ServerCertificate::new(shown.chain.clone(), key);
        let certificate = certificate.map_err(|_| cannot(CertificateFault::Unusable))?;
        let believed = Believed::by(Arc::clone(assembled.path.trust()), Arc::clone(assembled.path.clock()));
        let tls = Tls::new(Arc::clone(&certificate), Peers::new(Arc::new(believed), showing), known_as);
        let tls = tls.map_err(|error| Fault::new("cannot serve over TLS", error))?;
        Ok((Self { certificate, from, shown }, Arc::new(tls)))
    }

    /// Goes on with another certificate, where it is time or there is one.
    fn look_after(&mut self, now: Timestamp) -> Result<(), CertificateFault> {
        if self.shown.renew_at.is_some_and(|at| now < at) {
            return Ok(());
        }
        let (shown, key) = next(&self.from, now)?;
        if shown.chain != self.shown.chain {
            self.certificate.renew(shown.chain.clone(), key).map_err(|_| CertificateFault::Unusable)?;
            tracing::info!("maso is known by a new certificate");
        }
        self.shown = shown;
        Ok(())
    }
}

fn next(from: &Whence, now: Timestamp) -> Result<(Shown, PrivateKeyDer<'static>), CertificateFault> {
    match from {
        Whence::Authority(authority, names) => {
            let svid = authority.issue_own(names, now)?;
            let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(svid.expose_key()));
            let renew_at = Some(now.plus_ms(svid.not_after.since_ms(now) / 2));
            Ok((Shown { chain: vec![svid.certificate], renew_at }, key))
        }
        Whence::Files { certificate, key } => {
            let text = std::fs::read(certificate)
                .map_err(|source| CertificateFault::Read { path: certificate.clone(), source })?;
            let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
            let chain = chain.ok().filter(|chain| !chain.is_empty());
            let chain = chain.ok_or_else(|| CertificateFault::NoCertificate(certificate.clone()))?;
            let text = state::read_private(key)?;
            let key =
                PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|_| CertificateFault::NoKey(key.clone()))?;
            Ok((Shown { chain, renew_at: None }, key))
        }
    }
}

/// Believes what the trust domain's own authority vouches for from now on, and keeps to it while that makes place for its next;
/// renews the certificates by which maso is known; for as long as it is polled.
pub async fn keep(path: Arc<maso_path::Path>, authority: Arc<Authority>, mut known: Vec<Known>) {
    let mut looks = tokio::time::interval(LOOK_AFTER);
    loop {
        looks.tick().await;
        let (path, authority, mut own) = (Arc::clone(&path), Arc::clone(&authority), std::mem::take(&mut known));
        let looked = tokio::task::spawn_blocking(move || {
            let now = path.clock().now();
            if let Err(fault) = authority.rotate(now) {
                tracing::error!(error = &fault as &dyn std::error::Error, "the authority makes no place for its next");
            }
            vouch(&path, &authority);
            for own in &mut own {
                if let Err(fault) = own.look_after(now) {
                    // The former one counts on.
                    tracing::error!(error = &fault as &dyn std::error::Error, "maso's certificate was not renewed");
                }
            }
            own
        });
        match looked.await {
            Ok(own) => known = own,
            Err(_) => tracing::error!("who vouches for agents could not be looked after"),
        }
    }
}

/// Believes what the trust domain's own authority vouches for now.
pub fn vouch(path: &maso_path::Path, authority: &Authority) {
    path.trust().vouch(authority.domain().clone(), authority.x509_bundle(path.clock().now()));
}

/// Believes workloads of the other trust domain that the deployment names, if it names one, by its bundle of this moment.
pub async fn federate(assembled: &Assembled) -> Result<Option<Federated>, Fault> {
    let Some(other) = &assembled.deployment.settings.federation else { return Ok(None) };
    let (socket, trust) = (assembled.in_folder(Path::new(&other.socket)), Arc::clone(assembled.path.trust()));
    Federated::fetch(&socket, other.trust_domain.clone(), trust).await.map(Some).map_err(|fault| {
        Fault::new(format!("nobody says who vouches for `{}`", other.trust_domain), fault)
            .help("`[federation] socket` in maso.toml is that of a Workload API which knows this trust domain")
    })
}

/// How often it is looked whether something has to be renewed.
const LOOK_AFTER: Duration = Duration::from_secs(60);
