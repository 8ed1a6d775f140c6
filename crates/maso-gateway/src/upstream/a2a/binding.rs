//! The two bindings in which a peer is asked: the form of what is asked, and what its answer says.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderValue, Method as Verb, StatusCode, uri::PathAndQuery};
use bytes::Bytes;
use maso_wire::{
    Limits,
    a2a::{self, Method},
    mcp::{self, Frame, Id, Reply, Response},
    parse_json,
};
use serde_json::Value;
use url::Url;

/// How a peer is spoken with.
pub(super) enum Binding {
    /// JSON-RPC, at its address.
    JsonRpc {
        /// The number of the next request.
        next_id: AtomicU64,
    },
    /// HTTP+JSON, at paths below its address.
    HttpJson {
        /// The path of its address, without a `/` at its end.
        base: String,
    },
}

/// What is asked, in the form of its binding.
pub(super) struct Asking {
    pub(super) verb: Verb,
    /// Where, if it is not the address itself.
    pub(super) path: Option<PathAndQuery>,
    pub(super) body: Bytes,
    pub(super) content_type: Option<HeaderValue>,
    /// What its answer names.
    id: Option<Id>,
}

/// What was answered to a request.
pub(super) enum Answered {
    Result(Value),
    /// The peer did not do it.
    Refused(String),
    /// Nobody knows.
    Broken(String),
}

impl Binding {
    /// What a card says, at this address.
    pub(super) fn at(binding: a2a::Binding, url: &Url) -> Result<Self, String> {
        match binding {
            a2a::Binding::JsonRpc => Ok(Self::JsonRpc { next_id: AtomicU64::new(1) }),
            // What stands behind a `?` is no part of a path that goes on.
            a2a::Binding::HttpJson if url.query().is_some() => Err("paths cannot go on behind a query".to_owned()),
            a2a::Binding::HttpJson => Ok(Self::HttpJson { base: url.path().trim_end_matches('/').to_owned() }),
        }
    }

    /// What asks for an operation. The error is for whoever asks: nothing was sent.
    pub(super) fn asking(&self, method: Method, params: &Value) -> Result<Asking, String> {
        match self {
            Self::JsonRpc { next_id } => {
                let id = Id::Text(next_id.fetch_add(1, Ordering::Relaxed).to_string());
                let params = serde_json::value::to_raw_value(params).expect("a JSON value is serializable");
                Ok(Asking {
                    verb: Verb::POST,
                    path: None,
                    body: mcp::request(&id, method.as_str(), &params).into(),
                    content_type: Some(JSON),
                    id: Some(id),
                })
            }
            Self::HttpJson { base } => {
                let of_task = || task_in(params);
                let (verb, below, body) = match method {
                    Method::SendMessage => (Verb::POST, "message:send".to_owned(), Some(params.to_string())),
                    Method::SendStreamingMessage => (Verb::POST, "message:stream".to_owned(), Some(params.to_string())),
                    Method::GetTask => (Verb::GET, format!("tasks/{}", of_task()?), None),
                    Method::CancelTask => (Verb::POST, format!("tasks/{}:cancel", of_task()?), Some("{}".to_owned())),
                    other => return Err(format!("`{other}` is not asked of a peer")),
                };
                let path = format!("{base}/{below}").parse().map_err(|_| "its address has no such path".to_owned())?;
                let content_type = body.is_some().then_some(A2A_JSON);
                let body = body.unwrap_or_default().into();
                Ok(Asking { verb, path: Some(path), body, content_type, id: None })
            }
        }
    }

    /// Whether an answer with this status says that nothing was done.
    pub(super) fn refuses(&self, status: StatusCode) -> bool {
        match self {
            // It says so before it looks at what it is asked.
            Self::JsonRpc { .. } => {
                matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND)
            }
            // Its errors are statuses. What took too long may have been done.
            Self::HttpJson { .. } => status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT,
        }
    }

    /// What an answer says, or one event of it.
    pub(super) fn read(&self, asking: &Asking, bytes: &[u8], limits: &Limits) -> Answered {
        match self {
            Self::JsonRpc { .. } => read_frame(asking.id.as_ref(), bytes, limits),
            Self::HttpJson { .. } => match parse_json(bytes, limits) {
                Ok(said) => Answered::Result(said),
                Err(malformed) => Answered::Broken(malformed.reason),
            },
        }
    }
}

