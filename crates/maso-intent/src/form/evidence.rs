//! The written form of `evidence/*.toml`.

use maso_core::{ControlId, Day, OperatorName, TierFact};
use schemars::JsonSchema;
use serde::Deserialize;

use super::text::At;

/// What people attest.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EvidenceForm {
    /// The control that it attests; this or a fact.
    pub(crate) control: Option<At<ControlId>>,
    /// The fact about a tier that it attests; this or a control.
    pub(crate) fact: Option<At<TierFact>>,
    /// What was done, and where it lies.
    pub(crate) what: At<String>,
    /// The operator who attests it.
    pub(crate) by: At<OperatorName>,
    /// The day on which it was done.
    pub(crate) on: At<Day>,
    /// The last day on which it counts.
    pub(crate) due: At<Day>,
}
