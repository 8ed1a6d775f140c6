//! What a rule knows of one history: as much as it takes to answer, and no more.
//!
//! The answers are those of the whole history. A count is compared with a number N, so the last N + 1 events tell; a sum,
//! so the shortest end of the history tells that exceeds it; of `formerly` and `since` the last moment tells, because a
//! window that holds an earlier one holds it too. Where a sum is made of more parts than are kept, the rule stops what it
//! stops until the rest has left every window: not knowing counts against the hop.

use std::collections::VecDeque;

use maso_core::{Digest, HopId, Timestamp};
use maso_intent::{Quantity, Told};

use super::{
    Event,
    compiled::{Compiled, Node, Window},
};

/// What a rule knows of one history.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    // INVARIANT: beside each node of the rule, what it needs of the past.
    pasts: Vec<Past>,
    last: Timestamp,
    /// Until then something matters that was forgotten.
    blind_until: Option<Timestamp>,
}

/// What one operator needs of the past.
#[derive(Clone, Debug)]
enum Past {
    Nothing,
    /// When it last held, or began.
    Moment(Option<Witness>),
    /// The last events, oldest first.
    Events(VecDeque<Witness>),
    /// The last parts of a sum, oldest first, and all that came before where no window forgets it.
    Sum {
        before: u128,
        total: u128,
        parts: VecDeque<(Witness, u64)>,
    },
    /// The values seen last, the one longest unseen first.
    Values(VecDeque<(Witness, Key)>),
}

/// A hop that made something so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Witness {
    pub(super) hop: HopId,
    pub(super) at: Timestamp,
}

/// One of several different values, or agents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Value(Told),
    Agent(Digest),
}

/// An event as one rule sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step<'e> {
    pub(super) event: &'e Event,
    /// Which of the rule's names it bears.
    pub(super) matched: &'e [bool],
}

/// What a rule says of an event.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// Whether it stops it.
    pub(super) stops: bool,
    /// The hops that made it so, newest first.
    pub(super) witnesses: Vec<Witness>,
    /// What was measured, in the order of the formula.
    pub(super) measured: Vec<Measured>,
    /// More is behind it than is kept.
    pub(super) is_blind: bool,
}

/// What was measured: exactly, or no less than that where it exceeds what it is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Measured {
    pub(super) amount: u128,
    pub(super) is_exact: bool,
}

impl Cell {
    /// Nothing happened yet.
    pub(super) fn new(rule: &Compiled) -> Self {
        let past = |node: &Node| match node {
            Node::Event(_) | Node::Not(_) | Node::And(..) | Node::Or(..) => Past::Nothing,
            Node::Formerly(..) | Node::Since { .. } => Past::Moment(None),
            Node::Compare { quantity, .. } => match quantity {
                Quantity::Count => Past::Events(VecDeque::new()),
                Quantity::Sum(_) => Past::Sum { before: 0, total: 0, parts: VecDeque::new() },
                Quantity::Distinct(_) | Quantity::DistinctAgents => Past::Values(VecDeque::new()),
            },
        };
        let pasts = rule.nodes.iter().map(past).collect();
        Self { pasts, last: Timestamp::from_millis(i64::MIN), blind_until: None }
    }

    /// What the rule says of an event, if it is the next one.
    pub(super) fn answer(&self, rule: &Compiled, step: Step<'_>) -> Answer {
        let now = self.now(step);
        let values = self.values(rule, step, now);
        let holds = values.last().copied().unwrap_or(false);
        let is_blind = self.blind_until.is_some_and(|until| now <= until);
        let stops = is_blind || rule.stops_when(holds);
        let mut answer = Answer { stops, witnesses: Vec::new(), measured: Vec::new(), is_blind };
        if stops {
            self.explain(rule, step, now, &values, &mut answer);
        }
        answer
    }

