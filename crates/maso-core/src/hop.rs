//! A hop: one interaction that crosses a boundary.

use std::fmt;

use serde_json::Value;

use crate::{
    AgentName, ContractName, Digest, HopId, OperatorName, RequestName, ServerName, TaskId, Timestamp, ToolName,
    ToolRef, words,
};

/// Who sends or receives a hop.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Principal {
    /// A non-human identity.
    Agent(AgentName),
    /// A tool server.
    Server(ServerName),
    /// A person.
    Operator(OperatorName),
}

impl Principal {
    /// maso itself, as the party of what goes no further than to it.
    pub fn itself() -> Self {
        Self::Server(ITSELF.parse().expect("it is the name of a server"))
    }

    /// Whether it is maso itself.
    pub fn is_itself(&self) -> bool {
        matches!(self, Self::Server(server) if server.as_str() == ITSELF)
    }

    /// Reads what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, name) = text.split_once(':')?;
        match kind {
            "agent" => name.parse().ok().map(Self::Agent),
            "server" => name.parse().ok().map(Self::Server),
            "operator" => name.parse().ok().map(Self::Operator),
            _ => None,
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent(name) => write!(f, "agent:{name}"),
            Self::Server(name) => write!(f, "server:{name}"),
            Self::Operator(name) => write!(f, "operator:{name}"),
        }
    }
}

/// What a list request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Listing {
    /// Tools.
    Tools,
    /// Resources.
    Resources,
    /// Resource templates.
    ResourceTemplates,
    /// Prompts.
    Prompts,
    /// The file-system roots that a client offers.
    Roots,
}
words!(Listing {
    Tools = "tools",
    Resources = "resources",
    ResourceTemplates = "resource-templates",
    Prompts = "prompts",
    Roots = "roots",
});

/// What a server may ask of the client behind an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wants {
    /// A completion by the client's model.
    Sample,
    /// Words from the person at the client.
    Elicit,
    /// The client's file-system roots.
    Roots,
}
words!(Wants { Sample = "sample", Elicit = "elicit", Roots = "roots" });

/// What an agent says of its own work in a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorkStatus {
    /// It is done.
    Completed,
    /// It cannot be done.
    Failed,
    /// Something of it is not done.
    Incomplete,
}
words!(WorkStatus { Completed = "completed", Failed = "failed", Incomplete = "incomplete" });

/// What a hop asks for. An answer names the act that it answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// Call a tool.
    CallTool(ToolRef),
    /// Read, or subscribe to, a resource.
    ReadResource {
        /// The server that offers it.
        server: ServerName,
        /// The resource.
        uri: String,
    },
    /// Get a prompt.
    GetPrompt {
        /// The server that offers it.
        server: ServerName,
        /// The prompt's name.
        prompt: String,
    },
    /// Ask for completions of an argument.
    Complete {
        /// The server that offers them.
        server: ServerName,
    },
    /// List what a server offers.
    List {
        /// The server that is asked.
        server: ServerName,
        /// What it is asked for.
        listing: Listing,
    },
    /// A server asks something of the client behind the agent.
    AskClient {
        /// The server that asks.
        server: ServerName,
        /// What it asks for.
        wants: Wants,
    },
    /// A server tells the client something unasked: a log line, progress, a changed list.
    Notify {
        /// The server that tells.
        server: ServerName,
        /// The protocol's own word for it.
        topic: String,
    },
    /// One agent makes a typed request of another, under a grant.
    Request {
        /// The agent that is asked.
        agent: AgentName,
        /// The typed request.
        request: RequestName,
    },
    /// One agent tells another something that it was not asked for, under a contract.
    Tell {
        /// The agent that is told.
        agent: AgentName,
        /// What kind of thing it is told.
        contract: ContractName,
    },
    /// An agent tells maso itself how its work in a task stands.
    Report {
        /// What it says.
        status: WorkStatus,
    },
    /// An agent asks maso itself to let it start an instance of a declared agent.
    Spawn {
        /// The agent of which an instance is started.
        agent: AgentName,
    },
}

