//! `maso bench`: what maso costs, beside the bare primitives, in one run. Compare ratios within a run, never absolute
//! times between two: what else the machine does changes them.

use std::{io::IsTerminal as _, process::ExitCode};

use crate::{cli::Bench, fault::Fault, screen};
use ground::{Ground, Spread};

mod calls;
mod ground;
mod hop;
mod primitives;
mod pure;
mod report;
mod rival;
mod server;
mod times;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that meets the unexpected fails")]
mod tests;

/// Measures everything and prints it. Aims that are missed are told and are no failure: the machine may be to blame.
pub async fn run(args: Bench) -> Result<ExitCode, Fault> {
    let rounds = if args.quick { ROUNDS / 20 } else { ROUNDS };
    let ground = Ground::new()?;
    tell("the machine");
    let primitives = primitives::Primitives::measure(ground.path(), rounds)?;
    let mut pure_path = Vec::new();
    for (n_policies, spread) in POLICIES {
        tell(&format!("the pure path under {n_policies} policies"));
        pure_path.push(pure::measure(n_policies, spread, rounds)?);
    }
    tell("agentmesh");
    let agentmesh = rival::measure(rounds / 4)?;
    tell("full hops");
    let full_hop = hop::measure(&ground, &primitives, rounds / 10).await?;
    tell("calls");
    let calls = calls::measure(&ground, rounds / 5).await?;
    let aims = report::aims(&pure_path, &full_hop, &calls);
    let report = report::Report {
        version: env!("CARGO_PKG_VERSION"),
        debug_build: cfg!(debug_assertions),
        quick: args.quick,
        n_processors: std::thread::available_parallelism().map_or(1, usize::from),
        primitives,
        pure_path,
        agentmesh,
        full_hop,
        calls,
        aims,
    };
    if args.json {
        screen::json(&report);
    } else {
        report::print(&report);
    }
    Ok(ExitCode::SUCCESS)
}

/// Says what is being measured, to whoever watches: the result alone belongs on standard output.
fn tell(what: &str) {
    if std::io::stderr().is_terminal() {
        anstream::eprintln!("{}", screen::faint(&format!("measuring {what} …")));
    }
}

const ROUNDS: usize = 20_000;
const POLICIES: [(usize, Spread); 4] =
    [(1, Spread::OneConcerns), (100, Spread::OneConcerns), (10_000, Spread::OneConcerns), (100, Spread::AllConcern)];
