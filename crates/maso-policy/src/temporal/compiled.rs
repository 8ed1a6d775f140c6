//! A rule, ready to be asked: its formula as a list in which operands come before what is made of them.

use std::sync::Arc;

use maso_core::Timestamp;
use maso_intent::{Condition, EventPattern, Formula, Quantity, Reach, Relation, Rule};

use super::{Event, history::Of};

/// A rule, ready to be asked.
#[derive(Clone, Debug)]
pub(super) struct Compiled {
    pub(super) rule: Arc<Rule>,
    /// The event that it stops.
    pub(super) stops: Arc<EventPattern>,
    /// The events that it names.
    patterns: Vec<Arc<EventPattern>>,
    // INVARIANT: operands stand before what is made of them, and the whole formula is the last.
    pub(super) nodes: Vec<Node>,
    /// For how long at most something that was once forgotten can matter; for ever, if none.
    pub(super) memory_ms: Option<u64>,
}

/// One operator. Operands are places in the list, events are places among the patterns.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Event(usize),
    Not(usize),
    And(usize, usize),
    Or(usize, usize),
    Formerly(usize, Window),
    Since { held: usize, start: usize, window: Window },
    Compare { quantity: Quantity, event: usize, window: Window, relation: Relation, number: u64 },
}

/// How far back something counts. Both ends are inside.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window(Option<u64>);

impl Window {
    pub(super) const fn holds(self, then: Timestamp, now: Timestamp) -> bool {
        match self.0 {
            None => true,
            Some(ms) => now.since_ms(then) <= ms,
        }
    }

    pub(super) const fn is_endless(self) -> bool {
        self.0.is_none()
    }
}

impl Compiled {
    pub(super) fn of(rule: &Arc<Rule>) -> Option<Self> {
        let stops = Arc::clone(rule.events.get(&rule.stops)?);
        let names: Vec<_> = rule.events.keys().collect();
        let mut nodes = Vec::new();
        let formula = rule.condition.formula();
        build(formula, &names, &mut nodes)?;
        let is_endless = {
            let mut endless = false;
            formula.each(&mut |part| {
                endless |= match part {
                    Formula::Formerly(_, within) | Formula::Since(.., within) => within.is_none(),
                    Formula::Compare(measure, ..) => measure.within.is_none(),
                    _ => false,
                }
            });
            endless
        };
        let memory_ms = (!is_endless).then(|| formula.windows().into_iter().fold(0, u64::saturating_add));
        Some(Self {
            stops,
            patterns: rule.events.values().cloned().collect(),
            nodes,
            memory_ms,
            rule: Arc::clone(rule),
        })
    }

    /// Which of the rule's events this is one of; `None` for one that it does not name.
    pub(super) fn matched(&self, event: &Event) -> Option<Vec<bool>> {
        let matched: Vec<bool> = self.patterns.iter().map(|pattern| event.is(pattern)).collect();
        matched.contains(&true).then_some(matched)
    }

    pub(super) fn patterns(&self) -> std::slice::Iter<'_, Arc<EventPattern>> {
        self.patterns.iter()
    }

    /// Whose history the event belongs to.
    pub(super) fn history_of(&self, event: &Event) -> Option<Of> {
        Some(match self.rule.reach {
            Reach::Task => Of::Task(event.task?),
            Reach::Agent => Of::Agent(event.agent.clone()),
            Reach::Workflow => Of::Workflow(event.workflow.clone()?),
            Reach::Deployment => Of::Deployment,
        })
    }

    /// Whether the rule stops the hop, given what its formula says.
    pub(super) fn stops_when(&self, formula_holds: bool) -> bool {
        match self.rule.condition {
            Condition::When(_) => formula_holds,
            Condition::Unless(_) => !formula_holds,
        }
    }
}

fn build(formula: &Formula, names: &[&maso_intent::EventName], nodes: &mut Vec<Node>) -> Option<usize> {
    let place = |name: &maso_intent::EventName| names.iter().position(|known| *known == name);
    let node = match formula {
        Formula::Event(name) => Node::Event(place(name)?),
        Formula::Not(inner) => Node::Not(build(inner, names, nodes)?),
        Formula::And(one, other) => Node::And(build(one, names, nodes)?, build(other, names, nodes)?),
        Formula::Or(one, other) => Node::Or(build(one, names, nodes)?, build(other, names, nodes)?),
        Formula::Formerly(inner, within) => Node::Formerly(build(inner, names, nodes)?, Window(*within)),
        Formula::Since(held, start, within) => Node::Since {
            held: build(held, names, nodes)?,
            start: build(start, names, nodes)?,
            window: Window(*within),
        },
        Formula::Compare(measure, relation, number) => Node::Compare {
            quantity: measure.quantity.clone(),
            event: place(&measure.event)?,
            window: Window(measure.within),
            relation: *relation,
            number: *number,
        },
    };
    nodes.push(node);
    Some(nodes.len() - 1)
}
