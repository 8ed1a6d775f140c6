//! The bundle of another trust domain, fetched from a Workload API and kept: who vouches for workloads there (IA-2.1).
//!
//! What was fetched counts until it ends, however long the Workload API is away. What it says of our own trust domain, or of any
//! other, is not looked at.

use std::{path::Path, pin::Pin, sync::Arc, time::Duration};

use futures::{Stream, StreamExt as _};
use maso_core::TrustDomain;
use maso_identity::Trust;
use rustls_pki_types::CertificateDer;
use spiffe::{WorkloadApiClient, X509BundleSet, workload_api::WorkloadApiError};

/// A trust domain that is believed beside our own, and the Workload API that says who vouches there.
pub struct Federated {
    source: Source,
    bundles: Bundles,
}

struct Source {
    domain: TrustDomain,
    endpoint: String,
    trust: Arc<Trust>,
}

type Bundles = Pin<Box<dyn Stream<Item = Result<X509BundleSet, WorkloadApiError>> + Send>>;

/// Why nobody is known who vouches for a trust domain.
#[derive(Debug, thiserror::Error)]
pub enum FederationFault {
    /// The Workload API gave no bundle.
    #[error("the Workload API at `{endpoint}` gives no bundle")]
    Refused {
        /// Where it is.
        endpoint: String,
        /// What it said.
        #[source]
        source: Box<WorkloadApiError>,
    },
    /// It said nothing.
    #[error("the Workload API at `{0}` does not answer")]
    Silent(String),
    /// It knows nobody who vouches for the trust domain.
    #[error("the Workload API knows no bundle of `{0}`")]
    Unknown(TrustDomain),
}

impl Federated {
    /// Fetches the bundle of `domain` for the first time, and has `trust` believe it.
    ///
    /// # Errors
    /// When it is not to be had now.
    pub async fn fetch(socket: &Path, domain: TrustDomain, trust: Arc<Trust>) -> Result<Self, FederationFault> {
        let endpoint = format!("unix://{}", socket.display());
        let (bundles, first) = listen(&endpoint).await?;
        let source = Source { domain, endpoint, trust };
        if source.take(&first) { Ok(Self { source, bundles }) } else { Err(FederationFault::Unknown(source.domain)) }
    }

    /// Takes each bundle that comes after it, for as long as it is polled.
    pub async fn keep(self) {
        let Self { source, mut bundles } = self;
        loop {
            match bundles.next().await {
                Some(Ok(set)) => source.heard(&set),
                ended => {
                    let why = ended.and_then(Result::err).map_or("it ended".to_owned(), |error| error.to_string());
                    let domain = &source.domain;
                    tracing::warn!(%domain, why, "the Workload API is away: what was known counts until it ends");
                    let first;
                    (bundles, first) = source.again().await;
                    source.heard(&first);
                }
            }
        }
    }
}

impl Source {
    async fn again(&self) -> (Bundles, X509BundleSet) {
        loop {
            tokio::time::sleep(PATIENCE).await;
            match listen(&self.endpoint).await {
                Ok(heard) => {
                    tracing::info!(domain = %self.domain, "the Workload API is there again");
                    return heard;
                }
                Err(fault) => tracing::debug!(error = &fault as &dyn std::error::Error, "it is still away"),
            }
        }
    }

    fn heard(&self, set: &X509BundleSet) {
        if !self.take(set) {
            let domain = &self.domain;
            tracing::error!(%domain, "nobody vouches for this trust domain any more, so none of it is believed");
        }
    }

    /// Whether somebody vouches for the trust domain. Whoever is in no bundle vouches for nobody from now on.
    fn take(&self, set: &X509BundleSet) -> bool {
        let bundle = spiffe::TrustDomain::new(self.domain.as_str()).ok().and_then(|domain| set.get(&domain));
        let authorities = bundle.iter().flat_map(|bundle| bundle.authorities());
        let authorities: Vec<_> =
            authorities.map(|authority| CertificateDer::from(authority.as_bytes().to_vec())).collect();
        let is_known = !authorities.is_empty();
        self.trust.vouch(self.domain.clone(), authorities);
        is_known
    }
}

impl std::fmt::Debug for Federated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Federated({} at {})", self.source.domain, self.source.endpoint)
    }
}

/// Asks for bundles, and waits for the first.
async fn listen(endpoint: &str) -> Result<(Bundles, X509BundleSet), FederationFault> {
    let refused = |source| FederationFault::Refused { endpoint: endpoint.to_owned(), source: Box::new(source) };
    let heard = async {
        let client = WorkloadApiClient::connect_to(endpoint).await.map_err(refused)?;
        let mut bundles: Bundles = Box::pin(client.stream_x509_bundles().await.map_err(refused)?);
        match bundles.next().await {
            Some(first) => Ok((bundles, first.map_err(refused)?)),
            None => Err(FederationFault::Silent(endpoint.to_owned())),
        }
    };
    tokio::time::timeout(ANSWER_MAX, heard).await.unwrap_or_else(|_| Err(FederationFault::Silent(endpoint.to_owned())))
}

/// How long the Workload API may take for its first answer.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// How long it is left alone when it is away.
const PATIENCE: Duration = Duration::from_secs(5);
