//! What agents told each other unasked, until whom it is for acknowledges it.

use std::future::Future;

use maso_bus::{Delivery, Kind, Mailbox, NotPut, Unavailable};
use maso_core::{AgentName, ContractName, HopId, Timestamp};
use serde_json::{Value, json};

use super::{Fleet, KEPT_MS, REQUESTS_MAX, messages::Handed};

/// What one agent told another, as it came to this process.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) from: AgentName,
    pub(super) to: AgentName,
    pub(super) contract: ContractName,
    pub(super) content: Value,
    /// What the message said beside its content.
    pub(super) beside: Value,
    pub(super) at: Timestamp,
    stands: Stands,
}

/// How it stands with what came for an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stands {
    /// It lies in this process, for the next who asks for it here.
    Here,
    /// It lies with a listener, who acknowledges it.
    WithListener,
    /// The agent was shown it when it asked: it has it when it asks for something again.
    Shown,
    /// The agent has it: should it come again, it comes to nobody.
    Ended,
}

impl Told {
    pub(super) fn new(
        (from, to): (AgentName, AgentName),
        contract: ContractName,
        content: Value,
        beside: Value,
        at: Timestamp,
    ) -> Self {
        Self { from, to, contract, content, beside, at, stands: Stands::Here }
    }

    /// What whoever is told gets to see.
    pub(super) fn shown(&self, id: HopId) -> Value {
        json!({
            "id": id.to_string(),
            "from": self.from.as_str(),
            "contract": self.contract.as_str(),
            "content": self.content,
            "message": self.beside,
        })
    }

    fn waits_for(&self, agent: &AgentName) -> bool {
        self.to == *agent && self.stands == Stands::Here
    }
}

impl Fleet {
    /// Puts it in the mailbox of whom it is for. Beside requests it has as much room again.
    pub(super) async fn tell(&self, id: HopId, told: &Told) -> Result<(), NotPut> {
        self.post.tell(id, told).await
    }

    /// Takes in what came from a mailbox, once.
    pub(super) async fn arrive_told(&self, delivery: Delivery) {
        let id = delivery.parcel.id();
        let Some(told) = Told::read(&delivery.parcel) else {
            tracing::warn!(parcel = ?delivery.parcel, "what came from a mailbox cannot be read, and is dropped");
            return self.post.drop_it(&delivery).await;
        };
        let is_over = {
            let mut all = self.told.lock();
            all.retain(|_, known| told.at.since_ms(known.at) < KEPT_MS);
            let is_over = all.get(&id).is_some_and(|known| known.stands == Stands::Ended);
            if !is_over && all.len() >= REQUESTS_MAX {
                // What was ended is remembered as long as there is room.
                all.retain(|_, known| known.stands != Stands::Ended);
            }
            if !is_over {
                // What lies with somebody stays there, should the broker not have heard of that.
                all.entry(id).or_insert(told);
            }
            is_over
        };
        if is_over {
            return self.post.drop_it(&delivery).await;
        }
        self.post.keep(&delivery);
        self.changed.notify_waiters();
    }

    /// The oldest that an agent was told and that lies with no listener: it lies with one now.
    pub(super) fn next_told(&self, agent: &AgentName) -> Option<(Handed, Value)> {
        let mut all = self.told.lock();
        let (id, told) = all.iter_mut().filter(|(_, told)| told.waits_for(agent)).min_by_key(|(_, told)| told.at)?;
        told.stands = Stands::WithListener;
        Some((Handed::Told(*id), told.shown(*id)))
    }

    /// Takes up to `max` of what an agent was told out of its mailbox, the oldest first, as [`Fleet::within`] waits.
    pub(super) async fn receive_told(
        &self,
        agent: &AgentName,
        max: usize,
        wait_ms: u64,
        over: impl Future<Output = ()>,
    ) -> Vec<Value> {
        self.end_told(agent).await;
        let look = |max: usize| {
            let mut all = self.told.lock();
            let mut waiting: Vec<_> = all.iter_mut().filter(|(_, told)| told.waits_for(agent)).collect();
            waiting.sort_by_key(|(id, told)| (told.at, **id));
            let show = |(id, told): (&HopId, &mut Told)| {
                told.stands = Stands::Shown;
                told.shown(*id)
            };
            let shown: Vec<Value> = waiting.into_iter().take(max).map(show).collect();
            (!shown.is_empty()).then_some(shown)
        };
        let mailbox = Mailbox::new(agent.clone(), Kind::Told);
        self.receive_from(&mailbox, max, wait_ms, over, look).await
    }

    /// Gives back what was shown to a client that is gone.
    pub(super) async fn give_back_told(&self, agent: &AgentName, ids: &[HopId]) {
        for id in ids {
            let mut all = self.told.lock();
            let shown = all.get_mut(id).filter(|told| told.to == *agent && told.stands == Stands::Shown);
            shown.into_iter().for_each(|told| told.stands = Stands::Here);
        }
        self.let_go_told(agent).await;
    }

    /// Takes back what lay with a listener that is gone.
    pub(super) fn take_back_told(&self, id: HopId) {
        let mut all = self.told.lock();
        let held = all.get_mut(&id).filter(|told| told.stands == Stands::WithListener);
        held.into_iter().for_each(|told| told.stands = Stands::Here);
    }

    /// Gives back what nobody here asks for any more.
    pub(super) async fn let_go_told(&self, agent: &AgentName) {
        let unclaimed: Vec<HopId> = {
            let mut all = self.told.lock();
            let unclaimed: Vec<HopId> =
                all.iter().filter(|(_, told)| told.waits_for(agent)).map(|(id, _)| *id).collect();
            all.retain(|id, _| !unclaimed.contains(id));
            unclaimed
        };
        for id in unclaimed {
            self.post.give_back(agent, Kind::Told, id).await;
        }
    }

    /// Ends what an agent was shown.
    pub(super) async fn end_shown(&self, agent: &AgentName) {
        let shown: Vec<HopId> = {
            let all = self.told.lock();
            let is_shown = |told: &Told| told.to == *agent && told.stands == Stands::Shown;
            all.iter().filter(|(_, told)| is_shown(told)).map(|(id, _)| *id).collect()
        };
        for id in shown {
            if let Err(unavailable) = self.has_been_told(id, agent).await {
                tracing::debug!(%unavailable, "what an agent was told comes once more");
            }
        }
    }

    /// Whether it was handed out and nobody acknowledged it.
    pub(super) fn is_told_out(&self, id: HopId) -> bool {
        self.told.lock().get(&id).is_some_and(|told| told.stands != Stands::Ended)
    }

    /// Notes that an agent has what it was told: it is never handed out again. `false` for what is not its.
    pub(super) async fn has_been_told(&self, id: HopId, agent: &AgentName) -> Result<bool, Unavailable> {
        let is_its = self.told.lock().get(&id).is_some_and(|told| told.to == *agent);
        if !is_its && !self.post.had(agent, Kind::Told, id) {
            return Ok(false);
        }
        self.post.end(agent, Kind::Told, id).await?;
        if let Some(told) = self.told.lock().get_mut(&id) {
            (told.stands, told.content, told.beside) = (Stands::Ended, Value::Null, Value::Null);
        }
        self.changed.notify_waiters();
        Ok(true)
    }
}
