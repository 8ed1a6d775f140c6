//! A small tool server over streamable HTTP, revision 2026-07-28: it answers a call with what it was given.

use axum::{Json, Router, http::StatusCode, routing::post};
use maso_wire::mcp::{Revision, meta};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::ground;
use crate::{fault::Fault, screen::say};

/// Serves until this process is ended, and says where on standard output.
pub async fn serve() -> Result<(), Fault> {
    let fault = |error| Fault::new("cannot serve the measured tools", error);
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(fault)?;
    say!("http://{}/mcp", listener.local_addr().map_err(fault)?);
    let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::warn!(%error, "a connection delays its small packets");
        }
    });
    axum::serve(listener, Router::new().route("/mcp", post(answer))).await.map_err(fault)
}

/// The `_meta` of a request.
pub fn meta() -> Value {
    json!({ (meta::PROTOCOL_VERSION): Revision::V2026_07_28.as_str(), (meta::CLIENT_CAPABILITIES): {} })
}

/// The headers of a request with this method.
pub fn headers(method: &str) -> Vec<(&'static str, String)> {
    vec![
        ("accept", "application/json, text/event-stream".to_owned()),
        ("content-type", "application/json".to_owned()),
        ("mcp-protocol-version", Revision::V2026_07_28.as_str().to_owned()),
        ("mcp-method", method.to_owned()),
    ]
}

async fn answer(Json(request): Json<Value>) -> (StatusCode, Json<Value>) {
    let result = match request["method"].as_str() {
        Some("server/discover") => json!({
            "supportedVersions": [Revision::V2026_07_28.as_str()],
            "capabilities": { "tools": {} },
            "resultType": "complete",
            "ttlMs": 0,
            "cacheScope": "private",
        }),
        Some("tools/list") => json!({
            "tools": ground::definitions(),
            "resultType": "complete",
            "ttlMs": 0,
            "cacheScope": "private",
        }),
        Some("tools/call") => {
            let arguments = &request["params"]["arguments"];
            let text = arguments["note"].as_str().or_else(|| arguments["text"].as_str()).unwrap_or_default();
            json!({
                "content": [{ "type": "text", "text": text }],
                "isError": false,
                "resultType": "complete",
            })
        }
        _ => {
            let error = json!({ "code": -32601, "message": "method not found" });
            return (StatusCode::NOT_FOUND, Json(json!({ "jsonrpc": "2.0", "id": request["id"], "error": error })));
        }
    };
    (StatusCode::OK, Json(json!({ "jsonrpc": "2.0", "id": request["id"], "result": result })))
}
