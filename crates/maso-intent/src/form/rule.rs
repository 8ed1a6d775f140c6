//! `rules/NAME.toml`: temporal rules, and what their names mean.

use std::collections::BTreeMap;

use maso_core::{AgentName, Class, Confidentiality, ControlId, Integrity};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    At,
    text::{Pointer, RequestTerm},
};
use crate::{EventName, Occurrence, Reach, ToolTerm};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RulesForm {
    /// What the rules call a hop of which all this is true.
    #[serde(default)]
    pub(crate) events: BTreeMap<At<EventName>, EventForm>,
    /// Sentences about these events.
    #[serde(default, rename = "rule")]
    pub(crate) rules: Vec<RuleForm>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventForm {
    /// What became of the hop (`call`).
    pub(crate) is: Option<At<Occurrence>>,
    /// It calls one of these tools, or any of a server: `server:*`.
    #[serde(default)]
    pub(crate) tools: Vec<At<ToolTerm>>,
    /// It is one of these typed requests to another agent.
    #[serde(default)]
    pub(crate) requests: Vec<At<RequestTerm>>,
    /// It calls a tool of one of these classes.
    #[serde(default)]
    pub(crate) classes: Vec<At<Class>>,
    /// One of these agents asked.
    #[serde(default)]
    pub(crate) agents: Vec<At<AgentName>>,
    /// It carries data that is at least so confidential.
    pub(crate) confidentiality: Option<At<Confidentiality>>,
    /// It carries data that is believed no more than so.
    pub(crate) integrity: Option<At<Integrity>>,
    /// Pointer of an argument, of an `answer` into its result = what is asked of the value there.
    #[serde(default)]
    pub(crate) values: BTreeMap<At<Pointer>, ValueForm>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub(crate) struct ValueForm {
    /// It is one of these.
    #[schemars(with = "Option<Vec<serde_json::Value>>")]
    pub(crate) one_of: Option<Vec<toml::Value>>,
    /// It is a whole number, no larger.
    pub(crate) at_most: Option<i64>,
    /// It is a whole number, no smaller.
    pub(crate) at_least: Option<i64>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleForm {
    /// Its name, one in the deployment.
    pub(crate) id: At<String>,
    /// The control that it enforces.
    pub(crate) control: At<ControlId>,
    /// Why, for whoever is stopped by it and asks a person.
    pub(crate) because: Option<At<String>>,
    /// Whose history counts.
    pub(crate) per: At<Reach>,
    /// The event that it refuses.
    pub(crate) forbid: Option<At<EventName>>,
    /// The event that it holds for a person.
    pub(crate) hold: Option<At<EventName>>,
    /// It does so where this is true of what happened before.
    pub(crate) when: Option<At<String>>,
    /// It does so where this is not true once the hop is counted too.
    pub(crate) unless: Option<At<String>>,
}
