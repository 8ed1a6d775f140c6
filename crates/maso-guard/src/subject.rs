//! What is scanned, without anything that takes a deployment to build.

use std::collections::BTreeMap;

use maso_core::{Act, Class, Digest, Listing, Principal, Turn};
use maso_intent::{AuthorityArgument, Resolved, ToolDefinition, Wordy};
use serde_json::Value;

use crate::{Sizes, Surface, leaf::Leaf};

/// What is scanned, and everything that scanners may know of it.
pub struct Subject<'a> {
    pub surface: Surface,
    pub author: Author,
    pub audience: Audience,
    pub payload: &'a Value,
    pub contract: Contract<'a>,
    /// Where words fit into what is said to an agent that acts; `None` for whatever else.
    pub wordy: Option<Wordy<'a>>,
    /// Arguments that carry authority, by JSON pointer; empty unless a tool is called.
    pub authority: Option<&'a BTreeMap<String, AuthorityArgument>>,
    pub sizes: Sizes,
}

/// Who wrote the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    /// A person who signed in: may give instructions.
    Operator,
    /// Anyone else.
    Other,
}

/// Which people will read the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// None that anybody knows of.
    Nobody,
    /// Whoever approves it, if somebody must.
    Approver,
    /// The people whom it is sent to.
    People,
}

/// The schema that the payload was declared to satisfy.
#[derive(Clone, Copy)]
pub enum Contract<'a> {
    /// None was declared.
    None,
    /// The input schema of this tool.
    ToolInput(&'a ToolDefinition),
    /// The output schema of this tool.
    ToolOutput(&'a ToolDefinition),
    /// The schema of the grant under which the request is made or answered.
    Request(&'a Value),
    /// The schema of what one agent may tell another.
    Message(&'a Value),
    /// Something between agents that nothing declares.
    Undeclared,
}

impl Contract<'_> {
    /// What compiled schemas are kept under.
    pub fn digest(&self) -> Option<Digest> {
        match self {
            Self::None | Self::Undeclared => None,
            Self::ToolInput(definition) | Self::ToolOutput(definition) => Some(definition.digest),
            Self::Request(schema) | Self::Message(schema) => Some(Digest::of_value(schema)),
        }
    }
}

impl<'a> Subject<'a> {
    /// The subject that a resolved hop is.
    pub fn of(resolved: &'a Resolved) -> Self {
        let hop = resolved.hop();
        let definition = resolved.tool().and_then(|tool| tool.definition.as_deref());
        let contract = match (&hop.act, &hop.turn, definition) {
            (Act::CallTool(_), Turn::Ask, Some(definition)) => Contract::ToolInput(definition),
            (Act::CallTool(_), Turn::Answer { .. }, Some(definition)) => Contract::ToolOutput(definition),
            (Act::Request { .. }, Turn::Ask, _) if let Some(clarifying) = resolved.clarifying() => {
                Contract::Request(clarifying.schema())
            }
            (Act::Request { agent, request }, Turn::Ask, _) => match &hop.from {
                Principal::Agent(from) => resolved.solution().grant(from, agent, request),
                Principal::Server(_) | Principal::Operator(_) => None,
            }
            .map_or(Contract::Undeclared, |grant| Contract::Request(&grant.schema)),
            (Act::Request { agent, request }, Turn::Answer { .. }, _) => match &hop.to {
                Principal::Agent(asked_by) => resolved.solution().grant(asked_by, agent, request),
                Principal::Server(_) | Principal::Operator(_) => None,
            }
            .and_then(|grant| grant.answer.as_deref())
            .map_or(Contract::None, Contract::Request),
            (Act::Tell { agent, contract }, ..) => match &hop.from {
                Principal::Agent(from) => resolved.solution().channel(from, agent, contract),
                Principal::Server(_) | Principal::Operator(_) => None,
            }
            .map_or(Contract::Undeclared, |channel| Contract::Message(&channel.schema)),
            _ => Contract::None,
        };
        let is_call = matches!((&hop.act, &hop.turn), (Act::CallTool(_), Turn::Ask));
        Self {
            surface: surface(&hop.act, &hop.turn, &hop.from),
            author: if matches!(hop.from, Principal::Operator(_)) { Author::Operator } else { Author::Other },
            audience: audience(resolved),
            payload: &hop.payload,
            contract,
            wordy: resolved.wordy(),
            authority: resolved.tool().filter(|_| is_call).map(|tool| &tool.authority),
            sizes: Sizes::within(&resolved.deployment().settings),
        }
    }

    /// Whether this is an argument that is there for a credential, such as the password of a login: its manifest says so, and where
    /// its value must come from.
    pub fn takes_credential(&self, leaf: &Leaf<'_>) -> bool {
        let mut credentials =
            self.authority.into_iter().flatten().filter(|(_, argument)| argument.role == "credential");
        !leaf.is_key && credentials.any(|(pointer, _)| *pointer == leaf.pointer())
    }

    /// A value outside any hop.
    pub const fn of_value(surface: Surface, payload: &'a Value) -> Self {
        Self {
            surface,
            author: Author::Other,
            audience: match surface {
                Surface::Arguments => Audience::People,
                Surface::Message => Audience::Approver,
                Surface::Result | Surface::Description => Audience::Nobody,
            },
            payload,
            contract: Contract::None,
            wordy: None,
            authority: None,
            sizes: Sizes::DEFAULT,
        }
    }
}

/// What an agent does may be shown to whoever approves it, what it sends is for people, and so is what a server asks of
/// whoever sits before a client. What nobody classified may be any of that.
fn audience(resolved: &Resolved) -> Audience {
    let hop = resolved.hop();
    match (&hop.act, hop.turn, &hop.from) {
        (_, Turn::Answer { .. }, _) | (_, _, Principal::Operator(_)) => Audience::Nobody,
        (Act::AskClient { .. }, ..) => Audience::People,
        (Act::CallTool(_), ..) => match resolved.tool().map(|tool| tool.class) {
            Some(Class::Read) => Audience::Nobody,
            Some(Class::Send) | None => Audience::People,
            Some(Class::Write | Class::Delete | Class::Transfer | Class::Execute) => Audience::Approver,
        },
        (Act::Request { .. } | Act::Tell { .. }, ..) => Audience::Approver,
        _ => Audience::Nobody,
    }
}

fn surface(act: &Act, turn: &Turn, from: &Principal) -> Surface {
    match (act, turn, from) {
        (Act::List { listing: Listing::Tools | Listing::Prompts, .. }, Turn::Answer { .. }, _) => Surface::Description,
        (Act::Request { .. } | Act::Tell { .. }, _, _) => Surface::Message,
        (_, _, Principal::Server(_)) => Surface::Result,
        (_, _, Principal::Agent(_) | Principal::Operator(_)) => Surface::Arguments,
    }
}
