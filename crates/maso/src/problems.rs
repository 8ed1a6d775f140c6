//! Problems of a deployment, for people and for scripts.

use maso_intent::{Problem, Severity};
use serde_json::{Value, json as value};

use crate::screen::{self, say};

/// Shows a problem with its place and its remedy.
pub fn show(problem: &Problem) {
    let severity = problem.severity.as_str();
    let severity = match problem.severity {
        Severity::Error => screen::red(severity),
        Severity::Warning => screen::yellow(severity),
        Severity::Note => screen::blue(severity),
    };
    let control = problem.control.as_ref().map_or_else(String::new, |control| format!(" [{control}]"));
    let place = format!("{}:{}:{}", problem.file, problem.line, problem.column);
    say!("{severity}{control}: {}", problem.message);
    say!("  {} {}", screen::faint("at  "), screen::strong(&place));
    if !problem.remedy.is_empty() {
        say!("  {} {}", screen::blue("help"), problem.remedy);
    }
}

/// The same, as JSON.
pub fn json(problem: &Problem) -> Value {
    value!({
        "severity": problem.severity.as_str(),
        "control": problem.control.as_ref().map(ToString::to_string),
        "rule": problem.rule.id(),
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "message": problem.message,
        "remedy": problem.remedy,
    })
}
