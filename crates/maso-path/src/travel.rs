//! The way of a hop.

use std::{future::Future, sync::Arc};

use maso_core::{Act, Digest, Finding, HopId, Mode, Refusal, Refused, TaskId, Word};
use maso_guard::Redaction;
use maso_identity::{Identified, identify};
use maso_intent::{Resolved, resolve};
use maso_log::v1;
use maso_policy::{
    Before, Decision, Denial, Held, Memory, Subject, Verdicts, Weighed, authorise, settle, trace, weigh,
};
use maso_wire::Received;
use parking_lot::RwLock;

use crate::{
    Path, Release,
    dry_run::Trying,
    release::{Carried, Passage},
    spawning::held_with,
    waiting::Waiting,
    world::{Passing, write_assumption},
};

/// How often a hop is decided because what the decision rested on changed before it was on the record.
///
/// Past that it is refused. So many changes do not happen by themselves, and nobody who is mediated can make them: of two
/// phases each worsens three times at most, for what a hop has met stays met; a stop, a revocation and the end of a task are
/// followed by a denial, which nothing overtakes; what a temporal rule stops at the commit is denied or held next; what
/// was delivered elsewhere can only send a hop back within the 50 ms after it came, in which no disk makes so many commits;
/// and identical actions that meet at one ticket part after three. What is left is people who change their minds, within
/// milliseconds, many times.
const RACES_MAX: usize = 64;

/// What became of a hop.
#[derive(Debug)]
pub enum Outcome<R> {
    /// It was released, and the carrier gave this back.
    Released {
        /// The hop.
        hop: HopId,
        /// Its task, where one was established.
        task: Option<TaskId>,
        /// The exact action, where one was established.
        action: Option<Digest>,
        /// What the carrier gave back.
        reply: R,
    },
    /// It is to be tried out first: whoever carries hops does so, and says what came of it ([`Path::tried`]).
    TryOut(Arc<Trying>),
    /// It waits for people.
    Held(Waiting),
    /// It did not happen.
    Refused {
        /// The hop.
        hop: HopId,
        /// The code that the agent may be told.
        refusal: Refusal,
    },
}

impl Path {
    /// The whole way of a hop: stages 2 to 11; stage 1 gave the [`Received`].
    ///
    /// `carry` is called at most once, and only with the decision on the record.
    pub async fn travel<R, F, C>(&self, received: Received, carry: C) -> Outcome<R>
    where
        C: FnOnce(Release) -> F + Send,
        F: Future<Output = Carried<R>> + Send,
        R: Send,
    {
        let hop = received.arrival().id;
        match identify(received, &self.trust, self.clock.now()) {
            Ok(identified) => self.decide_and_release(identified, carry).await,
            Err(refused) => {
                let way = self.turn_away(Denial::from(*refused), Observing::Never).await;
                self.go(hop, way.unwrap_or(Way::Refuse(Refusal::Unavailable)), carry).await
            }
        }
    }

    /// Puts on the record what its door turned away, and why: it came no further than to be received. Gives the code that
    /// the agent may be told.
    pub async fn turned_away(&self, refused: Refused<Received>) -> Refusal {
        let refusal = refused.refusal;
        self.record_denial(Denial::from(refused)).await;
        refusal
    }

    /// The same, of what is known to be its sender's: it counts against it.
    pub async fn turned_back(&self, refused: Refused<Identified>) -> Refusal {
        let refusal = refused.refusal;
        self.record_denial(Denial::from(refused)).await;
        refusal
    }

    /// Waits up to `wait_ms` for the answer to a held hop, then decides it again from stage 3 on. Still unanswered, it
    /// comes back as [`Outcome::Held`]. Dropping the future loses nothing: the ticket stays, and an identical later
    /// hop finds it.
    pub async fn wait<R, F, C>(&self, waiting: Waiting, wait_ms: u64, carry: C) -> Outcome<R>
    where
        C: FnOnce(Release) -> F + Send,
        F: Future<Output = Carried<R>> + Send,
        R: Send,
    {
        if !self.answered_within(waiting.ticket().id, wait_ms).await {
            return Outcome::Held(waiting);
        }
        // Under the posture, task and pins of this moment, not those of the moment at which it was held.
        self.decide_and_release(waiting.resolved.identified().clone(), carry).await
    }

    /// Stages 3 to 11.
    async fn decide_and_release<R, F, C>(&self, identified: Identified, carry: C) -> Outcome<R>
    where
        C: FnOnce(Release) -> F + Send,
        F: Future<Output = Carried<R>> + Send,
        R: Send,
    {
        let passing = self.world.passing(&identified);
        self.go_on(identified, &passing, carry).await
    }

