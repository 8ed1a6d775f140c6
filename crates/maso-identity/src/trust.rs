//! What one deployment believes, and what it has seen.

use std::{collections::BTreeMap, sync::Arc};

use maso_core::{AgentName, Digest, InstanceId, Principal, Timestamp, TrustDomain, WorkloadId};
use maso_wire::{Credential, PeerCertificates, UnverifiedToken};
use rustls_pki_types::CertificateDer;

use crate::{
    AgentToken, AuthorityPublic, Basis, Ending, Instance, Instances, Nonces, Proof, ProofError, PublicKey, Revocation,
    SvidError, TaskClaim, TaskToken, Thumbprint, TokenError, Unproven,
    identified::SvidBasis,
    jws::UnverifiedJws,
    proof::{Freshness, Possession, Request, ShownKey, Signed},
    revoked::{LINK_KEPT_MS, Revoked},
    svid::{Bundles, Svid},
    verified::Verified,
};

/// What a deployment decides about its trust.
#[derive(Clone, Debug)]
pub struct TrustSettings {
    /// The deployment's trust domain.
    pub trust_domain: TrustDomain,
    /// The key whose signature is believed.
    pub authority: AuthorityPublic,
    /// Whether tokens that are bound to no key are accepted from this machine. Never from elsewhere.
    pub bearer_on_loopback: bool,
    /// How far a proof's time may lie from ours, both ways.
    pub proof_window_ms: u64,
    /// No proof made before this moment is accepted: the memory of used proofs does not outlive the process.
    pub proofs_since: Timestamp,
    /// How many used proofs are remembered; past that, proofs are refused.
    pub proofs_max: usize,
    /// How many checked tokens of each kind are remembered; past that, they are checked again.
    pub tokens_max: usize,
    /// Whose X.509-SVIDs are believed.
    pub svids: SvidSettings,
}

/// Whose X.509-SVIDs are believed. By itself it names nobody.
#[derive(Clone, Debug, Default)]
pub struct SvidSettings {
    /// The agents, with the longest that a credential of each may count in all.
    pub ms_max: BTreeMap<AgentName, u64>,
    /// The workloads of other trust domains that are agents here.
    pub workloads: BTreeMap<WorkloadId, AgentName>,
}

impl TrustSettings {
    /// The settings of a process that starts now: no bearer tokens, proofs within a minute.
    pub const fn new(trust_domain: TrustDomain, authority: AuthorityPublic, now: Timestamp) -> Self {
        Self {
            trust_domain,
            authority,
            bearer_on_loopback: false,
            proof_window_ms: 60_000,
            proofs_since: now,
            proofs_max: 1 << 20,
            tokens_max: 4_096,
            svids: SvidSettings { ms_max: BTreeMap::new(), workloads: BTreeMap::new() },
        }
    }
}

/// What one deployment believes, and what it has seen. Shared by all doors of a process.
#[derive(Debug)]
pub struct Trust {
    settings: TrustSettings,
    used_proofs: Nonces,
    agent_tokens: Verified<AgentToken>,
    task_tokens: Verified<TaskToken>,
    /// Proofs that were shown and not used up yet: a door asks who is there before it reads what was sent.
    shown_proofs: Verified<Signed>,
    /// Keys, by the header that shows them: a client sends the same with each proof.
    shown_keys: Verified<ShownKey>,
    bundles: Bundles,
    /// Certificates whose trust domain vouched for them, with the state of the bundles at that time.
    svids: Verified<(u64, Svid)>,
    revoked: Revoked,
    instances: Instances,
}

impl Trust {
    /// Trust that has seen nothing yet.
    pub fn new(settings: TrustSettings) -> Self {
        Self {
            used_proofs: Nonces::new(settings.proofs_max),
            agent_tokens: Verified::new(settings.tokens_max),
            task_tokens: Verified::new(settings.tokens_max),
            shown_proofs: Verified::new(settings.tokens_max),
            shown_keys: Verified::new(settings.tokens_max),
            bundles: Bundles::default(),
            svids: Verified::new(settings.tokens_max),
            revoked: Revoked::default(),
            instances: Instances::default(),
            settings,
        }
    }

    /// The same, where no revocation is ever forgotten.
    #[cfg(test)]
    pub(crate) fn that_forgets_nothing(settings: TrustSettings) -> Self {
        Self { revoked: Revoked::for_ever(), ..Self::new(settings) }
    }

