//! `maso init`: writes a deployment, from an MCP client's configuration or from an example.

use std::{collections::BTreeMap, path::Path, process::ExitCode};

use maso_core::{Risk, ServerName};
use maso_demo::{Example, Servers};
use maso_intent::{Guess, Severity, Source};
use maso_path::{Clock as _, SystemClock};
use serde_json::{Value, json};

use crate::screen::say;
use crate::{
    cli::{Init, Template},
    fault::Fault,
    folder, screen,
};

/// Writes the folder, says what was guessed, and how to go on.
pub async fn run(args: Init) -> Result<ExitCode, Fault> {
    match (&args.from, args.example) {
        (Some(file), _) => from_client(&args, file).await,
        (None, Some(Template::Worked(example))) => worked(&args, example),
        (None, Some(Template::Minimal) | None) => {
            write(&args.dir, &maso_intent::minimal())?;
            done(&args);
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Writes a worked deployment, with the data of its servers where this program has them.
fn worked(args: &Init, example: Example) -> Result<ExitCode, Fault> {
    folder::vacant(&args.dir).map_err(|error| unwritten(&args.dir, error))?;
    example.unpack(&args.dir).map_err(|fault| Fault::new("cannot write the example", fault))?;
    if example.servers == Servers::Carried {
        let state = crate::state::StateFolder::open(&args.dir);
        let state = state.map_err(|fault| Fault::new("cannot open the example's state", fault))?;
        maso_demo::seed(&state.path().join("data")).map_err(|fault| Fault::new("cannot seed the example", fault))?;
    }
    done(args);
    if example.servers == Servers::Placeholders && !args.json {
        let readme = args.dir.join("README.md");
        say!("  its tool servers are placeholders: connect your own in tools/*.toml");
        say!("  read on in     {}", readme.display());
    }
    Ok(ExitCode::SUCCESS)
}

async fn from_client(args: &Init, file: &Path) -> Result<ExitCode, Fault> {
    let config = std::fs::read_to_string(file)
        .map_err(|error| Fault::new(format!("cannot read `{}`", file.display()), error))?;
    let (servers, _) = maso_intent::client_servers(&config).map_err(|fault| unusable(file, fault))?;
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
    let draft = maso_intent::draft(&config, &published, SystemClock.now()).map_err(|fault| unusable(file, fault))?;
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
    done(args);
    let withheld = servers.iter().flat_map(|server| server.withheld.keys());
    for variable in withheld {
        say!("  {variable} is not in the folder: set it in maso's environment");
    }
    say!();
    say!("In the client's configuration, put this in place of its servers:");
    say!();
    screen::json(&client_config(&args.dir, &servers));
    Ok(ExitCode::SUCCESS)
}

fn unusable(file: &Path, fault: maso_intent::DraftError) -> Fault {
    Fault::new(format!("cannot use `{}`", file.display()), fault)
        .help("it is JSON with an object `mcpServers` that names at least one server, as desktop clients keep it")
}

/// What nobody declared: what each tool may do, in the order of the servers, and what else was made of each.
fn tell(guesses: &[Guess], silent: &[(ServerName, String)]) {
    let mut shown = None;
    for guess in guesses {
        match guess {
            Guess::Tool { tool, class, risk, reversibility, authority, why } => {
                if shown != Some(&tool.server) {
                    say!(
                        "{}: its tools, as guessed from their names, annotations and schemas",
                        screen::strong(&tool.server.to_string())
                    );
                    shown = Some(&tool.server);
                }
                let risk = match risk {
                    Risk::Low => screen::faint("low     "),
                    Risk::Medium => screen::faint("medium  "),
                    Risk::High => screen::yellow("high    "),
                    Risk::Critical => screen::red("critical"),
                };
                let class = class.to_string();
                say!("  {:<30} {class:<9} {risk}  {reversibility}", tool.tool.to_string());
                if !authority.is_empty() {
                    say!("      authority in {}", screen::folded(19, &authority.join(" ")));
                }
                say!("      {}", screen::faint(screen::folded(6, why)));
            }
            // Told below, with the reason.
            Guess::Server { server, .. } if silent.iter().any(|(name, _)| name.as_str() == server) => {}
            Guess::Server { server, what, why } => {
                let text = format!("{what}: {why}");
                say!("{}: {}", screen::strong(server), screen::folded(server.chars().count() + 2, &text));
            }
        }
    }
    for (server, why) in silent {
        say!("{} `{server}` did not say which tools it has", screen::yellow("unknown"));
        say!("  because {}", screen::folded(10, why));
        let help = "mend it and write the folder anew; until then its tools are blocked";
        say!("  {}    {help}", screen::blue("help"));
    }
    say!();
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
            "command": program(),
            "args": ["mcp", "--agent", "desktop", "--deployment", dir, "--server", server.name.to_string()],
        })
    };
    let servers: serde_json::Map<String, Value> =
        servers.iter().map(|server| (server.given.clone(), entry(server))).collect();
    json!({ "mcpServers": servers })
}

/// What a client calls to start this program: its name where that leads here, else where it lies.
fn program() -> String {
    let on_path = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join("maso").is_file()));
    match std::env::current_exe() {
        Ok(program) if !on_path => program.display().to_string(),
        _ => "maso".to_owned(),
    }
}

fn write(dir: &Path, source: &Source) -> Result<(), Fault> {
    folder::write(dir, source).map_err(|error| unwritten(dir, error))
}

fn unwritten(dir: &Path, error: std::io::Error) -> Fault {
    Fault::new(format!("cannot write the deployment to `{}`", dir.display()), error)
        .help("choose a folder that holds no `maso.toml`")
}

fn done(args: &Init) {
    let dir = &args.dir;
    if args.json {
        screen::json(&json!({ "deployment": dir }));
        return;
    }
    let operator = crate::assemble::declared(dir).ok().map(|(deployment, _)| deployment.accountable_human);
    let operator = operator.map_or_else(|| "NAME".to_owned(), |operator| operator.to_string());
    let dir = dir.display();
    say!("{} {dir}", screen::green("written"));
    say!("  check it       maso check {dir}");
    say!("  serve it       maso up {dir}");
    say!("  let people in  maso operators passphrase {dir} --operator {operator}");
}