    /// Takes an event in.
    pub(super) fn take(&mut self, rule: &Compiled, step: Step<'_>) {
        let now = self.now(step);
        let values = self.values(rule, step, now);
        let here = Witness { hop: step.event.hop, at: now };
        let mut forgotten = None;
        for (node, past) in rule.nodes.iter().zip(&mut self.pasts) {
            past.forget(node, now);
            match (node, past) {
                (Node::Formerly(inner, _), Past::Moment(moment)) if values[*inner] => *moment = Some(here),
                (Node::Since { held, start, .. }, Past::Moment(moment)) => {
                    if values[*start] {
                        *moment = Some(here);
                    } else if !values[*held] {
                        *moment = None;
                    }
                }
                (Node::Compare { event, number, .. }, Past::Events(events)) if step.matched[*event] => {
                    events.push_back(here);
                    keep_last(events, kept_for(*number));
                }
                (
                    Node::Compare { quantity: Quantity::Sum(pointer), event, window, number, .. },
                    Past::Sum { before, total, parts },
                ) if step.matched[*event] => {
                    let amount = step.event.amount(pointer);
                    if amount == 0 {
                        continue;
                    }
                    parts.push_back((here, amount));
                    *total = total.saturating_add(u128::from(amount));
                    // What exceeds the number without the oldest part needs the oldest part no more.
                    while let Some((_, oldest)) = parts.front()
                        && *total - *before - u128::from(*oldest) > u128::from(*number)
                    {
                        *total -= u128::from(*oldest);
                        parts.pop_front();
                    }
                    while parts.len() > PARTS_MAX {
                        let Some((lost, amount)) = parts.pop_front() else { break };
                        if window.is_endless() {
                            *before = before.saturating_add(u128::from(amount));
                        } else {
                            *total -= u128::from(amount);
                            forgotten = Some(lost.at);
                        }
                    }
                }
                (Node::Compare { quantity, event, number, .. }, Past::Values(seen)) if step.matched[*event] => {
                    let key = key_of(quantity, step.event);
                    seen.retain(|(_, known)| *known != key);
                    seen.push_back((here, key));
                    keep_last(seen, kept_for(*number));
                }
                _ => {}
            }
        }
        if let Some(at) = forgotten {
            let until = rule.memory_ms.map_or(Timestamp::from_millis(i64::MAX), |ms| at.plus_ms(ms));
            self.blind_until = self.blind_until.max(Some(until));
        }
        self.last = now;
    }

    /// Time never runs backwards in a history, whatever clocks do.
    fn now(&self, step: Step<'_>) -> Timestamp {
        self.last.max(step.event.at)
    }

    /// What each operator gives for the event, as the next one after the past.
    fn values(&self, rule: &Compiled, step: Step<'_>, now: Timestamp) -> Vec<bool> {
        let mut values: Vec<bool> = Vec::with_capacity(rule.nodes.len());
        for (node, past) in rule.nodes.iter().zip(&self.pasts) {
            let value = match (node, past) {
                (Node::Event(event), _) => step.matched[*event],
                (Node::Not(inner), _) => !values[*inner],
                (Node::And(one, other), _) => values[*one] && values[*other],
                (Node::Or(one, other), _) => values[*one] || values[*other],
                (Node::Formerly(inner, window), Past::Moment(moment)) => values[*inner] || is_in(*moment, *window, now),
                (Node::Since { held, start, window }, Past::Moment(moment)) => {
                    values[*start] || (values[*held] && is_in(*moment, *window, now))
                }
                (Node::Compare { relation, number, .. }, past) => {
                    relation.holds(measured(node, past, step, now), *number)
                }
                // Each operator has the past that it was given when the cell was made.
                (Node::Formerly(..) | Node::Since { .. }, _) => false,
            };
            values.push(value);
        }
        values
    }

