//! The command line, as clap reads it.

use std::{path::PathBuf, sync::LazyLock};

use clap::{
    Args, Parser, Subcommand, ValueEnum,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser},
};
use maso_core::{AgentName, Integrity, OperatorName, ServerName, ToolRef};
use maso_demo::Example;
use maso_intent::{ControlState, Domain, FileKind};

/// Stands between AI agents and everything they touch: each other, tools, models, memory.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, arg_required_else_help = true, max_term_width = 80, after_help = AFTER_HELP)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the claims example, poisoned documents and all.
    #[command(after_help = "\
Examples:
  maso demo                          asks you about each payment
  maso demo --approve all            answers by itself
  maso demo --approve none --json    one summary object, for scripts
  maso demo --observe --approve all  blocks nothing, to see what the poison does

Exit code 0 only if every claim ended as the answers imply, no poisoned
instruction had an effect (both read from the insurer's database), and the
record holds; 1 if not; 2 if it could not run.")]
    Demo(Demo),
    /// Serve a deployment: gateway, control plane, console, record.
    #[command(after_help = "\
Examples:
  maso up mydeployment
  maso up mydeployment --observe               records decisions, blocks nothing
  maso up mydeployment --listen 127.0.0.1:0    on a free port

Prints where it serves, and a link that signs the accountable human in once.
Ends on Ctrl-C or SIGTERM with exit code 0; 2 if it could not start.")]
    Up(Up),
    /// Stand between an MCP client and a server that it starts.
    #[command(after_help = "\
Examples:
  maso mcp --agent desktop --deployment mydeployment --server files
  maso mcp --agent desktop --deployment mydeployment -- \\
      npx -y @modelcontextprotocol/server-filesystem /data

A client starts this in place of its server; it speaks MCP on standard input and
output, and says what goes wrong on standard error. The command behind `--` must
be the one that the deployment declares: it is looked up, never run as given.")]
    Mcp(Mcp),
    /// Write a deployment from a client's configuration or an example.
    #[command(after_help = "\
Examples:
  maso init mydeployment --from client.json    from an `mcpServers` configuration
  maso init claims --example claims            the example that `maso demo` runs
  maso init grid --example grid-operations     another; --help lists them all
  maso init mydeployment                       one agent, one server, to begin with

With --from, each server is started once and asked for its tools; what each tool
may do is guessed on the safe side, and every guess is told. Secrets in the
client's configuration are not copied.")]
    Init(Init),
    /// Look a deployment over: problems, each with its place and remedy.
    #[command(after_help = "\
Examples:
  maso check mydeployment
  maso check mydeployment --json
  maso check mydeployment --sarif > maso.sarif

Exit code 0 if there is no error (warnings and notes may be left), 1 if there
is one, 2 if the folder could not be read. docs/lint.md lists all rules.")]
    Check(Check),
    /// Lay out a deployment's files in one way.
    #[command(after_help = "\
Examples:
  maso fmt mydeployment
  maso fmt mydeployment/agents/intake.toml
  maso fmt mydeployment --check

Changes the layout and nothing else: values, comments and the order of keys stay.
Exit code 0 if all is well, 1 if a file is no TOML or, with --check, would
change, 2 if one could not be read or written.")]
    Fmt(Fmt),
    /// Write the JSON Schemas of a deployment's files, for editors.
    #[command(after_help = "\
Examples:
  maso schema agent
  maso schema --dir mydeployment/.schemas

Without a KIND it is all of them. An editor that knows TOML completes and checks
a file whose first line names its schema, as in
  #:schema ../.schemas/agent.schema.json")]
    Schema(Schema),
    /// Approve a version of a deployment by signature, or verify who did.
    #[command(after_help = "\
Examples:
  maso sign mydeployment --as claims-operations
  maso sign mydeployment --as claims-security --key /media/stick/me.pem \\
      --reason \"the limit for payments is lower\"
  maso sign mydeployment --verify --json

Signs what lies in the folder now, byte for byte, into `signatures/`. A change
of any file is another version, which nobody has signed. `--verify` ends with
exit code 1 if a signature that must be there is missing.")]
    Sign(Sign),
    /// List the framework's controls as they stand in a deployment.
    #[command(after_help = "\
Examples:
  maso controls mydeployment
  maso controls mydeployment --domain EC       with what each control demands
  maso controls mydeployment --state missing
  maso controls mydeployment --json            state, reason and tests of each

`evidence/*.toml` in the deployment attests what people have to attest.")]
    Controls(Controls),
    /// Say which tier the record carries, and what is missing for the next.
    #[command(after_help = "\
Examples:
  maso tier mydeployment
  maso tier mydeployment --json

Exit code 0 if the record carries the tier that is declared, 1 if it does not,
2 if it could not be read.")]
    Tier(TierOf),
    /// Show who may deal with whom, and what went between them.
    #[command(after_help = "\
Examples:
  maso map mydeployment
  maso map mydeployment --traffic              without what never went anywhere
  maso map mydeployment --json

The same as the console's page Map. Answers count where the question went.")]
    Map(MapOf),
    /// Say what a new version of a deployment makes possible, and what no longer is.
    #[command(after_help = "\
Examples:
  maso diff mydeployment mydeployment.new
  maso diff old new --json
  maso diff old new --fail-on wider            for a pipeline that guards a branch

Nothing is read off the text: both versions decide every class of action, and
what they decide differently is told, each with an example.

Exit code 0 if nothing differs, 1 if something does (with `--fail-on wider`:
only if something becomes possible or easier, or nobody can say), 2 if a folder
could not be read.")]
    Diff(Diff),
    /// Say why an agent may or may not do a thing, with file and line.
    #[command(after_help = "\
Examples:
  maso explain mydeployment --agent analysis --tool claims-db:pay_claim
  maso explain mydeployment --agent analysis --tool claims-db:pay_claim \\
      --args '{\"amount_minor\": 3000000}' --origin external
  maso explain mydeployment --agent intake --grant analysis:assess_claim

The stages of the path themselves decide, as if the agent had just asked in its
first hop: nothing is sent, opened or recorded, and no model is asked.

Exit code 0 if it may (with or without a review), 1 if it may not.")]
    Explain(Explain),
    /// Open, list, clarify and close tasks; say what of them agents may tell each other, and how they were done.
    #[command(after_help = "\
Examples:
  maso tasks open mydeployment --workflow claims --as owner \\
      --words \"Settle claim C-1001: pay what is covered to the account on file.\"
  maso tasks list mydeployment
  maso tasks clarifications mydeployment
  maso tasks clarify mydeployment --task task_… --question hop_… --as owner \\
      --answer \"the account at our bank\"
  maso tasks assumptions mydeployment
  maso tasks promote mydeployment --task task_… --assumption hop_… --scope task
  maso tasks close mydeployment --task task_… --as owner
  maso tasks deviation mydeployment --task task_…
  maso tasks assess mydeployment --task task_… --criterion paid --met \\
      --reason \"the bank confirms it\" --as owner")]
    Tasks(Tasks),
    /// List agents; issue and revoke their tokens.
    #[command(after_help = "\
