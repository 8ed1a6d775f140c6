//! Reads the record as it grows and says what must never be on it. Shares no code with what decides: it knows the
//! words of the record, which tools are dangerous, and what the agent asked for.

use std::collections::{BTreeMap, BTreeSet};

use maso_log::{
    Record,
    v1::{Body, HopDecided},
};
use serde_json::Value;

/// People who may approve, as the deployment declares them.
pub const SUPERVISORS: [&str; 2] = ["owner", "second"];

/// What an agent asked for, as the driver knows it.
#[derive(Clone, Debug)]
pub struct Asked {
    pub payload: Value,
    /// What the operator said in the task; `None` for the standing task.
    pub words: Option<String>,
    /// Whether the process it came through publishes the definition that was approved last.
    pub is_pinned: bool,
    /// The moment at which it was decided.
    pub now_ms: i64,
}

/// What the record has said so far.
#[derive(Debug, Default)]
pub struct Auditor {
    pub last: u64,
    /// What the driver sent, by hop; updated when a held hop is decided again.
    pub asked: BTreeMap<String, Asked>,
    /// What was carried, in order.
    pub carried: Vec<String>,
    tickets: BTreeMap<String, Held>,
    phases: BTreeMap<String, String>,
    /// Hops that were allowed, and at which record.
    allowed: BTreeMap<String, u64>,
    released: BTreeSet<String>,
    n_carried_seen: usize,
    /// All decisions, as they are on the record.
    pub decisions: Vec<String>,
    pub seen: Coverage,
}

/// How often something happened, so that a simulation in which nothing happens fails.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Coverage(pub BTreeMap<String, u64>);

#[derive(Debug, Default)]
struct Held {
    action: String,
    /// Who approved, and until when that counts.
    approvals: BTreeMap<String, i64>,
    is_closed: bool,
    used_by: Option<String>,
}

/// Says what is wrong unless the condition holds.
macro_rules! must {
    ($condition:expr, $($why:tt)+) => {
        if !$condition {
            return Err(format!($($why)+));
        }
    };
}

impl Coverage {
    pub fn count(&mut self, what: impl Into<String>) {
        *self.0.entry(what.into()).or_default() += 1;
    }

    pub fn join(&mut self, other: &Self) {
        for (what, n) in &other.0 {
            *self.0.entry(what.clone()).or_default() += n;
        }
    }
}

impl Auditor {
    /// Whether nothing that concerns the agent may be carried.
    pub fn is_stopped(&self) -> bool {
        let phase = |scope: &str| self.phases.get(scope).map_or("primary", String::as_str);
        phase("agent:writer") != "primary" || ["deployment", "workflow:notes"].iter().any(|s| phase(s) == "emergency")
    }

    /// Whether everything is as it was on the first day.
    pub fn is_calm(&self) -> bool {
        self.phases.values().all(|phase| phase == "primary")
    }

    /// Takes in what is new on the record, and compares it with what was carried.
    pub fn read(&mut self, records: &[Record]) -> Result<(), String> {
        for record in records {
            must!(record.sequence == self.last + 1, "record {} follows record {}", record.sequence, self.last);
            self.last = record.sequence;
            self.take_in(record).map_err(|why| format!("record {}: {why}", record.sequence))?;
        }
        for hop in &self.carried[self.n_carried_seen..] {
            let n_times = self.carried.iter().filter(|carried| *carried == hop).count();
            must!(n_times == 1, "`{hop}` was carried {n_times} times");
            must!(self.allowed.contains_key(hop), "`{hop}` was carried and no permit for it is on the record");
        }
        self.n_carried_seen = self.carried.len();
        must!(
            self.allowed.len() == self.carried.len(),
            "{} hops were allowed and {} were carried",
            self.allowed.len(),
            self.carried.len()
        );
        must!(
            self.released.len() == self.carried.len(),
            "{} hops were carried and what came of {} is on the record",
            self.carried.len(),
            self.released.len()
        );
        Ok(())
    }

