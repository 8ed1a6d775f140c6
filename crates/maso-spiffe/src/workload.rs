//! The SPIFFE Workload API: processes that the kernel vouches for fetch the identity of the agent that they are (IA-2.3).

mod attestation;
mod issuing;
mod messages;
mod serving;
mod streams;

use std::sync::Arc;

use maso_path::Path;
use tokio::sync::watch;

use self::issuing::Rates;
pub use self::serving::{Listening, ServeFault, listen};
use crate::{Authority, AuthorityFault, Programs};

/// The Workload API of one deployment.
#[derive(Debug)]
pub struct WorkloadApi {
    path: Arc<Path>,
    authority: Arc<Authority>,
    programs: Arc<Programs>,
    rates: Rates,
    /// How often the bundle has changed. Whoever has fetched it hears of that.
    rotated: watch::Sender<u64>,
}

impl WorkloadApi {
    /// Issues what `authority` signs to whom the mandates of this path's deployment name.
    pub fn new(path: Arc<Path>, authority: Arc<Authority>) -> Arc<Self> {
        let (rotated, _) = watch::channel(0);
        Arc::new(Self { path, authority, programs: Arc::default(), rates: Rates::default(), rotated })
    }

    /// Looks whether the authority makes place for its next generation, and tells everybody whose bundle that changes.
    ///
    /// # Errors
    /// When the authority's files cannot be used. What was known before counts on.
    pub fn rotate(&self) -> Result<(), AuthorityFault> {
        let before = self.authority.x509_bundle(self.path.clock().now());
        self.authority.rotate(self.path.clock().now())?;
        if before != self.authority.x509_bundle(self.path.clock().now()) {
            self.rotated.send_modify(|n_changes| *n_changes += 1);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
