//! How full agents' contexts are (EC-1.9, OB-2.5a), and what tasks have used of their budgets of tokens and money (AT-1.7,
//! OB-2.5).

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use maso_core::{AgentName, Digest, Finding, Findings, HopId, Principal, TaskId, Tier, Timestamp, Word};
use maso_intent::{ContextLevel, ContextTerms, Counted, Deployment, HardLimits, Resolved, TaskKind};
use maso_log::v1;
use parking_lot::Mutex;

use super::spent::Spent;
use crate::footing::Footing;

/// What was read and written in all tasks, folded from the record.
#[derive(Debug)]
pub(super) struct Contexts {
    deployment: Arc<Deployment>,
    /// The standing tasks: of them a day counts, for they never end.
    standing: HashSet<TaskId>,
    tasks: Mutex<HashMap<TaskId, InTask>>,
}

/// How full an agent's context is in one task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextUse {
    /// The task.
    pub task: TaskId,
    /// How much its context holds.
    pub terms: ContextTerms,
    /// Tokens in it, at least.
    pub used: u64,
    /// How often it was rotated.
    pub n_rotations: u32,
    /// Tokens of what it noted last: so many were in it when it was rotated.
    pub noted: u64,
    /// Digest of what it noted last.
    pub checkpoint: Option<Digest>,
}

/// An agent whose context has just passed the warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::world) struct Warned {
    pub(in crate::world) agent: AgentName,
    pub(in crate::world) percent: u8,
}

/// What was read and written in one task.
#[derive(Debug, Default)]
struct InTask {
    windows: BTreeMap<AgentName, Window>,
    tokens: Spent,
    cost_millionths: Spent,
    /// What was let pass and is not on the record yet. It counts, so that many at once are not more than one after the other.
    passing: HashMap<HopId, Vec<Counted>>,
}

/// One agent's context in one task, since it was last rotated.
#[derive(Debug, Default)]
struct Window {
    tokens: Spent,
    n_rotations: u32,
    noted: u64,
    checkpoint: Option<Digest>,
}

impl Contexts {
    pub(super) fn new(deployment: &Arc<Deployment>, standing: HashSet<TaskId>) -> Self {
        Self { deployment: Arc::clone(deployment), standing, tasks: Mutex::default() }
    }

    /// What contexts and budgets say of this hop.
    pub(super) fn limits(&self, resolved: &Resolved, now: Timestamp) -> Findings {
        let mut findings = Findings::none();
        self.time(resolved, now, &mut findings);
        let counted = resolved.counted();
        if counted.is_empty() {
            return findings;
        }
        let (task, hop, limits) = (resolved.task(), resolved.hop().id, &resolved.solution().limits);
        let span = Span { is_day: matches!(task.kind, TaskKind::Standing(_)), now };
        let mut tasks = self.tasks.lock();
        let in_task = tasks.entry(task.id).or_default();
        in_task.passing.remove(&hop);
        for one in &counted {
            self.context(in_task, hop, one, span, &mut findings);
        }
        if self.deployment.applies("OB-2.5", now) {
            findings.join(in_task.nearly_spent(hop, &counted, limits, span).into_iter().collect());
        }
        match in_task.room(hop, &counted, limits, span) {
            Ok(()) => {}
            Err(Excess::Done(why)) => findings.add(Finding::new("AT-1.7", Word::NoGo, why)),
            Err(Excess::UnderWay) => {
                let why = "as much as the task's budget holds is under way already";
                findings.add(Finding::new("EC-1.3", Word::NoGo, why));
            }
        }
        if findings.word() < Word::NoGo {
            in_task.passing.insert(hop, counted);
        } else if in_task.is_empty() {
            tasks.remove(&task.id);
        }
        findings
    }

    /// Whether what is under way, some of it perhaps on its way to the disk, leaves the hop no room.
    pub(super) fn is_crowded(&self, resolved: &Resolved, now: Timestamp) -> bool {
        let limits = &resolved.solution().limits;
        if limits.max_tokens.is_none() && limits.max_cost_minor.is_none() {
            return false;
        }
        let (counted, task) = (resolved.counted(), resolved.task());
        let span = Span { is_day: matches!(task.kind, TaskKind::Standing(_)), now };
        let tasks = self.tasks.lock();
        tasks.get(&task.id).is_some_and(|in_task| {
            let room = in_task.room(resolved.hop().id, &counted, limits, span);
            matches!(room, Err(Excess::UnderWay))
        })
    }

