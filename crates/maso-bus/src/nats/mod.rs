//! The carriage of several processes: mailboxes in a NATS server with JetStream.

mod fault;
mod held;
mod link;
mod options;
mod prepare;
mod refused;
mod synced;
mod tls;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_nats::{
    Client, Request, RequestErrorKind,
    jetstream::{
        self, AckKind, Context, Message,
        consumer::{Consumer, pull},
        message::PublishMessage,
    },
};
use async_trait::async_trait;
use futures::StreamExt as _;
use maso_intent::Durability;
use parking_lot::Mutex;
use tokio::{sync::oneshot, time::Instant};

use crate::{Carriage, Delivery, Layout, Mailbox, NotPut, Parcel, Promise, Receipt, Unavailable, layout::CONSUMER};

pub use fault::BusFault;
pub(crate) use link::Link;
pub use options::{Broker, NatsOptions, NkeySeed, SeedError};
pub(crate) use synced::SUBJECT as SYNCED_SUBJECT;
pub use tls::{CertificateError, ClientCertificate};

use held::Held;
use refused::Refused;

/// Mailboxes in a NATS server: one stream for each, from which any process takes that serves its agent.
#[derive(Debug)]
pub struct Nats {
    client: Client,
    jetstream: Context,
    link: Link,
    options: NatsOptions,
    /// Those that were asked for, as the server described them.
    consumers: Mutex<BTreeMap<Mailbox, Consumer<pull::Config>>>,
    held: Arc<Held>,
    n_forged: AtomicU64,
}

impl Nats {
    /// Connects to a server. Mailboxes must be there, or be made by [`Nats::prepare`].
    ///
    /// # Errors
    /// When it is not reached, or cannot carry the largest parcel.
    pub async fn connect(options: NatsOptions) -> Result<Self, BusFault> {
        let (client, link) = Link::connect(&options.broker).await?;
        let max_payload = client.server_info().max_payload;
        if max_payload < prepare::LARGEST {
            return Err(BusFault::TooSmall(max_payload));
        }
        let jetstream = context(&client, options.broker.within.min(ANEW));
        let held = Arc::new(Held::default());
        held.keep(client.clone(), options.redeliver_after);
        Ok(Self { client, jetstream, link, options, consumers: Mutex::default(), held, n_forged: AtomicU64::new(0) })
    }

    /// How many messages lay in mailboxes that were not maso's own for that edge. They are dropped where they lie.
    pub fn n_forged(&self) -> u64 {
        self.n_forged.load(Ordering::Relaxed)
    }

    /// What else may go over the same connection.
    pub(crate) const fn parts(&self) -> (&Client, &Link, &Layout) {
        (&self.client, &self.link, &self.options.layout)
    }

    /// Waits until the server is reached, up to this moment.
    async fn reached_by(&self, deadline: Instant) -> Result<(), Unavailable> {
        let reached = tokio::time::timeout_at(deadline, self.link.up()).await;
        reached.map_err(|_| Unavailable("there is no connection to the NATS server".to_owned()))
    }

    /// The consumer of a mailbox. It is looked up once.
    async fn consumer(&self, mailbox: &Mailbox) -> Result<Consumer<pull::Config>, Unavailable> {
        if let Some(known) = self.consumers.lock().get(mailbox) {
            return Ok(known.clone());
        }
        let stream = self.options.layout.stream(mailbox);
        let found: Consumer<pull::Config> = self
            .jetstream
            .get_consumer_from_stream(CONSUMER, stream)
            .await
            .map_err(|error| Unavailable(format!("the mailbox of {mailbox} is not there: {error}")))?;
        self.consumers.lock().insert(mailbox.clone(), found.clone());
        Ok(found)
    }

