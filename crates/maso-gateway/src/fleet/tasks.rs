//! Requests that come over A2A: the same mailboxes again. To whoever asked, each is a task.

use std::future::Future;

use maso_core::{Act, AgentName, HopId, Principal, Refusal, RequestName, Turn};
use maso_path::Carried;
use maso_wire::{Arrival, Parsed, Received, mcp::Reply};
use serde_json::{Value, json};

use super::{Fleet, Open, messages::refusal_of};
use crate::{
    decider::{Carry, Got},
    gateway::Gateway,
};

/// How a request that lies in a mailbox stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Progress {
    /// Nobody has taken it.
    Waits,
    /// Somebody works on it.
    Taken,
    /// It was answered.
    Answered(Value),
}

/// A request to another agent, before it is decided.
pub(crate) struct Request {
    pub(crate) to: AgentName,
    pub(crate) request: RequestName,
}

impl Fleet {
    /// How a request stands; `None` for one that is forgotten.
    pub(crate) fn progress(&self, id: HopId) -> Option<Progress> {
        let requests = self.requests.lock();
        let open = requests.get(&id)?;
        Some(match &open.result {
            Some(result) => Progress::Answered(result.clone()),
            None if open.taken => Progress::Taken,
            None => Progress::Waits,
        })
    }

    /// Takes a request back that nobody has taken yet. `false` when it is too late for that.
    pub(crate) fn withdraw(&self, id: HopId) -> bool {
        let withdrawn = {
            let mut requests = self.requests.lock();
            let waits = requests.get(&id).is_some_and(|open| !open.taken && open.result.is_none());
            waits && requests.remove(&id).is_some()
        };
        self.stir();
        withdrawn
    }

    /// Wakes those who look at how requests stand.
    pub(crate) fn stir(&self) {
        self.changed.notify_waiters();
    }

    /// Looks at how requests stand until there is something, as [`Fleet::within`] does.
    pub(crate) async fn look<T>(
        &self,
        wait_ms: u64,
        over: impl Future<Output = ()>,
        look: impl Fn() -> Option<T>,
    ) -> Option<T> {
        self.within(wait_ms, over, look).await
    }
}

impl Gateway {
    /// The hop of a request.
    pub(crate) fn request_hop(&self, arrival: Arrival, request: &Request, payload: Parsed) -> Received {
        let act = Act::Request { agent: request.to.clone(), request: request.request.clone() };
        let arrival = Arrival { to: Principal::Agent(request.to.clone()), ..arrival };
        Received::from_parsed(arrival, act, Turn::Ask, payload)
    }

    /// Puts a request into the mailbox of whom it is for.
    pub(crate) fn request_carry(&self, hop: HopId, arrival: &Arrival, request: &Request, content: Value) -> Carry {
        let (gateway, task) = (self.shared(), arrival.task.clone());
        let (to, request) = (request.to.clone(), request.request.clone());
        Box::new(move |go| {
            Box::pin(async move {
                let failed = |refusal: Refusal, fault: &str| {
                    let reply = Got::Ours(told(&json!({ "refused": refusal.as_str() })));
                    Carried::Failed { reply, fault: fault.to_owned() }
                };
                if !gateway.a2a_tasks.is_undecided(hop) {
                    return failed(Refusal::Unavailable, "its client took it back");
                }
                let Some(from) = go.agent else {
                    return failed(Refusal::Unavailable, "nobody knows whose hop this is");
                };
                let at = gateway.decider.now();
                let handed_on = match gateway.hand_on(task.as_ref(), go.link.as_ref()) {
                    Ok(token) => token,
                    Err(fault) => return failed(Refusal::Unavailable, &fault.to_string()),
                };
                let asked = (request, go.replaced.unwrap_or(content));
                if gateway.fleet.put(hop, Open::new((from, to), asked, (task, handed_on), go.goal, at)) {
                    Carried::Delivered(Got::Ours(told(&json!({}))))
                } else {
                    failed(Refusal::LimitReached, "the mailbox is full")
                }
            })
        })
    }
}

/// What carrying a request came to: nothing, or why it lies in no mailbox.
pub(crate) fn came_of(got: Got) -> Option<Refusal> {
    let Got::Ours(Reply::Result(raw)) = got else { return Some(Refusal::Unavailable) };
    let said: Value = serde_json::from_str(raw.get()).unwrap_or_default();
    said["refused"].as_str().map(refusal_of)
}

fn told(value: &Value) -> Reply {
    Reply::Result(serde_json::value::to_raw_value(value).expect("a JSON value is serializable"))
}
