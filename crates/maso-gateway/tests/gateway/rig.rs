//! A deployment with a fixture for a server, a path over a temporary record, and clients that speak raw frames.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use futures::StreamExt as _;
use maso_bus::InProcess;
use maso_core::{AgentName, Mode, SpiffeId, TicketId, Timestamp};
use maso_gateway::{Doors, Gateway, Parts, router, serve_stdio};
use maso_guard::Scanner;
use maso_identity::{AuthorityKey, Trust, TrustSettings};
use maso_intent::{OpenTask, Source, TaskSpec};
use maso_judge::Panel;
use maso_log::v1::{Body, Killed, Revoked, TaskClosed, TicketAnswered, ToolApproved};
use maso_path::{Clock, Ids as _, Path, Signers, Sources, SystemClock, SystemIds, write_task};
use maso_seal::LocalKey;
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines},
    net::TcpListener,
    task::JoinHandle,
};

use crate::fixture;

/// When servers are met.
#[derive(Clone, Copy, PartialEq)]
enum Meets {
    First,
    Later,
}

pub struct Rig {
    pub gateway: Arc<Gateway>,
    pub path: Arc<Path>,
    pub address: SocketAddr,
    pub authority: AuthorityKey,
    clock: Arc<Ahead>,
    folder: Arc<TempDir>,
    bus: Arc<InProcess>,
}

/// The system's clock, put forward.
#[derive(Debug, Default)]
struct Ahead(AtomicU64);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus_ms(self.0.load(Ordering::SeqCst))
    }
}

impl Rig {
    pub async fn new() -> Self {
        Self::with(source, Meets::First).await
    }

    /// As [`Rig::new`], where a person approves each request of the writer to the reader.
    pub async fn holding_requests() -> Self {
        let rule = "[events.asking]\nrequests = [\"reader:check\"]\n\n\
                    [[rule]]\nid = \"a-person-looks\"\ncontrol = \"EC-2.3\"\nper = \"task\"\n\
                    because = \"a person looks at each\"\nhold = \"asking\"\n\
                    unless = \"count of asking within 24h is at most 0\"\n";
        let source = |folder: &std::path::Path| {
            let mut source = source(folder);
            source.files.insert("rules/rules.toml".into(), rule.to_owned());
            source
        };
        Self::with(source, Meets::First).await
    }

    /// As [`Rig::new`], with these limits.
    pub async fn limited(limits: &str) -> Self {
        let limits = format!("\n[limits]\n{limits}\n");
        let source = |folder: &std::path::Path| {
            let mut source = source(folder);
            source.files.get_mut("maso.toml").unwrap().push_str(&limits);
            source
        };
        Self::with(source, Meets::First).await
    }

    /// As [`Rig::new`], with this control switched off.
    pub async fn without(control: &str) -> Self {
        let off = format!("\n[[controls.deselected]]\ncontrol = {control:?}\nreason = \"shown\"\nowner = \"owner\"\n");
        let source = |folder: &std::path::Path| {
            let mut source = source(folder);
            source.files.get_mut("maso.toml").unwrap().push_str(&off);
            source
        };
        Self::with(source, Meets::First).await
    }

    /// As [`Rig::new`], where what is held keeps its request open for so long.
    pub async fn holding_open(hold_open: &str) -> Self {
        let hold_open = format!("hold_open = {hold_open:?}");
        let source = |folder: &std::path::Path| {
            let mut source = source(folder);
            let maso = source.files.get_mut("maso.toml").unwrap();
            *maso = maso.replace("hold_open = \"100ms\"", &hold_open);
            source
        };
        Self::with(source, Meets::First).await
    }

    /// As [`Rig::new`], with the server at this address.
    pub async fn over(url: &str) -> Self {
        Self::reaching(url, Meets::First).await
    }