impl Act {
    /// The server that the act concerns, if any.
    pub fn server(&self) -> Option<&ServerName> {
        match self {
            Self::CallTool(ToolRef { server, .. })
            | Self::ReadResource { server, .. }
            | Self::GetPrompt { server, .. }
            | Self::Complete { server }
            | Self::List { server, .. }
            | Self::AskClient { server, .. }
            | Self::Notify { server, .. } => Some(server),
            Self::Request { .. } | Self::Tell { .. } | Self::Report { .. } | Self::Spawn { .. } => None,
        }
    }

    /// The tool that is called, if the act is a tool call.
    pub fn tool(&self) -> Option<&ToolRef> {
        match self {
            Self::CallTool(tool) => Some(tool),
            _ => None,
        }
    }

    /// The verb alone, as used in policies and records.
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::CallTool(_) => "call_tool",
            Self::ReadResource { .. } => "read_resource",
            Self::GetPrompt { .. } => "get_prompt",
            Self::Complete { .. } => "complete",
            Self::List { .. } => "list",
            Self::AskClient { .. } => "ask_client",
            Self::Notify { .. } => "notify",
            Self::Request { .. } => "request",
            Self::Tell { .. } => "tell",
            Self::Report { .. } => "report",
            Self::Spawn { .. } => "spawn",
        }
    }

    /// What the verb is applied to, as used in policies and records.
    pub fn object(&self) -> String {
        match self {
            Self::CallTool(tool) => tool.to_string(),
            Self::ReadResource { server, uri } => format!("{server}:{uri}"),
            Self::GetPrompt { server, prompt } => format!("{server}:{prompt}"),
            Self::Complete { server } => server.to_string(),
            Self::List { server, listing } => format!("{server}:{listing}"),
            Self::AskClient { server, wants } => format!("{server}:{wants}"),
            Self::Notify { server, topic } => format!("{server}:{topic}"),
            Self::Request { agent, request } => format!("{agent}:{request}"),
            Self::Tell { agent, contract } => format!("{agent}:{contract}"),
            Self::Report { status } => status.to_string(),
            Self::Spawn { agent } => agent.to_string(),
        }
    }
}

impl Act {
    /// Reads an act back from its [`verb`](Self::verb) and its [`object`](Self::object).
    pub fn parse(verb: &str, object: &str) -> Option<Self> {
        let of_server = |object: &str| {
            let (server, rest) = object.split_once(':')?;
            Some((server.parse::<ServerName>().ok()?, rest.to_owned()))
        };
        Some(match verb {
            "call_tool" => Self::CallTool(object.parse().ok()?),
            "read_resource" => of_server(object).map(|(server, uri)| Self::ReadResource { server, uri })?,
            "get_prompt" => of_server(object).map(|(server, prompt)| Self::GetPrompt { server, prompt })?,
            "complete" => Self::Complete { server: object.parse().ok()? },
            "list" => {
                let (server, listing) = of_server(object)?;
                Self::List { server, listing: Listing::parse(&listing)? }
            }
            "ask_client" => {
                let (server, wants) = of_server(object)?;
                Self::AskClient { server, wants: Wants::parse(&wants)? }
            }
            "notify" => of_server(object).map(|(server, topic)| Self::Notify { server, topic })?,
            "request" => {
                let (agent, request) = object.split_once(':')?;
                Self::Request { agent: agent.parse().ok()?, request: request.parse().ok()? }
            }
            "tell" => {
                let (agent, contract) = object.split_once(':')?;
                Self::Tell { agent: agent.parse().ok()?, contract: contract.parse().ok()? }
            }
            "report" => Self::Report { status: WorkStatus::parse(object)? },
            "spawn" => Self::Spawn { agent: object.parse().ok()? },
            _ => return None,
        })
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb(), self.object())
    }
}

