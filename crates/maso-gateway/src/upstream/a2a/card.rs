//! The card of a peer: fetched, believed by the keys that the deployment names, and told of as a list of tools.

use std::{sync::Arc, time::Duration};

use axum::http::{HeaderMap, HeaderValue, Method, Uri, header::ACCEPT};
use bytes::Bytes;
use maso_core::Digest;
use maso_identity::SignedCard;
use maso_wire::{
    Limits,
    a2a::{Binding, Card, Skill},
    parse_json,
};
use serde_json::{Value, json};
use url::Url;

use super::Peer;
use crate::upstream::connection::Connections;

/// A peer whose card is believed.
pub(super) struct Known {
    /// Where it is spoken to.
    pub(super) url: Url,
    /// How it is spoken with there.
    pub(super) binding: Binding,
    /// Whether it streams.
    pub(super) streams: bool,
    name: String,
    skills: Vec<Skill>,
    /// Of all that was signed: what changes in the card changes each of its tools.
    digest: Digest,
}

/// Why a peer is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unknown {
    /// Its card could not be fetched.
    #[error("the agent card could not be fetched: {0}")]
    Silent(String),
    /// Its card was fetched, and is not believed.
    #[error("{0}")]
    Refused(String),
}

impl Peer {
    /// Fetches the card and believes it, or does not.
    pub(super) async fn meet(&self) -> Result<Known, Unknown> {
        let fetched = tokio::time::timeout(WAIT, self.fetch()).await;
        let bytes = fetched.unwrap_or_else(|_| Err("nothing came in time".to_owned())).map_err(Unknown::Silent)?;
        let card = parse_json(&bytes, &LIMITS).map_err(|malformed| Unknown::Refused(malformed.reason))?;
        // Verified first and read after: nothing of what nobody signed is looked at.
        let signed = self.terms.keys.verify(&card).map_err(|error| Unknown::Refused(error.to_string()))?;
        self.read(&signed)
    }

    fn read(&self, signed: &SignedCard) -> Result<Known, Unknown> {
        let card = Card::read(signed.value()).map_err(|fault| Unknown::Refused(fault.to_string()))?;
        let interfaces = card.interfaces.iter().filter_map(|it| Some((it.url.parse::<Url>().ok()?, it.binding)));
        let Some((url, binding)) = interfaces.into_iter().find(|(url, _)| self.terms.allows(url)) else {
            return Err(Unknown::Refused("the agent card leads where the deployment does not".to_owned()));
        };
        Ok(Known { url, binding, streams: card.streams, name: card.name, skills: card.skills, digest: signed.digest() })
    }

    async fn fetch(&self) -> Result<Vec<u8>, String> {
        let address = self.terms.card.as_str().parse::<Uri>().map_err(|_| "no address".to_owned())?;
        let connections = Connections::new(Arc::clone(&self.dialer), address)?;
        // A card is public: what we are known by stays for the agent itself.
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
        let answer = connections.ask(Method::GET, headers, Bytes::new()).await;
        let mut answer = answer.map_err(|fault| fault.to_string())?;
        if !answer.status().is_success() {
            return Err(format!("answered {}", answer.status()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await {
            body.extend_from_slice(&chunk?);
            if body.len() > LIMITS.frame_bytes_max {
                return Err("it is larger than a card may be".to_owned());
            }
        }
        Ok(body)
    }

    /// The tools to which a card that is not believed leads: none that anybody approved.
    pub(super) fn tools_refused(&self, why: &str) -> Vec<Value> {
        let tools = self.declared.iter();
        tools
            .map(|tool| {
                json!({
                    "name": tool,
                    "description": format!("The agent card is not believed: {why}."),
                    "inputSchema": { "type": "object", "maxProperties": 0 },
                })
            })
            .collect()
    }
}

impl Known {
    /// The skills as tools.
    pub(super) fn tools(&self) -> Vec<Value> {
        self.skills.iter().map(|skill| self.tool(skill)).collect()
    }

    pub(super) fn has(&self, skill: &str) -> bool {
        self.skills.iter().any(|known| known.id == skill)
    }

    fn tool(&self, skill: &Skill) -> Value {
        let said = |key: &str| skill.value.get(key).and_then(Value::as_str).unwrap_or_default();
        json!({
            "name": skill.id,
            "title": said("name"),
            "description": said("description"),
            "inputSchema": {
                "type": "object",
                "properties": {
                    "data": { "type": "object", "description": "What it is about, as data." },
                    "text": { "type": "string", "description": "What it is about, in words." },
                    "taskId": { "type": "string", "description": "The task to go on with, which asked for more." },
                },
                "additionalProperties": false,
            },
            // Approving a tool approves the whole card, so that whatever changes in it is seen.
            "_meta": {
                "maso/a2a": {
                    "agent": self.name,
                    "url": self.url.as_str(),
                    "card": self.digest.to_string(),
                    "skill": skill.value,
                },
            },
        })
    }
}

const WAIT: Duration = Duration::from_secs(15);
/// Bounds on cards.
const LIMITS: Limits = Limits {
    frame_bytes_max: 256 << 10,
    depth_max: 16,
    nodes_max: 10_000,
    string_bytes_max: 64 << 10,
    keys_max: 256,
    ..Limits::DEFAULT
};
