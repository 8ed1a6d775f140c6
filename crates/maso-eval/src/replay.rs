//! Recorded runs, replayed through the path as if they were live.
//!
//! Each run is a deployment's whole life: its record begins empty, the person's request opens a task, each recorded call
//! is a hop of the agent, each recorded result a hop of the tool's server. What is held, a person approves at once, so
//! that the run goes on as it was recorded; what is denied has no result. Nothing here looks at labels.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use maso_core::{
    Act, AgentName, ControlId, HopId, Mode, OperatorName, Principal, TaskId, TicketId, Timestamp, ToolRef, Turn,
};
use maso_guard::{Config, Deselected, Scanner};
use maso_identity::{AuthorityKey, Trust, TrustSettings};
use maso_intent::{Deployment, OpenTask, Role as OperatorRole, TaskSpec, ToolDefinition};
use maso_judge::Panel;
use maso_log::{
    Record,
    v1::{Body, Finding, HopDecided, TicketAnswered},
};
use maso_path::{Carried, Clock, Ids, Outcome, Path, Signers, Sources, Waiting, write_task};
use maso_seal::LocalKey;
use maso_wire::{Arrival, Credential, Limits, Received, UnverifiedToken};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::run::{Call, Role, Run};

/// Why a run could not be replayed. That it was refused is no fault.
#[derive(Debug, thiserror::Error)]
pub enum ReplayFault {
    /// The deployment is not one of a single agent, and so on.
    #[error("the deployment does not fit recorded runs: {0}")]
    Unfit(String),
    /// The path cannot be opened, or its record broke.
    #[error("the path broke: {0}")]
    Broken(String),
}

/// A deployment under which runs are replayed.
pub struct Stage {
    deployment: Arc<Deployment>,
    scanner: Arc<Scanner>,
    agent: AgentName,
    people: Vec<OperatorName>,
    begin: Timestamp,
}

/// What became of a recorded call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Ruling {
    /// It went through by itself.
    Allow,
    /// A person was asked.
    Hold,
    /// It was refused.
    Deny,
}

/// What became of a recorded call, and why.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Decided {
    /// The run.
    pub id: String,
    /// The call's place in it.
    pub i: usize,
    /// What became of it.
    pub decision: Ruling,
    /// The control that led against it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control: Option<String>,
    /// What that control said; the first line of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How long the path took for the call, to its decision on the record.
    #[serde(skip)]
    pub took: Duration,
    /// The tool.
    #[serde(skip)]
    pub tool: String,
}

/// Whether layer 1 looks for what is wrong in texts while runs are replayed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detection {
    /// As the deployment has it.
    #[default]
    Declared,
    /// It does, whatever the deployment switched off.
    On,
    /// It does not: what is measured rests on where values come from, and on what was asked for.
    Off,
}

impl Detection {
    /// The controls whose findings count while runs are replayed.
    fn apply(self, deselected: &mut Vec<Deselected>) {
        let detects = |control: &ControlId| DETECTION.contains(&control.as_str());
        match self {
            Self::Declared => {}
            Self::On => deselected.retain(|it| !detects(&it.control)),
            Self::Off => {
                let ids = DETECTION.iter().filter_map(|id| id.parse().ok());
                deselected.extend(ids.map(|control| Deselected { control, until: None }));
            }
        }
    }
}

impl Stage {
    /// A deployment with one agent, whose workflow's tasks are opened.
    ///
    /// # Errors
    /// When it has another number of agents, or nobody in it may approve.
    pub fn new(deployment: Deployment, detection: Detection) -> Result<Self, ReplayFault> {
        let unfit = |why: &str| ReplayFault::Unfit(why.to_owned());
        let mut agents = deployment.agents.keys();
        let (Some(agent), None) = (agents.next().cloned(), agents.next()) else {
            return Err(unfit("it must have exactly one agent"));
        };
        let supervisors = deployment.operators.iter().filter(|(_, it)| it.roles.contains(&OperatorRole::Supervisor));
        let people: Vec<_> = supervisors.map(|(name, _)| name.clone()).collect();
        if people.is_empty() {
            return Err(unfit("no operator is a supervisor, so nobody could approve anything"));
        }
        let mandates = deployment.workflows.values().filter_map(|solution| solution.effective_from);
        let begin = mandates.max().ok_or_else(|| unfit("its workflow has no `effective_date`"))?.plus_ms(DAY_MS);
        let deselected = deployment.deselected.iter();
        let deselected = deselected.map(|it| Deselected { control: it.control.clone(), until: it.until });
        let mut deselected: Vec<_> = deselected.collect();
        detection.apply(&mut deselected);
        Ok(Self {
            scanner: Arc::new(Scanner::with(Config { deselected })),
            deployment: Arc::new(deployment),
            agent,
            people,
            begin,
        })
    }

