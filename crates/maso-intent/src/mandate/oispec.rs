//! Intent specifications: what success and failure are (OI-1.1, OI-1.2).

use std::collections::BTreeSet;

use maso_core::{JudgeName, OperatorName, RequestName, Risk, ToolRef, words};

/// An intent specification (OI-1.1): what success and failure are.
#[derive(Clone, Debug)]
pub struct OiSpec {
    /// The goal, in words.
    pub goal: String,
    /// When it succeeded.
    pub success_criteria: Vec<String>,
    /// Ids of the success criteria, in the same order; `criterion-1` and so on where the file names none.
    pub criterion_ids: Vec<String>,
    /// What decides whether each of them is met, in the same order, where the file says so.
    pub deciders: Vec<Option<Decider>>,
    /// Ids of the workflow's success criteria that this agent serves (OI-1.5); empty for a workflow.
    pub covers: BTreeSet<String>,
    /// When it failed.
    pub failure_criteria: Vec<String>,
    /// What must not be done, in words and, where a word is a `server:tool`, by rule.
    pub prohibited_actions: Vec<String>,
    /// Fields that its outputs must have, by JSON pointer.
    pub required_fields: Vec<String>,
    /// Text that its outputs must not contain, case-insensitively.
    pub prohibited_content: Vec<String>,
    /// How sure it may be of what no source backs, from 0 to 1. On the record; nothing measures it yet.
    pub max_confidence_without_source: Option<f64>,
    /// How risky it is as a whole.
    pub risk_classification: Risk,
    /// When it is evaluated.
    pub evaluation: Evaluation,
}

/// What decides whether a success criterion is met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decider {
    /// A judge, by a question to its model.
    Judge(JudgeName),
    /// A person.
    Person(OperatorName),
    /// The published schema of a tool.
    Tool(ToolRef),
    /// The schema of a request that one agent may make of another.
    Request(RequestName),
    /// A field that every write must have, by JSON pointer.
    Field(String),
}

/// When an OISpec is evaluated, the seldomest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evaluation {
    /// After the run.
    PostExecution,
    /// At the end of each phase.
    PerPhase,
    /// At each action.
    EveryAction,
}
words!(Evaluation {
    PostExecution = "post-execution",
    PerPhase = "per-phase",
    EveryAction = "every-action",
});

impl Evaluation {
    /// How often it must be at least, for how risky a thing is as a whole (OI-2.1).
    pub const fn due(risk: Risk) -> Self {
        match risk {
            Risk::Low => Self::PostExecution,
            Risk::Medium => Self::PerPhase,
            Risk::High | Risk::Critical => Self::EveryAction,
        }
    }

    /// How often the workflow as a whole must be evaluated at least (OI-2.2).
    pub const fn strategic_due(risk: Risk) -> Self {
        match risk {
            Risk::Low | Risk::Medium => Self::PostExecution,
            Risk::High | Risk::Critical => Self::PerPhase,
        }
    }
}

/// What an agent is in its workflow (OI-1.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum AgentRole {
    /// It does a part of the work.
    #[default]
    Task,
    /// It hands work to others.
    Orchestrator,
    /// It judges what others did, and changes nothing.
    Evaluator,
    /// It watches, and changes nothing.
    Observer,
}
words!(AgentRole { Task = "task", Orchestrator = "orchestrator", Evaluator = "evaluator", Observer = "observer" });

impl AgentRole {
    /// Whether it only looks: then nothing that it holds may change anything.
    pub const fn only_looks(self) -> bool {
        matches!(self, Self::Evaluator | Self::Observer)
    }

    /// Whether it may hold tools: who hands out the work has none of its own (IA-2.5).
    pub const fn holds_tools(self) -> bool {
        !matches!(self, Self::Orchestrator)
    }
}

/// What an agent may do with its own authority (OI-1.1). What is not written is as the grants and the tools say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Powers {
    /// Whether it may ask other agents; `false` takes every grant from it.
    pub can_delegate: Option<bool>,
    /// Over how many hops its requests may lead at most, counted along the grants.
    pub max_delegation_depth: Option<u32>,
}

impl Powers {
    /// Whether it may ask anyone for anything.
    pub fn may_delegate(&self) -> bool {
        self.can_delegate.unwrap_or(true) && self.max_delegation_depth != Some(0)
    }
}
