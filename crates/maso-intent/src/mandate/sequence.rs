//! In which order the agents of a workflow act (AT-2.4).

use maso_core::{AgentName, words};

use super::SolutionMandate;

/// By what the agents of a workflow come to their turn in an opened task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SequenceBy {
    /// Each acts when all before it in the sequence have completed their work.
    Completion,
    /// Each acts while it has work that another one handed to it.
    HandOver,
}
words!(SequenceBy { Completion = "completion", HandOver = "hand-over" });

impl SolutionMandate {
    /// Whether an agent begins by itself where work is handed over: no grant leads to it.
    pub fn begins_by_itself(&self, agent: &AgentName) -> bool {
        !self.grants.iter().any(|grant| grant.to == *agent)
    }
}
