//! Tool definitions pass the path too: scanned as untrusted text, pinned, blocked when they change (SC-2.2).

use maso_core::{ToolRef, Word};
use maso_guard::Surface;
use maso_intent::{PinState, ToolDefinition};
use maso_log::v1;

use crate::Path;

impl Path {
    /// Notes what a server publishes: each definition is scanned, compared with its pin, and recorded when it is new.
    /// What comes back says for each tool whether it may be shown and called.
    pub async fn published(&self, tools: Vec<(ToolRef, ToolDefinition)>) -> Vec<(ToolRef, PinState)> {
        let mut states = Vec::with_capacity(tools.len());
        for (tool, definition) in tools {
            if self.world.pins().publish(&tool, definition.digest) {
                self.report(&tool, definition).await;
            }
            let state = self.world.pin(&tool, self.clock.now());
            states.push((tool, state));
        }
        states
    }

    async fn report(&self, tool: &ToolRef, definition: ToolDefinition) {
        let scan = self.scanner.scan_value(Surface::Description, &definition.value, self.clock.now());
        let approved = match self.world.pins().state(tool) {
            PinState::Drifted { approved, .. } => Some(approved.to_string()),
            PinState::Pinned | PinState::Unapproved { .. } => None,
        };
        let seen = v1::ToolSeen {
            tool: tool.to_string(),
            digest: definition.digest.to_string(),
            definition: definition.value,
            approved,
            findings: scan.findings.iter().filter(|finding| finding.word > Word::Go).map(v1::Finding::from).collect(),
        };
        if let Err(fault) = self.recorder.record(v1::Body::ToolSeen(seen)).await {
            tracing::error!(error = &fault as &dyn std::error::Error, %tool, "a tool definition could not be recorded");
        }
    }
}
