//! What came of replaying recorded runs, in figures.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use maso_intent::Source;
use serde::Serialize;

use crate::{
    replay::{Decided, Ruling},
    run::Row,
    scores::{self, Scores},
};

/// What came of replaying recorded runs.
#[derive(Clone, Debug, Serialize)]
pub struct TraceReport {
    /// How many runs there were.
    pub runs: usize,
    /// How many calls of tools.
    pub calls: usize,
    /// Lines of policy by suite: what is neither empty nor a comment in the declaration's files.
    pub policy_lines: BTreeMap<String, usize>,
    /// Runs that nothing defended while they were recorded.
    pub undefended: Tables,
    /// All runs.
    pub all: Tables,
    /// What stopped attacks that had succeeded, the most frequent first.
    pub stopped: Vec<Stopped>,
    /// How long the path took for a call, to its decision on the record.
    pub decision: Option<Latency>,
}

/// Scores by what is known of runs.
#[derive(Clone, Debug, Serialize)]
pub struct Tables {
    /// By benchmark, scripted runs apart.
    pub by_recording: BTreeMap<String, Scores>,
    /// By benchmark and suite.
    pub by_suite: BTreeMap<String, Scores>,
    /// By model.
    pub by_model: BTreeMap<String, Scores>,
    /// By the defence that was on while it was recorded.
    pub by_defence: BTreeMap<String, Scores>,
    /// By the form of the injection.
    pub by_attack: BTreeMap<String, Scores>,
}

/// What stopped attacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stopped {
    /// The control.
    pub control: String,
    /// Whether somebody was asked, or it was refused.
    pub by: Ruling,
    /// How many attacks.
    pub attacks: usize,
    /// The tools at which it stopped them.
    pub tools: BTreeSet<String>,
    /// At which call of the run, counted from 1: the first of all, and the last.
    pub calls: (usize, usize),
}

/// Quantiles of how long something took, in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Latency {
    /// The median.
    pub p50_us: f64,
    /// Of a hundred, one took longer.
    pub p99_us: f64,
}

impl TraceReport {
    /// Counts replayed runs. `declared` has each suite's deployment.
    pub fn of(rows: &[Row], decided: &[Vec<Decided>], declared: &BTreeMap<String, Source>) -> Self {
        let all: Vec<(&Row, &[Decided])> = rows.iter().zip(decided.iter().map(Vec::as_slice)).collect();
        let undefended: Vec<_> = all.iter().filter(|(row, _)| row.is_undefended()).copied().collect();
        Self {
            runs: rows.len(),
            calls: decided.iter().map(Vec::len).sum(),
            policy_lines: declared.iter().map(|(suite, source)| (suite.clone(), policy_lines(source))).collect(),
            undefended: Tables::of(&undefended),
            all: Tables::of(&all),
            stopped: stopped(&all),
            decision: Latency::of(decided.iter().flatten().map(|it| it.took).collect()),
        }
    }
}

impl Tables {
    fn of(runs: &[(&Row, &[Decided])]) -> Self {
        let by = |key: &dyn Fn(&Row) -> Option<String>| scores::by(runs.iter().copied(), key);
        Self {
            by_recording: by(&|row| Some(recording(row))),
            by_suite: by(&|row| Some(format!("{} {}", recording(row), row.run.suite))),
            by_model: by(&|row| row.labels.model.clone()),
            by_defence: by(&|row| row.labels.defense.clone()),
            by_attack: by(&|row| row.labels.attack.clone().filter(|attack| attack != "none")),
        }
    }
}

/// The benchmark that a run was recorded for; scripted runs are none of a model.
fn recording(row: &Row) -> String {
    if row.labels.model.is_none() { "scripted".to_owned() } else { row.labels.source.clone() }
}

/// What stopped each attack first that had succeeded.
fn stopped(runs: &[(&Row, &[Decided])]) -> Vec<Stopped> {
    let mut found: Vec<Stopped> = Vec::new();
    for (row, decided) in runs {
        let sets = row.attack_sets();
        let of = |call: &usize| decided.iter().find(|it| it.i == *call);
        let is_open = |set: &Vec<usize>| set.iter().all(|call| of(call).is_some_and(|it| it.decision == Ruling::Allow));
        if sets.is_empty() || sets.iter().any(is_open) {
            continue;
        }
        let blocked = sets.iter().flatten().filter_map(of).filter(|it| it.decision != Ruling::Allow);
        let Some(first) = blocked.min_by_key(|it| it.i) else { continue };
        let control = first.control.clone().unwrap_or_default();
        let nth = first.i + 1;
        match found.iter_mut().find(|it| it.control == control && it.by == first.decision) {
            Some(known) => {
                known.attacks += 1;
                known.tools.insert(first.tool.clone());
                known.calls = (known.calls.0.min(nth), known.calls.1.max(nth));
            }
            None => found.push(Stopped {
                control,
                by: first.decision,
                attacks: 1,
                tools: BTreeSet::from([first.tool.clone()]),
                calls: (nth, nth),
            }),
        }
    }
    found.sort_by(|one, other| other.attacks.cmp(&one.attacks).then_with(|| one.control.cmp(&other.control)));
    found
}

impl Latency {
    /// The quantiles of these times; `None` of none.
    pub fn of(mut times: Vec<Duration>) -> Option<Self> {
        times.sort_unstable();
        let at = |percent: usize| times.get((times.len() * percent / 100).min(times.len().checked_sub(1)?));
        let us = |time: &Duration| time.as_secs_f64() * 1e6;
        Some(Self { p50_us: us(at(50)?), p99_us: us(at(99)?) })
    }
}

fn policy_lines(source: &Source) -> usize {
    let files = source.files.iter().filter(|(path, _)| path.ends_with(".toml") || path.ends_with(".cedar"));
    let lines = files.flat_map(|(_, text)| text.lines());
    lines.map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#') && !line.starts_with("//")).count()
}
