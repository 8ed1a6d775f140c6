//! `maso init`: a whole deployment folder from a desktop client's configuration.

mod classify;
mod client;
mod write;

use std::{collections::BTreeMap, fmt};

use maso_core::{Class, Reversibility, Risk, ServerName, Timestamp, ToolName, ToolRef};
use serde_json::Value;

use self::classify::{Classified, classify};
pub use self::client::{ClientServer, client_servers};
use crate::Source;

/// A deployment folder that was guessed, and every guess in it.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The folder. It parses, and lint finds no error in it.
    pub source: Source,
    /// What was guessed, and why, for a person to look at.
    pub guesses: Vec<Guess>,
}

/// Something that nobody declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guess {
    /// What a tool does.
    Tool {
        /// The tool.
        tool: ToolRef,
        /// Its guessed class.
        class: Class,
        /// Its guessed risk.
        risk: Risk,
        /// Whether it can be undone, as guessed.
        reversibility: Reversibility,
        /// JSON pointers of the arguments that were taken to carry authority.
        authority: Vec<String>,
        /// Why.
        why: String,
    },
    /// Something about a server, or about a piece of the configuration that became no server.
    Server {
        /// Its name in the client's configuration.
        server: String,
        /// What was done.
        what: String,
        /// Why, or what is left to do.
        why: String,
    },
}

impl fmt::Display for Guess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tool { tool, class, risk, reversibility, authority, why } => {
                write!(f, "`{tool}`: {class}, {reversibility}, risk {risk}")?;
                if !authority.is_empty() {
                    write!(f, ", authority in {}", authority.join(" "))?;
                }
                write!(f, " — {why}")
            }
            Self::Server { server, what, why } => write!(f, "`{}`: {what} — {why}", server.escape_debug()),
        }
    }
}

/// Why a client's configuration cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// It is no JSON.
    #[error("the client's configuration is not JSON: {cause}")]
    NotJson {
        /// What the JSON reader says.
        cause: String,
    },
    /// It has no servers where they should be.
    #[error("the client's configuration has no object `mcpServers`")]
    NoServers,
    /// Nothing in it can be used.
    #[error("none of the {n_servers} servers in the client's configuration can be used")]
    NoUsableServer {
        /// How many there were.
        n_servers: usize,
    },
    /// It is longer than a deployment may be.
    #[error("{n_servers} servers, {max} allowed", max = SERVERS_MAX)]
    TooMany {
        /// How many there were.
        n_servers: usize,
    },
}

/// A server's tools, as they will be written.
struct DraftServer {
    server: ClientServer,
    tools: BTreeMap<ToolName, (Value, Classified)>,
}

/// Drafts a deployment folder from a client's `mcpServers` configuration and the tool definitions that its servers
/// publish. `now` becomes the effective date.
///
/// Classification is conservative: a server's own annotations can make a tool more severe, and less severe only where
/// its name and its annotation agree that it reads. The definitions are pinned as they were seen.
///
/// # Errors
/// When the configuration is not one, or has no server that can be reached.
pub fn draft(config: &str, tools: &BTreeMap<ServerName, Vec<Value>>, now: Timestamp) -> Result<Draft, DraftError> {
    let (servers, mut guesses) = client_servers(config)?;
    let mut drafted = Vec::new();
    for server in servers {
        let mut classified = BTreeMap::new();
        for definition in tools.get(&server.name).into_iter().flatten() {
            let name = definition.get("name").and_then(Value::as_str).unwrap_or_default();
            let Ok(tool) = name.parse::<ToolName>() else {
                guesses.push(Guess::Server {
                    server: server.given.clone(),
                    what: format!("left out the tool `{}`", name.chars().take(80).collect::<String>().escape_debug()),
                    why: "its name is none that a tool can have".to_owned(),
                });
                continue;
            };
            if classified.contains_key(&tool) {
                guesses.push(Guess::Server {
                    server: server.given.clone(),
                    what: format!("left out the second tool `{tool}`"),
                    why: "the server publishes the name twice".to_owned(),
                });
                continue;
            }
            let guess = classify(&tool, definition);
            guesses.push(Guess::Tool {
                tool: ToolRef::new(server.name.clone(), tool.clone()),
                class: guess.class,
                risk: guess.risk,
                reversibility: guess.reversibility,
                authority: guess.authority.keys().cloned().collect(),
                why: guess.why.clone(),
            });
            classified.insert(tool, (definition.clone(), guess));
        }
        if classified.is_empty() {
            guesses.push(Guess::Server {
                server: server.given.clone(),
                what: "no tools".to_owned(),
                why: "the server published none that could be used; add them to its file in `tools` by hand".to_owned(),
            });
        }
        drafted.push(DraftServer { server, tools: classified });
    }
    Ok(Draft { source: write::folder(&drafted, now), guesses })
}

/// Servers in one client's configuration.
const SERVERS_MAX: usize = 256;
