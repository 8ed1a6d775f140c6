//! What agents assume for themselves in one task, and how far people let it travel (PG-2.8).
//!
//! Texts are compared by their likeness, which knows no spacing, case or Unicode form: whoever writes a text otherwise
//! carries it all the same.

use std::collections::{BTreeMap, BTreeSet};

use maso_core::{AgentName, Digest, Finding, HopId, OperatorName, Timestamp, Word};
use maso_wire::envelope::{Beside, Input, Reach};
use serde_json::Value;

use crate::trace::{bare, normal_text, words};

#[cfg(test)]
mod tests;

/// What the agents of one task assume for themselves. Nothing of it is forgotten before the task is: what is forgotten
/// would travel. So there is only so much of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Register {
    made: BTreeMap<HopId, Assumed>,
    // INVARIANT: each likeness in `made` is here, with all who made it, and nothing else is.
    texts: BTreeMap<Digest, Standing>,
}

/// Something that an agent assumes for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assumed {
    /// The hop by which it said so; the assumption's name.
    pub hop: HopId,
    /// When that was recorded.
    pub at: Timestamp,
    /// Whose it is.
    pub by: AgentName,
    /// The likeness of the text.
    pub text: Digest,
    /// On what it rests.
    pub inputs: BTreeSet<Input>,
    /// What a person said of it.
    pub answer: Option<Promoted>,
}

/// What a person said of an assumption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promoted {
    /// Who said it.
    pub by: OperatorName,
    /// For whom it holds from then on. One that stays local is refused to travel, whatever is said of others like it.
    pub reach: Reach,
}

/// How one text stands in a task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Standing {
    by: BTreeSet<AgentName>,
    /// The least that any person said; `None` while nobody has said anything.
    reach: Option<Reach>,
}

impl Standing {
    fn reach(&self) -> Reach {
        self.reach.unwrap_or(Reach::Local)
    }
}

/// The texts that one agent says to another by a hop: what it says that it assumes, and whatever else it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spoken {
    from: AgentName,
    /// For whom it says that each assumption holds.
    assumptions: BTreeMap<Digest, Reach>,
    /// What it says as anything else: in its content, as unknown, as binding.
    plain: BTreeSet<Digest>,
}

impl Spoken {
    /// What is said in a content and beside it.
    pub fn of(from: AgentName, beside: Option<&Beside>, content: &Value) -> Self {
        let mut assumptions = BTreeMap::new();
        for one in beside.into_iter().flat_map(|beside| &beside.assumptions) {
            let reach = assumptions.entry(likeness(one.text.as_str())).or_insert(one.reach);
            *reach = one.reach.max(*reach);
        }
        let mut plain = BTreeSet::new();
        if let Some(beside) = beside {
            let constraints = beside.constraints.iter().map(|one| &one.text);
            plain.extend(beside.unknowns.iter().chain(constraints).map(|text| likeness(text.as_str())));
        }
        collect(content, &mut plain);
        Self { from, assumptions, plain }
    }
}

/// The digest of a text in the form in which it is compared: NFKC, lower case, without characters that nobody sees, one
/// space between words and no punctuation around them.
pub fn likeness(text: &str) -> Digest {
    let normal = normal_text(text);
    let said: Vec<&str> = words(&normal).map(bare).filter(|word| !word.is_empty()).collect();
    Digest::of(said.join(" ").as_bytes())
}

impl Register {
    /// Assumptions of one task.
    pub const ASSUMPTIONS_MAX: usize = 256;
    /// Those of one agent among them.
    pub const OF_AGENT_MAX: usize = 32;

    /// Whether this agent may assume one thing more.
    pub fn has_room(&self, agent: &AgentName) -> bool {
        let n_own = self.made.values().filter(|one| one.by == *agent).count();
        self.made.len() < Self::ASSUMPTIONS_MAX && n_own < Self::OF_AGENT_MAX
    }

    /// Takes in what an agent assumes. A second one of the same name is none.
    pub fn take(&mut self, assumed: Assumed) {
        if self.made.contains_key(&assumed.hop) {
            return;
        }
        self.texts.entry(assumed.text).or_default().by.insert(assumed.by.clone());
        self.made.insert(assumed.hop, assumed);
    }

    /// Takes in what a person said of an assumption, once. It holds for every text like it: where people said different
    /// things of one text, the least of them counts.
    pub fn answer(&mut self, hop: HopId, promoted: Promoted) {
        let Some(assumed) = self.made.get_mut(&hop).filter(|assumed| assumed.answer.is_none()) else { return };
        if let Some(standing) = self.texts.get_mut(&assumed.text) {
            let before = standing.reach.unwrap_or(promoted.reach);
            standing.reach = Some(before.min(promoted.reach));
        }
        assumed.answer = Some(promoted);
    }

    /// What is assumed, in the order of its names.
    pub fn all(&self) -> impl Iterator<Item = &Assumed> {
        self.made.values()
    }

    /// The assumption with this name.
    pub fn find(&self, hop: HopId) -> Option<&Assumed> {
        self.made.get(&hop)
    }

    /// For whom a text holds by what people said of it; `None` if nobody here said that it assumes it.
    pub fn reach(&self, text: &Digest) -> Option<Reach> {
        self.texts.get(text).map(Standing::reach)
    }

    /// What the rule says of what one agent says to another: nothing that was assumed here travels further than people let
    /// it, and whoever assumes something does not say it as anything else either.
    pub fn judge(&self, spoken: &Spoken) -> Option<Finding> {
        let goes_too_far = |(text, reach): &(&Digest, &Reach)| self.reach(text).is_some_and(|held| **reach > held);
        let n_carried = spoken.assumptions.iter().filter(goes_too_far).count();
        // Of its own alone: otherwise whoever assumes `approved` would keep everybody else from saying it.
        let is_own_and_local = |text: &&Digest| {
            self.texts.get(text).is_some_and(|one| one.reach() == Reach::Local && one.by.contains(&spoken.from))
        };
        let n_plain = spoken.plain.iter().filter(is_own_and_local).count();
        let reason = match (n_carried, n_plain) {
            (0, 0) => return None,
            (0, n) => format!("{n} of its texts are what its sender assumes for itself alone"),
            (n, _) => format!("{n} assumptions were made by an agent for itself, and nobody let them travel so far"),
        };
        Some(Finding::new("PG-2.8", Word::NoGo, reason))
    }

    /// What the rule says of what one agent says outside of this task: there it says nothing that it assumes in it and that
    /// does not hold for everybody.
    pub fn judge_elsewhere(&self, spoken: &Spoken) -> Option<Finding> {
        let is_of_here = |text: &&Digest| {
            self.texts.get(text).is_some_and(|one| one.reach() < Reach::Global && one.by.contains(&spoken.from))
        };
        let n_of_here = spoken.assumptions.keys().chain(&spoken.plain).filter(is_of_here).count();
        let reason = format!("{n_of_here} of its texts are what its sender assumes in another task");
        (n_of_here > 0).then(|| Finding::new("PG-2.8", Word::NoGo, reason))
    }
}

/// The likeness of each text in a value.
fn collect(value: &Value, into: &mut BTreeSet<Digest>) {
    match value {
        Value::String(text) => {
            into.insert(likeness(text));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
        Value::Object(members) => members.values().for_each(|member| collect(member, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
