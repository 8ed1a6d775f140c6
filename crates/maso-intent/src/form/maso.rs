//! The written form of `maso.toml`.

use std::net::SocketAddr;

use maso_core::{ControlId, OperatorName, Tier, TrustDomain};
use serde::{Deserialize, Deserializer, de};

use super::text::{At, FromText, Span};
use crate::Role;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MasoForm {
    pub(crate) name: At<String>,
    pub(crate) trust_domain: At<TrustDomain>,
    pub(crate) tier: TierForm,
    pub(crate) accountable_human: At<OperatorName>,
    #[serde(default)]
    pub(crate) listen: ListenForm,
    #[serde(default)]
    pub(crate) limits: LimitsForm,
    #[serde(default)]
    pub(crate) approvals: ApprovalsForm,
    #[serde(default)]
    pub(crate) breakers: BreakersForm,
    #[serde(default)]
    pub(crate) identity: IdentityForm,
    #[serde(default)]
    pub(crate) operators: Vec<OperatorForm>,
    #[serde(default)]
    pub(crate) controls: ControlsForm,
}

/// A tier, as its number or its word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TierForm(pub(crate) Tier);

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListenForm {
    pub(crate) address: Option<At<SocketAddr>>,
    pub(crate) public_url: Option<At<url::Url>>,
    pub(crate) drain: Option<At<Span>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitsForm {
    pub(crate) frame_bytes_max: Option<usize>,
    pub(crate) depth_max: Option<usize>,
    pub(crate) nodes_max: Option<usize>,
    pub(crate) string_bytes_max: Option<usize>,
    pub(crate) keys_max: Option<usize>,
    pub(crate) calls_per_hour_max: Option<u32>,
    pub(crate) held_actions_max: Option<usize>,
    pub(crate) server_wait: Option<At<Span>>,
    pub(crate) sessions_per_agent_max: Option<usize>,
    pub(crate) sessions_max: Option<usize>,
    pub(crate) session_idle: Option<At<Span>>,
    pub(crate) connections_per_agent_max: Option<usize>,
    pub(crate) connections_max: Option<usize>,
    pub(crate) bodies_max: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApprovalsForm {
    pub(crate) hold_open: Option<At<Span>>,
    #[serde(default)]
    pub(crate) wait: WaitForm,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WaitForm {
    pub(crate) low: Option<At<Span>>,
    pub(crate) medium: Option<At<Span>>,
    pub(crate) high: Option<At<Span>>,
    pub(crate) critical: Option<At<Span>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BreakersForm {
    pub(crate) blocks_max: Option<u32>,
    pub(crate) window: Option<At<Span>>,
    pub(crate) judge_blocks_max: Option<u32>,
    pub(crate) alternate_max: Option<At<Span>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IdentityForm {
    pub(crate) token_ttl: Option<At<Span>>,
    pub(crate) bearer_on_loopback: Option<bool>,
    pub(crate) proof_window: Option<At<Span>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OperatorForm {
    pub(crate) name: At<OperatorName>,
    pub(crate) roles: Vec<At<Role>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ControlsForm {
    #[serde(default)]
    pub(crate) selected: Vec<At<ControlId>>,
    #[serde(default)]
    pub(crate) deselected: Vec<DeselectionForm>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeselectionForm {
    pub(crate) control: At<ControlId>,
    pub(crate) reason: At<String>,
    pub(crate) owner: At<OperatorName>,
    pub(crate) until: Option<At<String>>,
}

impl<'de> Deserialize<'de> for TierForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl de::Visitor<'_> for Reader {
            type Value = TierForm;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a tier: 1, 2, 3 or `supervised`, `managed`, `autonomous`")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<TierForm, E> {
                u8::try_from(number)
                    .ok()
                    .and_then(Tier::from_number)
                    .map(TierForm)
                    .ok_or_else(|| E::custom(format!("`{number}` is not a tier: 1, 2 or 3")))
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<TierForm, E> {
                Tier::from_text(word).map(TierForm).map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Reader)
    }
}