    /// What one agent's context says.
    fn context(&self, in_task: &InTask, hop: HopId, one: &Counted, span: Span, findings: &mut Findings) {
        let Some(terms) = self.terms(&one.agent) else { return };
        let before = in_task.in_context(hop, &one.agent, span);
        let after = one.after(before);
        let told = || {
            format!("context of `{}`: {} % full, {after} of {} tokens", one.agent, terms.percent(after), terms.tokens)
        };
        if terms.level(after) > terms.level(before)
            && let Some(level) = terms.level(after)
            && self.deployment.applies("EC-1.9", span.now)
        {
            findings.add(Finding::new("EC-1.9", Word::Go, format!("{level}: {}", told())));
        }
        if self.closes(span.now) && terms.level(after) == Some(ContextLevel::Critical) {
            findings.add(Finding::new("OB-2.5a", Word::NoGo, told()));
        }
    }

    /// What the time box of the task says in its last fifth.
    fn time(&self, resolved: &Resolved, now: Timestamp, findings: &mut Findings) {
        let (task, box_ms) = (resolved.task(), resolved.solution().limits.max_execution_ms);
        let is_late = || now.since_ms(task.opened_at) >= box_ms / 100 * u64::from(ALERT_PERCENT);
        if task.kind == TaskKind::Opened && is_late() && self.deployment.applies("OB-2.5", now) {
            let left_ms = box_ms.saturating_sub(now.since_ms(task.opened_at));
            let why = format!("{left_ms} ms are left of the {box_ms} ms that the task may take");
            findings.add(Finding::new("OB-2.5", Word::Go, why));
        }
    }

    /// Whether what was let pass still may, now that what other processes recorded was taken in.
    pub(super) fn bear(&self, footing: &Footing, limits: &HardLimits, now: Timestamp) -> bool {
        if footing.counted.is_empty() {
            return true;
        }
        let span = Span { is_day: matches!(footing.task.kind, TaskKind::Standing(_)), now };
        let tasks = self.tasks.lock();
        let nothing = InTask::default();
        let in_task = tasks.get(&footing.task.id).unwrap_or(&nothing);
        let fits = |one: &Counted| {
            let Some(terms) = self.terms(&one.agent) else { return true };
            let after = one.after(in_task.in_context(footing.hop, &one.agent, span));
            terms.level(after) < Some(ContextLevel::Critical)
        };
        in_task.room(footing.hop, &footing.counted, limits, span).is_ok()
            && (!self.closes(now) || footing.counted.iter().all(fits))
    }

    /// Whether this hop, once it is on the record, takes an agent's context past the warning. Then the posture must be
    /// asked before it is carried.
    pub(super) fn warns(&self, resolved: &Resolved, now: Timestamp) -> bool {
        let counted = resolved.counted();
        if counted.is_empty() || !self.closes(now) {
            return false;
        }
        let span = Span { is_day: matches!(resolved.task().kind, TaskKind::Standing(_)), now };
        let tasks = self.tasks.lock();
        let Some(in_task) = tasks.get(&resolved.task().id) else { return false };
        counted.iter().any(|one| {
            let before = in_task.in_context(resolved.hop().id, &one.agent, span);
            self.terms(&one.agent).is_some_and(|terms| passes_warning(&terms, before, one.after(before)))
        })
    }

    /// Gives back the place of a hop that is not under way any more.
    pub(super) fn leave(&self, task: TaskId, hop: HopId) {
        let mut tasks = self.tasks.lock();
        let Some(in_task) = tasks.get_mut(&task) else { return };
        in_task.passing.remove(&hop);
        if in_task.is_empty() {
            tasks.remove(&task);
        }
    }

