//! What makes a task clear, and how whoever is to work on it asks back (PG-1.6, PG-2.10).

use std::{collections::BTreeSet, sync::LazyLock};

use maso_core::{Act, AgentName, Class, Hop, HopId, Principal, RequestName, Turn, words};
use serde_json::json;

use crate::{ContentSchema, Resolved, SolutionMandate, TaskKind, TaskSpec, lint::vague};

/// A part of what a task says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskPart {
    /// What is to be done: the operator's own words.
    Objective,
    /// What it is about, and how far it goes.
    Scope,
    /// When it succeeded. The workflow's own criteria count where the task names none.
    SuccessCriteria,
    /// What is not to be touched.
    OutOfScope,
}
words!(TaskPart {
    Objective = "objective",
    Scope = "scope",
    SuccessCriteria = "success-criteria",
    OutOfScope = "out-of-scope",
});

impl TaskPart {
    /// What a task must say where its workflow does not say what.
    pub fn required_by_default() -> BTreeSet<Self> {
        BTreeSet::from([Self::Objective, Self::SuccessCriteria])
    }
}

impl TaskSpec {
    /// What its workflow asks every task to say and this one does not. A standing task is what its agent's mandate says.
    pub fn missing(&self, solution: &SolutionMandate) -> BTreeSet<TaskPart> {
        if matches!(self.kind, TaskKind::Standing(_)) {
            return BTreeSet::new();
        }
        let is_said = |part: &TaskPart| match part {
            TaskPart::Objective => !self.words.trim().is_empty(),
            TaskPart::Scope => self.scope.is_some(),
            TaskPart::SuccessCriteria => !self.success_criteria.is_empty(),
            TaskPart::OutOfScope => !self.out_of_scope.is_empty(),
        };
        solution.clarity.iter().filter(|part| !is_said(part)).copied().collect()
    }

    /// The first word of its objective that cannot be measured.
    pub fn vague_word(&self) -> Option<&'static str> {
        vague::vague(&self.words)
    }
}

/// What a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matter {
    /// The task.
    Task(TaskPart),
    /// A request that another agent made.
    Request(HopId),
}

impl Matter {
    /// Reads what `ask_clarification` is given.
    pub fn parse(text: &str) -> Option<Self> {
        TaskPart::parse(text).map(Self::Task).or_else(|| text.parse().ok().map(Self::Request))
    }
}

/// A hop by which somebody asks what is meant, or says it, or says what it takes to be meant. It goes by no grant of its own:
/// an agent may always ask the person who answers for its task, and whoever was granted to ask another for work may be asked
/// back by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clarifying<'a> {
    /// An agent asks a person.
    AskPerson,
    /// An agent asks back the one that asked it for work.
    AskBack {
        /// Who asked for work.
        delegator: &'a AgentName,
    },
    /// An agent tells the person what it takes for granted.
    Assume,
    /// It is answered.
    Answer {
        /// The question.
        question: HopId,
    },
}

impl<'a> Clarifying<'a> {
    /// The request by which questions travel. No grant can name it.
    pub fn request() -> RequestName {
        REQUEST.clone()
    }

    /// The request by which agents say what they take for granted. No grant can name it.
    pub fn assumption() -> RequestName {
        ASSUMPTION.clone()
    }

    /// Whether a request is one of these, which no grant can name.
    pub fn is_reserved(request: &RequestName) -> bool {
        *request == *REQUEST || *request == *ASSUMPTION
    }

    /// Whether an act is of a conversation about what is meant, allowed or not: it is no work, and hands none on.
    pub fn concerns(act: &Act) -> bool {
        matches!(act, Act::Request { request, .. } if Self::is_reserved(request))
    }