Examples:
  maso agents list mydeployment
  maso agents token mydeployment --agent intake --new-key intake.pem --as owner
  maso agents join-token mydeployment --agent intake --ttl 10m --as owner
  maso agents join http://127.0.0.1:7680 --token TOKEN --key intake.pem
  maso agents lineage mydeployment --agent intake --all
  maso agents revoke mydeployment --what agent --subject intake \\
      --reason \"left its mandate\" --as security")]
    Agents(Agents),
    /// List and answer held actions and changed tool definitions.
    #[command(after_help = "\
Examples:
  maso approvals list mydeployment
  maso approvals approve mydeployment --ticket ticket_… --as owner
  maso approvals reject mydeployment --ticket ticket_… \\
      --reason \"not our customer\" --as owner
  maso approvals tool mydeployment --tool mail:send_mail \\
      --digest sha256:… --as owner")]
    Approvals(Approvals),
    /// Let people sign in.
    #[command(after_help = "\
Examples:
  maso operators passphrase mydeployment --operator owner
  maso operators link mydeployment --operator owner
  maso operators keygen --operator owner")]
    Operators(Operators),
    /// Write the users of the NATS server between processes, and make its mailboxes.
    #[command(after_help = "\
Examples:
  maso bus accounts mydeployment --out /etc/nats/maso.conf
  maso bus prepare mydeployment

