//! Who is let in over TLS: whoever the path would believe.

use std::{fmt, sync::Arc};

use maso_identity::Trust;
use maso_path::Clock;
use maso_wire::{Credential, PeerCertificates};

use super::Doorkeeper;

/// Lets in the agents whose X.509-SVIDs count now.
pub struct Believed {
    trust: Arc<Trust>,
    clock: Arc<dyn Clock>,
}

impl Believed {
    /// Those whom `trust` believes.
    pub fn by(trust: Arc<Trust>, clock: Arc<dyn Clock>) -> Self {
        Self { trust, clock }
    }
}

impl Doorkeeper for Believed {
    fn lets_in(&self, certificates: &PeerCertificates) -> bool {
        let credential = Credential::Certificate { certificates: certificates.clone(), beside: None };
        match self.trust.shown_agent(&credential, self.clock.now()) {
            Ok(_) => true,
            Err(why) => {
                tracing::info!(%why, "a peer over TLS is not let in");
                false
            }
        }
    }
}

impl fmt::Debug for Believed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Believed(…)")
    }
}
