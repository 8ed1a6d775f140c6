//! What this process has taken and not ended: the broker is told that it is still at work, so that nobody else gets it.

use std::{
    collections::BTreeSet,
    sync::{Arc, Weak},
    time::Duration,
};

use async_nats::{Client, jetstream::AckKind};
use parking_lot::Mutex;

use crate::Receipt;

/// What was taken. As long as it is here, it is not handed out again; when this process ends, it soon is.
#[derive(Debug, Default)]
pub(super) struct Held(Mutex<BTreeSet<Receipt>>);

impl Held {
    pub(super) fn add(&self, receipt: Receipt) {
        self.0.lock().insert(receipt);
    }

    /// Whether it was there.
    pub(super) fn remove(&self, receipt: &Receipt) -> bool {
        self.0.lock().remove(receipt)
    }

    /// Tells the broker of all of them, well within the time after which it would hand them out again.
    pub(super) fn keep(self: &Arc<Self>, client: Client, redeliver_after: Duration) {
        let held = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(redeliver_after / TICKS);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let Some(receipts) = Weak::upgrade(&held).map(|held| held.0.lock().clone()) else { return };
                for receipt in receipts {
                    // Where it cannot be told, the parcel comes again: to whoever is there.
                    if let Err(error) = client.publish(receipt.0, AckKind::Progress.into()).await {
                        tracing::debug!(%error, "the bus was not told of what is being worked on");
                    }
                }
            }
        });
    }
}

/// How often within the redelivery time.
const TICKS: u32 = 4;
