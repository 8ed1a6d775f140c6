//! How `maso check` grows: a made-up deployment of any size, and how long the library takes to look it over.
//!
//! `cargo run --release -p maso-intent --example large -- [AGENTS [TOOLS [DIR]]]` (1000 agents and 10000 tools where
//! nothing is said) prints one line for the size and one for half of it: what grows with its square takes four times as
//! long. With `DIR` the deployment is written there, for `maso check DIR`.
#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::{env, error::Error, fmt::Write as _, fs, path::Path, time::Instant};

use maso_intent::{Source, check, minimal};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let number = |nth: usize, otherwise: usize| args.get(nth).map_or(Ok(otherwise), |text| text.parse());
    let (n_agents, n_tools) = (number(0, 1_000)?, number(1, 10_000)?);
    for (n_agents, n_tools) in [(n_agents / 2, n_tools / 2), (n_agents, n_tools)] {
        let source = large(n_agents, n_tools)?;
        let n_bytes: usize = source.files.values().map(String::len).sum();
        let begin = Instant::now();
        let problems = check(&source);
        println!(
            "{n_agents} agents, {n_tools} tools, {} files, {n_bytes} bytes: {} findings in {:?}",
            source.files.len(),
            problems.len(),
            begin.elapsed(),
        );
    }
    if let Some(folder) = args.get(2) {
        for (name, text) in large(n_agents, n_tools)?.files {
            let path = Path::new(folder).join(name);
            fs::create_dir_all(path.parent().unwrap_or(Path::new(folder)))?;
            fs::write(path, text)?;
        }
    }
    Ok(())
}

/// One workflow with all agents and tools, a hundred tools to a server. Each agent holds ten tools of its own and a
/// tool that all hold, and may ask the next three. Nobody justified anything, so that there is much to find.
fn large(n_agents: usize, n_tools: usize) -> Result<Source, Box<dyn Error>> {
    let mut source = minimal();
    source.files.retain(|path, _| path == "maso.toml");
    let tool = |index: usize| format!("s{}:t{}", index / 100, index % 100);
    let agents: Vec<String> = (0..n_agents).map(|agent| format!("\"a{agent}\"")).collect();
    let tools: Vec<String> = (0..n_tools).map(|index| format!("\"{}\"", tool(index))).collect();
    let mut workflow = format!(
        "id = \"w\"\nbusiness_process = \"w\"\nintent = \"w\"\noutcome = \"w\"\nagents = [{}]\ntools = [\n{}\n]\n\
         [limits]\nmax_transactions_per_batch = 1\nmax_execution = \"1h\"\nmax_value_minor = 0\n\
         [oispec]\ngoal = \"w\"\nsuccess_criteria = [{{ id = \"done\", text = \"done\" }}]\n\
         risk_classification = \"low\"\n",
        agents.join(", "),
        tools.join(",\n"),
    );
    for from in 0..n_agents {
        for to in (from + 1..n_agents).take(3) {
            write!(workflow, "[[grants]]\nfrom = \"a{from}\"\nto = \"a{to}\"\nrequest = \"ask\"\n")?;
        }
    }
    source.files.insert("workflows/w.toml".to_owned(), workflow);
    for agent in 0..n_agents {
        let mut text = "id = \"a\"\nworkflow = \"w\"\nintent = \"a\"\noutcome = \"a\"\nescalation = \"owner\"\n\
             prohibited = [\"s0:t1\", \"s0:t2\"]\nclearance = \"confidential\"\n\
             [oispec]\ngoal = \"a\"\nrisk_classification = \"low\"\ncovers = [\"done\"]\n"
            .to_owned();
        let own = (0..10).map(|nth| (agent * 10 + nth) % n_tools).filter(|index| *index > 2);
        for index in std::iter::once(0).chain(own) {
            writeln!(text, "[tools.\"{}\"]", tool(index))?;
        }
        source.files.insert(format!("agents/a{agent}.toml"), text);
    }
    for server in 0..n_tools.div_ceil(100) {
        let label = ["external", "internal"][server % 2];
        let mut text = format!(
            "label = {{ integrity = \"{label}\", confidentiality = \"confidential\" }}\n[transport]\nkind = \
             \"stdio\"\ncommand = \"s\"\n"
        );
        let mut lock = Vec::new();
        for index in (server * 100..n_tools).take(100) {
            let class = ["read", "write", "send", "delete", "transfer"][index % 5];
            let name = index % 100;
            writeln!(text, "[tools.t{name}]\nclass = \"{class}\"\nreversibility = \"irreversible\"\nrisk = \"high\"")?;
            lock.push(format!(
                "{{\"name\": \"t{name}\", \"inputSchema\": {{\"properties\": {{\"to\": {{\"type\": \"string\"}}}}}}}}"
            ));
        }
        source.files.insert(format!("tools/s{server}.toml"), text);
        source.files.insert(format!("tools/s{server}.lock.json"), format!("[{}]", lock.join(",\n")));
    }
    Ok(source)
}