Each agent has a user for its sidecar, which may do nothing but ask maso.
The keys are made where they are not there yet, in `.maso/bus` of the folder.
`maso up` makes the mailboxes itself; `prepare` shows beforehand whether it can.")]
    Bus(Bus),
    /// Stand beside an agent on a machine of its own, and carry what it asks to maso.
    #[command(after_help = "\
Examples:
  maso sidecar invite mydeployment --agent intake --out intake.json --as owner
  maso sidecar run /var/lib/maso-intake --invitation intake.json
  maso sidecar run /var/lib/maso-intake --listen 127.0.0.1:0

The first is for the deployment's machine, where the bus is a NATS server; its
file goes to the agent's machine. There the sidecar has the agent's credential
and renews it; the agent has none, and speaks to http://127.0.0.1:7681 as to
maso itself. Ends on Ctrl-C or SIGTERM.")]
    Sidecar(Sidecar),
    /// Show and move PACE phases.
    #[command(after_help = "\
Examples:
  maso pace show mydeployment
  maso pace move mydeployment --scope agent:intake --to alternate \\
      --reason \"reads what it should not\" --as owner

A supervisor moves between Primary and Alternate, security to and from
Contingency, an incident commander to and from Emergency. To loosen, the reason
says what the cause was and how it was fixed; leaving Emergency takes a review.")]
    Pace(Pace),
    /// Stop a deployment, a workflow or an agent, now.
    #[command(after_help = "\
Examples:
  maso kill mydeployment
  maso kill mydeployment --scope agent:intake --reason \"pays the wrong account\"

Needs no agent's help, no running server, no passphrase and no declaration that
still parses: only the record. An incident commander ends it.")]
    Kill(Kill),
    /// Look at the flight record, verify it, take it away, erase payloads.
    #[command(after_help = "\
Examples:
  maso log tail mydeployment --follow
  maso log show mydeployment --id hop_…
  maso log show mydeployment --id task_… --limit 50
  maso log verify mydeployment
  maso log export mydeployment > record.jsonl
  maso log erase mydeployment --task task_… \\
      --reason \"its retention is over\" --as security

`verify` ends with exit code 0 if the record holds, 1 if it is broken, 2 if it
could not be read. Without `.maso/payload.key` it counts payloads and looks into
none. `erase` drops keys: nothing brings those payloads back, and the record
still verifies.")]
    Log(Log),
    /// Measure what maso costs, beside the bare primitives, in one run.
    #[command(after_help = "\
Examples:
  cargo run --release -p maso -- bench
  maso bench --quick --json

Compare ratios within a run, never times between two. Aims that are missed are
told and are no failure.")]
    Bench(Bench),
    /// Measure what maso makes of recorded runs of agents.
    #[command(after_help = "\
Examples:
  maso eval traces runs.jsonl.zst
  maso eval traces runs.jsonl --deployment mydeployment --decisions decided.jsonl
  maso eval traces runs.jsonl.zst --detection off --json

No model is run, and the same files give the same figures each time.")]
    Eval(Eval),
    /// Write a shell's completions to standard output.
    #[command(after_help = "\
Examples:
  maso completions bash > ~/.local/share/bash-completion/completions/maso
  maso completions zsh > \"${fpath[1]}/_maso\"
  maso completions fish > ~/.config/fish/completions/maso.fish")]
    Completions(Completions),
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

const AFTER_HELP: &str = "\
Start here:
  maso demo                                    see it work
  maso init mydeployment --from client.json    put it before your own client
  maso check mydeployment
  maso up mydeployment

Exit codes:
  0  it is done
  1  the answer is no: problems were found, the record is broken
  2  it could not be done, or the command line is wrong

Environment:
  MASO_DEPLOYMENT  the deployment's folder, where none is named
  MASO_OPERATOR    who gives an order, where `--as` does not say
  MASO_PASSPHRASE  that operator's passphrase, where there is no terminal
  MASO_LOG         what maso says of itself: warn (default), info, debug
  NO_COLOR         no colours";

