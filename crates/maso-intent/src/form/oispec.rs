//! The written form of `[oispec]`.

use std::borrow::Cow;

use maso_core::Risk;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use super::text::{At, FromText as _, Pointer, Share};
use crate::{Decider, Evaluation};

/// What success and failure are.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OiSpecForm {
    /// The goal.
    pub(crate) goal: At<String>,
    /// When it succeeded: texts, or `{ id = "…", text = "…", decided_by = "…" }`.
    #[serde(default)]
    pub(crate) success_criteria: Vec<CriterionForm>,
    /// When it failed.
    #[serde(default)]
    pub(crate) failure_criteria: Vec<At<String>>,
    /// What must not be done, in words; a `server:tool` among them is blocked by the rule judge.
    #[serde(default)]
    pub(crate) prohibited_actions: Vec<String>,
    /// Pointers that every write must have (rule judge, agents only).
    #[serde(default)]
    pub(crate) required_fields: Vec<At<Pointer>>,
    /// Texts that no argument may contain (rule judge).
    #[serde(default)]
    pub(crate) prohibited_content: Vec<String>,
    /// How sure it may be of what no source backs. Recorded; nothing measures it yet.
    pub(crate) max_confidence_without_source: Option<Share>,
    /// How risky it is as a whole.
    pub(crate) risk_classification: At<Risk>,
    /// When it is evaluated; by risk, where it is left out.
    pub(crate) evaluation: Option<At<Evaluation>>,
    /// Agents only: ids of the workflow's criteria that this agent serves.
    #[serde(default)]
    pub(crate) covers: Vec<At<String>>,
}

/// A success criterion: a text, or a text with the id by which agents say that they cover it, and with what decides it.
#[derive(Debug)]
pub(crate) struct CriterionForm {
    pub(crate) id: Option<String>,
    pub(crate) text: At<String>,
    pub(crate) decided_by: Option<At<Decider>>,
}

impl<'de> Deserialize<'de> for CriterionForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Named {
            id: Option<String>,
            text: String,
            decided_by: Option<At<Decider>>,
        }

        struct Reader;

        impl<'de> de::Visitor<'de> for Reader {
            type Value = Named;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a criterion: a text, or { id = \"…\", text = \"…\", decided_by = \"…\" }")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Named { id: None, text: text.to_owned(), decided_by: None })
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                Named::deserialize(de::value::MapAccessDeserializer::new(map))
            }
        }

        struct Either(Named);

        impl<'de> Deserialize<'de> for Either {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Reader).map(Self)
            }
        }

        let spanned = toml::Spanned::<Either>::deserialize(deserializer)?;
        let start = spanned.span().start;
        let Either(Named { id, text, decided_by }) = spanned.into_inner();
        if text.trim().is_empty() || id.as_ref().is_some_and(|id| id.trim().is_empty()) {
            return Err(de::Error::custom("a success criterion without words"));
        }
        Ok(Self { id, text: At { value: text, start }, decided_by })
    }
}

impl JsonSchema for CriterionForm {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Criterion".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let text = String::schema();
        json_schema!({
            "description": "A criterion: a text, or a text with the id by which agents say that they cover it, and with what decides it.",
            "anyOf": [
                text,
                {
                    "type": "object",
                    "properties": { "id": text, "text": text, "decided_by": Decider::schema() },
                    "required": ["text"],
                    "additionalProperties": false,
                },
            ],
        })
    }
}
