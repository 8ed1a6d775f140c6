//! What posture is told, live and from the record.

use maso_core::{AgentName, OperatorName, Phase, Scope, TaskId, ToolRef};

use crate::{Author, Authority};

/// Something that just happened and may move posture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// An agent did something that is counted.
    Happened {
        /// The agent.
        agent: AgentName,
        /// What it did.
        what: Happening,
    },
    /// The integrity of what is carried between agents could not be shown: a broken chain, signature or order.
    BusIntegrity {
        /// Where it broke.
        scope: Scope,
        /// What was wrong.
        detail: String,
    },
    /// Time passed. At least one a minute keeps the clocks of PACE running.
    Tick,
    /// A signed-in person moves a scope. The only signal that can loosen.
    Manual {
        /// What is moved.
        scope: Scope,
        /// Where to.
        to: Phase,
        /// Who moves it, in what office, on what grounds.
        by: Authority,
    },
    /// The kill switch. Reaches Emergency from everywhere; whether the person may pull it is the door's question.
    Kill {
        /// What is stopped.
        scope: Scope,
        /// Who pulled it.
        by: OperatorName,
        /// Why.
        reason: String,
    },
}

/// What an agent did that is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// Layer 1 or policy blocked one of its hops.
    GuardrailBlock,
    /// A judge blocked one of its hops.
    JudgeBlock,
    /// It called a tool that does not exist for it.
    PlanAttempt {
        /// In this task.
        task: TaskId,
        /// The tool that it reached for.
        tool: ToolRef,
    },
    /// It tried more, in number or money, than a hard limit of its workflow's mandate allows (AT-1.7).
    LimitBreach,
    /// What it was given filled its context past the warning (OB-2.5a).
    ContextWarning {
        /// How full it is, in per cent.
        percent: u8,
    },
    /// Its part of a task was found to have the right outcome by the wrong means (AT-2.6).
    CreativeSubstitution,
    /// It acted when it was not its turn (AT-2.4).
    SequenceViolation,
    /// It reported that its work failed (AT-1.7).
    AgentFailed,
    /// It signed what is no message, or none as its contract has it: a sign that its program is not what it was.
    ContractBreach,
    /// It called a tool.
    Call,
}

/// Something that is on the record, told again after a restart. Recalling it emits no orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// An agent did something that is counted.
    Happened {
        /// The agent.
        agent: AgentName,
        /// What it did.
        what: Happening,
    },
    /// A phase changed.
    PhaseChanged {
        /// The scope.
        scope: Scope,
        /// The phase from then on.
        to: Phase,
        /// Why, as recorded.
        trigger: String,
        /// By whom, as recorded.
        by: Author,
    },
    /// The kill switch was pulled. Stops the scope even if the crash came before the change of phase was written.
    Killed {
        /// The scope.
        scope: Scope,
        /// Who pulled it.
        by: OperatorName,
        /// Why.
        reason: String,
    },
}
