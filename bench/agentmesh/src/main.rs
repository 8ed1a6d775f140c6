//! What one governed call of the crate `agentmesh` costs, by the number of rules. Prints one JSON object.
//!
//! `cargo run --release --manifest-path bench/agentmesh/Cargo.toml [ROUNDS]`; `maso bench` starts the built program
//! and shows its figures beside its own.

use std::{collections::HashMap, fmt::Write as _, hint::black_box, process::ExitCode, time::Instant};

use agentmesh::{AgentMeshClient, ClientOptions};
use serde_json::json;
use serde_yaml::Value;

fn main() -> ExitCode {
    let rounds = match std::env::args().nth(1).as_deref().map(str::parse) {
        None => 5_000,
        Some(Ok(rounds @ 1..)) => rounds,
        Some(_) => {
            eprintln!("ROUNDS was expected to be a number from 1 on");
            return ExitCode::from(2);
        }
    };
    match N_RULES.iter().map(|&n_rules| measure(n_rules, rounds)).collect::<Result<Vec<_>, _>>() {
        Ok(rows) => {
            println!("{}", json!({ "crate": "agentmesh", "rounds": rounds, "rows": rows }));
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

/// Policy, audit entry and trust update for one call that is allowed: with its 2 KiB of arguments as context, which
/// conditions could look at, and with nothing but the action's name.
fn measure(n_rules: usize, rounds: usize) -> Result<serde_json::Value, String> {
    let context = arguments();
    let with_arguments = times(n_rules, rounds, Some(&context))?;
    let name_alone = times(n_rules, rounds, None)?;
    Ok(json!({
        "n_rules": n_rules,
        "with_arguments_p50_us": with_arguments.0,
        "with_arguments_p99_us": with_arguments.1,
        "name_alone_p50_us": name_alone.0,
        "name_alone_p99_us": name_alone.1,
    }))
}

fn times(n_rules: usize, rounds: usize, context: Option<&HashMap<String, Value>>) -> Result<(f64, f64), String> {
    // A client of its own for each measurement: its audit trail is kept in memory and grows with every call.
    let options = ClientOptions { policy_yaml: Some(rules(n_rules)), ..ClientOptions::default() };
    let client = AgentMeshClient::with_options("writer", options).map_err(|error| error.to_string())?;
    let mut nanos = Vec::with_capacity(rounds);
    for round in 0..rounds + WARM_UP {
        let start = Instant::now();
        let governed = black_box(client.execute_with_governance(black_box(ACTION), context));
        let took = start.elapsed();
        if !governed.allowed {
            return Err(format!("the call was expected to be allowed under {n_rules} rules"));
        }
        if round >= WARM_UP {
            nanos.push(took.as_nanos());
        }
    }
    nanos.sort_unstable();
    let micros = |per_cent: usize| nanos[(nanos.len() - 1) * per_cent / 100] as f64 / 1_000.0;
    Ok((micros(50), micros(99)))
}

/// One rule that permits the call, after others that concern other tools: the first match wins.
fn rules(n_rules: usize) -> String {
    let mut yaml = String::from("version: \"1.0\"\nagent: writer\npolicies:\n");
    for n in 1..n_rules {
        write!(yaml, "  - name: rule-{n}\n    type: capability\n    denied_actions: [\"server-{n}:tool\"]\n")
            .expect("a string can be written to");
    }
    write!(yaml, "  - name: permit\n    type: capability\n    allowed_actions: [\"{ACTION}\"]\n")
        .expect("a string can be written to");
    yaml
}

fn arguments() -> HashMap<String, Value> {
    HashMap::from([
        ("to".to_owned(), Value::from("person-3@notes.example")),
        ("text".to_owned(), Value::from("the claim is paid in full, and this is why: ".repeat(45))),
    ])
}

const N_RULES: [usize; 3] = [1, 100, 10_000];
const ACTION: &str = "notes:send_note";
const WARM_UP: usize = 200;
