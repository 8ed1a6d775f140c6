//! The written form of a step in `tool_order`.

use std::borrow::Cow;

use maso_core::ToolRef;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use super::text::{At, FromText as _};

/// A step: a tool, or a tool with what comes before it.
#[derive(Debug)]
pub(crate) struct StepForm {
    pub(crate) tool: At<ToolRef>,
    pub(crate) after: Option<Vec<At<ToolRef>>>,
    pub(crate) optional: bool,
    pub(crate) repeats: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    tool: At<ToolRef>,
    after: Option<Vec<At<ToolRef>>>,
    #[serde(default)]
    optional: bool,
    #[serde(default)]
    repeats: bool,
}

enum Written {
    Tool(ToolRef),
    Step(Named),
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> de::Visitor<'de> for Reader {
            type Value = Written;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(
                    "a step: `server:tool`, or { tool = \"…\", after = [\"…\"], optional = true, repeats = true }",
                )
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Written, E> {
                ToolRef::from_text(text).map(Written::Tool).map_err(E::custom)
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Written, A::Error> {
                Named::deserialize(de::value::MapAccessDeserializer::new(map)).map(Written::Step)
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

impl<'de> Deserialize<'de> for StepForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = toml::Spanned::<Written>::deserialize(deserializer)?;
        let start = spanned.span().start;
        Ok(match spanned.into_inner() {
            Written::Tool(value) => Self { tool: At { value, start }, after: None, optional: false, repeats: false },
            Written::Step(Named { tool, after, optional, repeats }) => Self { tool, after, optional, repeats },
        })
    }
}

impl JsonSchema for StepForm {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Step".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let tool = ToolRef::schema();
        json_schema!({
            "description": "A step: a tool, after the one before it; or a tool with the steps that come before it, whether it may be left out, and whether it may be carried out more often than they were.",
            "anyOf": [
                tool,
                {
                    "type": "object",
                    "properties": {
                        "tool": tool,
                        "after": { "type": "array", "items": tool },
                        "optional": { "type": "boolean" },
                        "repeats": { "type": "boolean" },
                    },
                    "required": ["tool"],
                    "additionalProperties": false,
                },
            ],
        })
    }
}
