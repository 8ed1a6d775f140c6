//! The insurer's three agents: separate processes that speak MCP as any client would.
//!
//! They are scripted and believe whatever they read: beside their own work they obey each instruction that a document
//! or another agent's message contains. What keeps that harmless is not in here.

mod analysis;
mod bound;
mod communication;
mod confine;
mod event;
mod follower;
mod gullible;
mod inbox;
mod intake;
mod tools;

#[cfg(test)]
mod tests;

use std::{fmt, io::BufRead as _};

use maso_identity::AgentKey;
use serde::{Deserialize, Serialize};

pub(crate) use self::event::Teller;
pub(crate) use self::follower::{Instruction, instructions};
use self::{bound::BoundClient, inbox::Inbox, tools::Tools};
pub use self::{
    confine::Confinement,
    event::{Because, Event, Reply},
};
use crate::DemoError;

/// With what an agent is started. Carries secrets: hand it over on standard input, never on a command line.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentArgs {
    /// Which agent: `intake`, `analysis` or `communication`.
    pub name: String,
    /// The gateway, such as `http://127.0.0.1:7680`.
    pub base_url: String,
    /// The agent's token, bound to its key.
    pub token: String,
    /// The agent's private key in PKCS#8 PEM.
    pub key_pem: String,
    /// The token of the task, for all work that brings no task of its own.
    #[serde(default)]
    pub task_token: Option<String>,
    /// The claims to take in; empty for all that the system of record has as `received`. For `intake` only.
    #[serde(default)]
    pub assignments: Vec<Assignment>,
}

/// A claim to take in.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// The claim.
    pub claim_id: String,
    /// The token of the task that was opened for it, if it has one of its own.
    #[serde(default)]
    pub task_token: Option<String>,
}

impl AgentArgs {
    /// Reads the arguments from the first line of standard input.
    ///
    /// The rest of standard input stays open for as long as the agent should wait for requests.
    ///
    /// # Errors
    /// When the line is not a JSON object with these arguments.
    pub fn from_stdin() -> Result<Self, DemoError> {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map_err(DemoError::file("standard input"))?;
        serde_json::from_str(&line).map_err(|_| DemoError::Argument {
            given: "the first line of standard input".to_owned(),
            expected: "a JSON object with an agent's arguments",
        })
    }

    fn gateway_port(&self) -> Result<u16, DemoError> {
        reqwest::Url::parse(&self.base_url)
            .ok()
            .and_then(|url| url.port_or_known_default())
            .ok_or_else(|| DemoError::Argument { given: self.base_url.clone(), expected: "the gateway's URL" })
    }
}

impl fmt::Debug for AgentArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AgentArgs({} at {})", self.name, self.base_url)
    }
}

/// Runs one agent to its end, telling on standard output what it does: one [`Event`] a line.
///
/// `intake` ends when it has passed on its claims. The others end when standard input has ended (nobody will ask any
/// more) and nothing is waiting for them.
///
/// Must be called before the process starts any other thread, hence no `async`: the confinement covers the calling
/// thread and all that it starts. [`Confinement::whole_process`] tells whether that was so.
///
/// # Errors
/// When the agent cannot be set up or cannot report. What maso refuses is no error.
pub fn run_agent(args: &AgentArgs) -> Result<(), DemoError> {
    let gateway_port = args.gateway_port()?;
    let key = AgentKey::from_pem(&args.key_pem).map_err(|error| DemoError::Agent(error.to_string()))?;
    // Built first: making a client may look for certificates, and no file can be opened afterwards.
    let http = reqwest::Client::builder()
        .no_proxy()
        .tcp_nodelay(true)
        .build()
        .map_err(|error| DemoError::Agent(error.to_string()))?;
    let confinement = confine::confine(gateway_port);
    let mut teller = event::tell_on_stdout();
    teller(&Event::Confined { agent: args.name.clone(), confinement })?;

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| DemoError::Agent(error.to_string()))?;
    let client = BoundClient::new(http, key, &args.token);
    let mut tools = Tools::new(&args.name, &args.base_url, client, args.task_token.clone(), teller);
    runtime.block_on(work(&mut tools, &args.assignments))
}

async fn work(tools: &mut Tools, assignments: &[Assignment]) -> Result<(), DemoError> {
    let agent = tools.agent().to_owned();
    let n_claims = match agent.as_str() {
        "intake" => intake::take_in(tools, assignments).await?,
        "analysis" => analysis::assess(tools, Inbox::new()).await?,
        "communication" => communication::notify(tools, Inbox::new()).await?,
        _ => {
            return Err(DemoError::Argument {
                given: agent,
                expected: "an agent of the example: `intake`, `analysis` or `communication`",
            });
        }
    };
    tools.tell(&Event::Finished { agent, n_claims })
}
