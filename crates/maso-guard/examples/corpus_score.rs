//! Scores the scanners on labelled corpora: `cargo run -p maso-guard --release --example corpus_score -- DIR`.
//!
//! Reads the `*.jsonl.zst` files in `DIR` through the `zstd` command and prints, per source and kind, how many texts
//! were refused, how many were at least escalated, and how many were noted. With `--misses SOURCE` it also prints
//! what was missed there, and what was wrongly refused.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a report on standard output is what it is for")]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::Instant,
};

use maso_core::Word;
use maso_guard::{Scan, Scanner, Surface};
use serde_json::Value;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(folder) = arguments.next().map(PathBuf::from) else {
        eprintln!("usage: corpus_score DIR [--misses SOURCE]");
        return ExitCode::from(2);
    };
    let misses = arguments.next().filter(|flag| flag == "--misses").and_then(|_| arguments.next());
    if !folder.is_dir() {
        println!("`{}` is not a folder: nothing is scored", folder.display());
        return ExitCode::SUCCESS;
    }
    let scanner = Scanner::new();
    time(&scanner);
    let report = Report { scanner, misses };

    report.score(&folder, "injection_text", |row| {
        let surface = if row["kind"] == "benign_agent_message" { Surface::Message } else { Surface::Result };
        vec![(surface, row["text"].clone(), label(row))]
    });
    report.score(&folder, "multiagent_benign", |row| messages(row, Surface::Message, false));
    report.score(&folder, "tau_benign", |row| messages(row, Surface::Result, false));
    // What agents write for people to read is looked at for pressure on them.
    report.score(&folder, "tau_benign", |row| messages(row, Surface::Arguments, false));
    report.score(&folder, "multiagent_benign", |row| messages(row, Surface::Arguments, false));
    report.score(&folder, "mcp_tools", |row| vec![(Surface::Description, row["tool"].clone(), label(row))]);
    report.score(&folder, "secrets", |row| vec![(Surface::Arguments, row["text"].clone(), label(row))]);
    ExitCode::SUCCESS
}

/// How long honest tool calls take, and documents under every kind of layer, as the best of many: what the scanners need
/// when nobody disturbs them.
fn time(scanner: &Scanner) {
    let sentence = "The policyholder reported water damage in the kitchen on 12 March; the estimate of the repair firm is attached. ";
    // Each kind of layer once: markup, a comment, a link, references, escapes, base64, hexadecimal digits, an emoji.
    let layered = concat!(
        "<p style=\"color:#333\">The <b>policyholder</b> reported &quot;water damage&quot; in the kitchen.</p><!-- row 7 -->\n",
        "See [the estimate](https://files.example/a%20b?claim=7&amp;page=2 \"Estimate\") \u{1f468}\u{200d}\u{1f469}, caf\u{e9}.\n",
        "Logo: VGhlIGVzdGltYXRlIG9mIHRoZSByZXBhaXIgZmlybSBpcyBhdHRhY2hlZC4= sum 5468652065737469 6d61746520697320=20\n",
    );
    let call = |body: &str, length: usize| {
        serde_json::json!({
            "claim_id": "C-2024-00417",
            "to": ["claims@insurer.example", "dana.smith@example.com"],
            "subject": "Your claim C-2024-00417: documents received",
            "body": body.repeat(length / body.len()),
            "amount_minor": 128_450,
            "options": { "priority": "normal", "attachments": ["estimate.pdf", "photos.zip"], "request_id": "0b1e5c5a-77a4-4f0e-9a39-9c1f6d1f8f11" },
        })
    };
    for (what, body) in [("a tool call", sentence), ("a document under every layer", layered)] {
        for length in [2 << 10, 10 << 10] {
            let call = call(body, length);
            for surface in [Surface::Arguments, Surface::Result] {
                let (best, middle) = micros(scanner, surface, &call);
                let n_bytes = call.to_string().len();
                println!(
                    "{what} of {n_bytes} bytes as {surface:?}: {best:.1} µs at best, {middle:.1} µs in the middle"
                );
            }
        }
    }
}

/// Microseconds of a scan that finds nothing: the least, and the median.
fn micros(scanner: &Scanner, surface: Surface, call: &Value) -> (f64, f64) {
    let mut micros: Vec<f64> = (0..SCANS)
        .map(|_| {
            let started = Instant::now();
            let scan = scanner.scan_value(surface, call, maso_core::Timestamp::from_millis(0));
            let took = started.elapsed();
            assert!(scan.findings.word() == Word::Go, "{:?}", scan.findings);
            took.as_secs_f64() * 1e6
        })
        .collect();
    micros.sort_by(f64::total_cmp);
    (micros[0], micros[SCANS / 2])
}

