//! Starting instances of declared agents: who may have one more, what the record says of it, and the token with which its
//! process joins (EC-1.5a, `docs/decisions/0029`).

use maso_core::{Act, AgentName, Finding, Holder, InstanceId, Principal, SpiffeId, TaskId, Timestamp, Turn, Word};
use maso_identity::{Ending, Instance, Instances, JoinToken, Revocation, Starter, Thumbprint, Trust};
use maso_intent::{Bounds, Resolved, SpawnTerms, TaskKind};
use maso_log::{LogFault, Record, v1};
use serde_json::Value;
use uuid::Uuid;

use crate::{Path, world::World};

/// What a hop would start.
#[derive(Clone, Debug)]
pub(crate) struct Spawn {
    by: Starter,
    agent: AgentName,
    key: Thumbprint,
    task: TaskId,
    /// Whether that is a task which somebody opened; standing ones never end, and hours alone bound what is started in them.
    is_opened: bool,
    terms: SpawnTerms,
    bounds: Bounds,
    /// Whether the caps count (EC-1.5a).
    is_capped: bool,
}

/// With what the process of an instance joins.
#[derive(Debug)]
pub struct Invited {
    /// Whose it becomes.
    pub holder: Holder,
    /// The token, for whoever started it to hand to its process. It works for one key, once.
    pub token: JoinToken,
    /// Until when.
    pub join_by: Timestamp,
    /// When the instance ends.
    pub until: Timestamp,
}

/// Why nothing can join as an instance.
#[derive(Debug, thiserror::Error)]
pub enum NotInvited {
    /// No instance is on the record for it, or it has ended.
    #[error("no instance was started, or it has ended")]
    NotStarted,
    /// There is no randomness for a token.
    #[error("there is no randomness")]
    NoRandomness,
    /// It could not be recorded.
    #[error("the flight recorder refused it")]
    NotRecorded(#[source] LogFault),
}

impl Path {
    /// What must be recorded with the permit of a hop that starts an instance, or why there may be none. Whether there is
    /// room is asked once more at the commit.
    pub(crate) fn spawn_of(&self, resolved: &Resolved) -> Result<Option<v1::Body>, Finding> {
        let now = self.clock.now();
        let Some(spawn) = Spawn::of(resolved, now)? else { return Ok(None) };
        let instances = self.trust.instances();
        let basis = resolved.identified().basis();
        let rests_on: Vec<Revocation> = basis.rests_on().collect();
        // A key that somebody else holds would let it speak as the instance, or the instance as it.
        if rests_on.contains(&Revocation::Key(spawn.key)) || instances.hold(&spawn.key) {
            return Err(no("IA-2.1", "the key of the new instance is somebody else's already"));
        }
        if let Some(excess) = spawn.excess(instances, now) {
            return Err(no("EC-1.5a", excess));
        }
        let ttl_ms = spawn.terms.ttl_ms.min(resolved.deployment().credential_ms_max(&spawn.agent));
        // Whole seconds, as tokens have them: nothing of it outlives whoever started it.
        let starter_until = basis.instance().and_then(|id| instances.find(id)).map(|it| it.until);
        let until = [basis.until(), starter_until].into_iter().flatten().fold(now.plus_ms(ttl_ms), Ord::min);
        if until <= now {
            return Err(no("IA-2.2", "nothing is left of the time of whoever starts it"));
        }
        let spawned = v1::AgentSpawned {
            instance: InstanceId::from_uuid(resolved.hop().id.as_uuid()).to_string(),
            agent: Principal::Agent(spawn.agent.clone()).to_string(),
            by: Principal::Agent(spawn.by.agent.clone()).to_string(),
            by_instance: spawn.by.instance.map(|id| id.to_string()),
            hop: resolved.hop().id.to_string(),
            task: spawn.task.to_string(),
            thumbprint: spawn.key.to_string(),
            rests_on: rests_on.iter().map(Revocation::written).map(v1::RestsOn::from).collect(),
            depth: instances.depth_of(spawn.by.instance).saturating_add(1),
            join_by: now.plus_ms(JOIN_MS).min(until).as_millis(),
            until: until.as_millis(),
        };
        Ok(Some(v1::Body::AgentSpawned(Box::new(spawned))))
    }

    /// Issues the token with which the process of an instance joins, for the hop that started it. What is not on the record
    /// as started, or has ended since, gets none.
    ///
    /// # Errors
    /// When there is no such instance, no randomness, or it could not be recorded.
    pub async fn invite(&self, id: InstanceId) -> Result<Invited, NotInvited> {
        let now = self.clock.now();
        let instance = self.trust.instances().find(id).filter(|it| it.counts_at(now) && it.joined.is_none());
        let instance = instance.ok_or(NotInvited::NotStarted)?;
        let secret = self.ids.secret().ok_or(NotInvited::NoRandomness)?;
        let token = JoinToken::from_seed(Uuid::new_v4(), secret);
        let issued = v1::JoinTokenIssued {
            id: token.id().to_string(),
            agent: Principal::Agent(instance.agent.clone()).to_string(),
            hash: token.hash().to_string(),
            by: Principal::Agent(instance.by.agent.clone()).to_string(),
            expires_at: instance.join_by.as_millis(),
            instance: Some(id.to_string()),
        };
        let stands = self.instance_stands(id, instance.agent.clone());
        match self.recorder.record_if(v1::Body::JoinTokenIssued(issued), Vec::new(), stands).await {
            Ok(_) => {}
            Err(LogFault::Overtaken) => return Err(NotInvited::NotStarted),
            Err(fault) => return Err(NotInvited::NotRecorded(fault)),
        }
        let agent = SpiffeId { trust_domain: self.trust.trust_domain().clone(), agent: instance.agent };
        let (join_by, until) = (instance.join_by, instance.until);
        Ok(Invited { holder: Holder::instance(agent, id), token, join_by, until })
    }

