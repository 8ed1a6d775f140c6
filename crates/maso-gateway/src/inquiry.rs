//! Asking a server which tools it has, before there is a deployment (`maso init`).

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use async_trait::async_trait;
use maso_core::{Label, ServerName};
use maso_intent::{ServerManifest, Settings, Transport};
use maso_wire::mcp::{Members, Method, Notification, Reply, Request, Revision};
use serde_json::{Value, json};

use crate::{
    listing::PAGES_MAX,
    upstream::{Hears, Leg, LegFault, Upstreams, Wish, not_passed_on, stateless_meta},
};

/// How long a server may take to say what it has.
const WAIT_MS: u64 = 60_000;

/// Why a server did not say which tools it has.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct InquiryFault(String);

/// The tool definitions that a server publishes now. `secrets` are what its transport takes from maso's environment.
///
/// # Errors
/// When the server cannot be started or reached, or does not list its tools.
pub async fn list_tools(
    name: &ServerName,
    transport: &Transport,
    secrets: &BTreeMap<String, String>,
) -> Result<Vec<Value>, InquiryFault> {
    let manifest = ServerManifest {
        name: name.clone(),
        transport: with_secrets(transport.clone(), secrets),
        label: Label::WORST,
        tools: BTreeMap::new(),
    };
    let settings = Settings { server_wait_ms: WAIT_MS, ..Settings::default() };
    let wish = Wish { revision: Revision::V2025_11_25, capabilities: able() };
    let upstreams = Upstreams::new(PathBuf::from("."));
    let opening = upstreams.open(&manifest, &settings, wish, Arc::new(Deaf), None);
    let wait = std::time::Duration::from_millis(WAIT_MS);
    let leg = tokio::time::timeout(wait, opening)
        .await
        .map_err(|_| InquiryFault(format!("it did not answer within {WAIT_MS} ms")))??;
    Ok(definitions(&leg, &able()).await?)
}

/// All tool definitions that the server at the other end publishes; none if it says that it has no tools.
pub(crate) async fn definitions(leg: &Arc<Leg>, capabilities: &Value) -> Result<Vec<Value>, LegFault> {
    let mut tools = Vec::new();
    let mut cursor = None;
    if leg.met().capabilities.get("tools").is_none() {
        return Ok(tools);
    }
    for _ in 0..PAGES_MAX {
        let mut params = Members::new();
        if let Some(cursor) = &cursor {
            params.set_value("cursor", cursor);
        }
        if leg.met().revision.is_stateless() {
            params.set_value("_meta", &stateless_meta(capabilities));
        }
        let answer = leg.ask(leg.fresh_id(), Method::ToolsList, &params, None).await?;
        let Reply::Result(_) = &answer.reply else {
            return Err(LegFault::NotSent("it refused to list its tools".to_owned()));
        };
        let result = &answer.frame.value()["result"];
        tools.extend(result["tools"].as_array().cloned().unwrap_or_default());
        cursor = result.get("nextCursor").filter(|cursor| !cursor.is_null()).cloned();
        if cursor.is_none() {
            break;
        }
    }
    Ok(tools)
}

/// The same transport with what it would take from the environment filled in, for this one inquiry.
fn with_secrets(mut transport: Transport, secrets: &BTreeMap<String, String>) -> Transport {
    if let Transport::Stdio { env, env_from, .. } = &mut transport {
        env_from.retain(|name, variable| match secrets.get(variable) {
            Some(secret) => {
                env.insert(name.clone(), secret.clone());
                false
            }
            None => true,
        });
    }
    transport
}

impl From<LegFault> for InquiryFault {
    fn from(fault: LegFault) -> Self {
        Self(fault.to_string())
    }
}

/// What a client could do at most: some servers show certain tools only to clients that can.
pub(crate) fn able() -> Value {
    json!({ "sampling": {}, "elicitation": {}, "roots": {} })
}

/// Nobody is behind an inquiry: what the server says unasked is not heard, and what it asks is not answered.
pub(crate) struct Deaf;

#[async_trait]
impl Hears for Deaf {
    async fn notification(&self, _: Notification) {}

    fn asked(&self, leg: Arc<Leg>, request: Request) {
        tokio::spawn(async move {
            if let Err(fault) = leg.answer(&request.id, &not_passed_on()).await {
                tracing::debug!(%fault, "a server's question could not be turned away");
            }
        });
    }

    fn ended(&self) {}
}
