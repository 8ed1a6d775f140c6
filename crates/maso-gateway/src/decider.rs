//! What decides. The gateway decides nothing: it brings hops and a way to carry them, and consumes what becomes of them.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;
use maso_core::{
    Act, AgentName, Digest, HopId, InstanceId, Mode, OperatorName, Principal, Refusal, Refused, ServerName, Timestamp,
    ToolRef,
};
use maso_identity::{
    Addressee, AuthorityKey, Callback, Delegation, Envelope, Link, MessageError, Messages, PublicKey, SignedMessage,
    Trust, Unproven, identify,
};
use maso_intent::{Deployment, Matter, PinState, TaskSpec, ToolDefinition, visible_tools};
use maso_path::{
    Assumption, Carried, Clarification, Clock, ContextUse, Ended, Ids, Invited, NotInvited, NotTakenBack, Outcome,
    Path, Release, Resumed, Ticket,
};
use maso_policy::Grounds;
use maso_wire::{Credential, Received, UnverifiedToken, mcp::Reply};
use serde_json::Value;

use crate::{fleet::Taker, upstream::Answer};

/// Decides what becomes of hops.
#[async_trait]
pub(crate) trait Decider: Send + Sync {
    /// The whole way of a hop.
    async fn travel(self: Arc<Self>, received: Received, carry: Carry) -> Decided;
    /// Takes the message in an envelope, once, from whoever shows this credential. Its proof does not count as used.
    fn take(
        &self,
        envelope: &Envelope,
        credential: &Credential,
        addressee: Addressee<'_>,
    ) -> Result<SignedMessage, MessageError>;
    /// Puts what a door turned away on the record.
    async fn turned_away(self: Arc<Self>, refused: Refused<Received>) -> Refusal;
    /// The same, where it counts against whose it is: only who shows that it is its own is held to it.
    async fn turned_back(self: Arc<Self>, refused: Refused<Received>) -> Refusal;
    /// Which agent this is, without asking for anything. Its proof counts as used.
    fn identify(&self, received: Received) -> Result<AgentName, Refusal>;
    /// Whose token this is, by all that needs neither a proof nor a body. Believes nobody, and uses nothing up.
    fn named(&self, credential: &Credential) -> Result<AgentName, Refusal>;
    /// Which agent shows this credential. Its proof does not count as used.
    fn shown(&self, credential: &Credential) -> Result<AgentName, Refusal>;
    /// Whether whoever shows this may have a stream that stays open. A proof is not looked at: it counts for one moment.
    fn admits(&self, credential: &Credential, task: Option<&UnverifiedToken>) -> Result<AgentName, Refusal>;
    /// How often an agent signed what is no message of its contract.
    fn n_breaches(&self, agent: &AgentName) -> u64;
    /// The tools of a server that exist for an agent, in the task of this token. None, where that does not count.
    fn visible_tools(&self, agent: &AgentName, server: &ServerName, task: Option<&UnverifiedToken>) -> Vec<ToolRef>;
    /// Which of these definitions may be shown and called.
    async fn published(&self, tools: Vec<(ToolRef, ToolDefinition)>) -> Vec<(ToolRef, PinState)>;
    /// Whose credential this is, of those who are this agent. Whether it counts is not looked at.
    fn taker(&self, credential: &Credential) -> Taker;
    /// Whether an instance counts no more.
    fn has_ended(&self, instance: InstanceId) -> bool;
    /// The token with which the process of an instance joins that a hop has started.
    async fn invite(&self, instance: InstanceId) -> Result<Invited, NotInvited>;
    /// Notes what an agent goes on from in an empty context.
    async fn checkpoint(self: Arc<Self>, received: Received) -> Result<ContextUse, Refusal>;
    /// What an agent goes on from.
    async fn resume(self: Arc<Self>, received: Received) -> Result<Resumed, Refusal>;
    /// The fullest of an agent's contexts.
    fn context_of(&self, agent: &AgentName) -> Option<ContextUse>;
    /// Whether an agent is stopped, so that nothing may reach it.
    fn is_stopped(&self, agent: &AgentName) -> bool;
    /// Notes that an agent showed itself.
    fn seen(&self, agent: &AgentName);
    /// Whether an agent was heard of lately.
    fn is_there(&self, agent: &AgentName) -> bool;
    /// Reads what other processes have put on the record since.
    async fn hear(&self);
    /// How a request of one agent to another ended, through whichever process; also by the end of a request on the way by
    /// which its token came.
    fn ended(&self, request: HopId, handed_on: Option<&UnverifiedToken>) -> Option<Ended>;
    /// Takes back a request that this agent made.
    async fn take_back(self: Arc<Self>, request: HopId, by: AgentName) -> Result<(), NotTakenBack>;
    /// The person who answers for the task of this token or, without one, for standing tasks.
    fn accountable(&self, task: Option<&UnverifiedToken>) -> OperatorName;
    /// The questions that an agent asked or was asked.
    fn clarifications(&self, agent: &AgentName) -> Vec<Clarification>;
    /// What an agent assumes for itself.
    fn assumptions(&self, agent: &AgentName) -> Vec<Assumption>;
    /// What was asked of this agent about a request that it made, and is not answered.
    fn question(&self, request: HopId, of: &AgentName) -> Option<Clarification>;
    /// On what an agent may rest what it says in the task of this token or, without one, in its standing task.
    fn grounds(&self, agent: &AgentName, task: Option<&UnverifiedToken>) -> Grounds;
    /// How a tool's published definition stands to the approved one.
    fn pin(&self, tool: &ToolRef) -> PinState;
    /// The deployment in force.
    fn deployment(&self) -> Arc<Deployment>;
    /// Whether decisions bind.
    fn mode(&self) -> Mode;
    /// The token of a task with one more link, for whom the link leads to.
    fn hand_on(&self, token: &UnverifiedToken, link: &Link) -> Result<UnverifiedToken, Delegation>;
    /// A card of one of the deployment's agents, signed with its key.
    fn sign_card(&self, card: Value) -> Value;
    /// What whoever is called at this address believes of this body: a JWT, signed with the deployment's key.
    fn sign_callback(&self, url: &str, body: &[u8]) -> String;
    /// The key by which others believe such cards and calls.
    fn card_key(&self) -> PublicKey;
    /// This moment.
    fn now(&self) -> Timestamp;
    /// A fresh hop id.
    fn hop_id(&self) -> HopId;
}