    /// How many revoked requests are remembered.
    #[cfg(test)]
    pub(crate) fn n_links_revoked(&self) -> usize {
        self.revoked.n_links()
    }

    /// The trust domain.
    pub const fn trust_domain(&self) -> &TrustDomain {
        &self.settings.trust_domain
    }

    /// Believes X.509-SVIDs of this trust domain from now on that one of these authorities vouches for, and no others. Until
    /// then none of it is believed.
    pub fn vouch(&self, domain: TrustDomain, authorities: impl IntoIterator<Item = CertificateDer<'static>>) {
        self.bundles.set(domain, authorities);
    }

    /// Stops believing something, from the next hop on, and every instance that rests on it.
    pub fn revoke(&self, revocation: Revocation, at: Timestamp) {
        self.instances.revoked(&revocation, at);
        self.revoked.add(revocation, at);
    }

    /// Takes in that an agent started an instance of another. It may be revoked by now, or what it rests on: then it has
    /// ended.
    pub fn started(&self, instance: Instance) {
        let (id, at) = (instance.id, instance.since);
        let itself = [
            Revocation::Instance(id),
            Revocation::Agent(instance.agent.clone()),
            Revocation::Key(instance.key),
            Revocation::Task(instance.task),
        ];
        let is_revoked = self.revoked.any_of(&instance.rests_on) || self.revoked.any_of(&itself);
        self.instances.started(instance);
        if is_revoked {
            self.instances.end(id, at, Ending::Revoked);
        }
    }

    /// The instances of agents that agents started.
    pub const fn instances(&self) -> &Instances {
        &self.instances
    }

    /// Believes it again; whether it was revoked. An instance that ended by it does not come back.
    pub fn reinstate(&self, revocation: &Revocation) -> bool {
        self.revoked.remove(revocation)
    }

    /// Whether it is revoked.
    pub fn is_revoked(&self, revocation: &Revocation) -> bool {
        self.revoked.contains(revocation)
    }

    /// Whether a request that was released at a moment is over by now, whatever became of it: nothing that rests on it counts,
    /// and whether it was revoked may be forgotten.
    pub fn is_over(&self, released_at: Timestamp, now: Timestamp) -> bool {
        now.max(self.revoked.over()) >= released_at.plus_ms(LINK_KEPT_MS)
    }

    /// Whether the belief in a sender still stands: nothing that it rests on was revoked since.
    ///
    /// # Errors
    /// What was revoked.
    pub fn bears(&self, basis: &Basis) -> Result<(), Unproven> {
        if let (Some(id), Some(agent)) = (basis.instance, &basis.agent) {
            self.instances.counts(id, agent).map_err(Unproven::Instance)?;
        }
        match self.revoked.first_of(basis) {
            None => Ok(()),
            Some(Revocation::Token(id)) if basis.svid.is_some_and(|svid| svid.serial == Some(id)) => {
                Err(Unproven::SvidRevoked)
            }
            Some(Revocation::Key(key)) if basis.svid.is_some_and(|svid| svid.key == key) => Err(Unproven::SvidRevoked),
            Some(Revocation::Token(_)) => Err(Unproven::TokenRevoked),
            Some(Revocation::Agent(agent)) => Err(Unproven::AgentRevoked(agent)),
            Some(Revocation::Key(_)) => Err(Unproven::KeyRevoked),
            Some(Revocation::Task(_)) => Err(Unproven::TaskRevoked),
            Some(Revocation::Link(link)) => Err(Unproven::LinkRevoked(link)),
            Some(Revocation::Instance(_)) => Err(Unproven::Instance(Ending::Revoked)),
        }
    }

    /// Who shows this credential, and how that is proven. For requests that carry no hop, such as opening a stream; a
    /// proof that was shown here counts as used.
    ///
    /// # Errors
    /// When it is not proven.
    pub fn authenticate(&self, credential: &Credential, now: Timestamp) -> Result<(Principal, Proof), Unproven> {
        self.weigh_credential(credential, now)?.spend(self, now)
    }

