//! Mandates and OISpecs: what an agent or a workflow may and must do (AT-1.1 to AT-1.4, OI-1.1).

mod agent;
mod bounds;
mod conflict;
mod context;
mod data;
mod deviation;
mod halt;
mod history;
mod oispec;
mod plan;
mod process;
mod sequence;
mod solution;
mod spawn;

pub use self::{
    agent::{AgentMandate, Bound, ResourceTerm, ToolTerms},
    bounds::Bounds,
    conflict::{ConflictTerms, Expiry, JudgePrecedence, OverrideRule, PrimaryAction, Whose},
    context::{ContextLevel, ContextTerms},
    data::{Access, DataSource},
    deviation::{Came, Deviation, Done, Progress},
    halt::{AfterFailure, HaltCondition, HaltTerms},
    history::{Amendment, History, MandateReview, ReviewOutcome, ReviewTrigger},
    oispec::{AgentRole, Decider, Evaluation, OiSpec, Powers},
    plan::{OnDeviation, Plan, PlannedCall, PlannedStep},
    process::{ProcessSeen, ProcessTerms},
    sequence::SequenceBy,
    solution::{Channel, FixedArgument, Grant, HardLimits, PlanAttempts, SolutionMandate},
    spawn::SpawnTerms,
};