    fn take_in(&mut self, record: &Record) -> Result<(), String> {
        match &record.body {
            Body::HopDecided(decided) => self.decided(record.sequence, decided),
            Body::HopReleased(released) => {
                must!(
                    self.allowed.contains_key(&released.hop),
                    "`{}` was released before it was allowed",
                    released.hop
                );
                must!(self.released.insert(released.hop.clone()), "`{}` was released twice", released.hop);
                Ok(())
            }
            Body::TicketAnswered(answered) => {
                let Some(held) = self.tickets.get_mut(&answered.ticket) else { return Ok(()) };
                if held.is_closed || held.used_by.is_some() || held.action != answered.action {
                    return Ok(());
                }
                match answered.answer.as_str() {
                    "approve" => {
                        held.approvals.entry(answered.by.clone()).or_insert(answered.expires_at);
                    }
                    _ => held.is_closed = true,
                }
                self.seen.count(format!("answer: {}", answered.answer));
                Ok(())
            }
            Body::TicketExpired(expired) => {
                if let Some(held) = self.tickets.get_mut(&expired.ticket) {
                    held.is_closed = true;
                }
                self.seen.count("ticket expired");
                Ok(())
            }
            Body::TicketSpent(spent) => {
                let held = self.tickets.get_mut(&spent.ticket).ok_or("a ticket was used that was never given out")?;
                must!(held.used_by.is_none(), "`{}` was used twice", spent.ticket);
                must!(!held.is_closed, "`{}` was used after it was refused or had expired", spent.ticket);
                held.used_by = Some(spent.hop.clone());
                self.seen.count("ticket used");
                Ok(())
            }
            Body::PhaseChanged(changed) => {
                self.phases.insert(changed.scope.clone(), changed.to.clone());
                self.seen.count(format!("{} to {} by {}", changed.scope, changed.to, author(&changed.by)));
                Ok(())
            }
            Body::Killed(killed) => {
                self.phases.insert(killed.scope.clone(), "emergency".to_owned());
                self.seen.count(format!("{} killed", killed.scope));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn decided(&mut self, sequence: u64, decided: &HopDecided) -> Result<(), String> {
        self.decisions.push(serde_json::to_string(decided).unwrap());
        let turn = if decided.answers.is_some() { "answer" } else { "ask" };
        let refusal = decided.refusal.as_deref().unwrap_or("");
        self.seen.count(format!("{turn} {} {} {refusal}", decided.object, decided.decision).trim_end());
        must!(decided.enforced, "a decision does not bind");
        match decided.decision.as_str() {
            "allow" => self.allowed(sequence, decided).map_err(|why| format!("`{}` {why}", decided.hop)),
            "hold" => {
                let (ticket, action) = (decided.ticket.clone(), decided.action.clone());
                let (ticket, action) = ticket.zip(action).ok_or("it is held without a ticket")?;
                let held = self.tickets.entry(ticket).or_default();
                must!(held.action.is_empty() || held.action == action, "one ticket holds two actions");
                must!(held.used_by.is_none(), "a ticket that was used holds again");
                held.action = action;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn allowed(&mut self, sequence: u64, decided: &HopDecided) -> Result<(), String> {
        must!(self.allowed.insert(decided.hop.clone(), sequence).is_none(), "was allowed twice");
        must!(!self.is_stopped(), "was allowed although everything or its agent is stopped");
        if decided.answers.is_some() {
            return Ok(());
        }
        let asked = self.asked.get(&decided.hop).ok_or("was never asked")?;
        must!(asked.is_pinned, "calls a tool whose definition nobody approved");
        let (now_ms, payload, words) = (asked.now_ms, asked.payload.clone(), asked.words.clone());

        let mut people = BTreeSet::new();
        for approval in &decided.approvals {
            let held = self.tickets.get(&approval.ticket).ok_or("rests on a ticket that was never given out")?;
            must!(Some(&held.action) == decided.action.as_ref(), "rests on the approval of another action");
            must!(held.used_by.as_ref() == Some(&decided.hop), "rests on an approval that was not used for it");
            let until_ms = held.approvals.get(&approval.by).ok_or("rests on an approval that nobody gave")?;
            if *until_ms >= now_ms && SUPERVISORS.contains(&approval.by.as_str()) {
                people.insert(approval.by.clone());
            }
        }
        let approving: BTreeSet<_> =
            decided.verdicts.iter().filter(|verdict| verdict.opinion == "approve").map(|v| &v.judge).collect();
        let review = decided.review.ok_or("was not weighed")?;
        let by_judges = usize::from(approving.len() < usize::from(review.judges));
        let n_needed = (usize::from(review.people) + by_judges).max(least_people(&decided.object));
        must!(people.len() >= n_needed, "was allowed by {} people and needs {n_needed}", people.len());

        match decided.object.as_str() {
            "notes:read_note" | "notes:send_note" | "notes:wipe" => {}
            "notes:pay" => {
                let to = payload["to"].as_str().unwrap_or_default();
                let named = words.is_some_and(|words| words.split_whitespace().any(|word| word == to));
                must!(named, "pays to `{to}`, which no operator named");
                must!(payload["amount"].as_i64().is_some_and(|n| n <= 1000), "pays more than the mandate allows");
            }
            other => return Err(format!("calls `{other}`, which the mandate does not name")),
        }
        Ok(())
    }
}

/// How many people the framework asks for at least, whatever was weighed.
fn least_people(tool: &str) -> usize {
    match tool {
        "notes:pay" => 1,
        "notes:wipe" => 2,
        _ => 0,
    }
}

fn author(by: &str) -> &str {
    by.split(':').next().unwrap_or(by)
}
