//! A deployment folder, the program that serves it, and the operator who gives it orders.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use futures::StreamExt as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use crate::server;

/// The program under test.
pub const MASO: &str = env!("CARGO_BIN_EXE_maso");

/// A change of a file of the deployment: the file, what stands there, what is to stand there. Where nothing stands, the
/// file is new, or grows at its end.
pub type Edit = (&'static str, &'static str, &'static str);

/// What may differ from one deployment to the next.
#[derive(Clone)]
pub struct Wanted {
    /// Controls that are switched off.
    pub deselected: Vec<&'static str>,
    /// What else is declared differently.
    pub edits: Vec<Edit>,
    /// How long a request stays open that waits for a person.
    pub hold_open: &'static str,
    /// How long a person may take.
    pub wait: &'static str,
    /// How many blocks a breaker takes.
    pub blocks_max: u32,
}

impl Default for Wanted {
    fn default() -> Self {
        let (hold_open, wait) = ("50s", "15m");
        Self { deselected: Vec::new(), edits: Vec::new(), hold_open, wait, blocks_max: 1_000_000 }
    }
}

/// A deployment folder with the data of its tool server.
pub struct Deployment {
    folder: TempDir,
}

impl Deployment {
    pub fn new(wanted: &Wanted) -> Self {
        let folder = TempDir::new().unwrap();
        let deployment = Self { folder };
        for (name, text) in files(wanted, &deployment.data()) {
            let path = deployment.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        for edit in &wanted.edits {
            deployment.edit(*edit);
        }
        fs::create_dir_all(deployment.data().join("notes")).unwrap();
        deployment
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Changes a file.
    pub fn edit(&self, (name, old, new): Edit) {
        let path = self.path().join(name);
        let text = fs::read_to_string(&path).unwrap_or_default();
        let text = if old.is_empty() {
            text + new
        } else {
            assert!(text.contains(old), "`{old}` is not in {name}");
            text.replace(old, new)
        };
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The key that wraps those of payloads on the record.
    pub fn payload_key(&self) -> [u8; 32] {
        let digits = fs::read_to_string(self.path().join(".maso/payload.key")).unwrap();
        hex::decode(digits).unwrap().try_into().unwrap()
    }

    /// The folder of the tool server.
    pub fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// What a tool will return.
    pub fn put_note(&self, name: &str, text: &str) {
        fs::write(self.data().join("notes").join(name), text).unwrap();
    }

    /// What the server publishes from its next start on.
    pub fn publish(&self, tools: &Value) {
        fs::write(self.data().join("tools.json"), tools.to_string()).unwrap();
    }

    /// Which definitions a person has approved.
    pub fn approve(&self, tools: &Value) {
        fs::write(self.path().join("tools/notes.lock.json"), tools.to_string()).unwrap();
    }

    /// What really happened.
    pub fn effects(&self) -> Vec<Value> {
        server::effects(&self.data())
    }

    /// Runs a command of the program on this deployment.
    pub async fn run(&self, args: &[&str]) -> Output {
        Command::new(MASO).args(args).arg(self.path()).stdin(Stdio::null()).output().await.unwrap()
    }

    /// The record, one value for each entry.
    pub async fn record(&self) -> Vec<Value> {
        let exported = self.run(&["log", "export"]).await;
        assert!(exported.status.success(), "{exported:?}");
        exported.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(parsed).collect()
    }

    /// The bodies of records of one kind.
    pub async fn bodies(&self, kind: &str) -> Vec<Value> {
        let body = |record: Value| record.get("body").cloned().unwrap_or(record);
        self.record().await.into_iter().map(body).filter(|body| body["kind"] == kind).collect()
    }

    /// Panics unless the record verifies.
    pub async fn verify(&self) {
        let verified = self.run(&["log", "verify", "--json"]).await;
        let said = String::from_utf8_lossy(&verified.stdout);
        assert!(verified.status.success(), "the record does not verify: {said}");
    }

    /// Serves it.
    pub async fn up(&self) -> Up {
        self.start().ready().await
    }

    /// Starts to serve it.
    pub fn start(&self) -> Starting {
        let child = Command::new(MASO)
            .args(["up", "--listen", "127.0.0.1:0"])
            .arg(self.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Starting { child }
    }
}

/// The program, not yet serving.
pub struct Starting {
    child: Child,
}

impl Starting {
    /// Kills it as a power cut would, when it has used the processor for about so many microseconds.
    pub async fn kill(mut self, busy_us: usize) {
        let stat = format!("/proc/{}/schedstat", self.child.id().unwrap());
        let busy = || fs::read_to_string(&stat).ok().and_then(|text| text.split(' ').next()?.parse::<usize>().ok());
        while busy().is_some_and(|nanos| nanos / 1_000 < busy_us) && self.child.try_wait().unwrap().is_none() {
            tokio::task::yield_now().await;
        }
        self.child.kill().await.unwrap();
    }

    async fn ready(mut self) -> Up {
        let mut lines = BufReader::new(self.child.stdout.take().unwrap()).lines();
        let mut secure = None;
        let link = loop {
            let line = lines.next_line().await.unwrap().expect("the program serves until it is told to stop");
            if let Some((_, url)) = line.split_once("  tls      ") {
                secure = Some(url.trim().to_owned());
            }
            if let Some((_, link)) = line.split_once("http://").filter(|(_, rest)| rest.contains("#link=")) {
                break link.to_owned();
            }
        };
        let (address, token) = (link.split('/').next().unwrap(), link.split("#link=").nth(1).unwrap());
        let (address, link) = (address.parse().unwrap(), token.trim().to_owned());
        Up { address, secure, link, child: self.child, _lines: lines }
    }
}

fn parsed(line: &[u8]) -> Value {
    serde_json::from_slice(line).unwrap()
}

/// The program, serving.
pub struct Up {
    pub address: SocketAddr,
    /// How it is reached over TLS, if it is.
    pub secure: Option<String>,
    link: String,
    pub child: Child,
    // Kept open: the program may still have something to say.
    _lines: Lines<BufReader<ChildStdout>>,
}

impl Up {
    /// Signs the accountable human in, once.
    pub async fn operator(&self) -> Operator {
        let http = reqwest::Client::new();
        let base = format!("http://{}", self.address);
        let order = json!({ "means": "link", "token": self.link });
        let session = http.post(format!("{base}/api/v1/session")).json(&order).send().await.unwrap();
        assert!(session.status().is_success(), "{}", session.text().await.unwrap());
        let session: Value = session.json().await.unwrap();
        Operator { http, base, token: session["token"].as_str().unwrap().to_owned() }
    }

    /// What it holds of the machine now.
    pub fn usage(&self) -> Usage {
        Usage::of(&self.child)
    }

    /// Kills it as a power cut would.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Asks it to stop.
    pub async fn ask_to_stop(&self) {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().await.unwrap().success());
    }

    /// Asks it to stop, and waits until it has.
    pub async fn stop(self) {
        self.ask_to_stop().await;
        self.has_stopped().await;
    }

    /// Waits until it has stopped.
    pub async fn has_stopped(mut self) {
        assert!(self.child.wait().await.unwrap().success());
    }
}

/// What a process holds of the machine.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    resident_bytes: u64,
    n_descriptors: usize,
    n_children: usize,
}

impl Usage {
    pub fn of(child: &Child) -> Self {
        let process = PathBuf::from(format!("/proc/{}", child.id().unwrap()));
        let status = fs::read_to_string(process.join("status")).unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let resident_kib: u64 = resident.trim().trim_end_matches(" kB").trim().parse().unwrap();
        let threads = fs::read_dir(process.join("task")).unwrap().map(|thread| thread.unwrap().path());
        let children = threads.map(|thread| fs::read_to_string(thread.join("children")).unwrap_or_default());
        Self {
            resident_bytes: resident_kib * 1024,
            n_descriptors: fs::read_dir(process.join("fd")).unwrap().count(),
            n_children: children.map(|children| children.split_whitespace().count()).sum(),
        }
    }

    /// Panics if there is more now than allocators, pools and a server that is just being let go of explain.
    pub fn has_not_grown_since(self, before: Self) {
        let Self { resident_bytes, n_descriptors, n_children } = before;
        assert!(self.resident_bytes < resident_bytes + GROWTH_BYTES_MAX, "memory: {before:?}, then {self:?}");
        assert!(self.n_descriptors <= n_descriptors + GROWTH_DESCRIPTORS_MAX, "descriptors: {before:?}, then {self:?}");
        assert!(self.n_children <= n_children + GROWTH_CHILDREN_MAX, "children: {before:?}, then {self:?}");
    }
}

const GROWTH_BYTES_MAX: u64 = 64 << 20;
const GROWTH_DESCRIPTORS_MAX: usize = 24;
const GROWTH_CHILDREN_MAX: usize = 3;

/// A person who is signed in.
pub struct Operator {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Operator {
    /// A bearer token of an agent.
    pub async fn token(&self, agent: &str, thumbprint: Option<&str>) -> String {
        let order = json!({ "thumbprint": thumbprint });
        let issued = self.post(&format!("/api/v1/agents/{agent}/tokens"), &order).await;
        issued["token"].as_str().unwrap().to_owned()
    }

    /// The first ticket that comes to be in this state, from the beginning of the record on.
    pub async fn ticket(&self, state: &str) -> Value {
        let wanted = if state == "open" { "hold" } else { state };
        self.event(|event| event["state"] == wanted || (event["decision"] == wanted && event["ticket"].is_string()))
            .await
    }

    /// The first event of which this is true, from the beginning of the record on.
    pub async fn event(&self, is_it: impl Fn(&Value) -> bool) -> Value {
        let request = self.http.get(format!("{}/api/v1/events", self.base)).header("last-event-id", "0");
        let response = request.bearer_auth(&self.token).send().await.unwrap();
        assert!(response.status().is_success());
        let (mut stream, mut text) = (response.bytes_stream(), String::new());
        while let Some(chunk) = stream.next().await {
            text.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
            while let Some((event, rest)) =
                text.split_once("\n\n").map(|(event, rest)| (event.to_owned(), rest.to_owned()))
            {
                text = rest;
                let Some(data) = event.lines().find_map(|line| line.strip_prefix("data:")) else { continue };
                let event: Value = serde_json::from_str(data.trim()).unwrap();
                // The event's kind stands beside its content or around it.
                if let Some(found) = around(&event).into_iter().find(|value| is_it(value)) {
                    return found.clone();
                }
            }
        }
        panic!("the stream of events ended");
    }

    /// Answers a ticket.
    pub async fn answer(&self, ticket: &Value, answer: &str) {
        assert!(self.try_answer(ticket, answer).await, "the answer to {ticket} is refused");
    }

    /// Answers a ticket, if it still takes an answer.
    pub async fn try_answer(&self, ticket: &Value, answer: &str) -> bool {
        let id = ticket["ticket"].as_str().unwrap();
        let shown = self.get(&format!("/api/v1/tickets/{id}")).await;
        let order = json!({ "action": shown["action"], "answer": answer, "reason": "test" });
        let request = self.http.post(format!("{}/api/v1/tickets/{id}", self.base)).bearer_auth(&self.token);
        request.json(&order).send().await.unwrap().status().is_success()
    }

    /// Opens a task that any agent may begin; gives its name and its token.
    pub async fn open_task(&self, words: &str) -> (String, String) {
        self.open_task_for(words, &["writer", "reader"]).await
    }

    /// Opens a task that these agents may begin; gives its name and its token.
    pub async fn open_task_for(&self, words: &str, agents: &[&str]) -> (String, String) {
        let opened = self.post("/v1/tasks", &json!({ "workflow": "notes", "words": words, "agents": agents })).await;
        (opened["task"]["task"].as_str().unwrap().to_owned(), opened["token"].as_str().unwrap().to_owned())
    }

    /// Closes a task.
    pub async fn close_task(&self, task: &str) {
        let request = self.http.delete(format!("{}/v1/tasks/{task}", self.base)).bearer_auth(&self.token);
        let response = request.json(&json!({ "reason": "done" })).send().await.unwrap();
        assert!(response.status().is_success(), "{}", response.text().await.unwrap());
    }

    /// Moves a scope to a phase.
    pub async fn move_phase(&self, scope: &str, to: &str) {
        self.post("/api/v1/posture", &json!({ "scope": scope, "to": to, "reason": "test" })).await;
    }

    pub async fn get(&self, path: &str) -> Value {
        let response = self.http.get(format!("{}{path}", self.base)).bearer_auth(&self.token).send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.status());
        response.json().await.unwrap()
    }

    /// The status that an order comes to.
    pub async fn try_post(&self, path: &str, order: &Value) -> u16 {
        let request = self.http.post(format!("{}{path}", self.base)).bearer_auth(&self.token).json(order);
        request.send().await.unwrap().status().as_u16()
    }

    pub async fn post(&self, path: &str, order: &Value) -> Value {
        let request = self.http.post(format!("{}{path}", self.base)).bearer_auth(&self.token).json(order);
        let response = request.send().await.unwrap();
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }
}

fn around(event: &Value) -> Vec<&Value> {
    let mut values = vec![event];
    if let Some(members) = event.as_object() {
        values.extend(members.values().filter(|member| member.is_object()));
    }
    values
}

fn files(wanted: &Wanted, data: &Path) -> Vec<(&'static str, String)> {
    let (program, args) = server::command();
    let args = serde_json::to_string(&args).unwrap();
    let deselected: String = wanted
        .deselected
        .iter()
        .map(|control| {
            format!("[[controls.deselected]]\ncontrol = \"{control}\"\nreason = \"the other half of a pair\"\nowner = \"owner\"\n")
        })
        .collect();
    let Wanted { hold_open, wait, blocks_max, .. } = wanted;
    let maso = format!(
        r#"name = "notes"
trust_domain = "notes.example"
tier = 1
accountable_human = "owner"

[limits]
calls_per_hour_max = 1000000
held_actions_max = 1000000

[approvals]
hold_open = "{hold_open}"
[approvals.wait]
low = "{wait}"
medium = "{wait}"
high = "{wait}"
critical = "{wait}"

[breakers]
blocks_max = {blocks_max}
judge_blocks_max = 1000000

[identity]
bearer_on_loopback = true

[signing]
required = false

[[operators]]
name = "owner"
roles = ["operator", "supervisor", "security", "incident-commander"]

{deselected}"#
    );
    let manifest = format!(
        r#"label = {{ integrity = "external", confidentiality = "internal" }}

[transport]
kind = "stdio"
command = "{program}"
args = {args}
env = {{ {variable} = {data} }}

[tools.read_note]
class = "read"
reversibility = "reversible"
risk = "low"

[tools.write_note]
class = "write"
reversibility = "reversible"
risk = "low"

[tools.send_mail]
class = "send"
reversibility = "irreversible"
risk = "low"
[tools.send_mail.authority]
"/to" = {{ role = "recipient", integrity_min = "internal", below = "deny" }}

[tools.pay]
class = "transfer"
reversibility = "irreversible"
risk = "high"

[tools.secret_tool]
class = "read"
reversibility = "reversible"
risk = "low"

[tools.misbehave]
class = "read"
reversibility = "reversible"
risk = "low"
"#,
        variable = server::FOLDER,
        data = serde_json::to_string(&data.to_string_lossy()).unwrap(),
    );
    vec![
        ("maso.toml", maso),
        ("tools/notes.toml", manifest),
        ("tools/notes.lock.json", serde_json::to_string_pretty(&server::tools()).unwrap()),
        ("workflows/notes.toml", WORKFLOW.to_owned()),
        ("agents/writer.toml", AGENT.replace("{position}", "1") + WRITER),
        ("agents/reader.toml", AGENT.replace("{position}", "2") + READER),
    ]
}

/// Payments can be tried out.
pub const TRIED_OUT: Edit = ("tools/notes.toml", "risk = \"high\"", "risk = \"high\"\ndry_run.argument = \"dry_run\"");

const WORKFLOW: &str = r#"id = "SOL-0001-v1"
business_process = "notes"
intent = "keep notes"
outcome = "notes are kept"
agents = ["writer", "reader"]
tools = ["notes:read_note", "notes:write_note", "notes:send_mail", "notes:pay"]
process_owner = "owner"
technical_owner = "owner"
approved_by = ["owner"]
effective_date = "2026-01-01"
review_date = "2099-12-31"

[limits]
max_transactions_per_batch = 1000000
max_execution = "24h"
max_value_minor = 100000000

[constants]
office = "office@notes.example"

[oispec]
goal = "keep notes"
success_criteria = [{ id = "kept", text = "each note is kept as it was given" }]
failure_criteria = ["a note is changed"]
risk_classification = "medium"
"#;

const AGENT: &str = r#"id = "AGT-000{position}-v1"
workflow = "notes"
sequence_position = {position}
intent = "keep notes"
outcome = "notes are kept"
logic = ["read", "write"]
escalation = "owner"
clearance = "confidential"

[oispec]
goal = "keep notes"
success_criteria = ["each note is kept as it was given"]
failure_criteria = ["a note is changed"]
risk_classification = "medium"
covers = ["kept"]
"#;

const WRITER: &str = r#"
[tools."notes:read_note"]
[tools."notes:write_note"]
justification = "keeping notes"
[tools."notes:send_mail"]
justification = "telling the office"
[tools."notes:pay"]
justification = "paying for paper"
[tools."notes:pay".bounds]
"/amount" = { at_most = 10000 }
"#;

const READER: &str = r#"
[tools."notes:read_note"]
"#;