/// A hop that may be carried, once.
#[derive(Clone, Debug)]
pub(crate) struct Go {
    /// The agent that it concerns. Unknown only where the deployment observes what it would otherwise refuse.
    pub(crate) agent: Option<AgentName>,
    /// The exact action.
    pub(crate) action: Option<Digest>,
    /// The hash of its task's specification, if it is a request to another agent.
    pub(crate) goal: Option<Digest>,
    /// What it adds to its task's chain, if it is a request to another agent.
    pub(crate) link: Option<Link>,
    /// The payload with the obligations applied; `None` if the bytes may go as they came.
    pub(crate) replaced: Option<Value>,
}

/// Carries a hop.
pub(crate) type Carry = Box<dyn FnOnce(Go) -> BoxFuture<'static, Carried<Got>> + Send>;

/// Decides a held hop again, after waiting so many milliseconds for an answer.
pub(crate) type Again = Box<dyn FnOnce(u64, Carry) -> BoxFuture<'static, Decided> + Send>;

/// What is called to try a hop out, for its agent.
pub(crate) struct Trial {
    /// Whose hop it is.
    pub(crate) agent: AgentName,
    /// The tool to call.
    pub(crate) tool: ToolRef,
    /// What to call it with.
    pub(crate) arguments: Value,
    /// Whether the tool is still what was approved for that, which a connection may show otherwise.
    pub(crate) may_go: Box<dyn Fn() -> bool + Send + Sync>,
}

