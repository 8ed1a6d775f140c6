//! PACE.

use serde::{Deserialize, Serialize};

/// How everything stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostureView {
    /// The deployment, each workflow and each agent.
    pub scopes: Vec<ScopeView>,
}

/// How one scope stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeView {
    /// `deployment`, `workflow:NAME` or `agent:NAME`.
    pub scope: String,
    /// Its own phase.
    pub phase: String,
    /// Since when; absent in Primary.
    #[serde(default)]
    pub since: Option<i64>,
    /// Why.
    #[serde(default)]
    pub trigger: Option<String>,
    /// Who brought it there.
    #[serde(default)]
    pub by: Option<String>,
    /// Where a person may move it, and who.
    #[serde(default)]
    pub moves: Vec<MoveView>,
}

/// One move that a person may make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoveView {
    /// To which phase.
    pub to: String,
    /// The least role that may.
    pub role: String,
    /// Whether it takes the review that ends an Emergency.
    pub review: bool,
}

/// What moves a scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MovePhase {
    /// The scope.
    pub scope: String,
    /// The phase.
    pub to: String,
    /// Why. To loosen, what the cause was and how it was fixed.
    pub reason: String,
    /// The review that ends an Emergency.
    #[serde(default)]
    pub review: Option<EmergencyReview>,
}

/// What must be true before an Emergency ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmergencyReview {
    /// The root cause is documented.
    pub root_cause_documented: bool,
    /// The gap in the controls is closed.
    pub gap_closed: bool,
    /// Behavioural baselines are updated.
    pub baselines_updated: bool,
    /// Triggers are recalibrated.
    pub triggers_recalibrated: bool,
    /// The regulator was told, or nothing was due.
    pub regulator_settled: bool,
    /// The incident joined the next red-team cycle.
    #[serde(default)]
    pub scenario_added: bool,
    /// The role that owns the risk and approves.
    pub risk_owner: String,
}

/// What pulls the kill switch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kill {
    /// The scope.
    pub scope: String,
    /// Why.
    pub reason: String,
}