    /// The agent whose token this is, by all that can be told from the token and how it came: signature, time, revocation,
    /// key and machine. Whether its holder has the key is not looked at and no proof is used up, so this believes nobody;
    /// it turns strangers away before anything is spent on them.
    ///
    /// # Errors
    /// When a hop with this credential could not be identified.
    pub fn named_agent(&self, credential: &Credential, now: Timestamp) -> Result<AgentName, Unproven> {
        match credential {
            Credential::Absent => Err(Unproven::NoCredential),
            Credential::Bearer { token, loopback } => Ok(self.bearer(token, *loopback, now)?.agent().agent.clone()),
            Credential::Bound { token, .. } => {
                let token = self.agent_token(token, Digest::of(token.expose().as_bytes()), now)?;
                token.key().ok_or(Unproven::UnboundTokenWithProof)?;
                Ok(token.agent().agent.clone())
            }
            Credential::Certificate { certificates, beside } => {
                let named = agent(self.certified(certificates, now)?.principal)?;
                let beside = beside.as_ref().map(|beside| self.named_agent(beside, now)).transpose()?;
                if beside.is_some_and(|other| other != named) { Err(Unproven::TwoAgents) } else { Ok(named) }
            }
            Credential::Pipe(_) => agent(self.weigh_credential(credential, now)?.principal),
        }
    }

    /// Which instance of its agent a credential is of; `None` for the agent's own, and for what does not count.
    pub fn instance_of(&self, credential: &Credential, now: Timestamp) -> Option<InstanceId> {
        match credential {
            Credential::Absent | Credential::Pipe(_) => None,
            Credential::Bearer { token, .. } | Credential::Bound { token, .. } => {
                self.token(token, now).ok()?.instance()
            }
            Credential::Certificate { beside, .. } => self.instance_of(beside.as_deref()?, now),
        }
    }

    /// The agent that shows this credential, with its proof, which is not used up. For what is prepared before its hop
    /// travels and gives nothing to anybody; the hop itself is identified all the same.
    ///
    /// # Errors
    /// When it is not proven.
    pub fn shown_agent(&self, credential: &Credential, now: Timestamp) -> Result<AgentName, Unproven> {
        agent(self.weigh_credential(credential, now)?.principal)
    }

    /// Whether whoever sends this request (method and address) with this text has the key; its name then. The proof counts
    /// as used.
    ///
    /// # Errors
    /// When it is not proven, or the key is revoked.
    pub fn prove(
        &self,
        key: &PublicKey,
        proof: &UnverifiedToken,
        text: &UnverifiedToken,
        (method, url): (&str, &str),
        now: Timestamp,
    ) -> Result<Thumbprint, Unproven> {
        let key = key.thumbprint();
        self.bears(&Basis { key: Some(key), ..Basis::default() })?;
        let shown = Digest::of(proof.expose().as_bytes());
        let request = Request { method, url, token: Digest::of(text.expose().as_bytes()) };
        let possession = self.possession(proof, shown, &key, request, now).map_err(Unproven::Possession)?;
        self.shown_proofs.forget(shown);
        self.used_proofs.spend(&key.to_string(), &possession.id, possession.until, now).map_err(Unproven::Spent)?;
        Ok(key)
    }

    /// An agent token that counts now. Who holds it is not looked at.
    ///
    /// # Errors
    /// When the deployment did not issue it, it has ended or was revoked.
    pub fn token(&self, token: &UnverifiedToken, now: Timestamp) -> Result<AgentToken, Unproven> {
        self.agent_token(token, Digest::of(token.expose().as_bytes()), now)
    }

    /// What a task token says.
    ///
    /// # Errors
    /// When the deployment did not issue it, it has ended or its task is revoked.
    pub fn task(&self, token: &UnverifiedToken, now: Timestamp) -> Result<TaskClaim, Unproven> {
        let digest = Digest::of(token.expose().as_bytes());
        let token = match self.task_tokens.find(digest) {
            Some(token) => token,
            None => {
                let token = TaskToken::believe(token.expose(), &self.settings.authority, self.trust_domain())
                    .map_err(Unproven::Task)?;
                self.task_tokens.remember(digest, token.clone(), token.lifetime().until(), now);
                token
            }
        };
        let lifetime = token.lifetime();
        lifetime.check(now, self.settings.proof_window_ms).map_err(Unproven::Task)?;
        // What had ended when a revocation was forgotten has ended, also where a clock was set back since.
        if self.revoked.over() >= lifetime.until() {
            return Err(Unproven::Task(TokenError::Expired { at: lifetime.until() }));
        }
        let claim = token.claim().clone();
        self.bears(&Basis { task: Some(claim.task), chain: Some(Arc::clone(&claim.chain)), ..Basis::default() })?;
        Ok(claim)
    }