/// Says what came of trying a hop out, and decides it.
pub(crate) type AfterTrial = Box<dyn FnOnce(Carried<Value>, Carry) -> BoxFuture<'static, Decided> + Send>;

/// What carrying gave.
#[derive(Debug)]
pub(crate) enum Got {
    /// A server's answer. It is a hop too, and has not travelled yet.
    Answer(Box<Answer>),
    /// A server's answer that maso put together from several.
    Shaped(Reply),
    /// Our own words, or words that travelled already.
    Ours(Reply),
}

/// What became of a hop.
pub(crate) enum Decided {
    /// It was carried.
    Released { hop: HopId, got: Got },
    /// It is to be tried out first.
    TryOut { trial: Trial, then: AfterTrial },
    /// It waits for people.
    Held { ticket: Ticket, again: Again },
    /// It did not happen.
    Refused { hop: HopId, refusal: Refusal },
}

/// The path of a deployment, with what its doors need beside it.
pub(crate) struct Paved {
    pub(crate) path: Arc<Path>,
    pub(crate) trust: Arc<Trust>,
    pub(crate) messages: Messages,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    /// Signs what is handed on.
    pub(crate) authority: AuthorityKey,
}

impl Paved {
    fn decided(self: Arc<Self>, outcome: Outcome<Got>) -> Decided {
        match outcome {
            Outcome::Released { hop, reply, .. } => Decided::Released { hop, got: reply },
            Outcome::Refused { hop, refusal } => Decided::Refused { hop, refusal },
            Outcome::TryOut(trying) => {
                let (path, asked) = (Arc::clone(&self.path), Arc::clone(&trying));
                Decided::TryOut {
                    trial: Trial {
                        agent: trying.agent().clone(),
                        tool: trying.tool().clone(),
                        arguments: trying.arguments().clone(),
                        may_go: Box::new(move || path.may_try(&asked)),
                    },
                    then: Box::new(move |came, carry| {
                        Box::pin(async move {
                            let path = Arc::clone(&self.path);
                            let outcome = path.tried(&trying, came, |release| carried(release, carry)).await;
                            self.decided(outcome)
                        })
                    }),
                }
            }
            Outcome::Held(waiting) => Decided::Held {
                ticket: waiting.ticket().clone(),
                again: Box::new(move |wait_ms, carry| {
                    Box::pin(async move {
                        let path = Arc::clone(&self.path);
                        let outcome = path.wait(waiting, wait_ms, |release| carried(release, carry)).await;
                        self.decided(outcome)
                    })
                }),
            },
        }
    }
}

async fn carried(release: Release, carry: Carry) -> Carried<Got> {
    let resolved = release.permit().map(|permit| permit.weighed().resolved());
    let go = Go {
        agent: release.agent().cloned(),
        action: resolved.map(|resolved| resolved.action_digest()),
        goal: resolved
            .filter(|resolved| matches!(resolved.hop().act, Act::Request { .. }))
            .map(|resolved| resolved.task().digest()),
        link: release.link(),
        replaced: release.replaced_payload().cloned(),
    };
    let carried = carry(go).await;
    // The permit is used up only now, when the hop has been carried.
    drop(release);
    carried
}

#[async_trait]
impl Decider for Paved {
    async fn travel(self: Arc<Self>, received: Received, carry: Carry) -> Decided {
        let outcome = self.path.travel(received, |release| carried(release, carry)).await;
        self.decided(outcome)
    }

    fn take(
        &self,
        envelope: &Envelope,
        credential: &Credential,
        addressee: Addressee<'_>,
    ) -> Result<SignedMessage, MessageError> {
        self.messages.take(envelope, credential, addressee, &self.trust, self.clock.now())
    }

