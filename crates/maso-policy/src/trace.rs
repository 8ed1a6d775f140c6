//! Stage 6: labels and origins of values (DP-1.1, PG-1.4, PG-2.5).

use std::collections::HashSet;

use maso_core::{
    Act, Class, Confidentiality, Finding, Findings, Integrity, Label, Origin, Principal, Source, TaskId, Turn, Word,
};
use maso_intent::{
    AuthorityArgument, Below, Bound, Comparison, Deployment, Resolved, ResultLabels, ServerManifest, ToolManifest,
};
use serde_json::Value;

use crate::view::View;
use leaves::{Leaf, Pattern, Segment, each_labelled, each_leaf_and_key, is_identifier, pointer_to};

mod days;
mod excerpt;
mod hosts;
mod leaves;
mod memory;
mod normal;
mod passage;
mod sent;
#[cfg(test)]
mod tests;

pub use excerpt::{Excerpt, excerpts, inert};
pub use memory::{Memory, Order};
pub(crate) use normal::{bare, normal_text, words};

/// A hop whose label is known, and where each value in it came from.
#[derive(Clone, Debug)]
pub struct Traced {
    pub(crate) resolved: Resolved,
    pub(crate) label: Label,
    pub(crate) origins: Vec<Origin>,
    pub(crate) findings: Findings,
}

impl Traced {
    /// The hop.
    pub fn resolved(&self) -> &Resolved {
        &self.resolved
    }

    /// The label of its payload as a whole.
    pub fn label(&self) -> Label {
        self.label
    }

    /// Where each value in it came from.
    pub fn origins(&self) -> &[Origin] {
        &self.origins
    }

    /// What this stage has against it.
    pub fn findings(&self) -> &Findings {
        &self.findings
    }
}

/// Stage 6. Unknown origin is the worst origin.
pub fn trace(memory: &Memory, resolved: Resolved) -> Traced {
    let view = View::from(&resolved);
    let Tracing { mut label, origins, mut findings } = follow(memory, view);
    // What its sender says of a message fences it more than what was found in it, and never less (DP-1.6).
    let stated = resolved.identified().said().map(|(_, beside)| beside.classification);
    if let Some(stated) = stated.filter(|stated| *stated > label.confidentiality) {
        label.confidentiality = stated;
        findings.join(fenced(label, view));
    }
    Traced { resolved, label, origins, findings }
}

/// The labels that the manifest declares for what this hop says.
///
/// What an agent says is believed like text from outside and fenced as high as the agent may know; [`Traced::label`] is
/// more exact once it was traced.
pub fn labels_of(resolved: &Resolved) -> ResultLabels {
    declared_labels(View::from(resolved))
}

/// Where what this hop says comes from, as [`Memory::learn`] keeps it.
pub fn source_of(resolved: &Resolved) -> Source {
    source_declared(&resolved.hop().from, &resolved.hop().act, resolved.task().id)
}

/// The same, where no more than this is known.
pub fn source_declared(from: &Principal, act: &Act, task: TaskId) -> Source {
    match from {
        Principal::Agent(agent) => Source::Agent(agent.clone()),
        Principal::Server(server) => Source::Server { server: server.clone(), item: item_of(act) },
        Principal::Operator(_) => Source::Task(task),
    }
}

fn item_of(act: &Act) -> String {
    match act {
        Act::CallTool(tool) => tool.tool.to_string(),
        Act::ReadResource { uri, .. } => uri.clone(),
        Act::GetPrompt { prompt, .. } => prompt.clone(),
        Act::Complete { .. } => "completions".to_owned(),
        Act::List { listing, .. } => listing.to_string(),
        Act::AskClient { wants, .. } => wants.to_string(),
        Act::Notify { topic, .. } => topic.clone(),
        Act::Request { request, .. } => request.to_string(),
        Act::Tell { contract, .. } => contract.to_string(),
        Act::Report { status } => status.to_string(),
        Act::Spawn { agent } => agent.to_string(),
    }
}

/// What stage 6 finds out.
#[derive(Clone, Debug)]
pub(crate) struct Tracing {
    pub(crate) label: Label,
    pub(crate) origins: Vec<Origin>,
    pub(crate) findings: Findings,
}

