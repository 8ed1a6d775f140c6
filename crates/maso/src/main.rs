//! `maso`: stands between AI agents and everything they touch.

mod assemble;
mod bus;
mod cli;
mod command;
mod fault;
mod folder;
mod problems;
mod screen;
mod sidecar;
mod state;
mod tls;

use std::process::ExitCode;

use clap::Parser;

use crate::{
    cli::{Cli, Command},
    fault::Fault,
};

/// Made for many small allocations by many threads, of which a hop takes some hundred: see docs/performance.md.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    watch_ourselves();
    // An agent of the example confines itself while it is a single thread, so no runtime may be there yet.
    if matches!(cli.command, Command::DemoAgent) {
        return command::demo::act().unwrap_or_else(Fault::report);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Fault::new("cannot start", error).report(),
    };
    match runtime.block_on(run(cli)) {
        Ok(code) => code,
        Err(fault) => fault.report(),
    }
}

async fn run(cli: Cli) -> Result<ExitCode, Fault> {
    match cli.command {
        Command::Demo(args) => command::demo::run(args).await,
        Command::Up(args) => command::up::run(args).await,
        Command::Mcp(args) => command::mcp::run(args).await,
        Command::Init(args) => command::init::run(args).await,
        Command::Check(args) => command::check::run(&args),
        Command::Fmt(args) => command::fmt::run(&args),
        Command::Schema(args) => command::schema::run(&args),
        Command::Sign(args) => command::sign::run(&args),
        Command::Controls(args) => command::controls::run(&args),
        Command::Tier(args) => command::tier::run(&args),
        Command::Map(args) => command::map::run(args).await,
        Command::Diff(args) => command::diff::run(&args),
        Command::Explain(args) => command::explain::run(args).await,
        Command::Tasks(args) => command::tasks::run(args).await,
        Command::Agents(args) => command::agents::run(args).await,
        Command::Approvals(args) => command::approvals::run(args).await,
        Command::Operators(args) => command::operators::run(args),
        Command::Bus(args) => command::bus::run(args).await,
        Command::Sidecar(args) => command::sidecar::run(args).await,
        Command::Pace(args) => command::pace::run(args).await,
        Command::Kill(args) => command::kill::run(args).await,
        Command::Log(args) => command::log::run(args).await,
        Command::Bench(args) => command::bench::run(args).await,
        Command::Eval(args) => command::eval::run(args),
        Command::Completions(args) => command::completions::run(&args),
        Command::DemoServer(args) => command::demo::serve(args).await,
        Command::DemoAgent => command::demo::act(),
        Command::BenchServer => command::bench::serve().await,
    }
}

/// What maso says of itself goes to standard error: standard output belongs to results and, in `maso mcp`, to MCP.
fn watch_ourselves() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("MASO_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    let in_colour = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(in_colour)
        .with_target(false)
        .init();
}
