//! The written form of `judges/*.toml`.

use maso_core::{AgentName, Digest};
use schemars::JsonSchema;
use serde::Deserialize;

use super::text::{At, Moment, Share, Span};
use crate::{JudgeAction, JudgeProhibition, JudgeRole};

/// A judge, with its own intent specification. The name of the file is the name of the judge.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("allOf" = super::schema::kinds_of_judges()))]
pub(crate) struct JudgeForm {
    /// Whether it judges by rules or by a model.
    pub(crate) kind: KindForm,
    /// Its version, counted up.
    pub(crate) version: Option<u32>,
    /// Content addresses (`sha256:…`) of the versions before this one, oldest first.
    #[serde(default)]
    pub(crate) version_history: Vec<At<Digest>>,
    /// The id of its intent specification, a UUID.
    pub(crate) oispec_id: Option<At<uuid::Uuid>>,
    /// Who wrote it: a person, never an agent.
    pub(crate) created_by: Option<At<String>>,
    /// When it was written, such as `2026-11-01T09:00:00Z`.
    pub(crate) created_at: Option<At<Moment>>,
    /// What kind of judge it is.
    pub(crate) role: Option<At<JudgeRole>>,
    /// What it is for.
    pub(crate) goal: Option<At<String>>,
    /// The agents whose actions it is for; left out, all of them.
    #[serde(default)]
    pub(crate) scope: Vec<At<AgentName>>,
    /// For a model: the base of its address, up to and including `/v1`.
    pub(crate) endpoint: Option<At<url::Url>>,
    /// For a model: its name.
    pub(crate) model: Option<At<String>>,
    /// For a model: who offers it.
    pub(crate) provider: Option<At<String>>,
    /// For a model: the environment variable that holds its key.
    pub(crate) api_key_env: Option<At<String>>,
    /// For a model: how many tokens its context holds. A case that does not fit is not judged, which counts as silence.
    pub(crate) context_tokens: Option<u64>,
    /// Questions to be answered with yes or no.
    pub(crate) criteria: Vec<At<String>>,
    /// What it must not judge, because others do.
    #[serde(default)]
    pub(crate) exclusions: Vec<String>,
    /// Later than this is silence, and silence counts against the action (`5s`).
    pub(crate) max_evaluation_latency: Option<At<Span>>,
    /// What it may say; left out, all of it.
    pub(crate) permitted_actions: Option<Vec<At<JudgeAction>>>,
    /// What it may not do. No judge can do any of it, written here or not.
    #[serde(default)]
    pub(crate) prohibited_actions: Vec<At<JudgeProhibition>>,
    /// The share of good actions that it may object to.
    pub(crate) false_positive_target: Option<Share>,
    /// The share of bad actions that it may miss.
    pub(crate) false_negative_target: Option<Share>,
    /// What it may do by its word.
    #[serde(default)]
    pub(crate) authority: JudgeAuthorityForm,
    /// How it is held to its criteria.
    pub(crate) calibration: Option<CalibrationForm>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(crate) enum KindForm {
    Rules,
    Model,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct JudgeAuthorityForm {
    /// Always `true`: every judge's objection counts.
    #[schemars(with = "Option<bool>", extend("const" = true))]
    pub(crate) can_block_output: Option<toml::Spanned<bool>>,
    /// Whether its blocks move PACE. Recorded; the blocks of all judges count together (`breakers.judge_blocks_max`).
    #[schemars(with = "Option<bool>")]
    pub(crate) can_trigger_pace_escalation: Option<toml::Spanned<bool>>,
    /// Always `false`: no judge ends an agent.
    #[schemars(with = "Option<bool>", extend("const" = false))]
    pub(crate) can_terminate_agent: Option<toml::Spanned<bool>>,
    /// Always `false`: no judge changes a specification.
    #[schemars(with = "Option<bool>", extend("const" = false))]
    pub(crate) can_modify_agent_oispec: Option<toml::Spanned<bool>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CalibrationForm {
    /// How long from one calibration to the next: `1d`, `7d`, `30d`.
    pub(crate) every: At<Span>,
    /// Who watches it: another judge, or an operator.
    pub(crate) monitored_by: Option<At<String>>,
    /// How far its verdicts may drift before it counts as off its criteria (0.15).
    pub(crate) drift_threshold: Option<Share>,
}