fn read_frame(id: Option<&Id>, bytes: &[u8], limits: &Limits) -> Answered {
    match Frame::parse(bytes, limits) {
        Ok(Frame::Response(Response { id: of, reply: Reply::Result(_), parsed }))
            if of.is_some() && of.as_ref() == id =>
        {
            Answered::Result(parsed.pointer("/result").into_value())
        }
        // Its words are not passed on where nothing travels; the code says what kind of no it is.
        Ok(Frame::Response(Response { reply: Reply::Error(error), .. })) => match error.code {
            code @ (-32700 | -32602..=-32600 | -32009..=-32001) => {
                Answered::Refused(format!("the agent answered with error {code}"))
            }
            code => Answered::Broken(format!("the agent answered with error {code}")),
        },
        Ok(_) => Answered::Broken("the agent answered something else".to_owned()),
        Err(fault) => Answered::Broken(fault.reason),
    }
}

/// The task that is asked about, as a part of a path. The peer made up its id: one that could lead elsewhere is none.
fn task_in(params: &Value) -> Result<&str, String> {
    let is_safe = |id: &&str| {
        (1..=TASK_ID_MAX).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~'))
            && id.bytes().any(|byte| byte != b'.')
    };
    let id = params.get("id").and_then(Value::as_str).filter(is_safe);
    id.ok_or_else(|| "the id of its task fits into no path".to_owned())
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const A2A_JSON: HeaderValue = HeaderValue::from_static("application/a2a+json");
const TASK_ID_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn http_json(url: &str) -> Binding {
        Binding::at(a2a::Binding::HttpJson, &url.parse().unwrap()).unwrap()
    }

    #[test]
    fn operations_are_paths_below_the_address() {
        for url in ["https://p.example/a2a/v1", "https://p.example/a2a/v1/"] {
            for (method, verb, path) in [
                (Method::SendMessage, Verb::POST, "/a2a/v1/message:send"),
                (Method::SendStreamingMessage, Verb::POST, "/a2a/v1/message:stream"),
                (Method::GetTask, Verb::GET, "/a2a/v1/tasks/t-1"),
                (Method::CancelTask, Verb::POST, "/a2a/v1/tasks/t-1:cancel"),
            ] {
                let asking = http_json(url).asking(method, &json!({ "id": "t-1" })).unwrap();
                assert_eq!((asking.verb.clone(), asking.path.unwrap().as_str()), (verb, path));
                assert_eq!(asking.content_type.is_some(), asking.verb == Verb::POST);
            }
        }
        let root = http_json("https://p.example").asking(Method::GetTask, &json!({ "id": "t" })).unwrap();
        assert_eq!(root.path.unwrap().as_str(), "/tasks/t");
        assert!(Binding::at(a2a::Binding::HttpJson, &"https://p.example/a2a?to=b".parse().unwrap()).is_err());
    }

    #[test]
    fn an_id_that_a_peer_made_up_leads_nowhere_else() {
        for id in ["", ".", "..", "../admin", "a/b", "a:cancel", "a?b", "a#b", "a%2fb", "a b", "é", &"a".repeat(257)] {
            for method in [Method::GetTask, Method::CancelTask] {
                assert!(http_json("https://p.example/").asking(method, &json!({ "id": id })).is_err(), "{id}");
            }
        }
        assert!(http_json("https://p.example/").asking(Method::GetTask, &json!({ "id": 7 })).is_err());
    }

    #[test]
    fn a_status_says_whether_anything_was_done() {
        let json_rpc = Binding::at(a2a::Binding::JsonRpc, &"https://p.example/".parse().unwrap()).unwrap();
        let http_json = http_json("https://p.example/");
        for (status, by_frames, by_statuses) in [
            (StatusCode::FORBIDDEN, true, true),
            (StatusCode::BAD_REQUEST, false, true),
            (StatusCode::REQUEST_TIMEOUT, false, false),
            (StatusCode::FOUND, false, false),
            (StatusCode::INTERNAL_SERVER_ERROR, false, false),
        ] {
            assert_eq!((json_rpc.refuses(status), http_json.refuses(status)), (by_frames, by_statuses), "{status}");
        }
    }
}
