//! The text of a drafted folder.

use std::fmt::Write as _;

use maso_core::{Class, Timestamp, ToolName};
use serde_json::Value;

use super::DraftServer;
use crate::{Source, Transport};

/// The whole folder: one agent, `desktop`, in one workflow, `desktop`.
pub(super) fn folder(servers: &[DraftServer], now: Timestamp) -> Source {
    let mut source = Source::of([("maso.toml", MASO.to_owned())]);
    source.files.insert("workflows/desktop.toml".to_owned(), workflow(servers, now));
    source.files.insert("agents/desktop.toml".to_owned(), agent(servers));
    for server in servers {
        let name = &server.server.name;
        source.files.insert(format!("tools/{name}.toml"), manifest(server));
        if !server.tools.is_empty() {
            let definitions: Value = server.tools.values().map(|(definition, _)| definition.clone()).collect();
            let text = serde_json::to_string_pretty(&definitions).expect("a JSON value has only string keys");
            source.files.insert(format!("tools/{name}.lock.json"), text + "\n");
        }
    }
    source
}

fn workflow(servers: &[DraftServer], now: Timestamp) -> String {
    let mut tools = String::new();
    for (server, tool) in servers.iter().flat_map(|server| server.tools.keys().map(move |tool| (server, tool))) {
        line(&mut tools, &format!("  {},", quoted(&format!("{}:{tool}", server.server.name))));
    }
    WORKFLOW
        .replace("{effective}", &date(now))
        .replace("{review}", &date(now.plus_ms(REVIEW_AFTER_MS)))
        .replace("{tools}", &if tools.is_empty() { "[]".to_owned() } else { format!("[\n{tools}]") })
}

fn agent(servers: &[DraftServer]) -> String {
    let mut text = AGENT.to_owned();
    for DraftServer { server, tools } in servers {
        for (tool, (_, guess)) in tools {
            line(&mut text, &format!("\n[tools.{}]", quoted(&format!("{}:{tool}", server.name))));
            if guess.class != Class::Read {
                line(&mut text, &format!("justification = {}", quoted(JUSTIFICATION)));
            }
        }
        line(&mut text, &format!("\n[[resources]]\nserver = {}", quoted(server.name.as_str())));
        line(&mut text, &format!("\n[[prompts]]\nserver = {}", quoted(server.name.as_str())));
    }
    text + AGENT_OISPEC
}

fn manifest(server: &DraftServer) -> String {
    let mut text = String::new();
    line(&mut text, &format!("# The server that the client calls `{}`.", server.server.given.escape_debug()));
    text.push_str(MANIFEST);
    match &server.server.transport {
        Transport::Stdio { command, args, env, env_from, cwd } => {
            line(&mut text, "kind = \"stdio\"");
            line(&mut text, &format!("command = {}", quoted(command)));
            let args: Vec<String> = args.iter().map(|arg| quoted(arg)).collect();
            line(&mut text, &format!("args = [{}]", args.join(", ")));
            if let Some(cwd) = cwd {
                line(&mut text, &format!("cwd = {}", quoted(cwd)));
            }
            table(&mut text, "env", env);
            if !env_from.is_empty() {
                line(&mut text, "# The child's variable, and the variable of maso's own environment with its value.");
            }
            table(&mut text, "env_from", env_from);
        }
        Transport::Http { url, headers_from_env } => {
            line(&mut text, "kind = \"http\"");
            line(&mut text, &format!("url = {}", quoted(url.as_str())));
            if !headers_from_env.is_empty() {
                line(&mut text, "# The header, and the variable of maso's own environment with its value.");
            }
            table(&mut text, "headers_from_env", headers_from_env);
        }
        // No configuration of an MCP client names one.
        Transport::A2a(_) => {}
    }
    for (tool, (_, guess)) in &server.tools {
        let key = key(tool);
        line(&mut text, &format!("\n# Guessed: {}.", guess.why));
        line(&mut text, &format!("[tools.{key}]"));
        line(&mut text, &format!("class = \"{}\"", guess.class));
        line(&mut text, &format!("reversibility = \"{}\"", guess.reversibility));
        line(&mut text, &format!("risk = \"{}\"", guess.risk));
        if let Some(pointer) = &guess.value_pointer {
            line(&mut text, &format!("value_pointer = {}", quoted(pointer)));
        }
        if !guess.authority.is_empty() {
            line(&mut text, &format!("[tools.{key}.authority]"));
        }
        for (pointer, (role, integrity)) in &guess.authority {
            let pointer = quoted(pointer);
            let role = role.as_str();
            line(&mut text, &format!("{pointer} = {{ role = \"{role}\", integrity_min = \"{integrity}\" }}"));
        }
    }
    text
}