    /// What it is of a conversation about what is meant; `None` for any other hop, and for one that may not be.
    pub fn of(hop: &'a Hop, solution: &SolutionMandate) -> Option<Self> {
        let Act::Request { agent: named, request } = &hop.act else { return None };
        if *request == *ASSUMPTION {
            let is_its_own = matches!((&hop.from, &hop.to, hop.turn),
                (Principal::Agent(agent), Principal::Operator(_), Turn::Ask) if agent == named);
            return is_its_own.then_some(Self::Assume);
        }
        if *request != *REQUEST {
            return None;
        }
        let granted = |from: &AgentName, to: &AgentName| {
            solution.grants.iter().any(|grant| grant.from == *from && grant.to == *to)
        };
        match (&hop.from, &hop.to, hop.turn) {
            (Principal::Agent(agent), Principal::Operator(_), Turn::Ask) if agent == named => Some(Self::AskPerson),
            (Principal::Agent(asked), Principal::Agent(delegator), Turn::Ask)
                if delegator == named && granted(delegator, asked) =>
            {
                Some(Self::AskBack { delegator })
            }
            (Principal::Agent(delegator), Principal::Agent(asked), Turn::Answer { to })
                if delegator == named && granted(delegator, asked) =>
            {
                Some(Self::Answer { question: to })
            }
            _ => None,
        }
    }

    /// What a question, or what is said to be assumed, must satisfy: a JSON Schema.
    pub fn schema(self) -> &'static ContentSchema {
        match self {
            Self::Assume => &ASSUMED,
            Self::AskPerson | Self::AskBack { .. } | Self::Answer { .. } => &ASKED,
        }
    }
}

impl Resolved {
    /// What it is of a conversation about what is meant, if it is any of it.
    pub fn clarifying(&self) -> Option<Clarifying<'_>> {
        Clarifying::of(self.hop(), self.solution())
    }

    /// Whether an agent asks for more than to look at something: a tool that does more than read, or another's work. A
    /// question about what is meant is none of it.
    pub fn starts_work(&self) -> bool {
        let hop = self.hop();
        let by_agent = matches!((&hop.from, hop.turn), (Principal::Agent(_), Turn::Ask));
        by_agent
            && match &hop.act {
                Act::CallTool(_) => self.tool().is_none_or(|tool| tool.class != Class::Read),
                Act::Request { .. } => self.clarifying().is_none(),
                Act::ReadResource { .. }
                | Act::GetPrompt { .. }
                | Act::Complete { .. }
                | Act::List { .. }
                | Act::AskClient { .. }
                | Act::Notify { .. }
                | Act::Tell { .. }
                | Act::Report { .. }
                | Act::Spawn { .. } => false,
            }
    }
}

static REQUEST: LazyLock<RequestName> =
    LazyLock::new(|| "maso.clarification".parse().expect("it has the form of a name"));

static ASSUMPTION: LazyLock<RequestName> =
    LazyLock::new(|| "maso.assumption".parse().expect("it has the form of a name"));

static ASSUMED: LazyLock<ContentSchema> = LazyLock::new(|| {
    ContentSchema::new(json!({
        "type": "object",
        "required": ["text"],
        "additionalProperties": false,
        "properties": {
            "text": { "type": "string", "minLength": 1, "maxLength": ASSUMPTION_CHARS_MAX },
            "inputs": {
                "type": "array",
                "maxItems": INPUTS_MAX,
                "uniqueItems": true,
                "items": { "type": "string", "minLength": 1, "maxLength": 64 },
            },
        },
    }))
});

static ASKED: LazyLock<ContentSchema> = LazyLock::new(|| {
    ContentSchema::new(json!({
        "type": "object",
        "required": ["about", "question"],
        "additionalProperties": false,
        "properties": {
            "about": { "type": "string", "minLength": 1, "maxLength": 64 },
            "question": { "type": "string", "minLength": 1, "maxLength": QUESTION_CHARS_MAX },
            "options": {
                "type": "array",
                "maxItems": OPTIONS_MAX,
                "items": { "type": "string", "minLength": 1, "maxLength": OPTION_CHARS_MAX },
            },
        },
    }))
});

/// Characters of an assumption: no more than a message may say of one.
const ASSUMPTION_CHARS_MAX: usize = 2_000;
/// On how much an assumption may rest.
const INPUTS_MAX: usize = 64;
/// Characters of a question.
const QUESTION_CHARS_MAX: usize = 2_000;
/// Answers that a question may offer.
const OPTIONS_MAX: usize = 8;
/// Characters of one of them.
const OPTION_CHARS_MAX: usize = 200;