    /// Takes what the server hands out next, if there is something within `wait`.
    async fn next(&self, mailbox: &Mailbox, wait: Duration) -> Result<Option<Message>, Unavailable> {
        let asked = async {
            let consumer = self.consumer(mailbox).await?;
            let within = self.options.broker.within;
            let (hand, handed) = oneshot::channel();
            tokio::spawn(async move {
                // If whoever asked is gone, it is for the next: now, and not when its time is over.
                if let Err(Ok(Some(message))) = hand.send(pulled(&consumer, wait, within).await)
                    && let Err(error) = message.ack_with(AckKind::Nak(None)).await
                {
                    tracing::debug!(%error, "the bus was not told of what nobody waits for");
                }
            });
            handed.await.unwrap_or(Ok(None))
        };
        tokio::select! {
            biased;
            asked = asked => asked,
            () = self.link.down() => Err(Unavailable("the connection to the NATS server was lost".to_owned())),
        }
    }

    /// What a message is, if maso sealed it for the edge at which it lay.
    fn opened(&self, mailbox: &Mailbox, message: &Message) -> Option<Delivery> {
        let route = self.options.layout.route(&message.subject).ok().filter(|route| route.into == *mailbox)?;
        let parcel = self.options.seal.open(&route, &message.payload).ok()?;
        let receipt = Receipt(message.reply.as_ref()?.to_string());
        let again = message.info().ok()?.delivered > 1;
        Some(Delivery { parcel, receipt, again })
    }

    /// Drops what is no parcel, so that it comes to nobody again.
    async fn drop_forged(&self, mailbox: &Mailbox, message: &Message) {
        self.n_forged.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(%mailbox, subject = %message.subject, "what lay in a mailbox was not put there by maso, and is dropped");
        if let Err(error) = message.ack_with(AckKind::Term).await {
            tracing::debug!(%error, "the bus was not told what to drop");
        }
    }
}

/// What is asked over a connection, with so long for each answer.
fn context(client: &Client, within: Duration) -> Context {
    jetstream::context::ContextBuilder::new().timeout(within).ack_timeout(within).build(client.clone())
}

/// Whether it may be otherwise when asked again.
const fn is_passing(error: RequestErrorKind) -> bool {
    matches!(error, RequestErrorKind::NoResponders | RequestErrorKind::TimedOut)
}

/// Asks the server for one message. Never broken off: what the server has sent would be nobody's until it is sent again.
async fn pulled(
    consumer: &Consumer<pull::Config>,
    wait: Duration,
    within: Duration,
) -> Result<Option<Message>, Unavailable> {
    let unavailable = |error: &dyn std::fmt::Display| Unavailable(error.to_string());
    if wait.is_zero() {
        let mut batch = consumer.fetch().max_messages(1).messages().await.map_err(|error| unavailable(&error))?;
        // It is answered at once, unless whoever leads the mailbox is gone without a word.
        let looked = tokio::time::timeout(within, batch.next()).await;
        let looked = looked.map_err(|_| Unavailable("the mailbox did not answer in time".to_owned()))?;
        return looked.transpose().map_err(|error| unavailable(&error));
    }
    let batch = consumer.batch().max_messages(1).expires(wait.min(SLICE)).messages().await;
    batch.map_err(|error| unavailable(&error))?.next().await.transpose().map_err(|error| unavailable(&error))
}

#[async_trait]
impl Carriage for Nats {
    fn promise(&self) -> Promise {
        match self.options.promise {
            Durability::Stored => Promise::Stored,
            Durability::Synced => Promise::Synced,
        }
    }

