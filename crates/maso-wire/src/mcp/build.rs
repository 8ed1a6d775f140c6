//! Frames that maso writes.

use maso_core::{HopId, Refusal};
use serde::Serialize;
use serde_json::{Value, json, value::RawValue};

use crate::mcp::{Code, Id, Members, Method, Reply, Revision, members::raw, meta};

/// How a 2026-07-28 result of a listing may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// As the server said, but only for this caller.
    AsServed,
    /// Only now: maso shaped it.
    Shaped,
}

/// A request.
pub fn request(id: &Id, method: &str, params: &RawValue) -> Vec<u8> {
    #[derive(Serialize)]
    struct Frame<'a> {
        jsonrpc: &'static str,
        id: &'a Id,
        method: &'a str,
        params: &'a RawValue,
    }
    bytes(&Frame { jsonrpc: "2.0", id, method, params })
}

/// A notification.
pub fn notification(method: &str, params: &Members) -> Vec<u8> {
    #[derive(Serialize)]
    struct Frame<'a> {
        jsonrpc: &'static str,
        method: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        params: Option<Box<RawValue>>,
    }
    bytes(&Frame { jsonrpc: "2.0", method, params: (!params.is_empty()).then(|| params.to_raw()) })
}

/// An answer, with the bytes of the reply as they are. Without an id, the id is null.
pub fn response(id: Option<&Id>, reply: &Reply) -> Vec<u8> {
    #[derive(Serialize)]
    struct Frame<'a> {
        jsonrpc: &'static str,
        id: Option<&'a Id>,
        #[serde(skip_serializing_if = "Option::is_none")]
        result: Option<&'a RawValue>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<&'a RawValue>,
    }
    let (result, error) = match reply {
        Reply::Result(result) => (Some(&**result), None),
        Reply::Error(error) => (None, Some(&*error.raw)),
    };
    bytes(&Frame { jsonrpc: "2.0", id, result, error })
}

/// An error reply.
pub fn error(code: Code, message: &str, data: Option<Value>) -> Reply {
    let mut object = json!({ "code": code.number(), "message": message });
    if let Some(data) = data {
        object["data"] = data;
    }
    Reply::Error(crate::mcp::ErrorReply { code: code.number(), raw: raw(&object) })
}

/// The result of a tool call that maso refused: the code and the hop, and nothing to probe with.
pub fn refused_tool(refusal: Refusal, hop: HopId) -> Reply {
    tool_error(
        &format!("maso refused this: {refusal} ({hop})"),
        json!({ "refused": refusal.as_str(), "hop": hop.to_string() }),
    )
}

/// The result of a tool call that went wrong on our side of the server; `about` is found under `maso`.
pub fn tool_error(text: &str, about: Value) -> Reply {
    Reply::Result(raw(&json!({
        "isError": true,
        "content": [{ "type": "text", "text": text }],
        "structuredContent": { "maso": about },
    })))
}

/// A 2026-07-28 result that asks for input first: what is asked, by key, and the state that comes back with it.
pub fn input_required(requests: &Members, state: &str, about: Option<Value>) -> Reply {
    let mut result = Members::new();
    result.set_value("resultType", &"input_required");
    if !requests.is_empty() {
        result.set("inputRequests", requests.to_raw());
    }
    result.set_value("requestState", &state);
    if let Some(about) = about {
        result.set_value("_meta", &json!({ "maso/held": about }));
    }
    Reply::Result(result.to_raw())
}

/// A result in the form that `revision` has for `method`, each other member as it came. What a server marked as
/// public to all callers is private after it passed here: two callers are not shown the same.
pub fn result_for(revision: Revision, method: Method, result: &RawValue, listed: Listed) -> Box<RawValue> {
    let Some(mut members) = Members::of(result) else { return result.to_owned() };
    if !revision.is_stateless() {
        let complete = members.named("resultType").is_some_and(|kind| kind.get() == "\"complete\"");
        if !complete && members.named("ttlMs").is_none() && members.named("cacheScope").is_none() {
            return result.to_owned();
        }
        members.take("resultType");
        members.take("ttlMs");
        members.take("cacheScope");
        return members.to_raw();
    }
    if members.named("resultType").is_none() {
        members.set_value("resultType", &"complete");
    }
    if method.is_cacheable() {
        let kept = members.named("ttlMs").is_some() && listed == Listed::AsServed;
        if !kept {
            members.set_value("ttlMs", &0);
        }
        members.set_value("cacheScope", &"private");
    }
    if let Some(server_info) = members.take("serverInfo") {
        let mut inner = members.named("_meta").and_then(Members::of).unwrap_or_default();
        inner.set(meta::SERVER_INFO, server_info);
        members.set("_meta", inner.to_raw());
    }
    members.to_raw()
}

fn bytes(frame: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(frame).expect("a frame has only string keys")
}
