//! The door over TLS, and whose workloads are agents here.

use std::collections::BTreeMap;

use maso_core::{Tier, WorkloadId};

use crate::{
    CertificateFiles, ClientCertificates, Federation, Problem, Severity, TlsSettings,
    form::{At, File, Folder, MasoForm},
};

/// The door over TLS. A certificate without its key, or the other way round, is refused here.
pub(super) fn tls(maso: &File<'_, MasoForm>, problems: &mut Vec<Problem>) -> Option<TlsSettings> {
    let form = maso.form.listen.tls.as_ref()?;
    let files = (form.certificate.as_ref(), form.key.as_ref());
    let remedy = "give both, or neither for a certificate of maso's own trust domain";
    let certificate = certificate(maso, "listen.tls", files, remedy, problems);
    let by_tier =
        if maso.form.tier.0 > Tier::Supervised { ClientCertificates::Required } else { ClientCertificates::Optional };
    Some(TlsSettings {
        listen: form.address.value,
        client_certificates: form.client_certificates.as_ref().map_or(by_tier, |word| word.value),
        names: form.names.iter().map(|name| name.value.clone()).collect(),
        certificate,
    })
}

/// A certificate and its key, of which neither is there without the other.
pub(super) fn certificate(
    maso: &File<'_, MasoForm>,
    table: &str,
    (certificate, key): (Option<&At<String>>, Option<&At<String>>),
    remedy: &str,
    problems: &mut Vec<Problem>,
) -> Option<CertificateFiles> {
    match (certificate, key) {
        (Some(certificate), Some(key)) => {
            Some(CertificateFiles { certificate: certificate.value.clone(), key: key.value.clone() })
        }
        (None, None) => None,
        (Some(alone), None) | (None, Some(alone)) => {
            let message = format!("`{table}` has a certificate without its key, or a key without its certificate");
            problems.push(maso.problem(alone.start, Severity::Error, "IA-2.3", message, remedy));
            None
        }
    }
}

/// The trust domain whose workloads may be agents here. Our own is none: nobody else vouches for it.
pub(super) fn federation(maso: &File<'_, MasoForm>, problems: &mut Vec<Problem>) -> Option<Federation> {
    let form = maso.form.federation.as_ref()?;
    if form.trust_domain.value == maso.form.trust_domain.value {
        let message = format!("`{}` is this deployment's own trust domain", form.trust_domain.value);
        let remedy = "name the other trust domain, or leave `[federation]` out";
        problems.push(maso.problem(form.trust_domain.start, Severity::Error, "IA-2.1", message, remedy));
        return None;
    }
    Some(Federation { trust_domain: form.trust_domain.value.clone(), socket: form.socket.value.clone() })
}

/// No workload is two agents, and none of a trust domain for which nobody vouches here is one.
pub(super) fn workloads(folder: &Folder<'_>, federation: Option<&Federation>, problems: &mut Vec<Problem>) {
    let mut known: BTreeMap<&WorkloadId, _> = BTreeMap::new();
    for (name, file) in &folder.agents {
        let Some(id) = file.form.identity.as_ref().map(|identity| &identity.spiffe_id) else { continue };
        let mut error = |message: String, remedy: &str| {
            problems.push(file.problem(id.start, Severity::Error, "IA-2.1", message, remedy));
        };
        if federation.is_none_or(|federation| federation.trust_domain != *id.value.trust_domain()) {
            let message = format!("nobody vouches here for the trust domain of `{}`", id.value);
            error(message, "name it in `[federation]` of maso.toml; agents of this one need no `spiffe_id`");
        }
        if let Some(twin) = known.insert(&id.value, name) {
            error(format!("`{}` would be both `{twin}` and `{name}`", id.value), "give each its own SPIFFE id");
        }
    }
}
