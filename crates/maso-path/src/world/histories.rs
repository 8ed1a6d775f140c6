//! What temporal rules know of the record: who did what, in which order.
//!
//! Each rule's state is folded from the record alone, so a restart and another process know the same. Hops that are being
//! committed are seen by those that are asked after them in the same transaction, so that two at once are what one after
//! the other would be.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use maso_core::{Act, AgentName, Digest, Findings, HopId, Label, Principal, TaskId, TicketId, Timestamp, WorkflowName};
use maso_intent::{Deployment, Occurrence, Rule, Told};
use maso_log::v1;
use maso_policy::{Event, History, Traced};
use parking_lot::Mutex;

use crate::footing::Footing;

/// The histories that temporal rules look at.
#[derive(Debug)]
pub(super) struct Histories {
    deployment: Arc<Deployment>,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    history: History,
    /// What waits for people, so that their answer can be told by what it was about.
    held: HashMap<TicketId, Event>,
}

impl Histories {
    pub(super) fn new(deployment: &Arc<Deployment>) -> Self {
        let inner = Inner { history: History::new(deployment), held: HashMap::new() };
        Self { deployment: Arc::clone(deployment), inner: Mutex::new(inner) }
    }

    /// Without rules there is nothing to note, and nobody waits for the lock.
    fn is_idle(&self) -> bool {
        self.deployment.rules.is_empty()
    }

    /// What the rules say of a hop, as the next one of its histories.
    pub(super) fn judge(&self, traced: &Traced, now: Timestamp) -> Findings {
        if self.is_idle() {
            return Findings::none();
        }
        match Event::deciding(traced.resolved(), traced.label(), now) {
            Some(event) => self.inner.lock().history.judge(&event, |rule| self.applies(rule, now)),
            None => Findings::none(),
        }
    }

    /// Whether the rules still say no more than what a hop was decided under, now that all before it is known. If so, it
    /// takes its place before whoever is asked next.
    pub(super) fn bear(&self, footing: &Footing, now: Timestamp) -> bool {
        let Some(event) = footing.event.as_ref().filter(|_| !self.is_idle()) else { return true };
        let mut event = Event { at: now, ..event.clone() };
        let mut inner = self.inner.lock();
        if inner.history.judge(&event, |rule| self.applies(rule, now)).word() > footing.rules_word {
            return false;
        }
        if footing.ticket.is_some() {
            event.occurrence = Occurrence::Hold;
        }
        inner.history.commits(&Arc::new(event));
        true
    }

    /// Notes that a hop is not under way any more.
    pub(super) fn leave(&self, hop: HopId) {
        if !self.is_idle() {
            self.inner.lock().history.left(hop);
        }
    }

    /// Takes in a recorded decision.
    pub(super) fn decided(&self, at: Timestamp, decided: &v1::HopDecided) {
        if self.is_idle() {
            return;
        }
        let Some(event) = self.read(at, decided) else { return };
        let mut inner = self.inner.lock();
        inner.history.left(event.hop);
        inner.history.happened(&event);
        if let (Occurrence::Hold, Some(Ok(ticket))) = (event.occurrence, decided.ticket.as_deref().map(str::parse)) {
            inner.held.insert(ticket, event);
        }
    }

    /// Takes in what a person said of a held action.
    pub(super) fn answered(&self, at: Timestamp, answered: &v1::TicketAnswered) {
        let Ok(ticket) = answered.ticket.parse::<TicketId>() else { return };
        let mut inner = self.inner.lock();
        let Some(held) = inner.held.get(&ticket) else { return };
        let occurrence = if answered.answer == "approve" { Occurrence::Approval } else { Occurrence::Rejection };
        let event = Event { occurrence, at, ..held.clone() };
        inner.history.happened(&event);
        if occurrence == Occurrence::Rejection {
            inner.held.remove(&ticket);
        }
    }

    /// Lets go of a held action that nobody can answer any more.
    pub(super) fn let_go(&self, ticket: &str) {
        if let Ok(ticket) = ticket.parse::<TicketId>() {
            self.inner.lock().held.remove(&ticket);
        }
    }

    pub(super) fn closed(&self, closed: &v1::TaskClosed) {
        if let Ok(task) = closed.task.parse::<TaskId>() {
            self.inner.lock().history.closed(task);
        }
    }

    fn applies(&self, rule: &Rule, now: Timestamp) -> bool {
        self.deployment.applies(rule.control.as_str(), now)
    }

    /// What a recorded decision is to the rules.
    fn read(&self, at: Timestamp, decided: &v1::HopDecided) -> Option<Event> {
        let act = Act::parse(&decided.verb, &decided.object).filter(Event::concerns)?;
        let asker = if decided.answers.is_none() { decided.from.as_deref()? } else { decided.to.as_str() };
        let Principal::Agent(agent) = Principal::parse(asker)? else { return None };
        // What only observes stops nothing: it went through whatever was decided.
        let occurrence = match (decided.decision.as_str(), decided.enforced) {
            ("allow", _) | (_, false) if decided.answers.is_none() => Occurrence::Call,
            ("allow", _) | (_, false) => Occurrence::Answer,
            ("hold", true) => Occurrence::Hold,
            (_, true) => Occurrence::Refusal,
        };
        Some(Event {
            occurrence,
            hop: decided.hop.parse().ok()?,
            at,
            task: decided.task.as_deref().and_then(|task| task.parse().ok()),
            workflow: self.workflow_of(&agent),
            class: Event::class_of(&act, act.tool().and_then(|tool| Some(self.deployment.tool(tool)?.class))),
            label: decided.label.as_deref().and_then(Label::parse),
            values: self.values(&act, decided),
            agent,
            act,
        })
    }

    fn workflow_of(&self, agent: &AgentName) -> Option<WorkflowName> {
        Some(self.deployment.agents.get(agent)?.workflow.clone())
    }

    /// The values that were asked for then, and what it moved, which is on the record in any case.
    fn values(&self, act: &Act, decided: &v1::HopDecided) -> BTreeMap<String, Told> {
        let mut values: BTreeMap<_, _> =
            decided.told.iter().map(|told| (told.pointer.clone(), read_told(told))).collect();
        let pointer = act.tool().and_then(|tool| self.deployment.tool(tool)?.value_pointer.clone());
        if let (Some(pointer), Some(moves)) = (pointer, decided.moves) {
            values.entry(pointer).or_insert_with(|| i64::try_from(moves).map_or(Told::Absent, Told::Whole));
        }
        values
    }
}

fn read_told(told: &v1::Told) -> Told {
    match (told.whole, told.digest.as_deref().and_then(Digest::parse)) {
        (Some(number), _) => Told::Whole(number),
        (None, Some(digest)) => Told::Other(digest),
        (None, None) => Told::Absent,
    }
}