pub(crate) fn follow(memory: &Memory, view: View<'_>) -> Tracing {
    let mut tracing = match view.hop.from {
        Principal::Agent(_) | Principal::Operator(_) => origins_in(memory, view),
        Principal::Server(_) => {
            let label = label_of_said(&view.hop.payload, &declared_labels(view));
            let source = source_declared(&view.hop.from, &view.hop.act, view.task.id);
            let fence = memory.fence(&source, &view.hop.payload, label.confidentiality);
            let label = Label { confidentiality: label.confidentiality.max(fence), ..label };
            Tracing { label, origins: Vec::new(), findings: Findings::none() }
        }
    };
    tracing.findings.join(fenced(tracing.label, view));
    tracing.findings.join(leaving(memory.label(), view));
    tracing
}

fn declared_labels(view: View<'_>) -> ResultLabels {
    declared(&view.hop.from, &view.hop.to, &view.hop.act, view.tool, view.server, view.deployment)
}

/// The labels that the manifests of a deployment declare for what somebody says, where no more than this is known.
pub fn labels_declared(from: &Principal, to: &Principal, act: &Act, deployment: &Deployment) -> ResultLabels {
    let server = act.server().and_then(|name| deployment.servers.get(name)).map(AsRef::as_ref);
    let tool = act.tool().and_then(|tool| deployment.tool(tool)).map(AsRef::as_ref);
    declared(from, to, act, tool, server, deployment)
}

fn declared(
    from: &Principal,
    to: &Principal,
    act: &Act,
    tool: Option<&ToolManifest>,
    server: Option<&ServerManifest>,
    deployment: &Deployment,
) -> ResultLabels {
    match (from, tool, server) {
        (Principal::Server(_), Some(tool), _) if matches!(act, Act::CallTool(_)) => tool.result.clone(),
        (Principal::Server(_), _, Some(server)) if matches!(act, Act::Notify { .. } | Act::AskClient { .. }) => {
            ResultLabels::plain(unasked(server, to, deployment))
        }
        (Principal::Server(_), _, Some(server)) => ResultLabels::plain(server.label),
        (Principal::Server(_), _, None) => ResultLabels::plain(Label::WORST),
        (Principal::Agent(agent), _, _) => {
            let confidentiality =
                deployment.agents.get(agent).map_or(Confidentiality::Restricted, |mandate| mandate.clearance);
            ResultLabels::plain(Label { integrity: Integrity::External, confidentiality })
        }
        (Principal::Operator(_), _, _) => ResultLabels::plain(Label::WORST),
    }
}

/// How far a server is believed at most in what it answers, and how it is fenced at least. Fields that are checked
/// against a primary source are not counted: they are believed whatever was sent.
pub fn best_answer(server: &ServerManifest) -> Label {
    let answers = server.tools.values().map(|tool| &tool.result);
    answers.fold(server.label, |best, result| {
        let fields = result.fields.iter().map(|(_, label)| label.confidentiality);
        Label {
            integrity: best.integrity.max(result.default.integrity),
            confidentiality: fields.fold(best.confidentiality.min(result.default.confidentiality), Ord::min),
        }
    })
}

/// The label of what a server says unasked. While it answers, it may tell of anything that it is about to answer with,
/// so nothing of it is believed more, or fenced less, than the answers that the agent may get.
fn unasked(server: &ServerManifest, to: &Principal, deployment: &Deployment) -> Label {
    let mandate = if let Principal::Agent(agent) = to { deployment.agents.get(agent) } else { None };
    let held = mandate.into_iter().flat_map(|mandate| mandate.tools.keys()).filter(|tool| tool.server == server.name);
    let answers = held.filter_map(|tool| server.tools.get(&tool.tool)).map(|tool| &tool.result);
    answers.fold(server.label, |label, result| {
        result.fields.iter().fold(label.combine(result.default), |label, (_, of_field)| label.combine(*of_field))
    })
}

/// The label of what a server says: the combination of what its parts have.
fn label_of_said(payload: &Value, labels: &ResultLabels) -> Label {
    if labels.fields.is_empty() {
        return labels.default;
    }
    let mut label = None;
    each_labelled(payload, labels, &mut |_, _, part, _| {
        label = Some(label.map_or(part, |so_far: Label| so_far.combine(part)))
    });
    label.unwrap_or(labels.default)
}

