//! What a hand-written policy looks at: the constants at which classes are cut, and what has no finite classes.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{ActionConstraint, Policy, PrincipalConstraint, ResourceConstraint};
use maso_core::{Act, AgentName};
use serde_json::Value;

/// What one policy looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Looks {
    /// The arguments that it names, by pointer, and as what it reads each: `text`, `number`, `flag`.
    pub(super) arguments: BTreeMap<String, BTreeSet<String>>,
    /// The texts that it compares with.
    pub(super) texts: BTreeSet<String>,
    /// The numbers that it compares with.
    pub(super) numbers: BTreeSet<i64>,
    /// The patterns that it compares with, as regular expressions, each with how the policy writes it.
    pub(super) patterns: BTreeSet<(String, String)>,
    /// Resources and prompts that it names, as `server:name`.
    pub(super) named: BTreeSet<String>,
    /// Whether it looks at how far what the task has seen is believed.
    pub(super) seen_integrity: bool,
    /// Whether it looks at how confidential what the task has seen is.
    pub(super) seen_confidentiality: bool,
    /// Whether it looks at where the task comes from.
    pub(super) task: bool,
    /// Whether it looks at the phase.
    pub(super) phase: bool,
    /// Whether it looks at what is listed, wanted, told or requested.
    pub(super) about: bool,
    /// What it does that no finite classes can follow.
    pub(super) beyond: BTreeSet<&'static str>,
}

impl Looks {
    /// What this policy looks at.
    pub(super) fn of(policy: &Policy) -> Self {
        let mut looks = Self::default();
        if let ResourceConstraint::Eq(uid) | ResourceConstraint::In(uid) = policy.resource_constraint() {
            looks.named.insert(uid.id().unescaped().to_owned());
        }
        match policy.to_json() {
            Ok(json) => json.get("conditions").into_iter().for_each(|conditions| looks.walk(conditions)),
            Err(_) => looks.cannot_follow("cannot be read back"),
        }
        looks
    }

    /// What all of these look at together.
    pub(super) fn join(mut self, other: &Self) -> Self {
        for (pointer, read_as) in &other.arguments {
            self.arguments.entry(pointer.clone()).or_default().extend(read_as.iter().cloned());
        }
        self.texts.extend(other.texts.iter().cloned());
        self.numbers.extend(&other.numbers);
        self.patterns.extend(other.patterns.iter().cloned());
        self.named.extend(other.named.iter().cloned());
        self.seen_integrity |= other.seen_integrity;
        self.seen_confidentiality |= other.seen_confidentiality;
        self.task |= other.task;
        self.phase |= other.phase;
        self.about |= other.about;
        self.beyond.extend(&other.beyond);
        self
    }

    fn walk(&mut self, expression: &Value) {
        match expression {
            Value::Array(parts) => parts.iter().for_each(|part| self.walk(part)),
            Value::Object(parts) => {
                for (operator, operands) in parts {
                    self.operator(operator, operands);
                }
            }
            _ => {}
        }
    }

    fn operator(&mut self, operator: &str, operands: &Value) {
        match operator {
            "Value" => return self.constant(operands),
            "getTag" | "hasTag" => match operands.pointer("/right/Value").and_then(Value::as_str) {
                Some(pointer) => {
                    let read_as = operands.pointer("/left/./attr").and_then(Value::as_str).map(str::to_owned);
                    self.arguments.entry(pointer.to_owned()).or_default().extend(read_as);
                    return;
                }
                None => self.cannot_follow("names an argument by what it computes"),
            },
            "." if operands.pointer("/left/./attr").and_then(Value::as_str) == Some("seen") => {
                match operands.get("attr").and_then(Value::as_str) {
                    Some("integrity" | "integrity_level") => self.seen_integrity = true,
                    _ => self.seen_confidentiality = true,
                }
                return;
            }
            "." | "has" => match operands.get("attr").and_then(Value::as_str) {
                Some("seen") => (self.seen_integrity, self.seen_confidentiality) = (true, true),
                Some("task") => self.task = true,
                Some("phase" | "phase_level") => self.phase = true,
                Some("about") => self.about = true,
                _ => {}
            },
            "like" => {
                if let Some(pattern) = operands.get("pattern") {
                    self.patterns.insert(regular(pattern));
                }
                return operands.get("left").into_iter().for_each(|left| self.walk(left));
            }
            "+" | "-" | "*" | "neg" if varies(operands) => self.cannot_follow("computes with arguments"),
            "==" | "!=" | "<" | "<=" | ">" | ">=" | "contains" => {
                let varies_on = |side| operands.get(side).is_some_and(varies);
                if varies_on("left") && varies_on("right") {
                    self.cannot_follow("compares arguments with each other");
                }
            }
            "decimal" | "ip" | "datetime" | "duration" if varies(operands) => {
                self.cannot_follow("reads an argument as something else than a text or a whole number");
            }
            _ => {}
        }
        self.walk(operands);
    }

    fn cannot_follow(&mut self, what: &'static str) {
        self.beyond.insert(what);
    }

