//! Arguments that stateless clients repeat in headers, for those who only look at headers: both must say the same.

use std::collections::BTreeMap;

use maso_core::{Act, ServerName, ToolRef};
use maso_wire::{
    Credential,
    mcp::{self, Method, Mismatch, Request},
};
use parking_lot::RwLock;
use serde_json::{Value, json};

use crate::gateway::Gateway;

/// The input schemas of the tools that have such arguments.
#[derive(Default)]
pub(crate) struct Mirrors(RwLock<BTreeMap<ToolRef, Value>>);

impl Mirrors {
    /// Learns what a server publishes of a tool.
    pub(crate) fn learn(&self, tool: &ToolRef, schema: &Value) {
        if mcp::has_mirrored_parameters(schema) {
            let mut known = self.0.write();
            if known.contains_key(tool) || known.len() < TOOLS_MAX {
                known.insert(tool.clone(), schema.clone());
            }
        } else if self.0.read().contains_key(tool) {
            self.0.write().remove(tool);
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
        let Some(schema) = mirrors.get(tool) else { return Ok(()) };
        let permits = |agent| self.decider.deployment().authority(&agent).permits(&act);
        if !self.decider.named(credential).is_ok_and(permits) {
            return Ok(());
        }
        let arguments = request.params_value().get("arguments");
        mcp::parameters_agree(schema, arguments.unwrap_or(&json!({})), header)
    }
}

const TOOLS_MAX: usize = 4096;
