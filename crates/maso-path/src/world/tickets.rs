//! Held actions and their answers (EC-1.1, EC-2.9): each bound to one exact action, used once, expiring to no.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    sync::Arc,
};

use maso_core::{AgentName, Digest, Finding, OperatorName, TicketId, Timestamp, Word};
use maso_log::v1;
use maso_policy::{Approval, Rejection, Verdicts};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::footing::Footing;

/// How many closed tickets are kept for people to look at.
const CLOSED_MAX: usize = 1_000;

/// How many actions of all agents together may be held at once; one more is refused.
const OPEN_MAX: usize = 10_000;

/// Where a held action stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Not enough people answered yet.
    Open,
    /// Enough people approved; nobody used it yet.
    Approved,
    /// A person said no.
    Rejected {
        /// Who.
        by: OperatorName,
        /// Why.
        reason: String,
    },
    /// Nobody answered in time.
    Expired,
    /// It was approved and used.
    Spent,
}

/// A held action.
#[derive(Clone, Debug)]
pub struct TicketState {
    /// The ticket.
    pub id: TicketId,
    /// The exact action.
    pub action: Digest,
    /// The decision that held it, with everything a person needs to see.
    pub decided: Arc<v1::HopDecided>,
    /// How many people must approve.
    pub n_people: u8,
    /// When silence becomes a no.
    pub expires_at: Timestamp,
    /// Who approved so far.
    pub approvals: Vec<Approval>,
    /// Where it stands.
    pub answer: Answer,
}

/// All held actions.
#[derive(Debug)]
pub struct Tickets {
    /// How many actions of one agent may be held at once: nobody fills the supervisors' queue alone.
    of_agent_max: usize,
    inner: Mutex<Inner>,
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Inner {
    tickets: HashMap<TicketId, TicketState>,
    /// The latest ticket of each action.
    by_action: HashMap<Digest, TicketId>,
    closed: VecDeque<TicketId>,
    /// How many of each agent are not closed.
    n_open_of: HashMap<AgentName, usize>,
}

impl Tickets {
    /// Nothing is held; at most so many actions of one agent may be.
    pub(super) fn new(of_agent_max: usize) -> Self {
        Self { of_agent_max, inner: Mutex::default(), changes: watch::Sender::new(0) }
    }

    /// The latest ticket for this exact action, unless it was used.
    pub fn of_action(&self, action: &Digest) -> Option<TicketState> {
        let inner = self.inner.lock();
        inner
            .by_action
            .get(action)
            .and_then(|id| inner.tickets.get(id))
            .filter(|ticket| ticket.answer != Answer::Spent)
            .cloned()
    }

    /// What people said of this exact action. A yes whose time is over was not said: it must be neither counted nor
    /// used up by an action that happens without it.
    pub(crate) fn heard(&self, action: &Digest, now: Timestamp) -> Verdicts {
        let mut verdicts = Verdicts::none();
        if let Some(ticket) = self.of_action(action) {
            match ticket.answer {
                Answer::Open | Answer::Approved => {
                    verdicts.approvals = ticket.approvals;
                    verdicts.approvals.retain(|approval| now <= approval.expires_at);
                }
                Answer::Rejected { by, reason } => {
                    verdicts.rejections.push(Rejection { ticket: ticket.id, by, action: ticket.action, reason });
                }
                Answer::Expired => verdicts.expired = true,
                Answer::Spent => {}
            }
        }
        verdicts
    }

    /// One ticket.
    pub fn find(&self, id: TicketId) -> Option<TicketState> {
        self.inner.lock().tickets.get(&id).cloned()
    }

    /// All tickets that are kept, newest first.
    pub fn all(&self) -> Vec<TicketState> {
        let mut tickets: Vec<_> = self.inner.lock().tickets.values().cloned().collect();
        tickets.sort_by_key(|ticket| std::cmp::Reverse(ticket.id));
        tickets
    }

    /// How many are open.
    pub fn n_open(&self) -> usize {
        let inner = self.inner.lock();
        inner.tickets.len() - inner.closed.len()
    }

    /// How many of this agent's actions are held.
    pub fn n_open_of(&self, agent: &AgentName) -> usize {
        self.inner.lock().n_open_of.get(agent).copied().unwrap_or(0)
    }

    /// Whether one more action of this agent may be held.
    pub(crate) fn room_for(&self, agent: &AgentName) -> Result<(), Finding> {
        let full = |what: String| Err(Finding::new("EC-1.3", Word::NoGo, what));
        if self.n_open_of(agent) >= self.of_agent_max {
            return full(format!("{} actions of agent `{agent}` wait for people already", self.of_agent_max));
        }
        if self.n_open() >= OPEN_MAX {
            return full(format!("{OPEN_MAX} actions wait for people already"));
        }
        Ok(())
    }

    /// Whether people's words still are what the decision was made with, and a place to wait is still free.
    pub(super) fn bear(&self, footing: &Footing, now: Timestamp) -> bool {
        let heard = self.heard(&footing.action, now);
        let refused = heard.expired || !heard.rejections.is_empty();
        let approved = footing.approvals.iter().all(|approval| heard.approvals.contains(approval));
        // An answer that came meanwhile, under whichever ticket, is heard first: whoever waited under an answered ticket
        // would wait for nobody.
        let is_news = |approval: &Approval| !footing.approvals.contains(approval);
        let may_wait = |ticket| match self.of_action(&footing.action) {
            Some(open) if open.answer == Answer::Open => open.id == ticket,
            Some(answered) if answered.id == ticket || heard.approvals.iter().any(is_news) => false,
            Some(_) | None => self.find(ticket).is_none() && self.room_for(&footing.mandate.agent).is_ok(),
        };
        !refused && approved && footing.ticket.is_none_or(may_wait)
    }