    /// The same, for a hop that is under way already.
    pub(crate) async fn go_on<R, F, C>(&self, identified: Identified, passing: &Arc<Passing>, carry: C) -> Outcome<R>
    where
        C: FnOnce(Release) -> F + Send,
        F: Future<Output = Carried<R>> + Send,
        R: Send,
    {
        let hop = identified.hop().id;
        for _ in 0..RACES_MAX {
            match self.decide(identified.clone(), passing).await {
                Ok(way) => return self.go(hop, way, carry).await,
                Err(NotRecorded::Overtaken) => {}
                Err(NotRecorded::Fault) => break,
            }
        }
        Outcome::Refused { hop, refusal: Refusal::Unavailable }
    }

    /// Stages 3 to 9.
    async fn decide(&self, identified: Identified, passing: &Arc<Passing>) -> Result<Way, NotRecorded> {
        let resolved = match self.resolve_now(identified, passing) {
            Ok(resolved) => resolved,
            Err(refused) => return self.turn_away(refused.0, refused.1).await,
        };
        self.hear_of_what_was_done(&resolved).await?;
        // Held until the decision is on the record: a memory that is given up meanwhile has forgotten values.
        let memory = self.recall(&resolved).await?;
        let instruction = self.instruction_of(&resolved).await?;
        let clarification = self.clarification_of(&resolved)?;
        let assumption = Ok(write_assumption(&resolved).map(v1::Body::AssumptionMade));
        let message = self.message_of(&resolved)?;
        let spawn = self.spawn_of(&resolved);
        let (mut also, mut beforehand) = (Vec::new(), Vec::new());
        for means in
            [instruction.map(|one| one.map(v1::Body::InstructionUsed)), clarification, assumption, message, spawn]
        {
            match means {
                Ok(means) => also.extend(means),
                Err(why) => beforehand.push(why),
            }
        }
        let (weighed, redactions) = self.weigh_up(resolved, beforehand, &memory);
        let (weighed, verdicts) = match self.to_try_out(weighed) {
            Before::TryOut(dry_run) => return self.begin(dry_run, &redactions, passing).await,
            Before::Nothing(weighed, verdicts) => (weighed, verdicts),
        };
        let verdicts = self.hear(&weighed, verdicts).await;
        match settle(weighed, verdicts, self.clock.now()) {
            Decision::Allow(permit) => {
                Ok(Way::Release(Box::new(self.record_permit(permit, also, passing).await?), redactions))
            }
            // It would take a place in which something could wait that somebody waits for.
            Decision::Hold(held) if matches!(held.weighed().resolved().hop().act, Act::Notify { .. }) => {
                let nobody = Finding::new("EC-1.1", Word::NoGo, "nobody waits for a notification");
                self.turn_away(refused(held, Refusal::Denied, nobody), Observing::Allowed).await
            }
            Decision::Hold(held) => self.hold(held, redactions, passing).await,
            Decision::Deny(denial) => self.turn_away(denial, Observing::Allowed).await,
        }
    }

    /// What another process recorded, or what is on its way to the disk, may be what the hop rests on. It is waited for
    /// before anything is held against the hop, and only then.
    async fn hear_of_what_was_done(&self, resolved: &Resolved) -> Result<(), NotRecorded> {
        if !self.world.may_be_behind(resolved, self.clock.now()) {
            return Ok(());
        }
        self.recorder.flush().await.map_err(|fault| {
            tracing::error!(error = &fault as &dyn std::error::Error, "what was done before cannot be read");
            NotRecorded::Fault
        })
    }

    /// Stage 3, under what is true around the hop at this moment, and no looser than it was before.
    pub(crate) fn resolve_now(
        &self,
        identified: Identified,
        passing: &Passing,
    ) -> Result<Resolved, Box<(Denial, Observing)>> {
        // It may have waited since it was identified.
        if let Err(unproven) = self.trust.bears(identified.basis()) {
            let refused = Refused::new(identified, unproven.refusal(), unproven.finding());
            return Err(Box::new((Denial::from(refused), Observing::Never)));
        }
        if let Some(starter) = self.stopped_starter(identified.basis().instance()) {
            let refused = Refused::new(identified, Refusal::Suspended, held_with(&starter));
            return Err(Box::new((Denial::from(refused), Observing::Never)));
        }
        let around = self.world.around(identified, self.clock.now());
        let (identified, mut circumstances) =
            around.map_err(|refused| Box::new((Denial::from(*refused), Observing::Never)))?;
        (circumstances.agent_phase, circumstances.around_phase) =
            passing.meet(circumstances.agent_phase, circumstances.around_phase);
        resolve(identified, circumstances).map_err(|refused| Box::new((Denial::from(*refused), Observing::Allowed)))
    }