    /// Replays a run on a record in `folder`, which must be empty.
    ///
    /// # Errors
    /// When the path breaks.
    pub async fn replay(&self, run: &Run, folder: PathBuf) -> Result<Vec<Decided>, ReplayFault> {
        let live = Live::begin(self, run, folder).await?;
        let mut decided = Vec::with_capacity(run.calls.len());
        for turn in turns(run) {
            let mut asked = Vec::with_capacity(turn.len());
            for call in turn {
                asked.push((call, live.ask(call).await?));
            }
            for (call, it) in &asked {
                if let (true, Some(message)) = (it.released, call.msg.and_then(|msg| run.messages.get(msg))) {
                    live.answer(call, it.hop, &message.content, message.error.is_some()).await;
                }
            }
            decided.append(&mut asked);
        }
        live.account(run, decided).await
    }

    fn tool(&self, name: &str) -> ToolRef {
        let servers = self.deployment.servers.values();
        let mut known = servers.flat_map(|server| server.tools.values().map(|tool| &tool.tool));
        let found = known.find(|tool| tool.tool.as_str() == name).cloned();
        // What the deployment does not know, it is asked for all the same.
        found
            .or_else(|| format!("unknown:{name}").parse().ok())
            .unwrap_or_else(|| "unknown:unnamed".parse().expect("a tool's name"))
    }
}

/// The calls of each turn of the agent, in order: those between two of its messages were asked for together.
fn turns(run: &Run) -> Vec<Vec<&Call>> {
    let turn_of = |call: &Call| {
        let before = run.messages.get(..call.msg.unwrap_or(run.messages.len())).unwrap_or(&run.messages);
        before.iter().rposition(|message| message.role == Role::Assistant)
    };
    let mut turns: Vec<(Option<usize>, Vec<&Call>)> = Vec::new();
    for call in &run.calls {
        let turn = turn_of(call);
        match turns.last_mut() {
            Some((last, calls)) if *last == turn => calls.push(call),
            _ => turns.push((turn, vec![call])),
        }
    }
    turns.into_iter().map(|(_, calls)| calls).collect()
}

/// A deployment in which one run happens.
struct Live<'a> {
    stage: &'a Stage,
    path: Path,
    clock: Arc<Steps>,
    authority: AuthorityKey,
    /// None where the person said nothing: then the agent works in its standing task.
    task: Option<TaskId>,
}

impl<'a> Live<'a> {
    async fn begin(stage: &'a Stage, run: &Run, folder: PathBuf) -> Result<Self, ReplayFault> {
        let authority = AuthorityKey::from_seed([7; 32]);
        let clock = Arc::new(Steps(AtomicI64::new(stage.begin.as_millis())));
        let deployment = Arc::clone(&stage.deployment);
        let trust = TrustSettings::new(deployment.trust_domain.clone(), authority.public(), stage.begin);
        let panel =
            Panel::from_deployment(&deployment, &|_| None).map_err(|error| ReplayFault::Unfit(error.to_string()))?;
        let sources = Sources {
            deployment,
            trust: Arc::new(Trust::new(trust)),
            scanner: Arc::clone(&stage.scanner),
            panel,
            mode: Mode::Enforce,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            ids: Arc::new(Counted::default()),
            role: "eval",
            signers: Signers::AsBefore,
            payload_key: Arc::new(LocalKey::new(&[7; 32])),
        };
        let path = Path::open(&folder.join("log.db"), sources).await.map_err(broken)?;
        path.published(definitions(&stage.deployment)).await;
        let task = if run.prompt.trim().is_empty() { None } else { Some(open(stage, run, &path, clock.now()).await?) };
        Ok(Self { stage, path, clock, authority, task })
    }

