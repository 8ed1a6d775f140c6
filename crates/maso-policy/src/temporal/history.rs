//! The histories of a deployment, and what its rules say of the next event.

use std::{collections::HashMap, sync::Arc};

use maso_core::{AgentName, Finding, Findings, HopId, TaskId, Word, WorkflowName};
use maso_intent::{Deployment, Quantity, Rule, RuleEffect, span};

use super::{
    Event,
    cell::{Answer, Cell, Step},
    compiled::Compiled,
    index::Index,
};

/// The histories of a deployment, as its rules see them.
#[derive(Debug, Default)]
pub struct History {
    rules: Vec<Compiled>,
    /// Rules by the event that they stop.
    stopping: Index,
    /// Rules by the events that they name.
    naming: Index,
    cells: HashMap<(u32, Of), Cell>,
    /// The rules that know something of a task.
    of_tasks: HashMap<TaskId, Vec<u32>>,
    /// Hops that are being committed and are not on the record yet, in the order in which they will be.
    committing: HashMap<(u32, Of), Vec<Arc<Event>>>,
    /// Where they are noted.
    places: HashMap<HopId, Vec<(u32, Of)>>,
}

/// Whose history it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Of {
    Task(TaskId),
    Agent(AgentName),
    Workflow(WorkflowName),
    Deployment,
}

impl History {
    /// Before anything happened.
    pub fn new(deployment: &Deployment) -> Self {
        let mut history = Self::default();
        let compiled = deployment.rules.iter().filter_map(Compiled::of);
        for (place, rule) in (0_u32..).zip(compiled) {
            history.stopping.add(&rule.stops, place);
            for pattern in rule.patterns() {
                history.naming.add(pattern, place);
            }
            history.rules.push(rule);
        }
        history
    }

    /// Whether there are no rules, so that nothing needs to be told or asked.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// What the rules say of this hop, if it is let through next. `applies` says whether a rule counts now.
    pub fn judge(&self, event: &Event, applies: impl Fn(&Rule) -> bool) -> Findings {
        let stopping = self.stopping.of(event).into_iter().filter_map(|place| {
            let rule = self.rules.get(place as usize)?;
            let answer = self.answer(place, rule, event).filter(|answer| answer.stops)?;
            applies(&rule.rule).then(|| finding(&rule.rule, &answer))
        });
        stopping.collect()
    }

    /// What one rule says of an event; nothing, if it does not stop such events.
    fn answer(&self, place: u32, rule: &Compiled, event: &Event) -> Option<Answer> {
        if !event.is(&rule.stops) {
            return None;
        }
        let matched = rule.matched(event)?;
        let step = Step { event, matched: &matched };
        // Without a history there is none to hold anything in: the rule is asked about an empty one.
        let Some(of) = rule.history_of(event) else { return Some(Cell::new(rule).answer(rule, step)) };
        let key = (place, of);
        let before = self.committing.get(&key).into_iter().flatten().filter(|other| other.hop != event.hop);
        let before: Vec<_> = before.collect();
        let fresh;
        let cell = match self.cells.get(&key) {
            Some(cell) if before.is_empty() => cell,
            known => {
                let mut ahead = known.cloned().unwrap_or_else(|| Cell::new(rule));
                for other in before {
                    if let Some(matched) = rule.matched(other) {
                        ahead.take(rule, Step { event: other, matched: &matched });
                    }
                }
                fresh = ahead;
                &fresh
            }
        };
        Some(cell.answer(rule, step))
    }

    /// Takes in what happened, and is on the record. Time runs forward from one to the next.
    pub fn happened(&mut self, event: &Event) {
        for place in self.naming.of(event) {
            let Some(rule) = self.rules.get(place as usize) else { continue };
            let (Some(matched), Some(of)) = (rule.matched(event), rule.history_of(event)) else { continue };
            if let Of::Task(task) = of {
                let rules = self.of_tasks.entry(task).or_default();
                if !rules.contains(&place) {
                    rules.push(place);
                }
            }
            let cell = self.cells.entry((place, of)).or_insert_with(|| Cell::new(rule));
            cell.take(rule, Step { event, matched: &matched });
        }
    }

    /// Notes a hop that is about to be written: whoever is asked about after it, comes after it.
    pub fn commits(&mut self, event: &Arc<Event>) {
        self.left(event.hop);
        let mut places = Vec::new();
        for place in self.naming.of(event) {
            let Some(rule) = self.rules.get(place as usize) else { continue };
            let (Some(_), Some(of)) = (rule.matched(event), rule.history_of(event)) else { continue };
            self.committing.entry((place, of.clone())).or_default().push(Arc::clone(event));
            places.push((place, of));
        }
        if !places.is_empty() {
            self.places.insert(event.hop, places);
        }
    }

    /// Notes that a hop is on the record, or will not be.
    pub fn left(&mut self, hop: HopId) {
        for key in self.places.remove(&hop).unwrap_or_default() {
            if let Some(events) = self.committing.get_mut(&key) {
                events.retain(|event| event.hop != hop);
                if events.is_empty() {
                    self.committing.remove(&key);
                }
            }
        }
    }

    /// Whether nothing is being committed, and no task is known that is over.
    #[cfg(test)]
    pub(super) fn is_settled(&self) -> bool {
        let is_of_task = |of: &Of| matches!(of, Of::Task(_));
        let n_of_tasks = self.cells.keys().filter(|(_, of)| is_of_task(of)).count();
        self.committing.is_empty()
            && self.places.is_empty()
            && n_of_tasks == self.of_tasks.values().map(Vec::len).sum::<usize>()
    }

    /// Lets go of what was known of a task that is over.
    pub fn closed(&mut self, task: TaskId) {
        for place in self.of_tasks.remove(&task).unwrap_or_default() {
            self.cells.remove(&(place, Of::Task(task)));
        }
    }
}

/// What a rule has against a hop, with the hops that made it so.
fn finding(rule: &Rule, answer: &Answer) -> Finding {
    let (verb, word) = match rule.effect {
        RuleEffect::Hold => ("lets it wait for a person", Word::Escalate),
        RuleEffect::Forbid => ("forbids it", Word::NoGo),
    };
    let Rule { id, path, line, condition, reach, .. } = rule;
    let asks = format!("{} {} (per {})", condition.as_str(), condition.formula(), reach.as_str());
    let mut reason = format!("rule `{id}` ({path}:{line}) {verb}: {asks}");
    if answer.is_blind {
        reason.push_str("; more is in its window than can be added up");
    }
    for (measure, measured) in condition.formula().measures().into_iter().zip(&answer.measured) {
        let what = match &measure.quantity {
            Quantity::Count => format!("count of {}", measure.event),
            Quantity::Sum(pointer) => format!("sum of {pointer} of {}", measure.event),
            Quantity::Distinct(pointer) => format!("distinct {pointer} of {}", measure.event),
            Quantity::DistinctAgents => format!("distinct agents of {}", measure.event),
        };
        let within = measure.within.map_or_else(String::new, |ms| format!(" within {}", span(ms)));
        let least = if measured.is_exact { "" } else { "at least " };
        reason.push_str(&format!("; with it, {what}{within} is {least}{}", measured.amount));
    }
    if !answer.witnesses.is_empty() {
        let hops: Vec<_> = answer.witnesses.iter().map(|then| format!("{} at {}", then.hop, then.at)).collect();
        reason.push_str(&format!("; before it came {}", hops.join(", ")));
    }
    if let Some(because) = &rule.because {
        reason.push_str(&format!("; because {because}"));
    }
    Finding { control: rule.control.clone(), word, reason, evidence: None }
}
