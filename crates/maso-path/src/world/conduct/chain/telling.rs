//! What a person is told of a chain.

use maso_core::Timestamp;
use maso_intent::ToolManifest;

use super::links::Chain;

/// All that a step would go on with, at one moment.
#[derive(Debug, Default)]
pub(super) struct Sum {
    n_steps: u64,
    n_final: u64,
    last_final: Option<String>,
    /// Tools whose windows ended, and when, and nobody has accepted that.
    lapsed: Vec<(String, Timestamp)>,
    /// Tools whose windows still run, and until when.
    open: Vec<(String, Timestamp)>,
}

impl Sum {
    pub(super) fn add(&mut self, chain: &Chain, now: Timestamp) {
        self.n_steps = self.n_steps.saturating_add(chain.n_steps());
        self.n_final = self.n_final.saturating_add(chain.n_final());
        if let Some(tool) = chain.last_final() {
            self.last_final = Some(tool.to_owned());
        }
        for window in chain.windows() {
            let list = if window.ends_at <= now { &mut self.lapsed } else { &mut self.open };
            // Enough to be told of, and to know that there are some.
            if list.len() <= TOLD_MAX {
                list.push((window.tool.clone(), window.ends_at));
            }
        }
    }

    /// Whether the chain can be undone no more, by the passing of time alone, and nobody knows. Of a chain that a person
    /// let pass its point of no return that is no news.
    pub(super) fn has_lapsed(&self) -> bool {
        self.n_final == 0 && !self.lapsed.is_empty()
    }

    /// Whether a step that can never be undone would be the chain's point of no return: what came before could still be
    /// undone, if it was not for this.
    pub(super) fn ends_here(&self) -> bool {
        !self.open.is_empty() || (self.n_final == 0 && self.n_steps > 0)
    }
}

/// That a chain can be undone no more, by the passing of time alone.
pub(super) fn lapsed(sum: &Sum) -> Option<String> {
    let first = sum.lapsed.first().filter(|_| sum.has_lapsed())?;
    let which = listed(&sum.lapsed, "could be until");
    Some(match sum.lapsed.len() {
        1 => format!("what `{}` did before it cannot be undone any more: it could be until {}", first.0, first.1),
        _ => format!("what was done before it cannot be undone any more: {which}"),
    })
}

/// That a step is the point of no return of its chain, and what there is to make up for it.
pub(super) fn no_return(sum: &Sum, tool: Option<&ToolManifest>) -> Option<String> {
    if !sum.ends_here() {
        return None;
    }
    let before = match sum.n_steps {
        1 => "the step before it".to_owned(),
        n => format!("the {n} steps before it"),
    };
    let until = match sum.open.is_empty() {
        true => String::new(),
        false => format!(" ({})", listed(&sum.open, "can be until")),
    };
    let remedy = match tool.map(|tool| (&tool.compensated_by, &tool.remedy)) {
        Some((Some(undo), _)) => format!("`{undo}` makes up for it"),
        Some((None, Some(remedy))) => format!("to make up for it: {remedy}"),
        _ => "nothing is declared that makes up for it".to_owned(),
    };
    Some(format!("the point of no return: {before}{until} cannot be undone together with it; {remedy}"))
}

/// That a step belongs to what cannot be undone as a whole.
pub(super) fn part_of(sum: &Sum) -> Option<String> {
    (sum.n_final > 0).then(|| match &sum.last_final {
        Some(tool) => format!("it goes on with what cannot be undone as a whole: `{tool}` was done"),
        None => "it goes on with what cannot be undone as a whole".to_owned(),
    })
}

fn listed(steps: &[(String, Timestamp)], how: &str) -> String {
    let told = steps.iter().take(TOLD_MAX).map(|(tool, ends_at)| format!("`{tool}` {how} {ends_at}"));
    let told: Vec<_> = told.collect();
    let more = if steps.len() > TOLD_MAX { ", and more" } else { "" };
    format!("{}{more}", told.join(", "))
}

/// Steps that are told of by name.
const TOLD_MAX: usize = 3;