/// The deployment that a command is about.
#[derive(Debug, Args)]
pub struct Folder {
    /// The deployment's folder.
    #[arg(value_name = "DIR", default_value = ".", env = "MASO_DEPLOYMENT")]
    pub dir: PathBuf,
}

/// How the answer is printed.
#[derive(Clone, Copy, Debug, Args)]
pub struct Output {
    /// Print it as JSON, for scripts.
    #[arg(long)]
    pub json: bool,
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
    /// Believe the signers whom this folder names, whatever the version before asked for.
    #[arg(long)]
    pub accept_new_signers: bool,
    /// Listen here instead of where maso.toml says.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<std::net::SocketAddr>,
    /// Print where it serves as one JSON object on one line.
    #[arg(long)]
    pub json: bool,
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
    /// A worked deployment to begin with.
    #[arg(long, value_enum, value_name = "NAME")]
    pub example: Option<Template>,
    /// Do not start the servers to ask which tools they have.
    #[arg(long, requires = "from")]
    pub offline: bool,
    /// Print what was guessed as JSON.
    #[arg(long)]
    pub json: bool,
}

/// What `init` writes where there is no client's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    /// One agent, one server.
    Minimal,
    /// A worked deployment.
    Worked(Example),
}

impl ValueEnum for Template {
    fn value_variants<'a>() -> &'a [Self] {
        static TEMPLATES: LazyLock<Vec<Template>> = LazyLock::new(|| {
            let worked = Example::ALL.iter().copied().map(Template::Worked);
            std::iter::once(Template::Minimal).chain(worked).collect()
        });
        &TEMPLATES
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Minimal => PossibleValue::new("minimal").help("one agent, one server; also without a name"),
            Self::Worked(example) => PossibleValue::new(example.name).help(example.about),
        })
    }
}

#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    pub folder: Folder,
    /// Print the problems as JSON.
    #[arg(long)]
    pub json: bool,
    /// Print the problems as SARIF 2.1.0, for CI systems.
    #[arg(long, conflicts_with = "json")]
    pub sarif: bool,
}

#[derive(Debug, Args)]
pub struct Fmt {
    /// Folders of deployments, and single files.
    #[arg(value_name = "DIR|FILE", default_value = ".", env = "MASO_DEPLOYMENT")]
    pub paths: Vec<PathBuf>,
    /// Change nothing; say which files would change.
    #[arg(long)]
    pub check: bool,
    /// Print what changed as JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Schema {
    /// The kind of file; all of them where none is named.
    #[arg(value_name = "KIND", value_parser = kinds())]
    pub kind: Option<FileKind>,
    /// Write into this folder, as `KIND.schema.json`, instead of to standard output.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

fn kinds() -> impl TypedValueParser<Value = FileKind> {
    let kinds = FileKind::ALL.iter().map(|kind| PossibleValue::new(kind.as_str()).help(kind.files()));
    PossibleValuesParser::new(kinds).try_map(|word| FileKind::parse(&word).ok_or("no such kind of file"))
}

#[derive(Debug, Args)]
pub struct Sign {
    #[command(flatten)]
    pub folder: Folder,
    /// The operator who signs.
    #[arg(long = "as", value_name = "OPERATOR", env = "MASO_OPERATOR")]
    pub operator: Option<OperatorName>,
    /// The operator's private key; `~/.config/maso/keys/OPERATOR.pem` where absent.
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Why this version takes the place of the one before; whoever signs first says it.
    #[arg(long)]
    pub reason: Option<String>,
    /// Sign nothing; say who signed and who must.
    #[arg(long, conflicts_with_all = ["key", "reason"])]
    pub verify: bool,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Args)]
