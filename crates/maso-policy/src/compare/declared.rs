//! What no decision about an action shows: limits, people, judges, labels, and how things are reached.

use std::{collections::BTreeMap, fmt::Display};

use maso_intent::{Control, Deployment, Effect};

use super::{Change, Direction, Witness};

mod bounds;
mod deployment;
mod mandates;
mod servers;

/// All changes of what is declared.
pub(super) fn changes(old: &Deployment, new: &Deployment) -> Vec<Change> {
    let mut ledger = Ledger::default();
    deployment::compare(old, new, &mut ledger);
    mandates::compare(old, new, &mut ledger);
    bounds::compare(old, new, &mut ledger);
    servers::compare(old, new, &mut ledger);
    ledger.changes
}

/// Where changes are written down.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    changes: Vec<Change>,
}

/// What a line of the ledger is about.
#[derive(Clone, Debug)]
pub(super) struct Line<'a> {
    /// What kind of thing it is.
    topic: &'static str,
    /// Which one.
    about: &'a str,
    /// What it is called in a sentence.
    what: String,
}

impl Ledger {
    /// A value of which more permits more.
    fn limit<T: Display + PartialOrd>(&mut self, line: Line<'_>, old: &T, new: &T, example: &str) {
        let direction = if new > old { Direction::Wider } else { Direction::Narrower };
        self.value(line, direction, old, new, example);
    }

    /// A value of which more demands more.
    fn demand<T: Display + PartialOrd>(&mut self, line: Line<'_>, old: &T, new: &T, example: &str) {
        let direction = if new > old { Direction::Narrower } else { Direction::Wider };
        self.value(line, direction, old, new, example);
    }

    /// A value of which nobody can say what permits more.
    fn either<T: Display + PartialEq>(&mut self, line: Line<'_>, old: &T, new: &T, example: &str) {
        self.value(line, Direction::Mixed, old, new, example);
    }

    fn value<T: Display + PartialEq>(&mut self, line: Line<'_>, direction: Direction, old: &T, new: &T, example: &str) {
        if old != new {
            let text = format!("{} is now {new} (was {old})", line.what);
            self.write(line, direction, text, (old.to_string(), new.to_string()), example.to_owned());
        }
    }

    /// Things that are declared or not; each has a word for the sentence, an example and the direction in which having
    /// it goes.
    fn members<K: Ord + Display, V>(
        &mut self,
        (topic, kind): (&'static str, &str),
        having: Direction,
        old: &BTreeMap<K, V>,
        new: &BTreeMap<K, V>,
        example: impl Fn(&K) -> String,
    ) {
        let mut say = |key: &K, direction, (verb, before, after): (&str, &str, &str)| {
            let about = key.to_string();
            let text = format!("{kind} `{about}` {verb}");
            let line = Line { topic, about: &about, what: kind.to_owned() };
            self.write(line, direction, text, (before.to_owned(), after.to_owned()), example(key));
        };
        for key in new.keys().filter(|key| !old.contains_key(key)) {
            say(key, having, ("is new", "absent", "there"));
        }
        for key in old.keys().filter(|key| !new.contains_key(key)) {
            say(key, having.reversed(), ("is gone", "there", "absent"));
        }
    }

    fn write(
        &mut self,
        line: Line<'_>,
        direction: Direction,
        text: String,
        (before, after): (String, String),
        example: String,
    ) {
        self.changes.push(Change {
            direction,
            topic: line.topic,
            agent: None,
            about: line.about.to_owned(),
            text,
            before,
            after,
            witness: Witness::Words(example),
            extent: Vec::new(),
            outcomes: None,
        });
    }
}

/// Pairs of what both have under one name.
fn both<'a, K: Ord, V>(
    old: &'a BTreeMap<K, V>,
    new: &'a BTreeMap<K, V>,
) -> impl Iterator<Item = (&'a K, &'a V, &'a V)> {
    old.iter().filter_map(|(key, old)| Some((key, old, new.get(key)?)))
}

/// Whether a deselection of this control switches anything off.
fn is_switched(control: &maso_core::ControlId) -> bool {
    Control::of(control).and_then(Control::effect) == Some(Effect::Switched)
}

/// A duration, as the deployment's files write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Milliseconds(u64);

impl Display for Milliseconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
        match units.iter().find(|(unit, _)| self.0 > 0 && self.0.is_multiple_of(*unit)) {
            Some((unit, name)) => write!(f, "{}{name}", self.0 / unit),
            None => write!(f, "{}ms", self.0),
        }
    }
}
