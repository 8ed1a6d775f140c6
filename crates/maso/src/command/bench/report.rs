//! What was measured, as people and scripts read it.

use serde::Serialize;

use super::{
    broker::Through,
    calls::{Calls, Row, Way},
    hop::FullHop,
    message::Talk,
    primitives::Primitives,
    pure::PurePath,
    rival::{self, Agentmesh, Dogwood},
    temporal::Temporal,
    times::Quantiles,
};
use crate::screen;

/// Everything that was measured in one run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Version of maso.
    pub version: &'static str,
    /// Whether debug assertions are on: such figures mean nothing.
    pub debug_build: bool,
    /// Whether less was measured than usual.
    pub quick: bool,
    /// Processors that this process may use.
    pub n_processors: usize,
    /// The yardsticks.
    pub primitives: Primitives,
    /// (a), by the number of policies; empty if it was not wanted.
    pub pure_path: Vec<PurePath>,
    /// (a) again, by the number of temporal rules and of events behind them; empty if it was not wanted.
    pub temporal: Vec<Temporal>,
    /// The crate `agentmesh`; absent where its program was not built.
    pub agentmesh: Option<Agentmesh>,
    /// The crate `dogwood-language`; absent where its program was not built.
    pub dogwood: Option<Dogwood>,
    /// (b), if it was wanted.
    pub full_hop: Option<FullHop>,
    /// (c), if it was wanted.
    pub calls: Option<Calls>,
    /// (d), if it was wanted.
    pub talk: Option<Talk>,
    /// (e), if a server was named.
    pub through: Option<Through>,
    /// What was wanted, and whether it was met in this run.
    pub aims: Vec<Aim>,
}

/// Something that was wanted.
#[derive(Clone, Debug, Serialize)]
pub struct Aim {
    /// What.
    pub what: &'static str,
    /// At most this.
    pub at_most: f64,
    /// What was measured.
    pub measured: f64,
    /// In which unit.
    pub unit: &'static str,
    /// Whether it was met.
    pub met: bool,
}

impl Aim {
    fn new(what: &'static str, at_most: f64, measured: f64, unit: &'static str) -> Self {
        Self { what, at_most, measured, unit, met: measured <= at_most }
    }
}

/// The aims, held against what was measured.
pub fn aims(
    pure_path: &[PurePath],
    temporal: &[Temporal],
    full_hop: Option<&FullHop>,
    calls: Option<&Calls>,
    talk: Option<&Talk>,
    through: Option<&Through>,
) -> Vec<Aim> {
    let mut aims = Vec::new();
    if !pure_path.is_empty() {
        aims.extend(aims_of_pure_path(pure_path));
    }
    if let Some((fewest, rest)) = temporal.split_first() {
        let slowest = rest.iter().map(|row| row.decide.p50_us).fold(0.0, f64::max);
        let ratio = slowest / fewest.decide.p50_us;
        aims.push(Aim::new("with temporal rules, most of them to fewest", 2.0, ratio, "times"));
    }
    if let Some(full_hop) = full_hop {
        aims.push(Aim::new("full hop to the sum of its primitives", 1.5, full_hop.ratio, "times"));
    }
    if let Some(calls) = calls {
        if let Some(alone) = calls.reads.first() {
            aims.push(Aim::new("added to a read on one connection, p50", 300.0, alone.added_p50_us, "µs"));
            aims.push(Aim::new("added to a read on one connection, p99", 2_000.0, alone.added_p99_us, "µs"));
        }
        aims.push(Aim::new("resident memory, idle", 60.0, calls.idle_mib, "MiB"));
    }
    aims.extend(talk.into_iter().flat_map(aims_of_talk));
    aims.extend(through.into_iter().flat_map(aims_of_through));
    aims
}

fn aims_of_talk(talk: &Talk) -> [Aim; 5] {
    [
        Aim::new("message sealed and taken, to its signature", 1.5, talk.ratio, "times"),
        Aim::new("a message at a time, of many at once", 100.0, 1e6 / talk.per_second, "µs"),
        Aim::new("messages lost", 0.0, talk.n_lost as f64, ""),
        Aim::new("token of five links, never seen, p99", 1_000.0, talk.chain_cold.p99_us, "µs"),
        Aim::new("the same, seen before, p99", 20.0, talk.chain_remembered.p99_us, "µs"),
    ]
}

