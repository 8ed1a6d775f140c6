//! `maso kill`: the kill switch (ENV-21). A record of its own: it needs no agent, no orchestrator, no running server and
//! not even a declaration that still parses. Whatever process serves the deployment obeys as soon as it sees the record.

use std::{path::Path, process::ExitCode};

use maso_core::{OperatorName, Scope};
use maso_log::{Options, Recorder, v1};

use crate::{assemble, cli::Kill, fault::Fault, screen, screen::say, state::StateFolder};

pub async fn run(args: Kill) -> Result<ExitCode, Fault> {
    let scope: Scope = args.scope.parse().map_err(|error| Fault::new("nothing was stopped", BadScope(error)))?;
    let operator = args.by.operator.or_else(|| accountable(&args.folder.dir)).unwrap_or_else(nobody);
    warn_of_a_stranger(&args.folder.dir, &scope);
    let state = StateFolder::open(&assemble::absolute(&args.folder.dir));
    let state = state.map_err(|fault| Fault::new("nothing was stopped", fault))?;
    let options = Options { queue_max: 1, batch_max: 1 };
    // It keeps no payload, so it needs no key: whoever lost that can still stop everything.
    let recorder = Recorder::open(&state.log(), None, options, |_| {});
    let recorder = recorder.map_err(|fault| Fault::new("nothing was stopped", fault))?;
    // No passphrase: whoever can write the record could stop the deployment anyway, and seconds count.
    let killed =
        v1::Killed { scope: scope.to_string(), by: format!("operator:{operator}"), reason: args.reason.clone() };
    let recorded = recorder.record(v1::Body::Killed(killed)).await;
    recorded.map_err(|fault| Fault::new("nothing was stopped", fault))?;
    if args.output.json {
        screen::json(&serde_json::json!({
            "scope": scope.to_string(), "phase": "emergency", "by": operator.to_string(), "reason": args.reason,
        }));
        return Ok(ExitCode::SUCCESS);
    }
    say!("{} {scope} is stopped, on the word of {operator}", screen::red("EMERGENCY"));
    say!("  {} an incident commander ends it: `maso pace move --to primary …`", screen::blue("help"));
    Ok(ExitCode::SUCCESS)
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct BadScope(maso_core::IdError);

/// Whoever answers for the deployment, if it can still be read.
fn accountable(folder: &Path) -> Option<OperatorName> {
    assemble::declared(folder).ok().map(|(deployment, _)| deployment.accountable_human)
}

fn nobody() -> OperatorName {
    "unknown".parse().expect("`unknown` is an operator name")
}

/// A name that nobody declared is stopped all the same, but whoever mistyped it should hear of it.
fn warn_of_a_stranger(folder: &Path, scope: &Scope) {
    let Ok((deployment, _)) = assemble::declared(folder) else { return };
    let known = match scope {
        Scope::Deployment => true,
        Scope::Workflow(workflow) => deployment.workflows.contains_key(workflow),
        Scope::Agent(agent) => deployment.agents.contains_key(agent),
    };
    if !known {
        anstream::eprintln!("{} the deployment declares no `{scope}`", screen::yellow("warning"));
    }
}
