//! Streams: something is sent anew when it changes, and nothing more when the process may not have it any more.
//!
//! A revocation, a stop and a change of the bundle are heard of as they happen. That a process began to run another program
//! is an event to nobody, so that is looked at again every [`LOOK_AGAIN`].

use std::{sync::Arc, time::Duration};

use futures::{Stream, StreamExt as _};
use maso_identity::{Revocation, Thumbprint};
use tokio::sync::mpsc;
use tonic::Status;

use super::{
    WorkloadApi,
    attestation::{Attested, bears, nobody},
    messages::{self, JwtBundlesResponse, X509BundlesResponse, X509SvidResponse},
};
use crate::Peer;

/// Something to send, and for how long it is good.
struct Answer<T> {
    message: T,
    /// When the next one is due without anything having happened.
    renew_after: Option<Duration>,
    /// The key whose revocation makes a new one due.
    key: Option<Thumbprint>,
}

/// What a stream is of.
trait Feed: Send + Sync + 'static {
    type Message: Send + 'static;

    fn answer(
        &self,
        api: &WorkloadApi,
        to: &Attested,
    ) -> impl Future<Output = Result<Answer<Self::Message>, Status>> + Send;
}

/// X.509-SVIDs, each with a key of its own.
struct X509Svids;

impl Feed for X509Svids {
    type Message = X509SvidResponse;

    async fn answer(&self, api: &WorkloadApi, to: &Attested) -> Result<Answer<X509SvidResponse>, Status> {
        let svid = api.issue_x509(to).await?;
        let now = api.path.clock().now();
        let message = X509SvidResponse {
            svids: vec![messages::X509Svid {
                spiffe_id: svid.spiffe_id.to_string(),
                certificates: svid.certificate.to_vec(),
                key: svid.expose_key(),
                bundle: api.authority.x509_bundle(now).concat_der(),
            }],
        };
        let left_ms = svid.not_after.since_ms(now);
        Ok(Answer { message, renew_after: Some(Duration::from_millis(left_ms / 2)), key: Some(svid.key) })
    }
}

/// The certificates in which X.509-SVIDs are believed.
struct X509Bundles;

impl Feed for X509Bundles {
    type Message = X509BundlesResponse;

    async fn answer(&self, api: &WorkloadApi, _: &Attested) -> Result<Answer<X509BundlesResponse>, Status> {
        let bundle = api.authority.x509_bundle(api.path.clock().now()).concat_der();
        let message = X509BundlesResponse { bundles: [(api.trust_domain(), bundle)].into() };
        Ok(Answer { message, renew_after: None, key: None })
    }
}

/// The keys with which JWT-SVIDs are believed.
struct JwtBundles;

impl Feed for JwtBundles {
    type Message = JwtBundlesResponse;

    async fn answer(&self, api: &WorkloadApi, _: &Attested) -> Result<Answer<JwtBundlesResponse>, Status> {
        let bundle = api.authority.jwt_bundle(api.path.clock().now()).into_bytes();
        let message = JwtBundlesResponse { bundles: [(api.trust_domain(), bundle)].into() };
        Ok(Answer { message, renew_after: None, key: None })
    }
}

impl WorkloadApi {
    pub(super) async fn x509_svids(
        self: &Arc<Self>,
        peer: Peer,
    ) -> Result<impl Stream<Item = Result<X509SvidResponse, Status>> + use<>, Status> {
        self.stream(peer, X509Svids).await
    }

    pub(super) async fn x509_bundles(
        self: &Arc<Self>,
        peer: Peer,
    ) -> Result<impl Stream<Item = Result<X509BundlesResponse, Status>> + use<>, Status> {
        self.stream(peer, X509Bundles).await
    }

    pub(super) async fn jwt_bundles(
        self: &Arc<Self>,
        peer: Peer,
    ) -> Result<impl Stream<Item = Result<JwtBundlesResponse, Status>> + use<>, Status> {
        self.stream(peer, JwtBundles).await
    }

    fn trust_domain(&self) -> String {
        format!("spiffe://{}", self.authority.domain())
    }

    /// A stream for this process, which it is refused at once if it is nobody.
    async fn stream<F: Feed>(
        self: &Arc<Self>,
        peer: Peer,
        feed: F,
    ) -> Result<impl Stream<Item = Result<F::Message, Status>> + use<F>, Status> {
        let attested = self.attest(peer).await?;
        // One message may wait to be read: whoever does not read gets no more issued.
        let (sender, receiver) = mpsc::channel(1);
        let api = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(status) = api.feed(peer, attested, &feed, &sender).await {
                // Whoever has gone is not told.
                sender.send(Err(status)).await.ok();
            }
        });
        Ok(futures::stream::unfold(receiver, |mut receiver| async { Some((receiver.recv().await?, receiver)) }))
    }

    /// Sends until nobody listens, or the process may have nothing more.
    async fn feed<F: Feed>(
        &self,
        peer: Peer,
        attested: Attested,
        feed: &F,
        sender: &mpsc::Sender<Result<F::Message, Status>>,
    ) -> Result<(), Status> {
        // From before the first answer on, so that nothing that happens meanwhile is missed.
        let mut records = Box::pin(self.path.recorder().tail(self.path.recorder().last_sequence() + 1));
        let mut rotated = self.rotated.subscribe();
        loop {
            let Answer { message, renew_after, key } = feed.answer(self, &attested).await?;
            if sender.send(Ok(message)).await.is_err() {
                return Ok(());
            }
            let renewal = tokio::time::sleep(renew_after.unwrap_or(Duration::MAX));
            let mut renewal = std::pin::pin!(renewal);
            let mut look_again = tokio::time::interval(LOOK_AGAIN);
            look_again.reset();
            loop {
                tokio::select! {
                    () = sender.closed() => return Ok(()),
                    () = &mut renewal => break,
                    changed = rotated.changed() => match changed {
                        Ok(()) => break,
                        Err(_) => return Err(Status::unavailable("the Workload API ends")),
                    },
                    record = records.next() => {
                        if record.is_none() {
                            return Err(Status::unavailable("the record ended"));
                        }
                        if !bears(&self.path, &attested.agent) {
                            return Err(nobody());
                        }
                        if key.is_some_and(|key| self.path.trust().is_revoked(&Revocation::Key(key))) {
                            break;
                        }
                    }
                    _ = look_again.tick() => self.is_still(peer, &attested).await?,
                }
            }
            self.is_still(peer, &attested).await?;
        }
    }

    /// Whether the process is what it was when the stream began.
    async fn is_still(&self, peer: Peer, attested: &Attested) -> Result<(), Status> {
        if self.attest(peer).await? == *attested { Ok(()) } else { Err(nobody()) }
    }
}

/// Certificates one after the other, as the standard has a bundle.
trait ConcatDer {
    fn concat_der(&self) -> Vec<u8>;
}

impl ConcatDer for Vec<rustls_pki_types::CertificateDer<'static>> {
    fn concat_der(&self) -> Vec<u8> {
        self.iter().flat_map(|certificate| certificate.iter().copied()).collect()
    }
}

/// How long another program may go unnoticed; the reading of three small files.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
