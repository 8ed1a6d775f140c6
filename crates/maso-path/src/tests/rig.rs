//! A deployment on a temporary record, with a clock that only the test moves.

use std::{
    cell::RefCell,
    future::{Ready, ready},
    path::PathBuf,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
};

use maso_core::{Act, AgentName, Digest, HopId, Mode, Principal, TaskId, TicketId, Timestamp, ToolRef, Turn};
use maso_guard::{Config, Deselected, Scanner};
use maso_identity::{AuthorityKey, Trust, TrustSettings, identify};
use maso_intent::{Deployment, Source, ToolDefinition};
use maso_judge::Panel;
use maso_log::{
    Record,
    v1::{self, Body, HopDecided},
};
use maso_policy::{Decision, Opinion, Permit, Verdict, settle};
use maso_seal::LocalKey;
use maso_wire::{Arrival, Credential, Limits, Received};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    Carried, Clock, Ids, Outcome, Path, Release, Signers, Sources, SystemIds, Trying, Waiting, release::Passage,
    travel::NotRecorded, world::Passing, write_task,
};

/// A deployment that is running.
pub struct Rig {
    pub path: Arc<Path>,
    pub clock: Arc<HandClock>,
    /// How often anything was carried.
    pub n_carried: Arc<AtomicUsize>,
    ground: Ground,
}

/// What all processes of a deployment have in common.
#[derive(Clone)]
pub struct Ground {
    pub folder: Arc<TempDir>,
    pub clock: Arc<HandClock>,
    pub ids: Arc<dyn Ids>,
    pub mode: Mode,
    pub deployment: Arc<Deployment>,
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
    pub fn at(moment: Timestamp) -> Self {
        Self(AtomicI64::new(moment.as_millis()))
    }