    /// As [`Rig::new`], with an agent outside, `partner`, that may ask the reader to check notes, and to read words to it.
    pub async fn with_partner(push: &str) -> Self {
        let source = |folder: &std::path::Path| {
            let mut source = source(folder);
            let workflow = source.files.get_mut("workflows/notes.toml").unwrap();
            *workflow = workflow.replace("[\"writer\", \"reader\"]", "[\"writer\", \"reader\", \"partner\"]");
            for (request, part) in [("check", "note"), ("tell", "text")] {
                workflow.push_str(&format!(
                    "\n[[grants]]\nfrom = \"partner\"\nto = \"reader\"\nrequest = \"{request}\"\ntools = []\n\
                     schema = {{ type = \"object\", required = [\"{part}\"], additionalProperties = false, \
                     properties = {{ {part} = {{ type = \"string\" }} }} }}\n",
                ));
            }
            source.files.insert("agents/partner.toml".into(), PARTNER.replace("PUSH", push));
            source
        };
        Self::with(source, Meets::First).await
    }

    /// As [`Rig::new`], with the server `partner`: an agent outside with this transport, of which the writer may ask `quote`.
    pub async fn with_peer(transport: &str) -> Self {
        let transport = transport.to_owned();
        let source = |folder: &std::path::Path| {
            let mut source = source(folder);
            for (file, tools, granted) in [
                ("workflows/notes.toml", "tools = [", "tools = [\"partner:quote\", "),
                (
                    "agents/writer.toml",
                    "[tools.\"notes:read_note\"]",
                    "[tools.\"partner:quote\"]\n\n[tools.\"notes:read_note\"]",
                ),
            ] {
                let text = source.files.get_mut(file).unwrap();
                assert!(text.contains(tools), "{text}");
                *text = text.replacen(tools, granted, 1);
            }
            let peer = format!(
                "label = {{ integrity = \"external\", confidentiality = \"internal\" }}\n\n[transport]\n{transport}\n\
                 [tools.quote]\nclass = \"read\"\nreversibility = \"reversible\"\nrisk = \"low\"\n"
            );
            source.files.insert("tools/partner.toml".into(), peer);
            source
        };
        Self::with(source, Meets::Later).await
    }

    /// Approves what the server of this tool publishes.
    pub async fn approve(&self, tool: &str) {
        let tool = tool.parse().unwrap();
        let (digest, definition) = self.path.world().pins().waiting()[&tool].waiting.clone().unwrap();
        let approved = ToolApproved {
            tool: tool.to_string(),
            digest: digest.to_string(),
            definition,
            by: "operator:owner".to_owned(),
        };
        self.path.recorder().record(Body::ToolApproved(approved)).await.unwrap();
    }

    /// As [`Rig::over`], where the server was not met before agents come.
    pub async fn before_it_met(url: &str) -> Self {
        Self::reaching(url, Meets::Later).await
    }

    async fn reaching(url: &str, meets: Meets) -> Self {
        let transport = format!("[transport]\nkind = \"http\"\nurl = {url:?}\n\n[tools.read_note]");
        let source = |folder: &std::path::Path| {
            let mut source = source(folder);
            let tools = source.files.get_mut("tools/notes.toml").unwrap();
            let (from, to) = (tools.find("[transport]").unwrap(), tools.find("[tools.read_note]").unwrap());
            tools.replace_range(from..to + "[tools.read_note]".len(), &transport);
            source
        };
        Self::with(source, meets).await
    }

    /// Another process beside it: the same folder and record, the same bus, and doors of its own.
    pub async fn beside(&self) -> Self {
        Self::process(Arc::clone(&self.folder), Arc::clone(&self.bus), source, Meets::Later).await
    }

    async fn with(source: impl FnOnce(&std::path::Path) -> Source, meets: Meets) -> Self {
        Self::process(Arc::new(tempfile::tempdir().unwrap()), Arc::default(), source, meets).await
    }

