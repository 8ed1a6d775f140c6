//! JSON Schemas (2020-12) of the written forms, made from the very types that read them.

use maso_core::words;
use schemars::{JsonSchema, generate::SchemaSettings, transform::RecursiveTransform};
use serde_json::{Value, json};

use super::{AgentForm, EvidenceForm, JudgeForm, MasoForm, RulesForm, ServerForm, WorkflowForm};

/// A kind of file of a deployment that is written in TOML.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    /// `maso.toml`
    Maso,
    /// `workflows/NAME.toml`
    Workflow,
    /// `agents/NAME.toml`
    Agent,
    /// `judges/NAME.toml`
    Judge,
    /// `tools/SERVER.toml`
    Tools,
    /// `rules/NAME.toml`
    Rules,
    /// `evidence/NAME.toml`
    Evidence,
}
words!(FileKind {
    Maso = "maso",
    Workflow = "workflow",
    Agent = "agent",
    Judge = "judge",
    Tools = "tools",
    Rules = "rules",
    Evidence = "evidence"
});

impl FileKind {
    /// Which files of a folder are of this kind, as a glob.
    pub const fn files(self) -> &'static str {
        match self {
            Self::Maso => "maso.toml",
            Self::Workflow => "workflows/*.toml",
            Self::Agent => "agents/*.toml",
            Self::Judge => "judges/*.toml",
            Self::Tools => "tools/*.toml",
            Self::Rules => "rules/*.toml",
            Self::Evidence => "evidence/*.toml",
        }
    }

    /// The JSON Schema (2020-12) that such a file satisfies. It has no references, so that an editor has to follow none.
    ///
    /// It is made from the types that read the file. What it refuses is no valid file; what it accepts may still be
    /// refused for what no schema can say, such as a regular expression that is none.
    pub fn schema(self) -> Value {
        match self {
            Self::Maso => schema::<MasoForm>("maso.toml"),
            Self::Workflow => schema::<WorkflowForm>("workflow"),
            Self::Agent => schema::<AgentForm>("agent"),
            Self::Judge => schema::<JudgeForm>("judge"),
            Self::Tools => schema::<ServerForm>("tool server"),
            Self::Rules => schema::<RulesForm>("temporal rules"),
            Self::Evidence => schema::<EvidenceForm>("evidence"),
        }
    }
}

pub(super) fn schema<T: JsonSchema>(title: &str) -> Value {
    let mut settings = SchemaSettings::draft2020_12().with_transform(RecursiveTransform(as_toml_has_it));
    settings.inline_subschemas = true;
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.insert("title".to_owned(), title.into());
    schema.to_value()
}

/// TOML knows no null, and how many bits hold a number is nobody's business but ours.
fn as_toml_has_it(schema: &mut schemars::Schema) {
    let Some(schema) = schema.as_object_mut() else { return };
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|one| one != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            schema.insert("type".to_owned(), one);
        }
    }
    if let Some(Value::Array(words)) = schema.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
    if let Some(Value::Array(ways)) = schema.get_mut("anyOf") {
        ways.retain(|way| *way != json!({ "type": "null" }));
        if let [Value::Object(way)] = ways.as_slice() {
            let way = way.clone();
            schema.remove("anyOf");
            for (key, value) in way {
                // A key's own description says more than its type's.
                schema.entry(key).or_insert(value);
            }
        }
    }
    if schema.get("default").is_some_and(Value::is_null) {
        schema.remove("default");
    }
    if schema.get("type").is_some_and(|kind| kind == "integer" || kind == "number") {
        schema.remove("format");
    }
}

/// What a judge of each kind must and must not have.
pub(super) fn kinds_of_judges() -> Value {
    json!([
        when("model", json!({ "required": ["endpoint", "model"] })),
        when("rules", json!({ "properties": { "endpoint": false, "model": false } })),
    ])
}

/// What a transport of each kind must and must not have.
pub(super) fn kinds_of_transports() -> Value {
    let never = json!({ "maxProperties": 0 });
    json!([
        when(
            "stdio",
            json!({
                "required": ["command"],
                "properties": {
                    "url": false,
                    "headers_from_env": never,
                    "card": false,
                    "keys": { "maxItems": 0 },
                    "addresses": { "maxItems": 0 },
                },
            })
        ),
        when(
            "http",
            json!({
                "required": ["url"],
                "properties": {
                    "command": false,
                    "args": { "maxItems": 0 },
                    "env": never,
                    "env_from": never,
                    "cwd": false,
                    "card": false,
                    "keys": { "maxItems": 0 },
                    "addresses": { "maxItems": 0 },
                },
            })
        ),
        when(
            "a2a",
            json!({
                "required": ["card", "keys"],
                "properties": {
                    "command": false,
                    "args": { "maxItems": 0 },
                    "env": never,
                    "env_from": never,
                    "cwd": false,
                    "url": false,
                    "keys": { "minItems": 1 },
                },
            })
        ),
    ])
}

/// What a key of each kind must and must not have.
pub(super) fn kinds_of_keys() -> Value {
    json!([
        { "properties": { "kty": { "const": "OKP" }, "crv": { "const": "Ed25519" }, "y": false } },
        { "properties": { "kty": { "const": "EC" }, "crv": { "const": "P-256" } }, "required": ["y"] },
    ])
}

fn when(kind: &str, then: Value) -> Value {
    json!({ "if": { "properties": { "kind": { "const": kind } }, "required": ["kind"] }, "then": then })
}
