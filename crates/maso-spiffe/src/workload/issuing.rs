//! SVIDs on their way to a process: on the record first.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use maso_core::{AgentName, SpiffeId, Timestamp};
use maso_log::{LogFault, v1};
use parking_lot::Mutex;
use tonic::Status;

use super::{
    WorkloadApi,
    attestation::{Attested, bears, nobody},
};
use crate::{AuthorityFault, JwtSvid, X509Svid};

impl WorkloadApi {
    /// An X.509-SVID for an attested process. It is on the record when this returns.
    pub(super) async fn issue_x509(&self, to: &Attested) -> Result<X509Svid, Status> {
        let (now, ttl_ms) = self.terms(&to.agent)?;
        let svid = self.authority.issue_x509(self.spiffe_id(&to.agent), ttl_ms, now).map_err(unavailable)?;
        let issued = v1::SvidIssued {
            svid: "x509".to_owned(),
            id: svid.serial.clone(),
            key: svid.key.to_string(),
            audience: Vec::new(),
            not_after: svid.not_after.as_millis(),
            ..issued(to)
        };
        self.record(to, issued).await?;
        Ok(svid)
    }

    /// A JWT-SVID for an attested process. It is on the record when this returns.
    pub(super) async fn issue_jwt(&self, to: &Attested, audience: &[String]) -> Result<JwtSvid, Status> {
        let (now, ttl_ms) = self.terms(&to.agent)?;
        let ttl_ms = ttl_ms.min(JWT_MS_MAX);
        let svid = self.authority.issue_jwt(self.spiffe_id(&to.agent), audience, ttl_ms, now).map_err(unavailable)?;
        let issued = v1::SvidIssued {
            svid: "jwt".to_owned(),
            id: svid.id.to_string(),
            key: svid.key.to_string(),
            audience: audience.to_vec(),
            not_after: svid.not_after.as_millis(),
            ..issued(to)
        };
        self.record(to, issued).await?;
        Ok(svid)
    }

    pub(super) fn spiffe_id(&self, agent: &AgentName) -> SpiffeId {
        SpiffeId { trust_domain: self.authority.domain().clone(), agent: agent.clone() }
    }

    /// From when on and for how long an SVID of this agent may live, if it may have one more now.
    fn terms(&self, agent: &AgentName) -> Result<(Timestamp, u64), Status> {
        let now = self.path.clock().now();
        if !self.rates.takes(agent, now) {
            return Err(Status::resource_exhausted("too many identities were issued within a minute"));
        }
        Ok((now, self.path.world().deployment().credential_ms_max(agent)))
    }

    /// Nobody is given what is not on the record, and nothing gets onto it for an agent that was stopped before.
    async fn record(&self, to: &Attested, issued: v1::SvidIssued) -> Result<(), Status> {
        let (path, agent) = (Arc::clone(&self.path), to.agent.clone());
        let body = v1::Body::SvidIssued(Box::new(issued));
        match self.path.recorder().record_if(body, Vec::new(), move || bears(&path, &agent)).await {
            Ok(_) => Ok(()),
            Err(LogFault::Overtaken) => Err(nobody()),
            Err(fault) => {
                tracing::error!(error = &fault as &dyn std::error::Error, "an identity could not be recorded");
                Err(Status::unavailable("the identity could not be recorded"))
            }
        }
    }
}

fn issued(to: &Attested) -> v1::SvidIssued {
    v1::SvidIssued {
        agent: format!("agent:{}", to.agent),
        svid: String::new(),
        id: String::new(),
        key: String::new(),
        audience: Vec::new(),
        not_after: 0,
        attested: to.process.clone(),
    }
}

pub(super) fn unavailable(fault: AuthorityFault) -> Status {
    tracing::error!(error = &fault as &dyn std::error::Error, "the trust domain's authority signs nothing");
    Status::unavailable("the trust domain's authority signs nothing")
}

/// How many SVIDs each agent was issued lately: every one is a record on the disk.
#[derive(Debug, Default)]
pub(super) struct Rates(Mutex<HashMap<AgentName, VecDeque<Timestamp>>>);

impl Rates {
    /// Whether one more may be issued to this agent now; it counts then.
    fn takes(&self, agent: &AgentName, now: Timestamp) -> bool {
        let mut rates = self.0.lock();
        let times = rates.entry(agent.clone()).or_default();
        times.retain(|at| now.since_ms(*at) < MINUTE_MS);
        let takes = times.len() < PER_MINUTE_MAX;
        if takes {
            times.push_back(now);
        }
        takes
    }
}

/// How long a JWT-SVID lives at most: whoever sees it can show it (SPIRE has the same).
const JWT_MS_MAX: u64 = 5 * MINUTE_MS;
/// SVIDs of one agent within a minute. A choice: far more than one for each peer that it speaks to.
const PER_MINUTE_MAX: usize = 120;
const MINUTE_MS: u64 = 60_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_that_asks_without_end_is_not_answered_without_end() {
        let (rates, agent) = (Rates::default(), "intake".parse().unwrap());
        let at = |ms: u64| Timestamp::from_millis(1_700_000_000_000).plus_ms(ms);
        let n_taken = (0..500).filter(|ms| rates.takes(&agent, at(*ms))).count();
        assert_eq!(n_taken, PER_MINUTE_MAX);
        assert!(rates.takes(&"writer".parse().unwrap(), at(500)));
        assert!(rates.takes(&agent, at(MINUTE_MS + 500)));
    }
}
