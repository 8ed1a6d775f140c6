//! Doors for clients: streamable HTTP and pipes, with and without sessions; signed messages; A2A.

pub(crate) mod a2a;
mod assumptions;
pub(crate) mod http;
mod instances;
mod messages;
mod outside;
mod session;
pub(crate) mod stdio;

pub(crate) use session::{Inflight, Session, Sessions};

use std::sync::Arc;

use maso_core::{Principal, Turn};
use maso_path::Carried;
use maso_wire::{
    Arrival, Credential, Received,
    mcp::{self, Code, Members, Method, Notification, Reply, Response},
};

use crate::{
    calls::Call,
    decider::{Carry, Decided, Got},
    gateway::Gateway,
    outlet::{Outlet, Weight},
    room::released,
};

impl Gateway {
    /// Puts the reply to a call on its way, whether or not somebody still waits for it. Gives the error's code, if it is
    /// one.
    pub(crate) async fn put_reply(&self, call: &Arc<Call>, outlet: &Outlet, ends: Ends) -> Option<i64> {
        let reply = tokio::select! {
            // Looked at first: taking a call back ends it at the server too, and what comes of that is no answer.
            biased;
            // What was taken back has no answer.
            () = call.cancelled() => {
                if matches!(ends, Ends::WithReply | Ends::WithError) {
                    outlet.close();
                }
                return None;
            }
            reply = self.next_reply(call) => reply,
        };
        // A server's words have their form already; what maso says itself gets it here.
        let reply = match reply {
            Reply::Result(result) if call.revision.is_stateless() => {
                Reply::Result(mcp::result_for(call.revision, Method::ToolsCall, &result, mcp::Listed::AsServed))
            }
            reply => reply,
        };
        let code = match &reply {
            Reply::Result(_) if matches!(ends, Ends::WithError | Ends::NeverListens) => {
                self.put_end_of_listening(call, outlet, ends).await;
                return None;
            }
            Reply::Result(_) => None,
            Reply::Error(error) => Some(error.code),
        };
        let frame = one_line(mcp::response(Some(&call.client_id), &reply));
        match ends {
            Ends::Never | Ends::NeverListens => outlet.push(frame, Weight::Must),
            Ends::WithReply | Ends::WithError => outlet.push_last(frame),
        }
        code
    }

    /// What a client with a session says without wanting an answer. Its sender is identified already.
    pub(crate) async fn client_told(&self, session: &Session, told: &Notification) {
        match Method::parse(&told.method) {
            Some(Method::Cancelled) => {
                let id = told.params_value().get("requestId").and_then(mcp::Id::of);
                if let Some(call) = id.and_then(|id| session.inflight().find(&id)) {
                    call.cancel().await;
                }
            }
            Some(Method::RootsChanged) => {
                let Some(room) = session.known_room() else { return };
                // It is news for a server that listens already, and for none that a stopped agent would reach by it.
                if !self.decider.is_stopped(&room.agent)
                    && let Some(leg) = room.known_leg().await
                    && !leg.met().revision.is_stateless()
                    && let Err(fault) = leg.tell(Method::RootsChanged, &Members::new()).await
                {
                    tracing::debug!(%fault, "a server could not be told that roots changed");
                }
            }
            _ => {}
        }
    }

    /// A client's answer to what a server asked it: a hop from the agent to the server.
    pub(crate) async fn client_answered(&self, credential: Credential, session: &Session, response: Response) {
        let Response { id: Some(id), reply, parsed } = response else { return };
        let Some(room) = session.known_room() else { return };
        let Some(question) = room.take_question(&id) else { return };
        let arrival = Arrival {
            id: self.decider.hop_id(),
            at: self.decider.now(),
            credential,
            task: question.task.clone(),
            to: Principal::Server(room.server.clone()),
        };
        let pointer = if matches!(reply, Reply::Result(_)) { "/result" } else { "/error" };
        let turn = Turn::Answer { to: question.hop };
        let received = Received::from_parsed(arrival, question.act, turn, parsed.pointer(pointer));
        let agent = room.agent.clone();
        let carry: Carry = Box::new(move |go| {
            Box::pin(async move {
                let reply = match (go.agent.as_ref().is_none_or(|sender| *sender == agent), reply) {
                    (false, _) => mcp::error(Code::Internal, "the client did not answer", None),
                    (true, Reply::Result(result)) => Reply::Result(released(&go, result)),
                    (true, Reply::Error(error)) => {
                        Reply::Error(mcp::ErrorReply { code: error.code, raw: released(&go, error.raw) })
                    }
                };
                Carried::Delivered(Got::Ours(reply))
            })
        });
        let told = match self.decider.clone().travel(received, carry).await {
            Decided::Released { got: Got::Ours(reply), .. } => reply,
            _ => mcp::error(Code::Refused, "maso refused this", None),
        };
        // A server that no longer waits does not need to know.
        question.answer.send(told).ok();
    }
}

/// When the stream of frames on which a reply is put comes to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    /// It is the client's only one, for requests with and without an end of their own.
    Never,
    /// The same, and there is no reply before the client has listened to the end, but an error.
    NeverListens,
    /// With the reply.
    WithReply,
    /// With an error; otherwise the client listens, and it ends when that does.
    WithError,
}

/// A frame on one line. Inside JSON a line's end can only stand between tokens, where a space means the same.
pub(crate) fn one_line(mut frame: Vec<u8>) -> Vec<u8> {
    for byte in &mut frame {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    frame
}
