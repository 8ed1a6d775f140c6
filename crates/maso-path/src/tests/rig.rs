//! A deployment on a temporary record, with a clock that only the test moves.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicUsize, Ordering},
};

use maso_core::{Act, AgentName, HopId, Mode, Principal, TaskId, TicketId, Timestamp, ToolRef, Turn};
use maso_guard::Scanner;
use maso_identity::{AuthorityKey, Trust, TrustSettings};
use maso_intent::{Deployment, Source, ToolDefinition};
use maso_judge::Panel;
use maso_log::v1::{self, Body, HopDecided};
use maso_wire::{Arrival, Credential, Limits, Received};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Carried, Clock, Ids, Outcome, Path, Sources, SystemIds, Waiting, write_task};

/// A deployment that is running.
pub struct Rig {
    pub path: Arc<Path>,
    pub clock: Arc<HandClock>,
    /// How often anything was carried.
    pub n_carried: Arc<AtomicUsize>,
    folder: Arc<TempDir>,
    mode: Mode,
}

/// A clock that stands until it is moved.
#[derive(Debug)]
pub struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

impl HandClock {
    pub fn advance(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Rig {
    pub async fn new() -> Self {
        Self::in_mode(Mode::Enforce).await
    }

    pub async fn in_mode(mode: Mode) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let clock = Arc::new(HandClock(AtomicI64::new(crate::SystemClock.now().as_millis())));
        Self::open(folder, clock, mode).await
    }

    async fn open(folder: Arc<TempDir>, clock: Arc<HandClock>, mode: Mode) -> Self {
        let deployment = Arc::new(deployment());
        let authority = AuthorityKey::from_seed([7; 32]);
        let settings = TrustSettings::new(deployment.trust_domain.clone(), authority.public(), clock.now());
        let sources = Sources {
            panel: Panel::from_deployment(&deployment, &|_| None).unwrap(),
            deployment: Arc::clone(&deployment),
            trust: Arc::new(Trust::new(settings)),
            scanner: Scanner::new(),
            mode,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            ids: Arc::new(SystemIds),
            role: "test",
        };
        let path = Arc::new(Path::open(&folder.path().join("log.db"), sources).await.unwrap());
        let definitions = deployment
            .servers
            .values()
            .flat_map(|server| server.tools.values())
            .map(|tool| (tool.tool.clone(), tool.definition.as_deref().unwrap().clone()));
        path.published(definitions.collect()).await;
        Self { path, clock, n_carried: Arc::default(), folder, mode }
    }

    /// A second process on the same record.
    pub async fn another(&self) -> Self {
        Self::open(Arc::clone(&self.folder), Arc::clone(&self.clock), self.mode).await
    }

    /// The same deployment after the process ended and was started anew.
    pub async fn restarted(self) -> Self {
        let Self { path, clock, folder, mode, .. } = self;
        path.recorder().flush().await.unwrap();
        drop(path);
        Self::open(folder, clock, mode).await
    }

    /// Opens a task with these words; its id.
    pub async fn task(&self, words: &str) -> TaskId {
        let deployment = self.path.world().deployment();
        let wanted = maso_intent::OpenTask {
            workflow: "notes".parse().unwrap(),
            words: words.to_owned(),
            success_criteria: Vec::new(),
            ttl_ms: None,
            accountable_human: None,
        };
        let id = self.path.ids().task();
        let task = maso_intent::TaskSpec::open(wanted, id, self.clock.now(), deployment).unwrap();
        self.path.recorder().record(Body::TaskOpened(write_task(&task))).await.unwrap();
        id
    }

    /// Lets `writer` call a tool in its standing task.
    pub async fn call(&self, tool: &str, arguments: Value) -> Outcome<&'static str> {
        self.call_in(None, tool, arguments).await
    }

