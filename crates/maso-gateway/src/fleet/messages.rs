//! Requests and answers that come as signed messages: the same mailboxes, whichever door they came by.

use std::{future::Future, sync::Arc};

use maso_bus::{Kind, Mailbox, NotPut, Unavailable};
use maso_core::{Act, AgentName, Finding, HopId, Principal, Refusal, Refused, RequestName, Turn, Word};
use maso_identity::SignedMessage;
use maso_path::{Carried, Ticket};
use maso_wire::{Arrival, Credential, Parsed, Received, envelope::Message, mcp::Reply};
use serde_json::{Value, json};

use super::{Fleet, Lies, Open, Told, not_carried, takers::NOT_THE_TAKER};
use crate::{
    decider::{Carry, Decided, Got},
    gateway::Gateway,
};

/// What became of a message.
pub(crate) enum Posted {
    /// It lies in a mailbox.
    Sent {
        /// The hop by which it was sent.
        id: HopId,
        /// Whether whom it is for was heard of lately.
        there: bool,
    },
    /// It lies with whoever asked.
    Answered,
    /// It waits for a person.
    Held(Ticket),
    /// It did not happen.
    Refused {
        /// The hop.
        hop: HopId,
        /// Why, as far as an agent is told.
        refusal: Refusal,
    },
}

/// Something that was handed to a listener, and on which side of its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handed {
    /// A request, to whoever is asked.
    Request(HopId),
    /// Its answer, to whoever asked.
    Answer(HopId),
    /// What somebody told it unasked.
    Told(HopId),
    /// That a request on which it works was taken back.
    TakenBack(HopId),
}

impl Fleet {
    /// Hands out the oldest of what waits for an agent, waiting for it until `over`.
    pub(crate) async fn hand(&self, agent: &AgentName, over: impl Future<Output = ()>) -> Option<(Handed, Value)> {
        let mailboxes = Kind::ALL.map(|kind| Mailbox::new(agent.clone(), kind));
        let found = self.within(&mailboxes, super::WAIT_MS_MAX, over, || {
            if let Some(told) = self.next_told(agent) {
                return Some(told);
            }
            if let [id] = *self.tell_taken_back(agent, 1) {
                return Some((Handed::TakenBack(id), json!({ "id": id.to_string(), "taken_back": true })));
            }
            let mut requests = self.requests.lock();
            let is_asked =
                |id: HopId, open: &Open| open.to == *agent && open.lies == Lies::Here && !self.is_taken_back(id, open);
            let is_answered = |open: &Open| open.from == *agent && open.result.is_some() && !open.result_taken;
            let waits = |id: HopId, open: &Open| is_asked(id, open) || is_answered(open);
            let waiting = requests.iter_mut().filter(|(id, open)| waits(**id, open));
            let (id, open) = waiting.min_by_key(|(_, open)| open.at)?;
            if is_asked(*id, open) {
                (open.lies, open.taken_by) = (Lies::WithIt, None);
                return Some((Handed::Request(*id), open.told(*id)));
            }
            open.result_taken = true;
            let mut told = open.told_result()?;
            told["id"] = json!(id.to_string());
            Some((Handed::Answer(*id), told))
        });
        let handed = found.await;
        if handed.is_some() {
            // Whoever follows what was asked sees that it is worked on.
            self.changed.notify_waiters();
        }
        handed
    }

    /// Takes back what a listener that is gone did not acknowledge: the next gets it, in whichever process.
    pub(crate) async fn take_back(&self, agent: &AgentName, handed: &[Handed]) {
        for one in handed {
            if let Handed::TakenBack(id) = one {
                self.untell_taken_back(&[*id]);
                continue;
            }
            let mut requests = self.requests.lock();
            match one {
                Handed::Told(id) => self.take_back_told(*id),
                Handed::TakenBack(_) => {}
                Handed::Request(id) => {
                    let open = requests.get_mut(id).filter(|open| !open.answered && !open.acknowledged.request);
                    open.into_iter().for_each(|open| open.lies = Lies::Here);
                }
                Handed::Answer(id) => {
                    let open = requests.get_mut(id).filter(|open| !open.acknowledged.result);
                    open.into_iter().for_each(|open| open.result_taken = false);
                }
            }
        }
        self.let_go(agent).await;
        self.changed.notify_waiters();
    }

    /// Whether it was handed out and nobody acknowledged it.
    pub(crate) fn is_out(&self, handed: Handed) -> bool {
        let requests = self.requests.lock();
        match handed {
            Handed::Told(id) => self.is_told_out(id),
            // Whoever asks for the next event has this one: there is nothing to do about it.
            Handed::TakenBack(_) => false,
            Handed::Request(id) => requests.get(&id).is_some_and(|open| !open.acknowledged.request),
            Handed::Answer(id) => requests.get(&id).is_some_and(|open| !open.acknowledged.result),
        }
    }

