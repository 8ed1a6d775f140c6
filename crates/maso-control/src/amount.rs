//! The amount of a held action, as the person who approves it must have read it.

use maso_api::AmountView;
use maso_core::ToolRef;
use maso_intent::{Deployment, decimals, in_currency};
use maso_log::v1::HopDecided;
use serde_json::Value;

#[cfg(test)]
mod tests;

/// The amount among the parameters of a held call: what the manifest says is one, else the first number that carries
/// authority.
pub fn amount(deployment: &Deployment, decided: &HopDecided, payload: &Value) -> Option<AmountView> {
    let tool = decided.object.parse::<ToolRef>().ok().filter(|_| decided.verb == "call_tool");
    let manifest = tool.as_ref().and_then(|tool| deployment.tool(tool));
    let of_agent = decided.from.as_deref().and_then(|from| from.strip_prefix("agent:")?.parse().ok());
    let mandate = of_agent.and_then(|agent: maso_core::AgentName| deployment.agents.get(&agent));
    let solution = mandate.and_then(|mandate| deployment.workflows.get(&mandate.workflow));
    let currency = solution.and_then(|solution| solution.limits.currency.as_deref());

    let moved = manifest.and_then(|manifest| manifest.value_pointer.as_deref());
    let roles = manifest.into_iter().flat_map(|manifest| &manifest.authority);
    let declared = roles.filter(|(_, argument)| argument.role == "amount").map(|(pointer, _)| pointer.as_str());
    let is_amount = |value: &Value| match value {
        Value::Number(_) => true,
        Value::String(text) => text.bytes().any(|byte| byte.is_ascii_digit()),
        _ => false,
    };
    let named = moved.into_iter().chain(declared).find(|pointer| payload.pointer(pointer).is_some_and(is_amount));
    let with_authority = || {
        let origins = decided.origins.iter().filter(|origin| origin.authority);
        origins
            .map(|origin| origin.pointer.as_str())
            .find(|pointer| payload.pointer(pointer).is_some_and(Value::is_number))
    };
    let pointer = named.or_else(with_authority)?;
    let value = match payload.pointer(pointer)? {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let in_minor = (moved == Some(pointer)).then(|| payload.pointer(pointer)?.as_u64()).flatten();
    let shown = match (currency, in_minor) {
        (Some(currency), Some(minor)) => in_currency(minor, currency),
        // A fraction says that it is no count of the smallest unit; a bare number could be either.
        (Some(currency), None) if has_fraction(&value, decimals(currency)) => format!("{value} {currency}"),
        _ => value.clone(),
    };
    Some(AmountView { pointer: pointer.to_owned(), value, shown })
}

fn has_fraction(text: &str, n_decimals: u32) -> bool {
    let is_figure = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b',' | b'\'' | b' ' | b'-'));
    let fraction = text.rsplit_once(['.', ',']).map(|(_, fraction)| fraction);
    is_figure && n_decimals > 0 && fraction.is_some_and(|fraction| fraction.len() == n_decimals as usize)
}