    /// The agent calls a tool.
    async fn ask(&self, call: &Call) -> Result<Asked, ReplayFault> {
        self.clock.step();
        let tool = self.stage.tool(&call.name);
        let from = Principal::Agent(self.stage.agent.clone());
        let arrival = self.arrival(from, Principal::Server(tool.server.clone()));
        let hop = arrival.id;
        let arguments = if call.args.is_null() { json!({}) } else { call.args.clone() };
        let started = Instant::now();
        let Some(received) = received(arrival, Act::CallTool(tool), Turn::Ask, &arguments) else {
            return Ok(Asked { hop, took: started.elapsed(), released: false });
        };
        let mut outcome = self.path.travel(received, async |_| Carried::Delivered(())).await;
        let took = started.elapsed();
        for person in &self.stage.people {
            let Outcome::Held(waiting) = outcome else { break };
            self.approve(&waiting, person).await?;
            outcome = self.path.wait(waiting, 0, async |_| Carried::Delivered(())).await;
        }
        Ok(Asked { hop, took, released: matches!(outcome, Outcome::Released { .. }) })
    }

    /// A server answers a call.
    async fn answer(&self, call: &Call, to: HopId, text: &str, failed: bool) {
        self.clock.step();
        let tool = self.stage.tool(&call.name);
        let to_agent = Principal::Agent(self.stage.agent.clone());
        let arrival = self.arrival(Principal::Server(tool.server.clone()), to_agent);
        let payload = json!({ "content": [{ "type": "text", "text": text }], "isError": failed });
        if let Some(received) = received(arrival, Act::CallTool(tool), Turn::Answer { to }, &payload) {
            self.path.travel(received, async |_| Carried::Delivered(())).await;
        }
    }

    async fn approve(&self, waiting: &Waiting, by: &OperatorName) -> Result<(), ReplayFault> {
        let ticket = waiting.ticket();
        let answered = TicketAnswered {
            ticket: ticket.id.to_string(),
            action: ticket.action.to_string(),
            answer: "approve".to_owned(),
            by: by.to_string(),
            reason: "the run goes on as it was recorded".to_owned(),
            expires_at: ticket.expires_at.as_millis(),
        };
        self.path.recorder().record(Body::TicketAnswered(answered)).await.map(drop).map_err(broken)
    }

    fn arrival(&self, from: Principal, to: Principal) -> Arrival {
        let world = self.path.world();
        let task = self.task.and_then(|id| world.tasks().open(id)).map(|spec| {
            let domain = &world.deployment().trust_domain;
            let token =
                self.authority.issue_task_token(domain, (spec.id, spec.digest()), &[], self.clock.now(), DAY_MS);
            UnverifiedToken::new(token)
        });
        Arrival { id: self.path.ids().hop(), at: self.clock.now(), credential: Credential::Pipe(from), task, to }
    }

    /// What the record says of each call.
    async fn account(&self, run: &Run, calls: Vec<(&Call, Asked)>) -> Result<Vec<Decided>, ReplayFault> {
        self.path.recorder().flush().await.map_err(broken)?;
        let records = self.path.recorder().reader().records(1, u64::MAX, RECORDS_MAX).map_err(broken)?;
        // A held hop is decided again once it was approved: what counts is that somebody was asked.
        let mut first: HashMap<String, HopDecided> = HashMap::with_capacity(calls.len());
        for Record { body, .. } in records {
            if let Body::HopDecided(decided) = body {
                first.entry(decided.hop.clone()).or_insert(*decided);
            }
        }
        let decided = calls.into_iter().map(|(call, asked)| {
            let Told { decision, control, reason } =
                first.get(&asked.hop.to_string()).map_or_else(Told::malformed, Told::of);
            Decided {
                id: run.id.clone(),
                i: call.i,
                decision,
                control,
                reason,
                took: asked.took,
                tool: call.name.clone(),
            }
        });
        Ok(decided.collect())
    }
}