/// Traces each value of what an agent says.
fn origins_in(memory: &Memory, view: View<'_>) -> Tracing {
    // A value that nobody saw may hold whatever the task has seen, and anyone could have put it there.
    let unknown = Label { integrity: Integrity::External, confidentiality: memory.label().confidentiality };
    let authority: Vec<(Pattern<'_>, &AuthorityArgument)> = match (view.tool, view.hop.turn) {
        (Some(tool), Turn::Ask) if view.applies(PROVENANCE) => {
            tool.authority.iter().map(|(pointer, argument)| (Pattern::of(pointer), argument)).collect()
        }
        _ => Vec::new(),
    };
    // Whoever is outside may have guessed what we believe, and is not believed for it.
    let is_outside = match &view.hop.from {
        Principal::Agent(agent) => view.deployment.is_outside(agent),
        Principal::Server(_) | Principal::Operator(_) => false,
    };
    let mut tracing = Tracing { label: Label::NEUTRAL, origins: Vec::new(), findings: Findings::none() };
    let mut n_untraced = 0_usize;
    let mut n_doubtful = 0_usize;
    // Below an argument with authority, a key that its schema does not name is a value, whatever it looks like: in
    // `{"grants": {"mallory": "admin"}}` it is the key that decides.
    let names = std::cell::OnceCell::new();
    let is_structure = |place: &[Segment<'_>], key: &str| {
        let above = place.split_last().map_or(place, |(_, above)| above);
        is_identifier(key)
            && (authority.iter().all(|(pattern, _)| !pattern.covers(above))
                || names
                    .get_or_init(|| declared_names(view))
                    .as_ref()
                    .is_none_or(|names: &HashSet<&str>| names.contains(key)))
    };
    each_leaf_and_key(&view.hop.payload, &is_structure, &mut |place, leaf| {
        // The strictest need wins where two declarations cover one place.
        let needed = authority
            .iter()
            .filter(|(pattern, _)| pattern.covers(place))
            .map(|(_, argument)| *argument)
            .max_by_key(|argument| (argument.integrity_min, argument.below == Below::Deny));
        let flag = matches!(leaf, Leaf::Value(Value::Bool(_) | Value::Null));
        if needed.is_none() && (flag || tracing.origins.len() >= ORIGINS_MAX) {
            if !flag {
                n_untraced += 1;
                tracing.label = tracing.label.combine(unknown);
            }
            return;
        }
        if matches!(leaf, Leaf::Value(Value::Null)) {
            return;
        }
        let (source, label) = constant(view, place, leaf)
            .or_else(|| found(memory, leaf, needed).map(|(source, label)| (source.clone(), label)))
            .unwrap_or((Source::Unknown, unknown));
        let label = if is_outside { Label { integrity: Integrity::External, ..label } } else { label };
        tracing.label = tracing.label.combine(label);
        let origin = Origin {
            pointer: pointer_to(place),
            authority: needed.is_some(),
            source,
            integrity: label.integrity,
            confidentiality: label.confidentiality,
            needed: needed.map(|argument| argument.integrity_min),
        };
        if let Some(argument) = needed
            && label.integrity < argument.integrity_min
        {
            n_doubtful += 1;
            // Enough to see what is wrong; what follows is counted, and denies or escalates as the first ones do.
            if n_doubtful <= DOUBTS_MAX || argument.below == Below::Deny && tracing.findings.word() < Word::NoGo {
                tracing.findings.add(doubt(&origin, argument, leaf));
            }
        }
        if tracing.origins.len() < ORIGINS_MAX {
            tracing.origins.push(origin);
        } else {
            n_untraced += 1;
        }
    });
    if n_untraced > 0 {
        tracing.origins.push(Origin {
            pointer: String::new(),
            authority: false,
            source: Source::Unknown,
            integrity: Integrity::External,
            confidentiality: unknown.confidentiality,
            needed: None,
        });
    }
    tracing
}

/// The names of properties in the pinned schema of the tool's arguments; `None` if nothing is pinned.
fn declared_names(view: View<'_>) -> Option<HashSet<&str>> {
    fn collect<'s>(schema: &'s Value, names: &mut HashSet<&'s str>) {
        match schema {
            Value::Object(members) => {
                if let Some(Value::Object(properties)) = members.get("properties") {
                    names.extend(properties.keys().map(String::as_str));
                }
                members.values().for_each(|member| collect(member, names));
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
            _ => {}
        }
    }
    let schema = view.tool?.definition.as_deref()?.value.get("inputSchema")?;
    let mut names = HashSet::new();
    collect(schema, &mut names);
    Some(names)
}

