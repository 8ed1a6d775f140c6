//! `maso mcp`: stands between one MCP client and one server, over standard input and output.

use std::{process::ExitCode, sync::Arc};

use maso_core::{Mode, ServerName};
use maso_gateway::Doors;
use maso_intent::{Deployment, Transport};

use crate::{
    assemble::{self, Assembled},
    cli::Mcp,
    fault::Fault,
};

pub async fn run(args: Mcp) -> Result<ExitCode, Fault> {
    let mode = if args.observe { Mode::Observe } else { Mode::Enforce };
    let assembled: Assembled = assemble::assemble(&args.deployment, "mcp", mode).await?;
    let deployment = &assembled.deployment;
    if !deployment.agents.contains_key(&args.agent) {
        let names: Vec<_> = deployment.agents.keys().map(ToString::to_string).collect();
        return Err(Fault::plain(format!("the deployment has no agent `{}`", args.agent))
            .help(format!("it has {}", names.join(", "))));
    }
    let server = match args.server {
        Some(server) if deployment.servers.contains_key(&server) => server,
        Some(server) => return Err(Fault::plain(format!("the deployment has no server `{server}`"))),
        None => by_command(deployment, &args.command)?,
    };
    let doors = Doors::on_loopback(deployment.settings.listen.port());
    let gateway = assembled.gateway(doors, &assembled.bus().await?);
    let clock = {
        let (path, gateway) = (Arc::clone(&assembled.path), Arc::clone(&gateway));
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(std::time::Duration::from_secs(1));
            loop {
                ticks.tick().await;
                if let Err(fault) = path.tick().await {
                    tracing::error!(error = &fault as &dyn std::error::Error, "time could not be recorded");
                }
                gateway.tick();
            }
        })
    };
    let served =
        maso_gateway::serve_stdio(Arc::clone(&gateway), args.agent, server, tokio::io::stdin(), tokio::io::stdout())
            .await;
    clock.abort();
    gateway.stop();
    assembled.path.recorder().flush().await.map_err(|fault| Fault::new("the record was not finished", fault))?;
    served.map_err(|error| Fault::new("the client's pipe broke", error))?;
    Ok(ExitCode::SUCCESS)
}

/// The declared server that is started by exactly this command. A command that nobody declared is not run: what an
/// agent's configuration says is no authority to start programs.
fn by_command(deployment: &Deployment, command: &[String]) -> Result<ServerName, Fault> {
    let Some((program, rest)) = command.split_first() else {
        return Err(Fault::plain("no server was named").help("`maso mcp --agent NAME -- CMD …`, or `--server NAME`"));
    };
    let declared = deployment.servers.values().find(|server| match &server.transport {
        Transport::Stdio { command, args, .. } => command == program && args == rest,
        Transport::Http { .. } | Transport::A2a(_) => false,
    });
    declared.map(|server| server.name.clone()).ok_or_else(|| {
        Fault::plain(format!("no server of the deployment is started by `{}`", command.join(" "))).help(
            "declare it in tools/NAME.toml with this command and these arguments, or write the folder with `maso init`",
        )
    })
}
