//! `maso bench`: what maso costs, beside the bare primitives, in one run.

use std::process::ExitCode;

use crate::{cli::Bench, fault::Fault};

/// Measures.
pub async fn run(args: Bench) -> Result<ExitCode, Fault> {
    Err(Fault::plain(format!("{args:?}")))
}
