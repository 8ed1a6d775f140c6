//! The crate `agentmesh` doing its governed call, in a program of its own: it cannot share a lock file with us.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use serde::{Deserialize, Serialize};

use crate::fault::Fault;

/// What its program printed.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Rival {
    /// One row for each number of rules.
    pub rows: Vec<Row>,
}

/// Its governed call under so many rules.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Row {
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

/// Runs its program; `None` where it was not built.
pub fn measure(rounds: usize) -> Result<Option<Rival>, Fault> {
    let Some(program) = program() else { return Ok(None) };
    let output = Command::new(&program)
        .arg(rounds.to_string())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| Fault::new(format!("cannot start `{}`", program.display()), error))?;
    if !output.status.success() {
        return Err(Fault::plain(format!("`{}` ended with {}", program.display(), output.status)));
    }
    serde_json::from_slice(&output.stdout)
        .map(Some)
        .map_err(|error| Fault::new(format!("`{}` printed something else than its figures", program.display()), error))
}

/// Beside this program's own target folder, or below the folder that one stands in.
fn program() -> Option<PathBuf> {
    let starts = [std::env::current_exe().ok(), std::env::current_dir().ok()];
    starts
        .iter()
        .flatten()
        .flat_map(|start| start.ancestors())
        .map(|folder| folder.join(PROGRAM))
        .find(|program| program.is_file())
}

const PROGRAM: &str = "bench/agentmesh/target/release/maso-bench-agentmesh";
/// How to build it.
pub const BUILD: &str = "cargo build --release --manifest-path bench/agentmesh/Cargo.toml";
