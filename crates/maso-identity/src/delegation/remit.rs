//! What may be done for a delegated request, by whoever ends up doing it.

use std::collections::BTreeSet;

use maso_core::{Act, ServerName, ToolRef, Turn, lies_within};
use serde_json::Value;

/// What a grant names and nothing more (IA-2.4). Several together allow what each of them allows, so that a chain of them
/// can only narrow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remit {
    /// Tools that may be called.
    pub tools: BTreeSet<ToolRef>,
    /// Resources that may be read: a server, and what their URIs begin with.
    pub resources: BTreeSet<(ServerName, String)>,
    /// Prompts that may be fetched: a server, and a name or `*`.
    pub prompts: BTreeSet<(ServerName, String)>,
    /// What arguments of these tools must be.
    pub arguments: Vec<BoundArgument>,
}

/// An argument that a delegated request fixes: it is this value and no other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundArgument {
    /// The tool.
    pub tool: ToolRef,
    /// JSON pointer to the argument.
    pub pointer: String,
    /// The value.
    pub value: Value,
}

/// What a remit does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beyond<'a> {
    /// The act itself.
    Act,
    /// The act, but not with this argument.
    Argument(&'a BoundArgument),
}

impl Remit {
    /// Whether it allows an act with these arguments. Requests to other agents are no matter of scope: what they lead to
    /// is, and so is how far they lead.
    ///
    /// # Errors
    /// What of it is not allowed.
    pub fn permits(&self, act: &Act, turn: Turn, arguments: &Value) -> Result<(), Beyond<'_>> {
        let is_named = match act {
            Act::CallTool(tool) => self.tools.contains(tool),
            Act::ReadResource { server, uri } => {
                self.resources.iter().any(|(of, prefix)| of == server && lies_within(uri, prefix))
            }
            Act::GetPrompt { server, prompt } => {
                self.prompts.iter().any(|(of, term)| of == server && (term == "*" || term == prompt))
            }
            Act::Complete { server }
            | Act::List { server, .. }
            | Act::Notify { server, .. }
            | Act::AskClient { server, .. } => self.concerns(server),
            // Nor is what is only told: no permission travels with it, and the clearance of whoever is told fences it.
            Act::Request { .. } | Act::Tell { .. } | Act::Report { .. } => true,
            // Who is started gets nothing of it: it has its own mandate, and works for requests alone.
            Act::Spawn { .. } => true,
        };
        if !is_named {
            return Err(Beyond::Act);
        }
        let (Act::CallTool(tool), Turn::Ask) = (act, turn) else { return Ok(()) };
        let of_tool = self.arguments.iter().filter(|bound| bound.tool == *tool);
        match of_tool.into_iter().find(|bound| arguments.pointer(&bound.pointer) != Some(&bound.value)) {
            Some(bound) => Err(Beyond::Argument(bound)),
            None => Ok(()),
        }
    }

    /// Whether anything of this server is allowed.
    pub fn concerns(&self, server: &ServerName) -> bool {
        self.tools.iter().any(|tool| tool.server == *server)
            || self.resources.iter().chain(&self.prompts).any(|(of, _)| of == server)
    }
}