pub struct Diff {
    /// The folder of the version that is in force.
    #[arg(value_name = "OLD")]
    pub old: PathBuf,
    /// The folder of the version that is to be.
    #[arg(value_name = "NEW")]
    pub new: PathBuf,
    /// End with exit code 1 only for these differences.
    #[arg(long, value_enum, default_value = "any")]
    pub fail_on: FailOn,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Any difference.
    Any,
    /// Something becomes possible or easier, or nobody can say.
    Wider,
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("act").required(true).args(["tool", "grant", "message"])))]
pub struct Explain {
    #[command(flatten)]
    pub folder: Folder,
    /// The agent.
    #[arg(long)]
    pub agent: AgentName,
    /// The tool that it would call.
    #[arg(long, value_name = "SERVER:TOOL")]
    pub tool: Option<ToolRef>,
    /// The request that it would make of another agent.
    #[arg(long, value_name = "AGENT:REQUEST")]
    pub grant: Option<String>,
    /// What it would tell another agent unasked.
    #[arg(long, value_name = "AGENT:CONTRACT")]
    pub message: Option<String>,
    /// Arguments, or content of the request, as a JSON object; some that fit where absent.
    #[arg(long, value_name = "JSON", value_parser = json)]
    pub args: Option<serde_json::Value>,
    /// How far the values in it are believed: `external`, `internal`, `verified` or `operator`.
    #[arg(long, value_name = "INTEGRITY", default_value = "operator", value_parser = integrity)]
    pub origin: Integrity,
    /// In the agent's standing task, not in one that a person opened.
    #[arg(long)]
    pub standing: bool,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Args)]
pub struct Controls {
    #[command(flatten)]
    pub folder: Folder,
    /// The controls of one domain, such as `EC`, with what each demands.
    #[arg(long, value_name = "DOMAIN", ignore_case = true, hide_possible_values = true, value_parser = domains())]
    pub domain: Option<String>,
    /// The controls in one state.
    #[arg(long, value_name = "STATE", value_parser = PossibleValuesParser::new(ControlState::WORDS))]
    pub state: Option<String>,
    #[command(flatten)]
    pub output: Output,
}

fn domains() -> PossibleValuesParser {
    PossibleValuesParser::new(Domain::all().iter().map(|domain| domain.code.as_str()))
}

#[derive(Debug, Args)]
pub struct MapOf {
    #[command(flatten)]
    pub folder: Folder,
    /// What went somewhere, and nothing that only may.
    #[arg(long)]
    pub traffic: bool,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Args)]
pub struct TierOf {
    #[command(flatten)]
    pub folder: Folder,
    #[command(flatten)]
    pub output: Output,
}

fn json(text: &str) -> Result<serde_json::Value, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn integrity(word: &str) -> Result<Integrity, String> {
    let words: Vec<_> = Integrity::ALL.iter().map(|one| one.as_str()).collect();
    Integrity::parse(word).ok_or_else(|| format!("write one of {}", words.join(", ")))
}

#[derive(Debug, Args)]
pub struct Tasks {
    #[command(subcommand)]
    pub order: TaskOrder,
}

