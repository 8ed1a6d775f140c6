//! `maso log`: looks at the flight record, verifies it, takes it away. Never writes to it.

use std::{io::Write as _, path::Path, process::ExitCode};

use maso_log::{LogFault, Reader, Record, v1::Body};
use serde_json::{Value, json};

use crate::screen::say;
use crate::{
    cli::{Log, LogOrder},
    fault::Fault,
    screen,
};

pub async fn run(args: Log) -> Result<ExitCode, Fault> {
    match args.order {
        LogOrder::Tail { folder, lines, follow, output } => {
            tail(&reader(&folder.dir)?, lines, follow, output.json).await?
        }
        LogOrder::Show { folder, id, from, limit, output } => {
            let (records, next) = about(&reader(&folder.dir)?, &id, from, usize::from(limit)).map_err(unreadable)?;
            if records.is_empty() {
                return Err(Fault::plain(format!("nothing on the record is about `{id}`")).help(
                    "give a sequence number, the whole id of a hop, a ticket or a task, or `agent:NAME`; `--from` looks \
                     no further back",
                ));
            }
            if output.json {
                screen::json(&records.iter().map(whole).collect::<Vec<_>>());
            } else {
                records.iter().for_each(show_whole);
            }
            if let Some(next) = next {
                anstream::eprintln!("there is more: `--from {next}` shows it");
            }
        }
        LogOrder::Verify { folder, output } => return verify(&folder.dir, output.json),
        LogOrder::Export { folder, from, to } => {
            let reader = reader(&folder.dir)?;
            let mut out = std::io::stdout().lock();
            reader
                .export(from, to.unwrap_or(u64::MAX), &mut out)
                .map_err(|fault| Fault::new("cannot export the record", fault))?;
            out.flush().map_err(|error| Fault::new("cannot export the record", error))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What is on the record about something, and from where on there is more.
fn about(reader: &Reader, id: &str, from: u64, limit: usize) -> Result<(Vec<Record>, Option<u64>), LogFault> {
    let mut page = reader.page(id, from, limit)?;
    // A long record is searched in steps, some of which find nothing.
    while let (true, Some(next)) = (page.records.is_empty(), page.next) {
        page = reader.page(id, next, limit)?;
    }
    Ok((page.records, page.next))
}

fn verify(folder: &Path, json: bool) -> Result<ExitCode, Fault> {
    let path = folder.join(".maso/log.db");
    let report = {
        let _waiting = screen::waiting("checking the record");
        maso_verify::verify_database(&path)
    };
    let report = report.map_err(|fault| Fault::new(format!("cannot verify `{}`", path.display()), fault))?;
    let holds = report.n_problems == 0;
    if json {
        screen::json(&json!({
            "verified": holds,
            "records": report.records,
            "head": report.last_hash,
            "payloads": report.payloads,
            "problems": report.problems.iter().map(|problem| json!({
                "sequence": problem.sequence,
                "what": problem.what,
            })).collect::<Vec<_>>(),
        }));
    } else if holds {
        say!(
            "{} {} records, {} payloads; head {}",
            screen::green("verified"),
            report.records,
            report.payloads,
            report.last_hash.as_deref().unwrap_or("none")
        );
    } else {
        for problem in &report.problems {
            say!("{} at {}: {}", screen::red("broken"), problem.sequence, problem.what);
        }
    }
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

pub fn reader(folder: &Path) -> Result<Reader, Fault> {
    let path = folder.join(".maso/log.db");
    if !path.is_file() {
        return Err(
            Fault::plain(format!("`{}` has no flight record yet", folder.display())).help("`maso up` begins one")
        );
    }
    Reader::open(&path).map_err(|fault| Fault::new(format!("cannot open `{}`", path.display()), fault))
}

async fn tail(reader: &Reader, n_lines: u64, follow: bool, json: bool) -> Result<(), Fault> {
    let mut next = (reader.last_sequence().map_err(unreadable)? + 1).saturating_sub(n_lines).max(1);
    let mut poll = tokio::time::interval(std::time::Duration::from_millis(POLL_MS));
    loop {
        let records = reader.records(next, u64::MAX, PAGE_MAX).map_err(unreadable)?;
        for record in &records {
            show(record, json);
            next = record.sequence + 1;
        }
        if records.is_empty() {
            if !follow {
                return Ok(());
            }
            poll.tick().await;
        }
    }
}

const POLL_MS: u64 = 100;
const PAGE_MAX: usize = 1_000;

fn show(record: &Record, json: bool) {
    if json {
        screen::json_line(&whole(record));
        return;
    }
    let at = record.at.to_string();
    let at = screen::faint(&at);
    match &record.body {
        Body::HopDecided(hop) => {
            let why = hop
                .findings
                .iter()
                .filter(|finding| finding.word != "GO")
                .map(|finding| format!("{} {}", finding.control, finding.reason))
                .next()
                .unwrap_or_default();
            let observed = if hop.enforced { "" } else { " (observed only)" };
            say!(
                "{:>7} {at} {}{observed} {} -> {} {} {} {}",
                record.sequence,
                screen::decision(&hop.decision),
                hop.from.as_deref().unwrap_or("?"),
                hop.to,
                hop.hop_kind,
                screen::strong(&hop.object),
                screen::faint(&why)
            );
        }
        other => {
            let value = serde_json::to_value(other).unwrap_or(Value::Null);
            let kind = value.get("kind").and_then(Value::as_str).unwrap_or("record").to_owned();
            let rest: Vec<_> = value
                .as_object()
                .into_iter()
                .flatten()
                .filter(|(key, _)| !matches!(key.as_str(), "kind" | "definition" | "findings"))
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            say!("{:>7} {at} {:<15} {}", record.sequence, screen::blue(&kind), rest.join(" "));
        }
    }
}

/// One record with everything in it, for people.
fn show_whole(record: &Record) {
    show(record, false);
    say!("        {} {}", screen::faint("hash    "), record.hash);
    say!("        {} {}", screen::faint("previous"), record.previous);
    let body = serde_json::to_string_pretty(&record.body).unwrap_or_default();
    body.lines().for_each(|line| say!("        {line}"));
    say!();
}

fn whole(record: &Record) -> Value {
    json!({
        "sequence": record.sequence,
        "at": record.at.to_string(),
        "hash": record.hash.to_string(),
        "previous": record.previous.to_string(),
        "body": record.body,
    })
}

fn unreadable(fault: LogFault) -> Fault {
    Fault::new("cannot read the flight record", fault)
}
