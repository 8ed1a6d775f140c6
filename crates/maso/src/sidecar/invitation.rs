//! What the operator of a deployment hands to whoever sets up a sidecar: one file, of use once.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use maso_bus::{Broker, ClientCertificate, Layout, NkeySeed};
use maso_core::{AgentName, TrustDomain};
use maso_intent::BusServers;
use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};

use crate::fault::Fault;

/// Where a sidecar belongs, and a token by which it becomes its agent. It holds secrets.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Invitation {
    /// Where it belongs.
    pub place: Place,
    /// Works once, until it ends.
    pub join_token: String,
    /// When that is, in milliseconds since 1970.
    pub expires_at: i64,
}

/// Where a sidecar belongs.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The agent's name.
    pub agent: String,
    /// The deployment's trust domain.
    pub trust_domain: String,
    /// The NATS server, or those of its cluster.
    pub server: String,
    /// The seed of the sidecar's key there; a server that asks for none gets none.
    pub broker_key: Option<String>,
    /// The certificates that the server's must come from, as PEM; those of the system where it is absent.
    pub broker_roots: Option<String>,
    /// The certificate that the server is shown; one that asks for none is shown none.
    pub broker_certificate: Option<Certificate>,
    /// The certificates by which the trust domain is known, each in DER and base64.
    pub bundle: Vec<String>,
}

/// A certificate and those that vouch for it, and its private key, as PEM.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// The certificate.
    pub certificate: String,
    /// The key.
    pub key: String,
}

impl Certificate {
    /// Both, if they can be used.
    pub fn read(&self) -> Result<ClientCertificate, Fault> {
        ClientCertificate::from_pem(self.certificate.as_bytes(), self.key.as_bytes())
            .map_err(|fault| Fault::new("cannot use the sidecar's certificate for the bus", fault))
    }
}

impl Place {
    /// The agent.
    pub fn agent(&self) -> Result<AgentName, Fault> {
        self.agent.parse().map_err(|fault| Fault::new("the invitation names no agent", fault))
    }

    /// The trust domain.
    pub fn domain(&self) -> Result<TrustDomain, Fault> {
        self.trust_domain.parse().map_err(|fault| Fault::new("the invitation names no trust domain", fault))
    }

    /// How the broker is reached.
    pub fn broker(&self) -> Result<(Broker, Layout), Fault> {
        let layout = Layout::of(&self.domain()?);
        let seed = self.broker_key.as_deref().map(NkeySeed::parse).transpose();
        let seed = seed.map_err(|fault| Fault::new("the invitation has no key for the bus", fault))?;
        let servers: Result<BusServers, String> = self.server.parse();
        let servers =
            servers.map_err(|error| Fault::plain(format!("the invitation does not say where the bus is: {error}")))?;
        let broker = Broker {
            roots_pem: self.broker_roots.clone().map(String::into_bytes),
            certificate: self.broker_certificate.as_ref().map(Certificate::read).transpose()?,
            ..Broker::of_sidecar(servers, seed, &layout, &self.agent()?)
        };
        Ok((broker, layout))
    }

    /// By what maso is known.
    pub fn roots(&self) -> Result<Vec<CertificateDer<'static>>, Fault> {
        let decoded = self.bundle.iter().map(|one| STANDARD.decode(one).map(CertificateDer::from));
        decoded.collect::<Result<_, _>>().map_err(|fault| Fault::new("the invitation has no certificates", fault))
    }

    /// The same place, whose maso is known by these certificates from now on.
    #[must_use]
    pub fn known_by(self, roots: &[CertificateDer<'static>]) -> Self {
        Self { bundle: roots.iter().map(|root| STANDARD.encode(root)).collect(), ..self }
    }
}