    async fn turned_away(self: Arc<Self>, refused: Refused<Received>) -> Refusal {
        self.path.turned_away(refused).await
    }

    async fn turned_back(self: Arc<Self>, refused: Refused<Received>) -> Refusal {
        let Refused { subject, refusal, finding } = refused;
        match identify(subject, &self.trust, self.clock.now()) {
            Ok(identified) => self.path.turned_back(Refused::new(identified, refusal, finding)).await,
            Err(stranger) => self.path.turned_away(*stranger).await,
        }
    }

    fn identify(&self, received: Received) -> Result<AgentName, Refusal> {
        match identify(received, &self.trust, self.clock.now()) {
            Ok(identified) => match &identified.hop().from {
                Principal::Agent(agent) => Ok(agent.clone()),
                Principal::Server(_) | Principal::Operator(_) => Err(Refusal::Unauthentic),
            },
            Err(refused) => Err(refused.refusal),
        }
    }

    fn named(&self, credential: &Credential) -> Result<AgentName, Refusal> {
        self.trust.named_agent(credential, self.clock.now()).map_err(|unproven| unproven.refusal())
    }

    fn shown(&self, credential: &Credential) -> Result<AgentName, Refusal> {
        self.trust.shown_agent(credential, self.clock.now()).map_err(|unproven| unproven.refusal())
    }

    fn visible_tools(&self, agent: &AgentName, server: &ServerName, task: Option<&UnverifiedToken>) -> Vec<ToolRef> {
        let claim = task.map(|token| self.trust.task(token, self.clock.now())).transpose();
        let deployment = self.path.world().deployment();
        claim.map_or_else(|_| Vec::new(), |claim| visible_tools(deployment, agent, server, claim.as_ref()))
    }

    fn n_breaches(&self, agent: &AgentName) -> u64 {
        self.path.world().standing().n_breaches(agent)
    }

    fn admits(&self, credential: &Credential, task: Option<&UnverifiedToken>) -> Result<AgentName, Refusal> {
        let agent = self.named(credential)?;
        let (world, now) = (self.path.world(), self.clock.now());
        if let Some(token) = task {
            let claim = self.trust.task(token, now).map_err(|unproven| unproven.refusal())?;
            let ends_at = |task: &TaskSpec| {
                let workflow = world.deployment().workflows.get(&task.workflow);
                workflow.map_or(task.expires_at, |of| task.ends_at(&of.limits))
            };
            let goes_on = world.tasks().open(claim.task).is_some_and(|task| now < ends_at(&task));
            if world.mode() == Mode::Enforce && !goes_on {
                return Err(Refusal::OutOfMandate);
            }
        }
        // Where the deployment observes, an agent that it does not know is let through; whom a person stopped is not.
        let is_declared = world.deployment().agents.contains_key(&agent);
        if world.is_stopped(&agent) && (is_declared || world.mode() == Mode::Enforce) {
            return Err(Refusal::Suspended);
        }
        Ok(agent)
    }

    async fn published(&self, tools: Vec<(ToolRef, ToolDefinition)>) -> Vec<(ToolRef, PinState)> {
        self.path.published(tools).await
    }

    fn taker(&self, credential: &Credential) -> Taker {
        Taker(self.trust.instance_of(credential, self.clock.now()))
    }

    fn has_ended(&self, instance: InstanceId) -> bool {
        !self.trust.instances().find(instance).is_some_and(|it| it.counts_at(self.clock.now()))
    }

    async fn invite(&self, instance: InstanceId) -> Result<Invited, NotInvited> {
        self.path.invite(instance).await
    }

    async fn checkpoint(self: Arc<Self>, received: Received) -> Result<ContextUse, Refusal> {
        self.path.checkpoint(received).await
    }

    async fn resume(self: Arc<Self>, received: Received) -> Result<Resumed, Refusal> {
        self.path.resume(received).await
    }

