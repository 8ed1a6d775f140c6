//! An agent gives up all other ways to the tools before it reads a word.

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, NetPort, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope,
};
use serde::{Deserialize, Serialize};

/// What the operating system enforces on an agent for the rest of its life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confinement {
    /// No file can be opened, written or run any more.
    pub files: bool,
    /// TCP reaches the gateway's port and nothing else; no port can be listened on.
    pub network: bool,
    /// All threads of the process are confined, not only the one that asked for it.
    pub whole_process: bool,
    /// The one port that is left.
    pub gateway_port: u16,
}

impl Confinement {
    /// Whether there is no other way to the tools.
    pub const fn is_complete(&self) -> bool {
        self.files && self.network && self.whole_process
    }
}

/// Confines the calling thread and all threads and processes that it starts from now on.
///
/// What the kernel cannot enforce is reported as not enforced instead of assumed.
pub(super) fn confine(gateway_port: u16) -> Confinement {
    let whole_process = n_threads() == Some(1);
    Confinement {
        network: restrict_network(gateway_port).unwrap_or(false),
        files: restrict_files().unwrap_or(false),
        whole_process,
        gateway_port,
    }
}

fn restrict_network(gateway_port: u16) -> Result<bool, RulesetError> {
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessNet::from_all(ABI::V4))?
        .set_compatibility(CompatLevel::BestEffort)
        .scope(Scope::from_all(ABI::V6))?
        .create()?
        .add_rule(NetPort::new(gateway_port, AccessNet::ConnectTcp))?
        .restrict_self()?;
    Ok(status.ruleset != RulesetStatus::NotEnforced)
}

fn restrict_files() -> Result<bool, RulesetError> {
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V1))?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ABI::V5))?
        .create()?
        .restrict_self()?;
    Ok(status.ruleset != RulesetStatus::NotEnforced)
}

fn n_threads() -> Option<usize> {
    Some(std::fs::read_dir("/proc/self/task").ok()?.count())
}
