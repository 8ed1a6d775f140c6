//! An agent outside as a server: its skills are the tools, and each call is a message to it.
//!
//! To the rest of the gateway it is a server behind a pipe: what speaks A2A takes frames of MCP and gives frames of MCP, so
//! that whatever holds for tools holds for it (decision 24). Its card plays the part of the list of tools. A card that is
//! not believed is told of as tools that are not what they were, so that it raises the alarm that a changed tool raises.

mod binding;
mod card;
mod conversation;
mod link;

use std::{collections::BTreeMap, sync::Arc};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use maso_core::ServerName;
use maso_intent::{PeerTerms, ServerManifest, Settings};
use tokio::sync::mpsc;

use super::{
    dial::Dialer,
    leg::{Inbound, LegFault, Link},
};

/// What is known of a peer before it is asked anything.
struct Peer {
    server: ServerName,
    terms: PeerTerms,
    /// The tools that the deployment declares of it.
    declared: Vec<String>,
    headers: HeaderMap,
    settings: Settings,
    dialer: Arc<Dialer>,
}

/// Makes ready to ask a peer; nothing is sent yet.
pub(super) fn connect(
    dialer: &Arc<Dialer>,
    manifest: &ServerManifest,
    terms: &PeerTerms,
    settings: &Settings,
) -> Result<(Link, mpsc::Receiver<Inbound>), LegFault> {
    let peer = Peer {
        server: manifest.name.clone(),
        terms: terms.clone(),
        declared: manifest.tools.keys().map(ToString::to_string).collect(),
        headers: headers(&terms.headers_from_env)?,
        settings: settings.clone(),
        dialer: Arc::clone(dialer),
    };
    Ok(link::begin(peer))
}

/// Headers whose values stand in our own environment.
pub(super) fn headers(from_env: &BTreeMap<String, String>) -> Result<HeaderMap, LegFault> {
    let mut headers = HeaderMap::new();
    for (name, variable) in from_env {
        let wrong = |what: &str| LegFault::NotSent(format!("header `{name}` from `{variable}`: {what}"));
        let value = std::env::var(variable).map_err(|_| wrong("the environment variable is not set"))?;
        let mut value = HeaderValue::from_str(&value).map_err(|_| wrong("no header can hold it"))?;
        value.set_sensitive(true);
        headers.insert(name.parse::<HeaderName>().map_err(|_| wrong("not a header name"))?, value);
    }
    Ok(headers)
}