    /// Takes in a recorded decision. Gives the agents whose contexts it took past the warning.
    pub(super) fn decided(&self, at: Timestamp, decided: &v1::HopDecided) -> Vec<Warned> {
        let Some(n_bytes) = decided.context_bytes else { return Vec::new() };
        let Some(Ok(task)) = decided.task.as_deref().map(str::parse::<TaskId>) else { return Vec::new() };
        let parties = decided.from.as_deref().and_then(Principal::parse).zip(Principal::parse(&decided.to));
        let (Some((from, to)), Ok(hop)) = (parties, decided.hop.parse::<HopId>()) else { return Vec::new() };
        let mut tasks = self.tasks.lock();
        let was_ours = tasks.get_mut(&task).is_some_and(|in_task| in_task.passing.remove(&hop).is_some());
        // Counted even if it fails on its way: nobody knows what was read of what broke off.
        if decided.decision != "allow" && decided.enforced {
            return Vec::new();
        }
        let span = Span { is_day: self.standing.contains(&task), now: at };
        let in_task = tasks.entry(task).or_default();
        let mut warned = Vec::new();
        for one in self.deployment.counted((&from, &to), n_bytes, decided.context_claimed) {
            in_task.tokens.count(at, one.tokens);
            in_task.cost_millionths.count(at, one.cost_millionths);
            let Some(terms) = self.terms(&one.agent) else { continue };
            let window = in_task.windows.entry(one.agent.clone()).or_default();
            let before = window.tokens.sum(span.is_day, at);
            let after = one.after(before);
            window.tokens.count(at, after.saturating_sub(before));
            if was_ours && terms.level(after) > terms.level(before) {
                tell(&one.agent, &terms, after);
            }
            if decided.enforced && passes_warning(&terms, before, after) {
                let percent = u8::try_from(terms.percent(after)).unwrap_or(u8::MAX);
                warned.push(Warned { agent: one.agent, percent });
            }
        }
        warned
    }

    /// Takes in that an agent goes on from what it noted.
    pub(super) fn rotated(&self, at: Timestamp, record: &v1::ContextCheckpoint) {
        let Ok(task) = record.task.parse::<TaskId>() else { return };
        let Some(Principal::Agent(agent)) = Principal::parse(&record.agent) else { return };
        let Some(terms) = self.terms(&agent) else { return };
        let mut tasks = self.tasks.lock();
        let window = tasks.entry(task).or_default().windows.entry(agent).or_default();
        window.tokens = Spent::default();
        window.noted = terms.tokens_of(record.bytes);
        window.tokens.count(at, window.noted);
        window.n_rotations = window.n_rotations.saturating_add(1);
        window.checkpoint = record.payload.as_deref().and_then(Digest::parse);
    }

    pub(super) fn closed(&self, record: &v1::TaskClosed) {
        if let Ok(task) = record.task.parse::<TaskId>() {
            self.tasks.lock().remove(&task);
        }
    }

    /// How full an agent's context is in one task.
    pub(super) fn usage_in(&self, task: TaskId, agent: &AgentName, now: Timestamp) -> Option<ContextUse> {
        let terms = self.terms(agent)?;
        let tasks = self.tasks.lock();
        let window = tasks.get(&task).and_then(|in_task| in_task.windows.get(agent));
        Some(self.usage(task, terms, window, now))
    }

    /// The fullest of an agent's contexts.
    pub(super) fn fullest(&self, agent: &AgentName, now: Timestamp) -> Option<ContextUse> {
        let terms = self.terms(agent)?;
        let tasks = self.tasks.lock();
        let uses = tasks
            .iter()
            .filter_map(|(task, in_task)| Some(self.usage(*task, terms, Some(in_task.windows.get(agent)?), now)));
        uses.max_by_key(|usage| (usage.used, usage.task))
    }

    fn usage(&self, task: TaskId, terms: ContextTerms, window: Option<&Window>, now: Timestamp) -> ContextUse {
        ContextUse {
            task,
            terms,
            used: window.map_or(0, |window| window.tokens.sum(self.standing.contains(&task), now)),
            n_rotations: window.map_or(0, |window| window.n_rotations),
            noted: window.map_or(0, |window| window.noted),
            checkpoint: window.and_then(|window| window.checkpoint),
        }
    }

    fn terms(&self, agent: &AgentName) -> Option<ContextTerms> {
        self.deployment.agents.get(agent)?.context
    }

    /// Whether a full context lets nothing more in. At Tier 1 people are told, and decide.
    fn closes(&self, now: Timestamp) -> bool {
        self.deployment.tier > Tier::Supervised && self.deployment.applies("OB-2.5a", now)
    }
}

impl InTask {
    fn is_empty(&self) -> bool {
        self.passing.is_empty() && self.windows.is_empty() && self.tokens.is_empty()
    }

    fn others(&self, hop: HopId) -> impl Iterator<Item = &Counted> {
        self.passing.iter().filter(move |(other, _)| **other != hop).flat_map(|(_, counted)| counted)
    }

