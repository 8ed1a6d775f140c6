//! TOML values as JSON.

use serde_json::Value;

use crate::{Problem, Severity, form::File};

/// A TOML value as JSON; dates become text. What JSON cannot say is a problem.
pub(crate) fn json<T>(file: &File<'_, T>, start: usize, value: &toml::Value, problems: &mut Vec<Problem>) -> Value {
    match value {
        toml::Value::String(text) => text.clone().into(),
        toml::Value::Integer(number) => (*number).into(),
        toml::Value::Float(number) => serde_json::Number::from_f64(*number).map_or_else(
            || {
                let message = format!("`{number}` has no place in JSON");
                problems.push(file.problem(start, Severity::Error, "", message, "write a finite number"));
                Value::Null
            },
            Value::Number,
        ),
        toml::Value::Boolean(truth) => (*truth).into(),
        toml::Value::Datetime(moment) => moment.to_string().into(),
        toml::Value::Array(values) => values.iter().map(|value| json(file, start, value, problems)).collect(),
        toml::Value::Table(table) => {
            table.iter().map(|(key, value)| (key.clone(), json(file, start, value, problems))).collect()
        }
    }
}
