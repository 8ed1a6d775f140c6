//! Requests that come over A2A: the same mailboxes again. To whoever asked, each is a task.

use std::future::Future;

use maso_bus::{Kind, Mailbox};
use maso_core::{Act, AgentName, HopId, Principal, Refusal, RequestName, Turn};
use maso_path::Carried;
use maso_wire::{Arrival, Parsed, Received, UnverifiedToken, mcp::Reply};
use serde_json::{Value, json};

use super::{
    Fleet, Lies, Open,
    messages::{not_posted, refusal_of},
};
use crate::{
    decider::{Carry, Got},
    drain::Drain,
    gateway::Gateway,
};

/// How a request that lies in a mailbox stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Progress {
    /// Nobody has taken it.
    Waits,
    /// Somebody works on it.
    Taken,
    /// It was taken back.
    TakenBack,
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
            None if self.is_taken_back(id, open) => Progress::TakenBack,
            None if open.lies == Lies::WithIt || open.answered => Progress::Taken,
            None => Progress::Waits,
        })
    }

    /// The request that lies under this id, and the token of the task in which it was made.
    pub(crate) fn request_of(&self, id: HopId) -> Option<(RequestName, Option<UnverifiedToken>)> {
        self.requests.lock().get(&id).map(|open| (open.request.clone(), open.task.clone()))
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
        self.within(&[], wait_ms, over, look).await
    }

    /// Takes in the answer to a request whose client looks at how it stands, and not into a mailbox. From then on it lies
    /// here, with the task.
    async fn take_answer(&self, id: HopId, drain: &Drain) {
        let Some(asker) = self.find(id).map(|open| open.from) else { return };
        let mailbox = Mailbox::new(asker.clone(), Kind::Answer);
        let look = || match self.requests.lock().get_mut(&id) {
            Some(open) if open.result.is_some() => {
                open.result_told = true;
                Some(true)
            }
            Some(open) if !self.is_taken_back(id, open) => None,
            // Forgotten, or taken back.
            _ => Some(false),
        };
        while !drain.has_begun() {
            let found = self.within(std::slice::from_ref(&mailbox), super::WAIT_MS_MAX, drain.begun(), look).await;
            match found {
                Some(true) => return self.end_told(&asker).await,
                Some(false) => return,
                None => {}
            }
        }
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
                let open = Open::new((from, to), asked, (task, handed_on), go.goal, at);
                if let Err(not_put) = gateway.fleet.put(hop, open).await {
                    return not_posted(&not_put);
                }
                let taking = std::sync::Arc::clone(&gateway);
                tokio::spawn(async move { taking.fleet.take_answer(hop, &taking.drain).await });
                Carried::Delivered(Got::Ours(told(&json!({}))))
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
