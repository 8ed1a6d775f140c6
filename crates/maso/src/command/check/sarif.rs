//! Problems as SARIF 2.1.0, for CI systems and code hosts.

use std::path::{Component, Path};

use maso_core::{Digest, Tier};
use maso_intent::{LintRule, Problem, Severity};
use serde_json::{Value, json};

/// The log of one run: all rules, and what they found in the deployment in `folder`.
pub fn log(problems: &[Problem], tier: Tier, folder: &Path) -> Value {
    let places = Places::of(folder);
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "maso",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": LintRule::ALL.iter().map(|rule| described(*rule, tier)).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "results": problems.iter().map(|problem| result(problem, &places)).collect::<Vec<_>>(),
        }],
    })
}

fn described(rule: LintRule, tier: Tier) -> Value {
    let severity = rule.severity(tier);
    let control = rule.control().map(|control| control.to_string());
    json!({
        "id": rule.id(),
        "shortDescription": { "text": sentence(rule.summary()) },
        "help": { "text": sentence(rule.help()) },
        "defaultConfiguration": { "enabled": severity.is_some(), "level": severity.map_or("none", level) },
        "properties": { "tags": control.into_iter().collect::<Vec<_>>() },
    })
}

fn result(problem: &Problem, places: &Places) -> Value {
    let remedy = if problem.remedy.is_empty() { String::new() } else { format!("\nhelp: {}", problem.remedy) };
    json!({
        "ruleId": problem.rule.id(),
        "ruleIndex": LintRule::ALL.iter().position(|rule| *rule == problem.rule),
        "level": level(problem.severity),
        "message": { "text": format!("{}{remedy}", problem.message) },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": places.uri(&problem.file) },
            "region": { "startLine": problem.line, "startColumn": problem.column },
        } }],
        // Without the line: a finding that only moved is the same one.
        "partialFingerprints": { "maso/v1": Digest::of(
            format!("{}\n{}\n{}", problem.rule.id(), problem.file, problem.message).as_bytes(),
        ).to_string() },
        "properties": { "control": problem.control.as_ref().map(ToString::to_string) },
    })
}

fn level(severity: Severity) -> &'static str {
    severity.as_str()
}

fn sentence(fragment: &str) -> String {
    let mut letters = fragment.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

/// Where the files of the deployment are, seen from where the program was started.
struct Places {
    folder: Vec<String>,
}

impl Places {
    /// A folder below the current one is named, so that a code host finds the files in its repository; of any other
    /// one, files are named from the deployment's folder.
    fn of(folder: &Path) -> Self {
        let mut below = Vec::new();
        for component in folder.components() {
            match component {
                Component::CurDir => {}
                Component::Normal(name) => below.push(name.to_string_lossy().into_owned()),
                Component::Prefix(_) | Component::RootDir | Component::ParentDir => return Self { folder: Vec::new() },
            }
        }
        Self { folder: below }
    }

    /// The file as a relative URI.
    fn uri(&self, file: &str) -> String {
        let segments = self.folder.iter().map(String::as_str).chain(file.split('/'));
        segments.map(escaped).collect::<Vec<_>>().join("/")
    }
}

/// One segment of a path, with everything escaped that is not unreserved in a URI (RFC 3986 §2.3).
fn escaped(segment: &str) -> String {
    let mut text = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            text.push(char::from(byte));
        } else {
            text += &format!("%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_from_where_the_program_was_started() {
        for (folder, file, uri) in [
            (".", "maso.toml", "maso.toml"),
            ("examples/claims", "agents/intake.toml", "examples/claims/agents/intake.toml"),
            ("./examples/claims/", "maso.toml", "examples/claims/maso.toml"),
            ("my claims", "policies/a b.cedar", "my%20claims/policies/a%20b.cedar"),
            ("../claims", "maso.toml", "maso.toml"),
            ("/srv/claims", "maso.toml", "maso.toml"),
        ] {
            assert_eq!(Places::of(Path::new(folder)).uri(file), uri, "{folder}");
        }
    }

    #[test]
    fn what_a_tier_does_not_ask_for_is_described_and_switched_off() {
        let rule = described(LintRule::JudgeMissing, Tier::Supervised);
        assert_eq!(rule["defaultConfiguration"], json!({ "enabled": false, "level": "none" }));
        let rule = described(LintRule::JudgeMissing, Tier::Managed);
        assert_eq!(rule["defaultConfiguration"], json!({ "enabled": true, "level": "error" }));
        assert_eq!(rule["properties"]["tags"], json!(["EC-2.5"]));
    }
}
