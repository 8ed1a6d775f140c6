//! What the mock remembers.

use std::{
    sync::Mutex,
    time::{SystemTime, UNIX_EPOCH},
};

use maso_api::{
    AgentView, AnswerTicket, ApprovalView, ApproveTool, AssessTask, AssumptionView, ClarificationView, Clarify,
    EvaluationView, Event, HopView, PostureView, Promote, ScopeView, Status, TaskView, TicketView, TicketWord,
    VerificationView, WaitingTool,
};
use serde_json::{Value, json};
use tokio::sync::broadcast;

use crate::{claims, crowd, map, tasks};

const OPERATOR: &str = "operator:claims-supervisor";

/// An event with its id on the stream.
pub type Told = (u64, Event);

pub fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

pub struct Desk {
    mode: &'static str,
    is_crowd: bool,
    state: Mutex<Held>,
    events: broadcast::Sender<Told>,
}

#[derive(Default)]
struct Held {
    hops: Vec<HopView>,
    tickets: Vec<TicketView>,
    tools: Vec<WaitingTool>,
    scopes: Vec<ScopeView>,
    tasks: Vec<TaskView>,
    clarifications: Vec<ClarificationView>,
    assumptions: Vec<AssumptionView>,
    evaluations: Vec<EvaluationView>,
    records: Vec<Value>,
    n_happened: usize,
}

impl Desk {
    pub fn new(words: &[String]) -> Self {
        let is_observing = words.iter().any(|word| word == "observe");
        let phase = words.iter().find(|word| ["alternate", "contingency", "emergency"].contains(&word.as_str()));
        let desk = Self {
            mode: if is_observing { "observe" } else { "enforce" },
            is_crowd: words.iter().any(|word| word == "many"),
            state: Mutex::new(Held { scopes: claims::scopes(now_ms(), phase.map(String::as_str)), ..Held::default() }),
            events: broadcast::channel(1_024).0,
        };
        desk.write(json!({
            "kind": "started", "deployment": "claims", "digest": claims::hash(0), "mode": desk.mode,
            "version": env!("CARGO_PKG_VERSION"), "role": "up",
        }));
        if words.iter().any(|word| word == "empty") {
            return desk;
        }
        desk.state.lock().unwrap().tasks = tasks::open(now_ms());
        desk.state.lock().unwrap().clarifications = tasks::clarifications(now_ms());
        desk.state.lock().unwrap().assumptions = tasks::assumptions(now_ms());
        desk.state.lock().unwrap().evaluations = tasks::evaluations(now_ms());
        desk.state.lock().unwrap().tools = claims::waiting_tools();
        let past = if desk.is_crowd { (0..900).map(crowd::next).collect() } else { claims::history() };
        let n_past = i64::try_from(past.len()).unwrap();
        for (index, hop) in past.into_iter().enumerate() {
            let at = now_ms() - (n_past - i64::try_from(index).unwrap()) * if desk.is_crowd { 110 } else { 4_100 };
            desk.decide(hop, at);
        }
        desk
    }

    /// The next thing happens.
    pub fn happen(&self) {
        let mut state = self.state.lock().unwrap();
        if state.tasks.is_empty() {
            return;
        }
        let index = state.n_happened;
        state.n_happened += 1;
        drop(state);
        self.decide(if self.is_crowd { crowd::next(index) } else { claims::next(index) }, now_ms());
    }

    fn decide(&self, mut hop: HopView, at: i64) {
        let sequence = self.state.lock().unwrap().records.len() as u64 + 1;
        hop.hop = format!("019ab2f4-7c1e-7{:03x}-9d42-5be1{:08x}", sequence % 4096, sequence * 7_919);
        self.write(json!({
            "kind": "hop-decided", "hop": hop.hop, "hop_kind": hop.kind, "from": hop.from, "to": hop.to,
            "verb": hop.verb, "object": hop.object, "decision": hop.decision, "pace_phase": hop.phase,
        }));
        hop.sequence = sequence;
        hop.at = at;
        hop.enforced = self.mode == "enforce";
        if hop.decision == "allow" {
            self.write(json!({ "kind": "hop-released", "hop": hop.hop, "outcome": "delivered", "took_ms": 11 }));
        }
        if hop.ticket.is_some() {
            let ticket = claims::ticket(&hop, now_ms());
            self.state.lock().unwrap().tickets.push(ticket);
        }
        self.state.lock().unwrap().hops.push(hop.clone());
        self.tell(Event::Hop(Box::new(hop)));
    }

