//! `maso bench`: what maso costs, beside the bare primitives, in one run. Compare ratios within a run, never absolute
//! times between two: what else the machine does changes them.

use std::{io::IsTerminal as _, process::ExitCode};

use crate::{
    cli::{Bench, BenchPart},
    fault::Fault,
    screen,
};
use ground::{Ground, Spread};

mod broker;
mod calls;
mod ground;
mod hop;
mod message;
mod primitives;
mod pure;
mod report;
mod rival;
mod server;
mod temporal;
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
    let is_wanted = |part| args.only.is_empty() || args.only.contains(&part);
    let (mut pure_path, mut temporal, mut agentmesh, mut dogwood, mut full_hop, mut calls, mut talk) =
        (Vec::new(), Vec::new(), None, None, None, None, None);
    if is_wanted(BenchPart::Pure) {
        for (n_policies, spread) in POLICIES {
            tell(&format!("the pure path under {n_policies} policies"));
            pure_path.push(pure::measure(n_policies, spread, rounds)?);
        }
        for (n_rules, n_events) in RULES {
            tell(&format!("the pure path under {n_rules} temporal rules"));
            temporal.push(temporal::measure(n_rules, n_events, rounds)?);
        }
        tell("agentmesh");
        agentmesh = rival::AGENTMESH.measure(rounds / 4)?;
        tell("Dogwood");
        dogwood = rival::DOGWOOD.measure(rounds / 200)?;
    }
    if is_wanted(BenchPart::Hop) {
        tell("full hops");
        full_hop = Some(hop::measure(&ground, &primitives, rounds / 10).await?);
    }
    if is_wanted(BenchPart::Calls) {
        tell("calls");
        calls = Some(calls::measure(&ground, rounds / 5).await?);
    }
    if is_wanted(BenchPart::Messages) {
        tell("messages between agents");
        talk = Some(message::measure(&ground, rounds).await?);
    }
    let mut through = None;
    if let Some(url) = &args.nats {
        tell("messages through the NATS server");
        through = Some(broker::measure(url, rounds / 5).await?);
    }
    let aims = report::aims(&pure_path, &temporal, full_hop.as_ref(), calls.as_ref(), talk.as_ref(), through.as_ref());
    let report = report::Report {
        version: env!("CARGO_PKG_VERSION"),
        debug_build: cfg!(debug_assertions),
        quick: args.quick,
        n_processors: std::thread::available_parallelism().map_or(1, usize::from),
        primitives,
        pure_path,
        temporal,
        agentmesh,
        dogwood,
        full_hop,
        calls,
        talk,
        through,
        aims,
    };
    if args.json {
        screen::json(&report);
    } else {
        report::print(&report);
    }
    Ok(ExitCode::SUCCESS)
}

/// Serves the tools that are called in (c), as a process of its own, until it is ended.
pub async fn serve() -> Result<ExitCode, Fault> {
    server::serve().await?;
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

/// Temporal rules, and events behind the one that concerns the call.
const RULES: [(usize, usize); 3] = [(10, 100), (10_000, 100), (10_000, 9_000)];
