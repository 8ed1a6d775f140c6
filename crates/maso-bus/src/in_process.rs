//! The carriage of one process: mailboxes in its memory.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use async_trait::async_trait;
use maso_core::{AgentName, HopId, Timestamp};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::{Bounds, Carriage, Delivery, Full, Mailbox, NotPut, Parcel, Promise, Receipt, Unavailable};

/// Mailboxes that live as long as the process.
#[derive(Debug, Default)]
pub struct InProcess {
    bounds: Bounds,
    mailboxes: Mutex<BTreeMap<Mailbox, Content>>,
    changed: Notify,
}

/// What one mailbox holds.
#[derive(Debug, Default)]
struct Content {
    /// In the order in which they were put.
    waiting: VecDeque<Waiting>,
    /// What was put lately, be it gone again.
    known: BTreeMap<(AgentName, HopId), Timestamp>,
    bytes: usize,
}

#[derive(Debug)]
struct Waiting {
    parcel: Parcel,
    taken: bool,
    /// How often it was handed out.
    n_handed: u64,
}

impl InProcess {
    /// Empty mailboxes with these bounds.
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, mailboxes: Mutex::default(), changed: Notify::new() }
    }

    fn try_take(&self, mailbox: &Mailbox) -> Option<Delivery> {
        let mut mailboxes = self.mailboxes.lock();
        let next = mailboxes.get_mut(mailbox)?.waiting.iter_mut().find(|waiting| !waiting.taken)?;
        next.taken = true;
        next.n_handed += 1;
        Some(Delivery { parcel: next.parcel.clone(), receipt: next.receipt(), again: next.n_handed > 1 })
    }

    /// The place of a parcel in its mailbox, while it is there. Whoever took it before may say that it arrived.
    fn find(&self, receipt: &Receipt, act: impl FnOnce(&mut Content, usize)) {
        let mut mailboxes = self.mailboxes.lock();
        let found = mailboxes.values_mut().find_map(|content| {
            let place = content.waiting.iter().position(|waiting| waiting.is_named_by(receipt))?;
            Some((content, place))
        });
        if let Some((content, place)) = found {
            act(content, place);
        }
    }
}

#[async_trait]
impl Carriage for InProcess {
    fn promise(&self) -> Promise {
        Promise::Memory
    }

    async fn put(&self, parcel: &Parcel) -> Result<Promise, NotPut> {
        {
            let mut mailboxes = self.mailboxes.lock();
            let content = mailboxes.entry(parcel.route().into.clone()).or_default();
            content.forget(&self.bounds, parcel.at());
            let known = (parcel.route().from.clone(), parcel.id());
            if content.known.contains_key(&known) {
                return Ok(Promise::Memory);
            }
            content.has_room(&self.bounds, parcel).map_err(NotPut::Full)?;
            content.known.insert(known, parcel.at());
            content.bytes += parcel.body().len();
            content.waiting.push_back(Waiting { parcel: parcel.clone(), taken: false, n_handed: 0 });
        }
        self.changed.notify_waiters();
        Ok(Promise::Memory)
    }

    async fn take(&self, mailbox: &Mailbox, wait: Duration) -> Result<Option<Delivery>, Unavailable> {
        let looking = async {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                // Enabled before looking, so that what comes in between is noticed.
                changed.as_mut().enable();
                if let Some(delivery) = self.try_take(mailbox) {
                    return delivery;
                }
                changed.await;
            }
        };
        Ok(tokio::time::timeout(wait, looking).await.ok())
    }

    async fn acknowledge(&self, receipt: &Receipt) -> Result<(), Unavailable> {
        self.find(receipt, |content, place| {
            if let Some(ended) = content.waiting.remove(place) {
                content.bytes -= ended.parcel.body().len();
            }
        });
        Ok(())
    }

    async fn give_back(&self, receipt: &Receipt) {
        self.find(receipt, |content, place| {
            // Whoever has it since keeps it.
            let is_last = content.waiting[place].receipt() == *receipt;
            content.waiting[place].taken &= !is_last;
        });
        self.changed.notify_waiters();
    }
}

impl Content {
    /// Lets go of what nobody waits for any longer.
    fn forget(&mut self, bounds: &Bounds, now: Timestamp) {
        let is_within = |at: Timestamp, span: Duration| u128::from(now.since_ms(at)) < span.as_millis();
        self.known.retain(|_, at| is_within(*at, bounds.known_for));
        while self.known.len() >= KNOWN_MAX {
            let oldest = self.known.iter().min_by_key(|(_, at)| **at).map(|(known, _)| known.clone());
            oldest.and_then(|oldest| self.known.remove(&oldest));
        }
        self.waiting.retain(|waiting| is_within(waiting.parcel.at(), bounds.kept));
        self.bytes = self.waiting.iter().map(|waiting| waiting.parcel.body().len()).sum();
    }

    fn has_room(&self, bounds: &Bounds, parcel: &Parcel) -> Result<(), Full> {
        let of_sender = self.waiting.iter().filter(|waiting| waiting.parcel.route().from == parcel.route().from);
        if of_sender.count() >= bounds.edge_max {
            return Err(Full::Edge);
        }
        let bytes = self.bytes.saturating_add(parcel.body().len());
        if self.waiting.len() >= bounds.mailbox_max || bytes > bounds.mailbox_bytes_max {
            return Err(Full::Mailbox);
        }
        Ok(())
    }
}

impl Waiting {
    fn receipt(&self) -> Receipt {
        Receipt(format!("{}#{}", self.name(), self.n_handed))
    }

    fn is_named_by(&self, receipt: &Receipt) -> bool {
        receipt.0.rsplit_once('#').is_some_and(|(name, _)| name == self.name())
    }

    fn name(&self) -> String {
        let route = self.parcel.route();
        format!("{} {} {} {}", route.into.of, route.into.kind, route.from, self.parcel.id())
    }
}

/// How many parcels of a mailbox are known at a time; past it the oldest are forgotten sooner.
const KNOWN_MAX: usize = 10_000;