    /// Whether an instance counts at this moment, and nobody in the line of those who started it is stopped; to be asked by
    /// the writer.
    pub fn instance_stands(&self, id: InstanceId, agent: AgentName) -> impl Fn() -> bool + Send + 'static {
        let (world, trust, clock) = (
            std::sync::Arc::clone(&self.world),
            std::sync::Arc::clone(&self.trust),
            std::sync::Arc::clone(&self.clock),
        );
        move || {
            let instances = trust.instances();
            instances.counts(id, &agent).is_ok()
                && instances.find(id).is_some_and(|it| it.counts_at(clock.now()))
                && stopped_starter(instances, Some(id), &world).is_none()
        }
    }

    /// Ends an instance for its own sake.
    ///
    /// # Errors
    /// When it could not be recorded.
    pub async fn leave(&self, id: InstanceId, agent: &AgentName) -> Result<(), LogFault> {
        let by = Principal::Agent(agent.clone()).to_string();
        let stands = self.instance_stands(id, agent.clone());
        self.recorder.record_if(ended(id, agent, Ending::Left, by), Vec::new(), stands).await.map(drop)
    }

    /// Instances that time alone ends by now.
    pub(crate) fn overdue_instances(&self, now: Timestamp) -> Vec<v1::Body> {
        let instances = self.trust.instances();
        instances.forget_before(Timestamp::from_millis(now.as_millis().saturating_sub(KEPT_MS)));
        let overdue = instances.overdue(now).into_iter();
        overdue.filter_map(|(id, why)| Some(ended(id, &instances.find(id)?.agent, why, "maso".to_owned()))).collect()
    }

    /// Why an instance may do nothing although it counts: somebody in the line of those who started it is stopped.
    pub(crate) fn stopped_starter(&self, instance: Option<InstanceId>) -> Option<AgentName> {
        stopped_starter(self.trust.instances(), instance, &self.world)
    }
}

impl Spawn {
    /// What a hop starts, if it starts anything.
    pub(crate) fn of(resolved: &Resolved, now: Timestamp) -> Result<Option<Self>, Finding> {
        let hop = resolved.hop();
        let (Principal::Agent(by), Act::Spawn { agent }, Turn::Ask) = (&hop.from, &hop.act, hop.turn) else {
            return Ok(None);
        };
        // Stage 3 has let it pass; a deployment that only observes lets pass what no mandate names.
        let terms = resolved.mandate().spawns.get(agent).copied();
        let terms = terms.ok_or_else(|| no("EC-1.5a", format!("`{by}` may not start `{agent}`")))?;
        let key = hop.payload.get("thumbprint").and_then(Value::as_str).and_then(|key| key.parse().ok());
        let key = key.ok_or_else(|| no("IA-2.3", "no key is named to which the new instance would be bound"))?;
        Ok(Some(Self {
            by: Starter { agent: by.clone(), instance: resolved.identified().basis().instance() },
            agent: agent.clone(),
            key,
            task: resolved.task().id,
            is_opened: matches!(resolved.task().kind, TaskKind::Opened),
            terms,
            bounds: resolved.solution().bounds,
            is_capped: resolved.deployment().applies("EC-1.5a", now),
        }))
    }

    /// Whether there is room for one more, and nobody else came with its key.
    pub(crate) fn fits(&self, instances: &Instances, now: Timestamp) -> bool {
        self.excess(instances, now).is_none() && !instances.hold(&self.key)
    }

    /// What there would be too many of.
    fn excess(&self, instances: &Instances, now: Timestamp) -> Option<String> {
        if !self.is_capped {
            return None;
        }
        let Self { by, agent, task, terms, bounds, .. } = self;
        let is_at = |n: usize, most: u32| n >= usize::try_from(most).unwrap_or(usize::MAX);
        let hour_ago = Timestamp::from_millis(now.as_millis().saturating_sub(HOUR_MS));
        if is_at(instances.n_alive(&by.agent, agent, now), terms.at_most) {
            return Some(format!("`{}` has {} instances of `{agent}` already", by.agent, terms.at_most));
        }
        if is_at(instances.n_since(&by.agent, agent, hour_ago), terms.per_hour) {
            return Some(format!("`{}` started {} instances of `{agent}` within an hour", by.agent, terms.per_hour));
        }
        if self.is_opened && instances.n_for_task(*task) >= bounds.spawns_max {
            return Some(format!("{} instances were started for {task}", bounds.spawns_max));
        }
        if instances.depth_of(by.instance) >= bounds.spawn_depth {
            return Some(format!("an instance would stand deeper than {}", bounds.spawn_depth));
        }
        None
    }
}