    pub fn advance(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Rig {
    pub async fn new() -> Self {
        Self::in_mode(Mode::Enforce).await
    }

    /// A deployment that was declared with these texts in place of those; in place of none, at the end of a file.
    pub async fn declaring(changes: &[(&str, &str, &str)]) -> Self {
        Self::on(Ground { deployment: Arc::new(declared(changes)), ..Ground::fresh(Mode::Enforce) }).await
    }

    pub async fn in_mode(mode: Mode) -> Self {
        Self::on(Ground::fresh(mode)).await
    }

    /// One process on this ground, whose servers publish what was approved.
    pub async fn on(ground: Ground) -> Self {
        let rig = Self::silent_on(ground).await;
        rig.path.published(approved_definitions()).await;
        rig
    }

    /// One process on this ground, whose servers have not published anything yet.
    pub async fn silent_on(ground: Ground) -> Self {
        let deployment = Arc::clone(&ground.deployment);
        let authority = AuthorityKey::from_seed([7; 32]);
        let settings = TrustSettings::new(deployment.trust_domain.clone(), authority.public(), ground.clock.now());
        let sources = Sources {
            panel: Panel::from_deployment(&deployment, &|_| None).unwrap(),
            deployment: Arc::clone(&deployment),
            trust: Arc::new(Trust::new(settings)),
            scanner: scanner_of(&ground.deployment),
            mode: ground.mode,
            clock: Arc::clone(&ground.clock) as Arc<dyn Clock>,
            ids: Arc::clone(&ground.ids),
            role: "test",
            signers: Signers::AsBefore,
            payload_key: Arc::new(LocalKey::new(&[7; 32])),
        };
        let path = Arc::new(Path::open(&ground.log(), sources).await.unwrap());
        Self { path, clock: Arc::clone(&ground.clock), n_carried: Arc::default(), ground }
    }

    /// A second process on the same record.
    pub async fn another(&self) -> Self {
        Self::on(self.ground.clone()).await
    }

    /// The same deployment after the process ended and was started anew.
    pub async fn restarted(self) -> Self {
        Self::on(self.ended().await).await
    }

    /// Ends the process; what it recorded stays.
    pub async fn ended(self) -> Ground {
        self.path.recorder().flush().await.unwrap();
        // Its scanner is as good as a new one, and a new one takes most of the time that opening takes.
        if self.ground.deployment.deselected.is_empty()
            && let Some(Path { scanner, .. }) = Arc::into_inner(self.path)
        {
            SCANNERS.with_borrow_mut(|scanners| scanners.push(scanner));
        }
        self.ground
    }

    /// Opens a task with these words; its id.
    pub async fn task(&self, words: &str) -> TaskId {
        let deployment = self.path.world().deployment();
        let wanted = maso_intent::OpenTask {
            workflow: "notes".parse().unwrap(),
            words: words.to_owned(),
            success_criteria: Vec::new(),
            scope: None,
            out_of_scope: Vec::new(),
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

    /// Lets `writer` call a tool, of whose server this comes; a person approves it if asked.
    pub async fn approved_call(
        &self,
        task: TaskId,
        tool: &str,
        arguments: Value,
        comes: fn() -> Carried<&'static str>,
    ) -> Outcome<&'static str> {
        let tool: ToolRef = tool.parse().unwrap();
        let agent = Principal::Agent("writer".parse().unwrap());
        let arrival = self.arrival(agent, Principal::Server(tool.server.clone()), Some(task));
        let bytes = serde_json::to_vec(&arguments).unwrap();
        let received = Received::from_bytes(arrival, Act::CallTool(tool), Turn::Ask, &bytes, &Limits::DEFAULT).unwrap();
        let mut outcome = self.path.travel(received, async |_| comes()).await;
        if let Outcome::TryOut(trying) = outcome {
            outcome = self.path.tried(&trying, would_succeed(), async |_| comes()).await;
        }
        match outcome {
            Outcome::Held(waiting) => {
                self.answer_ticket(waiting.ticket().id, "approve", "owner").await;
                self.path.wait(waiting, 5_000, async |_| comes()).await
            }
            done => done,
        }
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

    /// What stages 2 to 8 make of a call of `writer`. What it gives may be recorded later, when the world has changed.
    pub fn decision(&self, task: Option<TaskId>, tool: &str, arguments: &Value) -> Decision {
        self.under_way(task, tool, arguments).0
    }

    /// The same, while the call is under way.
    pub fn under_way(&self, task: Option<TaskId>, tool: &str, arguments: &Value) -> (Decision, Arc<Passing>) {
        let tool: ToolRef = tool.parse().unwrap();
        let agent = Principal::Agent("writer".parse().unwrap());
        let arrival = self.arrival(agent, Principal::Server(tool.server.clone()), task);
        let bytes = serde_json::to_vec(arguments).unwrap();
        let received = Received::from_bytes(arrival, Act::CallTool(tool), Turn::Ask, &bytes, &Limits::DEFAULT).unwrap();
        let identified = identify(received, &self.path.trust, self.clock.now()).unwrap();
        let passing = self.path.world().passing(&identified);
        let resolved = self.path.resolve_now(identified, &passing).unwrap();
        let memory = self.path.memory_of(&resolved);
        let (weighed, _) = self.path.weigh_up(resolved, Vec::new(), &memory);
        let (action, hop) = (weighed.resolved().action_digest(), weighed.resolved().hop().id);
        if weighed.review().dry_run {
            self.hear(Body::DryRunEnded(v1::DryRunEnded {
                hop: hop.to_string(),
                action: action.to_string(),
                tool: "notes:pay".to_owned(),
                outcome: "succeeded".to_owned(),
                fault: None,
                says: None,
                answer: None,
                took_ms: 1,
                expires_at: self.clock.now().plus_ms(3_600_000).as_millis(),
            }));
        }
        let mut verdicts = self.path.world().heard(&action, hop, self.clock.now());
        if weighed.review().n_judges > 0 {
            verdicts.judges.push(Verdict {
                judge: "rules".parse().unwrap(),
                opinion: Opinion::Approve,
                reasoning: "nothing against it".to_owned(),
                criteria: Vec::new(),
                action,
                expires_at: self.clock.now().plus_ms(60_000),
            });
        }
        (settle(weighed, verdicts, self.clock.now()), passing)
    }

    /// Records a permit that was decided before, if what it rests on still stands.
    pub async fn record_permit(&self, permit: Permit) -> Result<Passage, NotRecorded> {
        let passing = self.path.world().passing(permit.weighed().resolved().identified());
        self.path.record_permit(permit, Vec::new(), &passing).await
    }

    /// The way of a hop. What is to be tried out first would succeed.
    pub async fn send(&self, arrival: Arrival, act: Act, turn: Turn, payload: &Value) -> Outcome<&'static str> {
        let mut outcome = self.begin(arrival, act, turn, payload).await;
        // What it showed may be used up by an identical hop beside it.
        while let Outcome::TryOut(trying) = outcome {
            outcome = self.tried(&trying, would_succeed()).await;
        }
        outcome
    }

    /// The way of a hop, up to where it is to be tried out.
    pub async fn begin(&self, arrival: Arrival, act: Act, turn: Turn, payload: &Value) -> Outcome<&'static str> {
        let bytes = serde_json::to_vec(payload).unwrap();
        let received = Received::from_bytes(arrival, act, turn, &bytes, &Limits::DEFAULT).unwrap();
        self.path.travel(received, self.carry()).await
    }

    /// Goes on after this came of trying a hop out.
    pub async fn tried(&self, trying: &Trying, came: Carried<Value>) -> Outcome<&'static str> {
        self.path.tried(trying, came, self.carry()).await
    }

    /// Decides a held hop again after its answer.
    pub async fn wait(&self, waiting: Waiting) -> Outcome<&'static str> {
        match self.path.wait(waiting, 5_000, self.carry()).await {
            Outcome::TryOut(trying) => self.tried(&trying, would_succeed()).await,
            settled => settled,
        }
    }

