//! Opening a deployment's path: replay, then serve.

use std::sync::Arc;

use maso_core::{Mode, Principal, Tier};
use maso_guard::Scanner;
use maso_identity::Trust;
use maso_intent::{AgentMandate, Deployment, InForce, SolutionMandate, TaskSpec, Unapproved};
use maso_judge::Panel;
use maso_log::{LogFault, Options, PayloadKey, Record, Recorder, v1};
use maso_policy::{CompileError, Memory, Policies};
use parking_lot::RwLock;

use crate::{
    hearing::Heard,
    spawning::believe,
    turns::Turns,
    world::{Clock, Ids, World, write_approval},
};

/// The path of one deployment. Shared by all doors.
pub struct Path {
    pub(crate) trust: Arc<Trust>,
    pub(crate) scanner: Arc<Scanner>,
    pub(crate) policies: Policies,
    pub(crate) panel: Panel,
    pub(crate) heard: Heard,
    /// Whose turn it is to read what its task missed.
    pub(crate) turns: Turns,
    pub(crate) recorder: Recorder,
    pub(crate) world: Arc<World>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
}

impl std::fmt::Debug for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Path").field("deployment", &self.world.deployment().name).finish_non_exhaustive()
    }
}

/// What a path is made of.
pub struct Sources {
    /// What was declared.
    pub deployment: Arc<Deployment>,
    /// Whose tokens and pipes are believed.
    pub trust: Arc<Trust>,
    /// Layer 1.
    pub scanner: Arc<Scanner>,
    /// Layer 2.
    pub panel: Panel,
    /// Whether decisions bind.
    pub mode: Mode,
    /// Where moments come from.
    pub clock: Arc<dyn Clock>,
    /// Where ids come from.
    pub ids: Arc<dyn Ids>,
    /// What this process serves, for the record: `up`, `mcp`, `demo`.
    pub role: &'static str,
    /// Whose signatures count.
    pub signers: Signers,
    /// The key that wraps those of payloads on the record.
    pub payload_key: PayloadKey,
}

/// Whose signatures a version needs before it starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signers {
    /// Those whom it names itself, and those whom the version in force names.
    #[default]
    AsBefore,
    /// Those whom it names itself: the record begins anew, whatever the version in force asked for.
    Anew,
}

/// Why a path could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenFault {
    /// A hand-written policy does not fit.
    #[error("{} policies do not compile; the first is {}", .0.len(), .0.first().map_or_else(String::new, ToString::to_string))]
    Policies(Vec<CompileError>),
    /// The deployment is not signed as it must be.
    #[error("the deployment may not start")]
    Unapproved(#[from] Unapproved),
    /// The record cannot be opened.
    #[error("cannot open the flight record")]
    Log(#[from] LogFault),
}

impl Path {
    /// Opens the record at `log`, folds all of it, and records that this process started.
    ///
    /// # Errors
    /// When the policies do not compile, the deployment is not signed as it must be, or the record cannot be opened or does
    /// not hold.
    pub async fn open(log: &std::path::Path, sources: Sources) -> Result<Self, OpenFault> {
        let Sources { deployment, trust, scanner, panel, mode, clock, ids, role, signers, payload_key } = sources;
        let policies = Policies::compile(&deployment).map_err(OpenFault::Policies)?;
        let world = Arc::new(World::new(Arc::clone(&deployment), mode));
        let recorder = {
            let (world, trust, clock) = (Arc::clone(&world), Arc::clone(&trust), Arc::clone(&clock));
            Recorder::open_with_clock(
                log,
                Some(payload_key),
                RECORDER,
                move || clock.now(),
                move |record: &Record| {
                    world.fold(record);
                    believe(&trust, record);
                },
            )?
        };
        // Asked of the record and not of the folder alone: whoever can edit the folder can also edit whom it asks.
        let before = match signers {
            Signers::AsBefore => world.versions().in_force(),
            Signers::Anew => InForce::default(),
        };
        if let Err(unapproved) = deployment.approval.admit(&before) {
            // Whoever tried is told in any case; that it was tried is for those who look later (AT-2.1).
            recorder
                .record(v1::Body::StartRefused(v1::StartRefused {
                    deployment: deployment.name.clone(),
                    digest: deployment.digest.to_string(),
                    role: role.to_owned(),
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                    reason: unapproved.to_string(),
                }))
                .await?;
            return Err(unapproved.into());
        }
        recorder
            .record(v1::Body::Started(v1::Started {
                deployment: deployment.name.clone(),
                digest: deployment.digest.to_string(),
                mode: mode.to_string(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                role: role.to_owned(),
                approval: write_approval(&deployment.approval, signers == Signers::Anew),
            }))
            .await?;
        Ok(Self {
            trust,
            scanner,
            policies,
            panel,
            heard: Heard::default(),
            turns: Turns::default(),
            recorder,
            world,
            clock,
            ids,
        })
    }

    /// What is true around the hops of this deployment.
    pub fn world(&self) -> &Arc<World> {
        &self.world
    }

    /// The flight recorder.
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// Whose tokens are believed.
    pub fn trust(&self) -> &Arc<Trust> {
        &self.trust
    }

    /// Where moments come from.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Where fresh ids come from.
    pub fn ids(&self) -> &Arc<dyn Ids> {
        &self.ids
    }

    /// The deployment's tier.
    pub fn tier(&self) -> Tier {
        self.world.deployment().tier
    }

    /// What the task of this hop has seen so far.
    pub(crate) fn memory_of(&self, resolved: &maso_intent::Resolved) -> Arc<RwLock<Memory>> {
        let (task, solution, mandate) = (resolved.task(), resolved.solution(), resolved.mandate());
        self.world.memories().of(task.id, || self.memory_for(task, solution, mandate))
    }

    /// A memory of a task that has seen nothing but what people said of it.
    fn memory_for(&self, task: &TaskSpec, solution: &SolutionMandate, mandate: &AgentMandate) -> Memory {
        let mut memory = Memory::for_task(task, solution, mandate);
        for words in self.world.clarity().words_of(task.id) {
            memory.clarified(task.id, &words);
        }
        memory
    }

    /// What the standing task of the agent that receives this hop has seen so far, if the hop belongs to another task.
    pub(crate) fn memory_beside(&self, resolved: &maso_intent::Resolved) -> Option<Arc<RwLock<Memory>>> {
        let Principal::Agent(receiver) = &resolved.hop().to else { return None };
        let standing = self.world.tasks().standing(receiver).filter(|task| task.id != resolved.task().id)?;
        let deployment = self.world.deployment();
        let mandate = deployment.agents.get(receiver)?;
        let solution = deployment.workflows.get(&mandate.workflow)?;
        Some(self.world.memories().of(standing.id, || self.memory_for(&standing, solution, mandate)))
    }
}

/// Entries that may wait for a commit, and entries of one group commit (the knee of the measured curve).
const RECORDER: Options = Options { queue_max: 4_096, batch_max: 512 };
