//! The steps of one chain, as far as they bear on whether it can be undone.

use std::collections::VecDeque;

use maso_core::{HopId, Timestamp};

use super::step::Undo;

/// What was done about one item.
#[derive(Debug)]
pub(super) struct Chain {
    /// Steps that changed something.
    n_steps: u64,
    /// Those of them that could not be undone, or cannot any more and a person knows.
    n_final: u64,
    /// The last of these.
    last_final: Option<(HopId, String)>,
    /// Steps that can be undone for a while, in the order in which that ends.
    windows: VecDeque<Window>,
    last_at: Timestamp,
}

/// A step that can be undone until then.
#[derive(Debug)]
pub(super) struct Window {
    hop: HopId,
    pub(super) tool: String,
    pub(super) ends_at: Timestamp,
}

impl Default for Chain {
    fn default() -> Self {
        let last_at = Timestamp::from_millis(0);
        Self { n_steps: 0, n_final: 0, last_final: None, windows: VecDeque::new(), last_at }
    }
}

impl Chain {
    /// Goes on with one more step.
    pub(super) fn take(&mut self, hop: HopId, tool: String, undo: Undo, at: Timestamp) {
        self.n_steps = self.n_steps.saturating_add(1);
        self.last_at = at;
        if self.n_final > 0 {
            // It could not be undone as a whole before that either.
            self.acknowledge(at);
        }
        match undo {
            Undo::Always => {}
            Undo::Never => self.end(hop, tool),
            Undo::Until(ends_at) => {
                let place = self.windows.partition_point(|window| window.ends_at <= ends_at);
                self.windows.insert(place, Window { hop, tool, ends_at });
                // The two that end last count as one that ends with the earlier: rather asked too early than too late.
                self.windows.truncate(WINDOWS_MAX);
            }
        }
    }

    /// Takes a step back that changed nothing after all.
    pub(super) fn give_back(&mut self, hop: HopId, was_final: bool) {
        self.n_steps = self.n_steps.saturating_sub(1);
        self.windows.retain(|window| window.hop != hop);
        if was_final {
            self.n_final = self.n_final.saturating_sub(1);
            self.last_final.take_if(|(last, _)| *last == hop);
        }
    }

    /// What had lapsed by then cannot be undone any more, and a person has accepted that.
    pub(super) fn acknowledge(&mut self, by: Timestamp) {
        while let Some(window) = self.windows.pop_front_if(|window| window.ends_at <= by) {
            self.end(window.hop, window.tool);
        }
    }

    fn end(&mut self, hop: HopId, tool: String) {
        self.n_final = self.n_final.saturating_add(1);
        self.last_final = Some((hop, tool));
    }

    pub(super) fn n_steps(&self) -> u64 {
        self.n_steps
    }

    pub(super) fn n_final(&self) -> u64 {
        self.n_final
    }

    /// The tool of the last step that cannot be undone, where that is still known.
    pub(super) fn last_final(&self) -> Option<&str> {
        self.last_final.as_ref().map(|(_, tool)| tool.as_str())
    }

    pub(super) fn windows(&self) -> impl Iterator<Item = &Window> {
        self.windows.iter()
    }

    pub(super) fn last_at(&self) -> Timestamp {
        self.last_at
    }
}

/// Windows of one chain.
const WINDOWS_MAX: usize = 16;