    /// Lets `writer` call a tool in a task.
    pub async fn call_in(&self, task: Option<TaskId>, tool: &str, arguments: Value) -> Outcome<&'static str> {
        let tool: ToolRef = tool.parse().unwrap();
        let agent: AgentName = "writer".parse().unwrap();
        let arrival = self.arrival(Principal::Agent(agent), Principal::Server(tool.server.clone()), task);
        self.send(arrival, Act::CallTool(tool), Turn::Ask, &arguments).await
    }

    /// Lets a server answer a call with this structured result.
    pub async fn answer(&self, task: Option<TaskId>, to: HopId, tool: &str, result: Value) -> Outcome<&'static str> {
        let tool: ToolRef = tool.parse().unwrap();
        let agent: AgentName = "writer".parse().unwrap();
        let arrival = self.arrival(Principal::Server(tool.server.clone()), Principal::Agent(agent), task);
        let payload =
            json!({ "content": [{ "type": "text", "text": result.to_string() }], "structuredContent": result });
        self.send(arrival, Act::CallTool(tool), Turn::Answer { to }, &payload).await
    }

    pub async fn send(&self, arrival: Arrival, act: Act, turn: Turn, payload: &Value) -> Outcome<&'static str> {
        let bytes = serde_json::to_vec(payload).unwrap();
        let received = Received::from_bytes(arrival, act, turn, &bytes, &Limits::DEFAULT).unwrap();
        let n_carried = Arc::clone(&self.n_carried);
        self.path
            .travel(received, move |_| async move {
                n_carried.fetch_add(1, Ordering::SeqCst);
                Carried::Delivered("done")
            })
            .await
    }

    /// Decides a held hop again after its answer.
    pub async fn wait(&self, waiting: Waiting) -> Outcome<&'static str> {
        let n_carried = Arc::clone(&self.n_carried);
        self.path
            .wait(waiting, 5_000, move |_| async move {
                n_carried.fetch_add(1, Ordering::SeqCst);
                Carried::Delivered("done")
            })
            .await
    }

    pub fn arrival(&self, from: Principal, to: Principal, task: Option<TaskId>) -> Arrival {
        let authority = AuthorityKey::from_seed([7; 32]);
        let world = self.path.world();
        let task = task.map(|id| {
            let spec = world.tasks().open(id).unwrap();
            let domain = &world.deployment().trust_domain;
            let token = authority.issue_task_token(domain, id, spec.digest(), self.clock.now(), 60_000);
            maso_wire::UnverifiedToken::new(token)
        });
        Arrival { id: self.path.ids().hop(), at: self.clock.now(), credential: Credential::Pipe(from), task, to }
    }

    /// Answers a ticket as an operator.
    pub async fn answer_ticket(&self, ticket: TicketId, answer: &str, by: &str) {
        let state = self.path.world().tickets().find(ticket).unwrap();
        let answered = v1::TicketAnswered {
            ticket: ticket.to_string(),
            action: state.action.to_string(),
            answer: answer.to_owned(),
            by: by.to_owned(),
            reason: "as the test says".to_owned(),
            expires_at: state.expires_at.as_millis(),
        };
        self.path.recorder().record(Body::TicketAnswered(answered)).await.unwrap();
    }

    pub fn n_carried(&self) -> usize {
        self.n_carried.load(Ordering::SeqCst)
    }

    /// All decisions on the record.
    pub async fn decided(&self) -> Vec<HopDecided> {
        self.path.recorder().flush().await.unwrap();
        let records = self.path.recorder().reader().records(1, u64::MAX, 10_000).unwrap();
        records
            .into_iter()
            .filter_map(|record| match record.body {
                Body::HopDecided(decided) => Some(*decided),
                _ => None,
            })
            .collect()
    }
}

/// A refusal's code; anything else is no refusal.
pub fn refusal(outcome: &Outcome<&'static str>) -> Option<&'static str> {
    match outcome {
        Outcome::Refused { refusal, .. } => Some(refusal.as_str()),
        Outcome::Released { .. } | Outcome::Held(_) => None,
    }
}

pub fn released(outcome: &Outcome<&'static str>) -> HopId {
    match outcome {
        Outcome::Released { hop, .. } => *hop,
        Outcome::Refused { refusal, .. } => panic!("refused: {refusal}"),
        Outcome::Held(waiting) => panic!("held: {:?}", waiting.ticket()),
    }
}

pub fn held(outcome: Outcome<&'static str>) -> Waiting {
    match outcome {
        Outcome::Held(waiting) => waiting,
        Outcome::Refused { refusal, .. } => panic!("refused: {refusal}"),
        Outcome::Released { hop, .. } => panic!("released: {hop}"),
    }
}

/// A definition of `notes:read_note` that nobody approved.
pub fn changed_definition() -> (ToolRef, ToolDefinition) {
    let value = json!({ "name": "read_note", "description": "Reads a note, and more.", "inputSchema": {} });
    ("notes:read_note".parse().unwrap(), ToolDefinition::new(value))
}

fn deployment() -> Deployment {
    let mut source: Source = maso_intent::minimal();
    let maso = source.files["maso.toml"].replace("tier = 1 ", "tier = 2 ");
    source
        .files
        .insert("maso.toml".into(), format!("{maso}\n[[operators]]\nname = \"second\"\nroles = [\"supervisor\"]\n"));
    source.files.insert("judges/rules.toml".into(), "kind = \"rules\"\ncriteria = [\"inside the mandate\"]\n".into());
    let workflow = source.files["workflows/notes.toml"].replace(
        r#"tools = ["notes:read_note", "notes:send_note"]"#,
        r#"tools = ["notes:read_note", "notes:send_note", "notes:pay"]"#,
    );
    source.files.insert("workflows/notes.toml".into(), workflow);
    let agent = source.files["agents/writer.toml"].replace(
        "[tools.\"notes:send_note\"]",
        "[tools.\"notes:pay\"]\njustification = \"fees\"\nbounds = { \"/amount\" = { at_most = 1000 } }\n\n[tools.\"notes:send_note\"]",
    );
    source.files.insert("agents/writer.toml".into(), agent);
    let tools = source.files["tools/notes.toml"].replace("risk = \"high\"", "risk = \"medium\"");
    // A letter can be called back for a while; a payment cannot.
    let tools = tools
        .replace("reversibility = \"irreversible\"", "reversibility = \"time-bounded\"\nreversible_window = \"1h\"");
    let pay = "\n[tools.pay]\nclass = \"transfer\"\nreversibility = \"irreversible\"\nrisk = \"high\"\n\
               [tools.pay.authority]\n\"/to\" = { role = \"account\", integrity_min = \"verified\", below = \"deny\" }\n";
    source.files.insert("tools/notes.toml".into(), format!("{tools}{pay}"));
    let mut lock: Value = serde_json::from_str(&source.files["tools/notes.lock.json"]).unwrap();
    lock.as_array_mut().unwrap().push(json!({
        "name": "pay",
        "inputSchema": {
            "type": "object",
            "properties": { "to": { "type": "string" }, "amount": { "type": "integer" } },
            "required": ["to", "amount"],
            "additionalProperties": false
        }
    }));
    source.files.insert("tools/notes.lock.json".into(), lock.to_string());
    match maso_intent::parse(&source) {
        Ok(deployment) => deployment,
        Err(problems) => panic!("{:#?}", problems.into_vec()),
    }
}
