//! Instances of agents: what one agent starts of another that is declared, each with an id of its own.

use std::{fmt, str::FromStr};

use crate::{IdError, InstanceId, SpiffeId};

/// Whose a credential is: an agent's, or that of one instance of it, which another agent started.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Holder {
    /// The agent.
    pub agent: SpiffeId,
    /// Which instance of it; `None` for the agent itself.
    pub instance: Option<InstanceId>,
}

impl Holder {
    /// One instance of an agent.
    pub const fn instance(agent: SpiffeId, instance: InstanceId) -> Self {
        Self { agent, instance: Some(instance) }
    }
}

impl From<&SpiffeId> for Holder {
    fn from(agent: &SpiffeId) -> Self {
        Self { agent: agent.clone(), instance: None }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.instance {
            None => self.agent.fmt(f),
            Some(instance) => write!(f, "{}/{instance}", self.agent),
        }
    }
}

impl FromStr for Holder {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let wrong = || IdError::new(text, "a SPIFFE id as `spiffe://<trust-domain>/agent/<name>[/<instance>]`");
        let (agent, instance) = match text.rsplit_once(INSTANCE) {
            None => (text, None),
            Some((agent, digits)) => {
                let instance: InstanceId = format!("inst_{digits}").parse().map_err(|_| wrong())?;
                (agent, Some(instance))
            }
        };
        let holder = Self { agent: agent.parse()?, instance };
        // One way to write it: two ids that differ are never one instance.
        if holder.to_string() == text { Ok(holder) } else { Err(wrong()) }
    }
}

/// Where the instance's part begins. No agent's name has a slash.
const INSTANCE: &str = "/inst_";

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that meets the unexpected fails")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::WorkloadId;

    #[test]
    fn an_id_is_read_in_one_way() {
        let agent: Holder = "spiffe://claims.example/agent/intake".parse().unwrap();
        assert_eq!(agent.instance, None);
        let text = "spiffe://claims.example/agent/intake/inst_0192f0c1d2e37a4b8c5d6e7f80910a2b";
        let instance: Holder = text.parse().unwrap();
        assert_eq!((instance.agent.agent.as_str(), instance.to_string().as_str()), ("intake", text));
        for wrong in [
            "spiffe://claims.example/agent/intake/",
            "spiffe://claims.example/agent/intake/inst_",
            "spiffe://claims.example/agent/intake/0192f0c1d2e37a4b8c5d6e7f80910a2b",
            "spiffe://claims.example/agent/intake/inst_0192F0C1D2E37A4B8C5D6E7F80910A2B",
            "spiffe://claims.example/agent/intake/inst_0192f0c1-d2e3-7a4b-8c5d-6e7f80910a2b",
            "spiffe://claims.example/agent/intake/inst_0192f0c1d2e37a4b8c5d6e7f80910a2b/",
            "spiffe://claims.example/agent/intake/inst_0192f0c1d2e37a4b8c5d6e7f80910a2b/inst_0192f0c1d2e37a4b8c5d6e7f80910a2b",
            "spiffe://claims.example/agent/inst_0192f0c1d2e37a4b8c5d6e7f80910a2b/",
            "spiffe://claims.example/agent//inst_0192f0c1d2e37a4b8c5d6e7f80910a2b",
        ] {
            wrong.parse::<Holder>().unwrap_err();
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_as_it_was_and_is_no_other_workload_of_ours(
            text in "(spiffe://)?[a-z.]{0,8}(/agent/)?[a-z_]{0,8}(/inst_)?[0-9a-fA-F-]{0,36}",
        ) {
            if let Ok(holder) = text.parse::<Holder>() {
                prop_assert_eq!(holder.to_string(), text.clone());
                // Where an agent is looked for, an instance is none: whoever does not know instances believes none.
                let named = text.parse::<WorkloadId>().unwrap().agent();
                prop_assert_eq!(named.is_some(), holder.instance.is_none());
                prop_assert_eq!(text.parse::<SpiffeId>().is_ok(), holder.instance.is_none());
            }
        }

        #[test]
        fn every_instance_is_read_as_it_was_written(agent in "[a-z0-9][a-z0-9._-]{0,20}", bits in any::<u128>()) {
            let agent = SpiffeId { trust_domain: "claims.example".parse().unwrap(), agent: agent.parse().unwrap() };
            let holder = Holder::instance(agent, InstanceId::from_uuid(uuid::Uuid::from_u128(bits)));
            prop_assert_eq!(holder.to_string().parse::<Holder>().unwrap(), holder);
        }
    }
}
