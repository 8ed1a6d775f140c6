//! The records that belong to a task or to an agent, found by reading.
//!
//! No index is kept for this: each hop would pay for it at its commit, and it is asked for by a person, now and then. So
//! records of any age are found, by a search that is bounded in each step and says where the next one begins.

use std::collections::BTreeMap;

use maso_core::{AgentName, Holder, TaskId};

use crate::{
    LogFault, Reader, Record,
    v1::{Body, Erased},
};

/// Whose records are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// All hops of a task, what became of them, its opening, its token and its closing.
    Task(TaskId),
    /// All hops that an agent sent or was sent and what became of them, its tokens, phases and revocations.
    Agent(AgentName),
}

/// A part of what belongs to an owner.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The records, in order. What became of a hop stands on the page of its decision.
    pub records: Vec<Record>,
    /// Where to go on, if there is more to look at. A page may be empty and have a next one.
    pub next: Option<u64>,
}

impl Owner {
    /// Reads `task_…` or `agent:NAME`.
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("agent:") {
            Some(name) => name.parse().ok().map(Self::Agent),
            None => text.parse().ok().map(Self::Task),
        }
    }

    /// Texts of which one stands in every body that names the owner: never inside a string, where a quote is escaped.
    fn marks(&self) -> [String; 4] {
        match self {
            Self::Task(task) => [(); 4].map(|()| format!("\"{task}\"")),
            // By its name in hops, by its name in revocations, by its SPIFFE id in tokens, or by that of an instance.
            Self::Agent(agent) => [
                format!("\"agent:{agent}\""),
                format!("\"subject\":\"{agent}\""),
                format!("/agent/{agent}\""),
                format!("/agent/{agent}/inst_"),
            ],
        }
    }

    /// Whether a record names the owner itself.
    fn is_named_in(&self, body: &Body) -> bool {
        match (self, body) {
            (Self::Task(task), Body::HopDecided(decided)) => is(decided.task.as_deref(), task),
            (Self::Task(task), Body::TaskOpened(opened)) => is(Some(&opened.task), task),
            (Self::Task(task), Body::TaskClosed(closed)) => is(Some(&closed.task), task),
            (Self::Task(task), Body::ContextCheckpoint(noted)) => is(Some(&noted.task), task),
            (Self::Task(task), Body::MessageSaid(said)) => is(Some(&said.task), task),
            (Self::Task(task), Body::TaskAssessed(assessed)) => is(Some(&assessed.task), task),
            (Self::Task(task), Body::TaskEvaluated(evaluated)) => is(Some(&evaluated.task), task),
            (Self::Task(task), Body::PayloadsErased(erased)) => {
                matches!(&erased.what, Erased::Task(erased) if *erased == task.to_string())
            }
            (Self::Task(task), Body::ClarificationAsked(asked)) => is(Some(&asked.task), task),
            (Self::Task(task), Body::ClarificationAnswered(answered)) => is(Some(&answered.task), task),
            (Self::Task(task), Body::AssumptionMade(made)) => is(Some(&made.task), task),
            (Self::Task(task), Body::AssumptionAnswered(answered)) => is(Some(&answered.task), task),
            (Self::Task(task), Body::TokenIssued(token)) => is(Some(&token.subject), task),
            (Self::Agent(agent), Body::HopDecided(decided)) => {
                let named = format!("agent:{agent}");
                decided.from.as_ref() == Some(&named) || decided.to == named
            }
            (Self::Agent(agent), Body::ContextCheckpoint(noted)) => noted.agent == format!("agent:{agent}"),
            (Self::Agent(agent), Body::MessageSaid(said)) => {
                let named = format!("agent:{agent}");
                said.from == named || said.to == named
            }
            (Self::Agent(agent), Body::ClarificationAsked(asked)) => {
                let named = format!("agent:{agent}");
                asked.by == named || asked.of == named
            }
            (Self::Agent(agent), Body::AssumptionMade(made)) => made.by == format!("agent:{agent}"),
            (Self::Task(task), Body::AgentSpawned(spawned)) => is(Some(&spawned.task), task),
            (Self::Agent(agent), Body::AgentSpawned(spawned)) => {
                let named = format!("agent:{agent}");
                spawned.agent == named || spawned.by == named
            }
            (Self::Agent(agent), Body::InstanceEnded(ended)) => ended.agent == format!("agent:{agent}"),
            (Self::Agent(agent), Body::TokenIssued(token)) => {
                let is_its = |id: Holder| id.agent.agent == *agent;
                token.kind_of_token == "agent" && token.subject.parse().is_ok_and(is_its)
            }
            (Self::Agent(agent), Body::JoinTokenIssued(issued)) => issued.agent == format!("agent:{agent}"),
            (Self::Agent(agent), Body::JoinTokenUsed(used)) => used.agent == format!("agent:{agent}"),
            (Self::Agent(agent), Body::SvidIssued(issued)) => issued.agent == format!("agent:{agent}"),
            (Self::Agent(agent), Body::Revoked(revoked)) => {
                (revoked.what == "agent" && is(Some(&revoked.subject), agent)) || revoked.by == format!("agent:{agent}")
            }
            (Self::Agent(agent), Body::TaskOpened(opened)) => is(opened.standing.as_deref(), agent),
            (Self::Agent(agent), Body::PhaseChanged(changed)) => changed.scope == format!("agent:{agent}"),
            (Self::Agent(agent), Body::Killed(killed)) => killed.scope == format!("agent:{agent}"),
            _ => false,
        }
    }
}

