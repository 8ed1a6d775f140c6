//! What a call or a request is about: one claim of a batch, one patient, one order.

use maso_core::{Act, Digest, Principal, Turn};
use serde_json::Value;

use crate::Resolved;

/// What a call or a request is about. Two with the same value are about the same, whichever tools or grants they go by.
/// It is as long for every value, and says nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Item(Digest);

impl Item {
    /// The item that a value names: a text that is not empty, or a number.
    pub fn of(value: &Value) -> Option<Self> {
        let names = match value {
            Value::String(text) => !text.trim().is_empty(),
            Value::Number(_) => true,
            _ => false,
        };
        names.then(|| Self(Digest::of_value(value)))
    }

    /// The item that a record names by its digest.
    pub fn recorded(digest: Digest) -> Self {
        Self(digest)
    }

    /// The digest by which it is written.
    pub fn digest(&self) -> Digest {
        self.0
    }
}

impl Resolved {
    /// What the hop is about, by the argument that its tool's manifest or its grant names; nothing if neither does, or
    /// the hop names nothing there.
    pub fn item(&self) -> Option<Item> {
        let hop = self.hop();
        if hop.turn != Turn::Ask {
            return None;
        }
        let pointer = match (&hop.from, &hop.act) {
            (Principal::Agent(from), Act::Request { agent, request }) => {
                self.solution().grant(from, agent, request)?.item_pointer.as_deref()?
            }
            _ => self.tool()?.item_pointer.as_deref()?,
        };
        Item::of(hop.payload.pointer(pointer)?)
    }
}
