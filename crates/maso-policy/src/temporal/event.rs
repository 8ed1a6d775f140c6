//! What happened, as far as rules can tell.

use std::collections::BTreeMap;

use maso_core::{Act, AgentName, Class, HopId, Label, TaskId, Timestamp, Turn, WorkflowName};
use maso_intent::{EventPattern, Occurrence, Resolved, Subject, Told};

/// Something that happened, as far as rules can tell.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What happened.
    pub occurrence: Occurrence,
    /// The hop to which it happened.
    pub hop: HopId,
    /// When.
    pub at: Timestamp,
    /// The hop's task, where it had one.
    pub task: Option<TaskId>,
    /// The agent that asked.
    pub agent: AgentName,
    /// The agent's workflow, where the agent is declared.
    pub workflow: Option<WorkflowName>,
    /// What was asked for.
    pub act: Act,
    /// The class of the tool; `read` for what is no tool call.
    pub class: Class,
    /// The label of its data, where it came so far.
    pub label: Option<Label>,
    /// The values that rules asked for when it was decided.
    pub values: BTreeMap<String, Told>,
}

impl Event {
    /// The hop that is being decided, as if it were let through at `now`; `None` for hops of which rules say nothing.
    pub fn deciding(resolved: &Resolved, label: Label, now: Timestamp) -> Option<Self> {
        let hop = resolved.hop();
        if !Self::concerns(&hop.act) {
            return None;
        }
        let occurrence = match hop.turn {
            Turn::Ask => Occurrence::Call,
            Turn::Answer { .. } => Occurrence::Answer,
        };
        Some(Self {
            occurrence,
            hop: hop.id,
            at: now,
            task: Some(resolved.task().id),
            agent: resolved.mandate().agent.clone(),
            workflow: Some(resolved.mandate().workflow.clone()),
            act: hop.act.clone(),
            class: Self::class_of(&hop.act, resolved.tool().map(|tool| tool.class)),
            label: Some(label),
            values: resolved.told(),
        })
    }

    /// Whether rules speak of such acts: what agents ask for, and what they are answered.
    pub const fn concerns(act: &Act) -> bool {
        match act {
            Act::CallTool(_) | Act::ReadResource { .. } | Act::GetPrompt { .. } | Act::Request { .. } => true,
            Act::Complete { .. }
            | Act::List { .. }
            | Act::AskClient { .. }
            | Act::Notify { .. }
            | Act::Tell { .. }
            | Act::Report { .. }
            | Act::Spawn { .. } => false,
        }
    }

    /// The class that counts for rules. A tool that nobody classified executes.
    pub fn class_of(act: &Act, declared: Option<Class>) -> Class {
        match act {
            Act::CallTool(_) => declared.unwrap_or(Class::Execute),
            _ => Class::Read,
        }
    }

    /// Whether it is such an event. A value of which nobody can say what it amounts to counts against the hop: it is
    /// what rules look out for, and it is not what a person approved.
    pub(super) fn is(&self, pattern: &EventPattern) -> bool {
        let EventPattern { occurrence, subjects, classes, agents, confidentiality_min, integrity_max, values } =
            pattern;
        let unclear = !matches!(self.occurrence, Occurrence::Approval);
        *occurrence == self.occurrence
            && (classes.is_empty() || classes.contains(&self.class))
            && (agents.is_empty() || agents.contains(&self.agent))
            && (subjects.is_empty() || Subject::all_of(&self.act).iter().any(|subject| subjects.contains(subject)))
            && confidentiality_min.is_none_or(|least| self.label.is_some_and(|label| label.confidentiality >= least))
            && integrity_max.is_none_or(|most| self.label.is_some_and(|label| label.integrity <= most))
            && values.iter().all(|(pointer, term)| {
                // What nobody asked for then, nobody knows now.
                self.values.get(pointer).is_some_and(|value| term.admits(value).unwrap_or(unclear))
            })
    }

    /// How much of a value is summed: nothing that was not asked for when it happened, and all there is of what nobody
    /// can count, so that it passes every limit.
    pub(super) fn amount(&self, pointer: &str) -> u64 {
        match self.values.get(pointer) {
            Some(Told::Whole(amount)) => u64::try_from(*amount).unwrap_or(u64::MAX),
            Some(Told::Other(_) | Told::Absent) => u64::MAX,
            None => 0,
        }
    }
}