    async fn put(&self, parcel: &Parcel) -> Result<Promise, NotPut> {
        let deadline = Instant::now() + self.options.broker.within;
        let subject = self.options.layout.subject(parcel.route());
        // Sealed once: what is sent again after a lost connection is the same to the byte.
        let sealed = bytes::Bytes::from(self.options.seal.seal(parcel));
        let name = self.options.seal.name(parcel);
        let mut was_sent = false;
        loop {
            if let Err(unavailable) = self.reached_by(deadline).await {
                return Err(if was_sent { NotPut::Unknown(unavailable.0) } else { unavailable.into() });
            }
            let message = PublishMessage::build().payload(sealed.clone()).message_id(&name);
            let sending = async { self.jetstream.send_publish(subject.clone(), message).await?.await };
            let sent = tokio::select! {
                biased;
                sent = tokio::time::timeout_at(deadline, sending) => sent,
                () = self.link.down() => { was_sent = true; continue }
            };
            match sent.map(|sent| sent.map_err(|error| Refused::of(&error))) {
                Ok(Ok(_)) => return Ok(self.promise()),
                // What is said of this one says nothing of the one before it, which nobody answered.
                Ok(Err(Refused::For(not_put))) if was_sent => return Err(NotPut::Unknown(not_put.to_string())),
                Ok(Err(Refused::For(not_put))) => return Err(not_put),
                Ok(Err(Refused::Unclear(_))) if Instant::now() < deadline => {
                    was_sent = true;
                    tokio::time::sleep(PAUSE).await;
                }
                Ok(Err(Refused::Unclear(why))) => return Err(NotPut::Unknown(why)),
                // Nobody listened: it was not put.
                Ok(Err(Refused::NotYet(_))) if Instant::now() < deadline => tokio::time::sleep(PAUSE).await,
                Ok(Err(Refused::NotYet(why))) if was_sent => return Err(NotPut::Unknown(why)),
                Ok(Err(Refused::NotYet(why))) => return Err(Unavailable(why).into()),
                Err(_) => return Err(NotPut::Unknown("the NATS server did not answer in time".to_owned())),
            }
        }
    }

    async fn take(&self, mailbox: &Mailbox, wait: Duration) -> Result<Option<Delivery>, Unavailable> {
        let deadline = Instant::now() + wait;
        let mut looked = false;
        loop {
            // Whoever does not wait still looks once.
            let reach = if looked { deadline } else { deadline.max(Instant::now() + self.options.broker.within) };
            self.reached_by(reach).await?;
            let left = deadline.saturating_duration_since(Instant::now());
            if looked && left.is_zero() {
                return Ok(None);
            }
            looked = true;
            match self.next(mailbox, left).await {
                Ok(Some(message)) => match self.opened(mailbox, &message) {
                    Some(delivery) => {
                        self.held.add(delivery.receipt.clone());
                        return Ok(Some(delivery));
                    }
                    None => {
                        self.drop_forged(mailbox, &message).await;
                        looked = false;
                    }
                },
                Ok(None) => {}
                // A server that has just come back needs a moment until its mailboxes are there.
                Err(unavailable) => {
                    self.consumers.lock().remove(mailbox);
                    if Instant::now() >= deadline {
                        return Err(unavailable);
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn acknowledge(&self, receipt: &Receipt) -> Result<(), Unavailable> {
        self.held.remove(receipt);
        let deadline = Instant::now() + self.options.broker.within;
        loop {
            self.reached_by(deadline).await?;
            let left = deadline.saturating_duration_since(Instant::now());
            let acknowledging = Request::new().payload(AckKind::Ack.into()).timeout(Some(left.min(ANEW)));
            // The server answers when it has noted it.
            match self.client.send_request(receipt.0.clone(), acknowledging).await {
                Ok(_) => return Ok(()),
                // While a cluster chooses who leads, nobody is there to note it, or whoever was told is gone.
                Err(error) if is_passing(error.kind()) && Instant::now() < deadline => tokio::time::sleep(PAUSE).await,
                Err(error) => return Err(Unavailable(error.to_string())),
            }
        }
    }

    async fn give_back(&self, receipt: &Receipt) {
        // The server would take it from whoever has it since.
        if !self.held.remove(receipt) {
            return;
        }
        if let Err(error) = self.client.publish(receipt.0.clone(), AckKind::Nak(None).into()).await {
            tracing::debug!(%error, "the bus was not told of what came back; it hands it out again by itself");
        }
    }
}

/// How long one question for parcels lies with the server. Then it is asked anew, should it have been lost.
const SLICE: Duration = Duration::from_secs(5);
/// After how long without an answer it is asked anew, while there is time: of a cluster, whoever was asked may be gone.
const ANEW: Duration = Duration::from_secs(2);
/// Between two tries with a server that is there and not ready.
const PAUSE: Duration = Duration::from_millis(50);
