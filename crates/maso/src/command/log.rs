//! `maso log`: looks at the flight record, verifies it, takes it away, erases payloads.

use std::{io::Write as _, path::Path, process::ExitCode};

use maso_api::ErasePayloads;
use maso_core::{Mode, OperatorName};
use maso_log::{LogFault, Reader, Record, v1::Body};
use maso_verify::PayloadKey;
use serde_json::{Value, json};

use crate::screen::say;
use crate::{
    assemble::{absolute, assemble, signed_in},
    cli::{Log, LogOrder},
    fault::Fault,
    screen,
    state::StateFolder,
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
        LogOrder::Erase { folder, task, before, reason, by, output } => {
            let order = ErasePayloads { task, before, reason };
            erase(&folder.dir, order, by.operator, output.json).await?;
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

async fn erase(folder: &Path, order: ErasePayloads, by: Option<OperatorName>, json: bool) -> Result<(), Fault> {
    let assembled = assemble(folder, "log", Mode::Enforce).await?;
    let by = signed_in(&assembled, by).await?;
    let erased = assembled.desk.erase_payloads(&by, &order).await;
    let erased = erased.map_err(|fault| {
        let help = fault.help();
        let fault = Fault::new("nothing was erased", fault);
        match help {
            Some(help) => fault.help(help),
            None => fault,
        }
    })?;
    if json {
        screen::json(&erased);
    } else {
        let payloads = if erased.removed == 1 { "payload" } else { "payloads" };
        say!("erased: {} {payloads}; record {} says so", erased.removed, erased.sequence);
    }
    Ok(())
}

fn verify(folder: &Path, json: bool) -> Result<ExitCode, Fault> {
    let path = folder.join(".maso/log.db");
    let key = payload_key(folder)?;
    let report = {
        let _waiting = screen::waiting("checking the record");
        maso_verify::verify_database(&path, key.as_ref())
    };
    let report = report.map_err(|fault| Fault::new(format!("cannot verify `{}`", path.display()), fault))?;
    let holds = report.n_problems == 0;
    if json {
        screen::json(&json!({
            "verified": holds,
            "records": report.records,
            "head": report.last_hash,
            "payloads": report.payloads,
            "payloads_locked": report.payloads_locked,
            "payloads_absent": report.payloads_absent,
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
        if report.payloads_locked > 0 {
            let n = report.payloads_locked;
            say!("  {} {n} payloads were not looked into: `.maso/payload.key` is not there", screen::yellow("note"));
        }
    } else {
        for problem in &report.problems {
            say!("{} at {}: {}", screen::red("broken"), problem.sequence, problem.what);
        }
    }
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// The key of payloads, where the state has it. A copy of a record is verified without.
fn payload_key(folder: &Path) -> Result<Option<PayloadKey>, Fault> {
    if !folder.join(".maso").is_dir() {
        return Ok(None);
    }
    let secret = StateFolder::open(&absolute(folder)).and_then(|state| state.payload_secret_if_any());
    let secret = secret.map_err(|fault| Fault::new("cannot use the deployment's secrets", fault))?;
    Ok(secret.map(|secret| secret.checking()))
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