/// One thing that an agent assumes.
#[derive(Debug, Args)]
pub struct OfAssumption {
    #[command(flatten)]
    pub folder: Folder,
    /// The task for which it was made.
    #[arg(long)]
    pub task: String,
    /// The assumption, as `maso tasks assumptions` shows it.
    #[arg(long)]
    pub assumption: String,
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
        /// What it is about and how far it goes.
        #[arg(long)]
        scope: Option<String>,
        /// What is not to be touched; may be given more than once.
        #[arg(long = "out-of-scope", value_name = "WHAT")]
        out_of_scope: Vec<String>,
        /// How long it may run, in seconds.
        #[arg(long, value_name = "SECONDS")]
        ttl_s: Option<u64>,
        /// An agent that may begin it; may be given more than once. Without it: those that no grant lets another one ask.
        #[arg(long = "agent", value_name = "AGENT")]
        agents: Vec<String>,
        #[command(flatten)]
        by: As,
        #[command(flatten)]
        output: Output,
    },
    /// List open tasks.
    List {
        #[command(flatten)]
        folder: Folder,
        #[command(flatten)]
        output: Output,
    },
    /// List what agents asked about what is meant, and the answers.
    Clarifications {
        #[command(flatten)]
        folder: Folder,
        #[command(flatten)]
        output: Output,
    },
    /// Say what is meant: answer a question, or say a part that a task leaves open.
    Clarify {
        #[command(flatten)]
        folder: Folder,
        /// The task.
        #[arg(long)]
        task: String,
        /// The question that it answers.
        #[arg(long, conflicts_with = "about", required_unless_present = "about")]
        question: Option<String>,
        /// The part of the task: `objective`, `scope`, `success-criteria` or `out-of-scope`.
        #[arg(long)]
        about: Option<String>,
        /// What is meant.
        #[arg(long)]
        answer: String,
        #[command(flatten)]
        by: As,
        #[command(flatten)]
        output: Output,
    },
    /// List what agents assume in open tasks, and for whom it holds.
    Assumptions {
        #[command(flatten)]
        folder: Folder,
        #[command(flatten)]
        output: Output,
    },
    /// Let an assumption travel: other agents may be told of it from then on.
    Promote {
        #[command(flatten)]
        assumption: OfAssumption,
        /// For whom it holds: `task` or `global`.
        #[arg(long, value_parser = ["task", "global"])]
        scope: String,
        #[command(flatten)]
        by: As,
        #[command(flatten)]
        output: Output,
    },
    /// Refuse an assumption to travel: it stays with the agent that made it.
    Refuse {
        #[command(flatten)]
        assumption: OfAssumption,
        #[command(flatten)]
        by: As,
        #[command(flatten)]
        output: Output,
    },
    /// Show how a task was done so far: its means, its outcome, and both together.
    Deviation {
        #[command(flatten)]
        folder: Folder,
        /// The task, open or ended.
        #[arg(long)]
        task: String,
        #[command(flatten)]
        output: Output,
    },
    /// Say whether a criterion of a task is met.
    Assess {
        #[command(flatten)]
        folder: Folder,
        /// The task, open or ended.
        #[arg(long)]
        task: String,
        /// The criterion's id, as `maso tasks deviation` shows it; `failure-N` for one that says when the task failed.
        #[arg(long)]
        criterion: String,
        /// It is met.
        #[arg(long, conflicts_with = "missed")]
        met: bool,
        /// It is not met.
        #[arg(long)]
        missed: bool,
        /// Why.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        by: As,
        #[command(flatten)]
        output: Output,
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
        #[command(flatten)]
        output: Output,
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
        #[command(flatten)]
        output: Output,
    },
    /// Show how calls of tools that agents do not have develop, by agent, model and tool.
    Attempts {
        #[command(flatten)]
        folder: Folder,
        #[command(flatten)]
        output: Output,
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
        #[command(flatten)]
        output: Output,
    },
    /// Issue a token with which a program becomes an agent, once.
    JoinToken {
        #[command(flatten)]
        folder: Folder,
        /// The agent.
        #[arg(long)]
        agent: AgentName,
        /// How long it waits to be used: `90s`, `10m`, `24h`.
        #[arg(long, default_value = "10m", value_parser = maso_intent::span_ms)]
        ttl: u64,
        #[command(flatten)]
        by: As,
        #[command(flatten)]
        output: Output,
    },
    /// Become an agent by a join token, at a deployment that is served.
    Join {
        /// Where it is served, such as `http://127.0.0.1:7680`.
        url: String,
        /// The join token.
        #[arg(long, env = "MASO_JOIN_TOKEN", hide_env_values = true)]
        token: String,
        /// The file with the agent's private key; made where it is not there.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        #[command(flatten)]
        output: Output,
    },
    /// Show who issued which credential to which agent and by which way, what still counts, and whom agents started.
    Lineage {
        #[command(flatten)]
        folder: Folder,
        /// Of this agent alone.
        #[arg(long)]
        agent: Option<AgentName>,
        /// Those too that have ended or were revoked.
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Revoke a token, a key, an agent, an instance or a delegation.
    Revoke {
        #[command(flatten)]
        folder: Folder,
        /// `token`, `key`, `agent`, `instance` with all that it started, or `delegation`: what one agent asked of another, and
        /// all that it led to.
        #[arg(long)]
        what: String,
        /// Its id, thumbprint or name; of a delegation, the hop that asked.
        #[arg(long)]
        subject: String,
        /// Why.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        by: As,
        #[command(flatten)]
        output: Output,
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
        #[command(flatten)]
        output: Output,
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
        #[command(flatten)]
        output: Output,
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
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Args)]
pub struct Bus {
    #[command(subcommand)]
    pub order: BusOrder,
}

