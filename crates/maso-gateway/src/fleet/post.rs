//! The way of requests and answers through the bus: written into parcels here, taken out of them, and ended when whoever
//! they are for has said so, or has done what they ask.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use maso_bus::{Carriage, Delivery, Full, Kind, Mailbox, NotPut, Parcel, Receipt, Route, Unavailable};
use maso_core::{AgentName, HopId, Timestamp};
use maso_wire::{Limits, UnverifiedToken};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::{Open, Told};

/// What carries, and what of it lies in this process.
pub(super) struct Post {
    carriage: Arc<dyn Carriage>,
    /// By what to end it.
    here: Mutex<BTreeMap<(Mailbox, HopId), Receipt>>,
}

impl Post {
    pub(super) fn new(carriage: Arc<dyn Carriage>) -> Self {
        Self { carriage, here: Mutex::default() }
    }

    /// Puts a request into the mailbox of whom it is for.
    pub(super) async fn ask(&self, id: HopId, open: &Open) -> Result<(), NotPut> {
        let route = Route::new(open.from.clone(), open.to.clone(), Kind::Request);
        self.put(route, id, open.at, &open.written()).await
    }

    /// Puts its answer into the mailbox of whoever asked.
    pub(super) async fn answer(
        &self,
        id: HopId,
        open: &Open,
        result: &Value,
        beside: Option<&Value>,
    ) -> Result<(), NotPut> {
        let route = Route::new(open.to.clone(), open.from.clone(), Kind::Answer);
        let mut written = open.written();
        written["result"] = result.clone();
        written["beside_result"] = json!(beside);
        self.put(route, id, open.at, &written).await
    }

    /// Puts what one agent tells another into its mailbox.
    pub(super) async fn tell(&self, id: HopId, told: &Told) -> Result<(), NotPut> {
        let route = Route::new(told.from.clone(), told.to.clone(), Kind::Told);
        self.put(route, id, told.at, &told.written()).await
    }

    async fn put(&self, route: Route, id: HopId, at: Timestamp, written: &Value) -> Result<(), NotPut> {
        let parcel = Parcel::new(route, id, at, written.to_string()).map_err(|_| NotPut::Full(Full::Mailbox))?;
        self.carriage.put(&parcel).await.map(drop)
    }

    /// What comes next into a mailbox, if something does within this time.
    pub(super) async fn take(&self, mailbox: &Mailbox, wait: Duration) -> Option<Delivery> {
        match self.carriage.take(mailbox, wait).await {
            Ok(delivery) => delivery,
            Err(Unavailable(why)) => {
                tracing::warn!(%mailbox, why, "a mailbox cannot be reached; it is tried again");
                None
            }
        }
    }

    /// Keeps what was taken until it is ended or given back.
    pub(super) fn keep(&self, delivery: &Delivery) {
        let place = (delivery.parcel.route().into.clone(), delivery.parcel.id());
        self.here.lock().insert(place, delivery.receipt.clone());
    }

    /// Ends what lies here: it comes to nobody again.
    pub(super) async fn end(&self, of: &AgentName, kind: Kind, id: HopId) -> Result<(), Unavailable> {
        let place = (Mailbox::new(of.clone(), kind), id);
        let Some(receipt) = self.here.lock().get(&place).cloned() else { return Ok(()) };
        self.carriage.acknowledge(&receipt).await?;
        self.here.lock().remove(&place);
        Ok(())
    }

    /// Whether it came to this process, and was not ended.
    pub(super) fn had(&self, of: &AgentName, kind: Kind, id: HopId) -> bool {
        self.here.lock().contains_key(&(Mailbox::new(of.clone(), kind), id))
    }

    /// Ends what nobody is to get.
    pub(super) async fn drop_it(&self, delivery: &Delivery) {
        if let Err(Unavailable(why)) = self.carriage.acknowledge(&delivery.receipt).await {
            tracing::debug!(why, "what is to be dropped comes once more");
        }
    }

    /// Gives back what lies here, for whoever serves its agent next. Whoever had it may still end it.
    pub(super) async fn give_back(&self, of: &AgentName, kind: Kind, id: HopId) {
        let receipt = self.here.lock().get(&(Mailbox::new(of.clone(), kind), id)).cloned();
        if let Some(receipt) = receipt {
            self.carriage.give_back(&receipt).await;
        }
    }

    /// Forgets by what to end what is too old to lie anywhere.
    pub(super) fn forget(&self, ids: &[HopId]) {
        self.here.lock().retain(|(_, id), _| !ids.contains(id));
    }
}

impl Open {
    /// What another process needs to know of it.
    fn written(&self) -> Value {
        json!({
            "request": self.request.as_str(),
            "content": self.content,
            "task": self.task.as_ref().map(UnverifiedToken::expose),
            "handed_on": self.handed_on.as_ref().map(UnverifiedToken::expose),
            "goal": self.goal.map(|goal| goal.to_string()),
            "beside": self.beside,
        })
    }

    /// The request in a parcel, be it the request itself or its answer; `None` for what no process of this version wrote.
    pub(super) fn read(parcel: &Parcel) -> Option<Self> {
        let written = maso_wire::parse_json(parcel.body(), &LIMITS).ok()?;
        let text = |key: &str| written.get(key).and_then(Value::as_str);
        let token = |key: &str| text(key).map(UnverifiedToken::new);
        let (sender, of) = (parcel.route().from.clone(), parcel.route().into.of.clone());
        let ways = match parcel.route().into.kind {
            Kind::Request => (sender, of),
            Kind::Answer => (of, sender),
            Kind::Told => return None,
        };
        let asked = (text("request")?.parse().ok()?, written.get("content")?.clone());
        let goal = match text("goal") {
            Some(goal) => Some(maso_core::Digest::parse(goal)?),
            None => None,
        };
        let given = |key: &str| written.get(key).filter(|value| !value.is_null()).cloned();
        let mut open = Self::new(ways, asked, (token("task"), token("handed_on")), goal, parcel.at());
        open.beside = given("beside");
        if parcel.route().into.kind == Kind::Answer {
            open.result = Some(written.get("result")?.clone());
            open.beside_result = given("beside_result");
        }
        Some(open)
    }
}

impl Told {
    /// What another process needs to know of it.
    fn written(&self) -> Value {
        json!({ "contract": self.contract.as_str(), "content": self.content, "beside": self.beside })
    }

    /// What is told in a parcel; `None` for what no process of this version wrote.
    pub(super) fn read(parcel: &Parcel) -> Option<Self> {
        let written = maso_wire::parse_json(parcel.body(), &LIMITS).ok()?;
        let contract = written.get("contract")?.as_str()?.parse().ok()?;
        let (content, beside) = (written.get("content")?.clone(), written.get("beside")?.clone());
        let ways = (parcel.route().from.clone(), parcel.route().into.of.clone());
        Some(Self::new(ways, contract, content, beside, parcel.at()))
    }
}

/// What a process of ours writes: a request and its answer, each within a frame, and a little more.
const LIMITS: Limits = Limits {
    frame_bytes_max: Parcel::BODY_BYTES_MAX,
    depth_max: 128,
    nodes_max: 400_000,
    string_bytes_max: Parcel::BODY_BYTES_MAX,
    keys_max: 4_096,
    ..Limits::DEFAULT
};
