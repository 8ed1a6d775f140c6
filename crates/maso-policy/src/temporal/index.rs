//! Which rules an event can concern, without looking at the others.

use std::collections::HashMap;

use maso_core::{AgentName, Class};
use maso_intent::{EventPattern, Occurrence, Subject};

use super::Event;

/// Rules by what is most telling about the events that they name.
#[derive(Clone, Debug, Default)]
pub(super) struct Index(HashMap<(Occurrence, Mark), Vec<u32>>);

/// What is most telling about an event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Mark {
    About(Subject),
    By(AgentName),
    Of(Class),
    Any,
}

impl Index {
    /// Notes that a rule names such an event.
    pub(super) fn add(&mut self, pattern: &EventPattern, rule: u32) {
        let marks: Vec<Mark> = if !pattern.subjects.is_empty() {
            pattern.subjects.iter().cloned().map(Mark::About).collect()
        } else if !pattern.agents.is_empty() {
            pattern.agents.iter().cloned().map(Mark::By).collect()
        } else if !pattern.classes.is_empty() {
            pattern.classes.iter().copied().map(Mark::Of).collect()
        } else {
            vec![Mark::Any]
        };
        for mark in marks {
            let rules = self.0.entry((pattern.occurrence, mark)).or_default();
            // Rules come in order, so a repetition is the last.
            if rules.last() != Some(&rule) {
                rules.push(rule);
            }
        }
    }

    /// The rules that may name such an event, each once and in order.
    pub(super) fn of(&self, event: &Event) -> Vec<u32> {
        let about = Subject::all_of(&event.act).into_iter().map(Mark::About);
        let marks = about.chain([Mark::By(event.agent.clone()), Mark::Of(event.class), Mark::Any]);
        let mut rules: Vec<u32> =
            marks.filter_map(|mark| self.0.get(&(event.occurrence, mark))).flatten().copied().collect();
        rules.sort_unstable();
        rules.dedup();
        rules
    }
}
