//! Which controls a deployment may switch off, and which not.

use crate::Deployment;

impl Deployment {
    /// Whether the control counts: it was not switched off, with a reason and somebody who answers for that.
    pub fn applies(&self, control: &str) -> bool {
        !self.deselected.iter().any(|deselection| deselection.control.as_str() == control)
    }
}
