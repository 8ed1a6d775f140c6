//! What an agent notes when it rotates its context: typed, bounded, and about the very goal that its task has (EC-2.16).

use maso_core::canonical_bytes;
use serde::Deserialize;
use serde_json::Value;

use crate::{AgentMandate, TaskKind, TaskSpec};

/// What an agent goes on from in an empty context. Typed, so that nothing is told in prose, where limits get lost.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// The goal: the hash of the task's specification, or the words of whoever set it.
    pub goal: String,
    /// What it must, must never, or must exactly do.
    pub active_constraints: Vec<String>,
    /// What was decided so far.
    pub decisions: Vec<Decided>,
    /// What is still to be done.
    pub pending_actions: Vec<Pending>,
}

/// Something that was decided.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decided {
    /// What was decided.
    pub decision: String,
    /// Why.
    #[serde(default)]
    pub because: Option<String>,
}

/// Something that is still to be done.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pending {
    /// What is to be done.
    pub action: String,
    /// With which tool.
    #[serde(default)]
    pub tool: Option<String>,
}

impl Checkpoint {
    /// Bytes of one, in its canonical form.
    pub const BYTES_MAX: usize = 64 << 10;
    /// Constraints, decisions and actions of one, of each.
    pub const ITEMS_MAX: usize = 256;

    /// Whether a value is short enough to be noted at all.
    pub fn is_bounded(value: &Value) -> bool {
        value.is_object() && canonical_bytes(value).len() <= Self::BYTES_MAX
    }

    /// Reads one. Nothing may be missing, and nothing may be there that is not known.
    ///
    /// # Errors
    /// When it is none: why, for people.
    pub fn read(value: &Value) -> Result<Self, String> {
        if !Self::is_bounded(value) {
            return Err(format!("it is no object of at most {} bytes", Self::BYTES_MAX));
        }
        let read = Self::deserialize(value).map_err(|error| error.to_string())?;
        let lengths = [read.active_constraints.len(), read.decisions.len(), read.pending_actions.len()];
        if lengths.iter().any(|length| *length > Self::ITEMS_MAX) {
            return Err(format!("it has a list of more than {} items", Self::ITEMS_MAX));
        }
        if std::iter::once(&read.goal).chain(&read.active_constraints).any(|text| text.trim().is_empty()) {
            return Err("its goal or a constraint is empty".to_owned());
        }
        Ok(read)
    }

    /// Whether its goal is the task's own, to the letter.
    pub fn is_about(&self, task: &TaskSpec, mandate: &AgentMandate) -> bool {
        let words = match task.kind {
            TaskKind::Opened => &task.words,
            // A standing task has no words but its agent's mandate.
            TaskKind::Standing(_) => &mandate.oispec.goal,
        };
        self.goal == *words || self.goal == task.digest().to_string()
    }

    /// A constraint of an earlier one that is not here any more, to the letter.
    pub fn lost<'a>(&self, earlier: &'a Self) -> Option<&'a str> {
        let is_here = |constraint: &&String| self.active_constraints.contains(constraint);
        earlier.active_constraints.iter().find(|constraint| !is_here(constraint)).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn note() -> Value {
        json!({
            "goal": "pay what is due",
            "active_constraints": ["never more than 100", "exactly one payment"],
            "decisions": [{ "decision": "pay by Friday", "because": "the letter says so" }],
            "pending_actions": [{ "action": "pay", "tool": "ledger:pay" }, { "action": "tell the customer" }],
        })
    }

    #[test]
    fn a_checkpoint_is_typed_and_nothing_is_missing_or_added() {
        assert!(Checkpoint::read(&note()).is_ok());
        for (pointer, value) in [
            ("/goal", json!("")),
            ("/goal", json!(null)),
            ("/active_constraints", json!("never more than 100")),
            ("/active_constraints/0", json!(" ")),
            ("/active_constraints", json!(vec!["never"; Checkpoint::ITEMS_MAX + 1])),
            ("/decisions/0", json!("pay by Friday")),
            ("/decisions/0/because", json!(7)),
            ("/pending_actions/0", json!({ "tool": "ledger:pay" })),
            ("/pending_actions/0/tool", json!("x".repeat(Checkpoint::BYTES_MAX))),
        ] {
            let mut changed = note();
            *changed.pointer_mut(pointer).unwrap() = value;
            assert!(Checkpoint::read(&changed).is_err(), "{changed}");
        }
        for key in ["goal", "active_constraints", "decisions", "pending_actions"] {
            let mut changed = note();
            changed.as_object_mut().unwrap().remove(key);
            assert!(Checkpoint::read(&changed).is_err(), "{key}");
        }
        let mut changed = note();
        changed["summary"] = json!("all is well");
        assert!(Checkpoint::read(&changed).is_err());
    }

    #[test]
    fn a_constraint_survives_to_the_letter() {
        let earlier = Checkpoint::read(&note()).unwrap();
        assert_eq!(earlier.lost(&earlier), None);
        let mut changed = note();
        changed["active_constraints"][0] = json!("rarely more than 100");
        assert_eq!(Checkpoint::read(&changed).unwrap().lost(&earlier), Some("never more than 100"));
    }
}
