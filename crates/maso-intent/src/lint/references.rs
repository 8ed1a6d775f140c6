//! Names that must lead somewhere, and what was probably meant by one that does not.

use maso_core::{AgentName, ServerName, ToolRef};

use super::{Found, Lint, LintRule};
use crate::{
    form::{AgentForm, At, File},
    nearest::suggestion,
};

impl<'a> Lint<'a> {
    /// Notes an agent that does not exist.
    pub(super) fn unknown_agent<T>(self, rule: LintRule, file: &File<'_, T>, agent: &At<AgentName>, found: &mut Found) {
        let agents = self.deployment.agents.keys().map(|agent| agent.as_str());
        let remedy = suggestion(agent.as_str(), agents, || format!("add agents/{}.toml", agent.value));
        found.add(rule, file, agent.start, format!("there is no agent `{}`", agent.value), remedy);
    }

    /// Whether the server is declared; notes it where it is not.
    pub(super) fn known_server<T>(
        self,
        file: &File<'_, T>,
        server: &ServerName,
        start: usize,
        found: &mut Found,
    ) -> bool {
        let known = self.deployment.servers.contains_key(server);
        if !known {
            let servers = self.deployment.servers.keys().map(|server| server.as_str());
            let remedy = suggestion(server.as_str(), servers, || format!("add tools/{server}.toml"));
            found.add(LintRule::ServerUnknown, file, start, format!("there is no server `{server}`"), remedy);
        }
        known
    }

    /// Whether the tool is described; notes it where it is not.
    pub(super) fn known_tool<T>(self, file: &File<'_, T>, tool: &At<ToolRef>, found: &mut Found) -> bool {
        if !self.known_server(file, &tool.server, tool.start, found) {
            return false;
        }
        let known = self.deployment.tool(&tool.value).is_some();
        if !known {
            let tools = self.deployment.servers.get(&tool.server).into_iter().flat_map(|server| server.tools.keys());
            let remedy = suggestion(tool.tool.as_str(), tools.map(|tool| tool.as_str()), || {
                format!("describe it in tools/{}.toml as `[tools.{}]`", tool.server, tool.tool)
            });
            let message = format!("nothing describes tool `{}`", tool.value);
            found.add(LintRule::ToolUndescribed, file, tool.start, message, remedy);
        }
        known
    }

    /// Where an agent's file names a tool.
    pub(super) fn place_of(self, agent: &AgentName, tool: &ToolRef) -> Option<(&'a File<'a, AgentForm>, usize)> {
        let file = self.folder.agents.get(agent)?;
        let wanted = At { value: tool.clone(), start: 0 };
        let (named, _) = file.form.tools.get_key_value(&wanted)?;
        Some((file, named.start))
    }

    /// What to do about an operator who does not exist.
    pub(super) fn operator_suggestion(self, given: &str) -> String {
        let operators = self.deployment.operators.keys().map(|operator| operator.as_str());
        suggestion(given, operators, || format!("add `[[operators]]` with `name = \"{given}\"` to maso.toml"))
    }
}
