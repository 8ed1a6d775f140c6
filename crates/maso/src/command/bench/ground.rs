//! The deployment that is measured: the smallest one, with a tool that needs nobody, and as many policies as wanted.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use maso_core::{Act, HopId, Principal, Timestamp, ToolRef, Turn};
use maso_identity::{AgentKey, AuthorityKey};
use maso_intent::{Deployment, Source, minimal, parse};
use maso_wire::{Arrival, Credential, Limits, Received, UnverifiedToken};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fault::Fault;

/// A folder for what is measured on disk; removed with everything in it at the end.
pub struct Ground(PathBuf);

impl Ground {
    /// A new folder where temporary files lie; `TMPDIR` chooses another disk.
    pub fn new() -> Result<Self, Fault> {
        let path = std::env::temp_dir().join(format!("maso-bench-{}", Uuid::now_v7().simple()));
        fs::create_dir(&path).map_err(|error| Fault::new(format!("cannot create `{}`", path.display()), error))?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A folder inside it that holds this deployment.
    pub fn declare(&self, name: &str, source: &Source) -> Result<PathBuf, Fault> {
        let folder = self.0.join(name);
        for (path, text) in &source.files {
            let path = folder.join(path);
            let parent = path.parent().unwrap_or(&folder);
            fs::create_dir_all(parent)
                .and_then(|()| fs::write(&path, text))
                .map_err(|error| Fault::new(format!("cannot write `{}`", path.display()), error))?;
        }
        Ok(folder)
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, folder = %self.0.display(), "what was measured on could not be removed");
        }
    }
}

/// Which hand-written policies lie beside the mandates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// One of them looks into the call's arguments; the others concern other agents, tools, servers and workflows.
    OneConcerns,
    /// Each of them names nobody and nothing, so that all of them must be asked about every call.
    AllConcern,
}

/// The deployment's text. Its tool server is reached at `server`.
pub fn source(server: &str) -> Source {
    let mut source = minimal();
    let mut change = |file: &str, from: &str, to: &str| {
        if let Some(text) = source.files.get_mut(file) {
            *text = text.replace(from, to);
        }
    };
    change("maso.toml", "tier = 1 ", "signing.required = false\ntier = 2 ");
    change(
        "workflows/notes.toml",
        r#"tools = ["notes:read_note", "#,
        r#"tools = ["notes:read_note", "notes:save_note", "#,
    );
    change("workflows/notes.toml", "max_transactions_per_batch = 100", "max_transactions_per_batch = 1000000000");
    change("agents/writer.toml", "escalation = ", "calls_per_hour_max = 1000000000\nescalation = ");
    change("agents/writer.toml", "[oispec]", AGENT);
    change(
        "tools/notes.toml",
        "kind = \"stdio\"\ncommand = \"notes-server\"",
        &format!("kind = \"http\"\nurl = \"{server}\""),
    );
    let tools = source.files.entry("tools/notes.toml".to_owned()).or_default();
    tools.push_str(TOOL);
    let definitions = serde_json::to_string_pretty(&definitions()).expect("a list of objects is JSON");
    source.files.insert("tools/notes.lock.json".to_owned(), definitions);
    source
}

