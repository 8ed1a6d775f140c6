//! `maso eval`: what maso makes of recorded runs.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufWriter, Write as _},
    path::Path,
    process::ExitCode,
};

use maso_eval::{
    replay::{Decided, Detection, Ruling, Stage},
    report::{Tables, TraceReport},
    rows,
    run::Row,
    scores::{Scores, Share},
    traces,
};
use maso_intent::Source;

use crate::{
    assemble,
    cli::{Eval, EvalDetection, EvalOf, EvalTraces},
    fault::Fault,
    screen::{self, say},
};

pub fn run(args: Eval) -> Result<ExitCode, Fault> {
    match args.of {
        EvalOf::Traces(args) => run_traces(&args),
    }
}

fn run_traces(args: &EvalTraces) -> Result<ExitCode, Fault> {
    let mut recorded: Vec<Row> = Vec::new();
    for file in &args.files {
        let rows = rows::read(file).map_err(|fault| Fault::new("the recorded runs cannot be read", fault))?;
        recorded.extend(rows);
    }
    if args.undefended {
        recorded.retain(Row::is_undefended);
    }
    let mut declared: BTreeMap<String, Source> = BTreeMap::new();
    let mut stages = BTreeMap::new();
    for suite in traces::suites(&recorded) {
        let folder = args.deployment.clone().unwrap_or_else(|| args.deployments.join(suite));
        let (deployment, source) = assemble::declared(&folder)?;
        let stage = Stage::new(deployment, detection(args.detection))
            .map_err(|fault| Fault::new(format!("`{}` cannot be used for recorded runs", folder.display()), fault))?;
        declared.insert(suite.to_owned(), source);
        stages.insert(suite.to_owned(), stage);
    }
    let progress = indicatif::ProgressBar::new(recorded.len() as u64).with_style(
        indicatif::ProgressStyle::with_template("{spinner} replaying {bar:30} {pos}/{len}, {eta} left")
            .expect("the template is one"),
    );
    let decided = traces::replay(&recorded, &stages, &|| progress.inc(1));
    progress.finish_and_clear();
    let decided = decided.map_err(|fault| Fault::new("the recorded runs cannot be replayed", fault))?;
    if let Some(file) = &args.decisions {
        write(file, &decided).map_err(|error| Fault::new(format!("cannot write `{}`", file.display()), error))?;
    }
    let report = TraceReport::of(&recorded, &decided, &declared);
    if args.output.json {
        screen::json(&report);
    } else {
        show(&report);
    }
    Ok(ExitCode::SUCCESS)
}

const fn detection(wanted: EvalDetection) -> Detection {
    match wanted {
        EvalDetection::Declared => Detection::Declared,
        EvalDetection::On => Detection::On,
        EvalDetection::Off => Detection::Off,
    }
}

fn write(file: &Path, decided: &[Vec<Decided>]) -> std::io::Result<()> {
    let mut out = BufWriter::new(File::create(file)?);
    for call in decided.iter().flatten() {
        serde_json::to_writer(&mut out, call)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

fn show(report: &TraceReport) {
    say!("{} runs, {} calls of tools", report.runs, report.calls);
    for (title, tables) in [("undefended when recorded", &report.undefended), ("all", &report.all)] {
        if std::ptr::eq(tables, &report.all) && report.all.by_defence.len() < 2 {
            break;
        }
        say!();
        say!("{}", screen::strong(title));
        show_tables(tables);
    }
    if !report.stopped.is_empty() {
        say!();
        say!("{}", screen::strong("what stopped attacks that had succeeded"));
        for stopped in &report.stopped {
            let how = if stopped.by == Ruling::Hold { "somebody was asked" } else { "refused" };
            let (first, last) = stopped.calls;
            let tools: Vec<_> = stopped.tools.iter().map(String::as_str).collect();
            say!(
                "  {:<8} {how:<18} {:>6}  at call {first} to {last}: {}",
                stopped.control,
                stopped.attacks,
                tools.join(", ")
            );
        }
    }
    say!();
    let lines: Vec<_> = report.policy_lines.iter().map(|(suite, lines)| format!("{suite} {lines}")).collect();
    say!("lines of policy: {}", lines.join(", "));
    if let Some(latency) = report.decision {
        say!("a decision on the record: p50 {:.0} µs, p99 {:.0} µs", latency.p50_us, latency.p99_us);
    }
}

fn show_tables(tables: &Tables) {
    let Tables { by_recording, by_suite, by_model, by_defence, by_attack } = tables;
    for (what, groups) in [
        ("recording", by_recording),
        ("suite", by_suite),
        ("model", by_model),
        ("defence", by_defence),
        ("attack", by_attack),
    ] {
        if groups.len() < 2 && what != "recording" {
            continue;
        }
        say!(
            "  {:<34} {:>14} {:>12} {:>12} {:>12} {:>12} {:>12}",
            format!("by {what}"),
            "residual ASR",
            "kept",
            "broken",
            "benign held",
            "denied",
            "goal denied"
        );
        for (group, scores) in groups {
            say!("{}", line(group, scores));
        }
    }
}

fn line(group: &str, scores: &Scores) -> String {
    let name: String = group.chars().take(34).collect();
    format!(
        "  {name:<34} {:>14} {:>12} {:>12} {:>12} {:>12} {:>12}",
        shown(scores.residual_asr),
        shown(scores.utility_kept),
        shown(scores.benign_broken),
        shown(scores.benign_held),
        shown(scores.benign_denied),
        shown(scores.authorised_denied),
    )
}

fn shown(share: Share) -> String {
    share.percent().map_or_else(|| "-".to_owned(), |percent| format!("{percent:.1} % {:>4}", format!("/{}", share.of)))
}
