//! Frames of MCP in, frames of MCP out, and a peer in between.

use std::{collections::HashMap, sync::Arc};

use maso_wire::mcp::{self, Code, Frame, Id, Method, Notification, Reply, Request};
use serde_json::{Value, json};
use tokio::{
    sync::mpsc,
    task::{AbortHandle, JoinSet},
};

use super::{
    Peer,
    card::{Known, Unknown},
    conversation::{Called, Conversation},
};
use crate::upstream::leg::{Inbound, Link};

/// Begins to take frames. It ends when nobody sends or hears them any more.
pub(super) fn begin(peer: Peer) -> (Link, mpsc::Receiver<Inbound>) {
    let (frames, asked) = mpsc::channel(QUEUE_FRAMES_MAX);
    let (found, inbox) = mpsc::channel(QUEUE_FRAMES_MAX);
    tokio::spawn(serve(peer, asked, found));
    (Link::Pipe(frames), inbox)
}

async fn serve(peer: Peer, mut asked: mpsc::Receiver<Vec<u8>>, found: mpsc::Sender<Inbound>) {
    // Met once: what was approved of it is what is called on this connection.
    let known = match peer.meet().await {
        Err(Unknown::Silent(why)) => {
            // Whoever would hear of it may be gone, which is as well.
            found.send(Inbound::Closed(Unknown::Silent(why).to_string())).await.ok();
            return;
        }
        Err(Unknown::Refused(why)) => {
            tracing::warn!(server = %peer.server, why, "the card of an agent outside is not believed");
            Err(why)
        }
        Ok(known) => Ok(known),
    };
    let told = |reply: Reply, id: &Id| Inbound::Frame(mcp::response(Some(id), &reply));
    let conversation = match &known {
        Ok(known) => Conversation::new(&peer, known).map(Arc::new),
        Err(why) => Err(why.clone()),
    };
    let mut calls: JoinSet<(Id, Reply)> = JoinSet::new();
    let mut under_way: HashMap<Id, AbortHandle> = HashMap::new();
    loop {
        tokio::select! {
            frame = asked.recv() => {
                let Some(frame) = frame else { return };
                match Frame::parse(&frame, &peer.settings.limits) {
                    Ok(Frame::Request(request)) if request.method == Method::ToolsCall.as_str() => {
                        let id = request.id.clone();
                        let call = call(conversation.clone(), known.as_ref().ok(), request);
                        under_way.insert(id, calls.spawn(call));
                    }
                    Ok(Frame::Request(request)) => {
                        let reply = answer(&peer, &known, &request);
                        if found.send(told(reply, &request.id)).await.is_err() {
                            return;
                        }
                    }
                    // Dropped, it takes its task back at the peer.
                    Ok(Frame::Notification(notification)) => {
                        let cancelled = cancelled(&notification).and_then(|id| under_way.remove(&id));
                        cancelled.inspect(AbortHandle::abort);
                    }
                    // What we write is well formed, and a peer asks nothing.
                    Ok(Frame::Response(_)) | Err(_) => {}
                }
            }
            Some(done) = calls.join_next() => {
                // One that was cancelled has no answer.
                let Ok((id, reply)) = done else { continue };
                under_way.remove(&id);
                if found.send(told(reply, &id)).await.is_err() {
                    return;
                }
            }
            () = found.closed() => return,
        }
    }
}

fn answer(peer: &Peer, known: &Result<Known, String>, request: &Request) -> Reply {
    match Method::parse(&request.method) {
        Some(Method::Initialize) => result(&json!({
            "protocolVersion": "2025-11-25",
            "capabilities": { "tools": {} },
            "serverInfo": { "name": peer.server.as_str(), "version": "0" },
        })),
        Some(Method::Ping) => result(&json!({})),
        Some(Method::ToolsList) => {
            let tools = match known {
                Ok(known) => known.tools(),
                Err(why) => peer.tools_refused(why),
            };
            result(&json!({ "tools": tools }))
        }
        _ => mcp::error(Code::MethodNotFound, "Method not found", None),
    }
}

/// A call: a message, and all that comes of it.
fn call(
    conversation: Result<Arc<Conversation>, String>,
    known: Option<&Known>,
    request: Request,
) -> impl Future<Output = (Id, Reply)> + Send + 'static {
    let params = request.params_value().clone();
    let skill = params.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let has_skill = known.is_some_and(|known| known.has(&skill));
    async move {
        let reply = match conversation {
            // Turned away before anything was sent.
            Err(_) => mcp::error(Code::InvalidParams, "the agent card is not believed", None),
            Ok(_) if !has_skill => mcp::error(Code::InvalidParams, "no such skill", None),
            Ok(conversation) => {
                match conversation.call(&skill, params.get("arguments").unwrap_or(&Value::Null)).await {
                    Called::Said(said) => {
                        let state = said.state;
                        let failed = state
                            .is_some_and(|state| state.is_final() && state != maso_wire::a2a::TaskState::Completed);
                        let texts: Vec<Value> =
                            said.texts().into_iter().map(|text| json!({ "type": "text", "text": text })).collect();
                        result(&json!({ "content": texts, "structuredContent": said.told(), "isError": failed }))
                    }
                    Called::NotSent(why) => mcp::error(Code::InvalidParams, &why, None),
                    Called::Broken(why) => mcp::error(Code::Internal, &why, None),
                }
            }
        };
        (request.id, reply)
    }
}

fn result(value: &Value) -> Reply {
    Reply::Result(serde_json::value::to_raw_value(value).expect("a JSON value is serializable"))
}

fn cancelled(told: &Notification) -> Option<Id> {
    if told.method != Method::Cancelled.as_str() {
        return None;
    }
    told.params_value().get("requestId").and_then(Id::of)
}

const QUEUE_FRAMES_MAX: usize = 64;
