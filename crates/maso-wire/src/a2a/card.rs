//! What an agent's card says: how it is reached, and what it can do. Whether that may be believed is for whoever knows the
//! keys (`maso-identity`).

use serde::Deserialize;
use serde_json::{Value, json};

/// A card, as far as it is of use.
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    /// What the agent calls itself.
    pub name: String,
    /// Where it is spoken to in a binding and a version that are spoken, in order of its preference.
    pub interfaces: Vec<Interface>,
    /// Whether it streams.
    pub streams: bool,
    /// What it can do.
    pub skills: Vec<Skill>,
}

/// Where an agent is spoken to, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// The address.
    pub url: String,
    /// How it is spoken with there.
    pub binding: Binding,
}

/// A binding of the protocol that is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// JSON-RPC 2.0 at one address.
    JsonRpc,
    /// HTTP+JSON: operations are verbs, and paths below the address.
    HttpJson,
}

/// Something that an agent can do.
#[derive(Clone, Debug, PartialEq)]
pub struct Skill {
    /// Its id.
    pub id: String,
    /// What it is, in the agent's words.
    pub value: Value,
}

/// Why a card cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CardFault(String);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CardForm {
    name: String,
    supported_interfaces: Vec<InterfaceForm>,
    #[serde(default)]
    capabilities: CapabilitiesForm,
    #[serde(default)]
    skills: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InterfaceForm {
    url: String,
    protocol_binding: String,
    #[serde(default)]
    protocol_version: String,
    #[serde(default)]
    tenant: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CapabilitiesForm {
    streaming: Option<bool>,
    #[serde(default)]
    extensions: Vec<ExtensionForm>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExtensionForm {
    #[serde(default)]
    uri: String,
    #[serde(default)]
    required: bool,
}

impl InterfaceForm {
    fn spoken(self) -> Option<Interface> {
        let binding = match self.protocol_binding.as_str() {
            "JSONRPC" => Binding::JsonRpc,
            "HTTP+JSON" => Binding::HttpJson,
            _ => return None,
        };
        // Whose tenant we would be is nothing that a card decides.
        let is_spoken = super::speaks(Some(&self.protocol_version)) && self.tenant.is_empty();
        is_spoken.then_some(Interface { url: self.url, binding })
    }
}

impl Card {
    /// Reads a card.
    ///
    /// # Errors
    /// When it is none, offers nothing that is spoken, or demands an extension.
    pub fn read(card: &Value) -> Result<Self, CardFault> {
        let form = CardForm::deserialize(card).map_err(|error| CardFault(format!("not an agent card: {error}")))?;
        if let Some(extension) = form.capabilities.extensions.iter().find(|extension| extension.required) {
            let uri: String = extension.uri.chars().take(100).collect();
            return Err(CardFault(format!("it demands an extension that is not spoken: {uri:?}")));
        }
        let interfaces: Vec<Interface> =
            form.supported_interfaces.into_iter().filter_map(InterfaceForm::spoken).collect();
        if interfaces.is_empty() {
            return Err(CardFault("it offers neither JSON-RPC nor HTTP+JSON of version 1".to_owned()));
        }
        if form.skills.len() > SKILLS_MAX {
            return Err(CardFault(format!("it has more than {SKILLS_MAX} skills")));
        }
        let skills = form.skills.into_iter().map(|value| {
            let id = value.get("id").and_then(Value::as_str).map(ToOwned::to_owned);
            id.map(|id| Skill { id, value }).ok_or_else(|| CardFault("a skill without an id".to_owned()))
        });
        let skills = skills.collect::<Result<Vec<_>, _>>()?;
        Ok(Self { name: form.name, interfaces, streams: form.capabilities.streaming == Some(true), skills })
    }

    /// Our own card of an agent: where it is reached, how one shows who one is, and what it can do.
    pub fn write(name: &str, description: &str, url: &str, skills: &[(&str, &str)]) -> Value {
        let skills: Vec<Value> = skills
            .iter()
            .map(|(id, schema)| {
                json!({
                    "id": id,
                    "name": id,
                    "description": format!("takes one part of data that satisfies {schema}"),
                    "tags": ["typed-request"],
                    "inputModes": ["application/json"],
                    "outputModes": ["application/json"],
                })
            })
            .collect();
        // Nothing is empty or false in it: what protocol buffers leave out, a signature must not cover.
        let mut card = json!({
            "name": name,
            "description": description,
            "version": env!("CARGO_PKG_VERSION"),
            "supportedInterfaces": [
                { "url": url, "protocolBinding": "JSONRPC", "protocolVersion": super::VERSION },
                { "url": format!("{url}/v1"), "protocolBinding": "HTTP+JSON", "protocolVersion": super::VERSION },
            ],
            "capabilities": { "streaming": true, "pushNotifications": true, "extendedAgentCard": true },
            "securitySchemes": {
                "dpop": { "httpAuthSecurityScheme": {
                    "scheme": "DPoP",
                    "description": "a token of the deployment, with a proof by its key for each request (RFC 9449)",
                } },
            },
            "defaultInputModes": ["application/json"],
            "defaultOutputModes": ["application/json"],
            "skills": skills,
        });
        if card["skills"].as_array().is_some_and(Vec::is_empty) {
            // A card must have one, and an empty list would be left out by some and signed by others.
            card["skills"] = json!([{
                "id": "typed-requests",
                "name": "Typed requests",
                "description": "Which requests you may make is told in the extended card.",
                "tags": ["typed-request"],
            }]);
        }
        card
    }
}

const SKILLS_MAX: usize = 256;
