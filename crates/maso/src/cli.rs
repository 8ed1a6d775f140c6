//! The command line, as clap reads it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use maso_core::{AgentName, OperatorName, ServerName};

/// Stands between AI agents and everything they touch: each other, tools, models, memory.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the claims example: three agents, twelve claims, poisoned documents, one record.
    Demo(Demo),
    /// Serve a deployment: gateway, control plane, console, record.
    Up(Up),
    /// Stand between an MCP client and a server that it starts: `maso mcp --agent NAME -- CMD …`.
    Mcp(Mcp),
    /// Write a deployment, from an MCP client's configuration or from an example.
    Init(Init),
    /// Look a deployment over: what is missing, loose or contradictory, with file, line and remedy.
    Check(Check),
    /// Open, list and close tasks.
    Tasks(Tasks),
    /// List agents; issue and revoke their tokens.
    Agents(Agents),
    /// List and answer held actions and changed tool definitions.
    Approvals(Approvals),
    /// Let people sign in.
    Operators(Operators),
    /// Show and move PACE phases.
    Pace(Pace),
    /// Stop a deployment, a workflow or an agent, now. Needs no agent's help and no running server.
    Kill(Kill),
    /// Look at the flight record, verify it, take it away.
    Log(Log),
    /// Measure what maso costs, beside the bare primitives, in one run.
    Bench(Bench),
    /// A tool server of the claims example.
    #[command(hide = true)]
    DemoServer(DemoServer),
    /// An agent of the claims example.
    #[command(hide = true)]
    DemoAgent,
    /// The tool server that `bench` calls.
    #[command(hide = true)]
    BenchServer,
}

/// The deployment that a command is about.
#[derive(Debug, Args)]
pub struct Folder {
    /// The deployment's folder.
    #[arg(value_name = "DIR", default_value = ".", env = "MASO_DEPLOYMENT")]
    pub dir: PathBuf,
}

/// Who gives an order.
#[derive(Debug, Args)]
pub struct As {
    /// The operator who gives the order; the passphrase is asked for, or read from MASO_PASSPHRASE.
    #[arg(long = "as", value_name = "OPERATOR", env = "MASO_OPERATOR")]
    pub operator: Option<OperatorName>,
}

