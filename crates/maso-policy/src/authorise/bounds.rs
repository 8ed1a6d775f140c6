//! The terms on which a tool is held: each named argument must satisfy its bound (EC-1.2, ENV-3).

use std::collections::BTreeMap;

use maso_core::{Act, Finding, Findings, Word};
use maso_intent::Bound;
use serde_json::Value;

/// Checks every bound. An argument that is absent does not satisfy its bound: what the tool would take instead is not
/// known here.
pub(super) fn check(bounds: &BTreeMap<String, Bound>, arguments: &Value) -> Findings {
    bounds
        .iter()
        .filter_map(|(pointer, bound)| {
            let excess = match at(arguments, pointer) {
                None | Some(Value::Null) => format!("`{pointer}` is absent, and the mandate bounds it"),
                Some(value) if satisfies(value, bound) => return None,
                Some(_) => format!("`{pointer}` is beyond what the mandate allows: {}", in_words(bound)),
            };
            Some(Finding::new("ENV-3", Word::NoGo, excess).at(pointer.clone(), String::new()))
        })
        .collect()
}

/// An address that walks upwards could leave the prefix that was granted.
pub(super) fn check_address(act: &Act) -> Findings {
    match act {
        Act::ReadResource { uri, .. } if climbs(uri) => {
            let reason = "the resource's address has `..` in its path, which a prefix cannot bound";
            Findings::from(vec![Finding::new("EC-2.15", Word::NoGo, reason)])
        }
        _ => Findings::none(),
    }
}

fn at<'v>(arguments: &'v Value, pointer: &str) -> Option<&'v Value> {
    arguments.pointer(pointer)
}

/// Whether a value satisfies a bound.
pub(crate) fn satisfies(value: &Value, bound: &Bound) -> bool {
    match (bound, value) {
        (Bound::OneOf(allowed), value) => allowed.iter().any(|one| equal(one, value)),
        (Bound::AtMost(most), Value::Number(number)) => number.as_f64().is_some_and(|number| number <= *most),
        (Bound::AtLeast(least), Value::Number(number)) => number.as_f64().is_some_and(|number| number >= *least),
        (Bound::Prefix(prefix), Value::String(text)) => text.starts_with(prefix.as_str()) && !climbs(text),
        (Bound::Matches(pattern), Value::String(text)) => {
            // Leftmost-first alternation may stop early, so the match must be the whole string or there is none.
            pattern.find(text).is_some_and(|found| found.start() == 0 && found.end() == text.len())
        }
        // A number in quotes is no number: nothing is converted (EC-2.15).
        (Bound::AtMost(_) | Bound::AtLeast(_) | Bound::Prefix(_) | Bound::Matches(_), _) => false,
    }
}

/// Whether two values are the same to a bound: numbers by their amount.
pub(crate) fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        _ => one == other,
    }
}

/// Whether a path or an address has a segment that leads upwards, written plainly or escaped.
fn climbs(text: &str) -> bool {
    let plain = text.to_ascii_lowercase().replace("%2e", ".").replace("%2f", "/").replace("%5c", "/");
    plain.split(['/', '\\', '?', '#']).any(|segment| segment == "..")
}

fn in_words(bound: &Bound) -> String {
    match bound {
        Bound::OneOf(allowed) => format!("one of {} values", allowed.len()),
        Bound::AtMost(most) => format!("at most {most}"),
        Bound::AtLeast(least) => format!("at least {least}"),
        Bound::Prefix(prefix) => format!("begins with `{prefix}`"),
        Bound::Matches(pattern) => format!("matches `{pattern}`"),
    }
}
