//! What others do, in programs of their own: what they bring with them cannot share a lock file with us, or is of no use
//! to the program.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::fault::Fault;

/// The crate `agentmesh` doing its governed call.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Agentmesh {
    /// One row for each number of rules.
    pub rows: Vec<GovernedCall>,
}

/// Its governed call under so many rules.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct GovernedCall {
    /// Rules.
    pub n_rules: usize,
    /// With the 2 KiB arguments as context.
    pub with_arguments_p50_us: f64,
    /// The same, 99th percentile.
    pub with_arguments_p99_us: f64,
    /// With nothing but the action's name.
    pub name_alone_p50_us: f64,
    /// The same, 99th percentile.
    pub name_alone_p99_us: f64,
}

/// Dogwood's authorizer deciding under temporal policies.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Dogwood {
    /// One row for each number of policies and of events.
    pub rows: Vec<TemporalDecision>,
}

/// One of its decisions, which also takes the decided call into the history.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct TemporalDecision {
    /// Temporal policies, of which one concerns the call.
    pub n_rules: usize,
    /// Events before the first decision.
    pub n_events: usize,
    /// Decisions that were measured: fewer where one takes long.
    pub n_rounds: usize,
    /// Half of them took no longer.
    pub p50_us: f64,
    /// 99 of 100 took no longer.
    pub p99_us: f64,
}

/// A program that measures what another does.
pub struct Program {
    path: &'static str,
    /// How to build it.
    pub build: &'static str,
}

/// Measures `agentmesh`.
pub const AGENTMESH: Program = Program {
    path: "bench/agentmesh/target/release/maso-bench-agentmesh",
    build: "cargo build --release --manifest-path bench/agentmesh/Cargo.toml",
};

/// Measures Dogwood.
pub const DOGWOOD: Program = Program {
    path: "bench/dogwood/target/release/maso-bench-dogwood",
    build: "cargo build --release --manifest-path bench/dogwood/Cargo.toml",
};

impl Program {
    /// Runs it and reads what it prints; `None` where it was not built.
    pub fn measure<T: DeserializeOwned>(&self, rounds: usize) -> Result<Option<T>, Fault> {
        let Some(program) = self.find() else { return Ok(None) };
        let output = Command::new(&program)
            .arg(rounds.max(1).to_string())
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| Fault::new(format!("cannot start `{}`", program.display()), error))?;
        if !output.status.success() {
            return Err(Fault::plain(format!("`{}` ended with {}", program.display(), output.status)));
        }
        serde_json::from_slice(&output.stdout).map(Some).map_err(|error| {
            Fault::new(format!("`{}` printed something else than its figures", program.display()), error)
        })
    }

    /// Beside this program's own target folder, or below the folder that one stands in.
    fn find(&self) -> Option<PathBuf> {
        let starts = [std::env::current_exe().ok(), std::env::current_dir().ok()];
        starts
            .iter()
            .flatten()
            .flat_map(|start| start.ancestors())
            .map(|folder| folder.join(self.path))
            .find(|program| program.is_file())
    }
}