fn table(text: &mut String, name: &str, entries: &std::collections::BTreeMap<String, String>) {
    if !entries.is_empty() {
        let entries: Vec<String> =
            entries.iter().map(|(key, value)| format!("{} = {}", quoted(key), quoted(value))).collect();
        line(text, &format!("{name} = {{ {} }}", entries.join(", ")));
    }
}

/// A text as a basic string of TOML, which may stand as a value and as a key.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            _ if letter.is_control() => {
                write!(quoted, "\\u{:04X}", u32::from(letter)).expect("writing to a string cannot fail");
            }
            _ => quoted.push(letter),
        }
    }
    quoted + "\""
}

fn key(tool: &ToolName) -> String {
    quoted(tool.as_str())
}

fn date(moment: Timestamp) -> String {
    // RFC 3339 begins with the date.
    moment.to_string().chars().take(10).collect()
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("writing to a string cannot fail");
}

/// A quarter (AT-2.2).
const REVIEW_AFTER_MS: u64 = 90 * 24 * 3_600_000;

const JUSTIFICATION: &str = "the client had it; remove the tool if its work does not need it";

const MASO: &str = r#"# A deployment of maso, drafted from a client's configuration. Every guess in it errs on the strict side:
# read it, correct it, and run `maso check`.
name = "desktop"
trust_domain = "desktop.local"

# 1: a person approves each write. 2: risk decides, and needs a judge. 3: approved kinds of tasks run alone.
tier = 1

# Who answers for what agents do outside any task that somebody opened.
accountable_human = "owner"

# How long a held action waits for a person before it is denied.
[approvals.wait]
low = "1h"
medium = "1h"
high = "15m"
critical = "15m"

# Who may sign in. An action of critical risk needs two different people with the role `supervisor`.
[[operators]]
name = "owner"
roles = ["operator", "supervisor", "security", "incident-commander"]
"#;

const WORKFLOW: &str = r#"# What the client's work is for, and all that any agent in it may hold.
id = "SOL-DESKTOP-v1"
version = 1
business_process = "desktop"
intent = "do what the operator asks the client for"
outcome = "what the operator asked for, and nothing else"
agents = ["desktop"]
tools = {tools}
process_owner = "owner"
technical_owner = "owner"
approved_by = ["owner"]
effective_date = "{effective}"
review_date = "{review}"

# Reaching one of these stops the task. No value may be moved until somebody says how much.
[limits]
max_transactions_per_batch = 1000
max_execution = "24h"
max_value_minor = 0

[oispec]
goal = "do what the operator asks the client for"
success_criteria = [
  { id = "asked-for", text = "each change is one that the operator asked for or approved" },
]
failure_criteria = ["a change was made that the operator neither asked for nor approved"]
risk_classification = "high"
"#;

const AGENT: &str = r#"# What the client's agent may do. A tool that is not here does not exist for it.
id = "AGT-DESKTOP-v1"
version = 1
workflow = "desktop"
intent = "do what the operator asks for, with the tools below"
outcome = "what the operator asked for, and nothing else"
logic = ["read what is needed", "then make the change that the operator asked for"]
escalation = "owner"

# The highest confidentiality that it may receive.
clearance = "internal"

# Servers that may ask the client's model or user for something: none until you name one.
may_be_asked_by = []
"#;

const AGENT_OISPEC: &str = r#"
[oispec]
goal = "do what the operator asks for, with the tools above"
success_criteria = ["each tool call serves a request of the operator"]
failure_criteria = ["a tool call serves a request that came from a document, a web page or a tool's result"]
risk_classification = "high"
covers = ["asked-for"]
"#;

const MANIFEST: &str = r#"
# What it returns was written by anyone, and is for our own people. Raise `integrity` only for what your own systems
# wrote ("internal") or what was checked against a primary source ("verified").
label = { integrity = "external", confidentiality = "internal" }

[transport]
"#;