    /// A signal that fires whenever any ticket changes.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(super) fn overdue(&self, now: Timestamp) -> Vec<TicketId> {
        let inner = self.inner.lock();
        inner
            .tickets
            .values()
            .filter(|ticket| matches!(ticket.answer, Answer::Open | Answer::Approved) && ticket.expires_at <= now)
            .map(|ticket| ticket.id)
            .collect()
    }

    pub(super) fn decided(&self, decided: &v1::HopDecided) {
        match decided.decision.as_str() {
            "hold" => self.held(decided),
            "deny" => self.told(decided),
            _ => {}
        }
    }

    /// Forgets the closed ticket of an action that was denied, so that it may be asked for afresh: whoever waited was
    /// told.
    fn told(&self, decided: &v1::HopDecided) {
        let Some(action) = decided.action.as_deref().and_then(Digest::parse) else { return };
        let mut inner = self.inner.lock();
        if let Some(id) = inner.by_action.get(&action).copied()
            && inner.tickets.get(&id).is_some_and(|ticket| is_closed(&ticket.answer))
        {
            inner.by_action.remove(&action);
        }
    }

    fn held(&self, decided: &v1::HopDecided) {
        let (Some(ticket), Some(action), Some(expires_at)) = (&decided.ticket, &decided.action, decided.expires_at)
        else {
            return;
        };
        let (Ok(id), Some(action)) = (ticket.parse::<TicketId>(), Digest::parse(action)) else { return };
        let mut inner = self.inner.lock();
        if inner.tickets.contains_key(&id) {
            return;
        }
        // Identical hops that were held at the same moment wait under the ticket that was recorded first. An answer to
        // another one would be lost, and a person would be asked twice about one action.
        let waits = inner.by_action.get(&action).and_then(|first| inner.tickets.get(first));
        if waits.is_some_and(|first| first.answer == Answer::Open) {
            return;
        }
        if let Some(agent) = agent_of(decided) {
            *inner.n_open_of.entry(agent).or_default() += 1;
        }
        inner.by_action.insert(action, id);
        inner.tickets.insert(
            id,
            TicketState {
                id,
                action,
                decided: Arc::new(decided.clone()),
                n_people: decided.awaited.map_or(1, |review| review.people).max(1),
                expires_at: Timestamp::from_millis(expires_at),
                approvals: Vec::new(),
                answer: Answer::Open,
            },
        );
        drop(inner);
        self.notify();
    }

    pub(super) fn answered(&self, record: &v1::TicketAnswered) {
        let (Ok(id), Ok(by)) = (record.ticket.parse::<TicketId>(), record.by.parse::<OperatorName>()) else { return };
        self.change(id, |ticket| {
            if !matches!(ticket.answer, Answer::Open | Answer::Approved)
                || Digest::parse(&record.action) != Some(ticket.action)
            {
                return;
            }
            match record.answer.as_str() {
                "approve" if ticket.approvals.iter().all(|approval| approval.by != by) => {
                    ticket.approvals.push(Approval {
                        ticket: id,
                        by,
                        action: ticket.action,
                        expires_at: Timestamp::from_millis(record.expires_at),
                    });
                    if ticket.approvals.len() >= usize::from(ticket.n_people) {
                        ticket.answer = Answer::Approved;
                    }
                }
                "approve" => {}
                // Whatever is not clearly a yes is a no, and a no counts until the action has happened.
                _ => ticket.answer = Answer::Rejected { by, reason: record.reason.clone() },
            }
        });
    }

    pub(super) fn expired(&self, record: &v1::TicketExpired) {
        if let Ok(id) = record.ticket.parse() {
            self.change(id, |ticket| {
                if matches!(ticket.answer, Answer::Open | Answer::Approved) {
                    ticket.answer = Answer::Expired;
                }
            });
        }
    }

    pub(super) fn spent(&self, record: &v1::TicketSpent) {
        if let Ok(id) = record.ticket.parse() {
            self.change(id, |ticket| ticket.answer = Answer::Spent);
        }
    }

    fn change(&self, id: TicketId, change: impl FnOnce(&mut TicketState)) {
        let mut inner = self.inner.lock();
        let Some(ticket) = inner.tickets.get_mut(&id) else { return };
        let was_closed = is_closed(&ticket.answer);
        change(ticket);
        if !was_closed && is_closed(&ticket.answer) {
            if let Some(agent) = agent_of(&ticket.decided)
                && let Entry::Occupied(mut n_open) = inner.n_open_of.entry(agent)
            {
                *n_open.get_mut() -= 1;
                if *n_open.get() == 0 {
                    n_open.remove();
                }
            }
            inner.closed.push_back(id);
            while inner.closed.len() > CLOSED_MAX {
                if let Some(oldest) = inner.closed.pop_front()
                    && let Some(gone) = inner.tickets.remove(&oldest)
                    && inner.by_action.get(&gone.action) == Some(&oldest)
                {
                    inner.by_action.remove(&gone.action);
                }
            }
        }
        drop(inner);
        self.notify();
    }

    fn notify(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }
}

/// The agent whose action it is, or whose client a server turns to.
fn agent_of(decided: &v1::HopDecided) -> Option<AgentName> {
    let agent = |party: &str| party.strip_prefix("agent:").and_then(|agent| agent.parse().ok());
    decided.from.as_deref().and_then(agent).or_else(|| agent(&decided.to))
}

fn is_closed(answer: &Answer) -> bool {
    matches!(answer, Answer::Rejected { .. } | Answer::Expired | Answer::Spent)
}
