//! Requests that are taken back: whoever made one ends it, whoever works on it hears of that.
//!
//! That one was taken back stands on the record, by whichever process; here is only noted who was told.

use std::collections::BTreeMap;

use maso_core::{AgentName, HopId};
use maso_path::{Ended, NotTakenBack};

use super::{Fleet, Lies, Open, RECEIVE_MAX};
use crate::gateway::Gateway;

impl Fleet {
    /// Whether a request was taken back, or one on the way by which it came.
    pub(super) fn is_taken_back(&self, id: HopId, open: &Open) -> bool {
        (self.ended)(id, open.handed_on.as_ref()) == Some(Ended::TakenBack)
    }

    /// Whether an agent works on a request that was taken back, and was not told.
    pub(super) fn is_any_taken_back(&self, requests: &BTreeMap<HopId, Open>, agent: &AgentName) -> bool {
        requests
            .iter()
            .any(|(id, open)| open.is_work_of(agent) && !open.told_taken_back && self.is_taken_back(*id, open))
    }

    /// The requests that an agent works on and that were taken back. Each is told once.
    pub(super) fn tell_taken_back(&self, agent: &AgentName, n_max: usize) -> Vec<HopId> {
        let mut requests = self.requests.lock();
        let untold = requests
            .iter_mut()
            .filter(|(id, open)| open.is_work_of(agent) && !open.told_taken_back && self.is_taken_back(**id, open));
        let told = untold.take(n_max.min(RECEIVE_MAX)).map(|(id, open)| {
            open.told_taken_back = true;
            *id
        });
        told.collect()
    }

    /// Notes that whoever was told is gone: the next hears it.
    pub(super) fn untell_taken_back(&self, ids: &[HopId]) {
        let mut requests = self.requests.lock();
        for id in ids {
            requests.get_mut(id).into_iter().for_each(|open| open.told_taken_back = false);
        }
    }

    /// Reads what other processes have put on the record, where an agent works on something that may have been taken back.
    pub(super) async fn hear_of_work(&self, agent: &AgentName) {
        let works = self.requests.lock().values().any(|open| open.is_work_of(agent));
        if works {
            (self.hear)().await;
        }
    }
}

impl Open {
    /// Whether this agent has it and did not answer yet.
    fn is_work_of(&self, agent: &AgentName) -> bool {
        self.to == *agent && self.lies == Lies::WithIt && !self.answered && self.result.is_none()
    }
}

impl Gateway {
    /// Takes back a request that this agent made. Whoever waits for news of it has some.
    ///
    /// # Errors
    /// As [`maso_path::Path::take_back`].
    pub(crate) async fn take_request_back(&self, id: HopId, by: &AgentName) -> Result<(), NotTakenBack> {
        self.decider.clone().take_back(id, by.clone()).await?;
        self.fleet.stir();
        Ok(())
    }
}
