//! The written form of `[context]`, of an agent and of all agents.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::ContextTerms;

/// How much a model's context holds, and how what passes is measured.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContextForm {
    /// Tokens that the model's context holds.
    #[schemars(with = "u64")]
    pub(crate) tokens: toml::Spanned<u64>,
    /// Bytes that count as one token (4). An estimate: maso sees bytes.
    #[schemars(with = "Option<u64>")]
    pub(crate) bytes_per_token: Option<toml::Spanned<u64>>,
    /// From how many per cent on an agent is told to rotate its context (75).
    #[schemars(with = "Option<u8>")]
    pub(crate) rotate_at: Option<toml::Spanned<u8>>,
}

impl ContextForm {
    /// What it means.
    pub(crate) fn terms(&self) -> ContextTerms {
        let usual = ContextTerms::of(*self.tokens.get_ref());
        let number = |given: &Option<toml::Spanned<u64>>| given.as_ref().map(|number| *number.get_ref());
        ContextTerms {
            bytes_per_token: number(&self.bytes_per_token).unwrap_or(usual.bytes_per_token),
            rotate_at: self.rotate_at.as_ref().map_or(usual.rotate_at, |percent| *percent.get_ref()),
            ..usual
        }
    }
}
