//! What 2026-07-28 mirrors from the body into request headers, for those who only look at headers. maso decides by the
//! body, and a header that says something else is an attempt to be read in two ways.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use crate::mcp::{Request, Revision, meta};

/// The mirrored headers of a request as they came.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mirrored<'a> {
    /// `MCP-Protocol-Version`.
    pub version: Option<&'a str>,
    /// `Mcp-Method`.
    pub method: Option<&'a str>,
    /// `Mcp-Name`.
    pub name: Option<&'a str>,
}

/// How header and body disagree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Header mismatch: {0}")]
pub struct Mismatch(String);

impl Mirrored<'_> {
    /// Whether each header is there and says what the body says.
    ///
    /// # Errors
    /// When one is missing, cannot be read, or disagrees.
    pub fn agree_with(&self, request: &Request) -> Result<(), Mismatch> {
        let version = self.version.ok_or_else(|| missing("MCP-Protocol-Version"))?;
        if request.meta(meta::PROTOCOL_VERSION).and_then(Value::as_str) != Some(version) {
            return Err(Mismatch("MCP-Protocol-Version differs from the body".to_owned()));
        }
        if Revision::parse(version).is_none_or(|revision| !revision.is_stateless()) {
            // Nothing else is mirrored in a revision that is not spoken; the caller says which are.
            return Ok(());
        }
        if self.method.ok_or_else(|| missing("Mcp-Method"))? != request.method {
            return Err(Mismatch("Mcp-Method differs from the body".to_owned()));
        }
        let Some(key) = mirrored_name(&request.method) else { return Ok(()) };
        let header = self.name.ok_or_else(|| missing("Mcp-Name"))?;
        let name = decode_header_value(header).ok_or_else(|| Mismatch("Mcp-Name cannot be decoded".to_owned()))?;
        if request.params_value().get(key).and_then(Value::as_str) != Some(&name) {
            return Err(Mismatch("Mcp-Name differs from the body".to_owned()));
        }
        Ok(())
    }
}

/// The param that `Mcp-Name` mirrors, if this method has one.
pub fn mirrored_name(method: &str) -> Option<&'static str> {
    match method {
        "tools/call" | "prompts/get" => Some("name"),
        "resources/read" => Some("uri"),
        _ => None,
    }
}

/// A value in the form that a header can hold.
pub fn encode_header_value(value: &str) -> String {
    let plain = value.bytes().all(|byte| (0x20..0x7f).contains(&byte))
        && value.trim() == value
        && !(value.starts_with(BEGIN) && value.ends_with(END));
    if plain { value.to_owned() } else { format!("{BEGIN}{}{END}", STANDARD.encode(value)) }
}

/// The value that a header holds; `None` if it pretends to be encoded and is not.
pub fn decode_header_value(header: &str) -> Option<String> {
    match header.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END)) {
        None => Some(header.to_owned()),
        Some(encoded) => String::from_utf8(STANDARD.decode(encoded).ok()?).ok(),
    }
}

/// Why a tool's annotations of parameters as headers cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`x-mcp-header` of a tool cannot be followed: {0}")]
pub struct ParameterHeaderFault(&'static str);

/// The `Mcp-Param-…` headers that go with these arguments of a tool with this input schema: name and value.
///
/// # Errors
/// When an annotation is malformed, ambiguous, or on a value that no header can hold.
pub fn parameter_headers(schema: &Value, arguments: &Value) -> Result<Vec<(String, String)>, ParameterHeaderFault> {
    let mut headers = Vec::new();
    collect(schema, Some(arguments), 0, &mut headers)?;
    let mut names: Vec<_> = headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.sort();
    names.dedup();
    if names.len() != headers.len() {
        return Err(ParameterHeaderFault("two parameters share a name"));
    }
    Ok(headers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
}

/// Whether a tool's schema has parameters that are mirrored in headers, in a way that can be followed.
pub fn has_mirrored_parameters(schema: &Value) -> bool {
    let mut annotated = Vec::new();
    collect(schema, None, 0, &mut annotated).is_ok() && !annotated.is_empty()
}

/// Whether the `Mcp-Param-…` headers of a call say what its arguments say. `header` gives the value of one that is there
/// once, by its name in small letters.
///
/// # Errors
/// When one is missing, cannot be read, disagrees, or stands for an argument that is not there.
pub fn parameters_agree<'a>(
    schema: &Value,
    arguments: &Value,
    header: impl Fn(&str) -> Option<&'a str>,
) -> Result<(), Mismatch> {
    let mut annotated = Vec::new();
    if collect(schema, Some(arguments), 0, &mut annotated).is_err() {
        // No client is shown a tool whose annotations cannot be followed.
        return Ok(());
    }
    for (name, value) in annotated {
        let name = format!("mcp-param-{}", name.to_ascii_lowercase());
        match (header(&name), value) {
            (None, None) => {}
            (None, Some(_)) => return Err(missing(&name)),
            (Some(shown), value) => {
                let shown = decode_header_value(shown).ok_or_else(|| Mismatch(format!("{name} cannot be decoded")))?;
                if value.and_then(|value| decode_header_value(&value)) != Some(shown) {
                    return Err(Mismatch(format!("{name} differs from the body")));
                }
            }
        }
    }
    Ok(())
}

/// A header's name, and its value if the arguments hold one.
type Annotated = (String, Option<String>);

fn collect(
    schema: &Value,
    arguments: Option<&Value>,
    depth: usize,
    headers: &mut Vec<Annotated>,
) -> Result<(), ParameterHeaderFault> {
    if depth > DEPTH_MAX {
        return Err(ParameterHeaderFault("nested too deep"));
    }
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return Ok(()) };
    for (key, property) in properties {
        let argument = arguments.and_then(|arguments| arguments.get(key));
        if let Some(annotation) = property.get("x-mcp-header") {
            let name = annotation.as_str().unwrap_or_default();
            let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            if name.is_empty() || !name.bytes().all(token) {
                return Err(ParameterHeaderFault("the name is not a header token"));
            }
            if !matches!(property.get("type").and_then(Value::as_str), Some("string" | "integer" | "boolean")) {
                return Err(ParameterHeaderFault("the parameter is neither string, integer nor boolean"));
            }
            let value = match argument {
                None | Some(Value::Null) => None,
                Some(Value::String(text)) => Some(encode_header_value(text)),
                Some(other) => Some(other.to_string()),
            };
            headers.push((name.to_owned(), value));
        }
        collect(property, argument, depth + 1, headers)?;
    }
    Ok(())
}

fn missing(header: &str) -> Mismatch {
    Mismatch(format!("{header} is missing"))
}

const BEGIN: &str = "=?base64?";
const END: &str = "?=";
const DEPTH_MAX: usize = 16;
