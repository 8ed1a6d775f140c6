//! The broker between processes.

use super::listening;
use crate::{
    BusSettings, Problem, Severity,
    form::{File, MasoForm},
};

/// The broker, if there is one. What says who it is, or who comes, means nothing where the connection is not encrypted: it is
/// refused, so that nobody relies on it.
pub(super) fn bus(maso: &File<'_, MasoForm>, problems: &mut Vec<Problem>) -> Option<BusSettings> {
    let form = maso.form.bus.as_ref()?;
    let files = (form.certificate.as_ref(), form.key.as_ref());
    let remedy = "give both, or neither for a server that asks for none";
    let certificate = listening::certificate(maso, "bus", files, remedy, problems);
    if !form.nats.value.is_encrypted() {
        for (key, path) in [("roots", &form.roots), ("certificate", &form.certificate)] {
            let Some(path) = path else { continue };
            let message = format!("`bus.{key}` is about TLS, and the connection is not encrypted");
            let remedy = "write `tls://` in `nats`, or leave it out";
            problems.push(maso.problem(path.start, Severity::Error, "IA-2.3", message, remedy));
        }
    }
    Some(BusSettings {
        servers: form.nats.value.clone(),
        credentials: form.credentials.as_ref().map(|path| path.value.clone()),
        roots: form.roots.as_ref().map(|path| path.value.clone()),
        certificate,
        promise: form.promise.as_ref().map(|promise| promise.value).unwrap_or_default(),
        replicas: form.replicas.map(|replicas| replicas.0).unwrap_or_default(),
    })
}