    fn context_of(&self, agent: &AgentName) -> Option<ContextUse> {
        self.path.world().fullest_context(agent, self.clock.now())
    }

    fn is_stopped(&self, agent: &AgentName) -> bool {
        self.path.world().is_stopped(agent)
    }

    fn seen(&self, agent: &AgentName) {
        self.path.world().seen(agent, self.clock.now());
    }

    fn is_there(&self, agent: &AgentName) -> bool {
        self.path.world().is_there(agent, self.clock.now())
    }

    async fn hear(&self) {
        // What cannot be read is not known, and whatever rests on it is refused.
        if let Err(fault) = self.path.recorder().flush().await {
            tracing::error!(error = &fault as &dyn std::error::Error, "what other processes recorded cannot be read");
        }
    }

    fn ended(&self, request: HopId, handed_on: Option<&UnverifiedToken>) -> Option<Ended> {
        self.path.end_of(request).or_else(|| {
            let task = self.trust.task(handed_on?, self.clock.now());
            matches!(task, Err(Unproven::LinkRevoked(_))).then_some(Ended::TakenBack)
        })
    }

    async fn take_back(self: Arc<Self>, request: HopId, by: AgentName) -> Result<(), NotTakenBack> {
        self.path.take_back(request, &by).await
    }

    fn accountable(&self, task: Option<&UnverifiedToken>) -> OperatorName {
        let world = self.path.world();
        let claim = task.and_then(|token| self.trust.task(token, self.clock.now()).ok());
        let task = claim.and_then(|claim| world.tasks().open(claim.task));
        task.map_or_else(|| world.deployment().accountable_human.clone(), |task| task.accountable_human.clone())
    }

    fn clarifications(&self, agent: &AgentName) -> Vec<Clarification> {
        self.path.clarifications(|question| question.by == *agent || question.of == Principal::Agent(agent.clone()))
    }

    fn assumptions(&self, agent: &AgentName) -> Vec<Assumption> {
        self.path.assumptions(|_, assumed| assumed.by == *agent)
    }

    fn question(&self, request: HopId, of: &AgentName) -> Option<Clarification> {
        let (about, of) = (Matter::Request(request), Principal::Agent(of.clone()));
        let open = self.path.clarifications(|one| one.about == about && one.of == of && one.answer.is_none());
        open.into_iter().next()
    }

    fn grounds(&self, agent: &AgentName, task: Option<&UnverifiedToken>) -> Grounds {
        let now = self.clock.now();
        match task.map(|token| self.trust.task(token, now)) {
            Some(Ok(claim)) => self.path.world().grounds(agent, Some(claim.task)),
            // A token that is not believed says nothing of any task.
            Some(Err(_)) => Grounds::default(),
            None => self.path.world().grounds(agent, None),
        }
    }

    fn pin(&self, tool: &ToolRef) -> PinState {
        self.path.world().pin(tool, self.clock.now())
    }

    fn deployment(&self) -> Arc<Deployment> {
        Arc::clone(self.path.world().deployment())
    }

    fn mode(&self) -> Mode {
        self.path.world().mode()
    }

    fn hand_on(&self, token: &UnverifiedToken, link: &Link) -> Result<UnverifiedToken, Delegation> {
        self.authority.delegate(token.expose(), self.trust.trust_domain(), link).map(UnverifiedToken::new)
    }

    fn sign_card(&self, card: Value) -> Value {
        self.authority.sign_card(card)
    }

    fn sign_callback(&self, url: &str, body: &[u8]) -> String {
        let (id, at) = (self.ids.hop().as_uuid(), self.clock.now());
        self.authority.sign_callback(&Callback { domain: self.trust.trust_domain(), url, body, id, at })
    }

    fn card_key(&self) -> PublicKey {
        PublicKey::Ed25519(*self.authority.public().as_bytes())
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn hop_id(&self) -> HopId {
        self.ids.hop()
    }
}
