//! (d) Messages between agents: signed and taken, decided and recorded, and what a token of a long chain costs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use ed25519_dalek::{Signer as _, SigningKey, Verifier as _};
use maso_core::{Act, AgentName, Digest, HopId, Mode, Principal, SpiffeId, TaskId, Timestamp, Turn};
use maso_identity::{
    Addressee, AgentKey, AuthorityKey, Envelope, Link, Messages, Remit, SignedMessage, Trust, TrustSettings,
};
use maso_path::{Carried, Outcome, Path};
use maso_wire::{Arrival, Credential, Received, UnverifiedToken, envelope::Message};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::{
    ground::{self, Ground},
    times::{Quantiles, Times},
};
use crate::{assemble, fault::Fault, state::StateFolder};

/// What messages take.
#[derive(Clone, Debug, Serialize)]
pub struct Talk {
    /// The bare signature over the same bytes, made and checked.
    pub signature: Quantiles,
    /// A message sealed by its sender, and taken: its signature checked, parsed, its nonce used up.
    pub sealed_and_taken: Quantiles,
    /// How many times as long as the bare signature.
    pub ratio: f64,
    /// A message from its seal to its release: taken, its sender's proof checked, scanned, decided, durably recorded.
    pub whole: Quantiles,
    /// Callers at a time, for the rate.
    pub n_callers: usize,
    /// Messages a second with so many callers: taken, decided, recorded and released. They were sealed before.
    pub per_second: f64,
    /// How many of them were released and are not on the record, or the other way round.
    pub n_lost: u64,
    /// A task token of five links that nobody has seen before.
    pub chain_cold: Quantiles,
    /// The same, seen before.
    pub chain_remembered: Quantiles,
}

/// Measures them on a record in `ground`.
pub async fn measure(ground: &Ground, rounds: usize) -> Result<Talk, Fault> {
    let folder = ground.declare("talk", &ground::fleet())?;
    let state = StateFolder::open(&folder).map_err(|fault| Fault::new("cannot open the state", fault))?;
    let authority = state.authority().map_err(|fault| Fault::new("cannot make an authority", fault))?;
    let (deployment, _) = assemble::declared(&folder)?;
    let domain = deployment.trust_domain.clone();
    let trust = || Trust::new(TrustSettings::new(domain.clone(), authority.public(), Timestamp::from_millis(0)));
    let chain = chain(&authority, &domain)?;
    let at = ground::MIDDAY;
    let cold = Times::taken(rounds / 10, trust, |trust| trust.task(&chain, at).is_ok()).quantiles();
    let remembering = trust();
    if remembering.task(&chain, at).is_err() {
        return Err(Fault::plain("the token that is measured was expected to be believed"));
    }
    let remembered = Times::taken(rounds, || (), |()| remembering.task(&chain, at).is_ok()).quantiles();

    let assembled = assemble::open(deployment, state, assemble::Opening::new("bench", Mode::Enforce), &[]);
    let path = Arc::clone(&assembled.await?.path);
    let talker = Arc::new(Talker::new(&path, &authority)?);
    let signature = talker.signature(rounds)?;
    let sealed_and_taken = talker.sealed_and_taken(rounds)?;
    let mut whole = Vec::with_capacity(rounds / 10);
    for _ in 0..(rounds / 10).max(1) {
        let (message, credential) = talker.make();
        let start = Instant::now();
        talker.say(SignedMessage::seal(&message, &talker.key), credential).await?;
        whole.push(start.elapsed());
    }
    // Senders are elsewhere: what they do is done before the clock starts.
    let made = |_| {
        let (message, credential) = talker.make();
        (SignedMessage::seal(&message, &talker.key), credential)
    };
    let each = (rounds / N_CALLERS).max(1);
    let made: Vec<Vec<_>> = (0..N_CALLERS).map(|_| (0..each).map(made).collect()).collect();
    let n_before = talker.n_released.load(Ordering::SeqCst);
    let start = Instant::now();
    let callers: Vec<_> = made
        .into_iter()
        .map(|made| {
            let talker = Arc::clone(&talker);
            tokio::spawn(async move {
                for (envelope, credential) in made {
                    talker.say(envelope, credential).await?;
                }
                Ok::<_, Fault>(())
            })
        })
        .collect();
    for caller in callers {
        caller.await.map_err(|error| Fault::new("a caller ended", error))??;
    }
    let took = start.elapsed();
    let n_released = talker.n_released.load(Ordering::SeqCst);
    path.recorder().flush().await.map_err(|fault| Fault::new("the record broke", fault))?;
    let quantiles = Times::of(whole).ok_or_else(|| Fault::plain("no round was measured"))?.quantiles();
    Ok(Talk {
        signature,
        sealed_and_taken,
        ratio: sealed_and_taken.p50_us / signature.p50_us,
        whole: quantiles,
        n_callers: N_CALLERS,
        per_second: (n_released - n_before) as f64 / took.as_secs_f64(),
        n_lost: n_recorded(&path)?.abs_diff(n_released),
        chain_cold: cold,
        chain_remembered: remembered,
    })
}