    /// Which hops made it so, and what was measured.
    fn explain(&self, rule: &Compiled, step: Step<'_>, now: Timestamp, values: &[bool], answer: &mut Answer) {
        for ((node, past), value) in rule.nodes.iter().zip(&self.pasts).zip(values) {
            match (node, past) {
                (Node::Formerly(_, window) | Node::Since { window, .. }, Past::Moment(moment)) if *value => {
                    answer.witnesses.extend(moment.filter(|then| window.holds(then.at, now)));
                }
                (Node::Compare { window, number, .. }, past) => {
                    let amount = measured(node, past, step, now);
                    answer.measured.push(Measured { amount, is_exact: amount <= u128::from(*number) });
                    let seen: Box<dyn Iterator<Item = &Witness>> = match past {
                        Past::Events(events) => Box::new(events.iter().rev()),
                        Past::Sum { parts, .. } => Box::new(parts.iter().rev().map(|(part, _)| part)),
                        Past::Values(seen) => Box::new(seen.iter().rev().map(|(seen, _)| seen)),
                        Past::Nothing | Past::Moment(_) => Box::new(std::iter::empty()),
                    };
                    answer.witnesses.extend(seen.take_while(|then| window.holds(then.at, now)).take(WITNESSES_MAX));
                }
                _ => {}
            }
        }
        answer.witnesses.sort_by_key(|witness| std::cmp::Reverse((witness.at, witness.hop)));
        answer.witnesses.dedup();
        answer.witnesses.truncate(WITNESSES_MAX);
    }
}

impl Past {
    /// Lets go of what has left the window.
    fn forget(&mut self, node: &Node, now: Timestamp) {
        let Node::Compare { window, .. } = node else { return };
        match self {
            Self::Nothing | Self::Moment(_) => {}
            Self::Events(events) => drop(events.drain(..gone(events, *window, now, |then| then.at))),
            Self::Values(seen) => drop(seen.drain(..gone(seen, *window, now, |(then, _)| then.at))),
            Self::Sum { total, parts, .. } => {
                for (_, amount) in parts.drain(..gone(parts, *window, now, |(then, _)| then.at)) {
                    *total = total.saturating_sub(u128::from(amount));
                }
            }
        }
    }
}

/// How many of these have left the window. They are in the order of time.
fn gone<T>(items: &VecDeque<T>, window: Window, now: Timestamp, at: impl Fn(&T) -> Timestamp) -> usize {
    items.partition_point(|item| !window.holds(at(item), now))
}

fn is_in(moment: Option<Witness>, window: Window, now: Timestamp) -> bool {
    moment.is_some_and(|then| window.holds(then.at, now))
}

/// What is measured with the event that is being decided; exactly, or as much as tells how it stands to the number.
fn measured(node: &Node, past: &Past, step: Step<'_>, now: Timestamp) -> u128 {
    let Node::Compare { quantity, event, window, .. } = node else { return 0 };
    let is_here = step.matched[*event];
    match (quantity, past) {
        (Quantity::Count, Past::Events(events)) => {
            (events.len() - gone(events, *window, now, |then| then.at) + usize::from(is_here)) as u128
        }
        (Quantity::Sum(pointer), Past::Sum { total, parts, .. }) => {
            let n_gone = gone(parts, *window, now, |(then, _)| then.at);
            let gone: u128 = parts.iter().take(n_gone).map(|(_, amount)| u128::from(*amount)).sum();
            let here = if is_here { step.event.amount(pointer) } else { 0 };
            total.saturating_sub(gone).saturating_add(u128::from(here))
        }
        (quantity, Past::Values(seen)) => {
            let n_seen = seen.len() - gone(seen, *window, now, |(then, _)| then.at);
            let is_new = is_here && {
                let key = key_of(quantity, step.event);
                !seen.iter().any(|(then, known)| *known == key && window.holds(then.at, now))
            };
            (n_seen + usize::from(is_new)) as u128
        }
        _ => 0,
    }
}

fn key_of(quantity: &Quantity, event: &Event) -> Key {
    match quantity {
        Quantity::Distinct(pointer) => Key::Value(event.values.get(pointer).copied().unwrap_or(Told::Absent)),
        Quantity::Count | Quantity::Sum(_) | Quantity::DistinctAgents => {
            Key::Agent(Digest::of(event.agent.as_str().as_bytes()))
        }
    }
}

/// How many must be kept to tell whether there are more than so many.
fn kept_for(number: u64) -> usize {
    usize::try_from(number.saturating_add(1)).unwrap_or(usize::MAX)
}

fn keep_last<T>(items: &mut VecDeque<T>, most: usize) {
    while items.len() > most {
        items.pop_front();
    }
}

/// Hops that a finding names.
const WITNESSES_MAX: usize = 5;

/// Parts of one sum that are kept.
pub(super) const PARTS_MAX: usize = 10_000;