    /// Stages 4 to 7: pure over the world of this moment, and what the record says of the hop's instruction or question.
    pub(crate) fn weigh_up(
        &self,
        resolved: Resolved,
        beforehand: Vec<Finding>,
        memory: &RwLock<Memory>,
    ) -> (Weighed, Vec<Redaction>) {
        let scan = self.scanner.scan(&resolved, self.clock.now());
        let memory = memory.read();
        let mut findings = scan.findings;
        beforehand.into_iter().for_each(|finding| findings.add(finding));
        findings.join(self.world.limits(&resolved, self.clock.now()));
        findings.join(authorise(&self.policies, &resolved, memory.label()));
        let traced = trace(&memory, resolved);
        // Policy as well, and after the trace because rules speak of labels.
        findings.join(self.world.rules(&traced, self.clock.now()));
        (weigh(traced, findings), scan.redactions)
    }

    /// Stage 8, the hearing: only what must wait waits, and only where it can still help. Judges know what trying it out
    /// showed.
    async fn hear(&self, weighed: &Weighed, mut verdicts: Verdicts) -> Verdicts {
        if weighed.review().n_judges > 0 && weighed.findings().word() < Word::NoGo {
            verdicts.judges = self.panel_of(weighed, verdicts.dry_run.as_deref()).await;
        }
        verdicts
    }

    /// Stage 9 for what waits: the ticket is on the record before anybody is told of it.
    async fn hold(&self, held: Held, redactions: Vec<Redaction>, passing: &Arc<Passing>) -> Result<Way, NotRecorded> {
        let ticket = match self.ticket_for(&held) {
            Ok(ticket) => ticket,
            Err(full) => {
                let denial = refused(held, Refusal::LimitReached, full);
                return self.turn_away(denial, Observing::Allowed).await;
            }
        };
        let resolved = Box::new(held.weighed().resolved().clone());
        let passage = self.record_hold(held, &ticket, passing).await?;
        Ok(match self.world.mode() {
            Mode::Observe => Way::Release(Box::new(passage), redactions),
            Mode::Enforce => Way::Wait(Waiting { ticket, resolved }),
        })
    }

    /// Stage 9 for what does not happen. In observe mode it is recorded and released all the same.
    pub(crate) async fn turn_away(&self, denial: Denial, observing: Observing) -> Result<Way, NotRecorded> {
        let refusal = denial.refusal;
        // What only observes has moved no phase by itself, so whoever is stopped was stopped by a person: that binds.
        let may_observe = matches!(observing, Observing::Allowed) && refusal != Refusal::Suspended;
        if self.world.mode() == Mode::Observe && may_observe {
            let passage = self.record_observed(denial).await?;
            return Ok(Way::Release(Box::new(passage), Vec::new()));
        }
        self.record_denial(denial).await;
        Ok(Way::Refuse(refusal))
    }

    /// Where a recorded decision leads.
    async fn go<R, F, C>(&self, hop: HopId, way: Way, carry: C) -> Outcome<R>
    where
        C: FnOnce(Release) -> F + Send,
        F: Future<Output = Carried<R>> + Send,
        R: Send,
    {
        match way {
            Way::Release(passage, redactions) => self.release(hop, *passage, redactions, carry).await,
            Way::TryOut(trying) => Outcome::TryOut(trying),
            Way::Wait(waiting) => Outcome::Held(waiting),
            Way::Refuse(refusal) => Outcome::Refused { hop, refusal },
        }
    }

    /// Stages 10 and 11.
    async fn release<R, F, C>(&self, hop: HopId, passage: Passage, redactions: Vec<Redaction>, carry: C) -> Outcome<R>
    where
        C: FnOnce(Release) -> F + Send,
        F: Future<Output = Carried<R>> + Send,
        R: Send,
    {
        let (task, action) = (passage.task(), passage.action());
        let release = Release::new(passage, &redactions);
        let learned = self.foresee(&release);
        let started = self.clock.now();
        let carried = carry(release).await;
        self.watch(hop, learned, started, &carried).await;
        Outcome::Released { hop, task, action, reply: carried.into_reply() }
    }
}

/// A hop that would wait, if there were a place to wait in.
fn refused(held: Held, refusal: Refusal, why: Finding) -> Denial {
    let mut findings = held.weighed().findings().clone();
    findings.add(why);
    let verdicts = held.verdicts().clone();
    let subject = Subject::Weighed(Box::new(held.weighed().clone()));
    Denial { subject, refusal, findings, verdicts }
}

/// Where a decision leads that is on the record.
pub(crate) enum Way {
    Release(Box<Passage>, Vec<Redaction>),
    TryOut(Arc<Trying>),
    Wait(Waiting),
    Refuse(Refusal),
}

/// Whether observe mode may let a denied hop through. An unknown sender is never let through: nobody could say whose
/// hop it was.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Observing {
    Allowed,
    Never,
}

/// Why a decision is not on the record.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NotRecorded {
    /// Something that it rests on changed meanwhile: somebody was stopped, or its approval was used.
    Overtaken,
    /// The recorder could not.
    Fault,
}
