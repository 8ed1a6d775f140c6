//! Arguments that stateless clients repeat in headers, for those who only look at headers: both must say the same.

use std::collections::BTreeMap;

use maso_core::{Act, ServerName, ToolName, ToolRef};
use maso_wire::{
    Credential,
    mcp::{self, Method, Mismatch, Request},
};
use parking_lot::RwLock;
use serde_json::{Value, json};

use crate::gateway::Gateway;

/// The input schemas of the tools that have such arguments. Each server has a share of its own: one that publishes many
/// tools takes no place from another.
#[derive(Default)]
pub(crate) struct Mirrors(RwLock<BTreeMap<ServerName, BTreeMap<ToolName, Value>>>);

impl Mirrors {
    /// Learns what a server publishes of a tool.
    pub(crate) fn learn(&self, tool: &ToolRef, schema: &Value) {
        if mcp::has_mirrored_parameters(schema) {
            let mut known = self.0.write();
            let known = known.entry(tool.server.clone()).or_default();
            if known.contains_key(&tool.tool) || known.len() < TOOLS_OF_SERVER_MAX {
                known.insert(tool.tool.clone(), schema.clone());
            }
        } else if self.0.read().get(&tool.server).is_some_and(|known| known.contains_key(&tool.tool)) {
            self.0.write().entry(tool.server.clone()).or_default().remove(&tool.tool);
        }
    }
}

impl Gateway {
    /// Whether the headers of a call say what its arguments say. Nothing is told of a tool that the sender may not call.
    pub(crate) fn parameters_agree<'a>(
        &self,
        credential: &Credential,
        server: &ServerName,
        request: &Request,
        header: impl Fn(&str) -> Option<&'a str>,
    ) -> Result<(), Mismatch> {
        let mirrors = self.mirrors.0.read();
        if mirrors.is_empty() || request.method != Method::ToolsCall.as_str() {
            return Ok(());
        }
        let Ok(act) = mcp::act_of(server, Method::ToolsCall, request.params_value()) else { return Ok(()) };
        let Act::CallTool(tool) = &act else { return Ok(()) };
        let Some(schema) = mirrors.get(&tool.server).and_then(|known| known.get(&tool.tool)) else { return Ok(()) };
        let permits = |agent| self.decider.deployment().authority(&agent).permits(&act);
        if !self.decider.named(credential).is_ok_and(permits) {
            return Ok(());
        }
        let arguments = request.params_value().get("arguments");
        mcp::parameters_agree(schema, arguments.unwrap_or(&json!({})), header)
    }
}

const TOOLS_OF_SERVER_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Value {
        json!({ "type": "object", "properties": { "note": { "type": "string", "x-mcp-header": "Note" } } })
    }

    fn tool(server: &str, tool: &str) -> ToolRef {
        ToolRef::new(server.parse().unwrap(), tool.parse().unwrap())
    }

    #[test]
    fn a_server_with_many_tools_crowds_out_no_other() {
        let mirrors = Mirrors::default();
        for index in 0..=TOOLS_OF_SERVER_MAX {
            mirrors.learn(&tool("large", &format!("tool_{index}")), &schema());
        }
        mirrors.learn(&tool("small", "read_note"), &schema());
        let of = |server: &str| mirrors.0.read().get(&server.parse::<ServerName>().unwrap()).map_or(0, BTreeMap::len);
        assert_eq!((of("large"), of("small")), (TOOLS_OF_SERVER_MAX, 1));
        mirrors.learn(&tool("small", "read_note"), &json!({ "type": "object" }));
        assert_eq!(of("small"), 0, "it has no such arguments any more");
    }
}
