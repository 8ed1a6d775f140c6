//! Which agents have carried out which tools before (EC-2.7a): without that nothing is known of how they use them.

use std::collections::{HashMap, HashSet};

use maso_core::{Act, AgentName, Class, Hop, HopId, Principal, ToolRef, Turn};
use maso_intent::Deployment;
use maso_log::v1;
use parking_lot::RwLock;

use super::awaiting::Awaiting;

/// What each agent has done at least once, folded from the record. There are no more of these than agents hold tools.
#[derive(Debug, Default)]
pub(super) struct Firsts(RwLock<Inner>);

#[derive(Debug, Default)]
struct Inner {
    done: HashMap<AgentName, HashSet<ToolRef>>,
    /// First calls that were released and have not ended.
    awaiting: Awaiting<(AgentName, ToolRef)>,
}

impl Firsts {
    /// Whether the hop calls a tool that its agent has not carried out before.
    pub(super) fn is_first(&self, hop: &Hop) -> bool {
        let (Principal::Agent(agent), Act::CallTool(tool), Turn::Ask) = (&hop.from, &hop.act, hop.turn) else {
            return false;
        };
        !self.0.read().has_done(agent, tool)
    }

    /// Whether a hop that is under way is such a call.
    pub(super) fn is_under_way(&self, hop: HopId) -> bool {
        self.0.read().awaiting.get(hop).is_some()
    }

    /// Takes in a recorded decision.
    pub(super) fn decided(&self, deployment: &Deployment, decided: &v1::HopDecided) {
        if decided.verb != "call_tool" || decided.answers.is_some() {
            return;
        }
        let is_released = decided.decision == "allow" || !decided.enforced;
        let Some((hop, agent, tool)) = read(decided).filter(|_| is_released) else { return };
        let only_reads = deployment.tool(&tool).is_some_and(|tool| tool.class == Class::Read);
        if !only_reads && !self.0.read().has_done(&agent, &tool) {
            self.0.write().awaiting.insert(hop, (agent, tool));
        }
    }

    /// Takes in what came of a released call.
    pub(super) fn released(&self, released: &v1::HopReleased) {
        let Ok(hop) = released.hop.parse() else { return };
        if !self.is_under_way(hop) {
            return;
        }
        let mut inner = self.0.write();
        if let Some((agent, tool)) = inner.awaiting.remove(hop)
            && released.succeeded()
        {
            inner.done.entry(agent).or_default().insert(tool);
        }
    }
}

impl Inner {
    fn has_done(&self, agent: &AgentName, tool: &ToolRef) -> bool {
        self.done.get(agent).is_some_and(|tools| tools.contains(tool))
    }
}

fn read(decided: &v1::HopDecided) -> Option<(HopId, AgentName, ToolRef)> {
    let agent = decided.from.as_deref()?.strip_prefix("agent:")?.parse().ok()?;
    Some((decided.hop.parse().ok()?, agent, decided.object.parse().ok()?))
}
