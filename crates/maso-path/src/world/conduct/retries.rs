//! How often what failed is tried again (EC-1.10), and how soon (ENV-14).
//!
//! Failures count in a row, for one agent, tool and item of a task: what its server turned away, what broke midway, and what
//! says itself that it did not succeed. An action that was refused counts by itself: only the very same again is a retry.

use std::collections::{HashMap, VecDeque};

use maso_core::{Act, AgentName, Digest, Finding, Findings, HopId, Principal, TaskId, Timestamp, ToolRef, Turn, Word};
use maso_intent::{AgentMandate, Bounds, Resolved, TaskKind, TaskSpec};
use maso_log::v1;
use parking_lot::Mutex;

use super::awaiting::Awaiting;
use crate::footing::Footing;

/// All failures that were not made up for, folded from the record.
#[derive(Debug, Default)]
pub(super) struct Retries(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    tasks: HashMap<TaskId, Failures>,
    /// Calls that were released and have not ended.
    awaiting: Awaiting<Call>,
    /// Retries that were let pass and are not on the record yet.
    passing: HashMap<HopId, (TaskId, Aim)>,
}

/// What has failed in one task.
#[derive(Debug, Default)]
struct Failures {
    rows: HashMap<Aim, Row>,
    refused: HashMap<Digest, Row>,
    /// What was refused, oldest first.
    order: VecDeque<Digest>,
}

/// What is tried again: calls of one tool by one agent, about one item if they are about any.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Aim {
    agent: AgentName,
    tool: ToolRef,
    item: Option<Digest>,
}

/// How often it failed in a row, and when last.
#[derive(Clone, Copy, Debug)]
struct Row {
    n: u32,
    last: Timestamp,
}

#[derive(Debug)]
struct Call {
    task: TaskId,
    aim: Aim,
    action: Option<Digest>,
}

/// Which of both count at this moment, and how far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Retries, unless they are not counted.
    pub(super) n_retries: Option<u32>,
    /// Milliseconds between two attempts at the very same.
    pub(super) cooldown_ms: u64,
}

impl Patience {
    /// An agent's own mandate may be the more impatient.
    pub(super) fn of(bounds: &Bounds, mandate: &AgentMandate, applies: impl Fn(&str) -> bool) -> Self {
        let own = mandate.on_fail.as_ref().map_or(u32::MAX, |after| after.retry_max);
        Self {
            n_retries: applies("EC-1.10").then(|| bounds.retries_max.min(own)),
            cooldown_ms: if applies("ENV-14") { bounds.retry_cooldown_ms } else { 0 },
        }
    }
}

impl Retries {
    /// What earlier failures say of this hop.
    pub(super) fn limits(&self, resolved: &Resolved, patience: Patience, now: Timestamp) -> Findings {
        let mut findings = Findings::none();
        let (hop, task) = (resolved.hop(), resolved.task());
        let (Principal::Agent(agent), Act::CallTool(tool), Turn::Ask) = (&hop.from, &hop.act, hop.turn) else {
            return findings;
        };
        let mut inner = self.0.lock();
        inner.passing.remove(&hop.id);
        let Some(failures) = inner.tasks.get(&task.id) else { return findings };
        let item = resolved.item().map(|item| item.digest());
        let aim = failures.aim(Aim { agent: agent.clone(), tool: tool.clone(), item });
        let action = if failures.refused.is_empty() { None } else { Some(resolved.action_digest()) };
        let attempt = Attempt { hop: hop.id, task, aim: &aim, action: action.as_ref() };
        match inner.excess(attempt, patience, now) {
            Some((control, why)) => findings.add(Finding::new(control, Word::NoGo, why)),
            None => drop(inner.passing.insert(hop.id, (task.id, aim))),
        }
        findings
    }

    /// Whether what was let pass still may.
    pub(super) fn bear(&self, footing: &Footing, patience: Patience, now: Timestamp) -> bool {
        let (Some(agent), Some((tool, _))) = (&footing.agent, &footing.pin) else { return true };
        let inner = self.0.lock();
        let Some(failures) = inner.tasks.get(&footing.task.id) else { return true };
        let aim = failures.aim(Aim { agent: agent.clone(), tool: tool.clone(), item: footing.item });
        let attempt = Attempt { hop: footing.hop, task: &footing.task, aim: &aim, action: Some(&footing.action) };
        inner.excess(attempt, patience, now).is_none()
    }

