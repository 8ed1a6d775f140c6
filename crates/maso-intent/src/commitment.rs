//! What a call decides about its item, by the argument that its tool's manifest names (EC-2.6).

use maso_core::{Digest, Turn};
use serde_json::Value;

use crate::{Item, Resolved};

/// What a call decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Commitment {
    /// Its tool decides nothing.
    Nothing,
    /// Its tool does, and the call does not say what, or about what.
    Unclear {
        /// Where it should say so.
        pointer: String,
        /// What is wrong there, for operators.
        why: String,
    },
    /// This is decided about this item.
    Decides {
        /// What it is about.
        item: Item,
        /// Digest of what is decided.
        decision: Digest,
    },
}

impl Resolved {
    /// What the hop decides about its item. A tool whose manifest names a decision and no item decides nothing that
    /// anybody could hold it to, which is refused too.
    pub fn commitment(&self) -> Commitment {
        let declared = self.tool().and_then(|tool| Some((tool, tool.decision_pointer.as_deref()?)));
        let Some((tool, pointer)) = declared.filter(|_| self.hop().turn == Turn::Ask) else {
            return Commitment::Nothing;
        };
        let unclear = |pointer: &str, what: &str| Commitment::Unclear {
            pointer: pointer.to_owned(),
            why: format!("`{pointer}` names no {what}"),
        };
        match (self.item(), self.hop().payload.pointer(pointer)) {
            (None, _) => unclear(tool.item_pointer.as_deref().unwrap_or(pointer), "item that is decided about"),
            (_, None | Some(Value::Null)) => unclear(pointer, "decision"),
            (Some(item), Some(decision)) => Commitment::Decides { item, decision: Digest::of_value(decision) },
        }
    }
}