    /// What of it concerns an argument: the constants of its kind.
    pub(super) fn at(&self, pointer: &str) -> Self {
        let Some(read_as) = self.arguments.get(pointer) else { return Self::default() };
        Self {
            texts: if read_as.contains("text") { self.texts.clone() } else { BTreeSet::new() },
            patterns: if read_as.contains("text") { self.patterns.clone() } else { BTreeSet::new() },
            numbers: if read_as.contains("number") { self.numbers.clone() } else { BTreeSet::new() },
            ..Self::default()
        }
    }

    fn constant(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.texts.extend([text.clone()]),
            Value::Number(number) => self.numbers.extend(number.as_i64()),
            Value::Array(values) => values.iter().for_each(|value| self.constant(value)),
            Value::Object(entity) => {
                self.named
                    .extend(entity.get("__entity").and_then(|entity| entity.get("id")?.as_str()).map(str::to_owned));
            }
            _ => {}
        }
    }
}

/// Whether an expression holds something that whoever acts may choose.
fn varies(expression: &Value) -> bool {
    match expression {
        Value::Array(parts) => parts.iter().any(varies),
        Value::Object(parts) => parts.iter().any(|(operator, operands)| {
            let chosen = matches!(operands.get("attr").and_then(Value::as_str), Some("uri" | "name"));
            operator == "getTag" || (operator == "." && chosen) || varies(operands)
        }),
        _ => false,
    }
}

/// A Cedar pattern as a regular expression, and as the policy writes it.
fn regular(pattern: &Value) -> (String, String) {
    let (mut regex, mut written) = (r"\A".to_owned(), String::new());
    for piece in pattern.as_array().into_iter().flatten() {
        match piece.get("Literal").and_then(Value::as_str) {
            Some(literal) => {
                regex.push_str(&regex::escape(literal));
                written.push_str(&literal.replace('*', "\\*"));
            }
            None => {
                regex.push_str("(?s:.*)");
                written.push('*');
            }
        }
    }
    (regex + r"\z", written)
}

/// Whether the policy's scope has room for such an act of this agent. A policy that it has none for decides nothing.
pub(super) fn may_concern(policy: &Policy, agent: &AgentName, act: &Act) -> bool {
    let is_action = |uid: &cedar_policy::EntityUid| uid.id().unescaped() == act.verb();
    let action = match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(uid) => is_action(&uid),
        ActionConstraint::In(uids) => uids.iter().any(is_action),
    };
    let other = |uid: &cedar_policy::EntityUid, of: &str, name: &str| {
        uid.type_name().to_string() == of && uid.id().unescaped() != name
    };
    let by_server = matches!(act, Act::AskClient { .. } | Act::Notify { .. });
    let principal = match policy.principal_constraint() {
        PrincipalConstraint::Eq(uid) | PrincipalConstraint::In(uid) => {
            by_server || !other(&uid, "Agent", agent.as_str())
        }
        _ => true,
    };
    let resource = match (policy.resource_constraint(), act) {
        (ResourceConstraint::Eq(uid) | ResourceConstraint::In(uid), Act::CallTool(tool)) => {
            !other(&uid, "Tool", &tool.to_string()) && !other(&uid, "Server", tool.server.as_str())
        }
        _ => true,
    };
    action && principal && resource
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::Looks;

    fn looks(text: &str) -> Looks {
        Looks::of(&cedar_policy::Policy::parse(None, text).unwrap())
    }

    #[test]
    fn constants_patterns_and_arguments_are_found() {
        let looks = looks(
            r#"forbid (principal, action, resource)
            when { context.seen.integrity_level == 0 && context.task == "standing" }
            unless { context.number.hasTag("/a") && context.number.getTag("/a") <= -5
                && ["x", "y"].contains(context.text.getTag("/b")) && context.text.getTag("/b") like "a*b\*" };"#,
        );
        let read_as = |kind: &str| BTreeSet::from([kind.to_owned()]);
        let arguments = BTreeMap::from([("/a".to_owned(), read_as("number")), ("/b".to_owned(), read_as("text"))]);
        assert_eq!(looks.arguments, arguments);
        assert!(looks.texts.is_superset(&BTreeSet::from(["x".to_owned(), "y".to_owned()])));
        assert_eq!(looks.numbers, BTreeSet::from([-5, 0]));
        assert_eq!(looks.patterns, BTreeSet::from([(r"\Aa(?s:.*)b\*\z".to_owned(), r"a*b\*".to_owned())]));
        assert!(
            looks.seen_integrity
                && !looks.seen_confidentiality
                && looks.task
                && !looks.phase
                && looks.beyond.is_empty()
        );
    }

    #[test]
    fn what_has_no_finite_classes_is_said() {
        for (condition, what) in [
            (r#"context.number.getTag("/a") + 1 < 5"#, "computes with arguments"),
            (r#"context.number.getTag("/a") < context.number.getTag("/b")"#, "compares arguments with each other"),
            (r#"context.text.getTag(context.about) == "x""#, "names an argument by what it computes"),
        ] {
            let looks = looks(&format!("forbid (principal, action, resource) when {{ {condition} }};"));
            assert!(looks.beyond.contains(what), "{condition}: {looks:?}");
        }
    }
}