const SCANS: usize = 2_000;

struct Report {
    scanner: Scanner,
    misses: Option<String>,
}

#[derive(Default)]
struct Count {
    positive: bool,
    n_texts: usize,
    n_refused: usize,
    n_escalated: usize,
    n_noted: usize,
}

impl Report {
    fn score(&self, folder: &Path, name: &str, texts_of: impl Fn(&Value) -> Vec<(Surface, Value, bool)>) {
        let path = folder.join(format!("{name}.jsonl.zst"));
        let rows = match read(&path) {
            Ok(rows) => rows,
            Err(reason) => {
                println!("\n## {name}: not scored, {reason}");
                return;
            }
        };
        let mut counts: BTreeMap<(String, String), Count> = BTreeMap::new();
        let mut n_bytes = 0;
        let mut n_texts = 0;
        let started = Instant::now();
        for row in &rows {
            let source = row["source"].as_str().unwrap_or(name).to_owned();
            let kind = row["class"].as_str().or(row["kind"].as_str()).unwrap_or("-").to_owned();
            for (surface, text, positive) in texts_of(row) {
                n_texts += 1;
                n_bytes += text.as_str().map_or(0, str::len);
                let scan = self.scanner.scan_value(surface, &text, maso_core::Timestamp::from_millis(0));
                let count = counts.entry((source.clone(), kind.clone())).or_default();
                count.positive = positive;
                count.n_texts += 1;
                let word = worth(name, &scan);
                count.n_refused += usize::from(word == Some(Word::NoGo));
                count.n_escalated += usize::from(word >= Some(Word::Escalate));
                count.n_noted += usize::from(word.is_some());
                if self.misses.as_deref() == Some(source.as_str()) && positive != (word >= Some(Word::Escalate)) {
                    let text: String = text.to_string().chars().take(300).collect();
                    let reasons: Vec<_> = scan
                        .findings
                        .iter()
                        .map(|f| (f.word, &f.reason, f.evidence.as_ref().map(|e| &e.excerpt)))
                        .collect();
                    println!("{} {} {text}\n    {reasons:?}", if positive { "missed" } else { "wrong" }, row["rule"]);
                }
            }
        }
        let took = started.elapsed();
        println!(
            "\n## {name}: {n_texts} texts, {n_bytes} bytes, {:.1} µs each",
            took.as_secs_f64() * 1e6 / n_texts.max(1) as f64
        );
        println!("{:<44} {:<28} {:>6} {:>8} {:>10} {:>7}", "source", "kind", "texts", "NO-GO %", "ESCALATE %", "any %");
        for ((source, kind), count) in counts {
            let share = |n: usize| 100.0 * n as f64 / count.n_texts as f64;
            println!(
                "{} {source:<42} {kind:<28} {:>6} {:>8.1} {:>10.1} {:>7.1}",
                if count.positive { '+' } else { '-' },
                count.n_texts,
                share(count.n_refused),
                share(count.n_escalated),
                share(count.n_noted),
            );
        }
    }
}

/// The most restrictive word of the controls that a corpus is about.
fn worth(name: &str, scan: &Scan) -> Option<Word> {
    let secrets = name == "secrets";
    scan.findings
        .iter()
        .filter(|finding| (finding.control.as_str() == "IA-2.6") == secrets && finding.control.as_str() != "DP-2.1")
        .map(|finding| finding.word)
        .max()
}

fn label(row: &Value) -> bool {
    row["label"] == 1
}

fn messages(row: &Value, surface: Surface, positive: bool) -> Vec<(Surface, Value, bool)> {
    let messages = row["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    messages
        .iter()
        .filter(|message| message["role"] != "system")
        .filter(|message| message["content"].is_string())
        .map(|message| (surface, message["content"].clone(), positive))
        .collect()
}

fn read(path: &Path) -> Result<Vec<Value>, String> {
    if !path.is_file() {
        return Err(format!("`{}` is absent", path.display()));
    }
    let output =
        Command::new("zstd").arg("-dcq").arg(path).output().map_err(|error| format!("cannot run `zstd`: {error}"))?;
    if !output.status.success() {
        return Err(format!("`zstd` cannot read `{}`", path.display()));
    }
    let text = String::from_utf8(output.stdout).map_err(|error| error.to_string())?;
    text.lines().map(|line| serde_json::from_str(line).map_err(|error| error.to_string())).collect()
}