/// The same with a second agent, which the first may tell things.
pub fn fleet() -> Source {
    let mut source = source("http://127.0.0.1:9/mcp");
    let mut change = |file: &str, from: &str, to: &str| {
        if let Some(text) = source.files.get_mut(file) {
            *text = text.replace(from, to);
        }
    };
    change("workflows/notes.toml", r#"agents = ["writer"]"#, r#"agents = ["writer", "listener"]"#);
    change("workflows/notes.toml", "[oispec]", CHANNEL);
    source.files.insert("agents/listener.toml".to_owned(), LISTENER.to_owned());
    source
}

/// The same with this many hand-written policies.
pub fn source_under(n_policies: usize, spread: Spread) -> Source {
    let mut source = source("http://127.0.0.1:9/mcp");
    let policies: Vec<_> = (0..n_policies).map(|n| policy(n, spread)).collect();
    for (n, file) in policies.chunks(POLICIES_PER_FILE).enumerate() {
        source.files.insert(format!("policies/generated-{n}.cedar"), file.concat());
    }
    source
}

/// The same with this many temporal rules. The first counts calls like the measured one and sums nothing that is there;
/// the others concern other tools, agents and servers.
pub fn with_rules(mut source: Source, n_rules: usize) -> Source {
    let rules: Vec<_> = (0..n_rules).map(rule).collect();
    for (n, file) in rules.chunks(POLICIES_PER_FILE).enumerate() {
        source.files.insert(format!("rules/generated-{n}.toml"), file.concat());
    }
    source
}

fn rule(n: usize) -> String {
    let event = match n {
        0 => format!("tools = [\"{TOOL_NAME}\"]"),
        n if n % 3 == 0 => format!("agents = [\"agent-{n}\"]"),
        n if n % 3 == 1 => format!("tools = [\"server-{n}:tool\"]"),
        _ => format!("tools = [\"server-{n}:*\"]"),
    };
    format!(
        "[events.call-{n}]\n{event}\n[[rule]]\nid = \"rule-{n}\"\ncontrol = \"EC-2.3\"\nper = \"workflow\"\n\
         forbid = \"call-{n}\"\nunless = \"count of call-{n} within 24h is at most 10000 and distinct /to of call-{n} is at most 9\"\n"
    )
}

/// Reads a deployment that this module wrote.
pub fn deployment(source: &Source) -> Result<Deployment, Fault> {
    parse(source).map_err(|problems| {
        let first = problems.iter().next().map_or_else(String::new, |problem| problem.message.clone());
        Fault::plain(format!("the deployment that is measured does not parse: {first}"))
    })
}

fn policy(n: usize, spread: Spread) -> String {
    let mut text = String::new();
    let scope = match (spread, n) {
        (Spread::OneConcerns, 0) => {
            return r#"forbid (principal, action == Action::"call_tool", resource == Tool::"notes:save_note")
unless { context.text.hasTag("/to") && context.text.getTag("/to") like "*@notes.example" };
"#
            .to_owned();
        }
        (Spread::AllConcern, _) => "principal, action, resource".to_owned(),
        (Spread::OneConcerns, n) => match n % 4 {
            0 => format!(r#"principal == Agent::"agent-{n}", action, resource"#),
            1 => format!(r#"principal, action == Action::"call_tool", resource == Tool::"server-{n}:tool""#),
            2 => format!(r#"principal in Workflow::"workflow-{n}", action, resource"#),
            _ => format!(r#"principal, action == Action::"call_tool", resource in Server::"server-{n}""#),
        },
    };
    writeln!(text, "forbid ({scope}) when {{ context.risk_level > {} }};", 1 + n % 3).expect("a string takes text");
    text
}

/// The definitions that the tool server publishes, all of them approved.
pub fn definitions() -> Value {
    let schema = |fields: &[&str]| {
        let properties: serde_json::Map<_, _> =
            fields.iter().map(|field| ((*field).to_owned(), json!({ "type": "string" }))).collect();
        json!({ "type": "object", "properties": properties, "required": fields, "additionalProperties": false })
    };
    json!([
        { "name": "read_note", "description": "Reads a note.", "inputSchema": schema(&["note"]) },
        { "name": "save_note", "description": "Keeps a text for a colleague.", "inputSchema": schema(&["to", "text"]) },
        { "name": "send_note", "description": "Sends a text to a colleague.", "inputSchema": schema(&["to", "text"]) },
    ])
}

/// The 2 KiB arguments of the call that is measured: an address that carries authority, and prose.
pub fn arguments() -> Value {
    let mut text = String::new();
    let mut state: u32 = 7;
    while text.len() < TEXT_BYTES {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.push_str(WORDS[(state >> 16) as usize % WORDS.len()]);
        text.push(if state >> 28 == 0 { '\n' } else { ' ' });
    }
    json!({ "to": RECIPIENT, "text": text.trim_end() })
}

/// The call that is measured: reversible and of low risk, so that it waits for nobody, and no read, so that it waits
/// for the disk.
pub fn call(id: HopId, at: Timestamp, credential: Credential, arguments: &[u8]) -> Result<Received, Fault> {
    let tool: ToolRef = TOOL_NAME.parse().expect("the name is a tool's");
    let arrival = Arrival { id, at, credential, task: None, to: Principal::Server(tool.server.clone()) };
    Received::from_bytes(arrival, Act::CallTool(tool), Turn::Ask, arguments, &Limits::DEFAULT)
        .map_err(|malformed| Fault::new("the call that is measured is malformed", malformed))
}

/// An agent with its key and a token that is bound to it.
pub struct Caller {
    key: AgentKey,
    token: String,
    url: String,
}

impl Caller {
    /// The agent that calls `url`.
    pub fn new(deployment: &Deployment, authority: &AuthorityKey, url: String, now: Timestamp) -> Result<Self, Fault> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| Fault::new("cannot draw randomness", error))?;
        let key = AgentKey::from_seed(seed);
        let agent = maso_core::SpiffeId {
            trust_domain: deployment.trust_domain.clone(),
            agent: AGENT_NAME.parse().expect("the name is an agent's"),
        };
        let token = authority.issue_agent_token(&agent, Some(&key.thumbprint()), Uuid::now_v7(), now, TOKEN_MS);
        Ok(Self { key, token, url })
    }

    /// The token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// A fresh proof for one call.
    pub fn proof(&self, now: Timestamp) -> String {
        self.key.prove("POST", &self.url, &self.token, Uuid::new_v4(), now)
    }

    /// What one call shows.
    pub fn credential(&self, now: Timestamp) -> Credential {
        Credential::Bound {
            token: UnverifiedToken::new(&self.token),
            proof: UnverifiedToken::new(self.proof(now)),
            method: "POST".to_owned(),
            url: self.url.clone(),
        }
    }
}

/// The agent of the deployment.
pub const AGENT_NAME: &str = "writer";
/// The agent that is told things.
pub const LISTENER_NAME: &str = "listener";
/// As what it is told them.
pub const CONTRACT: &str = "sighting";
/// A moment at which everything that is measured counts.
pub const MIDDAY: Timestamp = Timestamp::from_millis(1_800_000_000_000);
/// The tool that is called.
pub const TOOL_NAME: &str = "notes:save_note";
/// Whom the call is about.
pub const RECIPIENT: &str = "person-3@notes.example";

const AGENT: &str = r#"[tools."notes:save_note"]
justification = "a note is kept before it is sent"
[tools."notes:save_note".bounds]
"/to" = { one_of = ["person-3@notes.example", "person-4@notes.example"] }

[oispec]"#;

const CHANNEL: &str = r#"[[messages]]
from = "writer"
to = "listener"
contract = "sighting"
schema = { type = "object", required = ["note"], additionalProperties = false, properties = { note = { type = "string" } } }

[oispec]"#;

const LISTENER: &str = r#"id = "AGT-0002-v1"
workflow = "notes"
intent = "hear of notes"
outcome = "it knows of them"
logic = ["listen"]
escalation = "owner"

[oispec]
goal = "know of each note"
success_criteria = ["each note was heard of"]
failure_criteria = ["a note was not"]
risk_classification = "low"
"#;

const TOOL: &str = r#"
[tools.save_note]
class = "write"
reversibility = "reversible"
risk = "low"

[tools.save_note.authority]
"/to" = { role = "recipient", integrity_min = "verified" }
"#;

const WORDS: [&str; 40] = [
    "the",
    "claim",
    "was",
    "made",
    "after",
    "water",
    "came",
    "through",
    "ceiling",
    "and",
    "damaged",
    "floor",
    "of",
    "kitchen;",
    "a",
    "plumber",
    "found",
    "that",
    "one",
    "joint",
    "under",
    "bath",
    "had",
    "worn",
    "out.",
    "Repair",
    "took",
    "two",
    "days,",
    "for",
    "which",
    "an",
    "invoice",
    "is",
    "enclosed,",
    "with",
    "photographs",
    "from",
    "before",
    "afterwards.",
];
const TEXT_BYTES: usize = 2_000;
const POLICIES_PER_FILE: usize = 1_000;
const TOKEN_MS: u64 = 3_600_000;
