//! `maso kill`: the kill switch (ENV-21). A record of its own: it needs no agent, no orchestrator and no running
//! server, and whatever process serves the deployment obeys as soon as it sees the record.

use std::process::ExitCode;

use maso_core::Mode;

use crate::screen::say;
use crate::{assemble::assemble, cli::Kill, fault::Fault, screen};

pub async fn run(args: Kill) -> Result<ExitCode, Fault> {
    let assembled = assemble(&args.folder.dir, "kill", Mode::Enforce).await?;
    let operator = args.by.operator.unwrap_or_else(|| assembled.deployment.accountable_human.clone());
    // No passphrase: whoever can write the record could stop the deployment anyway, and seconds count.
    let by = assembled
        .desk
        .sign_in_locally(&operator)
        .await
        .map_err(|fault| Fault::new(format!("`{operator}` cannot pull the kill switch"), fault))?;
    let order = maso_api::Kill { scope: args.scope.clone(), reason: args.reason };
    assembled.desk.kill(&by, &order).await.map_err(|fault| Fault::new("nothing was stopped", fault))?;
    say!("{} {} is stopped, on the word of {operator}", screen::red("EMERGENCY"), args.scope);
    say!("  {} an incident commander ends it: `maso pace move --to primary …`", screen::blue("help"));
    Ok(ExitCode::SUCCESS)
}
