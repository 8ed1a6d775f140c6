//! The two bindings: how what is asked comes in, and how it is answered. What happens in between is the same.

use std::sync::Arc;

use axum::{
    body::{Body, Bytes},
    extract::{Path, Request, State},
    http::{HeaderValue, StatusCode, header::CONTENT_TYPE, header::WWW_AUTHENTICATE, request::Parts},
    response::{IntoResponse, Response},
};
use maso_core::{AgentName, Refusal};
use maso_wire::{
    Parsed, UnverifiedToken,
    a2a::{Asked, Code, Method, Operation},
    mcp::{self, Frame, Id},
    parse,
};
use serde_json::{Value, json};

use super::{Fault, Visitor, maso};
use crate::{bodies::Unread, client::http, gateway::Gateway, unbroken::Unbroken};

/// How a client is spoken with.
#[derive(Clone, Debug)]
pub(super) enum Binding {
    /// JSON-RPC 2.0; the id of the request, where it could be read.
    JsonRpc(Option<Id>),
    /// HTTP+JSON: operations are verbs and paths.
    HttpJson,
}

/// A request in JSON-RPC.
pub(super) async fn json_rpc(
    State(gateway): State<Arc<Gateway>>,
    Path(to): Path<String>,
    request: Request,
) -> Response {
    let (mut visitor, parts, body) = match enter(gateway, &to, request, Binding::JsonRpc(None)).await {
        Ok(entered) => entered,
        Err(response) => return *response,
    };
    if !http::content_type_is(&parts.headers, &[JSON]) {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    let request = match visitor.frame(body).await {
        Ok(request) => request,
        Err(response) => return *response,
    };
    visitor.binding = Binding::JsonRpc(Some(request.id));
    let asked = match Method::parse(&request.method) {
        Some(method) => {
            let params = request.parsed.pointer("/params");
            Asked::read(method, params.value()).map(|asked| (asked, params)).map_err(Fault::from)
        }
        None => Err(Fault::Told(Code::MethodNotFound, "no such method".to_owned())),
    };
    visitor.answer(&parts.headers, asked).await
}

/// A request in HTTP+JSON.
pub(super) async fn http_json(
    State(gateway): State<Arc<Gateway>>,
    Path((to, path)): Path<(String, String)>,
    request: Request,
) -> Response {
    let (visitor, parts, body) = match enter(gateway, &to, request, Binding::HttpJson).await {
        Ok(entered) => entered,
        Err(response) => return *response,
    };
    let query: Vec<(String, String)> =
        url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let bytes = match visitor.bytes(body).await {
        Ok(bytes) => bytes,
        Err(response) => return *response,
    };
    if !bytes.is_empty() && !http::content_type_is(&parts.headers, &[JSON, A2A_JSON]) {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    let asked = visitor.operation(parts.method.as_str(), (&path, &query), &bytes);
    visitor.answer(&parts.headers, asked).await
}

/// Who comes to this door and whom they ask, before anything of a body is read.
async fn enter(
    gateway: Arc<Gateway>,
    to: &str,
    request: Request,
    binding: Binding,
) -> Result<(Visitor, Parts, Body), Box<Response>> {
    let (parts, body) = request.into_parts();
    let is_ours = http::host_is_ours(&gateway, &parts.headers, parts.uri.host())
        && http::origin_is_ours(&gateway, &parts.headers);
    if !is_ours {
        return Err(Box::new(StatusCode::FORBIDDEN.into_response()));
    }
    let Ok(to) = to.parse::<AgentName>() else {
        return Err(Box::new(StatusCode::NOT_FOUND.into_response()));
    };
    let credential = http::credential(&gateway, &parts);
    let task = http::header(&parts.headers, "maso-task").map(UnverifiedToken::new);
    // With its proof: a stolen token without its key takes no place from its owner.
    match gateway.decider.shown(&credential) {
        Ok(from) => Ok((Visitor { gateway, to, from, credential, task, binding }, parts, body)),
        Err(_) => {
            // On the record also when the stranger does not wait for it.
            Unbroken::new(async move { gateway.note_stranger(credential, task, &maso()).await }).await;
            Err(Box::new(binding.answered(Err(Fault::Unauthentic))))
        }
    }
}

impl Visitor {
    async fn bytes(&self, body: Body) -> Result<Bytes, Box<Response>> {
        let limits = self.gateway.decider.deployment().settings.limits;
        self.gateway.bodies.read(&self.from, body, limits.frame_bytes_max).await.map_err(|unread| {
            let status = match unread {
                Unread::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
                Unread::TooSlow => StatusCode::REQUEST_TIMEOUT,
            };
            Box::new(status.into_response())
        })
    }

    async fn frame(&self, body: Body) -> Result<mcp::Request, Box<Response>> {
        let bytes = self.bytes(body).await?;
        let wrong = |id: Option<Id>, code: Code, why: String| {
            Box::new(Binding::JsonRpc(id).answered(Err(Fault::Told(code, why))))
        };
        match Frame::parse(&bytes, &self.gateway.decider.deployment().settings.limits) {
            Ok(Frame::Request(request)) => Ok(request),
            Ok(_) => Err(wrong(None, Code::InvalidRequest, "a request with an id is wanted".to_owned())),
            Err(fault) if fault.code == mcp::Code::Parse => Err(wrong(None, Code::Parse, fault.reason)),
            Err(fault) => Err(wrong(fault.id, Code::InvalidRequest, fault.reason)),
        }
    }

    /// What a verb, a path, a query and a body ask together.
    fn operation(
        &self,
        verb: &str,
        (path, query): (&str, &[(String, String)]),
        bytes: &[u8],
    ) -> Result<(Asked, Parsed), Fault> {
        let operation = Operation::read(verb, path, query)?;
        let method = operation.method;
        let limits = self.gateway.decider.deployment().settings.limits;
        let body = match (operation.takes_body(), bytes) {
            (_, []) => &b"{}"[..],
            (true, bytes) => bytes,
            (false, _) => {
                return Err(Fault::Told(Code::InvalidRequest, "such a request has no body".to_owned()));
            }
        };
        let body = parse(body, &limits).map_err(|fault| Fault::Told(Code::Parse, fault.to_string()))?;
        let params = operation.params(body.value())?;
        Ok((Asked::read(method, &params)?, body))
    }
}

impl Binding {
    /// The answer to a request.
    pub(super) fn answered(&self, told: Result<Value, Fault>) -> Response {
        let is_stranger = matches!(told, Err(Fault::Unauthentic));
        let mut response = match self {
            Self::JsonRpc(id) => in_json_rpc(id.as_ref(), told),
            Self::HttpJson => in_http_json(told),
        };
        if is_stranger {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("DPoP"));
        }
        response
    }

    /// One event of a stream.
    pub(super) fn event(&self, event: Value) -> Value {
        match self {
            Self::JsonRpc(id) => result_frame(id.as_ref(), &event),
            Self::HttpJson => event,
        }
    }
}

fn in_json_rpc(id: Option<&Id>, told: Result<Value, Fault>) -> Response {
    let (status, body) = match told {
        Ok(result) => (StatusCode::OK, result_frame(id, &result)),
        Err(Fault::Unauthentic) => {
            let told = Refusal::Unauthentic.as_str();
            (StatusCode::UNAUTHORIZED, error_frame(id, Code::Refused, told))
        }
        Err(Fault::Told(code, told)) => (StatusCode::OK, error_frame(id, code, &told)),
    };
    http::json(status, body.to_string())
}

fn in_http_json(told: Result<Value, Fault>) -> Response {
    let (status, body) = match told {
        Ok(result) => (StatusCode::OK, result),
        Err(fault) => {
            let (status, name, told, reason) = match fault {
                Fault::Unauthentic => (401, "UNAUTHENTICATED", Refusal::Unauthentic.as_str().to_owned(), None),
                Fault::Told(code, told) => {
                    let (status, name) = code.http_status();
                    (status, name, told, code.reason())
                }
            };
            let mut error = json!({ "code": status, "status": name, "message": told });
            if let Some(reason) = reason {
                error["details"] = json!([error_info(reason)]);
            }
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, json!({ "error": error }))
        }
    };
    let mut response = http::json(status, body.to_string());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(A2A_JSON));
    response
}

fn result_frame(id: Option<&Id>, result: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "result": result })
}

fn error_frame(id: Option<&Id>, code: Code, told: &str) -> Value {
    let mut error = json!({ "code": code.number(), "message": told });
    if let Some(reason) = code.reason() {
        error["data"] = json!([error_info(reason)]);
    }
    json!({ "jsonrpc": "2.0", "id": id, "error": error })
}

fn error_info(reason: &str) -> Value {
    json!({ "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "a2a-protocol.org" })
}

const JSON: &str = "application/json";
const A2A_JSON: &str = "application/a2a+json";
