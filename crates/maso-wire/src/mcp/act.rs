//! What a request means as an act, and which part of it is the payload of the hop.

use maso_core::{Act, Listing, ServerName, ToolRef, Wants};
use serde_json::{Value, value::RawValue};

use crate::mcp::{Members, Method};

/// Why a request means no act.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Meaningless {
    /// The method belongs to the protocol itself: it neither reads nor does anything.
    #[error("`{0}` is about the connection only")]
    Protocol(&'static str),
    /// The params are not what the method needs.
    #[error("{0}")]
    BadParams(String),
    /// The tool's name is none that a server could publish.
    #[error("unknown tool: {0}")]
    UnknownTool(String),
}

/// What a request to, or from, `server` means.
///
/// # Errors
/// When it means nothing beyond the connection, or its params are wrong.
pub fn act_of(server: &ServerName, method: Method, params: &Value) -> Result<Act, Meaningless> {
    let server = server.clone();
    let text = |key: &str| {
        params
            .get(key)
            .and_then(Value::as_str)
            .map(str::to_owned)
            .ok_or_else(|| Meaningless::BadParams(format!("`{key}` must be text")))
    };
    let list = |listing| Ok(Act::List { server: server.clone(), listing });
    match method {
        Method::ToolsCall => {
            let name = text("name")?;
            object_or_absent(params, "arguments")?;
            match name.parse() {
                Ok(tool) => Ok(Act::CallTool(ToolRef::new(server, tool))),
                Err(_) => Err(Meaningless::UnknownTool(name)),
            }
        }
        Method::PromptsGet => {
            object_or_absent(params, "arguments")?;
            Ok(Act::GetPrompt { server, prompt: text("name")? })
        }
        Method::ResourcesRead | Method::ResourcesSubscribe | Method::ResourcesUnsubscribe => {
            Ok(Act::ReadResource { server, uri: text("uri")? })
        }
        Method::Complete => Ok(Act::Complete { server }),
        // What a server says of itself when it is first met is read like a listing of it.
        Method::ToolsList | Method::Initialize | Method::Discover => list(Listing::Tools),
        Method::PromptsList => list(Listing::Prompts),
        Method::ResourcesList => list(Listing::Resources),
        Method::ResourceTemplatesList => list(Listing::ResourceTemplates),
        // These open or shut a channel from the server; they carry nothing to it but a level or a choice.
        Method::SubscriptionsListen | Method::SetLevel | Method::Ping => list(Listing::Tools),
        Method::Sample => Ok(Act::AskClient { server, wants: Wants::Sample }),
        Method::Elicit => Ok(Act::AskClient { server, wants: Wants::Elicit }),
        Method::RootsList => Ok(Act::AskClient { server, wants: Wants::Roots }),
        Method::Progress
        | Method::Message
        | Method::ToolsChanged
        | Method::PromptsChanged
        | Method::ResourcesChanged
        | Method::ResourceUpdated
        | Method::ElicitationComplete => Ok(Act::Notify { server, topic: method.as_str().to_owned() }),
        Method::Initialized | Method::Cancelled | Method::SubscriptionsAcknowledged | Method::RootsChanged => {
            Err(Meaningless::Protocol(method.as_str()))
        }
    }
}

/// The part of the params that is the payload of the hop, with its exact bytes: the arguments of a tool or prompt, all
/// but `_meta` and the protocol's own members otherwise. What is not in it is not forwarded.
pub fn payload_of(method: Method, params: &Members) -> Box<RawValue> {
    match method {
        Method::ToolsCall | Method::PromptsGet => {
            params.named("arguments").map_or_else(|| Members::new().to_raw(), ToOwned::to_owned)
        }
        Method::Initialize | Method::Discover | Method::Ping => Members::new().to_raw(),
        _ => {
            let known: &[&str] = match method {
                Method::ResourcesRead | Method::ResourcesSubscribe | Method::ResourcesUnsubscribe => &["uri"],
                Method::ToolsList | Method::PromptsList | Method::ResourcesList | Method::ResourceTemplatesList => {
                    &["cursor"]
                }
                Method::Complete => &["ref", "argument", "context"],
                Method::SetLevel => &["level"],
                Method::SubscriptionsListen => &["notifications"],
                _ => &[],
            };
            let mut kept = params.clone();
            kept.retain(|name| if known.is_empty() { name != "_meta" } else { known.contains(&name) });
            kept.to_raw()
        }
    }
}

fn object_or_absent(params: &Value, key: &str) -> Result<(), Meaningless> {
    match params.get(key) {
        None | Some(Value::Object(_)) => Ok(()),
        Some(_) => Err(Meaningless::BadParams(format!("`{key}` must be an object"))),
    }
}