    /// Which control refuses the attempt that a record is of.
    #[cfg(test)]
    pub(super) fn control_of(
        &self,
        decided: &v1::HopDecided,
        task: &TaskSpec,
        patience: Patience,
        now: Timestamp,
    ) -> Option<&'static str> {
        let (hop, call) = read(decided)?;
        let attempt = Attempt { hop, task, aim: &call.aim, action: call.action.as_ref() };
        self.0.lock().excess(attempt, patience, now).map(|(control, _)| control)
    }

    /// Whether a hop that is under way tries again what failed.
    pub(super) fn is_retry(&self, hop: HopId) -> bool {
        let inner = self.0.lock();
        let of_row = |call: &Call| inner.tasks.get(&call.task).is_some_and(|it| it.rows.contains_key(&call.aim));
        inner.passing.contains_key(&hop) || inner.awaiting.get(hop).is_some_and(of_row)
    }

    pub(super) fn leave(&self, hop: HopId) {
        self.0.lock().passing.remove(&hop);
    }

    /// Takes in a recorded decision.
    pub(super) fn decided(&self, at: Timestamp, decided: &v1::HopDecided) {
        if decided.verb != "call_tool" || decided.answers.is_some() {
            return;
        }
        let Some((hop, call)) = read(decided) else { return };
        let mut inner = self.0.lock();
        inner.passing.remove(&hop);
        match (decided.decision.as_str(), decided.refusal.as_deref(), call.action) {
            ("allow", _, action) => {
                if let (Some(action), Some(failures)) = (action, inner.tasks.get_mut(&call.task)) {
                    failures.forgive(&action);
                }
                inner.awaiting.insert(hop, call);
            }
            // A limit is no failure, and what only observes has refused nothing.
            ("deny", Some("DENIED" | "NOT_APPROVED" | "OUT_OF_MANDATE" | "DRY_RUN_FAILED"), Some(action))
                if decided.enforced =>
            {
                inner.tasks.entry(call.task).or_default().refuse(action, at, 1);
            }
            _ => {}
        }
    }

    /// Takes in what came of a released call.
    pub(super) fn released(&self, at: Timestamp, released: &v1::HopReleased) {
        let Ok(hop) = released.hop.parse::<HopId>() else { return };
        let mut inner = self.0.lock();
        let Some(Call { task, aim, action }) = inner.awaiting.remove(hop) else { return };
        if released.succeeded() {
            let Some(failures) = inner.tasks.get_mut(&task) else { return };
            failures.rows.remove(&failures.aim(aim));
            if failures.rows.is_empty() && failures.refused.is_empty() {
                inner.tasks.remove(&task);
            }
            return;
        }
        let failures = inner.tasks.entry(task).or_default();
        let row = failures.rows.entry(failures.aim(aim)).or_insert(Row { n: 0, last: at });
        *row = Row { n: row.n.saturating_add(1), last: at };
        if let Some(action) = action {
            failures.refuse(action, at, 0);
        }
    }

    pub(super) fn closed(&self, task: TaskId) {
        self.0.lock().tasks.remove(&task);
    }
}

/// One attempt at something.
#[derive(Clone, Copy)]
struct Attempt<'a> {
    hop: HopId,
    task: &'a TaskSpec,
    aim: &'a Aim,
    action: Option<&'a Digest>,
}

impl Inner {
    /// Why there is no further attempt.
    fn excess(&self, attempt: Attempt<'_>, patience: Patience, now: Timestamp) -> Option<(&'static str, String)> {
        let Attempt { hop, task, aim, action } = attempt;
        let failures = self.tasks.get(&task.id)?;
        // A standing task never ends, and no person ends it: what failed in it is forgotten before long.
        let counts = |row: &&Row| matches!(task.kind, TaskKind::Opened) || now.since_ms(row.last) < STANDING_MS;
        let refused = action.and_then(|action| failures.refused.get(action)).filter(counts);
        if let Some(refused) = refused
            && now.since_ms(refused.last) < patience.cooldown_ms
        {
            let why = format!("the same failed or was refused within {} ms", patience.cooldown_ms);
            return Some(("ENV-14", why));
        }
        let most = patience.n_retries?;
        if let Some(Row { n, .. }) = refused.filter(|row| row.n > most) {
            return Some(("EC-1.10", format!("the same was refused {n} times in this task: it is given up")));
        }
        let row = failures.rows.get(aim).filter(counts)?;
        let passing = self.passing.iter().filter(|(other, (of, to))| **other != hop && *of == task.id && to == aim);
        let awaited = self.awaiting.values();
        let awaited = awaited.filter(|(other, call)| **other != hop && call.task == task.id && call.aim == *aim);
        // What is under way may fail too.
        let n_others = u32::try_from(passing.count() + awaited.count()).unwrap_or(u32::MAX);
        (row.n.saturating_add(n_others) > most).then(|| {
            let (n, tool) = (row.n, &aim.tool);
            ("EC-1.10", format!("`{tool}` failed {n} times in a row, and may be tried again {most} times"))
        })
    }
}

impl Failures {
    /// Past the number of items that are told apart, all further ones of a tool fail together.
    fn aim(&self, aim: Aim) -> Aim {
        if self.rows.len() >= ROWS_MAX && !self.rows.contains_key(&aim) { Aim { item: None, ..aim } } else { aim }
    }

    fn refuse(&mut self, action: Digest, at: Timestamp, n: u32) {
        if !self.refused.contains_key(&action) {
            self.order.push_back(action);
        }
        let row = self.refused.entry(action).or_insert(Row { n: 0, last: at });
        *row = Row { n: row.n.saturating_add(n), last: at };
        while self.order.len() > REFUSED_MAX {
            self.order.pop_front().and_then(|oldest| self.refused.remove(&oldest));
        }
    }

    /// It was released after all.
    fn forgive(&mut self, action: &Digest) {
        if self.refused.remove(action).is_some() {
            self.order.retain(|known| known != action);
        }
    }
}

fn read(decided: &v1::HopDecided) -> Option<(HopId, Call)> {
    let Principal::Agent(agent) = Principal::parse(decided.from.as_deref()?)? else { return None };
    let item = decided.item.as_deref().and_then(Digest::parse);
    let call = Call {
        task: decided.task.as_deref()?.parse().ok()?,
        aim: Aim { agent, tool: decided.object.parse().ok()?, item },
        action: decided.action.as_deref().and_then(Digest::parse),
    };
    Some((decided.hop.parse().ok()?, call))
}

/// How long failures count in a standing task: as long as blocks do by default (EC-2.4).
const STANDING_MS: u64 = 10 * 60_000;

/// Items of one task whose failures are told apart.
const ROWS_MAX: usize = 10_000;

/// Refused actions of one task that are remembered.
const REFUSED_MAX: usize = 1_024;
