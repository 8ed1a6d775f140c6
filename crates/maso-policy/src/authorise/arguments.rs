//! The arguments of a call, as policies can speak of them.

use cedar_policy::{Entity, RestrictedExpression};
use serde_json::Value;

use super::entities::{self, uid};

/// The arguments as three entities, one for each type that a tag can have. `None` if there are more than a policy could
/// see: one that was not shown might be the one that a policy forbids.
pub(super) fn entities_of(arguments: &Value) -> Option<Vec<Entity>> {
    let mut tags = Tags::default();
    tags.add(String::new(), arguments)?;
    let texts = Entity::new_with_tags(uid(&entities::TEXTS, ARGUMENTS), [], [], tags.texts);
    let numbers = Entity::new_with_tags(uid(&entities::NUMBERS, ARGUMENTS), [], [], tags.numbers);
    let flags = Entity::new_with_tags(uid(&entities::FLAGS, ARGUMENTS), [], [], tags.flags);
    Some(vec![texts.ok()?, numbers.ok()?, flags.ok()?])
}

/// The id of the entities that hold the arguments.
pub(super) const ARGUMENTS: &str = "arguments";

/// Leaves that policies are shown of one call.
pub(super) const LEAVES_MAX: usize = 256;

#[derive(Default)]
struct Tags {
    texts: Vec<(String, RestrictedExpression)>,
    numbers: Vec<(String, RestrictedExpression)>,
    flags: Vec<(String, RestrictedExpression)>,
}

impl Tags {
    fn add(&mut self, pointer: String, value: &Value) -> Option<()> {
        if self.texts.len() + self.numbers.len() + self.flags.len() >= LEAVES_MAX {
            return None;
        }
        match value {
            Value::Null => {}
            Value::Bool(flag) => self.flags.push((pointer, RestrictedExpression::new_bool(*flag))),
            Value::Number(number) => self.numbers.push((pointer, RestrictedExpression::new_long(whole(number)))),
            Value::String(text) => self.texts.push((pointer, RestrictedExpression::new_string(text.clone()))),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.add(format!("{pointer}/{index}"), item)?;
                }
            }
            Value::Object(members) => {
                for (key, member) in members {
                    let key = key.replace('~', "~0").replace('/', "~1");
                    self.add(format!("{pointer}/{key}"), member)?;
                }
            }
        }
        Some(())
    }
}

/// The number as Cedar can hold it: a fraction rounded away from zero, so that no amount passes a limit by its cents.
fn whole(number: &serde_json::Number) -> i64 {
    if let Some(whole) = number.as_i64() {
        return whole;
    }
    if number.is_u64() {
        return i64::MAX;
    }
    let number = number.as_f64().unwrap_or(f64::MAX);
    let rounded = if number < 0.0 { number.floor() } else { number.ceil() };
    // A float beyond the range becomes its nearest end.
    #[allow(clippy::cast_possible_truncation)]
    let whole = rounded as i64;
    whole
}
