//! Trying a hop out where it cannot hurt, before anybody is asked about it (EC-2.7a).
//!
//! A dry run is no release of the hop: its beginning and its end are records of their own, and then the hop is decided as
//! if it came now, by everything that is true then and by what trying it out showed.

use std::{future::Future, sync::Arc};

use maso_core::{AgentName, Digest, HopId, Refusal, Risk, Timestamp, ToolRef};
use maso_guard::Redaction;
use maso_identity::Identified;
use maso_intent::{DryRunCall, PinState};
use maso_log::v1;
use maso_policy::{Before, DryRun, Weighed, inert};
use serde_json::Value;

use crate::{
    Outcome, Path, Release,
    footing::Footing,
    recording::not_recorded,
    release::Carried,
    travel::{NotRecorded, Observing, Way},
    world::Passing,
};

/// A hop that is to be tried out: its beginning is on the record.
#[derive(Debug)]
pub struct Trying {
    identified: Identified,
    action: Digest,
    risk: Risk,
    agent: AgentName,
    call: DryRunCall,
    arguments: Value,
    started: Timestamp,
    /// It is under way meanwhile: many at once are not tried out more often than one after the other.
    passing: Arc<Passing>,
}

impl Trying {
    /// The agent whose hop it is.
    pub fn agent(&self) -> &AgentName {
        &self.agent
    }

    /// The tool to call.
    pub fn tool(&self) -> &ToolRef {
        &self.call.tool
    }

    /// What to call it with: never what the agent sent where that says nothing of a dry run.
    pub fn arguments(&self) -> &Value {
        &self.arguments
    }
}

impl Path {
    /// The dry run that a hop still needs; else what is known of it.
    pub(crate) fn to_try_out(&self, weighed: Weighed) -> Before {
        let (resolved, now) = (weighed.resolved(), self.clock.now());
        let verdicts = self.world.heard(&resolved.action_digest(), resolved.hop().id, now);
        DryRun::due(weighed, verdicts, now)
    }

    /// Records that a hop is tried out, if what it rests on still stands.
    pub(crate) async fn begin(
        &self,
        dry_run: DryRun,
        redactions: &[Redaction],
        passing: &Arc<Passing>,
    ) -> Result<Way, NotRecorded> {
        let resolved = dry_run.weighed().resolved();
        let mut payload = resolved.hop().payload.clone();
        Redaction::apply(&mut payload, redactions);
        let (agent, arguments) = match (resolved.hop().agent(), self.rehearsal_of(dry_run.call(), &payload)) {
            (Some(agent), Ok(arguments)) => (agent.clone(), arguments),
            (None, _) => return self.turn_away(dry_run.fail("no agent asks for it"), Observing::Allowed).await,
            (_, Err(why)) => return self.turn_away(dry_run.fail(why), Observing::Allowed).await,
        };
        let trying = Trying {
            identified: resolved.identified().clone(),
            action: resolved.action_digest(),
            risk: dry_run.weighed().risk(),
            agent,
            call: dry_run.call().clone(),
            arguments,
            started: self.clock.now(),
            passing: Arc::clone(passing),
        };
        let started = v1::Body::DryRunStarted(v1::DryRunStarted {
            hop: resolved.hop().id.to_string(),
            action: trying.action.to_string(),
            task: resolved.task().id.to_string(),
            agent: format!("agent:{}", trying.agent),
            of: resolved.hop().act.object(),
            tool: trying.tool().to_string(),
            arguments: Digest::of_value(&trying.arguments).to_string(),
        });
        let footing = Footing { was_tried: false, ..Footing::of(dry_run.weighed(), dry_run.verdicts(), None) };
        let stands = self.still_stands(footing, passing);
        self.recorder.record_if(started, Vec::new(), stands).await.map_err(not_recorded)?;
        Ok(Way::TryOut(Arc::new(trying)))
    }