    fn carry(&self) -> impl FnOnce(Release) -> Ready<Carried<&'static str>> + Send + use<> {
        let n_carried = Arc::clone(&self.n_carried);
        move |_| {
            n_carried.fetch_add(1, Ordering::SeqCst);
            ready(Carried::Delivered("done"))
        }
    }

    pub fn arrival(&self, from: Principal, to: Principal, task: Option<TaskId>) -> Arrival {
        let authority = AuthorityKey::from_seed([7; 32]);
        let world = self.path.world();
        let task = task.map(|id| {
            let spec = world.tasks().open(id).unwrap();
            let domain = &world.deployment().trust_domain;
            let token = authority.issue_task_token(domain, (id, spec.digest()), &[], self.clock.now(), 60_000);
            maso_wire::UnverifiedToken::new(token)
        });
        Arrival { id: self.path.ids().hop(), at: self.clock.now(), credential: Credential::Pipe(from), task, to }
    }

    /// Hears of something that is on no record here: told as if another process had recorded it.
    pub fn hear(&self, body: Body) {
        self.path.world().fold(&told(body));
    }

    /// Answers a ticket as an operator.
    pub async fn answer_ticket(&self, ticket: TicketId, answer: &str, by: &str) {
        let state = self.path.world().tickets().find(ticket).unwrap();
        self.record_answer(ticket, state.action, state.expires_at, answer, by).await;
    }

    /// Answers a ticket that this process may not have heard of yet.
    pub async fn answer_ticket_of(&self, waiting: &Waiting, answer: &str, by: &str) {
        let ticket = waiting.ticket();
        self.record_answer(ticket.id, ticket.action, ticket.expires_at, answer, by).await;
    }

    async fn record_answer(&self, ticket: TicketId, action: Digest, expires_at: Timestamp, answer: &str, by: &str) {
        let answered = v1::TicketAnswered {
            ticket: ticket.to_string(),
            action: action.to_string(),
            answer: answer.to_owned(),
            by: by.to_owned(),
            reason: "as the test says".to_owned(),
            expires_at: expires_at.as_millis(),
        };
        self.path.recorder().record(Body::TicketAnswered(answered)).await.unwrap();
    }

    /// The flight record.
    pub fn log(&self) -> PathBuf {
        self.ground.log()
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

impl Ground {
    /// A folder of its own, in which nothing happened yet.
    pub fn fresh(mode: Mode) -> Self {
        Self {
            folder: Arc::new(tempfile::tempdir().unwrap()),
            clock: Arc::new(HandClock::at(crate::SystemClock.now())),
            ids: Arc::new(SystemIds),
            mode,
            deployment: Arc::clone(&DEPLOYMENT),
        }
    }

    /// The flight record.
    pub fn log(&self) -> PathBuf {
        self.folder.path().join("log.db")
    }
}

/// The definitions that the deployment's lock file pins, as its server publishes them.
pub fn approved_definitions() -> Vec<(ToolRef, ToolDefinition)> {
    let tools = DEPLOYMENT.servers.values().flat_map(|server| server.tools.values());
    tools.map(|tool| (tool.tool.clone(), tool.definition.as_deref().unwrap().clone())).collect()
}

/// A record that lies in no file.
pub fn told(body: Body) -> Record {
    let nothing = Digest::of(b"");
    Record { sequence: 0, at: Timestamp::from_millis(0), body, previous: nothing, hash: nothing }
}

/// What permits a call of `writer`.
pub fn permit(rig: &Rig, task: TaskId, tool: &str, arguments: &Value) -> Permit {
    match rig.decision(Some(task), tool, arguments) {
        Decision::Allow(permit) => permit,
        other => panic!("{other:?}"),
    }
}

/// What a server says to a dry run that succeeds.
pub fn would_succeed() -> Carried<Value> {
    Carried::Delivered(json!({ "would": "succeed" }))
}

/// A refusal's code; anything else is no refusal.
pub fn refusal(outcome: &Outcome<&'static str>) -> Option<&'static str> {
    match outcome {
        Outcome::Refused { refusal, .. } => Some(refusal.as_str()),
        Outcome::Released { .. } | Outcome::TryOut(_) | Outcome::Held(_) => None,
    }
}

pub fn released(outcome: &Outcome<&'static str>) -> HopId {
    match outcome {
        Outcome::Released { hop, .. } => *hop,
        Outcome::Refused { refusal, .. } => panic!("refused: {refusal}"),
        Outcome::TryOut(trying) => panic!("to be tried out: {trying:?}"),
        Outcome::Held(waiting) => panic!("held: {:?}", waiting.ticket()),
    }
}

pub fn held(outcome: Outcome<&'static str>) -> Waiting {
    match outcome {
        Outcome::Held(waiting) => waiting,
        Outcome::Refused { refusal, .. } => panic!("refused: {refusal}"),
        Outcome::TryOut(trying) => panic!("to be tried out: {trying:?}"),
        Outcome::Released { hop, .. } => panic!("released: {hop}"),
    }
}

/// A definition of `notes:read_note` that nobody approved.
pub fn changed_definition() -> (ToolRef, ToolDefinition) {
    let value = json!({ "name": "read_note", "description": "Reads a note, and more.", "inputSchema": {} });
    ("notes:read_note".parse().unwrap(), ToolDefinition::new(value))
}

static DEPLOYMENT: LazyLock<Arc<Deployment>> = LazyLock::new(|| Arc::new(parsed(&source())));

thread_local! {
    static SCANNERS: RefCell<Vec<Arc<Scanner>>> = const { RefCell::new(Vec::new()) };
}

/// The scanner of a deployment: one that another rig left, unless something is switched off.
fn scanner_of(deployment: &Deployment) -> Arc<Scanner> {
    if deployment.deselected.is_empty() {
        return SCANNERS.with_borrow_mut(Vec::pop).unwrap_or_default();
    }
    let deselected = deployment.deselected.iter();
    let deselected = deselected.map(|one| Deselected { control: one.control.clone(), until: one.until }).collect();
    Arc::new(Scanner::with(Config { deselected }))
}

/// The writer holds nothing that is privileged, so that it may be spoken to in words.
pub const UNPRIVILEGED: (&str, &str, &str) = (
    "agents/writer.toml",
    "[tools.\"notes:wipe\"]\njustification = \"tidying\"\n\n[tools.\"notes:pay\"]\njustification = \"fees\"\nbounds = { \"/amount\" = { at_most = 1000 } }\n\n",
    "",
);

/// A deployment that was declared with these texts in place of those.
pub fn declared(changes: &[(&str, &str, &str)]) -> Deployment {
    let mut source = source();
    for (file, old, new) in changes {
        let text = source.files.entry((*file).to_owned()).or_default();
        assert!(text.contains(old), "{file} does not say {old}");
        *text = if old.is_empty() { format!("{text}{new}") } else { text.replace(old, new) };
    }
    parsed(&source)
}

fn source() -> Source {
    let mut source: Source = maso_intent::minimal();
    let maso = source.files["maso.toml"].replace("tier = 1 ", "signing.required = false\ntier = 2 ");
    source
        .files
        .insert("maso.toml".into(), format!("{maso}\n[[operators]]\nname = \"second\"\nroles = [\"supervisor\"]\n"));
    source.files.insert("judges/rules.toml".into(), "kind = \"rules\"\ncriteria = [\"inside the mandate\"]\n".into());
    let workflow = source.files["workflows/notes.toml"].replace(
        r#"tools = ["notes:read_note", "notes:send_note"]"#,
        r#"tools = ["notes:read_note", "notes:send_note", "notes:pay", "notes:wipe", "notes:lookup", "notes:file"]"#,
    );
    source.files.insert("workflows/notes.toml".into(), workflow);
    let agent = source.files["agents/writer.toml"].replace(
        "[tools.\"notes:send_note\"]",
        "[tools.\"notes:lookup\"]\n\n[tools.\"notes:file\"]\njustification = \"filing\"\n\n\
         [tools.\"notes:wipe\"]\njustification = \"tidying\"\n\n[tools.\"notes:pay\"]\njustification = \"fees\"\nbounds = { \"/amount\" = { at_most = 1000 } }\n\n[tools.\"notes:send_note\"]",
    );
    let agent = agent.replace("escalation = ", "clearance = \"restricted\"\nescalation = ");
    source.files.insert("agents/writer.toml".into(), agent);
    let tools = source.files["tools/notes.toml"].replace("risk = \"high\"", "risk = \"medium\"");
    // A letter can be called back for a while; a payment cannot.
    let tools = tools
        .replace("reversibility = \"irreversible\"", "reversibility = \"time-bounded\"\nreversible_window = \"1h\"");
    let tools =
        tools.replace("reversible_window = \"1h\"", "reversible_window = \"1h\"\ndry_run.argument = \"dry_run\"");
    let pay = "\n[tools.pay]\nclass = \"transfer\"\nreversibility = \"irreversible\"\nrisk = \"high\"\n\
               dry_run.argument = \"dry_run\"\n\
               [tools.pay.authority]\n\"/to\" = { role = \"account\", integrity_min = \"verified\", below = \"deny\" }\n\
               [tools.wipe]\nclass = \"delete\"\nreversibility = \"irreversible\"\nrisk = \"critical\"\n\
               dry_run.argument = \"dry_run\"\n";
    // A register of our own, in which accounts are checked and some things are secret, and what may rest on it.
    let ours = "\n[tools.lookup]\nclass = \"read\"\nreversibility = \"reversible\"\nrisk = \"low\"\n\
                result = { integrity = \"internal\" }\n\
                [tools.lookup.result_fields]\n\"/account\" = { integrity = \"verified\" }\n\
                \"/secret\" = { confidentiality = \"restricted\" }\n\
                [tools.file]\nclass = \"write\"\nreversibility = \"reversible\"\nrisk = \"low\"\n\
                [tools.file.authority]\n\
                \"/to\" = { role = \"account\", integrity_min = \"internal\", below = \"deny\" }\n";
    source.files.insert("tools/notes.toml".into(), format!("{tools}{pay}{ours}"));
    let mut lock: Value = serde_json::from_str(&source.files["tools/notes.lock.json"]).unwrap();
    lock.as_array_mut().unwrap().extend([
        json!({
            "name": "pay",
            "inputSchema": {
                "type": "object",
                "properties": { "to": { "type": "string" }, "amount": { "type": "integer" }, "reference": {}, "dry_run": {} },
                "required": ["to", "amount"],
                "additionalProperties": false
            }
        }),
        json!({
            "name": "wipe",
            "inputSchema": {
                "type": "object",
                "properties": { "note": { "type": "string" }, "dry_run": {} },
                "required": ["note"],
                "additionalProperties": false
            }
        }),
        json!({ "name": "lookup", "inputSchema": { "type": "object", "properties": { "q": { "type": "string" } } } }),
        json!({ "name": "file", "inputSchema": { "type": "object", "properties": { "to": { "type": "string" } } } }),
    ]);
    for tool in lock.as_array_mut().unwrap().iter_mut().filter(|tool| tool["name"] == "send_note") {
        tool["inputSchema"]["properties"]["dry_run"] = json!({});
    }
    source.files.insert("tools/notes.lock.json".into(), lock.to_string());
    source
}

fn parsed(source: &Source) -> Deployment {
    match maso_intent::parse(source) {
        Ok(deployment) => deployment,
        Err(problems) => panic!("{:#?}", problems.into_vec()),
    }
}
