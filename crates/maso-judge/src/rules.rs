//! A judge by rules over the OISpec.

use async_trait::async_trait;
use maso_core::{Class, JudgeName, Principal, Source, Turn};
use maso_intent::OiSpec;
use maso_policy::{Opinion, Verdict};
use serde_json::Value;

use crate::{Brief, Judge, brief::Ruling, view::View};

/// Judges by rules over the OISpec (OI-2.1): what can be decided without a model, decided the same way every time.
///
/// It does not decide whether an authorised tool was used in place of a prescribed one, nor anything that the OISpec
/// says in words only.
#[derive(Clone, Debug)]
pub struct RuleJudge {
    name: JudgeName,
}

impl RuleJudge {
    /// A rule judge of this name.
    pub const fn new(name: JudgeName) -> Self {
        Self { name }
    }
}

#[async_trait]
impl Judge for RuleJudge {
    fn name(&self) -> &JudgeName {
        &self.name
    }

    async fn hear(&self, brief: &Brief) -> Verdict {
        rule(View::from(brief)).bind(&self.name, brief.action, brief.now)
    }
}

/// All rules, each with the criterion that it applies. The most restrictive objection wins.
pub(crate) fn rule(view: View<'_>) -> Ruling {
    let mut bench = Bench::default();
    prohibited_actions(view, &mut bench);
    prohibited_content(view, &mut bench);
    required_fields(view, &mut bench);
    origins(view, &mut bench);
    bench.ruling()
}

fn prohibited_actions(view: View<'_>, bench: &mut Bench) {
    let Some(tool) = view.hop.act.tool() else { return };
    let tool = tool.to_string();
    for (whose, actions) in [
        ("the agent's intent specification", &view.mandate.oispec.prohibited_actions),
        ("the workflow's intent specification", &view.solution.oispec.prohibited_actions),
        ("the solution mandate", &view.solution.prohibited_actions),
    ] {
        for action in actions {
            let Some(named) = tools_named(action).find(|named| *named == tool) else { continue };
            let criterion = format!("{whose} prohibits: {action}");
            bench.object(criterion, Opinion::Block, format!("`{named}` is a prohibited action"));
        }
    }
    bench.applied("no action that an intent specification prohibits by name");
}

fn prohibited_content(view: View<'_>, bench: &mut Bench) {
    if !matches!(view.hop.from, Principal::Agent(_)) {
        return;
    }
    for (whose, oispec) in specifications(view) {
        for content in oispec.prohibited_content.iter().filter(|content| !content.trim().is_empty()) {
            let needle = folded(content);
            let mut found = None;
            each_string(&view.hop.payload, &mut String::new(), &mut |pointer, text| {
                if found.is_none() && folded(text).contains(&needle) {
                    found = Some(pointer.to_owned());
                }
            });
            if let Some(pointer) = found {
                let criterion = format!("{whose} prohibits the content: {content}");
                bench.object(criterion, Opinion::Block, format!("`{}` contains it", shown(&pointer)));
            }
        }
    }
    bench.applied("no content that an intent specification prohibits");
}

fn required_fields(view: View<'_>, bench: &mut Bench) {
    let writes = view.hop.turn == Turn::Ask && view.hop.act.tool().is_some() && view.class() != Class::Read;
    if !writes {
        return;
    }
    for field in &view.mandate.oispec.required_fields {
        if view.hop.payload.pointer(field).is_none_or(Value::is_null) {
            let criterion = format!("the agent's intent specification requires the field: {field}");
            bench.object(criterion, Opinion::Flag, format!("`{}` is missing", shown(field)));
        }
    }
    bench.applied("every field that the agent's intent specification requires of a write");
}

fn origins(view: View<'_>, bench: &mut Bench) {
    let criterion = "a value that decides who or what is affected comes from a source that was seen";
    for origin in view.origins.iter().filter(|origin| origin.authority && origin.source == Source::Unknown) {
        let why = format!("`{}` comes from {}", shown(&origin.pointer), origin.source);
        bench.object(criterion.to_owned(), Opinion::Flag, why);
    }
    bench.applied(criterion);
}

fn specifications(view: View<'_>) -> [(&'static str, &OiSpec); 2] {
    [
        ("the agent's intent specification", &view.mandate.oispec),
        ("the workflow's intent specification", &view.solution.oispec),
    ]
}

/// What the rules said so far.
#[derive(Debug, Default)]
struct Bench {
    applied: Vec<String>,
    objections: Vec<Objection>,
}

#[derive(Debug)]
struct Objection {
    criterion: String,
    opinion: Opinion,
    why: String,
}

impl Bench {
    fn object(&mut self, criterion: String, opinion: Opinion, why: String) {
        self.objections.push(Objection { criterion, opinion, why });
    }

    fn applied(&mut self, criterion: impl Into<String>) {
        self.applied.push(criterion.into());
    }

    fn ruling(self) -> Ruling {
        let Some(opinion) = self.objections.iter().map(|objection| objection.opinion).max_by_key(|one| severity(*one))
        else {
            let reasoning = format!("none of {} rules speaks against it", self.applied.len());
            return Ruling { opinion: Opinion::Approve, reasoning, criteria: self.applied };
        };
        let mut reasoning: Vec<_> = self.objections.iter().take(OBJECTIONS_MAX).map(|one| one.why.clone()).collect();
        if self.objections.len() > OBJECTIONS_MAX {
            reasoning.push(format!("and {} more", self.objections.len() - OBJECTIONS_MAX));
        }
        let mut criteria = Vec::new();
        for Objection { criterion, .. } in self.objections.into_iter().take(OBJECTIONS_MAX) {
            if !criteria.contains(&criterion) {
                criteria.push(criterion);
            }
        }
        Ruling { opinion, reasoning: reasoning.join("; "), criteria }
    }
}

/// The order in which opinions restrict.
pub(crate) const fn severity(opinion: Opinion) -> u8 {
    match opinion {
        Opinion::Approve => 0,
        Opinion::Flag => 1,
        Opinion::Silent => 2,
        Opinion::Escalate => 3,
        Opinion::Block => 4,
    }
}

/// The tools that a prohibition names as `server:tool` among its words.
fn tools_named(action: &str) -> impl Iterator<Item = &str> {
    action
        .split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_' | '.' | '/')))
        .map(|word| word.trim_end_matches(['.', ':']))
        .filter(|word| word.contains(':'))
}

/// Text as it is compared: without case.
fn folded(text: &str) -> String {
    text.to_lowercase()
}

/// Visits each string of a value, keys included, with its JSON pointer. The value is as deep as the door let it be.
fn each_string(value: &Value, pointer: &mut String, visit: &mut impl FnMut(&str, &str)) {
    let length = pointer.len();
    match value {
        Value::String(text) => visit(pointer, text),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointer.push_str(&format!("/{index}"));
                each_string(item, pointer, visit);
                pointer.truncate(length);
            }
        }
        Value::Object(fields) => {
            for (key, field) in fields {
                pointer.push('/');
                pointer.push_str(&escaped(key));
                visit(pointer, key);
                each_string(field, pointer, visit);
                pointer.truncate(length);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A key as a segment of a JSON pointer (RFC 6901).
pub(crate) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// A pointer as it is shown: keys are the agent's words, so they are cut.
fn shown(pointer: &str) -> String {
    if pointer.is_empty() { "the payload".to_owned() } else { pointer.chars().take(100).collect() }
}

const OBJECTIONS_MAX: usize = 16;
