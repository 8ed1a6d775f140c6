//! What agents told each other unasked, until whom it is for acknowledges it.

use std::{collections::BTreeMap, future::Future};

use maso_core::{AgentName, ContractName, HopId, Timestamp};
use serde_json::{Value, json};

use super::{EDGE_MAX, Fleet, KEPT_MS, MAILBOX_MAX, REQUESTS_MAX, messages::Handed};

/// What one agent told another, and nobody acknowledged yet.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) from: AgentName,
    pub(super) to: AgentName,
    pub(super) contract: ContractName,
    pub(super) content: Value,
    /// What the message said beside its content.
    pub(super) beside: Value,
    pub(super) at: Timestamp,
    /// Whether it lies with a listener.
    pub(super) taken: bool,
}

impl Told {
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
}

impl Fleet {
    /// Puts it in the mailbox of whom it is for; `false` when that is full. Beside requests it has as much room again.
    pub(super) fn tell(&self, id: HopId, told: Told) -> bool {
        {
            let mut all = self.told.lock();
            all.retain(|_, known| told.at.since_ms(known.at) < KEPT_MS);
            let waiting = || all.values().filter(|known| known.to == told.to);
            let of_edge = waiting().filter(|known| known.from == told.from).count();
            if of_edge >= EDGE_MAX || waiting().count() >= MAILBOX_MAX || all.len() >= REQUESTS_MAX {
                return false;
            }
            all.insert(id, told);
        }
        self.changed.notify_waiters();
        true
    }

    /// The oldest that an agent was told and that lies with no listener: it lies with one now.
    pub(super) fn next_told(&self, agent: &AgentName) -> Option<(Handed, Value)> {
        let mut all = self.told.lock();
        let waits = |told: &Told| told.to == *agent && !told.taken;
        let (id, told) = all.iter_mut().filter(|(_, told)| waits(told)).min_by_key(|(_, told)| told.at)?;
        told.taken = true;
        Some((Handed::Told(*id), told.shown(*id)))
    }

    /// Takes up to `max` of what an agent was told out of its mailbox, the oldest first, as [`Fleet::within`] waits.
    pub(super) async fn receive_told(
        &self,
        agent: &AgentName,
        max: usize,
        wait_ms: u64,
        over: impl Future<Output = ()>,
    ) -> BTreeMap<HopId, Told> {
        let taken = self.within(wait_ms, over, || {
            let mut all = self.told.lock();
            let mut waiting: Vec<_> = all
                .iter()
                .filter(|(_, told)| told.to == *agent && !told.taken)
                .map(|(id, told)| (told.at, *id))
                .collect();
            waiting.sort_unstable();
            let ids = waiting.into_iter().take(max).map(|(_, id)| id);
            let taken: BTreeMap<_, _> = ids.filter_map(|id| Some((id, all.remove(&id)?))).collect();
            (!taken.is_empty()).then_some(taken)
        });
        taken.await.unwrap_or_default()
    }

    /// Puts back what was taken for a client that is gone.
    pub(super) fn put_back(&self, taken: BTreeMap<HopId, Told>) {
        self.told.lock().extend(taken);
        self.changed.notify_waiters();
    }

    /// Notes that an agent has what it was told: it is never handed out again. `false` for what is not its.
    pub(super) fn has_been_told(&self, id: HopId, agent: &AgentName) -> bool {
        let mut all = self.told.lock();
        all.get(&id).is_some_and(|told| told.to == *agent) && all.remove(&id).is_some()
    }
}
