//! Saying no: an opaque code to the agent, the reason to the operator (ENV-3).

use crate::{Finding, words};

/// Why a hop was not released, as far as an agent is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// The bytes are not a well-formed hop within the limits.
    Malformed,
    /// The sender is not who it says, not fresh, or not known.
    Unauthentic,
    /// Outside the effective authority; also a tool that does not exist for this agent.
    OutOfMandate,
    /// A control said no.
    Denied,
    /// Somebody who had to be asked said no, or nobody answered in time.
    NotApproved,
    /// The agent, workflow or deployment is stopped.
    Suspended,
    /// A rate, turn or budget limit was reached.
    LimitReached,
    /// It was done before, or may have been: a tool that carries each instruction out once was given it again.
    Duplicate,
    /// It departs from the order in which the agent's steps are planned: what comes first was not done.
    OutOfPlan,
    /// It is not the turn of the agent: those before it are not done, or nobody handed work to it.
    OutOfSequence,
    /// Work is called done, or handed on, without the tools that must have run for it.
    Incomplete,
    /// What is to be done is not clear yet: the work waits until somebody has answered what was asked about it.
    Unclear,
    /// The request for which it is done was taken back, by whoever made it or by an operator.
    TakenBack,
    /// It is tried out first, and did not succeed there or cannot be tried out.
    DryRunFailed,
    /// maso itself could not do what was needed, or the agent that is asked is not there. What is refused so was not released; of an answer, what it answers was.
    Unavailable,
}
words!(Refusal {
    Malformed = "MALFORMED",
    Unauthentic = "UNAUTHENTIC",
    OutOfMandate = "OUT_OF_MANDATE",
    Denied = "DENIED",
    NotApproved = "NOT_APPROVED",
    Suspended = "SUSPENDED",
    LimitReached = "LIMIT_REACHED",
    Duplicate = "DUPLICATE",
    OutOfPlan = "OUT_OF_PLAN",
    OutOfSequence = "OUT_OF_SEQUENCE",
    Incomplete = "INCOMPLETE",
    Unclear = "UNCLEAR",
    TakenBack = "TAKEN_BACK",
    DryRunFailed = "DRY_RUN_FAILED",
    Unavailable = "UNAVAILABLE",
});

/// A subject that a stage turned away, with the code for the agent and the finding for the operator.
#[derive(Clone, Debug)]
pub struct Refused<T> {
    /// What was turned away, as far as it had been proven.
    pub subject: T,
    /// The code that the agent is told.
    pub refusal: Refusal,
    /// The reason that the operator is told.
    pub finding: Finding,
}

impl<T> Refused<T> {
    /// Turns `subject` away.
    pub fn new(subject: T, refusal: Refusal, finding: Finding) -> Self {
        Self { subject, refusal, finding }
    }
}