    /// Everything about a credential but whether its proof was used before.
    pub(crate) fn weigh_credential(&self, credential: &Credential, now: Timestamp) -> Result<Claimant, Unproven> {
        match credential {
            Credential::Absent => Err(Unproven::NoCredential),
            Credential::Bearer { token, loopback } => {
                let token = self.bearer(token, *loopback, now)?;
                let proof = Proof::Bearer { token_id: token.id().to_string() };
                Ok(Claimant { principal: agent_of(&token), proof, basis: basis_of(&token), possession: None })
            }
            Credential::Bound { token: text, proof, method, url } => {
                let token_digest = Digest::of(text.expose().as_bytes());
                let token = self.agent_token(text, token_digest, now)?;
                let key = token.key().ok_or(Unproven::UnboundTokenWithProof)?;
                let request = Request { method, url, token: token_digest };
                let proof_digest = Digest::of(proof.expose().as_bytes());
                let possession =
                    self.possession(proof, proof_digest, key, request, now).map_err(Unproven::Possession)?;
                let proof = Proof::Key { thumbprint: key.to_string() };
                Ok(Claimant {
                    principal: agent_of(&token),
                    proof,
                    basis: basis_of(&token),
                    possession: Some((possession, proof_digest)),
                })
            }
            Credential::Certificate { certificates, beside } => {
                let certified = self.certified(certificates, now)?;
                match beside {
                    None => Ok(certified),
                    Some(beside) => certified.and(self.weigh_credential(beside, now)?),
                }
            }
            Credential::Pipe(principal) => {
                let agent = match principal {
                    Principal::Agent(agent) => Some(agent.clone()),
                    Principal::Server(_) | Principal::Operator(_) => None,
                };
                let basis = Basis { agent, ..Basis::default() };
                self.bears(&basis)?;
                Ok(Claimant { principal: principal.clone(), proof: Proof::Pipe, basis, possession: None })
            }
        }
    }

    /// A proof by this key that fits the request. Its signature is checked once, though it is looked at twice: by the door
    /// and with the hop.
    fn possession(
        &self,
        text: &UnverifiedToken,
        digest: Digest,
        key: &Thumbprint,
        request: Request<'_>,
        now: Timestamp,
    ) -> Result<Possession, ProofError> {
        let window_ms = self.settings.proof_window_ms;
        let freshness = Freshness { now, window_ms, since: self.settings.proofs_since };
        if let Some(signed) = self.shown_proofs.find(digest).filter(|signed| signed.is_by(key)) {
            return signed.fits(request, freshness);
        }
        let proof = UnverifiedJws::split(text.expose())?;
        let header = Digest::of(proof.header.as_bytes());
        let remembered = self.shown_keys.find(header).filter(|shown| shown.is(key));
        let shown = remembered.map_or_else(|| ShownKey::read(proof.header, key), Ok)?;
        let signed = Signed::read(proof, &shown)?;
        let possession = signed.fits(request, freshness)?;
        if remembered.is_none() {
            self.shown_keys.remember(header, shown, possession.until, now);
        }
        self.shown_proofs.remember(digest, signed, possession.until, now);
        Ok(possession)
    }

    /// Whoever has the key of this certificate, as the TLS connection showed.
    fn certified(&self, shown: &PeerCertificates, now: Timestamp) -> Result<Claimant, Unproven> {
        let (agent, svid) = self.svid(shown, now)?;
        let key = svid.thumbprint();
        let basis = Basis {
            agent: Some(agent.clone()),
            svid: Some(SvidBasis { serial: svid.serial, key }),
            until: Some(svid.until()),
            ..Basis::default()
        };
        self.bears(&basis)?;
        let proof = Proof::Certificate { thumbprint: key.to_string() };
        Ok(Claimant { principal: Principal::Agent(agent), proof, basis, possession: None })
    }

    /// A certificate that counts now, and whose it is. Who vouches for it may be remembered; its time and its agent are not.
    pub(crate) fn svid(&self, shown: &PeerCertificates, now: Timestamp) -> Result<(AgentName, Svid), Unproven> {
        let digest = Digest::of(shown.own());
        let n_changes = self.bundles.n_changes();
        let remembered = self.svids.find(digest).filter(|(then, _)| *then == n_changes);
        let svid = match remembered {
            Some((_, svid)) => svid,
            None => {
                let svid = Svid::believe(shown, &self.bundles, now).map_err(Unproven::Svid)?;
                self.svids.remember(digest, (n_changes, svid.clone()), svid.until(), now);
                svid
            }
        };
        let agent = self.agent_named(&svid.id).ok_or_else(|| SvidError::Nobody(svid.id.clone()));
        let agent = agent.map_err(Unproven::Svid)?;
        let ms_max = self.settings.svids.ms_max.get(&agent).copied().unwrap_or(0);
        svid.check(now, ms_max).map_err(Unproven::Svid)?;
        Ok((agent, svid))
    }

