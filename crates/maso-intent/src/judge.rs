//! Judges as they are declared: how each judges, and its own intent specification (OI-2.3).

use std::collections::BTreeSet;

use maso_core::{AgentName, JudgeName, words};

use crate::History;

/// A judge, as it is declared.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgeSpec {
    /// The judge.
    pub name: JudgeName,
    /// How it judges.
    pub kind: JudgeKind,
    /// What it looks for, as yes/no criteria.
    pub criteria: Vec<String>,
    /// What it expressly does not evaluate.
    pub exclusions: Vec<String>,
    /// How long it may take; later counts as silence (5000).
    pub max_evaluation_latency_ms: u64,
    /// What else is declared of it.
    pub oispec: JudgeOiSpec,
}

/// How a judge judges.
#[derive(Clone, Debug, PartialEq)]
pub enum JudgeKind {
    /// By rules over the OISpec.
    Rules,
    /// By a model behind an OpenAI-compatible endpoint.
    Model {
        /// Base URL, up to and including `/v1`.
        endpoint: url::Url,
        /// The model's name.
        model: String,
        /// The environment variable that holds the API key, if one is needed.
        api_key_env: Option<String>,
        /// Tokens that its context holds (EC-2.17); `None` where nobody says.
        context_tokens: Option<u64>,
    },
}

/// A judge's intent specification (OI-2.3), but for what [`JudgeSpec`] says already.
///
/// It can neither end an agent nor change a specification, call tools or edit what it judges: no field says otherwise.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JudgeOiSpec {
    /// Version, counted up; `None` where nobody counts.
    pub version: Option<u32>,
    /// Who wrote it, and what came before it.
    pub history: History,
    /// What kind of judge it is.
    pub role: Option<JudgeRole>,
    /// What it is for.
    pub goal: Option<String>,
    /// Whose actions it is for; empty for everybody's.
    pub scope: BTreeSet<AgentName>,
    /// What it may say; `None` for all of it.
    pub permitted_actions: Option<BTreeSet<JudgeAction>>,
    /// What it may not do; none of it can any judge do.
    pub prohibited_actions: BTreeSet<JudgeProhibition>,
    /// Who offers its model.
    pub provider: Option<String>,
    /// The share of good actions that it may object to, from 0 to 1 (0.05).
    pub false_positive_target: Option<f64>,
    /// The share of bad actions that it may miss, from 0 to 1 (0.02).
    pub false_negative_target: Option<f64>,
    /// Whether it may move PACE by what it says.
    pub can_trigger_pace_escalation: Option<bool>,
    /// How it is held to its criteria.
    pub calibration: Option<Calibration>,
}

/// What kind of judge it is (mechanisms §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum JudgeRole {
    /// One agent's actions against its specification.
    Tactical,
    /// One policy viewpoint.
    Domain,
    /// The whole against the workflow's specification.
    Strategic,
    /// Other judges against theirs.
    MetaEvaluator,
    /// Scores and triggers.
    Observer,
    /// Means, against mandates (AT-2.11).
    Mandate,
}
words!(JudgeRole {
    Tactical = "tactical",
    Domain = "domain",
    Strategic = "strategic",
    MetaEvaluator = "meta-evaluator",
    Observer = "observer",
    Mandate = "mandate",
});

/// What a judge may say of an action, the least restrictive first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum JudgeAction {
    /// Nothing against it.
    Approve,
    /// A person should look.
    Flag,
    /// A person must decide.
    Escalate,
    /// It must not happen.
    Block,
}
words!(JudgeAction { Approve = "approve", Flag = "flag", Escalate = "escalate", Block = "block" });

/// What no judge may do, whatever it declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum JudgeProhibition {
    /// Edit what it judges.
    ModifyAgentOutput,
    /// Call tools.
    InvokeTools,
    /// Send anything outside.
    SendExternal,
}
words!(JudgeProhibition {
    ModifyAgentOutput = "modify-agent-output",
    InvokeTools = "invoke-tools",
    SendExternal = "send-external",
});

/// How a judge is held to its criteria (OI-2.4, PA-2.2).
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// Milliseconds between two calibrations.
    pub every_ms: u64,
    /// Who watches it: another judge, or an operator.
    pub monitored_by: Option<String>,
    /// How far its verdicts may drift before it counts as off its criteria, from 0 to 1 (0.15).
    pub drift_threshold: Option<f64>,
}
