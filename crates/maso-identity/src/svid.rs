//! X.509-SVIDs: whom a certificate names, and whether that workload's trust domain vouches for it (IA-2.1).

mod bundles;

use std::time::Duration;

use maso_core::{Timestamp, WorkloadId};
use maso_wire::PeerCertificates;
use rustls_pki_types::{CertificateDer, UnixTime};
use uuid::Uuid;
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage};
use x509_parser::{
    certificate::X509Certificate,
    oid_registry::{OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_SIG_ED25519},
    prelude::{FromDer, GeneralName},
    x509::SubjectPublicKeyInfo,
};

pub(crate) use self::bundles::Bundles;
use self::bundles::{Anchor, lifetime};
use crate::{PublicKey, Thumbprint, TokenError, key, token::Lifetime};

/// Why an X.509-SVID is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SvidError {
    /// It cannot be read as a certificate, or what comes with it cannot.
    #[error("cannot be read")]
    Malformed,
    /// It may sign other certificates, or may not sign at all.
    #[error("is not for a workload: it may sign certificates, or nothing")]
    Usage,
    /// It names nobody, or several.
    #[error("does not name exactly one workload")]
    Names,
    /// Its key is of a kind by which nothing here is named, so it could not be revoked.
    #[error("has a key that is neither P-256 nor Ed25519")]
    Key,
    /// Its trust domain is not known here.
    #[error("is of a trust domain that is not known here")]
    Unknown,
    /// No authority of its trust domain vouches for it now.
    #[error("is not vouched for by its trust domain")]
    Forged,
    /// It names a workload that no mandate names.
    #[error("is of `{0}`, which is no agent here")]
    Nobody(WorkloadId),
    /// It counts for longer than its agent's may.
    #[error("counts for {given_ms} ms, and {max_ms} ms is the most that its agent may have")]
    LivesTooLong {
        /// From its beginning to its end.
        given_ms: u64,
        /// What the tier and the deployment allow.
        max_ms: u64,
    },
    /// It is not its time.
    #[error("{0}")]
    Time(TokenError),
}

/// What an X.509-SVID says, once its trust domain was found to vouch for it. Whether it counts now is asked each time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Svid {
    pub(crate) id: WorkloadId,
    pub(crate) key: PublicKey,
    /// Its serial number, where that has the size of ours.
    pub(crate) serial: Option<Uuid>,
    /// That of the certificate itself.
    lifetime: Lifetime,
    /// When the first of all that vouch for it ends, itself included.
    until: Timestamp,
}

impl Svid {
    /// What the peer's own certificate says, if a trust domain in `bundles` vouches for it now.
    pub(crate) fn believe(shown: &PeerCertificates, bundles: &Bundles, now: Timestamp) -> Result<Self, SvidError> {
        if shown.claimed_issuers().len() > ISSUERS_MAX {
            return Err(SvidError::Malformed);
        }
        let own = read(shown.own())?;
        let id = workload(&own)?;
        may_only_sign(&own)?;
        let (key, lifetime) = (public_key(own.public_key())?, lifetime(&own));
        // Expired is told from forged: the chain is looked at as of a moment at which the certificate itself counts.
        lifetime.check(now, 0).map_err(SvidError::Time)?;
        let anchors = bundles.of(id.trust_domain()).ok_or(SvidError::Unknown)?;
        let chain_until = vouched_until(shown, &anchors, now)?;
        Ok(Self {
            id,
            key,
            serial: own.raw_serial().try_into().ok().map(Uuid::from_bytes),
            lifetime,
            until: chain_until.min(lifetime.until()),
        })
    }

    /// The key's name.
    pub(crate) fn thumbprint(&self) -> Thumbprint {
        self.key.thumbprint()
    }

    /// Until when all that vouch for it count.
    pub(crate) const fn until(&self) -> Timestamp {
        self.until
    }

