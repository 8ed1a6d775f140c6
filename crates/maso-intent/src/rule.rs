//! Temporal rules: what a deployment forbids, or lets wait for a person, because of what happened before (EC-2.7, EC-2.3).
//!
//! A rule names one event that it stops, and says in a [`Formula`] over further events when. What counts as an event is
//! said once in each file, so that the rule itself reads like a sentence (`docs/rules.md`, `docs/decisions/0014`).

mod formula;
mod parser;
mod pattern;
pub(crate) mod reading;
mod told;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use maso_core::{Act, ControlId};

pub use formula::{Formula, Measure, Quantity, Relation, span};
pub use parser::FormulaError;
pub use pattern::{EventName, EventPattern, Occurrence, Subject, ToolTerm, ValueTerm};
pub use told::Told;

/// One temporal rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name, unique in the deployment.
    pub id: String,
    /// The file that declares it.
    pub path: String,
    /// The line on which it is declared, from 1.
    pub line: usize,
    /// The control that it serves. Switched off with it.
    pub control: ControlId,
    /// What becomes of a hop that it stops.
    pub effect: RuleEffect,
    /// The event that it stops.
    pub stops: EventName,
    /// Whose history it looks at.
    pub reach: Reach,
    /// When it stops it.
    pub condition: Condition,
    /// Why, in the author's words.
    pub because: Option<String>,
    /// What each name in the rule means; of its file, only what it names.
    // INVARIANT: `stops` and each name in `condition` is here.
    pub events: BTreeMap<EventName, Arc<EventPattern>>,
}

/// What becomes of a hop that a rule stops. A rule never allows anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleEffect {
    /// A person decides.
    Hold,
    /// It is denied.
    Forbid,
}

impl RuleEffect {
    /// The key by which a rule says so.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Forbid => "forbid",
        }
    }
}

/// Whose history a rule looks at: each of these has one of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// One task, across all its agents.
    Task,
    /// One agent, across all its tasks.
    Agent,
    /// One workflow, across all its tasks and agents.
    Workflow,
    /// Everything.
    Deployment,
}

impl Reach {
    /// All of them, narrowest first.
    pub const ALL: &'static [Self] = &[Self::Task, Self::Agent, Self::Workflow, Self::Deployment];

    /// The word used in rules and findings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Agent => "agent",
            Self::Workflow => "workflow",
            Self::Deployment => "deployment",
        }
    }

    /// Reads the word, exactly as written.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reach| reach.as_str() == word)
    }
}

/// When a rule stops what it stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// When this holds.
    When(Formula),
    /// Unless this holds.
    Unless(Formula),
}

impl Condition {
    /// What is asked of the history.
    pub const fn formula(&self) -> &Formula {
        match self {
            Self::When(formula) | Self::Unless(formula) => formula,
        }
    }

    /// The key by which a rule says so.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::When(_) => "when",
            Self::Unless(_) => "unless",
        }
    }
}

/// The rules of a deployment.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    rules: Vec<Arc<Rule>>,
    /// The values that some rule asks for, by what it asks them of.
    asked: HashMap<Asked, BTreeSet<String>>,
}

/// Of what a rule asks for values.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Asked {
    Of(Subject),
    OfAll,
}

impl Rules {
    /// These rules.
    pub fn new(rules: Vec<Rule>) -> Self {
        let mut asked: HashMap<Asked, BTreeSet<String>> = HashMap::new();
        for rule in &rules {
            for (name, pattern) in &rule.events {
                let measured = rule.condition.formula().measures().into_iter().filter(|measure| measure.event == *name);
                let pointers: BTreeSet<_> =
                    measured.filter_map(Measure::pointer).chain(pattern.values.keys()).cloned().collect();
                if pointers.is_empty() {
                    continue;
                }
                let subjects = pattern.subjects.iter().cloned().map(Asked::Of);
                let of_all = pattern.subjects.is_empty().then_some(Asked::OfAll);
                for subject in subjects.chain(of_all) {
                    asked.entry(subject).or_default().extend(pointers.iter().cloned());
                }
            }
        }
        Self { rules: rules.into_iter().map(Arc::new).collect(), asked }
    }

    /// The rules, in the order of files and lines.
    pub fn iter(&self) -> std::slice::Iter<'_, Arc<Rule>> {
        self.rules.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The JSON pointers of the values that some rule asks of such an act.
    fn asked_of(&self, act: &Act) -> BTreeSet<&String> {
        if self.asked.is_empty() {
            return BTreeSet::new();
        }
        let subjects = Subject::all_of(act).into_iter().map(Asked::Of).chain([Asked::OfAll]);
        subjects.filter_map(|subject| self.asked.get(&subject)).flatten().collect()
    }
}

impl<'r> IntoIterator for &'r Rules {
    type Item = &'r Arc<Rule>;
    type IntoIter = std::slice::Iter<'r, Arc<Rule>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
