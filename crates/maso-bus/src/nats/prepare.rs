//! Making the mailboxes: one stream for each, with its bounds, and the consumer that hands out of it.

use async_nats::jetstream::{
    consumer::{AckPolicy, DeliverPolicy, pull},
    stream::{Config, DiscardPolicy, RetentionPolicy, StorageType},
};
use maso_intent::{Durability, Replicas};

use super::{BusFault, Nats, NatsOptions, context, synced};
use crate::{Mailbox, Parcel, Seal, layout::CONSUMER};

impl Nats {
    /// Makes these mailboxes where they are not there, and sets their bounds. Then asks whether the server can keep what is
    /// to be promised. For whoever has maso's own credentials: a sidecar's may neither make nor change any.
    ///
    /// # Errors
    /// When the server refuses, or does not promise what is expected.
    pub async fn prepare(&self, mailboxes: impl IntoIterator<Item = Mailbox> + Send) -> Result<(), BusFault> {
        for mailbox in mailboxes {
            self.prepare_one(&mailbox)
                .await
                .map_err(|source| BusFault::NotPrepared { mailbox: mailbox.to_string(), source })?;
        }
        match self.options.promise {
            Durability::Stored => Ok(()),
            // An acknowledgement of three waits for two of them.
            Durability::Synced if self.options.replicas >= Replicas::Three => Ok(()),
            Durability::Synced => synced::ask(&self.client).await,
        }
    }

    async fn prepare_one(&self, mailbox: &Mailbox) -> Result<(), async_nats::Error> {
        let stream = stream(&self.options, mailbox);
        let name = stream.name.clone();
        let jetstream = context(&self.client, self.options.broker.within);
        jetstream.create_or_update_stream(stream).await?;
        jetstream.create_consumer_on_stream(consumer(&self.options), name).await?;
        Ok(())
    }
}

fn stream(options: &NatsOptions, mailbox: &Mailbox) -> Config {
    let bounds = &options.bounds;
    let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    Config {
        name: options.layout.stream(mailbox),
        description: Some(format!("maso: mailbox of {mailbox}")),
        subjects: vec![options.layout.subjects(mailbox)],
        storage: StorageType::File,
        num_replicas: options.replicas.number().into(),
        // What is acknowledged is gone, so that the bounds are on what waits.
        retention: RetentionPolicy::WorkQueue,
        // What has no room is refused: the oldest of others is nobody's to drop.
        discard: DiscardPolicy::New,
        discard_new_per_subject: true,
        max_messages_per_subject: number(bounds.edge_max),
        max_messages: number(bounds.mailbox_max),
        max_bytes: number(bounds.mailbox_bytes_max),
        max_message_size: i32::try_from(LARGEST).expect("a megabyte"),
        max_age: bounds.kept,
        duplicate_window: bounds.known_for,
        max_consumers: 1,
        deny_delete: true,
        deny_purge: true,
        // A header of whoever may write one parcel would otherwise delete those of everybody.
        allow_rollup: false,
        ..Config::default()
    }
}

fn consumer(options: &NatsOptions) -> pull::Config {
    pull::Config {
        durable_name: Some(CONSUMER.to_owned()),
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::Explicit,
        ack_wait: options.redeliver_after,
        // Without end: what is never acknowledged ages out of the mailbox.
        max_deliver: -1,
        max_ack_pending: i64::try_from(options.bounds.mailbox_max).unwrap_or(i64::MAX),
        ..pull::Config::default()
    }
}

/// Bytes of the largest sealed parcel with its headers.
pub(super) const LARGEST: usize = Parcel::BODY_BYTES_MAX + Seal::OVERHEAD + HEADERS_MAX;
/// The parcel's name, and what the client adds.
const HEADERS_MAX: usize = 1 << 10;