fn aims_of_through(through: &Through) -> [Aim; 2] {
    [
        Aim::new("signed message on a line, to a bare request", 1.3, through.line_ratio, "times"),
        Aim::new("parcel by a mailbox, to a bare stream", 1.3, through.mailbox_ratio, "times"),
    ]
}

fn aims_of_pure_path(pure_path: &[PurePath]) -> [Aim; 3] {
    let spread: Vec<_> = pure_path.iter().filter(|row| !row.each_concerns_the_call).collect();
    let most = |of: fn(&PurePath) -> f64| spread.iter().map(|row| of(row)).fold(0.0, f64::max);
    let least = spread.iter().map(|row| row.without_scan.p50_us).fold(f64::INFINITY, f64::min);
    let slowest = most(|row| row.without_scan.p50_us);
    [
        Aim::new("pure path without the scan, p50", 20.0, slowest, "µs"),
        Aim::new("the same, most policies to fewest", 2.0, slowest / least, "times"),
        Aim::new("the scan, p50", 60.0, most(|row| row.scan.p50_us), "µs"),
    ]
}

/// Prints the report for people.
pub fn print(report: &Report) {
    if report.debug_build {
        anstream::println!("{} this is a debug build: its figures mean nothing", screen::red("warning"));
    }
    primitives(&report.primitives, report.n_processors);
    pure_path(&report.pure_path, report.agentmesh.as_ref());
    temporal(&report.temporal, report.dogwood.as_ref());
    if let Some(measured) = &report.full_hop {
        full_hop(measured);
    }
    if let Some(measured) = &report.calls {
        calls(measured);
    }
    if let Some(measured) = &report.talk {
        talk(measured);
    }
    if let Some(measured) = &report.through {
        through(measured);
    }
    aims_of(&report.aims);
}

fn primitives(primitives: &Primitives, n_processors: usize) {
    title(&format!("the machine, {n_processors} processors"), "p50 µs     p99 µs");
    line("SHA-256 of 1 MiB", primitives.sha256_1mib);
    line("one Ed25519 verification", primitives.ed25519_verify);
    line("append of 256 B and fdatasync", primitives.fsync);
    line("loopback round trip of 256 B", primitives.loopback);
}

fn pure_path(rows: &[PurePath], agentmesh: Option<&Agentmesh>) {
    for row in rows {
        let kind = if row.each_concerns_the_call { ", each about every call" } else { "" };
        title(&format!("(a) pure path, 2 KiB call, {} policies{kind}", row.n_policies), "p50 µs     p99 µs");
        line("stages 3 and 5 to 8", row.without_scan);
        line("  3 resolve", row.resolve);
        line("  5 authorise", row.authorise);
        line("  6 trace", row.trace);
        line("  7 weigh, 8 settle", row.weigh_and_settle);
        line("  4 the scan, apart", row.scan);
        line("  11 learning an answer like it, apart", row.learn);
        line("bare Cedar, the same policies", row.bare_cedar);
        let rival = agentmesh.and_then(|rival| rival.rows.iter().find(|rival| rival.n_rules == row.n_policies));
        if let Some(rival) = rival.filter(|_| !row.each_concerns_the_call) {
            let of = |p50_us, p99_us| Quantiles { p50_us, p99_us };
            line("agentmesh, with the arguments", of(rival.with_arguments_p50_us, rival.with_arguments_p99_us));
            line("agentmesh, the name alone", of(rival.name_alone_p50_us, rival.name_alone_p99_us));
        }
    }
    if agentmesh.is_none() && !rows.is_empty() {
        anstream::println!("  agentmesh is not built: {}", screen::faint(rival::AGENTMESH.build));
    }
}

