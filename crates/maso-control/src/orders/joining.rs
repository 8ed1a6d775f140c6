//! Becoming an agent, or an instance of one, by a token that works once, staying it and leaving: what programs ask for
//! themselves (IA-2.1, IA-2.2).

use std::sync::Arc;

use maso_core::{AgentName, Principal, Timestamp};
use maso_identity::{AgentToken, Instance, JoinToken, Proof, PublicKey, Revocation, Thumbprint};
use maso_intent::Role;
use maso_log::{LogFault, v1};
use maso_path::{Invitation, Path};
use maso_wire::{Credential, UnverifiedToken};
use uuid::Uuid;

use crate::{Desk, OrderFault, SignedIn, orders::tokens::Issue};

/// Why a program is not given a token. It is told nothing more.
#[derive(Debug, thiserror::Error)]
pub enum JoinFault {
    /// What it shows does not count: guessed, used, ended, revoked, or without the key.
    #[error("what was shown does not count")]
    NotBelieved,
    /// It could not be recorded.
    #[error("the flight recorder refused it")]
    NotRecorded(#[source] LogFault),
}

/// What a program shows to join: the token, and a proof of its key for this very request.
#[derive(Debug)]
pub struct Joining<'a> {
    /// The join token.
    pub token: &'a UnverifiedToken,
    /// The key to which its agent token is to be bound.
    pub key: &'a PublicKey,
    /// The proof that it has that key (DPoP), made for the join token.
    pub proof: &'a UnverifiedToken,
    /// The address that it called.
    pub url: &'a str,
}