#[derive(Debug, Args)]
pub struct Demo {
    /// What to answer when a payment waits for a person: ask here, or answer by itself.
    #[arg(long, value_enum, default_value = "ask")]
    pub approve: Approve,
    /// Print one summary object instead of telling the story.
    #[arg(long)]
    pub json: bool,
    /// Where to put the deployment and its data; a fresh temporary folder where absent.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Leave the console running at the end until Ctrl-C.
    #[arg(long)]
    pub stay: bool,
    /// Record decisions and block nothing, to see what happens without maso.
    #[arg(long)]
    pub observe: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Approve {
    /// Ask in the terminal; the console can answer too.
    Ask,
    /// Approve everything that is asked.
    All,
    /// Reject everything that is asked.
    None,
}

#[derive(Debug, Args)]
pub struct Up {
    #[command(flatten)]
    pub folder: Folder,
    /// Record decisions and block nothing.
    #[arg(long)]
    pub observe: bool,
    /// Listen here instead of where maso.toml says.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<std::net::SocketAddr>,
}

#[derive(Debug, Args)]
pub struct Mcp {
    /// The agent whose client this is.
    #[arg(long)]
    pub agent: AgentName,
    /// The deployment's folder.
    #[arg(long, value_name = "DIR", default_value = ".", env = "MASO_DEPLOYMENT")]
    pub deployment: PathBuf,
    /// The server's name in the deployment; found by its command where absent.
    #[arg(long)]
    pub server: Option<ServerName>,
    /// Record decisions and block nothing.
    #[arg(long)]
    pub observe: bool,
    /// The command that starts the server.
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<String>,
}

#[derive(Debug, Args)]
pub struct Init {
    /// Where to write the deployment.
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// An MCP client's configuration: JSON with `mcpServers`.
    #[arg(long, value_name = "FILE", conflicts_with = "example")]
    pub from: Option<PathBuf>,
    /// An example: `claims` or `minimal`.
    #[arg(long, value_name = "NAME")]
    pub example: Option<String>,
    /// Do not start the servers to ask which tools they have.
    #[arg(long, requires = "from")]
    pub offline: bool,
    /// Print what was guessed as JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    pub folder: Folder,
    /// Print the problems as JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Tasks {
    #[command(subcommand)]
    pub order: TaskOrder,
}

#[derive(Debug, Subcommand)]
pub enum TaskOrder {
    /// Open a task and print its token.
    Open {
        #[command(flatten)]
        folder: Folder,
        /// The workflow that it is one run of.
        #[arg(long)]
        workflow: String,
        /// What is to be done, in your own words.
        #[arg(long)]
        words: String,
        /// When it succeeded; may be given more than once.
        #[arg(long = "success")]
        success: Vec<String>,
        /// How long it may run, in seconds.
        #[arg(long, value_name = "SECONDS")]
        ttl_s: Option<u64>,
        #[command(flatten)]
        by: As,
        #[arg(long)]
        json: bool,
    },
    /// List open tasks.
    List {
        #[command(flatten)]
        folder: Folder,
        #[arg(long)]
        json: bool,
    },
    /// Close a task: its token is worth nothing from then on.
    Close {
        #[command(flatten)]
        folder: Folder,
        /// The task.
        #[arg(long)]
        task: String,
        /// Why.
        #[arg(long, default_value = "done")]
        reason: String,
        #[command(flatten)]
        by: As,
    },
}

#[derive(Debug, Args)]
pub struct Agents {
    #[command(subcommand)]
    pub order: AgentOrder,
}

#[derive(Debug, Subcommand)]
pub enum AgentOrder {
    /// List agents, their mandates and how they stand.
    List {
        #[command(flatten)]
        folder: Folder,
        #[arg(long)]
        json: bool,
    },
    /// Issue a token to an agent.
    Token {
        #[command(flatten)]
        folder: Folder,
        /// The agent.
        #[arg(long)]
        agent: AgentName,
        /// Thumbprint (RFC 7638) of the agent's key. Without one the token is a bearer token, for this machine only.
        #[arg(long)]
        thumbprint: Option<String>,
        /// Make a key for the agent in this new file and bind the token to it.
        #[arg(long, value_name = "FILE", conflicts_with = "thumbprint")]
        new_key: Option<PathBuf>,
        #[command(flatten)]
        by: As,
        #[arg(long)]
        json: bool,
    },
    /// Revoke a token, a key or an agent.
    Revoke {
        #[command(flatten)]
        folder: Folder,
        /// `token`, `key` or `agent`.
        #[arg(long)]
        what: String,
        /// Its id, thumbprint or name.
        #[arg(long)]
        subject: String,
        /// Why.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        by: As,
    },
}

#[derive(Debug, Args)]
pub struct Approvals {
    #[command(subcommand)]
    pub order: ApprovalOrder,
}

#[derive(Debug, Subcommand)]
pub enum ApprovalOrder {
    /// List what waits for a person.
    List {
        #[command(flatten)]
        folder: Folder,
        #[arg(long)]
        json: bool,
    },
    /// Approve a held action, once.
    Approve(Answer),
    /// Reject a held action.
    Reject(Answer),
    /// Approve a tool's published definition.
    Tool {
        #[command(flatten)]
        folder: Folder,
        /// The tool, as `server:tool`.
        #[arg(long)]
        tool: String,
        /// Digest of the definition that you saw.
        #[arg(long)]
        digest: String,
        #[command(flatten)]
        by: As,
    },
}

#[derive(Debug, Args)]
pub struct Answer {
    #[command(flatten)]
    pub folder: Folder,
    /// The ticket.
    #[arg(long)]
    pub ticket: String,
    /// Why.
    #[arg(long, default_value = "")]
    pub reason: String,
    #[command(flatten)]
    pub by: As,
}

#[derive(Debug, Args)]
pub struct Operators {
    #[command(subcommand)]
    pub order: OperatorOrder,
}

#[derive(Debug, Subcommand)]
pub enum OperatorOrder {
    /// Set an operator's passphrase, read from the terminal or from MASO_PASSPHRASE.
    Passphrase {
        #[command(flatten)]
        folder: Folder,
        /// The operator.
        #[arg(long)]
        operator: OperatorName,
    },
    /// Print a link with which an operator signs in to the console once.
    Link {
        #[command(flatten)]
        folder: Folder,
        /// The operator.
        #[arg(long)]
        operator: OperatorName,
    },
}

#[derive(Debug, Args)]
pub struct Pace {
    #[command(subcommand)]
    pub order: PaceOrder,
}

#[derive(Debug, Subcommand)]
pub enum PaceOrder {
    /// Show how everything stands.
    Show {
        #[command(flatten)]
        folder: Folder,
        #[arg(long)]
        json: bool,
    },
    /// Move a scope to a phase.
    Move {
        #[command(flatten)]
        folder: Folder,
        /// `deployment`, `workflow:NAME` or `agent:NAME`.
        #[arg(long, default_value = "deployment")]
        scope: String,
        /// `primary`, `alternate`, `contingency` or `emergency`.
        #[arg(long)]
        to: String,
        /// Why; to loosen, what the cause was and how it was fixed.
        #[arg(long)]
        reason: String,
        /// The review that ends an Emergency, as JSON.
        #[arg(long, value_name = "JSON")]
        review: Option<String>,
        #[command(flatten)]
        by: As,
    },
}

#[derive(Debug, Args)]
pub struct Kill {
    #[command(flatten)]
    pub folder: Folder,
    /// `deployment`, `workflow:NAME` or `agent:NAME`.
    #[arg(long, default_value = "deployment")]
    pub scope: String,
    /// Why.
    #[arg(long, default_value = "pulled from the command line")]
    pub reason: String,
    #[command(flatten)]
    pub by: As,
}

#[derive(Debug, Args)]
pub struct Log {
    #[command(subcommand)]
    pub order: LogOrder,
}

#[derive(Debug, Subcommand)]
pub enum LogOrder {
    /// Show the latest records, and follow.
    Tail {
        #[command(flatten)]
        folder: Folder,
        /// How many to begin with.
        #[arg(short = 'n', long, default_value_t = 20)]
        lines: u64,
        /// Go on as more is recorded.
        #[arg(short, long)]
        follow: bool,
        #[arg(long)]
        json: bool,
    },
    /// Show everything about a record, a hop, a ticket or a task.
    Show {
        #[command(flatten)]
        folder: Folder,
        /// A sequence number or an id.
        #[arg(long)]
        id: String,
    },
    /// Check the record against itself, offline.
    Verify {
        #[command(flatten)]
        folder: Folder,
        #[arg(long)]
        json: bool,
    },
    /// Write the record as JSON Lines to standard output.
    Export {
        #[command(flatten)]
        folder: Folder,
        /// The first record.
        #[arg(long, default_value_t = 1)]
        from: u64,
        /// The last record; all where absent.
        #[arg(long)]
        to: Option<u64>,
    },
}

#[derive(Debug, Args)]
pub struct Bench {
    /// Print the figures as JSON.
    #[arg(long)]
    pub json: bool,
    /// Measure less, to see that it works.
    #[arg(long)]
    pub quick: bool,
    /// Measure these parts alone.
    #[arg(long, value_name = "PART", value_delimiter = ',')]
    pub only: Vec<BenchPart>,
}

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum BenchPart {
    /// (a) Stages 3 to 8.
    Pure,
    /// (b) A full hop.
    Hop,
    /// (c) Calls over HTTP.
    Calls,
}

#[derive(Debug, Args)]
pub struct DemoServer {
    /// Which one.
    pub server: String,
    /// The folder that holds its data.
    #[arg(long)]
    pub data: PathBuf,
}
