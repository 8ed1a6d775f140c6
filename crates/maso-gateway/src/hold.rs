//! Held hops: the request stays open for a while, and then there is a ticket. Whoever repeats the identical request
//! meets the same ticket, or the result.

use std::sync::Arc;

use maso_core::{Digest, Refusal, Timestamp};
use maso_path::{Carried, Ticket};
use maso_wire::{
    Received,
    mcp::{self, Code, Members, Method, Reply, Revision, meta},
};
use serde_json::{Value, json};

use crate::{
    calls::{Call, Entered},
    decider::{AfterTrial, Carry, Decided, Got, Trial},
    gateway::Gateway,
    outlet::Weight,
};

/// What became of a hop after waiting for it as long as a request may stay open.
pub(crate) enum Settled {
    /// It was carried.
    Released { hop: maso_core::HopId, got: Got },
    /// It is to be tried out first.
    TryOut { trial: Trial, then: AfterTrial },
    /// It still waits.
    Held(Ticket),
    /// An earlier identical request had been carried already, and this is its answer.
    Earlier(Reply),
    /// It did not happen.
    Refused { hop: maso_core::HopId, refusal: Refusal },
}

impl Gateway {
    /// The way of a hop, waiting for people as long as the request may stay open. `make_carry` gives a new way to carry
    /// it for each time that it is decided; the path uses at most one of them.
    pub(crate) async fn settle(
        &self,
        call: &Arc<Call>,
        received: Received,
        make_carry: impl Fn() -> Carry + Send + Sync,
    ) -> Settled {
        let decided = self.decider.clone().travel(received, make_carry()).await;
        self.await_people(call, decided, make_carry).await
    }

    /// The rest of that way, from a decision on.
    pub(crate) async fn await_people(
        &self,
        call: &Arc<Call>,
        mut decided: Decided,
        make_carry: impl Fn() -> Carry + Send + Sync,
    ) -> Settled {
        let mut left_ms = self.decider.deployment().settings.hold_open_ms;
        let mut n_waits = 0_u32;
        loop {
            match decided {
                Decided::Released { hop, got } => return Settled::Released { hop, got },
                Decided::TryOut { trial, then } => return Settled::TryOut { trial, then },
                Decided::Refused { hop, refusal } => return Settled::Refused { hop, refusal },
                Decided::Held { ticket, again } => {
                    if let Some(earlier) = self.calls.follow(ticket.action, call) {
                        return Settled::Earlier(earlier.answer().await);
                    }
                    if left_ms == 0 || call.is_abandoned() || self.drain.has_begun() {
                        return Settled::Held(ticket);
                    }
                    tell_waiting(call, n_waits, &ticket);
                    n_waits += 1;
                    let slice_ms = left_ms.min(SLICE_MS);
                    left_ms -= slice_ms;
                    decided = again(slice_ms, make_carry()).await;
                }
            }
        }
    }
}

impl Gateway {
    /// Takes on a call that is about to be carried. What comes back is what it comes to where an identical one was carried
    /// in its stead; `unavailable` is for one that nobody waits for.
    pub(crate) async fn instead_of(
        &self,
        action: Digest,
        call: &Arc<Call>,
        unavailable: impl FnOnce() -> Reply,
    ) -> Option<Carried<Got>> {
        match self.calls.enter(action, call) {
            Entered::Go => None,
            Entered::After(earlier) => Some(Carried::Delivered(Got::Ours(earlier.answer().await))),
            Entered::Overtaken => {
                let fault = "its client was gone, and repeated it meanwhile".to_owned();
                Some(Carried::Failed { reply: Got::Ours(unavailable()), fault })
            }
            Entered::Full => {
                let why = "too many calls of this agent are under way";
                let reply = mcp::tool_error(why, json!({ "refused": Refusal::LimitReached.as_str() }));
                Some(Carried::Failed { reply: Got::Ours(reply), fault: why.to_owned() })
            }
        }
    }
}

/// What a client is told whose request still waits for a person.
pub(crate) fn held_reply(method: Method, revision: Revision, ticket: &Ticket, now: Timestamp) -> Reply {
    let about = about(ticket, now);
    if revision.is_stateless() && method.may_need_input() {
        // Nothing in the state is believed when it comes back: the identical request finds its ticket by itself.
        return mcp::input_required(&Members::new(), &format!("{HELD_STATE}{}", ticket.id), Some(about));
    }
    let text = format!(
        "maso holds this until a person has approved it ({}). Repeat the identical call later: it waits under the same \
         ticket until {}.",
        ticket.id, ticket.expires_at
    );
    match method {
        Method::ToolsCall => mcp::tool_error(&text, about),
        _ => mcp::error(refused_code(revision), &text, Some(json!({ "maso": about }))),
    }
}

/// The code of an error by which maso refuses; the stateless revision keeps the other range for itself.
pub(crate) const fn refused_code(revision: Revision) -> Code {
    if revision.is_stateless() { Code::RefusedStateless } else { Code::Refused }
}

/// What is told of a hop that waits for people.
pub(crate) fn about(ticket: &Ticket, now: Timestamp) -> Value {
    json!({
        "held": true,
        "ticket": ticket.id.to_string(),
        "expires_at": ticket.expires_at.to_string(),
        "retry_after_ms": RETRY_MS.min(ticket.expires_at.since_ms(now)),
    })
}

fn tell_waiting(call: &Call, n_waits: u32, ticket: &Ticket) {
    let Some(token) = &call.progress_token else { return };
    let mut params = Members::new();
    params.set_value(meta::PROGRESS_TOKEN, token);
    params.set_value("progress", &n_waits);
    params.set_value("message", &format!("waiting for approval ({})", ticket.id));
    call.outlet().push(mcp::notification(Method::Progress.as_str(), &params), Weight::May);
}

/// How the state of a held call begins. It says nothing that is believed.
pub(crate) const HELD_STATE: &str = "held:";
const SLICE_MS: u64 = 5_000;
const RETRY_MS: u64 = 5_000;