    /// The arguments of a dry run.
    fn rehearsal_of(&self, call: &DryRunCall, payload: &Value) -> Result<Value, String> {
        if !self.is_harmless(call) {
            let what = match &call.set {
                None => "is not defined as it was approved".to_owned(),
                Some((name, _)) => format!("is not approved with the argument `{name}`"),
            };
            return Err(format!("`{}`, by which it is tried out, {what}", call.tool));
        }
        call.arguments(payload)
            .ok_or_else(|| "there are no arguments among which a dry run could be asked for".to_owned())
    }

    /// Whether the tool that would be called is still what was approved to try others out. A server that does not know the
    /// argument would ignore it, and do what was to be tried out; so that counts even where pins are switched off.
    fn is_harmless(&self, call: &DryRunCall) -> bool {
        let pin = self.world.pin(&call.tool, self.clock.now());
        let takes_argument = || self.world.pins().is_published(&call.tool, |definition| call.is_known_to(definition));
        pin == PinState::Pinned && (call.set.is_none() || takes_argument())
    }

    /// Whether what is to be called is still what it was when the dry run began, on whichever connection.
    pub fn may_try(&self, trying: &Trying) -> bool {
        self.is_harmless(&trying.call)
    }

    /// Takes in what came of trying a hop out, and decides the hop, from stage 3 on.
    ///
    /// `carry` is called at most once, and only with the decision on the record.
    pub async fn tried<R, F, C>(&self, trying: &Trying, came: Carried<Value>, carry: C) -> Outcome<R>
    where
        C: FnOnce(Release) -> F + Send,
        F: Future<Output = Carried<R>> + Send,
        R: Send,
    {
        let hop = trying.identified.hop().id;
        let ended = v1::Body::DryRunEnded(self.ended(hop, trying, &came));
        match self.recorder.record(ended).await.map_err(not_recorded) {
            // Under the posture, task and pins of this moment, not those of the moment at which it began.
            Ok(_) => self.go_on(trying.identified.clone(), &trying.passing, carry).await,
            Err(_) => Outcome::Refused { hop, refusal: Refusal::Unavailable },
        }
    }

    fn ended(&self, hop: HopId, trying: &Trying, came: &Carried<Value>) -> v1::DryRunEnded {
        let now = self.clock.now();
        let (answer, fault) = match came {
            Carried::Delivered(answer) => (answer, None),
            Carried::Unsuccessful(answer) => (answer, Some("its tool says that it does not succeed".to_owned())),
            Carried::Failed { reply, fault } | Carried::Unknown { reply, fault } => (reply, Some(fault.clone())),
        };
        let counts_ms = self.world.deployment().settings.approval_wait(trying.risk).saturating_add(HEARING_MS);
        v1::DryRunEnded {
            hop: hop.to_string(),
            action: trying.action.to_string(),
            tool: trying.tool().to_string(),
            outcome: if fault.is_none() { "succeeded" } else { "failed" }.to_owned(),
            fault,
            says: self.told(answer, now),
            answer: (!answer.is_null()).then(|| Digest::of_value(answer).to_string()),
            took_ms: now.since_ms(trying.started),
            expires_at: now.plus_ms(counts_ms).as_millis(),
        }
    }

    /// What may be shown of an answer: it comes from where everything else that agents read comes from.
    fn told(&self, answer: &Value, now: Timestamp) -> Option<String> {
        let text = match answer {
            Value::Null => return None,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let end = text.floor_char_boundary(LOOKED_AT_BYTES);
        Some(inert(&text[..end], &self.scanner.credentials_in(&text[..end], None, now), SAYS_CHARS_MAX))
    }
}

/// How long a dry run counts beyond the time for which people are waited for: as long as judges' verdicts.
const HEARING_MS: u64 = 15 * 60_000;

/// Characters of an answer that judges and people are shown.
const SAYS_CHARS_MAX: usize = 2_000;

/// Bytes of an answer that are looked at for that.
const LOOKED_AT_BYTES: usize = 16_384;
