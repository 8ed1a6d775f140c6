//! By which authorities each trust domain is known.

use std::{collections::HashMap, sync::Arc};

use maso_core::{Timestamp, TrustDomain};
use parking_lot::RwLock;
use rustls_pki_types::{CertificateDer, TrustAnchor};
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

use crate::token::Lifetime;

/// An authority, and from when to when it may vouch for somebody.
#[derive(Clone, Debug)]
pub(super) struct Anchor {
    pub(super) root: TrustAnchor<'static>,
    pub(super) lifetime: Lifetime,
}

/// The authorities of each trust domain that is known. Each vouches for workloads of its own domain and for no others,
/// whatever it signs: they are looked up by what the certificate names.
#[derive(Debug, Default)]
pub(crate) struct Bundles(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    domains: HashMap<TrustDomain, Arc<[Anchor]>>,
    n_changes: u64,
}

impl Bundles {
    /// These authorities vouch for this trust domain from now on, and no others. What is no certificate vouches for nobody.
    pub(crate) fn set(&self, domain: TrustDomain, authorities: impl IntoIterator<Item = CertificateDer<'static>>) {
        let anchors = authorities.into_iter().filter_map(|certificate| {
            let lifetime = lifetime(&X509Certificate::from_der(&certificate).ok()?.1);
            Some(Anchor { root: webpki::anchor_from_trusted_cert(&certificate).ok()?.to_owned(), lifetime })
        });
        let anchors = anchors.collect();
        let mut known = self.0.write();
        known.domains.insert(domain, anchors);
        known.n_changes += 1;
    }

    /// How often they have changed: what was believed before is looked at anew.
    pub(crate) fn n_changes(&self) -> u64 {
        self.0.read().n_changes
    }

    pub(super) fn of(&self, domain: &TrustDomain) -> Option<Arc<[Anchor]>> {
        self.0.read().domains.get(domain).cloned()
    }
}

/// From when to when a certificate counts. X.509 counts its last second in, we do not.
pub(super) fn lifetime(certificate: &X509Certificate<'_>) -> Lifetime {
    let moment = |seconds: i64| Timestamp::from_millis(seconds.saturating_mul(1000));
    let validity = certificate.validity();
    Lifetime::between(moment(validity.not_before.timestamp()), moment(validity.not_after.timestamp()))
}
