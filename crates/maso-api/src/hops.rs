//! Hops, as people look at them.

use serde::{Deserialize, Serialize};

/// A decided hop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HopView {
    /// Its place in the log.
    pub sequence: u64,
    /// When it was decided.
    pub at: i64,
    /// The hop.
    pub hop: String,
    /// The hop that it answers.
    #[serde(default)]
    pub answers: Option<String>,
    /// `tool-call`, `tool-result`, ….
    pub kind: String,
    /// Who sent it: `agent:NAME`, `server:NAME`, or nobody who could be established.
    #[serde(default)]
    pub from: Option<String>,
    /// Whom it was addressed to.
    pub to: String,
    /// The verb: `call_tool`, `read_resource`, ….
    pub verb: String,
    /// What the verb is applied to.
    pub object: String,
    /// The task.
    #[serde(default)]
    pub task: Option<String>,
    /// The requests between agents by which its task came to who sent it, the first one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<String>,
    /// `allow`, `hold` or `deny`.
    pub decision: String,
    /// Whether it binds: false in observe mode.
    pub enforced: bool,
    /// The code that the agent was told.
    #[serde(default)]
    pub refusal: Option<String>,
    /// The ticket of a held action.
    #[serde(default)]
    pub ticket: Option<String>,
    /// `low` to `critical`.
    #[serde(default)]
    pub risk: Option<String>,
    /// `reversible`, `time-bounded` or `irreversible`.
    #[serde(default)]
    pub reversibility: Option<String>,
    /// For how long it can be undone from its decision on, in milliseconds, where that is bounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reversible_ms: Option<u64>,
    /// The review that it needed.
    #[serde(default)]
    pub review: Option<ReviewView>,
    /// `integrity/confidentiality`.
    #[serde(default)]
    pub label: Option<String>,
    /// The worst PACE phase on its way up.
    pub phase: String,
    /// What the controls said, most restrictive first.
    pub findings: Vec<FindingView>,
    /// Where its values came from.
    pub origins: Vec<OriginView>,
    /// What came of trying it out.
    #[serde(default)]
    pub dry_run: Option<DryRunView>,
    /// What the judges said.
    pub verdicts: Vec<VerdictView>,
    /// Who approved.
    pub approvals: Vec<ApprovalView>,
    /// Who answers for it.
    #[serde(default)]
    pub accountable_human: Option<String>,
    /// Digest of what was sent, by which it is asked for; absent where nothing was kept.
    #[serde(default)]
    pub payload: Option<String>,
}

/// What one control said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingView {
    /// The control.
    pub control: String,
    /// `GO`, `ESCALATE` or `NO-GO`.
    pub word: String,
    /// Why.
    pub reason: String,
    /// Where in the payload.
    #[serde(default)]
    pub pointer: Option<String>,
    /// A short, redacted excerpt.
    #[serde(default)]
    pub excerpt: Option<String>,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginView {
    /// JSON pointer to the argument.
    pub pointer: String,
    /// Whether the argument carries authority.
    pub authority: bool,
    /// Where the value was found.
    pub source: String,
    /// The integrity that gives it.
    pub integrity: String,
    /// The integrity that it needs.
    #[serde(default)]
    pub needed: Option<String>,
    /// The words around the value in that source, where the hop was held or refused.
    #[serde(default)]
    pub excerpt: Option<ExcerptView>,
}

/// The words around a value in its source: inert text of one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExcerptView {
    /// What the source calls the field in which it stands.
    #[serde(default)]
    pub field: Option<String>,
    /// What stands before the value.
    pub before: String,
    /// The value, as the source writes it.
    pub value: String,
    /// What stands after it.
    pub after: String,
}

/// What came of trying an action out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DryRunView {
    /// What was called for it: `server:tool`.
    pub tool: String,
    /// When it ended, Unix milliseconds.
    pub at: i64,
    /// Whether it succeeded.
    pub succeeded: bool,
    /// Why it did not.
    #[serde(default)]
    pub fault: Option<String>,
    /// What was answered: inert text of one line.
    #[serde(default)]
    pub says: Option<String>,
}

/// What a judge said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictView {
    /// The judge.
    pub judge: String,
    /// `approve`, `flag`, `escalate`, `block` or `silent`.
    pub opinion: String,
    /// Why.
    pub reasoning: String,
}

/// A person's yes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalView {
    /// The ticket.
    pub ticket: String,
    /// The operator.
    pub by: String,
}

/// What must be heard before an action is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewView {
    /// Judges.
    pub judges: u8,
    /// People.
    pub people: u8,
    /// A dry run.
    pub dry_run: bool,
}
