//! Agent tokens: issued, and revoked (IA-2.1, IA-2.2).

use maso_core::{AgentName, Holder, HopId, InstanceId, SpiffeId, Timestamp};
use maso_identity::Thumbprint;
use maso_intent::Role;
use maso_log::v1;
use uuid::Uuid;

use crate::{Desk, OrderFault, SignedIn};

/// A token that is to be issued to an agent.
pub(super) struct Issue<'a> {
    pub(super) agent: &'a AgentName,
    /// Which instance of it, if it is one.
    pub(super) instance: Option<InstanceId>,
    /// The key to which it is bound, if it is.
    pub(super) key: Option<Thumbprint>,
    /// How long it lives; never longer than its agent's may.
    pub(super) ttl_ms: u64,
    /// The end of what it rests on, which it does not outlive.
    pub(super) not_after: Option<Timestamp>,
    /// Whence it comes, as the record has it.
    pub(super) by: String,
}

impl Desk {
    /// Issues a token to an agent, bound to its key where it has one.
    ///
    /// # Errors
    /// When the person may not, the agent has no mandate, or an unbound token is not allowed here.
    pub async fn issue_agent_token(
        &self,
        by: &SignedIn,
        agent: &AgentName,
        order: &maso_api::IssueToken,
    ) -> Result<maso_api::IssuedToken, OrderFault> {
        by.needs(Role::Operator)?;
        let deployment = self.path().world().deployment();
        if !deployment.agents.contains_key(agent) {
            return Err(OrderFault::Unknown { what: "agent", name: agent.to_string() });
        }
        let thumbprint = order
            .thumbprint
            .as_deref()
            .map(|text| text.parse::<Thumbprint>().map_err(|error| OrderFault::Bad(error.to_string())))
            .transpose()?;
        if thumbprint.is_none() && !deployment.settings.bearer_on_loopback {
            return Err(OrderFault::Bad("this deployment issues no token without a key".to_owned()));
        }
        let by = format!("operator:{}", by.operator());
        let ttl_ms = order.ttl_ms.unwrap_or(u64::MAX);
        let issue = Issue { agent, instance: None, key: thumbprint, ttl_ms, not_after: None, by };
        let (token, issued) =
            self.make_token(issue).ok_or_else(|| OrderFault::Unknown { what: "agent", name: agent.to_string() })?;
        self.path().recorder().record(v1::Body::TokenIssued(issued)).await?;
        Ok(token)
    }

    /// Makes an agent's token and what is recorded of it, before it may be given to anybody. `None` for an agent that does
    /// not exist.
    pub(super) fn make_token(&self, issue: Issue<'_>) -> Option<(maso_api::IssuedToken, v1::Token)> {
        let Issue { agent, instance, key, ttl_ms, not_after, by } = issue;
        let deployment = self.path().world().deployment();
        if !deployment.agents.contains_key(agent) {
            return None;
        }
        let now: Timestamp = self.path().clock().now();
        let left = |end: Timestamp| if end > now { end.since_ms(now) } else { 0 };
        let ttl_ms = ttl_ms.min(deployment.credential_ms_max(agent)).min(not_after.map_or(u64::MAX, left));
        let id = Uuid::new_v4();
        let spiffe = SpiffeId { trust_domain: deployment.trust_domain.clone(), agent: agent.clone() };
        let holder = Holder { agent: spiffe, instance };
        let token = self.authority().issue_agent_token(holder.clone(), key.as_ref(), id, now, ttl_ms);
        let expires_at = now.plus_ms(ttl_ms).as_millis();
        let issued = v1::Token {
            token_id: id.to_string(),
            kind_of_token: "agent".to_owned(),
            subject: holder.to_string(),
            thumbprint: key.map(|key| key.to_string()),
            by: Some(by),
            expires_at,
        };
        Some((maso_api::IssuedToken { token, token_id: id.to_string(), expires_at }, issued))
    }

    /// Revokes a token, a key, an agent, an instance with all that it started, or a delegation with all that it led to, from
    /// the next hop on.
    ///
    /// # Errors
    /// When the person may not, or what is revoked does not read as such.
    pub async fn revoke(&self, by: &SignedIn, order: &maso_api::Revoke) -> Result<(), OrderFault> {
        by.needs(Role::Security)?;
        let well_formed = match order.what.as_str() {
            "token" => order.subject.parse::<Uuid>().is_ok(),
            "key" => order.subject.parse::<Thumbprint>().is_ok(),
            "agent" => order.subject.parse::<AgentName>().is_ok(),
            "delegation" => order.subject.parse::<HopId>().is_ok(),
            "instance" => order.subject.parse::<InstanceId>().is_ok(),
            other => {
                let can = "a token, a key, an agent, an instance or a delegation can";
                return Err(OrderFault::Bad(format!("`{other}` cannot be revoked: {can}")));
            }
        };
        if !well_formed {
            return Err(OrderFault::Bad(format!("`{}` is not a {}", order.subject, order.what)));
        }
        let revoked = v1::Revoked {
            what: order.what.clone(),
            subject: order.subject.clone(),
            by: format!("operator:{}", by.operator()),
            reason: order.reason.clone(),
        };
        self.path().recorder().record(v1::Body::Revoked(revoked)).await?;
        Ok(())
    }
}