#[derive(Debug, Subcommand)]
pub enum BusOrder {
    /// Write who may do what at the server, for its configuration.
    Accounts {
        #[command(flatten)]
        folder: Folder,
        /// Where to write it; to standard output where absent.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        #[command(flatten)]
        output: Output,
    },
    /// Make the mailboxes at the server, and ask it for what it promises.
    Prepare {
        #[command(flatten)]
        folder: Folder,
        #[command(flatten)]
        output: Output,
    },
}

#[derive(Debug, Args)]
pub struct Sidecar {
    #[command(subcommand)]
    pub order: SidecarOrder,
}

#[derive(Debug, Subcommand)]
pub enum SidecarOrder {
    /// Write all that a sidecar needs into one file, which works once.
    Invite {
        #[command(flatten)]
        folder: Folder,
        /// The agent beside which it is to stand.
        #[arg(long)]
        agent: AgentName,
        /// How long the invitation waits to be used: `90s`, `10m`, `24h`.
        #[arg(long, default_value = "10m", value_parser = maso_intent::span_ms)]
        ttl: u64,
        /// Where the sidecar reaches the NATS server, if elsewhere than this machine does.
        #[arg(long, value_name = "URL")]
        server: Option<maso_intent::BusServers>,
        /// The certificate (PEM) that the sidecar shows a NATS server which asks for one.
        #[arg(long, value_name = "FILE", requires = "key")]
        certificate: Option<PathBuf>,
        /// That certificate's private key (PEM), which only its owner may read.
        #[arg(long, value_name = "FILE", requires = "certificate")]
        key: Option<PathBuf>,
        /// The file to write. Only its owner may read it.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        #[command(flatten)]
        by: As,
        #[command(flatten)]
        output: Output,
    },
    /// Stand beside an agent: serve it on loopback, and carry what it asks to maso.
    Run {
        /// The folder in which the sidecar keeps its key and token.
        #[arg(value_name = "STATE")]
        state: PathBuf,
        /// What `maso sidecar invite` wrote. Needed once.
        #[arg(long, value_name = "FILE")]
        invitation: Option<PathBuf>,
        /// Where to serve the agent: on loopback. Port 0 takes a free one.
        #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7681")]
        listen: std::net::SocketAddr,
        #[command(flatten)]
        output: Output,
    },
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
        #[command(flatten)]
        output: Output,
    },
    /// Make a key with which an operator signs deployments.
    Keygen {
        /// The operator.
        #[arg(long)]
        operator: OperatorName,
        /// Where to write the private key; `~/.config/maso/keys/OPERATOR.pem` where absent.
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        #[command(flatten)]
        output: Output,
    },
    /// Print a link with which an operator signs in to the console once.
    Link {
        #[command(flatten)]
        folder: Folder,
        /// The operator.
        #[arg(long)]
        operator: OperatorName,
        #[command(flatten)]
        output: Output,
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
        #[command(flatten)]
        output: Output,
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
        #[command(flatten)]
        output: Output,
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
    #[command(flatten)]
    pub output: Output,
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
        #[command(flatten)]
        output: Output,
    },
    /// Show a record, all that name a hop or a ticket, or all of a task or an agent.
    Show {
        #[command(flatten)]
        folder: Folder,
        /// A sequence number, the id of a hop, a ticket or a task, or `agent:NAME`.
        #[arg(long)]
        id: String,
        /// The first record to look at.
        #[arg(long, default_value_t = 1, value_name = "SEQUENCE")]
        from: u64,
        /// How many to show; what became of a hop is shown with it and not counted.
        #[arg(long, default_value_t = 200, value_name = "RECORDS", value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
        #[command(flatten)]
        output: Output,
    },
    /// Check the record against itself, offline.
    Verify {
        #[command(flatten)]
        folder: Folder,
        #[command(flatten)]
        output: Output,
    },
    /// Erase payloads for good: those of a task that has ended, or all that were kept before a day.
    Erase {
        #[command(flatten)]
        folder: Folder,
        /// The task.
        #[arg(long, conflicts_with = "before", required_unless_present = "before")]
        task: Option<String>,
        /// The first day (UTC) whose payloads stay, `2026-11-23`.
        #[arg(long, value_name = "DAY")]
        before: Option<String>,
        /// Why.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        by: As,
        #[command(flatten)]
        output: Output,
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
    /// Measure messages through this NATS server too, which asks for no key and keeps streams.
    #[arg(long, value_name = "URL")]
    pub nats: Option<String>,
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
    /// (d) Messages between agents.
    Messages,
}