/// The first in the line of those who started an instance that is stopped.
pub(crate) fn stopped_starter(instances: &Instances, instance: Option<InstanceId>, world: &World) -> Option<AgentName> {
    let mut next = instance.and_then(|id| instances.find(id));
    while let Some(instance) = next {
        if world.is_stopped(&instance.by.agent) {
            return Some(instance.by.agent);
        }
        next = instance.by.instance.and_then(|id| instances.find(id));
    }
    None
}

/// Takes a record into what is believed of instances, and of what is revoked.
pub(crate) fn believe(trust: &Trust, record: &Record) {
    match &record.body {
        v1::Body::AgentSpawned(spawned) => {
            if let Some(instance) = read(record.at, spawned) {
                trust.started(instance);
            }
        }
        v1::Body::Revoked(revoked) => {
            if let Some(revocation) = revocation(&revoked.what, &revoked.subject) {
                trust.revoke(revocation, record.at);
            }
        }
        _ => fold_instances(trust.instances(), record),
    }
}

/// Takes a record into a set of instances: what the record alone says of them.
pub fn fold_instances(instances: &Instances, record: &Record) {
    match &record.body {
        v1::Body::AgentSpawned(spawned) => {
            if let Some(instance) = read(record.at, spawned) {
                instances.started(instance);
            }
        }
        v1::Body::Revoked(revoked) => {
            if let Some(revocation) = revocation(&revoked.what, &revoked.subject) {
                instances.revoked(&revocation, record.at);
            }
        }
        v1::Body::InstanceEnded(ended) => match (ended.instance.parse(), Ending::parse(&ended.reason)) {
            (Ok(id), Some(why)) => instances.end(id, record.at, why),
            // That it ended is certain; only the word for it is of a later version.
            (Ok(id), None) => instances.end(id, record.at, Ending::Unknown),
            (Err(error), _) => tracing::error!(%error, "the end of an instance on the record cannot be read"),
        },
        v1::Body::JoinTokenUsed(used) => {
            if let Some(Ok(id)) = used.instance.as_deref().map(str::parse) {
                instances.joined(id, record.at);
            }
        }
        v1::Body::TaskClosed(closed) => {
            if let Ok(task) = closed.task.parse() {
                instances.task_closed(task, record.at);
            }
        }
        _ => {}
    }
}

fn revocation(what: &str, subject: &str) -> Option<Revocation> {
    let revocation = Revocation::read(what, subject);
    if revocation.is_none() {
        tracing::error!(what, "a revocation on the record cannot be read");
    }
    revocation
}

/// What a record says was started. What cannot be read was never started: nobody is believed to be it.
fn read(at: Timestamp, spawned: &v1::AgentSpawned) -> Option<Instance> {
    let agent = |text: &str| match Principal::parse(text) {
        Some(Principal::Agent(agent)) => Some(agent),
        _ => None,
    };
    let instance = || {
        let rests_on = spawned.rests_on.iter().map(|it| Revocation::read(&it.what, &it.subject));
        Some(Instance {
            id: spawned.instance.parse().ok()?,
            agent: agent(&spawned.agent)?,
            by: Starter {
                agent: agent(&spawned.by)?,
                instance: spawned.by_instance.as_deref().map(str::parse).transpose().ok()?,
            },
            // Not one of them may be left out: whatever of it is revoked ends it.
            rests_on: rests_on.collect::<Option<_>>()?,
            task: spawned.task.parse().ok()?,
            key: spawned.thumbprint.parse().ok()?,
            depth: spawned.depth,
            since: at,
            join_by: Timestamp::from_millis(spawned.join_by),
            until: Timestamp::from_millis(spawned.until),
            joined: None,
            ended: None,
        })
    };
    let read = instance();
    if read.is_none() {
        tracing::error!(instance = spawned.instance, "an instance on the record cannot be read");
    }
    read
}

fn ended(id: InstanceId, agent: &AgentName, why: Ending, by: String) -> v1::Body {
    v1::Body::InstanceEnded(v1::InstanceEnded {
        instance: id.to_string(),
        agent: Principal::Agent(agent.clone()).to_string(),
        reason: why.as_str().to_owned(),
        by,
    })
}

fn no(control: &'static str, why: impl Into<String>) -> Finding {
    Finding::new(control, Word::NoGo, why.into())
}

/// Why somebody in whose line an agent is stopped may do nothing.
pub(crate) fn held_with(starter: &AgentName) -> Finding {
    no("EC-2.4", format!("agent `{starter}`, which started it, is stopped"))
}

/// How long a process has to join.
const JOIN_MS: u64 = 5 * 60_000;
/// How long instances are remembered after their end: the hour that is counted, and as much again for clocks.
const KEPT_MS: i64 = 2 * HOUR_MS;
const HOUR_MS: i64 = 3_600_000;