fn is(named: Option<&str>, owner: &impl ToString) -> bool {
    named.is_some_and(|named| named == owner.to_string())
}

impl Reader {
    /// What `show` means by its argument, from the sequence `from` on and at most `n_max`: a sequence, the id of a hop,
    /// a ticket or a task, or `agent:NAME`.
    ///
    /// # Errors
    /// As [`Reader::records`].
    pub fn page(&self, what: &str, from: u64, n_max: usize) -> Result<Page, LogFault> {
        if let Some(owner) = Owner::parse(what) {
            return self.belonging(&owner, from, n_max);
        }
        let mut records = self.show(what)?;
        records.retain(|record| record.sequence >= from);
        let next = records.get(n_max).map(|record| record.sequence);
        records.truncate(n_max);
        Ok(Page { records, next })
    }

    /// The records that belong to `owner`, from the sequence `from` on: at most `n_max` that name it, and with each hop
    /// what became of it.
    ///
    /// # Errors
    /// As [`Reader::records`].
    pub fn belonging(&self, owner: &Owner, from: u64, n_max: usize) -> Result<Page, LogFault> {
        let from = from.max(self.opening(owner)?);
        let last = self.last_sequence()?;
        let to = from.saturating_add(SEARCHED_MAX - 1);
        let naming = self.holding(&owner.marks(), from, to, n_max)?;
        let next = match naming.last() {
            Some(record) if naming.len() >= n_max => Some(record.sequence + 1),
            Some(_) | None => Some(to.saturating_add(1)),
        };
        let mut records = BTreeMap::new();
        for record in naming.into_iter().filter(|record| owner.is_named_in(&record.body)) {
            for consequence in self.consequences(&record)? {
                if !owner.is_named_in(&consequence.body) {
                    records.insert(consequence.sequence, consequence);
                }
            }
            records.insert(record.sequence, record);
        }
        Ok(Page { records: records.into_values().collect(), next: next.filter(|next| *next <= last) })
    }

    /// Nothing names a task before it is opened.
    fn opening(&self, owner: &Owner) -> Result<u64, LogFault> {
        let Owner::Task(task) = owner else { return Ok(1) };
        Ok(self.about(&task.to_string(), 1)?.first().map_or(1, |opened| opened.sequence))
    }

    /// What became of a hop: how it was tried out, its release, and where this record is the one that held it, what came of its ticket.
    fn consequences(&self, record: &Record) -> Result<Vec<Record>, LogFault> {
        let Body::HopDecided(decided) = &record.body else { return Ok(Vec::new()) };
        let mut found = self.about(&decided.hop, CONSEQUENCES_MAX)?;
        let is_consequence =
            |body: &Body| matches!(body, Body::DryRunStarted(_) | Body::DryRunEnded(_) | Body::HopReleased(_));
        found.retain(|record| is_consequence(&record.body));
        if let Some(ticket) = &decided.ticket {
            let of_ticket = self.about(ticket, CONSEQUENCES_MAX)?;
            if of_ticket.first().is_some_and(|first| first.sequence == record.sequence) {
                found.extend(of_ticket.into_iter().skip(1).filter(|record| {
                    matches!(record.body, Body::TicketAnswered(_) | Body::TicketExpired(_) | Body::TicketSpent(_))
                }));
            }
        }
        Ok(found)
    }
}

/// Records that one step looks through: a fraction of a second.
const SEARCHED_MAX: u64 = 100_000;

/// Records that are shown of what became of one hop or ticket.
const CONSEQUENCES_MAX: usize = 100;
