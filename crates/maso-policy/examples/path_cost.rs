//! What stages 5 to 8 cost, by the number of policies and by how much the task has seen.
//!
//! `cargo run --release -p maso-policy --example path_cost [ROUNDS]`
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement that meets the unexpected stops")]

use std::{fmt::Write as _, hint::black_box, sync::Arc, time::Instant};

use maso_core::{Act, HopId, Integrity, Label, Mode, Phase, Principal, TaskId, Timestamp, Turn};
use maso_identity::{AuthorityKey, Identified, Trust, TrustSettings, identify};
use maso_intent::{
    Circumstances, Deployment, PinState, PolicyFile, Resolved, ResultLabels, TaskSpec, minimal, parse, resolve,
};
use maso_policy::{Memory, Policies, Verdicts, authorise, settle, trace, weigh};
use maso_wire::{Arrival, Credential, Limits, Received};
use serde_json::json;
use uuid::Uuid;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
fn main() {
    let rounds = std::env::args().nth(1).map_or(20_000, |rounds| rounds.parse().unwrap());
    let mut deployment = parse(&minimal()).unwrap();
    let mut memory = Memory::default();
    remember(&mut memory, 4);
    println!("{:<44} {:>9} {:>9}", "2 KiB call of `notes:send_note`", "p50 µs", "p99 µs");
    for n_policies in [1, 100, 10_000] {
        for (kind, concerning) in [("none concerns the hop", false), ("one of them reads its arguments", true)] {
            deployment.policies =
                vec![PolicyFile { path: "policies/many.cedar".into(), text: many(n_policies, concerning) }];
            measure(&format!("{n_policies} policies, {kind}"), &deployment, &memory, rounds);
        }
    }
    deployment.policies.clear();
    for n_answers in [0, 10, 1_000] {
        remember(&mut memory, n_answers);
        measure(&format!("mandates alone, {n_answers} more answers seen"), &deployment, &memory, rounds);
    }
}

fn measure(name: &str, deployment: &Deployment, memory: &Memory, rounds: usize) {
    let policies = Policies::compile(deployment).unwrap();
    let deployment = Arc::new(deployment.clone());
    let (identified, circumstances) = call(&deployment);
    let resolved = resolve(identified.clone(), circumstances.clone()).map_err(|refused| refused.finding).unwrap();
    let seen = memory.label();
    println!("{name}");
    report(
        rounds,
        "  5 authorise",
        || resolved.clone(),
        |resolved: Resolved| {
            black_box(authorise(&policies, &resolved, seen));
        },
    );
    report(
        rounds,
        "  6 trace",
        || resolved.clone(),
        |resolved| {
            black_box(trace(memory, resolved));
        },
    );
    report(
        rounds,
        "  5 to 8",
        || resolved.clone(),
        |resolved| {
            let findings = authorise(&policies, &resolved, seen);
            black_box(settle(weigh(trace(memory, resolved), findings), Verdicts::none(), NOW));
        },
    );
    report(
        rounds,
        "  3 to 8 without the scan",
        || (identified.clone(), circumstances.clone()),
        |(identified, around)| {
            let resolved = resolve(identified, around).map_err(|refused| refused.finding).unwrap();
            let findings = authorise(&policies, &resolved, seen);
            black_box(settle(weigh(trace(memory, resolved), findings), Verdicts::none(), NOW));
        },
    );
}

/// Times `run` alone: what it consumes is made, and what it leaves is dropped, outside the clock where it can be.
fn report<T>(rounds: usize, name: &str, make: impl Fn() -> T, run: impl Fn(T)) {
    let mut nanos = Vec::with_capacity(rounds);
    for round in 0..rounds + 1_000 {
        let input = make();
        let start = Instant::now();
        run(input);
        let took = start.elapsed().as_nanos();
        if round >= 1_000 {
            nanos.push(took);
        }
    }
    nanos.sort_unstable();
    let micros = |quantile: usize| nanos[nanos.len() * quantile / 100] as f64 / 1_000.0;
    println!("{name:<44} {:>9.2} {:>9.2}", micros(50), micros(99));
}

fn many(n_policies: usize, concerning: bool) -> String {
    let mut text = String::new();
    for n in usize::from(concerning)..n_policies {
        let scope = match n % 4 {
            0 => format!(r#"principal == Agent::"agent-{n}", action, resource"#),
            1 => format!(r#"principal, action == Action::"call_tool", resource == Tool::"server-{n}:tool""#),
            2 => format!(r#"principal in Workflow::"workflow-{n}", action, resource"#),
            _ => format!(r#"principal, action == Action::"call_tool", resource in Server::"server-{n}""#),
        };
        writeln!(text, "forbid ({scope}) when {{ context.risk_level > {} }};", n % 3).unwrap();
    }
    if concerning {
        text.push_str(
            r#"forbid (principal, action == Action::"call_tool", resource == Tool::"notes:send_note")
               unless { context.text.hasTag("/to") && context.text.getTag("/to") like "*@notes.example" };"#,
        );
    }
    text
}

fn remember(memory: &mut Memory, n_answers: usize) {
    let label = Label { integrity: Integrity::External, ..Label::NEUTRAL };
    let labels = ResultLabels::plain(label);
    let source = maso_core::Source::Server { server: "notes".parse().unwrap(), item: "read_note".into() };
    for n in 0..n_answers {
        let text = format!("note {n} for person-{n}@notes.example: {}", "the claim is as it was before ".repeat(20));
        memory.learn(source.clone(), &json!({"content": [{"type": "text", "text": text}]}), &labels);
    }
}

fn call(deployment: &Arc<Deployment>) -> (Identified, Circumstances) {
    let payload =
        json!({"to": "person-3@notes.example", "text": "the claim is paid in full, and this is why: ".repeat(45)});
    let arrival = Arrival {
        id: HopId::from_uuid(Uuid::from_u128(1)),
        at: NOW,
        credential: Credential::Pipe(Principal::Agent("writer".parse().unwrap())),
        task: None,
        to: Principal::Server("notes".parse().unwrap()),
    };
    let act = Act::CallTool("notes:send_note".parse().unwrap());
    let bytes = serde_json::to_vec(&payload).unwrap();
    let received = Received::from_bytes(arrival, act, Turn::Ask, &bytes, &Limits::DEFAULT).unwrap();
    let authority = AuthorityKey::from_seed([7; 32]).public();
    let trust = Trust::new(TrustSettings::new(deployment.trust_domain.clone(), authority, NOW));
    let task = TaskSpec::standing(deployment, &"writer".parse().unwrap(), TaskId::from_uuid(Uuid::from_u128(2)));
    let circumstances = Circumstances {
        now: NOW,
        deployment: Arc::clone(deployment),
        task: task.map(Arc::new),
        agent_phase: Phase::Primary,
        around_phase: Phase::Primary,
        pin: PinState::Pinned,
        is_first: false,
        mode: Mode::Enforce,
    };
    (identify(received, &trust, NOW).unwrap(), circumstances)
}
