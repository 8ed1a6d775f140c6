//! The way of a hop.

use std::future::Future;

use maso_core::{Digest, HopId, Mode, Phase, Refusal, TaskId};
use maso_identity::{Identified, identify};
use maso_intent::{Resolved, resolve};
use maso_policy::{Decision, Denial, Held, Verdicts, Weighed, authorise, settle, trace, weigh};
use maso_wire::Received;

use crate::{
    Path, Release,
    release::{Carried, Passage},
    waiting::Waiting,
};

/// How often a hop is decided again because somebody else used its approval first, or because posture moved while
/// judges were heard.
const RACES_MAX: usize = 4;

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
        let identified = match identify(received, &self.trust, self.clock.now()) {
            Ok(identified) => identified,
            Err(refused) => return self.turn_away(hop, Denial::from(*refused), Observing::Never, carry).await,
        };
        match self.resolve_now(identified) {
            Ok(resolved) => self.decide_and_release(resolved, carry).await,
            Err(refused) => self.turn_away(hop, refused.0, refused.1, carry).await,
        }
    }

    /// Waits up to `wait_ms` for the answer to a held hop, then decides it again from stage 4 on. Still unanswered, it
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
        let hop = waiting.resolved.hop().id;
        // The posture, task and pins of this moment, not those of the moment at which it was held.
        match self.resolve_now(waiting.resolved.identified().clone()) {
            Ok(resolved) => self.decide_and_release(resolved, carry).await,
            Err(refused) => self.turn_away(hop, refused.0, refused.1, carry).await,
        }
    }

    /// Stage 3, under what is true around the hop at this moment.
    fn resolve_now(&self, identified: Identified) -> Result<Resolved, Box<(Denial, Observing)>> {
        let around = self.world.around(identified);
        let (identified, circumstances) =
            around.map_err(|refused| Box::new((Denial::from(*refused), Observing::Never)))?;
        resolve(identified, circumstances).map_err(|refused| Box::new((Denial::from(*refused), Observing::Allowed)))
    }

    /// Stages 4 to 11.
    async fn decide_and_release<R, F, C>(&self, mut resolved: Resolved, carry: C) -> Outcome<R>
    where
        C: FnOnce(Release) -> F + Send,
        F: Future<Output = Carried<R>> + Send,
        R: Send,
    {
        for _ in 0..RACES_MAX {
            let (weighed, redactions) = self.weigh_up(resolved.clone());
            let verdicts = self.hear(&weighed).await;
            if weighed.review().n_judges > 0 {
                // Judges take their time. Whoever was stopped meanwhile is stopped, whatever they said.
                let fresh = match self.resolve_now(resolved.identified().clone()) {
                    Ok(fresh) => fresh,
                    Err(refused) => {
                        return self.turn_away(resolved.hop().id, refused.0, refused.1, carry).await;
                    }
                };
                let moved = phases(&fresh) != phases(&resolved);
                resolved = fresh;
                if moved {
                    continue;
                }
            }
            let decision = settle(weighed, verdicts, self.clock.now());
            return match decision {
                Decision::Allow(permit) => match self.record_permit(permit).await {
                    Ok(passage) => self.release(resolved.hop().id, passage, redactions, carry).await,
                    Err(NotRecorded::Spent) => continue,
                    Err(NotRecorded::Fault) => {
                        Outcome::Refused { hop: resolved.hop().id, refusal: Refusal::Unavailable }
                    }
                },
                Decision::Hold(held) => self.hold(held, redactions, carry).await,
                Decision::Deny(denial) => self.turn_away(resolved.hop().id, denial, Observing::Allowed, carry).await,
            };
        }
        Outcome::Refused { hop: resolved.hop().id, refusal: Refusal::Unavailable }
    }

    /// Stages 4 to 7: pure over the world of this moment.
    fn weigh_up(&self, resolved: Resolved) -> (Weighed, Vec<maso_guard::Redaction>) {
        let scan = self.scanner.scan(&resolved, self.clock.now());
        // Begun before anything of this hop is recorded: a memory that begins later counts as having forgotten it.
        drop(self.memory_beside(&resolved));
        let memory = self.memory_of(&resolved);
        let memory = memory.read();
        let mut findings = scan.findings;
        findings.join(self.world.limits(&resolved, self.clock.now()));
        findings.join(authorise(&self.policies, &resolved, memory.label()));
        let traced = trace(&memory, resolved);
        (weigh(traced, findings), scan.redactions)
    }

    /// Stage 8, the hearing: only what must wait waits, and only where it can still help.
    async fn hear(&self, weighed: &Weighed) -> Verdicts {
        let action = weighed.resolved().action_digest();
        let mut verdicts = self.world.tickets().heard(&action, self.clock.now());
        if weighed.review().n_judges > 0 && weighed.findings().word() < maso_core::Word::NoGo {
            verdicts.judges = self.panel_of(weighed, action).await;
        }
        verdicts
    }

    /// Stage 9 for what waits: the ticket is on the record before anybody is told of it.
    async fn hold<R, F, C>(&self, held: Held, redactions: Vec<maso_guard::Redaction>, carry: C) -> Outcome<R>
    where
        C: FnOnce(Release) -> F + Send,
        F: Future<Output = Carried<R>> + Send,
        R: Send,
    {
        let hop = held.weighed().resolved().hop().id;
        let resolved = Box::new(held.weighed().resolved().clone());
        let Some(ticket) = self.ticket_for(&held) else {
            return Outcome::Refused { hop, refusal: Refusal::LimitReached };
        };
        let observed = self.world.mode() == Mode::Observe;
        match self.record_hold(held, &ticket).await {
            Err(NotRecorded::Spent | NotRecorded::Fault) => Outcome::Refused { hop, refusal: Refusal::Unavailable },
            Ok(passage) if observed => self.release(hop, passage, redactions, carry).await,
            Ok(_) => Outcome::Held(Waiting { ticket, resolved }),
        }
    }

    /// Stage 9 for what does not happen. In observe mode it is recorded and released all the same.
    async fn turn_away<R, F, C>(&self, hop: HopId, denial: Denial, observing: Observing, carry: C) -> Outcome<R>
    where
        C: FnOnce(Release) -> F + Send,
        F: Future<Output = Carried<R>> + Send,
        R: Send,
    {
        let refusal = denial.refusal;
        // What only observes has moved no phase by itself, so whoever is stopped was stopped by a person: that binds.
        let may_observe = matches!(observing, Observing::Allowed) && refusal != Refusal::Suspended;
        let observed = self.world.mode() == Mode::Observe && may_observe;
        match self.record_denial(denial).await {
            Ok(passage) if observed => self.release(hop, passage, Vec::new(), carry).await,
            // Refused all the same: what could not be recorded did not happen, and nothing is what a denial does.
            Ok(_) | Err(_) => Outcome::Refused { hop, refusal },
        }
    }

    /// Stages 10 and 11.
    async fn release<R, F, C>(
        &self,
        hop: HopId,
        passage: Passage,
        redactions: Vec<maso_guard::Redaction>,
        carry: C,
    ) -> Outcome<R>
    where
        C: FnOnce(Release) -> F + Send,
        F: Future<Output = Carried<R>> + Send,
        R: Send,
    {
        let (task, action) = (passage.task(), passage.action());
        let release = Release::new(passage, &redactions);
        let learned = release.lesson();
        let started = self.clock.now();
        let carried = carry(release).await;
        self.watch(hop, learned, started, &carried).await;
        Outcome::Released { hop, task, action, reply: carried.into_reply() }
    }
}

fn phases(resolved: &Resolved) -> (Phase, Phase) {
    (resolved.circumstances().agent_phase, resolved.circumstances().around_phase)
}

/// Whether observe mode may let a denied hop through. An unknown sender is never let through: nobody could say whose
/// hop it was.
#[derive(Clone, Copy, Debug)]
enum Observing {
    Allowed,
    Never,
}

/// Why a decision is not on the record.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NotRecorded {
    /// Its approval was used by somebody else meanwhile.
    Spent,
    /// The recorder could not.
    Fault,
}
