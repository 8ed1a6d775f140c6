//! What one decision of Dogwood's authorizer costs, by the number of temporal policies and the length of the history.
//! Prints one JSON object.
//!
//! `cargo run --release --manifest-path bench/dogwood/Cargo.toml [ROUNDS]`; `maso bench` starts the built program and shows
//! its figures beside its own. The engine is the one in memory that the crate carries, told to leave alone what a decision
//! cannot read.

use std::{
    fmt::Write as _,
    hint::black_box,
    process::ExitCode,
    time::{Duration, Instant},
};

use dogwood_language::{
    Authorizer, Decision, Event, InMemoryTemporalEngine, LoweredPolicySet, PolicySchema, ServiceSchema, Value,
};
use serde_json::json;

fn main() -> ExitCode {
    let rounds = match std::env::args().nth(1).as_deref().map(str::parse) {
        None => 100,
        Some(Ok(rounds @ 1..)) => rounds,
        Some(_) => {
            eprintln!("ROUNDS was expected to be a number from 1 on");
            return ExitCode::from(2);
        }
    };
    let rows = ROWS.iter().map(|&(n_rules, n_events)| measure(n_rules, n_events, rounds));
    match rows.collect::<Result<Vec<_>, _>>() {
        Ok(rows) => {
            println!("{}", json!({ "crate": "dogwood-language", "rows": rows }));
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

/// One call that is allowed, under so many policies of which one concerns it, after so many calls like it. Each decision
/// is an event itself, so the history grows by the rounds; they end early where one takes long.
fn measure(n_rules: usize, n_events: usize, rounds: usize) -> Result<serde_json::Value, String> {
    let schema = PolicySchema::from_cedarschema_str(SCHEMA).map_err(|error| error.to_string())?;
    let policies = LoweredPolicySet::from_str(&policies(n_rules), &ServiceSchema::defaults(), &schema)
        .map_err(|error| error.to_string())?;
    let engine = InMemoryTemporalEngine::new().slice_leaves();
    let mut authorizer =
        Authorizer::builder(policies).temporal_engine(engine).build().map_err(|error| error.to_string())?;
    // What came of a call is history alone: nothing is decided for it.
    (0..n_events).for_each(|n| drop(authorizer.is_authorized(&call("response", n))));
    let (begun, mut nanos) = (Instant::now(), Vec::with_capacity(rounds));
    for round in 0..rounds {
        let event = call("request", n_events + round);
        let start = Instant::now();
        let response = black_box(authorizer.is_authorized(black_box(&event)));
        nanos.push(start.elapsed().as_nanos());
        let response = response.ok_or("the call is no decision")?;
        if response.decision() != Decision::Allow {
            let why: Vec<_> = response.diagnostics().errors().collect();
            return Err(format!("the call was expected to be allowed under {n_rules} policies: {why:?}"));
        }
        if begun.elapsed() > LONGEST && round >= 4 {
            break;
        }
    }
    let n_rounds = nanos.len();
    nanos.sort_unstable();
    let micros = |per_cent: usize| nanos[(n_rounds - 1) * per_cent / 100] as f64 / 1_000.0;
    Ok(json!({
        "n_rules": n_rules,
        "n_events": n_events,
        "n_rounds": n_rounds,
        "p50_us": micros(50),
        "p99_us": micros(99),
    }))
}

fn call(kind: &str, n: usize) -> Event {
    Event::builder("Bench::Action::Call", kind)
        .timestamp(1_000_000 + i64::try_from(n).unwrap_or(0))
        .principal("Bench::Agent::\"writer\"")
        .resource("Bench::Tool::\"tool-0\"")
        .field("input", "to", Value::String(format!("person-{}@notes.example", n % 3)))
        .build()
}

/// What is permitted, and for each rule what it forbids: more calls of its tool within a day than are ever made here, or
/// more recipients.
fn policies(n_rules: usize) -> String {
    let mut text = String::from("permit (principal, action == Bench::Action::\"Call\", resource);\n");
    for n in 0..n_rules {
        write!(
            text,
            "forbid (principal, action == Bench::Action::\"Call\", resource == Bench::Tool::\"tool-{n}\")\n\
             when temporal {{ count for (t: Timepoint). where (formerly within 24h \
             (Bench::Action::\"Call\"::response{{ input.to: * }} && tp(t))) > 10000 }};\n"
        )
        .expect("a string can be written to");
    }
    text
}

const SCHEMA: &str = r#"
namespace Bench {
  type CallInput = { to: String };
  entity Tool;
  entity Agent;
  action "Call" appliesTo {
    principal: [Agent], resource: [Tool],
    context: { input: CallInput }
  };
}
"#;
/// Policies, and events before the call.
const ROWS: [(usize, usize); 4] = [(10, 100), (10, 1_000), (10, 9_000), (10_000, 100)];
const LONGEST: Duration = Duration::from_secs(3);
