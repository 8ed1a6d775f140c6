//! Settling on a revision with a server.
//!
//! A client of the handshake kind is served best by a server of that kind, and the same for stateless ones: nothing has
//! to be translated between them. So the client's kind is tried first, and the other when the server does not speak it.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};
use maso_wire::mcp::{Members, Method, Reply, Revision, meta};
use serde_json::{Value, json, value::RawValue};

use crate::upstream::{
    LegFault,
    leg::{Answer, Headers, Leg},
};

/// What one would like of a server.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    /// The revision that the client speaks.
    pub(crate) revision: Revision,
    /// The capabilities to declare: what this client can do, and maso can pass on.
    pub(crate) capabilities: Value,
}

/// What a server said when it was met.
#[derive(Clone, Debug)]
pub(crate) struct Met {
    /// The revision that both speak.
    pub(crate) revision: Revision,
    /// The result of its handshake or discovery, as it came.
    pub(crate) introduction: Box<RawValue>,
    /// The capabilities that it declared.
    pub(crate) capabilities: Value,
}

impl Leg {
    /// Settles on a revision. `settled` is what this server settled on last time.
    pub(super) async fn negotiate(&self, wish: &Wish, settled: Option<Revision>) -> Result<(), LegFault> {
        let stateless_first = settled.unwrap_or(wish.revision).is_stateless();
        let met = if stateless_first {
            match self.discover(&wish.capabilities).await? {
                Some(met) => met,
                None => match self.shake_hands(wish).await? {
                    Some(met) => met,
                    // A server that was slow to start heard the first question late, and is bound to its kind now.
                    None => self.discover(&wish.capabilities).await?.ok_or_else(no_common_revision)?,
                },
            }
        } else {
            match self.shake_hands(wish).await? {
                Some(met) => met,
                // What a stateless server would have to ask for cannot be passed on to a client with a session.
                None => self.discover(&json!({})).await?.ok_or_else(no_common_revision)?,
            }
        };
        tracing::debug!(server = %self.server(), revision = %met.revision, "met a tool server");
        self.settle(met);
        Ok(())
    }

    async fn discover(&self, capabilities: &Value) -> Result<Option<Met>, LegFault> {
        let mut params = Members::new();
        params.set_value("_meta", &stateless_meta(capabilities));
        let params = params.to_raw();
        let asked = self.send_raw(Method::Discover.as_str(), &params, stateless_headers(Method::Discover));
        let Ok(answer) = tokio::time::timeout(DISCOVER_WAIT, asked).await else { return Ok(None) };
        let answer = match answer {
            Ok(answer) => answer,
            Err(LegFault::Broken(reason)) if self.is_open() => {
                tracing::debug!(server = %self.server(), reason, "discovery was not understood");
                return Ok(None);
            }
            Err(fault) => return Err(fault),
        };
        let Reply::Result(result) = answer.reply else { return Ok(None) };
        let value = answer.frame.value()["result"].clone();
        let speaks = value
            .get("supportedVersions")
            .and_then(Value::as_array)
            .is_some_and(|versions| versions.iter().any(|version| version == Revision::V2026_07_28.as_str()));
        Ok(speaks.then(|| Met {
            revision: Revision::V2026_07_28,
            introduction: result,
            capabilities: value["capabilities"].clone(),
        }))
    }

    async fn shake_hands(&self, wish: &Wish) -> Result<Option<Met>, LegFault> {
        let requested = if wish.revision.is_stateless() { Revision::NEWEST_WITH_HANDSHAKE } else { wish.revision };
        let mut params = Members::new();
        params.set_value("protocolVersion", &requested.as_str());
        params.set_value("capabilities", &wish.capabilities);
        params.set_value("clientInfo", &client_info());
        let params = params.to_raw();
        let asked = self.send_raw(Method::Initialize.as_str(), &params, Headers::new());
        let answer = match tokio::time::timeout(HANDSHAKE_WAIT, asked).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(LegFault::Broken(reason))) if self.is_open() => {
                tracing::debug!(server = %self.server(), reason, "the handshake was not understood");
                return Ok(None);
            }
            Ok(Err(fault)) => return Err(fault),
            Err(_) => return Err(LegFault::NotSent("no answer to the handshake".to_owned())),
        };
        let Answer { reply, frame } = answer;
        let Reply::Result(introduction) = reply else { return Ok(None) };
        let value = &frame.value()["result"];
        let version = value["protocolVersion"].as_str().unwrap_or_default();
        let revision = match Revision::parse(version) {
            Some(revision) if !revision.is_stateless() => revision,
            // Two older revisions have frames that the oldest one we speak can read.
            None if OLDER.contains(&version) => Revision::V2025_06_18,
            _ => return Err(no_common_revision()),
        };
        let capabilities = value["capabilities"].clone();
        self.initialized(revision).await?;
        Ok(Some(Met { revision, introduction, capabilities }))
    }
}

/// The `_meta` of a stateless request.
pub(crate) fn stateless_meta(capabilities: &Value) -> Value {
    json!({
        (meta::PROTOCOL_VERSION): Revision::V2026_07_28.as_str(),
        (meta::CLIENT_CAPABILITIES): capabilities,
        (meta::CLIENT_INFO): client_info(),
    })
}

/// The headers that mirror a stateless request without a name.
pub(super) fn stateless_headers(method: Method) -> Headers {
    vec![
        (PROTOCOL_VERSION, HeaderValue::from_static(Revision::V2026_07_28.as_str())),
        (MCP_METHOD, HeaderValue::from_static(method.as_str())),
    ]
}

fn client_info() -> Value {
    json!({ "name": "maso", "version": env!("CARGO_PKG_VERSION") })
}

fn no_common_revision() -> LegFault {
    LegFault::NotSent("the server speaks no revision that maso speaks".to_owned())
}

pub(super) const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const MCP_METHOD: HeaderName = HeaderName::from_static("mcp-method");
const OLDER: [&str; 2] = ["2024-11-05", "2025-03-26"];
const DISCOVER_WAIT: Duration = Duration::from_secs(5);
const HANDSHAKE_WAIT: Duration = Duration::from_secs(60);