/// Opens a task with the person's words.
async fn open(stage: &Stage, run: &Run, path: &Path, now: Timestamp) -> Result<TaskId, ReplayFault> {
    let wanted = OpenTask {
        workflow: stage.deployment.agents[&stage.agent].workflow.clone(),
        words: run.prompt.clone(),
        success_criteria: Vec::new(),
        scope: None,
        out_of_scope: Vec::new(),
        accountable_human: None,
        ttl_ms: None,
    };
    let id = path.ids().task();
    let task = TaskSpec::open(wanted, id, now, path.world().deployment())
        .map_err(|error| ReplayFault::Unfit(format!("its task cannot be opened: {error}")))?;
    path.recorder().record(Body::TaskOpened(write_task(&task))).await.map_err(broken)?;
    Ok(id)
}

/// A call that was made.
struct Asked {
    hop: HopId,
    took: Duration,
    /// Whether it went through in the end.
    released: bool,
}

/// What the record of a decision says in one line.
struct Told {
    decision: Ruling,
    control: Option<String>,
    reason: Option<String>,
}

impl Told {
    fn of(decided: &HopDecided) -> Self {
        let (decision, word) = match decided.decision.as_str() {
            "allow" => return Self { decision: Ruling::Allow, control: None, reason: None },
            "hold" => (Ruling::Hold, "ESCALATE"),
            _ => (Ruling::Deny, "NO-GO"),
        };
        let (control, reason) = match decided.findings.iter().find(|finding| finding.word == word) {
            Some(Finding { control, reason, .. }) => (control.clone(), reason.clone()),
            // No control says more of it than what such an action needs anyway.
            None => ("EC-2.1".to_owned(), format!("{} risk", decided.risk.as_deref().unwrap_or("unknown"))),
        };
        Self { decision, control: Some(control), reason: Some(reason) }
    }

    /// What came no further than to be read.
    fn malformed() -> Self {
        let (control, reason) = ("EC-2.15".to_owned(), "its arguments cannot be read as a frame".to_owned());
        Self { decision: Ruling::Deny, control: Some(control), reason: Some(reason) }
    }
}

fn received(arrival: Arrival, act: Act, turn: Turn, payload: &Value) -> Option<Received> {
    let bytes = serde_json::to_vec(payload).ok()?;
    Received::from_bytes(arrival, act, turn, &bytes, &Limits::DEFAULT).ok()
}

/// The definitions that people approved, as the servers publish them.
fn definitions(deployment: &Deployment) -> Vec<(ToolRef, ToolDefinition)> {
    let tools = deployment.servers.values().flat_map(|server| server.tools.values());
    tools.filter_map(|tool| Some((tool.tool.clone(), tool.definition.as_deref()?.clone()))).collect()
}

fn broken(error: impl std::error::Error) -> ReplayFault {
    ReplayFault::Broken(error.to_string())
}

/// A clock that goes on by a second with each hop, so that a replay says the same each time.
#[derive(Debug)]
struct Steps(AtomicI64);

impl Steps {
    fn step(&self) {
        self.0.fetch_add(1_000, Ordering::Relaxed);
    }
}

impl Clock for Steps {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// Ids that are counted.
#[derive(Debug, Default)]
struct Counted(AtomicU64);

impl Counted {
    fn next(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed) + 1))
    }
}

impl Ids for Counted {
    fn hop(&self) -> HopId {
        HopId::from_uuid(self.next())
    }

    fn task(&self) -> TaskId {
        TaskId::from_uuid(self.next())
    }

    fn ticket(&self) -> TicketId {
        TicketId::from_uuid(self.next())
    }

    fn secret(&self) -> Option<[u8; 32]> {
        None
    }
}

/// The controls that judge a text by what stands in it.
const DETECTION: [&str; 5] = ["PG-1.1", "PG-1.2", "PG-1.5", "IA-2.6", "DP-2.1"];

const DAY_MS: u64 = 24 * 3_600_000;
const RECORDS_MAX: usize = 1_000_000;
