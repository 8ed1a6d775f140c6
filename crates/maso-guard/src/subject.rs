//! What is scanned, without anything that takes a deployment to build.

use std::collections::BTreeMap;

use maso_core::Digest;
use maso_core::{Act, Listing, Principal, Turn};
use maso_intent::{AuthorityArgument, Clarifying, Resolved, ToolDefinition};
use serde_json::Value;

use crate::{Sizes, Surface};

/// What is scanned, and everything that scanners may know of it.
pub struct Subject<'a> {
    pub surface: Surface,
    pub author: Author,
    pub payload: &'a Value,
    pub contract: Contract<'a>,
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

/// The schema that the payload was declared to satisfy.
#[derive(Clone, Copy)]
pub enum Contract<'a> {
    /// None was declared.
    None,
    /// The input schema of this tool.
    ToolInput(&'a ToolDefinition),
    /// The output schema of this tool.
    ToolOutput(&'a ToolDefinition),
    /// The schema of the grant under which the request is made.
    Request(&'a Value),
    /// A request that no grant declares.
    Undeclared,
}

impl Contract<'_> {
    /// What compiled schemas are kept under.
    pub fn digest(&self) -> Option<Digest> {
        match self {
            Self::None | Self::Undeclared => None,
            Self::ToolInput(definition) | Self::ToolOutput(definition) => Some(definition.digest),
            Self::Request(schema) => Some(Digest::of_value(schema)),
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
            (Act::Request { .. }, Turn::Ask, _) if resolved.clarifying().is_some() => {
                Contract::Request(Clarifying::schema())
            }
            (Act::Request { agent, request }, Turn::Ask, _) => match &hop.from {
                Principal::Agent(from) => resolved.solution().grant(from, agent, request),
                Principal::Server(_) | Principal::Operator(_) => None,
            }
            .map_or(Contract::Undeclared, |grant| Contract::Request(&grant.schema)),
            _ => Contract::None,
        };
        let is_call = matches!((&hop.act, &hop.turn), (Act::CallTool(_), Turn::Ask));
        Self {
            surface: surface(&hop.act, &hop.turn, &hop.from),
            author: if matches!(hop.from, Principal::Operator(_)) { Author::Operator } else { Author::Other },
            payload: &hop.payload,
            contract,
            authority: resolved.tool().filter(|_| is_call).map(|tool| &tool.authority),
            sizes: Sizes::within(&resolved.deployment().settings),
        }
    }

    /// A value outside any hop.
    pub const fn of_value(surface: Surface, payload: &'a Value) -> Self {
        Self {
            surface,
            author: Author::Other,
            payload,
            contract: Contract::None,
            authority: None,
            sizes: Sizes::DEFAULT,
        }
    }
}

fn surface(act: &Act, turn: &Turn, from: &Principal) -> Surface {
    match (act, turn, from) {
        (Act::List { listing: Listing::Tools | Listing::Prompts, .. }, Turn::Answer { .. }, _) => Surface::Description,
        (Act::Request { .. }, _, _) => Surface::Message,
        (_, _, Principal::Server(_)) => Surface::Result,
        (_, _, Principal::Agent(_) | Principal::Operator(_)) => Surface::Arguments,
    }
}
