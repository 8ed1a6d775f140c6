//! What halts a workflow, and who is told (AT-1.7, AT-2.9).

use maso_core::{OperatorName, words};

use crate::Role;

/// What halts all agents of a workflow at once (AT-1.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HaltCondition {
    /// An agent returned that it failed.
    AgentFail,
    /// More signs of fraud than the mandate accepts.
    FraudThresholdBreach,
    /// A hard limit was reached.
    LimitBreach,
    /// An agent began before its turn.
    SequenceViolation,
    /// More plan attempts than the mandate accepts.
    PlanAttemptThreshold,
}
words!(HaltCondition {
    AgentFail = "agent-fail",
    FraudThresholdBreach = "fraud-threshold-breach",
    LimitBreach = "limit-breach",
    SequenceViolation = "sequence-violation",
    PlanAttemptThreshold = "plan-attempt-threshold",
});

impl HaltCondition {
    /// Whether this version halts a workflow for it, which does or does not hold its agents to a sequence. It does so
    /// whether a mandate lists it or not.
    pub const fn is_enforced(self, in_sequence: bool) -> bool {
        match self {
            Self::LimitBreach | Self::PlanAttemptThreshold => true,
            Self::AgentFail | Self::SequenceViolation => in_sequence,
            Self::FraudThresholdBreach => false,
        }
    }
}

/// What happens when a workflow was halted: all of its agents stop, and a person decides (AT-2.9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HaltTerms {
    /// Who is told.
    pub tell: OperatorName,
    /// What state is kept, in words.
    pub preserve: Vec<String>,
    /// What has to be decided.
    pub decision: String,
    /// Whose word lets it go on or ends it.
    pub resume: Role,
}

/// What happens when an agent failed or ran out of time (AT-1.2): it halts, and a person is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AfterFailure {
    /// How often it may be tried again first.
    pub retry_max: u32,
    /// Who is told.
    pub tell: OperatorName,
}