    /// Whether it counts now, and for no longer in all than it may.
    pub(crate) fn check(&self, now: Timestamp, ms_max: u64) -> Result<(), SvidError> {
        let given_ms = self.lifetime.until().since_ms(self.lifetime.from());
        if given_ms > ms_max {
            return Err(SvidError::LivesTooLong { given_ms, max_ms: ms_max });
        }
        Lifetime::between(self.lifetime.from(), self.until).check(now, 0).map_err(SvidError::Time)
    }
}

fn read(der: &[u8]) -> Result<X509Certificate<'_>, SvidError> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(SvidError::Malformed),
    }
}

/// The one workload that it names. Names of hosts may stand beside it and say nothing here.
fn workload(certificate: &X509Certificate<'_>) -> Result<WorkloadId, SvidError> {
    let names = certificate.subject_alternative_name().map_err(|_| SvidError::Malformed)?.ok_or(SvidError::Names)?;
    let mut uris = names.value.general_names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => Some(*uri),
        _ => None,
    });
    match (uris.next(), uris.next()) {
        (Some(uri), None) => uri.parse().map_err(|_| SvidError::Names),
        _ => Err(SvidError::Names),
    }
}

/// A leaf signs for itself and for no other certificate (X509-SVID, section 4).
fn may_only_sign(certificate: &X509Certificate<'_>) -> Result<(), SvidError> {
    let usage = certificate.key_usage().map_err(|_| SvidError::Malformed)?.ok_or(SvidError::Usage)?.value;
    if certificate.is_ca() || !usage.digital_signature() || usage.key_cert_sign() || usage.crl_sign() {
        return Err(SvidError::Usage);
    }
    Ok(())
}

fn public_key(info: &SubjectPublicKeyInfo<'_>) -> Result<PublicKey, SvidError> {
    let bytes = info.subject_public_key.as_ref();
    let kind = &info.algorithm;
    if kind.algorithm == OID_SIG_ED25519 {
        let bytes = bytes.try_into().map_err(|_| SvidError::Malformed)?;
        return key::ed25519(bytes).map(PublicKey::Ed25519).map_err(|_| SvidError::Malformed);
    }
    let curve = kind.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
    if kind.algorithm != OID_KEY_TYPE_EC_PUBLIC_KEY || curve != Some(OID_EC_P256) {
        return Err(SvidError::Key);
    }
    let [4, point @ ..] = bytes else { return Err(SvidError::Malformed) };
    let (x, y) = point.split_at_checked(32).ok_or(SvidError::Malformed)?;
    let half = |bytes: &[u8]| bytes.try_into().map_err(|_| SvidError::Malformed);
    Ok(PublicKey::P256 { x: half(x)?, y: half(y)? })
}

/// Until when there is a way from the certificate to one of these authorities, which there must be now.
fn vouched_until(shown: &PeerCertificates, anchors: &[Anchor], now: Timestamp) -> Result<Timestamp, SvidError> {
    let own = CertificateDer::from(shown.own());
    let leaf = EndEntityCert::try_from(&own).map_err(|_| SvidError::Malformed)?;
    let issuers: Vec<_> = shown.claimed_issuers().map(CertificateDer::from).collect();
    let valid = || anchors.iter().filter(|anchor| anchor.lifetime.check(now, 0).is_ok());
    let roots: Vec<_> = valid().map(|anchor| anchor.root.clone()).collect();
    let moment = UnixTime::since_unix_epoch(Duration::from_millis(u64::try_from(now.as_millis()).unwrap_or(0)));
    let usage = KeyUsage::client_auth();
    let path = leaf
        .verify_for_usage(ALL_VERIFICATION_ALGS, &roots, &issuers, moment, usage, None, None)
        .map_err(|_| SvidError::Forged)?;
    let root = valid().find(|anchor| anchor.root == *path.anchor()).ok_or(SvidError::Forged)?;
    path.intermediate_certificates().try_fold(root.lifetime.until(), |until, issuer| {
        let der = issuer.der();
        Ok(until.min(lifetime(&read(&der)?).until()))
    })
}

/// Authorities between a certificate and the one that its trust domain is known by. SPIRE has one for each server above it.
const ISSUERS_MAX: usize = 4;
