//! Arguments that fit, for who asks about a tool and not about a call.

use maso_core::{Act, AgentName};
use maso_intent::Deployment;
use maso_policy::within_bounds;
use serde_json::{Map, Value, json};

/// Something that satisfies the schema and the bounds, as far as examples of types do.
pub fn payload(deployment: &Deployment, agent: &AgentName, act: &Act) -> Value {
    let mandate = deployment.agents.get(agent);
    match act {
        Act::CallTool(tool) => {
            let definition = deployment.tool(tool).and_then(|tool| tool.definition.as_deref());
            let fitting =
                definition.and_then(|it| it.value.get("inputSchema")).map_or_else(|| json!({}), |schema| of(schema, 0));
            match mandate.and_then(|mandate| mandate.tools.get(tool)) {
                Some(terms) => within_bounds(terms, &fitting).0,
                None => fitting,
            }
        }
        Act::Request { agent: asked, request } => {
            let grants = deployment.workflows.values().flat_map(|solution| &solution.grants);
            let mut granted =
                grants.filter(|grant| grant.from == *agent && grant.to == *asked && grant.request == *request);
            granted.next().map_or_else(|| json!({}), |grant| of(&grant.schema, 0))
        }
        Act::Tell { agent: told, contract } => {
            let mut solutions = deployment.workflows.values();
            let channel = solutions.find_map(|solution| solution.channel(agent, told, contract));
            channel.map_or_else(|| json!({}), |channel| of(&channel.schema, 0))
        }
        _ => json!({}),
    }
}

/// An example of a schema: what it requires, and nothing else.
fn of(schema: &Value, depth: usize) -> Value {
    if let Some(value) = schema.get("const").or_else(|| schema.get("enum")?.get(0)) {
        return value.clone();
    }
    let kind = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str),
        kind => kind.and_then(Value::as_str),
    };
    match kind {
        Some("string") => text(schema),
        Some("integer" | "number") => {
            let least = schema.get("minimum").or_else(|| schema.get("exclusiveMinimum")).and_then(Value::as_i64);
            json!(least.map_or(1, |least| least.saturating_add(1)))
        }
        Some("boolean") => json!(true),
        Some("null") => Value::Null,
        Some("array") => json!([]),
        _ if depth >= DEPTH_MAX => json!({}),
        _ => {
            let properties = schema.get("properties");
            let required =
                schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
            let member = |name: &str| {
                let inner = properties.and_then(|properties| properties.get(name));
                (name.to_owned(), inner.map_or_else(|| "example".into(), |inner| of(inner, depth + 1)))
            };
            required.map(member).collect::<Map<_, _>>().into()
        }
    }
}

/// A text that the schema's pattern matches, where it has one.
fn text(schema: &Value) -> Value {
    let pattern = schema.get("pattern").and_then(Value::as_str);
    pattern.and_then(maso_policy::text_matching).unwrap_or_else(|| "example".to_owned()).into()
}

/// Objects inside objects that are filled in.
const DEPTH_MAX: usize = 8;
