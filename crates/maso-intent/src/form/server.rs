//! The written form of `tools/*.toml`.

use std::collections::BTreeMap;

use maso_core::{Class, Confidentiality, Integrity, Reversibility, Risk, ToolName};
use serde::Deserialize;

use super::text::{At, Pointer, Span};
use crate::Below;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerForm {
    #[serde(default)]
    pub(crate) label: LabelForm,
    pub(crate) transport: TransportForm,
    #[serde(default)]
    pub(crate) tools: BTreeMap<At<ToolName>, ToolForm>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LabelForm {
    pub(crate) integrity: Option<At<Integrity>>,
    pub(crate) confidentiality: Option<At<Confidentiality>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TransportForm {
    pub(crate) kind: TransportKind,
    pub(crate) command: Option<At<String>>,
    #[serde(default)]
    pub(crate) args: Vec<String>,
    #[serde(default)]
    pub(crate) env: BTreeMap<At<String>, String>,
    #[serde(default)]
    pub(crate) env_from: BTreeMap<String, String>,
    pub(crate) cwd: Option<String>,
    pub(crate) url: Option<At<url::Url>>,
    #[serde(default)]
    pub(crate) headers_from_env: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TransportKind {
    Stdio,
    Http,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToolForm {
    pub(crate) class: Option<At<Class>>,
    pub(crate) reversibility: Option<At<Reversibility>>,
    pub(crate) reversible_window: Option<At<Span>>,
    pub(crate) risk: Option<At<Risk>>,
    #[serde(default)]
    pub(crate) result: LabelForm,
    #[serde(default)]
    pub(crate) result_fields: BTreeMap<At<Pointer>, LabelForm>,
    #[serde(default)]
    pub(crate) authority: BTreeMap<At<Pointer>, AuthorityForm>,
    pub(crate) value_pointer: Option<At<Pointer>>,
    pub(crate) idempotency_pointer: Option<At<Pointer>>,
    pub(crate) compensated_by: Option<At<ToolName>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuthorityForm {
    pub(crate) role: AuthorityRole,
    pub(crate) integrity_min: Option<At<Integrity>>,
    pub(crate) below: Option<At<Below>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AuthorityRole {
    Recipient,
    Account,
    Url,
    Path,
    Amount,
    Query,
    Code,
}

impl AuthorityRole {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Recipient => "recipient",
            Self::Account => "account",
            Self::Url => "url",
            Self::Path => "path",
            Self::Amount => "amount",
            Self::Query => "query",
            Self::Code => "code",
        }
    }
}