/// Whether a hop asks or answers. An answer enters at the top with the roles exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Turn {
    /// It asks.
    Ask,
    /// It answers an earlier hop.
    Answer {
        /// The hop that it answers.
        to: HopId,
    },
}

/// The framework's kind of a hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HopKind {
    /// An agent tells another something.
    Message,
    /// An agent asks another for work.
    Delegation,
    /// An agent asks a server for something.
    ToolCall,
    /// A server answers.
    ToolResult,
    /// Something is asked of a model.
    ModelCall,
    /// A model answers.
    ModelReply,
    /// Memory is read.
    MemoryRead,
    /// Memory is written.
    MemoryWrite,
    /// An agent is started.
    Spawn,
}
words!(HopKind {
    Message = "message",
    Delegation = "delegation",
    ToolCall = "tool-call",
    ToolResult = "tool-result",
    ModelCall = "model-call",
    ModelReply = "model-reply",
    MemoryRead = "memory-read",
    MemoryWrite = "memory-write",
    Spawn = "spawn",
});

/// One interaction that crosses a boundary.
#[derive(Clone, Debug, PartialEq)]
pub struct Hop {
    /// Its id.
    pub id: HopId,
    /// When it was received.
    pub at: Timestamp,
    /// Who sends it.
    pub from: Principal,
    /// Who is meant to receive it.
    pub to: Principal,
    /// What it asks for, or what it answers.
    pub act: Act,
    /// Whether it asks or answers.
    pub turn: Turn,
    /// Arguments, result or content. Bounded by the limits under which it was received.
    pub payload: Value,
}

impl Hop {
    /// The framework's kind of this hop.
    pub const fn kind(&self) -> HopKind {
        match (&self.act, &self.turn) {
            (Act::Request { .. }, Turn::Ask) => HopKind::Delegation,
            (Act::Request { .. }, Turn::Answer { .. })
            | (Act::Notify { .. } | Act::Tell { .. } | Act::Report { .. }, _) => HopKind::Message,
            (Act::Spawn { .. }, _) => HopKind::Spawn,
            (Act::AskClient { .. }, Turn::Ask) => HopKind::ModelCall,
            (Act::AskClient { .. }, Turn::Answer { .. }) => HopKind::ModelReply,
            (_, Turn::Ask) => HopKind::ToolCall,
            (_, Turn::Answer { .. }) => HopKind::ToolResult,
        }
    }

    /// The agent that the hop concerns, on whichever side it stands; the sender if both are agents.
    pub fn agent(&self) -> Option<&AgentName> {
        match (&self.from, &self.to) {
            (Principal::Agent(agent), _) | (_, Principal::Agent(agent)) => Some(agent),
            _ => None,
        }
    }

    /// What is done: the exact act and its payload, by whom, in which task. Changes if any of it changes, and not with what is
    /// said beside it.
    pub fn deed_digest(&self, task: TaskId) -> Digest {
        // Borrowed, because the payload may be large.
        let text = |text: String| Value::String(text);
        let (task, from, to) = (text(task.to_string()), text(self.from.to_string()), text(self.to.to_string()));
        let (verb, object) = (text(self.act.verb().to_owned()), text(self.act.object()));
        Digest::of_members([
            ("task", &task),
            ("from", &from),
            ("to", &to),
            ("verb", &verb),
            ("object", &object),
            ("payload", &self.payload),
        ])
    }
}

/// The name of maso itself, where a server's is asked for.
pub const ITSELF: &str = "maso";

impl From<ToolRef> for Act {
    fn from(tool: ToolRef) -> Self {
        Self::CallTool(tool)
    }
}

impl ToolRef {
    /// The tool `tool` of `server`.
    pub const fn new(server: ServerName, tool: ToolName) -> Self {
        Self { server, tool }
    }
}