    fn write(&self, body: Value) -> u64 {
        let mut state = self.state.lock().unwrap();
        let sequence = state.records.len() as u64 + 1;
        let previous = state.records.last().map_or_else(|| claims::hash(0), |last| last["hash"].clone());
        state.records.push(json!({
            "sequence": sequence, "at": now_ms(), "hash": claims::hash(sequence), "previous": previous, "body": body,
        }));
        sequence
    }

    fn tell(&self, event: Event) {
        let id = self.state.lock().unwrap().records.len() as u64;
        // Nobody listening is no fault.
        drop(self.events.send((id, event)));
    }

    pub fn since(&self, last: Option<u64>) -> (Vec<Told>, broadcast::Receiver<Told>) {
        let state = self.state.lock().unwrap();
        let missed = state.hops.iter().filter(|hop| last.is_some_and(|last| hop.sequence > last));
        let missed = missed.map(|hop| (hop.sequence, Event::Hop(Box::new(hop.clone())))).collect();
        (missed, self.events.subscribe())
    }

    pub fn status(&self) -> Status {
        let state = self.state.lock().unwrap();
        Status {
            deployment: "claims".to_owned(),
            digest: claims::hash(7).as_str().unwrap().to_owned(),
            signers: Vec::new(),
            trust_domain: "claims.example".to_owned(),
            tier: 2,
            mode: self.mode.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            phase: state.scopes[0].phase.clone(),
            n_records: state.records.len() as u64,
            head: state.records.last().and_then(|last| last["hash"].as_str()).unwrap_or_default().to_owned(),
            n_open_tickets: state.tickets.iter().filter(|ticket| ticket.state == "open").count(),
            n_waiting_tools: state.tools.len(),
            n_open_questions: 0,
        }
    }

    pub fn hops(&self) -> Vec<HopView> {
        let state = self.state.lock().unwrap();
        state.hops.iter().skip(state.hops.len().saturating_sub(500)).cloned().collect()
    }

    pub fn tickets(&self) -> Vec<TicketView> {
        self.state.lock().unwrap().tickets.clone()
    }

    pub fn agents(&self) -> Vec<AgentView> {
        if self.is_crowd { crowd::agents() } else { claims::agents(&self.state.lock().unwrap().scopes) }
    }

    pub fn map(&self) -> maso_api::MapView {
        let agents = self.agents();
        let state = self.state.lock().unwrap();
        map::map(&agents, &state.scopes, &state.hops, state.records.len() as u64)
    }

    pub fn waiting_tools(&self) -> Vec<WaitingTool> {
        self.state.lock().unwrap().tools.clone()
    }

    pub fn tasks(&self) -> Vec<TaskView> {
        self.state.lock().unwrap().tasks.clone()
    }

    pub fn clarifications(&self) -> Vec<ClarificationView> {
        self.state.lock().unwrap().clarifications.clone()
    }

    pub fn assumptions(&self) -> Vec<AssumptionView> {
        self.state.lock().unwrap().assumptions.clone()
    }

