//! Ids of workloads of any trust domain, as SPIFFE has them.

use std::{fmt, str::FromStr};

use crate::{AgentName, IdError, SpiffeId, TrustDomain};

/// A SPIFFE id that names a workload: a trust domain and a path below it. Whether somebody is that workload is another's to say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkloadId {
    trust_domain: TrustDomain,
    /// With its first slash.
    path: Box<str>,
}

impl WorkloadId {
    /// Who vouches for it.
    pub const fn trust_domain(&self) -> &TrustDomain {
        &self.trust_domain
    }

    /// The agent that it names, where its path is one of ours.
    pub fn agent(&self) -> Option<AgentName> {
        self.path.strip_prefix("/agent/")?.parse().ok()
    }
}

impl From<&SpiffeId> for WorkloadId {
    fn from(id: &SpiffeId) -> Self {
        Self { trust_domain: id.trust_domain.clone(), path: format!("/agent/{}", id.agent).into() }
    }
}

impl fmt::Display for WorkloadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spiffe://{}{}", self.trust_domain, self.path)
    }
}

impl FromStr for WorkloadId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let wrong = || IdError::new(text, "a workload's SPIFFE id as `spiffe://<trust-domain>/<path>`");
        if text.len() > BYTES_MAX {
            return Err(wrong());
        }
        let rest = text.strip_prefix("spiffe://").ok_or_else(wrong)?;
        let (domain, path) = rest.split_at(rest.find('/').ok_or_else(wrong)?);
        let is_whole = path.split('/').skip(1).all(is_segment);
        if !is_whole {
            return Err(wrong());
        }
        Ok(Self { trust_domain: domain.parse()?, path: path.into() })
    }
}

/// The letters that SPIFFE allows, and nothing that a reader of paths would take for another place.
fn is_segment(segment: &str) -> bool {
    let is_letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    !segment.is_empty() && segment != "." && segment != ".." && segment.bytes().all(is_letter)
}

/// The longest id that the standard has everybody take.
const BYTES_MAX: usize = 2_048;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that meets the unexpected fails")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_id_is_read_as_the_standard_has_it() {
        let id: WorkloadId = "spiffe://prod.example/ns/claims/sa/In_take.1".parse().unwrap();
        assert_eq!(id.trust_domain().as_str(), "prod.example");
        assert_eq!(id.to_string(), "spiffe://prod.example/ns/claims/sa/In_take.1");
        assert_eq!(id.agent(), None);
        let own: WorkloadId = "spiffe://claims.example/agent/intake".parse().unwrap();
        assert_eq!(own.agent().unwrap().as_str(), "intake");
        let long = format!("spiffe://claims.example/{}", "a".repeat(BYTES_MAX));
        for wrong in [
            "spiffe://prod.example",
            "spiffe://prod.example/",
            "spiffe:///a",
            "spiffe://prod.example/a/",
            "spiffe://prod.example//a",
            "spiffe://prod.example/a/../b",
            "spiffe://prod.example/./b",
            "spiffe://prod.example/a%2fb",
            "spiffe://prod.example/a?b",
            "spiffe://prod.example/a#b",
            "spiffe://user@prod.example/a",
            "spiffe://prod.example:1/a",
            "spiffe://Prod.example/a",
            "SPIFFE://prod.example/a",
            "https://prod.example/a",
            "spiffe://prod.example/ä",
            &long,
        ] {
            wrong.parse::<WorkloadId>().unwrap_err();
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_as_it_was(text in "(spiffe://)?[a-zA-Z0-9./%:@-]{0,40}") {
            if let Ok(id) = text.parse::<WorkloadId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }
}
