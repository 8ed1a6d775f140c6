//! Separation of duties: who reads what strangers write holds nothing that a stranger would want (IA-1.4).

use maso_core::{AgentName, Class, Integrity, ToolRef};

use super::{Found, Lint, LintRule};
use crate::{AgentMandate, ToolManifest};

pub(super) fn check(lint: Lint<'_>, found: &mut Found) {
    for mandate in lint.deployment.agents.values() {
        let (Some(read), Some(tool)) = (broad_read(lint, mandate), lint.privileged_tool(&mandate.agent)) else {
            continue;
        };
        let Some((file, start)) = lint.place_of(&mandate.agent, tool) else { continue };
        let message = format!("the agent reads whatever strangers write ({read}) and holds `{tool}`");
        let remedy = "bound what it reads to the case at hand, or give one of the two to another agent";
        found.add(LintRule::DutiesMixed, file, start, message, remedy);
    }
}

/// A way for the agent to read any external content, without a bound on which.
fn broad_read(lint: Lint<'_>, mandate: &AgentMandate) -> Option<String> {
    let authority = lint.deployment.authorities.get(&mandate.agent)?;
    let mut tools = authority.tools().filter(|tool| {
        let is_external = |tool: &ToolManifest| {
            // The answer as a whole: that one field repeats what a stranger wrote makes no record a letter.
            matches!(tool.class, Class::Read | Class::Execute) && tool.result.default.integrity == Integrity::External
        };
        mandate.tools.get(tool).is_some_and(|terms| terms.bounds.is_empty())
            && lint.deployment.tool(tool).is_some_and(|tool| is_external(tool))
    });
    let mut resources = mandate.resources.iter().filter(|term| {
        let server = lint.deployment.servers.get(&term.server);
        term.uri_prefix.is_empty() && server.is_some_and(|server| server.label.integrity == Integrity::External)
    });
    let tool = tools.next().map(|tool| format!("`{tool}`"));
    tool.or_else(|| resources.next().map(|term| format!("all resources of `{}`", term.server)))
}

impl<'a> Lint<'a> {
    /// A tool that makes the agent an execute agent. That one is not described at all is a finding of its own.
    pub(super) fn privileged_tool(self, agent: &AgentName) -> Option<&'a ToolRef> {
        self.deployment.privileged_tool(agent).filter(|tool| self.deployment.tool(tool).is_some())
    }
}
