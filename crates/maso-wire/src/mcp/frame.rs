//! JSON-RPC 2.0 frames, strictly.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

use crate::{
    Limits, Parsed,
    mcp::{Code, Members},
    parse,
};

/// One frame.
#[derive(Clone, Debug)]
pub enum Frame {
    /// It wants an answer.
    Request(Request),
    /// It wants none.
    Notification(Notification),
    /// It is an answer.
    Response(Response),
}

/// A frame that wants an answer.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its id, chosen by the sender.
    pub id: Id,
    /// The method as sent, known or not.
    pub method: String,
    /// The members of its params.
    pub params: Members,
    /// The whole frame, strictly parsed.
    pub parsed: Parsed,
}

/// A frame that wants no answer.
#[derive(Clone, Debug)]
pub struct Notification {
    /// The method as sent, known or not.
    pub method: String,
    /// The members of its params.
    pub params: Members,
    /// The whole frame, strictly parsed.
    pub parsed: Parsed,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// The request that it answers; `None` where the other side could not tell.
    pub id: Option<Id>,
    /// What it says.
    pub reply: Reply,
    /// The whole frame, strictly parsed.
    pub parsed: Parsed,
}

/// What an answer says, with its exact bytes.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A result: an object.
    Result(Box<RawValue>),
    /// An error.
    Error(ErrorReply),
}

/// An error object, with its exact bytes.
#[derive(Clone, Debug)]
pub struct ErrorReply {
    /// Its code.
    pub code: i64,
    /// The whole error object.
    pub raw: Box<RawValue>,
}

/// The id of a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Id {
    /// A whole number.
    Number(i64),
    /// Text.
    Text(String),
}

impl Id {
    /// The id in this value, if it is one.
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => number.as_i64().map(Self::Number),
            Value::String(text) => Some(Self::Text(text.clone())),
            _ => None,
        }
    }
}

impl Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_i64(*number),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// Why bytes are not a frame, and what the sender may be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct FrameFault {
    /// The code for the sender.
    pub code: Code,
    /// The id of the request, if that much could be read.
    pub id: Option<Id>,
    /// What was wrong, for operators.
    pub reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    #[serde(borrow)]
    #[serde(rename = "jsonrpc")]
    _jsonrpc: &'a RawValue,
    #[serde(borrow, default, rename = "id")]
    _id: Option<&'a RawValue>,
    method: Option<String>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

impl Frame {
    /// Parses one frame. Batches, unknown members, and ids that are neither text nor whole numbers are refused.
    ///
    /// # Errors
    /// When the bytes are not one frame within the limits.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, FrameFault> {
        let parsed = parse(bytes, limits).map_err(|malformed| FrameFault {
            code: Code::Parse,
            id: None,
            reason: malformed.reason,
        })?;
        let id = parsed.value().get("id").and_then(Id::of);
        let wrong = |reason: &str| FrameFault { code: Code::InvalidRequest, id: id.clone(), reason: reason.to_owned() };
        let value = parsed.value();
        if !value.is_object() {
            return Err(wrong("a frame is one object; batches are not spoken"));
        }
        if value.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
            return Err(wrong("`jsonrpc` is not `2.0`"));
        }
        let envelope: Envelope<'_> =
            serde_json::from_slice(bytes).map_err(|error| wrong(&format!("not a frame: {error}")))?;
        let has_id = value.get("id").is_some_and(|id| !id.is_null());
        if has_id && id.is_none() {
            return Err(wrong("`id` is neither text nor a whole number"));
        }
        match (envelope.method, envelope.result, envelope.error) {
            (Some(method), None, None) => {
                if value.get("id").is_some() && id.is_none() {
                    return Err(wrong("`id` is null"));
                }
                let params = match envelope.params {
                    None => Members::new(),
                    Some(params) => Members::of(params).ok_or_else(|| wrong("`params` is not an object"))?,
                };
                Ok(match id {
                    Some(id) => Self::Request(Request { id, method, params, parsed }),
                    None => Self::Notification(Notification { method, params, parsed }),
                })
            }
            (None, Some(result), None) if envelope.params.is_none() => {
                if !value["result"].is_object() {
                    return Err(wrong("`result` is not an object"));
                }
                if id.is_none() {
                    return Err(wrong("a result without an `id`"));
                }
                Ok(Self::Response(Response { id, reply: Reply::Result(result.to_owned()), parsed }))
            }
            (None, None, Some(error)) if envelope.params.is_none() => {
                let code = value["error"].get("code").and_then(Value::as_i64);
                let message = value["error"].get("message").and_then(Value::as_str);
                let (Some(code), Some(_)) = (code, message) else {
                    return Err(wrong("`error` has no whole-number `code` or no text `message`"));
                };
                let reply = Reply::Error(ErrorReply { code, raw: error.to_owned() });
                Ok(Self::Response(Response { id, reply, parsed }))
            }
            _ => Err(wrong("neither a request, a notification, a result nor an error")),
        }
    }
}

impl Request {
    /// The value of its params; null if there are none.
    pub fn params_value(&self) -> &Value {
        self.parsed.value().get("params").unwrap_or(&Value::Null)
    }

    /// A value of its `_meta`.
    pub fn meta(&self, key: &str) -> Option<&Value> {
        self.params_value().get("_meta")?.get(key)
    }
}

impl Notification {
    /// The value of its params; null if there are none.
    pub fn params_value(&self) -> &Value {
        self.parsed.value().get("params").unwrap_or(&Value::Null)
    }
}