    pub fn promote(&self, task: &str, order: &Promote) -> Result<(), &'static str> {
        {
            let mut state = self.state.lock().unwrap();
            let mut made = state.assumptions.iter_mut().filter(|made| made.task == task);
            let made = made.find(|made| made.assumption == order.assumption && made.answered_by.is_none());
            let made = made.ok_or("it was answered already, or its task is over")?;
            made.answered_by = Some(OPERATOR.trim_start_matches("operator:").to_owned());
            made.scope = order.scope;
        }
        self.write(json!({
            "kind": "assumption-answered", "assumption": order.assumption, "task": task, "by": OPERATOR,
            "scope": order.scope,
        }));
        self.tell(Event::Tasks);
        Ok(())
    }

    pub fn evaluations(&self) -> Vec<EvaluationView> {
        self.state.lock().unwrap().evaluations.clone()
    }

    pub fn clarify(&self, task: &str, order: &Clarify) -> Result<(), &'static str> {
        {
            let mut state = self.state.lock().unwrap();
            if let Some(question) = &order.question {
                let mut asked = state.clarifications.iter_mut().filter(|asked| asked.task == task);
                let asked = asked.find(|asked| asked.question == *question && asked.answered_by.is_none());
                let asked = asked.ok_or("the question was answered already")?;
                asked.answered_by = Some(OPERATOR.to_owned());
                asked.answer = Some(order.answer.clone());
            }
            if let Some(part) = &order.about {
                for open in state.tasks.iter_mut().filter(|open| open.task == task) {
                    open.unclear.retain(|unclear| unclear != part);
                }
            }
        }
        self.write(json!({
            "kind": "clarification-answered", "question": order.question, "task": task, "about": order.about,
            "by": OPERATOR, "answer": order.answer,
        }));
        self.tell(Event::Tasks);
        Ok(())
    }

    pub fn assess(&self, task: &str, order: &AssessTask) -> Result<(), &'static str> {
        {
            let mut state = self.state.lock().unwrap();
            let mut evaluated: Vec<_> = state.evaluations.iter_mut().filter(|it| it.task == task).collect();
            if evaluated.is_empty() {
                return Err("there is no such task");
            }
            for evaluation in &mut evaluated {
                tasks::assess(evaluation, order, now_ms());
            }
            state.evaluations.sort_by_key(|evaluation| std::cmp::Reverse(evaluation.at));
        }
        self.write(json!({
            "kind": "task-assessed", "task": task, "criterion": order.criterion, "met": order.met, "by": OPERATOR,
            "reason": order.reason,
        }));
        self.tell(Event::Tasks);
        Ok(())
    }

    pub fn posture(&self) -> PostureView {
        PostureView { scopes: self.state.lock().unwrap().scopes.clone() }
    }

    /// The canned record is never tampered with.
    pub fn verify(&self) -> VerificationView {
        let status = self.status();
        VerificationView {
            at: now_ms(),
            took_ms: 12,
            verified: true,
            records: status.n_records,
            head: status.head,
            payloads: 0,
            n_problems: 0,
            problems: Vec::new(),
        }
    }

    pub fn about(&self, hop: &str) -> Vec<Value> {
        let state = self.state.lock().unwrap();
        state.records.iter().filter(|record| record["body"]["hop"] == hop).cloned().collect()
    }

    pub fn records(&self, from: Option<u64>, limit: usize) -> Vec<Value> {
        let state = self.state.lock().unwrap();
        let latest = (state.records.len() as u64 + 1).saturating_sub(limit as u64).max(1);
        let from = from.unwrap_or(latest);
        state.records.iter().filter(|record| record["sequence"].as_u64() >= Some(from)).take(limit).cloned().collect()
    }

    pub fn answer(&self, id: &str, answer: &AnswerTicket) -> Result<TicketView, &'static str> {
        let answered = {
            let mut state = self.state.lock().unwrap();
            let ticket =
                state.tickets.iter_mut().find(|ticket| ticket.ticket == id).ok_or("there is no such ticket")?;
            if ticket.action != answer.action || ticket.state != "open" {
                return Err("the ticket changed since you looked at it");
            }
            match answer.answer {
                TicketWord::Approve => {
                    ticket.approvals.push(ApprovalView { ticket: id.to_owned(), by: OPERATOR.to_owned() });
                    if ticket.approvals.len() >= usize::from(ticket.n_people) {
                        "approved".clone_into(&mut ticket.state);
                    }
                }
                TicketWord::Reject => {
                    "rejected".clone_into(&mut ticket.state);
                    ticket.rejected = Some((OPERATOR.to_owned(), answer.reason.clone()));
                }
            }
            ticket.clone()
        };
        let word = if answer.answer == TicketWord::Approve { "approve" } else { "reject" };
        self.write(json!({
            "kind": "ticket-answered", "ticket": id, "action": answer.action, "answer": word, "by": OPERATOR,
            "reason": answer.reason, "expires_at": answered.expires_at,
        }));
        self.tell(Event::Ticket(Box::new(answered.clone())));
        Ok(answered)
    }

    pub fn approve_tool(&self, order: &ApproveTool) {
        let n_waiting = {
            let mut state = self.state.lock().unwrap();
            state.tools.retain(|tool| tool.tool != order.tool || tool.digest != order.digest);
            state.tools.len()
        };
        self.write(json!({ "kind": "tool-approved", "tool": order.tool, "digest": order.digest, "by": OPERATOR }));
        self.tell(Event::Tools { n_waiting });
    }

    pub fn move_phase(&self, name: &str, to: &str, reason: &str) -> PostureView {
        let mut from = String::new();
        for scope in self.state.lock().unwrap().scopes.iter_mut().filter(|scope| scope.scope == name) {
            from = std::mem::replace(&mut scope.phase, to.to_owned());
            scope.moves = claims::moves(to);
            let is_primary = to == "primary";
            scope.since = (!is_primary).then(now_ms);
            scope.trigger = (!is_primary).then(|| reason.to_owned());
            scope.by = (!is_primary).then(|| OPERATOR.to_owned());
        }
        self.write(json!({
            "kind": "phase-changed", "scope": name, "from": from, "to": to, "trigger": reason, "by": OPERATOR,
        }));
        let posture = self.posture();
        self.tell(Event::Posture(posture.clone()));
        posture
    }
}