fn temporal(rows: &[Temporal], dogwood: Option<&Dogwood>) {
    for Temporal { n_rules, n_events, decide, judge, take_in, bare_cedar } in rows {
        let title_text = format!("(a) {n_rules} temporal rules and policies, {n_events} events");
        title(&title_text, "p50 µs     p99 µs");
        line("stages 3 and 5 to 8", *decide);
        line("  what the rules say", *judge);
        line("  11 taking in an event, apart", *take_in);
        line("bare Cedar, the policies alone", *bare_cedar);
    }
    match dogwood {
        None if !rows.is_empty() => {
            anstream::println!("  Dogwood is not built: {}", screen::faint(rival::DOGWOOD.build))
        }
        None => {}
        Some(dogwood) => {
            title("(a) Dogwood, deciding and taking in the call", "p50 µs     p99 µs");
            for row in &dogwood.rows {
                let what = format!("{} policies, {} events", row.n_rules, row.n_events);
                anstream::println!("  {what:<42} {:>10.2} {:>10.2}", row.p50_us, row.p99_us);
            }
        }
    }
}

fn full_hop(hop: &FullHop) {
    title("(b) full hop: parse, proof, scan, decide, durable record", "p50 µs     p99 µs");
    line("one after the other", hop.hop);
    line("  append and fdatasync, right after", hop.fsync);
    anstream::println!(
        "  {:<42} {:>10.2} µs, {:.2} times of it",
        "signature and append together",
        hop.primitives_us,
        hop.ratio
    );
    line(&format!("{} callers at once", hop.n_callers), hop.at_once);
    anstream::println!("  {:<42} {:>10.0} hops/s", "", hop.hops_per_second);
}

fn calls(calls: &Calls) {
    for (what, rows) in [("read", &calls.reads), ("write", &calls.writes)] {
        title(&format!("(c) MCP {what} over HTTP"), "p50 µs     p99 µs    calls/s");
        for Row { n_connections, direct, through, added_p50_us, added_p99_us } in rows {
            way(&format!("{n_connections} connections, direct"), direct);
            way(&format!("{n_connections} connections, through maso"), through);
            let times = through.times.p50_us / direct.times.p50_us;
            anstream::println!(
                "  {:<42} {added_p50_us:>10.2} {added_p99_us:>10.2}   {}",
                "  added",
                screen::faint(&format!("p50: {times:.1} times direct"))
            );
        }
    }
    title("memory of `maso up`", "");
    anstream::println!("  {:<42} {:>10.1} MiB", "idle", calls.idle_mib);
    anstream::println!("  {:<42} {:>10.1} MiB", "after all calls", calls.after_mib);
}

fn talk(talk: &Talk) {
    title("(d) messages between agents, signed", "p50 µs     p99 µs");
    line("sealed and taken", talk.sealed_and_taken);
    line("  a bare signature over it, made and checked", talk.signature);
    line("from its seal to its release, on the record", talk.whole);
    anstream::println!("  {:<42} {:>10.0} messages/s", format!("{} at once", talk.n_callers), talk.per_second);
    anstream::println!("  {:<42} {:>10}", "lost", talk.n_lost);
    line("task token of five links, never seen", talk.chain_cold);
    line("  the same, seen before", talk.chain_remembered);
}

fn through(through: &Through) {
    title(&format!("(e) {} bytes through a NATS server", through.n_bytes), "p50 µs     p99 µs");
    line("signed, on a line, verified and answered", through.line);
    line("  a bare request, signed and verified", through.bare);
    line("sealed, put into a mailbox, taken, opened", through.mailbox);
    line("  a bare stream: put, fetched, acknowledged", through.bare_kept);
}

fn aims_of(aims: &[Aim]) {
    title("wanted", "at most   measured");
    for aim in aims {
        let word = if aim.met { screen::green("met") } else { screen::red("missed") };
        anstream::println!("  {:<42} {:>10.2} {:>10.2} {:<5} {word}", aim.what, aim.at_most, aim.measured, aim.unit);
    }
}

fn title(text: &str, columns: &str) {
    anstream::println!("\n{} {}", screen::strong(&format!("{text:<46}")), screen::faint(columns));
}

fn line(name: &str, Quantiles { p50_us, p99_us }: Quantiles) {
    anstream::println!("  {name:<42} {p50_us:>10.2} {p99_us:>10.2}");
}

fn way(name: &str, way: &Way) {
    let Quantiles { p50_us, p99_us } = way.times;
    anstream::println!("  {name:<42} {p50_us:>10.2} {p99_us:>10.2} {:>10.0}", way.per_second);
}