    async fn process(
        folder: Arc<TempDir>,
        bus: Arc<InProcess>,
        source: impl FnOnce(&std::path::Path) -> Source,
        meets: Meets,
    ) -> Self {
        let deployment = Arc::new(match maso_intent::parse(&source(folder.path())) {
            Ok(deployment) => deployment,
            Err(problems) => panic!("{:#?}", problems.into_vec()),
        });
        let authority = AuthorityKey::from_seed([7; 32]);
        let ahead = Arc::new(Ahead::default());
        let clock: Arc<dyn Clock> = Arc::clone(&ahead) as _;
        let since = Timestamp::from_millis(clock.now().as_millis() - 1_000);
        let mut settings = TrustSettings::new(deployment.trust_domain.clone(), authority.public(), since);
        settings.bearer_on_loopback = true;
        let trust = Arc::new(Trust::new(settings));
        let sources = Sources {
            panel: Panel::from_deployment(&deployment, &|_| None).unwrap(),
            deployment,
            trust: Arc::clone(&trust),
            scanner: Arc::new(Scanner::new()),
            mode: Mode::Enforce,
            clock: Arc::clone(&clock),
            ids: Arc::new(SystemIds),
            role: "test",
            signers: Signers::AsBefore,
            payload_key: Arc::new(LocalKey::new(&[7; 32])),
        };
        let path = Arc::new(Path::open(&folder.path().join("log.db"), sources).await.unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let gateway = Gateway::new(Parts {
            path: Arc::clone(&path),
            trust,
            clock,
            ids: Arc::new(SystemIds),
            authority: authority.clone(),
            folder: folder.path().to_owned(),
            doors: Doors::on_loopback(address.port()),
            carriage: bus.clone(),
        });
        if meets == Meets::First {
            assert_eq!(gateway.meet_servers().await, []);
        }
        tokio::spawn(maso_gateway::serve(listener, router(Arc::clone(&gateway)), std::future::pending()));
        Self { gateway, path, address, authority, clock: ahead, folder, bus }
    }

    pub fn url(&self, server: &str) -> String {
        format!("http://{}/mcp/{server}", self.address)
    }

    pub fn spiffe(&self, agent: &str) -> SpiffeId {
        SpiffeId { trust_domain: "notes.example".parse().unwrap(), agent: agent.parse().unwrap() }
    }

    pub fn bearer(&self, agent: &str) -> String {
        let id = self.spiffe(agent);
        self.authority.issue_agent_token(&id, None, uuid::Uuid::new_v4(), SystemClock.now(), 3_600_000)
    }

    /// The params of all tool calls that reached the server.
    pub fn calls(&self) -> Vec<Value> {
        let log = std::fs::read_to_string(self.folder.path().join("calls")).unwrap_or_default();
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What the server heard besides calls.
    pub fn heard(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("heard")).unwrap_or_default()
    }

    /// Whether the server made this file yet.
    pub fn has(&self, file: &str) -> bool {
        self.folder.path().join(file).exists()
    }

    pub fn make(&self, file: &str) {
        std::fs::write(self.folder.path().join(file), "").unwrap();
    }

    /// Answers a ticket as its operator.
    pub async fn answer_ticket(&self, ticket: &str, answer: &str) {
        let id: TicketId = ticket.parse().unwrap();
        let state = self.path.world().tickets().find(id).unwrap();
        let answered = TicketAnswered {
            ticket: ticket.to_owned(),
            action: state.action.to_string(),
            answer: answer.to_owned(),
            by: "owner".to_owned(),
            reason: "as the test says".to_owned(),
            expires_at: state.expires_at.as_millis(),
        };
        self.path.recorder().record(Body::TicketAnswered(answered)).await.unwrap();
    }

    /// Pulls the kill switch for a scope.
    pub async fn kill(&self, scope: &str) {
        let killed = Killed { scope: scope.to_owned(), by: "operator:owner".to_owned(), reason: "drill".to_owned() };
        self.path.recorder().record(Body::Killed(killed)).await.unwrap();
    }

    /// Revokes something by its kind and name.
    pub async fn revoke(&self, what: &str, subject: &str) {
        let [what, subject] = [what, subject].map(str::to_owned);
        let revoked = Revoked { what, subject, by: "operator:owner".to_owned(), reason: "drill".to_owned() };
        self.path.recorder().record(Body::Revoked(revoked)).await.unwrap();
    }

    /// Lets time pass.
    pub fn pass(&self, ms: u64) {
        self.clock.0.fetch_add(ms, Ordering::SeqCst);
    }

    /// The first record of which this is true, waiting for it.
    pub async fn recorded<T>(&self, is_it: impl Fn(&Body) -> Option<T>) -> T {
        let mut records = std::pin::pin!(self.path.recorder().tail(1));
        while let Some(record) = records.next().await {
            if let Some(found) = is_it(&record.body) {
                return found;
            }
        }
        panic!("the record ended");
    }

    /// Nothing comes onto the record until what this gives is dropped: another process is writing.
    pub fn keep_record_busy(&self) -> Connection {
        let writer = Connection::open(self.folder.path().join("log.db")).unwrap();
        writer.execute_batch("BEGIN IMMEDIATE").unwrap();
        writer
    }

    /// All that is on the record now.
    pub async fn record(&self) -> Vec<Body> {
        self.path.recorder().flush().await.unwrap();
        let last = usize::try_from(self.path.recorder().last_sequence()).unwrap();
        let records = self.path.recorder().tail(1).take(last);
        records.map(|record| record.body.clone()).collect().await
    }

    /// What came of the first tool call that was permitted, as far as it is on the record now.
    pub async fn came_of_call(&self) -> Option<String> {
        let record = self.record().await;
        let call = record.iter().find_map(permitted_call)?;
        record.iter().find_map(|body| match body {
            Body::HopReleased(released) if released.hop == call => Some(released.outcome.clone()),
            _ => None,
        })
    }

    /// Opens a task with these words; its token.
    pub async fn task(&self, words: &str) -> String {
        let deployment = self.path.world().deployment();
        let wanted = OpenTask {
            workflow: "notes".parse().unwrap(),
            words: words.to_owned(),
            success_criteria: Vec::new(),
            scope: None,
            out_of_scope: Vec::new(),
            ttl_ms: None,
            accountable_human: None,
        };
        let (id, now) = (SystemIds.task(), SystemClock.now());
        let task = TaskSpec::open(wanted, id, now, deployment).unwrap();
        self.path.recorder().record(Body::TaskOpened(write_task(&task))).await.unwrap();
        self.authority.issue_task_token(&deployment.trust_domain, (id, task.digest()), &[], now, 3_600_000)
    }

    /// Closes all tasks that were opened.
    pub async fn close_tasks(&self) {
        for task in self.path.world().tasks().all_open() {
            let closed =
                TaskClosed { task: task.id.to_string(), by: "operator:owner".to_owned(), reason: "drill".to_owned() };
            self.path.recorder().record(Body::TaskClosed(closed)).await.unwrap();
        }
    }

    pub fn pipe(&self, agent: &str, server: &str) -> Pipe {
        let (near, far) = tokio::io::duplex(1 << 16);
        let (out_near, out_far) = tokio::io::duplex(1 << 16);
        let agent: AgentName = agent.parse().unwrap();
        let serving =
            tokio::spawn(serve_stdio(Arc::clone(&self.gateway), agent, server.parse().unwrap(), far, out_far));
        Pipe { write: near, read: BufReader::new(out_near).lines(), next_id: 1, task: None, serving }
    }
}

/// A client at the other end of a pipe.
pub struct Pipe {
    write: DuplexStream,
    read: Lines<BufReader<DuplexStream>>,
    next_id: i64,
    /// The task token that goes with tool calls.
    pub task: Option<String>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Pipe {
    pub async fn initialize(&mut self, capabilities: Value) -> Value {
        let params = json!({
            "protocolVersion": "2025-11-25", "capabilities": capabilities, "clientInfo": { "name": "t", "version": "1" },
        });
        let answer = self.request("initialize", params).await;
        self.line(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
        answer
    }

    pub async fn line(&mut self, line: &str) {
        self.write.write_all(line.as_bytes()).await.unwrap();
        self.write.write_all(b"\n").await.unwrap();
    }

    pub async fn next_line(&mut self) -> String {
        self.read.next_line().await.unwrap().unwrap()
    }

    pub async fn next(&mut self) -> Value {
        serde_json::from_str(&self.next_line().await).unwrap()
    }

    pub async fn request(&mut self, method: &str, params: Value) -> Value {
        let line = self.request_line(method, &params.to_string()).await;
        serde_json::from_str(&line).unwrap()
    }

    /// Sends a request with these exact params; the exact line that comes back.
    pub async fn request_line(&mut self, method: &str, params: &str) -> String {
        self.send(method, params).await;
        self.next_line().await
    }

    pub async fn send(&mut self, method: &str, params: &str) -> i64 {
        let id = self.next_id;
        self.next_id += 1;
        self.line(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#)).await;
        id
    }

    pub async fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let mut params = json!({ "name": tool, "arguments": arguments });
        if let Some(task) = &self.task {
            params["_meta"] = json!({ "maso/task": task });
        }
        self.request("tools/call", params).await
    }

    /// Stops reading: whatever is written to it from now on finds a broken pipe. Gives its end, and what serves it.
    pub fn deaf(self) -> (DuplexStream, JoinHandle<std::io::Result<()>>) {
        (self.write, self.serving)
    }

    /// Closes the client's side and waits until the door is done.
    pub async fn close(self) {
        drop(self.write);
        self.serving.await.unwrap().unwrap();
    }
}

/// The hop, if a tool call was permitted.
pub fn permitted_call(body: &Body) -> Option<String> {
    match body {
        Body::HopDecided(hop)
            if (hop.hop_kind.as_str(), hop.verb.as_str(), hop.decision.as_str())
                == ("tool-call", "call_tool", "allow") =>
        {
            Some(hop.hop.clone())
        }
        _ => None,
    }
}

/// The words of a tool result.
pub fn text(answer: &Value) -> &str {
    answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("no text in {answer}"))
}

const PARTNER: &str = r#"id = "AGT-0003-v1"
workflow = "notes"
intent = "ask about notes"
outcome = "the partner knows what it asked"
logic = ["ask"]
escalation = "owner"

[external]
push = ["PUSH"]

[oispec]
goal = "ask about notes"
success_criteria = ["each question names a note"]
failure_criteria = ["a question names a note of somebody else"]
risk_classification = "low"
"#;

fn source(folder: &std::path::Path) -> Source {
    let mut source = maso_intent::minimal();
    let mut change = |file: &str, from: &str, to: &str| {
        let text = source.files.get_mut(file).unwrap();
        assert!(text.contains(from), "{file} has no {from}");
        *text = text.replace(from, to);
    };
    let program = std::env::current_exe().unwrap();
    let transport = format!(
        "command = {:?}\nargs = [\"--exact\", \"fixture::serves_when_asked_to\", \"--nocapture\"]\nenv = {{ {} = {:?} }}",
        program.display().to_string(),
        fixture::ROLE,
        folder.display().to_string()
    );
    change("tools/notes.toml", "command = \"notes-server\"", &transport);
    change("workflows/notes.toml", "agents = [\"writer\"]", "agents = [\"writer\", \"reader\"]");
    change("agents/writer.toml", "escalation = \"owner\"", "escalation = \"owner\"\nmay_be_asked_by = [\"notes\"]");
    let writer = source.files.get_mut("agents/writer.toml").unwrap();
    writer.push_str("\n[[resources]]\nserver = \"notes\"\nuri_prefix = \"notes://open/\"\n");
    let reader = source.files["agents/writer.toml"].replace("AGT-0001-v1", "AGT-0002-v1");
    source.files.insert("agents/reader.toml".into(), reader);
    let workflow = &source.files["workflows/notes.toml"];
    let grant = "\n[[grants]]\nfrom = \"writer\"\nto = \"reader\"\nrequest = \"check\"\n\
                 tools = [\"notes:read_note\"]\nschema = { type = \"object\", required = [\"note\"], properties = { note = { type = \"string\" } } }\n";
    let message = "\n[[messages]]\nfrom = \"writer\"\nto = \"reader\"\ncontract = \"sighting\"\n\
                   schema = { type = \"object\", required = [\"note\"], properties = { note = { type = \"string\" } } }\n";
    let workflow = format!("{workflow}{grant}{message}");
    source.files.insert("workflows/notes.toml".into(), workflow);
    let maso = format!("{}\n[approvals]\nhold_open = \"100ms\"\n", source.files["maso.toml"]);
    source.files.insert("maso.toml".into(), maso);
    source
}