/// A value that the mandate itself allows by name, in exactly this place, is the mandate's.
fn constant(view: View<'_>, place: &[Segment<'_>], leaf: Leaf<'_>) -> Option<(Source, Label)> {
    let (terms, Leaf::Value(value)) = (view.terms()?, leaf) else { return None };
    if terms.bounds.is_empty() {
        return None;
    }
    let pointer = pointer_to(place);
    let Some(Bound::OneOf(allowed)) = terms.bounds.get(&pointer) else { return None };
    let label = Label { integrity: Integrity::Operator, confidentiality: Confidentiality::Internal };
    allowed.contains(value).then(|| (Source::Mandate(format!("{}{pointer}", view.hop.act.object())), label))
}

/// Where a value was seen: all of it, or the part of it that its manifest says is enough.
fn found<'m>(memory: &'m Memory, leaf: Leaf<'_>, needed: Option<&AuthorityArgument>) -> Option<(&'m Source, Label)> {
    let whole = match leaf {
        Leaf::Value(value) => memory.origin_of(value),
        Leaf::Key(key) => memory.origin_of_text(key),
    };
    let text = match leaf {
        Leaf::Value(Value::String(text)) => text.as_str(),
        Leaf::Key(text) => text,
        Leaf::Value(_) => return whole,
    };
    let Some(argument) = needed else { return whole };
    if whole.is_some_and(|(_, label)| label.integrity >= argument.integrity_min) {
        return whole;
    }
    let part = match argument.by {
        Comparison::Whole => None,
        Comparison::Host => memory.origin_of_host(text),
        Comparison::Day => memory.origin_of_day(text),
    };
    part.filter(|(_, label)| whole.is_none_or(|(_, known)| known.integrity < label.integrity)).or(whole)
}

/// Too low an origin for a value that carries authority, in words that a supervisor can decide on.
fn doubt(origin: &Origin, argument: &AuthorityArgument, leaf: Leaf<'_>) -> Finding {
    let word = match argument.below {
        Below::Escalate => Word::Escalate,
        Below::Deny => Word::NoGo,
    };
    let came = match &origin.source {
        Source::Unknown => "came from nowhere that was seen".to_owned(),
        source => format!("came from {source}"),
    };
    let reason = format!(
        "`{}` ({}) {came} ({}), needs {}",
        origin.pointer, argument.role, origin.integrity, argument.integrity_min
    );
    let excerpt = match leaf {
        Leaf::Value(Value::String(text)) => excerpt(text),
        Leaf::Key(text) => excerpt(text),
        Leaf::Value(value) => excerpt(&value.to_string()),
    };
    Finding::new(PROVENANCE, word, reason).at(origin.pointer.clone(), excerpt)
}

fn excerpt(text: &str) -> String {
    let mut excerpt: String =
        text.chars().take(EXCERPT_CHARS_MAX).map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect();
    if text.chars().nth(EXCERPT_CHARS_MAX).is_some() {
        excerpt.push('…');
    }
    excerpt
}

/// Whether the agent that would receive this may know it.
fn fenced(label: Label, view: View<'_>) -> Findings {
    let Principal::Agent(receiver) = &view.hop.to else { return Findings::none() };
    let clearance = if receiver == &view.mandate.agent {
        view.mandate.clearance
    } else {
        // Who has no mandate is cleared for nothing.
        view.deployment.agents.get(receiver).map_or(Confidentiality::Public, |mandate| mandate.clearance)
    };
    if label.confidentiality <= clearance || !view.applies(CLEARANCE) {
        return Findings::none();
    }
    let reason = format!("it is {}, and agent `{receiver}` is cleared up to {clearance}", label.confidentiality);
    Findings::from(vec![Finding::new(CLEARANCE, Word::NoGo, reason)])
}

/// Whether what the task knows may leave the house unseen by a person.
fn leaving(seen: Label, view: View<'_>) -> Findings {
    let sends = matches!(view.hop.act, Act::CallTool(_))
        && view.hop.turn == Turn::Ask
        && view.tool.is_none_or(|tool| tool.class == Class::Send);
    if !sends || seen.confidentiality < Confidentiality::Restricted || !view.applies(LEAVING) {
        return Findings::none();
    }
    let reason = "it goes outside, and the task has seen restricted data";
    Findings::from(vec![Finding::new(LEAVING, Word::Escalate, reason)])
}

const PROVENANCE: &str = "PG-2.5";
const CLEARANCE: &str = "DP-1.1";
const LEAVING: &str = "ENV-16";

/// Origins that are reported of one hop. Arguments with authority are checked beyond it.
const ORIGINS_MAX: usize = 256;

/// Findings on origins that are reported of one hop.
const DOUBTS_MAX: usize = 16;

/// Characters of a value that a finding shows.
const EXCERPT_CHARS_MAX: usize = 48;
