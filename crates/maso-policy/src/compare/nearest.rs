//! The nearest thing that is allowed to one that is not.

use std::sync::Arc;

use maso_core::Timestamp;
use maso_intent::{Bound, Deployment, ToolTerms, nearest};
use serde_json::{Map, Value};

use super::{
    Action, Outcome, Version,
    classes::Classes,
    looks::Looks,
    questions::Question,
    space::{Axis, Space},
};
use crate::{CompileError, authorise::bounds::satisfies};

/// An action like this one that is not refused: with arguments within their bounds and, where that is not enough, in
/// another class of one or two things that the decision depends on. `None` where none was found.
///
/// # Errors
/// When the policies do not compile.
pub fn nearest_allowed(
    deployment: &Arc<Deployment>,
    action: &Action,
    now: Timestamp,
) -> Result<Option<Action>, Vec<CompileError>> {
    let version = Version::new(Arc::clone(deployment), now)?;
    let terms = deployment.agents.get(&action.agent).and_then(|mandate| mandate.tools.get(action.act.tool()?));
    let mut within = action.clone();
    if let Some(terms) = terms {
        (within.payload, _) = within_bounds(terms, &action.payload);
    }
    let question = Question::about(&version, &action.agent, action.act.clone());
    let Some(space) = question.spaces.first() else { return Ok(None) };
    let steps = |from: &Action| steps(space, from).collect::<Vec<_>>();
    let near = std::iter::once(within.clone()).chain(steps(&within));
    let far = || steps(&within).into_iter().flat_map(|one| steps(&one)).take(STEPS_MAX);
    let allowed = |one: &Action| version.decide(one) != Outcome::Refused;
    Ok(near.into_iter().find(allowed).or_else(|| far().find(allowed)))
}

/// The same action in every other class of each axis, those first that ask the least of whoever acts.
fn steps<'a>(space: &'a Space, from: &'a Action) -> impl Iterator<Item = Action> + 'a {
    let classes = space.axes.iter().flat_map(|axis| (0..axis.len()).map(move |class| (axis, class)));
    classes.filter_map(|(axis, class)| {
        let mut action = from.clone();
        if let Axis::Argument(pointer, classes) = axis {
            // An argument that is left out is no help to whoever needs one.
            let value = classes.cells.get(class)?.example()?;
            put(&mut action.payload, pointer, value).then_some(action)
        } else {
            axis.place(&mut action, class).then_some(action)
        }
    })
}

/// Steps of two that are tried.
const STEPS_MAX: usize = 4_096;

/// These arguments with each one that its bound refuses replaced by the nearest that it allows, and each one that is
/// absent filled in; the pointers of what was changed.
///
/// What no bound speaks of stays as it is. Where a bound allows nothing, nothing is changed.
pub fn within_bounds(terms: &ToolTerms, arguments: &Value) -> (Value, Vec<String>) {
    let mut nearest = if arguments.is_null() { Value::Object(Map::new()) } else { arguments.clone() };
    let mut changed = Vec::new();
    for (pointer, bound) in &terms.bounds {
        let given = arguments.pointer(pointer);
        if given.is_some_and(|value| satisfies(value, bound)) {
            continue;
        }
        if let Some(value) = allowed(given, bound)
            && put(&mut nearest, pointer, value)
        {
            changed.push(pointer.clone());
        }
    }
    (nearest, changed)
}

/// The allowed value that is nearest to the one that was given.
fn allowed(given: Option<&Value>, bound: &Bound) -> Option<Value> {
    let examples =
        || Classes::of_argument(&[bound], &Looks::default()).cells.into_iter().filter_map(|cell| cell.example());
    let value = match (bound, given) {
        (Bound::AtMost(limit) | Bound::AtLeast(limit), Some(_)) => Some(super::classes::value_of(*limit)),
        (Bound::OneOf(allowed), Some(Value::String(text))) => {
            let texts = allowed.iter().filter_map(Value::as_str);
            nearest(text, texts).map(Value::from).or_else(|| allowed.first().cloned())
        }
        (Bound::OneOf(allowed), _) => allowed.first().cloned(),
        (Bound::Prefix(prefix), Some(Value::String(text))) => Some(format!("{prefix}{}", last_segment(text)).into()),
        _ => None,
    };
    value.into_iter().chain(examples()).find(|value| satisfies(value, bound))
}

fn last_segment(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or_default()
}

/// Puts a value where a pointer leads, through what is there; whether that could be done.
fn put(arguments: &mut Value, pointer: &str, value: Value) -> bool {
    let mut place = arguments;
    for segment in pointer.split('/').skip(1) {
        let key = segment.replace("~1", "/").replace("~0", "~");
        place = match place {
            Value::Object(members) => members.entry(key).or_insert_with(|| Value::Object(Map::new())),
            Value::Array(items) => match key.parse::<usize>().ok().and_then(|index| items.get_mut(index)) {
                Some(item) => item,
                None => return false,
            },
            _ => return false,
        };
    }
    *place = value;
    true
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(bound: Bound, given: Value, expected: Value) {
        let terms = ToolTerms {
            bounds: BTreeMap::from([("/a".to_owned(), bound)]),
            justification: None,
            substitutes: BTreeMap::new(),
        };
        assert_eq!(within_bounds(&terms, &given).0, expected);
    }

    #[test]
    fn what_is_beyond_a_bound_is_brought_back_to_it() {
        let matches = |pattern: &str| Bound::Matches(regex::Regex::new(&format!(r"\A(?:{pattern})\z")).unwrap());
        check(Bound::AtMost(5.0), json!({ "a": 7, "b": 1 }), json!({ "a": 5, "b": 1 }));
        check(Bound::AtMost(5.0), json!({ "a": 4 }), json!({ "a": 4 }));
        check(Bound::AtLeast(2.5), json!({ "a": 0 }), json!({ "a": 2.5 }));
        check(Bound::OneOf(vec![json!("red"), json!("green")]), json!({ "a": "gren" }), json!({ "a": "green" }));
        check(Bound::Prefix("files/".to_owned()), json!({ "a": "../x.txt" }), json!({ "a": "files/x.txt" }));
        check(matches("C-[0-9]{4}"), json!({ "a": "C-1" }), json!({ "a": "C-0000" }));
        check(matches("C-[0-9]{4}"), json!(null), json!({ "a": "C-0000" }));
        check(Bound::OneOf(vec![]), json!({ "a": 1 }), json!({ "a": 1 }));
        check(Bound::AtMost(5.0), json!({ "a": "7" }), json!({ "a": 5 }));
    }
}
