//! What was done for each request between agents, against how much may be done for it (IA-2.4): calls of tools, and the
//! money that they moved. It counts whoever did it, so handing work on makes it no more.

use std::collections::HashMap;

use maso_core::{Act, Finding, Findings, HopId, Principal, TaskId, Turn, Word};
use maso_identity::Quota;
use maso_intent::{Moved, Resolved};
use maso_log::v1;
use parking_lot::Mutex;

/// What was done for all requests of all open tasks, folded from the record.
#[derive(Debug, Default)]
pub(super) struct Quotas(Mutex<HashMap<TaskId, HashMap<HopId, Tally>>>);

/// A call as far as quotas count it.
#[derive(Clone, Debug)]
pub(crate) struct Spending {
    hop: HopId,
    task: TaskId,
    moves: u64,
    /// The requests for which it is done, with what each of them allows.
    links: Vec<(HopId, Quota)>,
}

/// What was done for one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Done {
    n_calls: u64,
    moved_minor: u64,
}

#[derive(Debug, Default)]
struct Tally {
    done: Done,
    /// What was let pass and is not on the record yet. It counts, so that many at once are not more than one after the
    /// other.
    passing: HashMap<HopId, u64>,
}

impl Spending {
    /// What a hop spends; nothing if it calls no tool, or is done for no request that bounds anything.
    pub(crate) fn of(resolved: &Resolved) -> Option<Self> {
        let hop = resolved.hop();
        let (Principal::Agent(_), Act::CallTool(_), Turn::Ask) = (&hop.from, &hop.act, hop.turn) else { return None };
        let links = resolved.identified().task()?.chain.links().iter();
        // Narrowest wins: what was handed on then, and what may be handed on now.
        let bounded = links.filter_map(|link| {
            let grant = resolved.solution().grant(&link.from, &link.to, &link.request);
            let quota = grant.map_or(link.quota, |grant| grant.quota.meet(link.quota));
            quota.is_bounded().then_some((link.id, quota))
        });
        let links: Vec<_> = bounded.collect();
        let moves = match resolved.moved() {
            Some(Moved::Minor(moves)) => moves,
            Some(Moved::Unclear(_)) | None => 0,
        };
        (!links.is_empty()).then_some(Self { hop: hop.id, task: resolved.task().id, moves, links })
    }
}

impl Quotas {
    /// What they say of this hop.
    pub(super) fn limits(&self, resolved: &Resolved) -> Findings {
        let Some(spending) = Spending::of(resolved) else { return Findings::none() };
        let mut all = self.0.lock();
        let tallies = all.entry(spending.task).or_default();
        if let Some((request, why)) = excess(tallies, &spending) {
            let reason = format!("{why} for what was asked with {request}");
            return Findings::from(vec![Finding::new("IA-2.4", Word::NoGo, reason)]);
        }
        for (link, _) in &spending.links {
            tallies.entry(*link).or_default().passing.insert(spending.hop, spending.moves);
        }
        Findings::none()
    }

    /// Whether what was let pass still fits, now that other processes' calls were counted.
    pub(super) fn bear(&self, spending: Option<&Spending>) -> bool {
        let Some(spending) = spending else { return true };
        let all = self.0.lock();
        all.get(&spending.task).is_none_or(|tallies| excess(tallies, spending).is_none())
    }

    /// Gives back the place of a call that is not under way any more.
    pub(super) fn leave(&self, task: TaskId, hop: HopId) {
        let mut all = self.0.lock();
        let Some(tallies) = all.get_mut(&task) else { return };
        for tally in tallies.values_mut() {
            tally.passing.remove(&hop);
        }
        tallies.retain(|_, tally| !tally.passing.is_empty() || tally.done != Done::default());
        if tallies.is_empty() {
            all.remove(&task);
        }
    }

    /// Takes in a recorded decision.
    pub(super) fn decided(&self, decided: &v1::HopDecided) {
        let is_call = decided.verb == "call_tool" && decided.answers.is_none() && decided.decision == "allow";
        let (true, Some(Ok(task)), Ok(hop)) =
            (is_call, decided.task.as_deref().map(str::parse::<TaskId>), decided.hop.parse::<HopId>())
        else {
            return;
        };
        let mut all = self.0.lock();
        for link in decided.chain.iter().filter_map(|link| link.parse::<HopId>().ok()) {
            let tally = all.entry(task).or_default().entry(link).or_default();
            tally.passing.remove(&hop);
            // Counted even if it fails afterwards: what broke midway may have happened.
            tally.done = tally.done.and(decided.moves.unwrap_or_default());
        }
    }

    pub(super) fn closed(&self, closed: &v1::TaskClosed) {
        if let Ok(task) = closed.task.parse::<TaskId>() {
            self.0.lock().remove(&task);
        }
    }
}

impl Done {
    fn and(self, moves: u64) -> Self {
        Self { n_calls: self.n_calls.saturating_add(1), moved_minor: self.moved_minor.saturating_add(moves) }
    }
}

/// The first request that allows no more, and why. The hop's own place does not count against it.
fn excess(tallies: &HashMap<HopId, Tally>, spending: &Spending) -> Option<(HopId, String)> {
    spending.links.iter().find_map(|(link, quota)| {
        let nothing = Tally::default();
        let tally = tallies.get(link).unwrap_or(&nothing);
        let others = tally.passing.iter().filter(|(hop, _)| **hop != spending.hop);
        let after = others.fold(tally.done, |done, (_, moves)| done.and(*moves)).and(spending.moves);
        let too_many = quota.calls.filter(|most| after.n_calls > *most);
        let too_much = quota.value_minor.filter(|most| spending.moves > 0 && after.moved_minor > *most);
        let why = too_many
            .map(|most| format!("more than {most} calls"))
            .or_else(|| too_much.map(|most| format!("more than {most} moved")))?;
        Some((*link, why))
    })
}