/// An agent that tells another things.
struct Talker {
    path: Arc<Path>,
    key: AgentKey,
    token: String,
    goal: Digest,
    domain: maso_core::TrustDomain,
    messages: Messages,
    /// The same as the path's, as behind a door: a proof is verified once.
    trust: Arc<Trust>,
    n_released: AtomicU64,
}

impl Talker {
    fn new(path: &Arc<Path>, authority: &AuthorityKey) -> Result<Self, Fault> {
        let (agent, domain, now) = (from(), path.world().deployment().trust_domain.clone(), path.clock().now());
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| Fault::new("cannot draw randomness", error))?;
        let key = AgentKey::from_seed(seed);
        let whose = SpiffeId { trust_domain: domain.clone(), agent: agent.clone() };
        let token = authority.issue_agent_token(&whose, Some(&key.thumbprint()), Uuid::now_v7(), now, 3_600_000);
        let task = path.world().tasks().standing(&agent).ok_or_else(|| Fault::plain("the agent has no task"))?;
        Ok(Self {
            path: Arc::clone(path),
            key,
            token,
            goal: task.digest(),
            messages: Messages::new(1 << 20, now),
            trust: Arc::clone(path.trust()),
            domain,
            n_released: AtomicU64::new(0),
        })
    }

    /// A message that nobody has said before.
    fn message(&self, now: Timestamp) -> Message {
        let agent = |name: &AgentName| format!("spiffe://{}/agent/{name}", self.domain);
        let told = json!({
            "message_id": format!("msg_{}", Uuid::now_v7().simple()),
            "sender_id": agent(&from()),
            "recipient_id": agent(&to()),
            "timestamp": now.to_string(),
            "valid_until": now.plus_ms(60_000).to_string(),
            "message_type": "data",
            "content": { "note": Uuid::new_v4().to_string() },
            "provenance": {
                "source": "tool", "source_id": "notes:read_note", "verified": true, "verification_method": "tool-output",
            },
            "assumptions": [],
            "unknowns": ["whether the note is the newest"],
            "constraints": [],
            "classification": "public",
            "goal_hash": self.goal.to_string(),
            "nonce": Uuid::new_v4().simple().to_string(),
            "contract": { "name": ground::CONTRACT, "version": 1 },
            "inputs": [],
        });
        Message::parse(told.to_string().as_bytes()).expect("a message of our own making is one")
    }

    fn credential(&self, now: Timestamp) -> Credential {
        let proof = self.key.prove("POST", URL, &self.token, Uuid::new_v4(), now);
        let (token, proof) = (UnverifiedToken::new(&self.token), UnverifiedToken::new(proof));
        Credential::Bound { token, proof, method: "POST".to_owned(), url: URL.to_owned() }
    }

    fn take(&self, envelope: &Envelope, credential: &Credential, now: Timestamp) -> Result<SignedMessage, Fault> {
        self.messages
            .take(envelope, credential, Addressee::Anyone, &self.trust, now)
            .map_err(|error| Fault::new("the message that is measured is not taken", error))
    }

    /// The signature alone, over as many bytes.
    fn signature(&self, rounds: usize) -> Result<Quantiles, Fault> {
        let bytes = self.message(self.path.clock().now()).write();
        let key = SigningKey::from_bytes(&[7; 32]);
        let public = key.verifying_key();
        let mut is_sound = true;
        let times = Times::taken(rounds, || (), |()| is_sound &= public.verify(&bytes, &key.sign(&bytes)).is_ok());
        if is_sound { Ok(times.quantiles()) } else { Err(Fault::plain("a signature is not its own")) }
    }

    fn sealed_and_taken(&self, rounds: usize) -> Result<Quantiles, Fault> {
        let mut broken = None;
        let make = || {
            let now = self.path.clock().now();
            (self.message(now), self.credential(now), now)
        };
        let times = Times::taken(rounds, make, |(message, credential, now)| {
            let envelope = SignedMessage::seal(&message, &self.key);
            if let Err(fault) = self.take(&envelope, &credential, now) {
                broken.get_or_insert(fault);
            }
        });
        broken.map_or_else(|| Ok(times.quantiles()), Err)
    }

    /// A message, and what comes with it.
    fn make(&self) -> (Message, Credential) {
        let now = self.path.clock().now();
        (self.message(now), self.credential(now))
    }

    /// One message, from when it comes in to its release.
    async fn say(&self, envelope: Envelope, credential: Credential) -> Result<(), Fault> {
        let now = self.path.clock().now();
        let (message, content) = self.take(&envelope, &credential, now)?.into_parts();
        let message = Arc::new(message);
        let act = Act::Tell { agent: to(), contract: message.contract.name.clone() };
        let arrival =
            Arrival { id: self.path.ids().hop(), at: now, credential, task: None, to: Principal::Agent(to()) };
        let received = Received::from_parsed(arrival, act, Turn::Ask, content).saying(message);
        let outcome = self.path.travel(received, |_| async { Carried::Delivered(()) }).await;
        match outcome {
            Outcome::Released { .. } => {
                self.n_released.fetch_add(1, Ordering::SeqCst);
                Ok(())
            }
            Outcome::Refused { refusal, .. } => {
                Err(Fault::plain(format!("the message that is measured was refused: {refusal}")))
            }
            Outcome::TryOut(_) | Outcome::Held(_) => {
                Err(Fault::plain("the message that is measured was expected to be allowed"))
            }
        }
    }
}