    /// What is in an agent's context, with what is under way to it.
    fn in_context(&self, hop: HopId, agent: &AgentName, span: Span) -> u64 {
        let used = self.windows.get(agent).map_or(0, |window| window.tokens.sum(span.is_day, span.now));
        self.others(hop).filter(|one| one.agent == *agent).fold(used, |used, one| one.after(used))
    }

    /// Whether one more hop fits in the budgets, besides those that are under way.
    fn room(&self, hop: HopId, counted: &[Counted], limits: &HardLimits, span: Span) -> Result<(), Excess> {
        for budget in self.budgets(limits, span) {
            let more = budget.more(counted);
            if more == 0 {
                continue;
            }
            if budget.spent.saturating_add(more) > budget.most {
                let Budget { spent, what, unit, .. } = budget;
                let within = if span.is_day { "within a day" } else { "in one task" };
                let why = format!(
                    "{} of {what} after {}, and at most {} may be used {within}",
                    more.div_ceil(unit),
                    spent / unit,
                    budget.most / unit
                );
                return Err(Excess::Done(why));
            }
            let others = self.others(hop).fold(budget.spent, |sum, one| sum.saturating_add((budget.of)(one)));
            if others.saturating_add(more) > budget.most {
                return Err(Excess::UnderWay);
            }
        }
        Ok(())
    }

    /// What is said when a budget is about to be used up.
    fn nearly_spent(&self, hop: HopId, counted: &[Counted], limits: &HardLimits, span: Span) -> Vec<Finding> {
        let alert = |budget: Budget| {
            let before = self.others(hop).fold(budget.spent, |sum, one| sum.saturating_add((budget.of)(one)));
            let is_near = |spent: u64| u128::from(spent) * 100 >= u128::from(budget.most) * u128::from(ALERT_PERCENT);
            let after = before.saturating_add(budget.more(counted));
            (is_near(after) && !is_near(before)).then(|| {
                let Budget { what, unit, most, .. } = budget;
                let why = format!("{} of {} of {what} are used in the task", after.div_ceil(unit), most / unit);
                Finding::new("OB-2.5", Word::Go, why)
            })
        };
        self.budgets(limits, span).filter_map(alert).collect()
    }

    fn budgets(&self, limits: &HardLimits, span: Span) -> impl Iterator<Item = Budget> {
        let tokens = limits.max_tokens.map(|most| Budget {
            most,
            spent: self.tokens.sum(span.is_day, span.now),
            of: |one| one.tokens,
            unit: 1,
            what: "the tokens",
        });
        let cost = limits.max_cost_minor.map(|most| Budget {
            most: most.saturating_mul(MILLIONTHS),
            spent: self.cost_millionths.sum(span.is_day, span.now),
            of: |one| one.cost_millionths,
            unit: MILLIONTHS,
            what: "the cost",
        });
        tokens.into_iter().chain(cost)
    }
}

/// What a task may use of something, and has used.
struct Budget {
    most: u64,
    spent: u64,
    of: fn(&Counted) -> u64,
    /// How it is counted, for people.
    unit: u64,
    what: &'static str,
}

impl Budget {
    fn more(&self, counted: &[Counted]) -> u64 {
        counted.iter().fold(0, |sum, one| sum.saturating_add((self.of)(one)))
    }
}

/// Over what is summed.
#[derive(Clone, Copy, Debug)]
struct Span {
    /// A standing task never ends: a day of it counts.
    is_day: bool,
    now: Timestamp,
}

/// Why one more hop does not fit.
enum Excess {
    /// What was used already leaves no room.
    Done(String),
    /// What is under way leaves none, if it is done.
    UnderWay,
}

fn passes_warning(terms: &ContextTerms, before: u64, after: u64) -> bool {
    let is_warned = |used| terms.level(used) >= Some(ContextLevel::Warning);
    is_warned(after) && !is_warned(before)
}

/// Tells people, once for each level.
fn tell(agent: &AgentName, terms: &ContextTerms, used: u64) {
    let percent = terms.percent(used);
    match terms.level(used) {
        Some(ContextLevel::Info) => tracing::info!(%agent, percent, "an agent's context fills up"),
        Some(level) => tracing::warn!(%agent, percent, %level, "an agent's context is nearly full"),
        None => {}
    }
}

/// From how many per cent of a budget on people are told.
const ALERT_PERCENT: u8 = 80;
const MILLIONTHS: u64 = 1_000_000;

#[cfg(test)]
mod tests;
