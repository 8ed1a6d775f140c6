//! `maso init`: writes a deployment, from an MCP client's configuration or from an example.

use std::{collections::BTreeMap, path::Path, process::ExitCode};

use maso_core::ServerName;
use maso_intent::{Guess, Severity, Source};
use maso_path::{Clock as _, SystemClock};
use serde_json::{Value, json};

use crate::screen::say;
use crate::{cli::Init, fault::Fault, folder, screen};

/// Writes the folder, says what was guessed, and how to go on.
pub async fn run(args: Init) -> Result<ExitCode, Fault> {
    match (&args.from, args.example.as_deref()) {
        (Some(file), _) => from_client(&args, file).await,
        (None, Some("claims")) => {
            let written = maso_demo::unpack_deployment(&args.dir);
            written.map_err(|fault| Fault::new("cannot write the example", fault))?;
            let state = crate::state::StateFolder::open(&args.dir);
            let state = state.map_err(|fault| Fault::new("cannot open the example's state", fault))?;
            maso_demo::seed(&state.path().join("data"))
                .map_err(|fault| Fault::new("cannot seed the example", fault))?;
            done(&args.dir);
            Ok(ExitCode::SUCCESS)
        }
        (None, Some("minimal") | None) => {
            write(&args.dir, &maso_intent::minimal())?;
            done(&args.dir);
            Ok(ExitCode::SUCCESS)
        }
        (None, Some(other)) => {
            Err(Fault::plain(format!("there is no example `{other}`")).help("there are `claims` and `minimal`"))
        }
    }
}

async fn from_client(args: &Init, file: &Path) -> Result<ExitCode, Fault> {
    let config = std::fs::read_to_string(file)
        .map_err(|error| Fault::new(format!("cannot read `{}`", file.display()), error))?;
    let (servers, _) = maso_intent::client_servers(&config)
        .map_err(|fault| Fault::new(format!("cannot use `{}`", file.display()), fault))?;
    let mut published = BTreeMap::new();
    let mut silent = Vec::new();
    if !args.offline {
        let progress = indicatif::ProgressBar::new(servers.len() as u64).with_style(
            indicatif::ProgressStyle::with_template("{spinner} asking {msg} for its tools {pos}/{len}")
                .expect("the template is one"),
        );
        for server in &servers {
            progress.set_message(server.given.clone());
            match maso_gateway::list_tools(&server.name, &server.transport, &server.withheld).await {
                Ok(tools) => {
                    published.insert(server.name.clone(), tools);
                }
                Err(fault) => silent.push((server.name.clone(), fault.to_string())),
            }
            progress.inc(1);
        }
        progress.finish_and_clear();
    }
    let draft = maso_intent::draft(&config, &published, SystemClock.now())
        .map_err(|fault| Fault::new(format!("cannot use `{}`", file.display()), fault))?;
    write(&args.dir, &draft.source)?;
    if args.json {
        screen::json(&json!({
            "deployment": args.dir,
            "servers": servers.iter().map(|server| server.name.to_string()).collect::<Vec<_>>(),
            "guesses": draft.guesses.iter().map(guess).collect::<Vec<_>>(),
            "silent": silent.iter().map(|(server, why)| json!({"server": server.to_string(), "why": why})).collect::<Vec<_>>(),
            "client": client_config(&args.dir, &servers),
        }));
        return Ok(ExitCode::SUCCESS);
    }
    tell(&draft.guesses, &silent);
    let errors = maso_intent::check(&draft.source).into_iter().filter(|problem| problem.severity == Severity::Error);
    for problem in errors {
        say!("{problem}");
    }
    done(&args.dir);
    say!();
    say!("In the client's configuration, put this in place of its servers:");
    say!();
    screen::json(&client_config(&args.dir, &servers));
    Ok(ExitCode::SUCCESS)
}

fn tell(guesses: &[Guess], silent: &[(ServerName, String)]) {
    for (server, why) in silent {
        say!("{} {server} did not say which tools it has: {why}", screen::yellow("unknown"));
        say!("        {} its tools are blocked until a person approves them", screen::blue("help"));
    }
    for guess in guesses {
        say!("{} {guess}", screen::yellow("guessed"));
    }
}

fn guess(guess: &Guess) -> Value {
    match guess {
        Guess::Tool { tool, class, risk, reversibility, authority, why } => json!({
            "tool": tool.to_string(),
            "class": class.to_string(),
            "risk": risk.to_string(),
            "reversibility": reversibility.to_string(),
            "authority": authority,
            "why": why,
        }),
        Guess::Server { server, what, why } => json!({ "server": server, "what": what, "why": why }),
    }
}

/// The client's configuration with maso in front of each server.
fn client_config(dir: &Path, servers: &[maso_intent::ClientServer]) -> Value {
    let dir = crate::assemble::absolute(dir);
    let entry = |server: &maso_intent::ClientServer| {
        json!({
            "command": "maso",
            "args": ["mcp", "--agent", "desktop", "--deployment", dir, "--server", server.name.to_string()],
        })
    };
    let servers: serde_json::Map<String, Value> =
        servers.iter().map(|server| (server.given.clone(), entry(server))).collect();
    json!({ "mcpServers": servers })
}

fn write(dir: &Path, source: &Source) -> Result<(), Fault> {
    folder::write(dir, source).map_err(|error| {
        Fault::new(format!("cannot write the deployment to `{}`", dir.display()), error)
            .help("choose a folder that holds no `maso.toml`")
    })
}

fn done(dir: &Path) {
    say!("{} {}", screen::green("written"), dir.display());
    say!("  check it   maso check {}", dir.display());
    say!("  serve it   maso up {}", dir.display());
}