/// A task token that was handed on five times.
fn chain(authority: &AuthorityKey, domain: &maso_core::TrustDomain) -> Result<UnverifiedToken, Fault> {
    let (task, now) = (TaskId::from_uuid(Uuid::from_u128(9)), ground::MIDDAY);
    let mut token = authority.issue_task_token(domain, (task, Digest::of(b"a task")), &[], now, 3_600_000);
    let name = |n: usize| format!("agent-{n}").parse::<AgentName>().expect("the name is an agent's");
    for n in 0..N_LINKS {
        let link = Link {
            id: HopId::from_uuid(Uuid::from_u128(n as u128 + 1)),
            from: name(n),
            to: name(n + 1),
            request: "assess".parse().expect("the name is a request's"),
            remit: Remit {
                tools: ["notes:read_note", "notes:save_note"].iter().filter_map(|tool| tool.parse().ok()).collect(),
                ..Remit::default()
            },
            data: None,
            quota: maso_identity::Quota { calls: Some(5), value_minor: None },
            depth: None,
            until: None,
        };
        token = authority
            .delegate(&token, domain, &link)
            .map_err(|error| Fault::new("the token that is measured cannot be handed on", error))?;
    }
    Ok(UnverifiedToken::new(token))
}

/// How many messages the record says were let pass.
fn n_recorded(path: &Path) -> Result<u64, Fault> {
    let reader = path.recorder().reader();
    let fault = |error| Fault::new("the record cannot be read", error);
    let (mut from, last, mut n) = (1, reader.last_sequence().map_err(fault)?, 0);
    while from <= last {
        let to = from + PAGE - 1;
        let records = reader.records(from, to, PAGE as usize).map_err(fault)?;
        n += records.iter().filter(|record| is_told(record)).count() as u64;
        from = to + 1;
    }
    Ok(n)
}

fn is_told(record: &maso_log::Record) -> bool {
    matches!(&record.body, maso_log::v1::Body::HopDecided(hop) if hop.verb == "tell" && hop.decision == "allow")
}

fn from() -> AgentName {
    ground::AGENT_NAME.parse().expect("the name is an agent's")
}

fn to() -> AgentName {
    ground::LISTENER_NAME.parse().expect("the name is an agent's")
}

const URL: &str = "http://127.0.0.1:9/v1/messages";
const N_CALLERS: usize = 64;
const N_LINKS: usize = 5;
const PAGE: u64 = 1_000;
