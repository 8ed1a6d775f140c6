//! For how long an agent may be believed without being asked again (IA-2.2, IA-3.1).

use maso_core::{AgentName, Class, Tier};

use crate::{AgentMandate, Deployment};

impl Deployment {
    /// How long any credential of this agent may live: what the deployment says, and never more than its tier allows an
    /// agent with these tools. Zero for an agent that does not exist.
    pub fn credential_ms_max(&self, agent: &AgentName) -> u64 {
        let Some(mandate) = self.agents.get(agent) else { return 0 };
        self.settings.token_ttl_ms.min(ceiling_ms(self.tier, self.reads_only(mandate)))
    }

    /// Whether no tool of the agent does more than read. A tool that nobody described may do anything.
    fn reads_only(&self, mandate: &AgentMandate) -> bool {
        mandate.tools.keys().all(|tool| self.tool(tool).is_some_and(|tool| tool.class == Class::Read))
    }
}

/// The framework's ceilings: Tier 1 sets none, but no credential outlives a day; Tier 2 gives readers a day and others an
/// hour (IA-2.2); Tier 3 an hour and a quarter of it (IA-3.1).
const fn ceiling_ms(tier: Tier, reads_only: bool) -> u64 {
    match (tier, reads_only) {
        (Tier::Supervised, _) | (Tier::Managed, true) => 24 * 60 * MINUTE,
        (Tier::Managed, false) | (Tier::Autonomous, true) => 60 * MINUTE,
        (Tier::Autonomous, false) => 15 * MINUTE,
    }
}

const MINUTE: u64 = 60_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_autonomy_and_more_power_never_live_longer() {
        for &tier in Tier::ALL {
            assert!(ceiling_ms(tier, false) <= ceiling_ms(tier, true), "{tier:?}");
        }
        for (lower, higher) in [(Tier::Supervised, Tier::Managed), (Tier::Managed, Tier::Autonomous)] {
            for reads_only in [false, true] {
                assert!(ceiling_ms(higher, reads_only) <= ceiling_ms(lower, reads_only), "{higher:?}");
            }
        }
        assert_eq!(ceiling_ms(Tier::Autonomous, false), 900_000);
    }
}