    /// Resolves when something was acknowledged, or anything else changed.
    pub(crate) async fn acknowledged(&self) {
        self.changed.notified().await;
    }

    /// Notes that an agent has what is for it of a request: it is never handed out again. `false` for what is not its.
    ///
    /// # Errors
    /// When the bus could not be told: it may be handed out again.
    pub(crate) async fn acknowledge(&self, id: HopId, agent: &AgentName) -> Result<bool, Unavailable> {
        let kind = match self.requests.lock().get(&id) {
            // Also what it had, and was taken back from a listener that left.
            Some(open)
                if open.from == *agent && (open.acknowledged.result || self.post.had(agent, Kind::Answer, id)) =>
            {
                Kind::Answer
            }
            Some(open) if open.to == *agent => Kind::Request,
            Some(_) => return Ok(false),
            None => Kind::Told,
        };
        if kind == Kind::Told {
            return self.has_been_told(id, agent).await;
        }
        self.post.end(agent, kind, id).await?;
        if let Some(open) = self.requests.lock().get_mut(&id) {
            match kind {
                Kind::Answer => (open.result_taken, open.acknowledged.result) = (true, true),
                Kind::Request => (open.lies, open.acknowledged.request) = (Lies::WithIt, true),
                Kind::Told => {}
            }
        }
        self.changed.notify_waiters();
        Ok(true)
    }
}

impl Gateway {
    /// The way of a message that asks for something.
    pub(crate) async fn post_message(&self, signed: SignedMessage, credential: Credential) -> Posted {
        let (message, payload) = signed.into_parts();
        let message = Arc::new(message);
        let to = message.recipient.agent.clone();
        let arrival = self.message_arrival(&message, credential, Principal::Agent(to.clone()));
        let hop = arrival.id;
        let Ok(request) = message.contract.name.as_str().parse::<RequestName>() else {
            return Posted::Refused { hop, refusal: Refusal::Malformed };
        };
        if message.beside.kind.evidence().is_some() {
            return self.tell(message, payload, arrival).await;
        }
        let act = Act::Request { agent: to.clone(), request: request.clone() };
        let content = payload.value().clone();
        let received = Received::from_parsed(arrival, act, Turn::Ask, payload).saying(Arc::clone(&message));
        let gateway = self.shared();
        let carry: Carry = Box::new(move |go| {
            Box::pin(async move {
                let Some(from) = go.agent else { return unavailable("nobody knows whose hop this is") };
                let at = gateway.decider.now();
                let there = gateway.decider.is_there(&to);
                let asked = (request, go.replaced.unwrap_or(content));
                let task = message.task.clone();
                let handed_on = match gateway.hand_on(task.as_ref(), go.link.as_ref()) {
                    Ok(token) => token,
                    Err(fault) => return unavailable(&fault.to_string()),
                };
                let mut open = Open::new((from, to), asked, (task, handed_on), go.goal, at);
                open.beside = Some(beside(&message));
                match gateway.fleet.put(hop, open).await {
                    Ok(()) => Carried::Delivered(Got::Ours(told(&json!({ "there": there })))),
                    Err(not_put) => not_posted(&not_put),
                }
            })
        });
        self.posted(hop, received, carry).await
    }

    /// The way of a message that tells something unasked.
    async fn tell(&self, message: Arc<Message>, payload: Parsed, arrival: Arrival) -> Posted {
        let (hop, to) = (arrival.id, message.recipient.agent.clone());
        let contract = message.contract.name.clone();
        let act = Act::Tell { agent: to.clone(), contract: contract.clone() };
        let content = payload.value().clone();
        let received = Received::from_parsed(arrival, act, Turn::Ask, payload).saying(Arc::clone(&message));
        let gateway = self.shared();
        let carry: Carry = Box::new(move |go| {
            Box::pin(async move {
                let Some(from) = go.agent else { return unavailable("nobody knows whose hop this is") };
                let (at, there) = (gateway.decider.now(), gateway.decider.is_there(&to));
                let content = go.replaced.unwrap_or(content);
                let told_it = Told::new((from, to), contract, content, beside(&message), at);
                match gateway.fleet.tell(hop, &told_it).await {
                    Ok(()) => Carried::Delivered(Got::Ours(told(&json!({ "there": there })))),
                    Err(not_put) => not_posted(&not_put),
                }
            })
        });
        self.posted(hop, received, carry).await
    }

