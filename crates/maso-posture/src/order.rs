//! What follows from a signal.

use std::{fmt, str::FromStr};

use maso_core::{AgentName, IdError, OperatorName, Phase, Scope};

use crate::{EmergencyReview, Office, rules};

/// What follows from a signal. All orders of one step are recorded together, then carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// A scope is in another phase from now on.
    ChangePhase {
        /// The scope.
        scope: Scope,
        /// The phase before.
        from: Phase,
        /// The phase now.
        to: Phase,
        /// Why.
        trigger: Trigger,
        /// Who changed it.
        by: Author,
    },
    /// People must be told. They are told, not asked.
    Notify {
        /// The least office that must hear of it.
        audience: Office,
        /// What it is about.
        scope: Scope,
        /// What they are told.
        message: String,
    },
}

/// Why a phase changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// The agent's breaker opened.
    Breaker {
        /// Guardrail blocks.
        n_blocks: u32,
        /// Within this time.
        window_ms: u64,
    },
    /// Judges blocked the agent too often.
    JudgeBlocks {
        /// Judge blocks.
        n_blocks: u32,
        /// Within this time.
        window_ms: u64,
    },
    /// The agent reached too often for tools that do not exist for it.
    PlanAttempts {
        /// How often.
        n_attempts: u32,
        /// How often would still have been accepted.
        n_accepted: u32,
        /// Within what.
        period: Period,
    },
    /// An agent tried more than a hard limit of the workflow's mandate allows: a hard stop.
    LimitBreach {
        /// The agent.
        agent: AgentName,
    },
    /// The agent signed what is no message, or none as its contract has it.
    ContractBreach,
    /// The agent's context is nearly full.
    ContextWarning {
        /// How full it was when it passed the warning, in per cent.
        percent: u8,
    },
    /// An agent of the workflow came to the right result by the wrong means.
    CreativeSubstitution {
        /// The agent.
        agent: AgentName,
    },
    /// An agent acted when it was not its turn: a hard stop.
    SequenceViolation {
        /// The agent.
        agent: AgentName,
    },
    /// An agent reported that its work failed: a hard stop.
    AgentFailed {
        /// The agent.
        agent: AgentName,
    },
    /// Several agents of the workflow left Primary.
    SeveralAgents {
        /// How many.
        n_agents: u32,
    },
    /// Several workflows are in Contingency.
    SeveralWorkflows {
        /// How many.
        n_workflows: u32,
    },
    /// The scope, or an agent of the workflow, was in Alternate for too long.
    AlternateTooLong {
        /// Whose clock ran out.
        scope: Scope,
        /// The bound.
        bound_ms: u64,
    },
    /// The agent went in and out of Alternate too often.
    Cycles {
        /// How often in 24 hours.
        n_cycles: u32,
    },
    /// The integrity of what is carried between agents could not be shown.
    BusIntegrity {
        /// What was wrong.
        detail: String,
    },
    /// A person decided.
    Manual {
        /// Why.
        reason: String,
        /// The review that ended an Emergency.
        review: Option<EmergencyReview>,
    },
    /// The kill switch.
    Kill {
        /// Why.
        reason: String,
    },
}

/// Over what plan attempts are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// One task.
    Task,
    /// Seven days.
    Week,
    /// Thirty days.
    Month,
}

/// Who changed a phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Author {
    /// A rule.
    Maso,
    /// A person.
    Operator(OperatorName),
}

impl fmt::Display for Trigger {
    /// The text that is recorded and shown; it names the control where the framework has an id for the rule.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Breaker { n_blocks, window_ms } => {
                write!(f, "EC-2.4: breaker open, {n_blocks} guardrail blocks within {}", Span(*window_ms))
            }
            Self::JudgeBlocks { n_blocks, window_ms } => {
                write!(f, "EC-2.5: {n_blocks} judge blocks within {}", Span(*window_ms))
            }
            Self::PlanAttempts { n_attempts, n_accepted, period } => {
                write!(f, "AT-2.8: {n_attempts} plan attempts in {period}, {n_accepted} are accepted")
            }
            Self::LimitBreach { agent } => write!(f, "AT-1.7: agent `{agent}` tried more than a hard limit allows"),
            Self::ContractBreach => f.write_str("EC-2.14: the agent signed what is no message of its contract"),
            Self::ContextWarning { percent } => write!(f, "OB-2.5a: the agent's context is {percent} % full"),
            Self::CreativeSubstitution { agent } => {
                write!(f, "AT-2.6: creative substitution by agent `{agent}`: the right result by the wrong means")
            }
            Self::SequenceViolation { agent } => write!(f, "AT-2.4: agent `{agent}` acted before its turn"),
            Self::AgentFailed { agent } => write!(f, "AT-1.7: agent `{agent}` reported that its work failed"),
            Self::SeveralAgents { n_agents } => write!(f, "PACE: {n_agents} agents of the workflow left primary"),
            Self::SeveralWorkflows { n_workflows } => write!(f, "PACE: {n_workflows} workflows are in contingency"),
            Self::AlternateTooLong { scope, bound_ms } => {
                write!(f, "PACE: {scope} was in alternate for {}", Span(*bound_ms))
            }
            Self::Cycles { n_cycles } => write!(f, "EC-3.2: {n_cycles} times in alternate within 24 h"),
            Self::BusIntegrity { detail } => write!(f, "PACE: bus integrity check failed: {}", Cut(detail)),
            Self::Manual { reason, review: None } => write!(f, "manual: {}", Cut(reason)),
            Self::Manual { reason, review: Some(review) } => write!(f, "manual: {}; review: {review}", Cut(reason)),
            Self::Kill { reason } => write!(f, "kill switch: {}", Cut(reason)),
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Task => "one task",
            Self::Week => "7 days",
            Self::Month => "30 days",
        })
    }
}

impl fmt::Display for Author {
    /// `maso` or `operator:NAME`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Maso => f.write_str("maso"),
            Self::Operator(name) => write!(f, "operator:{name}"),
        }
    }
}

impl FromStr for Author {
    type Err = IdError;

    /// Reads `maso` or `operator:NAME`.
    fn from_str(text: &str) -> Result<Self, IdError> {
        match text.strip_prefix("operator:") {
            Some(name) => Ok(Self::Operator(name.parse()?)),
            None if text == "maso" => Ok(Self::Maso),
            None => Err(IdError { given: text.chars().take(80).collect(), expected: "`maso` or `operator:NAME`" }),
        }
    }
}

/// A span of time as people write it.
struct Span(u64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ms if ms >= rules::HOUR_MS && ms.is_multiple_of(rules::HOUR_MS) => write!(f, "{} h", ms / rules::HOUR_MS),
            ms if ms >= rules::MINUTE_MS && ms.is_multiple_of(rules::MINUTE_MS) => {
                write!(f, "{} min", ms / rules::MINUTE_MS)
            }
            ms if ms.is_multiple_of(1_000) => write!(f, "{} s", ms / 1_000),
            ms => write!(f, "{ms} ms"),
        }
    }
}

/// A person's or a peer's words, cut so that they cannot flood a record.
struct Cut<'a>(&'a str);

impl fmt::Display for Cut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(WORDS_CHARS_MAX) {
            None => f.write_str(self.0),
            Some((end, _)) => write!(f, "{}…", &self.0[..end]),
        }
    }
}

const WORDS_CHARS_MAX: usize = 500;
