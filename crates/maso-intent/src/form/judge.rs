//! The written form of `judges/*.toml`.

use serde::Deserialize;

use super::text::{At, Span};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JudgeForm {
    pub(crate) kind: KindForm,
    pub(crate) endpoint: Option<At<url::Url>>,
    pub(crate) model: Option<At<String>>,
    pub(crate) api_key_env: Option<At<String>>,
    pub(crate) criteria: Vec<At<String>>,
    #[serde(default)]
    pub(crate) exclusions: Vec<String>,
    pub(crate) max_evaluation_latency: Option<At<Span>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum KindForm {
    Rules,
    Model,
}