    /// The way of a message that answers a request which was made of its sender.
    pub(crate) async fn post_answer(
        &self,
        (id, open): (HopId, Open),
        signed: SignedMessage,
        credential: Credential,
    ) -> Posted {
        let (message, payload) = signed.into_parts();
        let message = Arc::new(message);
        let taker = self.decider.taker(&credential);
        let arrival = self.message_arrival(&message, credential, Principal::Agent(open.from.clone()));
        // An answer belongs to the task of what it answers.
        let arrival = Arrival { task: arrival.task.clone().or(open.handed_on.clone()), ..arrival };
        let hop = arrival.id;
        let act = Act::Request { agent: open.to.clone(), request: open.request.clone() };
        let content = payload.value().clone();
        let received = Received::from_parsed(arrival, act, Turn::Answer { to: id }, payload);
        if message.beside.kind.evidence().is_none() {
            let reason = format!("`{}` asks for something, and answers nothing", message.beside.kind.as_str());
            return self.turn_away(received, Refusal::OutOfMandate, reason).await;
        }
        let received = received.saying(Arc::clone(&message));
        let (gateway, to) = (self.shared(), open.to);
        let carry: Carry = Box::new(move |go| {
            Box::pin(async move {
                if go.agent.as_ref() != Some(&to) {
                    return unavailable("the request was made of another agent");
                }
                if !gateway.may_answer(id, taker) {
                    return unavailable(NOT_THE_TAKER);
                }
                let result = go.replaced.unwrap_or(content);
                match gateway.fleet.complete(id, result, Some(beside(&message))).await {
                    Ok(true) => Carried::Delivered(Got::Ours(told(&json!({ "done": true })))),
                    Ok(false) => unavailable("it was answered already"),
                    Err(not_put) => not_posted(&not_put),
                }
            })
        });
        self.posted(hop, received, carry).await
    }

    async fn posted(&self, hop: HopId, received: Received, carry: Carry) -> Posted {
        match self.decider.clone().travel(received, carry).await {
            Decided::Released { got: Got::Ours(Reply::Result(raw)), .. } => {
                let said: Value = serde_json::from_str(raw.get()).unwrap_or_default();
                match (said["refused"].as_str(), said["there"].as_bool()) {
                    (Some(code), _) => Posted::Refused { hop, refusal: refusal_of(code) },
                    (None, Some(there)) => Posted::Sent { id: hop, there },
                    (None, None) => Posted::Answered,
                }
            }
            // No tool is called, so there is nothing to try out.
            Decided::Released { .. } | Decided::TryOut { .. } => Posted::Refused { hop, refusal: Refusal::Unavailable },
            Decided::Held { ticket, .. } => Posted::Held(ticket),
            Decided::Refused { hop, refusal } => {
                // If it broke its contract, the streams of its sender end with it, and not some time later.
                self.look_at_streams();
                Posted::Refused { hop, refusal }
            }
        }
    }

    fn message_arrival(&self, message: &Message, credential: Credential, to: Principal) -> Arrival {
        let task = message.task.clone();
        Arrival { id: self.decider.hop_id(), at: self.decider.now(), credential, task, to }
    }

    /// Puts on the record what is of a type that does not go this way (PG-1.4).
    async fn turn_away(&self, received: Received, refusal: Refusal, reason: String) -> Posted {
        let hop = received.arrival().id;
        let finding = Finding::new("PG-1.4", Word::NoGo, reason);
        let refusal = self.decider.clone().turned_away(Refused::new(received, refusal, finding)).await;
        Posted::Refused { hop, refusal }
    }
}

/// What a message says beside its content, for whom it is. Its nonce and signature have done their work.
fn beside(message: &Message) -> Value {
    let mut told: Value = serde_json::from_slice(&message.write()).unwrap_or_default();
    if let Some(members) = told.as_object_mut() {
        ["content", "nonce", "task_token"].into_iter().for_each(|name| drop(members.remove(name)));
    }
    told
}

pub(super) fn not_posted(not_put: &NotPut) -> Carried<Got> {
    let refusal = match not_put {
        NotPut::Full(_) => Refusal::LimitReached,
        NotPut::Unavailable(_) | NotPut::Unknown(_) => Refusal::Unavailable,
    };
    not_carried(not_put, Got::Ours(told(&json!({ "refused": refusal.as_str() }))))
}

fn unavailable(fault: &str) -> Carried<Got> {
    let reply = Got::Ours(told(&json!({ "refused": Refusal::Unavailable.as_str() })));
    Carried::Failed { reply, fault: fault.to_owned() }
}

fn told(value: &Value) -> Reply {
    Reply::Result(serde_json::value::to_raw_value(value).expect("a JSON value is serializable"))
}

pub(super) fn refusal_of(code: &str) -> Refusal {
    Refusal::parse(code).unwrap_or(Refusal::Unavailable)
}
