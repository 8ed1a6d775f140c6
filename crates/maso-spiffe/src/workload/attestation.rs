//! Which agent a process is, and whether that agent may be anybody now.

use std::sync::Arc;

use maso_core::AgentName;
use maso_identity::Revocation;
use maso_intent::{Deployment, ProcessSeen};
use maso_log::v1::AttestedProcess;
use maso_path::Path;
use tonic::Status;

use super::WorkloadApi;
use crate::{Peer, Program};

/// A process that is an agent's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attested {
    pub(super) agent: AgentName,
    pub(super) process: AttestedProcess,
}

impl WorkloadApi {
    /// Whose process this is now. It is told nothing more where it is nobody's.
    pub(super) async fn attest(&self, peer: Peer) -> Result<Attested, Status> {
        let deployment = self.path.world().deployment();
        let program = match deployment.agents.values().any(|agent| wants_program(agent)) {
            true => Program::Read,
            false => Program::LeftAlone,
        };
        let programs = Arc::clone(&self.programs);
        let looked = tokio::task::spawn_blocking(move || peer.look(program, &programs)).await;
        let seen = match looked {
            Ok(Ok(seen)) => seen,
            Ok(Err(fault)) => {
                tracing::info!(pid = peer.pid(), error = &fault as &dyn std::error::Error, "a process is not attested");
                return Err(nobody());
            }
            Err(_) => return Err(Status::unavailable("the process could not be looked at")),
        };
        let Some(agent) = agent_of(deployment, &seen) else {
            tracing::info!(pid = peer.pid(), uid = seen.uid, "a process that no mandate names asks for an identity");
            return Err(nobody());
        };
        if !bears(&self.path, &agent) {
            return Err(nobody());
        }
        let asked = deployment.agents.get(&agent).and_then(|mandate| mandate.process.as_ref());
        let executable = seen.executable.filter(|_| asked.is_some_and(|asked| asked.executable.is_some()));
        let cgroup = seen.cgroup.filter(|_| asked.is_some_and(|asked| asked.cgroup.is_some()));
        let process = AttestedProcess {
            pid: peer.pid(),
            uid: seen.uid,
            executable: executable.map(|digest| digest.to_string()),
            cgroup,
        };
        Ok(Attested { agent, process })
    }
}

/// Whether this agent may have an identity: nobody revoked it, and it is not stopped. Asked once more inside the commit.
pub(super) fn bears(path: &Path, agent: &AgentName) -> bool {
    !path.trust().is_revoked(&Revocation::Agent(agent.clone())) && !path.world().is_stopped(agent)
}

/// The one agent that this process is. A process that could be two is neither, though `maso check` finds that first.
fn agent_of(deployment: &Deployment, seen: &ProcessSeen) -> Option<AgentName> {
    let mut fitting = deployment
        .agents
        .iter()
        .filter(|(_, mandate)| mandate.process.as_ref().is_some_and(|process| process.fit(seen)));
    let (agent, _) = fitting.next()?;
    fitting.next().is_none().then(|| agent.clone())
}

fn wants_program(agent: &maso_intent::AgentMandate) -> bool {
    agent.process.as_ref().is_some_and(|process| process.executable.is_some())
}

/// As the standard has it for whoever is entitled to nothing, and the same whatever the reason.
pub(super) fn nobody() -> Status {
    Status::permission_denied("no identity issued")
}
