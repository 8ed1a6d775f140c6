//! Agents and their mandates.

use serde::{Deserialize, Serialize};

/// An agent and its mandate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentView {
    /// The agent.
    pub agent: String,
    /// Its SPIFFE id.
    pub spiffe_id: String,
    /// Id of its mandate.
    pub mandate: String,
    /// Content address of its mandate.
    pub digest: String,
    /// The workflow.
    pub workflow: String,
    /// Its place in the sequence.
    pub sequence_position: u32,
    /// What it is for.
    pub intent: String,
    /// What it may bring about.
    pub outcome: String,
    /// The highest confidentiality that it may receive.
    pub clearance: String,
    /// From when to when its workflow's mandate holds without a review.
    #[serde(default)]
    pub dates: Option<MandateDates>,
    /// The tools it may call.
    pub tools: Vec<ToolView>,
    /// The typed requests it may make.
    pub grants: Vec<GrantView>,
    /// Its intent specification.
    pub oispec: OiSpecView,
    /// Its own PACE phase.
    pub phase: String,
    /// The worst phase around it.
    pub around_phase: String,
    /// Calls in the last hour.
    pub n_calls_in_hour: u32,
    /// Calls allowed per hour.
    pub calls_per_hour_max: u32,
    /// Guardrail blocks in the breaker's window.
    pub n_guardrail_blocks: u32,
    /// How many of them open the breaker.
    #[serde(default)]
    pub guardrail_blocks_max: u32,
    /// The breaker's window.
    #[serde(default)]
    pub guardrail_window_ms: u64,
    /// Plan attempts in 30 days.
    pub n_plan_attempts: u32,
    /// How many of them are accepted within 30 days.
    #[serde(default)]
    pub plan_attempts_max: u32,
    /// How full the fullest of its contexts is; absent where nobody watches it, or nothing is in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<ContextView>,
}

/// How full an agent's context is in one task, as far as maso sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextView {
    /// The task.
    pub task: String,
    /// Tokens that it holds.
    pub tokens: u64,
    /// Tokens that are in it, at least.
    pub used: u64,
    /// The same in per cent.
    pub percent: u64,
    /// `info` (70 %), `warning` (85 %) or `critical` (95 %); absent below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// How often the agent has rotated it.
    pub n_rotations: u32,
}

/// The dates of a workflow's mandate, and how they stand now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MandateDates {
    /// The day on which it takes effect.
    pub effective: String,
    /// The day by which it must be reviewed.
    pub review: String,
    /// Whether it has taken effect: before that it grants nothing.
    pub in_force: bool,
    /// Whether its review is overdue.
    pub review_overdue: bool,
}

/// A tool in a mandate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolView {
    /// `server:tool`.
    pub tool: String,
    /// `read`, `write`, …; absent when nobody classified it.
    #[serde(default)]
    pub class: Option<String>,
    /// `low` to `critical`.
    pub risk: String,
    /// `reversible`, `time-bounded` or `irreversible`.
    pub reversibility: String,
    /// Bounds on its arguments, in words.
    pub bounds: Vec<String>,
    /// `pinned`, `unapproved` or `drifted`.
    pub pin: String,
}

/// A typed request that an agent may make of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantView {
    /// The agent that is asked.
    pub to: String,
    /// What may be asked.
    pub request: String,
}

/// An intent specification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OiSpecView {
    /// The goal.
    pub goal: String,
    /// When it succeeded.
    pub success_criteria: Vec<String>,
    /// When it failed.
    pub failure_criteria: Vec<String>,
    /// What must not be done.
    pub prohibited_actions: Vec<String>,
    /// How risky it is as a whole.
    pub risk_classification: String,
}

/// What issues a token to an agent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssueToken {
    /// Thumbprint (RFC 7638) of the agent's key. Without one the token is a bearer token, for loopback only.
    #[serde(default)]
    pub thumbprint: Option<String>,
    /// How long it lives; the deployment's limit where absent or larger.
    #[serde(default)]
    pub ttl_ms: Option<u64>,
}

/// What a program shows to become an agent; a proof of possession of the key (DPoP) goes with it as a header.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// The join token.
    pub token: String,
    /// The public key (JWK) to which the agent token is to be bound.
    pub key: serde_json::Value,
}

impl std::fmt::Debug for Join {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Join(…)")
    }
}

/// An issued token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedToken {
    /// The token; shown once.
    pub token: String,
    /// Its id.
    pub token_id: String,
    /// When it expires.
    pub expires_at: i64,
}

/// What revokes a token, a key or an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// `token`, `key`, `agent` or `delegation`.
    pub what: String,
    /// Its id, thumbprint or name.
    pub subject: String,
    /// Why.
    pub reason: String,
}