impl Desk {
    /// Issues a token with which a program becomes this agent, once.
    ///
    /// # Errors
    /// When the person may not, the agent has no mandate, or the token would live for longer than a day.
    pub async fn invite(
        &self,
        by: &SignedIn,
        agent: &AgentName,
        ttl_ms: u64,
    ) -> Result<maso_api::IssuedToken, OrderFault> {
        by.needs(Role::Operator)?;
        if !self.path().world().deployment().agents.contains_key(agent) {
            return Err(OrderFault::Unknown { what: "agent", name: agent.to_string() });
        }
        if ttl_ms == 0 || ttl_ms > INVITATION_MS_MAX {
            return Err(OrderFault::Bad("a join token lives for at most a day".to_owned()));
        }
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|_| OrderFault::Bad("there is no randomness".to_owned()))?;
        let token = JoinToken::from_seed(Uuid::new_v4(), secret);
        let expires_at = self.path().clock().now().plus_ms(ttl_ms).as_millis();
        let issued = v1::JoinTokenIssued {
            id: token.id().to_string(),
            agent: format!("agent:{agent}"),
            hash: token.hash().to_string(),
            by: format!("operator:{}", by.operator()),
            expires_at,
            instance: None,
        };
        self.path().recorder().record(v1::Body::JoinTokenIssued(issued)).await?;
        Ok(maso_api::IssuedToken { token: token.expose(), token_id: token.id().to_string(), expires_at })
    }

    /// Makes a program the agent for which its token was issued, whichever process was first to be asked.
    ///
    /// # Errors
    /// When the token, its proof or its agent does not count, or it could not be recorded.
    pub async fn join(&self, joining: Joining<'_>) -> Result<maso_api::IssuedToken, JoinFault> {
        let now = self.path().clock().now();
        let token: JoinToken = joining.token.expose().parse().map_err(|_| JoinFault::NotBelieved)?;
        let invitation = self.path().world().joins().find(token.id()).ok_or(JoinFault::NotBelieved)?;
        if !token.is_behind(&invitation.hash) || now >= invitation.expires_at {
            return Err(JoinFault::NotBelieved);
        }
        let Joining { token: text, key, proof, url } = joining;
        let key =
            self.path().trust().prove(key, proof, text, ("POST", url), now).map_err(|_| JoinFault::NotBelieved)?;
        let instance = self.instance_of(&invitation, key, now)?;
        let id = instance.as_ref().map(|instance| instance.id.to_string());
        let used = |issued: &v1::Token| {
            vec![v1::Body::JoinTokenUsed(v1::JoinTokenUsed {
                id: token.id().to_string(),
                agent: format!("agent:{}", invitation.agent),
                token_id: issued.token_id.clone(),
                thumbprint: key.to_string(),
                instance: id,
            })]
        };
        let whose = Whose { agent: &invitation.agent, instance, key, former: None };
        self.issue_to(whose, format!("join:{}", token.id()), used).await
    }

    /// The instance for which a join token was issued, if it may be joined by whoever has this key: the one that was named
    /// when it was started.
    fn instance_of(
        &self,
        invitation: &Invitation,
        key: Thumbprint,
        now: Timestamp,
    ) -> Result<Option<Instance>, JoinFault> {
        let Some(id) = invitation.instance else { return Ok(None) };
        let instance = self.path().trust().instances().find(id);
        let is_its = |it: &Instance| it.key == key && it.agent == invitation.agent && it.counts_at(now);
        instance.filter(is_its).map(Some).ok_or(JoinFault::NotBelieved)
    }

    /// A fresh token for whoever shows one that is bound to a key, and has the key.
    ///
    /// # Errors
    /// When what is shown does not count, or it could not be recorded.
    pub async fn renew(&self, credential: &Credential) -> Result<maso_api::IssuedToken, JoinFault> {
        let (former, key) = self.shown(credential)?;
        let instance = match former.instance() {
            None => None,
            // What it was issued counts, or it would not have been believed; for how long, only this says.
            Some(id) => Some(self.path().trust().instances().find(id).ok_or(JoinFault::NotBelieved)?),
        };
        let whose = Whose { agent: &former.agent().agent, instance, key, former: Some(former.id()) };
        self.issue_to(whose, format!("token:{}", former.id()), |_| Vec::new()).await
    }

    /// Ends the instance that shows this, and all that it started.
    ///
    /// # Errors
    /// When what is shown does not count or is no instance's, or it could not be recorded.
    pub async fn leave(&self, credential: &Credential) -> Result<(), JoinFault> {
        let (shown, _) = self.shown(credential)?;
        let instance = shown.instance().ok_or(JoinFault::NotBelieved)?;
        match self.path().leave(instance, &shown.agent().agent).await {
            // Somebody else ended it meanwhile: it is as it wanted it.
            Ok(()) | Err(LogFault::Overtaken) => Ok(()),
            Err(fault) => Err(JoinFault::NotRecorded(fault)),
        }
    }

    /// The bound token that somebody shows, and whose key it has. The proof counts as used.
    fn shown(&self, credential: &Credential) -> Result<(AgentToken, Thumbprint), JoinFault> {
        let now = self.path().clock().now();
        let shown = self.path().trust().authenticate(credential, now);
        let Ok((Principal::Agent(_), Proof::Key { thumbprint })) = shown else { return Err(JoinFault::NotBelieved) };
        let key = thumbprint.parse().map_err(|_| JoinFault::NotBelieved)?;
        let Credential::Bound { token, .. } = credential else { return Err(JoinFault::NotBelieved) };
        let token = self.path().trust().token(token, now).map_err(|_| JoinFault::NotBelieved)?;
        Ok((token, key))
    }

    /// Issues a bound token, if nobody revoked or stopped what it rests on before its commit.
    async fn issue_to(
        &self,
        whose: Whose<'_>,
        by: String,
        also: impl FnOnce(&v1::Token) -> Vec<v1::Body>,
    ) -> Result<maso_api::IssuedToken, JoinFault> {
        let Whose { agent, instance, key, former } = whose;
        // Its instance's time bounds it as well as its agent's tier.
        let (not_after, instance) = instance.map(|it| (it.until, it.id)).unzip();
        let issue = Issue { agent, instance, key: Some(key), ttl_ms: u64::MAX, not_after, by };
        let (issued, record) = self.make_token(issue).ok_or(JoinFault::NotBelieved)?;
        let (path, agent) = (Arc::clone(self.path()), agent.clone());
        let also = also(&record);
        let stands = instance.map(|id| self.path().instance_stands(id, agent.clone()));
        let holds = move || bears(&path, &agent, key, former) && stands.as_ref().is_none_or(|stands| stands());
        match self.path().recorder().record_if(v1::Body::TokenIssued(record), also, holds).await {
            Ok(_) => Ok(issued),
            Err(LogFault::Spent { .. } | LogFault::Overtaken) => Err(JoinFault::NotBelieved),
            Err(fault) => Err(JoinFault::NotRecorded(fault)),
        }
    }
}

/// To whom a token is issued.
struct Whose<'a> {
    agent: &'a AgentName,
    instance: Option<Instance>,
    key: Thumbprint,
    /// The token in whose place it is issued.
    former: Option<Uuid>,
}

/// Whether an agent may be issued a token for this key, in place of a former one.
fn bears(path: &Path, agent: &AgentName, key: Thumbprint, former: Option<Uuid>) -> bool {
    let is_revoked = |what: Revocation| path.trust().is_revoked(&what);
    !is_revoked(Revocation::Agent(agent.clone()))
        && !is_revoked(Revocation::Key(key))
        && !former.is_some_and(|former| is_revoked(Revocation::Token(former)))
        && !path.world().is_stopped(agent)
}

/// How long a join token may wait for its use.
const INVITATION_MS_MAX: u64 = 24 * 3_600_000;