#[derive(Debug, Args)]
pub struct Eval {
    #[command(subcommand)]
    pub of: EvalOf,
}

#[derive(Debug, Subcommand)]
pub enum EvalOf {
    /// Replay recorded runs through the path, and score what becomes of their calls.
    #[command(after_help = "\
Each run is replayed as if it were live, on a record of its own: the person's
words open a task, calls and results are hops. What is held is approved, so that
the run goes on as it was recorded, and counts as held.

A row is a JSON object with `id`, `suite`, `prompt`, `messages` and `calls`; what
is known of it beside that (`kind`, `attack_sets`, `utility_calls`, …) is for the
scores alone.")]
    Traces(EvalTraces),
}

#[derive(Debug, Args)]
pub struct EvalTraces {
    /// Files of recorded runs: JSON Lines, plain or compressed with zstd (`.zst`).
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The folder with a deployment for each suite.
    #[arg(long, value_name = "DIR", default_value = "examples/eval", conflicts_with = "deployment")]
    pub deployments: PathBuf,
    /// One deployment for all suites.
    #[arg(long, value_name = "DIR")]
    pub deployment: Option<PathBuf>,
    /// Whether texts are searched for injections, credentials and the like.
    #[arg(long, value_enum, default_value = "declared")]
    pub detection: EvalDetection,
    /// Leave out runs that something defended while they were recorded.
    #[arg(long)]
    pub undefended: bool,
    /// Write what became of each call, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    pub decisions: Option<PathBuf>,
    #[command(flatten)]
    pub output: Output,
}

/// Whether texts are searched while runs are replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum EvalDetection {
    /// As the deployment has it.
    Declared,
    /// Whatever the deployment switched off.
    On,
    /// Not at all.
    Off,
}

#[derive(Debug, Args)]
pub struct Completions {
    /// The shell.
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub struct DemoServer {
    /// Which one.
    pub server: String,
    /// The folder that holds its data.
    #[arg(long)]
    pub data: PathBuf,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// Speaks another format, or is for nobody who types.
    const WITHOUT_JSON: [&str; 5] = ["mcp", "completions", "export", "schema", "help"];

    #[test]
    fn every_command_explains_itself_within_80_columns_and_can_answer_in_json() {
        let mut whole = Cli::command();
        whole.build();
        let mut seen = 0;
        for command in whole.get_subcommands_mut().filter(|command| !command.is_hide_set()) {
            let name = command.get_name().to_owned();
            assert!(name == "help" || command.get_after_help().is_some(), "`{name}` gives no example");
            let orders: Vec<_> = command.get_subcommands().map(|order| order.get_name().to_owned()).collect();
            if orders.is_empty() {
                check(command, &name);
            }
            for order in orders {
                check(command.find_subcommand_mut(&order).expect("it was just named"), &format!("{name} {order}"));
            }
            seen += 1;
        }
        assert!(seen > 10, "{seen} commands");
    }

    fn check(command: &mut clap::Command, name: &str) {
        let json = command.get_arguments().any(|argument| argument.get_id() == "json");
        assert!(
            json || WITHOUT_JSON.contains(&command.get_name()) || name.contains("help"),
            "`{name}` has no `--json`"
        );
        let help = command.render_long_help().to_string();
        for line in help.lines().filter(|line| !line.starts_with("Usage:")) {
            assert!(line.chars().count() <= 80, "`{name}` is wider than a terminal: {line}");
        }
    }
}