    /// The agent that is this workload: by its name in our own trust domain, by what a mandate says in any other.
    fn agent_named(&self, workload: &WorkloadId) -> Option<AgentName> {
        let SvidSettings { ms_max, workloads } = &self.settings.svids;
        if workload.trust_domain() == self.trust_domain() {
            workload.agent().filter(|agent| ms_max.contains_key(agent))
        } else {
            workloads.get(workload).cloned()
        }
    }

    /// An agent token that counts now without a key.
    fn bearer(&self, token: &UnverifiedToken, loopback: bool, now: Timestamp) -> Result<AgentToken, Unproven> {
        let token = self.agent_token(token, Digest::of(token.expose().as_bytes()), now)?;
        if token.key().is_some() {
            return Err(Unproven::BoundTokenAlone);
        }
        if !loopback {
            return Err(Unproven::BearerFromAfar);
        }
        if !self.settings.bearer_on_loopback {
            return Err(Unproven::BearerNotAllowed);
        }
        Ok(token)
    }

    /// An agent token that counts now. Its signature may be remembered; its time and revocation never are.
    fn agent_token(&self, text: &UnverifiedToken, digest: Digest, now: Timestamp) -> Result<AgentToken, Unproven> {
        let token = match self.agent_tokens.find(digest) {
            Some(token) => token,
            None => {
                let token = AgentToken::believe(text.expose(), &self.settings.authority, self.trust_domain())?;
                self.agent_tokens.remember(digest, token.clone(), token.lifetime().until(), now);
                token
            }
        };
        token.lifetime().check(now, self.settings.proof_window_ms)?;
        self.bears(&basis_of(&token))?;
        Ok(token)
    }

    #[cfg(test)]
    pub(crate) fn n_shown_proofs(&self) -> usize {
        self.shown_proofs.len()
    }

    #[cfg(test)]
    pub(crate) fn n_agent_tokens(&self) -> usize {
        self.agent_tokens.len()
    }
}

/// Somebody who is who it says, if its proof was not used before.
#[derive(Debug)]
pub(crate) struct Claimant {
    principal: Principal,
    proof: Proof,
    basis: Basis,
    /// With the digest of the proof.
    possession: Option<(Possession, Digest)>,
}

impl Claimant {
    pub(crate) fn basis(&self) -> &Basis {
        &self.basis
    }

    /// The same, shown twice: by a certificate, and by what came with the request. It rests on both.
    fn and(self, beside: Self) -> Result<Self, Unproven> {
        if self.principal != beside.principal {
            return Err(Unproven::TwoAgents);
        }
        let until = self.basis.until.into_iter().chain(beside.basis.until).min();
        Ok(Self { basis: Basis { svid: self.basis.svid, until, ..beside.basis }, ..beside })
    }

    /// Uses up the proof. Comes last: a hop that is refused for another reason has not used it up.
    pub(crate) fn spend(self, trust: &Trust, now: Timestamp) -> Result<(Principal, Proof), Unproven> {
        if let (Some((possession, shown)), Proof::Key { thumbprint }) = (&self.possession, &self.proof) {
            trust.shown_proofs.forget(*shown);
            trust.used_proofs.spend(thumbprint, &possession.id, possession.until, now).map_err(Unproven::Spent)?;
        }
        Ok((self.principal, self.proof))
    }
}

/// The agent, if it is one: neither server nor operator asks for anything by a credential.
fn agent(principal: Principal) -> Result<AgentName, Unproven> {
    match principal {
        Principal::Agent(agent) => Ok(agent),
        Principal::Server(_) | Principal::Operator(_) => Err(Unproven::NoCredential),
    }
}

fn agent_of(token: &AgentToken) -> Principal {
    Principal::Agent(token.agent().agent.clone())
}

fn basis_of(token: &AgentToken) -> Basis {
    Basis {
        agent: Some(token.agent().agent.clone()),
        instance: token.instance(),
        until: Some(token.until()),
        token: Some(token.id()),
        key: token.key().copied(),
        ..Basis::default()
    }
}

impl From<TokenError> for Unproven {
    fn from(error: TokenError) -> Self {
        Self::Token(error)
    }
}
