//! Approving tool definitions (SC-2.2): bound to the exact definition that the person saw.

use maso_core::{Digest, ToolRef};
use maso_intent::Role;
use maso_log::v1;

use crate::{Desk, OrderFault, SignedIn};

impl Desk {
    /// Approves the definition of a tool that waits.
    ///
    /// # Errors
    /// When the person may not, nothing waits, or the person saw another definition.
    pub async fn approve_tool(&self, by: &SignedIn, tool: &ToolRef, digest: Digest) -> Result<(), OrderFault> {
        by.needs(Role::Supervisor)?;
        let waiting = self.path().world().pins().waiting();
        let pin = waiting.get(tool).and_then(|pin| pin.waiting.as_ref());
        let Some((published, definition)) = pin else {
            return Err(OrderFault::Unknown { what: "waiting tool definition", name: tool.to_string() });
        };
        if *published != digest {
            return Err(OrderFault::Changed("tool definition"));
        }
        let approved = v1::ToolApproved {
            tool: tool.to_string(),
            digest: digest.to_string(),
            definition: definition.clone(),
            by: by.operator().to_string(),
        };
        self.path().recorder().record(v1::Body::ToolApproved(approved)).await?;
        Ok(())
    }
}
