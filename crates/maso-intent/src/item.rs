//! What a call or a request is about: one claim of a batch, one patient, one order.

use maso_core::{Act, AgentName, Digest, Principal, Turn};
use serde_json::Value;

use crate::{Deployment, Resolved};

/// What a call or a request is about. Two with the same value are about the same, whichever tools or grants they go by.
/// It is as long for every value, and says nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Item(Digest);

/// What a call or a request is about, as far as anything says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// Nothing says what such calls are about.
    Anything,
    /// Something says so, and this one names nothing there.
    Nothing,
    /// This.
    Item(Item),
}

impl About {
    /// Whether a call that is about this may be part of work that is about that. What names nothing where it should is
    /// part of no work that names something, nor the other way round.
    pub fn fits(self, other: Self) -> bool {
        match (self, other) {
            (Self::Anything, _) | (_, Self::Anything) => true,
            (Self::Item(one), Self::Item(other)) => one == other,
            (Self::Nothing, _) | (_, Self::Nothing) => false,
        }
    }
}

impl Item {
    /// The item that was written so.
    pub fn written(digest: &str) -> Option<Self> {
        Digest::parse(digest).map(Self)
    }

    /// The item that a value names: a text that is not empty, or a number.
    pub fn of(value: &Value) -> Option<Self> {
        let names = match value {
            Value::String(text) => !text.trim().is_empty(),
            Value::Number(_) => true,
            _ => false,
        };
        names.then(|| Self(Digest::of_value(value)))
    }

    /// The digest by which it is written.
    pub fn digest(&self) -> Digest {
        self.0
    }
}

impl Deployment {
    /// What an act of an agent is about, of which the record says this.
    pub fn about(&self, from: &AgentName, act: &Act, item: Option<Item>) -> About {
        let pointer = match act {
            Act::Request { agent, request } => {
                let workflow = self.agents.get(from).and_then(|mandate| self.workflows.get(&mandate.workflow));
                workflow.and_then(|workflow| workflow.grant(from, agent, request)?.item_pointer.as_ref())
            }
            act => act.tool().and_then(|tool| self.tool(tool)?.item_pointer.as_ref()),
        };
        match (item, pointer) {
            (Some(item), _) => About::Item(item),
            (None, Some(_)) => About::Nothing,
            (None, None) => About::Anything,
        }
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
