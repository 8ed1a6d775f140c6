//! What holds when judges disagree (PA-2.4).

use std::collections::BTreeMap;

use maso_core::{JudgeName, words};

use crate::JudgeAction;

/// Whose word goes first, and what follows from certain verdicts together.
///
/// The most restrictive verdict wins whatever is written here: a rule can only be stricter than that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JudgePrecedence {
    /// The judges, the weightiest first.
    pub order: Vec<JudgeName>,
    /// What follows from certain verdicts together.
    pub override_rules: Vec<OverrideRule>,
}

/// What follows from certain verdicts together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverrideRule {
    /// Who has to say what for the rule to apply.
    pub when: BTreeMap<Whose, JudgeAction>,
    /// What follows.
    pub action: JudgeAction,
    /// Why.
    pub rationale: String,
}

/// Whose verdict a rule looks at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whose {
    /// Anybody's: written `any`.
    Any,
    /// This judge's.
    Judge(JudgeName),
}

/// How a disagreement ends that nobody settles in time, for actions of one risk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConflictTerms {
    /// Milliseconds that people have.
    pub window_ms: u64,
    /// What holds afterwards.
    pub expiry: Expiry,
    /// What is done at once.
    pub primary_action: Option<PrimaryAction>,
    /// Whether the other judges' measures go on beside it, as far as it leaves room for them.
    pub parallel_degraded: bool,
    /// Milliseconds after which not even a hold lasts; `None` for as long as the law allows.
    pub hold_max_ms: Option<u64>,
}

/// The two ways in which an unsettled disagreement can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// The most restrictive verdict stays.
    MostRestrictive,
    /// The action goes through and the loss is accepted, in the name of the process owner.
    AcceptRiskWithLogging,
}
words!(Expiry { MostRestrictive = "most-restrictive", AcceptRiskWithLogging = "accept-risk-with-logging" });

/// What is done at once while judges disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrimaryAction {
    /// What is compromised is cut off.
    SecurityContainment,
    /// The action waits.
    HoldTransaction,
}
words!(PrimaryAction { SecurityContainment = "security-containment", HoldTransaction = "hold-transaction" });
