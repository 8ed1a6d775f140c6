//! The written forms of `workflows/*.toml` and `agents/*.toml`.

use std::collections::BTreeMap;

use maso_core::{AgentName, Confidentiality, OperatorName, RequestName, Risk, ServerName, ToolRef, WorkflowName};
use serde::{Deserialize, Deserializer, de};

use super::text::{At, Pointer, Span};
use crate::Evaluation;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WorkflowForm {
    pub(crate) id: At<String>,
    #[serde(default = "one")]
    pub(crate) version: u32,
    pub(crate) business_process: At<String>,
    pub(crate) intent: At<String>,
    pub(crate) outcome: At<String>,
    pub(crate) agents: Vec<At<AgentName>>,
    pub(crate) tools: Vec<At<ToolRef>>,
    #[serde(default)]
    pub(crate) prohibited_actions: Vec<String>,
    pub(crate) process_owner: Option<At<String>>,
    pub(crate) technical_owner: Option<At<String>>,
    #[serde(default)]
    pub(crate) approved_by: Vec<String>,
    pub(crate) effective_date: Option<At<String>>,
    pub(crate) review_date: Option<At<String>>,
    pub(crate) limits: HardLimitsForm,
    #[serde(default)]
    pub(crate) plan_attempts: PlanAttemptsForm,
    #[serde(default)]
    pub(crate) constants: BTreeMap<String, toml::Value>,
    #[serde(default)]
    pub(crate) grants: Vec<GrantForm>,
    pub(crate) oispec: OiSpecForm,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HardLimitsForm {
    pub(crate) max_transactions_per_batch: u64,
    pub(crate) max_execution: At<Span>,
    pub(crate) max_value_minor: u64,
    pub(crate) currency: Option<At<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanAttemptsForm {
    pub(crate) single_session: Option<u32>,
    pub(crate) rolling_7day: Option<u32>,
    pub(crate) rolling_30day: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GrantForm {
    pub(crate) from: At<AgentName>,
    pub(crate) to: At<AgentName>,
    pub(crate) request: At<RequestName>,
    pub(crate) schema: Option<toml::Table>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AgentForm {
    pub(crate) id: At<String>,
    #[serde(default = "one")]
    pub(crate) version: u32,
    pub(crate) workflow: At<WorkflowName>,
    pub(crate) sequence_position: Option<u32>,
    pub(crate) intent: At<String>,
    pub(crate) outcome: At<String>,
    #[serde(default)]
    pub(crate) logic: Vec<String>,
    #[serde(default)]
    pub(crate) tools: BTreeMap<At<ToolRef>, TermsForm>,
    #[serde(default)]
    pub(crate) prohibited: Vec<At<ToolRef>>,
    #[serde(default)]
    pub(crate) resources: Vec<ResourceForm>,
    #[serde(default)]
    pub(crate) prompts: Vec<PromptForm>,
    #[serde(default)]
    pub(crate) may_be_asked_by: Vec<At<ServerName>>,
    pub(crate) clearance: Option<At<Confidentiality>>,
    pub(crate) calls_per_hour_max: Option<u32>,
    pub(crate) escalation: At<OperatorName>,
    pub(crate) model: Option<ModelForm>,
    pub(crate) oispec: OiSpecForm,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TermsForm {
    pub(crate) justification: Option<At<String>>,
    #[serde(default)]
    pub(crate) bounds: BTreeMap<At<Pointer>, BoundForm>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BoundForm {
    pub(crate) one_of: Option<Vec<toml::Value>>,
    pub(crate) at_most: Option<f64>,
    pub(crate) at_least: Option<f64>,
    pub(crate) prefix: Option<String>,
    pub(crate) matches: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResourceForm {
    pub(crate) server: At<ServerName>,
    #[serde(default)]
    pub(crate) uri_prefix: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PromptForm {
    pub(crate) server: At<ServerName>,
    pub(crate) prompt: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelForm {
    pub(crate) provider: At<String>,
    pub(crate) name: At<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OiSpecForm {
    pub(crate) goal: At<String>,
    #[serde(default)]
    pub(crate) success_criteria: Vec<CriterionForm>,
    #[serde(default)]
    pub(crate) failure_criteria: Vec<At<String>>,
    #[serde(default)]
    pub(crate) prohibited_actions: Vec<String>,
    #[serde(default)]
    pub(crate) required_fields: Vec<At<Pointer>>,
    #[serde(default)]
    pub(crate) prohibited_content: Vec<String>,
    pub(crate) risk_classification: At<Risk>,
    pub(crate) evaluation: Option<At<Evaluation>>,
    #[serde(default)]
    pub(crate) covers: Vec<At<String>>,
}

/// A success criterion: a text, or a text with the id by which agents say that they cover it.
#[derive(Debug)]
pub(crate) struct CriterionForm {
    pub(crate) id: Option<String>,
    pub(crate) text: At<String>,
}

impl<'de> Deserialize<'de> for CriterionForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Named {
            id: String,
            text: String,
        }

        struct Reader;

        impl<'de> de::Visitor<'de> for Reader {
            type Value = (Option<String>, String);

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a criterion: a text, or { id = \"…\", text = \"…\" }")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok((None, text.to_owned()))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let Named { id, text } = Named::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok((Some(id), text))
            }
        }

        struct Either(Option<String>, String);

        impl<'de> Deserialize<'de> for Either {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Reader).map(|(id, text)| Self(id, text))
            }
        }

        let spanned = toml::Spanned::<Either>::deserialize(deserializer)?;
        let start = spanned.span().start;
        let Either(id, text) = spanned.into_inner();
        if text.trim().is_empty() || id.as_ref().is_some_and(|id| id.trim().is_empty()) {
            return Err(de::Error::custom("a success criterion without words"));
        }
        Ok(Self { id, text: At { value: text, start } })
    }
}

const fn one() -> u32 {
    1
}
