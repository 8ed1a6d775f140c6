//! Who and what policies speak of.

use std::sync::LazyLock;

use cedar_policy::{Context, Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression};
use maso_core::{Act, AgentName, Class, Label, Phase, Reversibility, Risk};
use maso_intent::{AgentMandate, ServerManifest, TaskKind, ToolManifest};

use super::arguments::ARGUMENTS;
use crate::view::View;

macro_rules! types {
    ($($name:ident = $word:literal),+ $(,)?) => {
        $(pub(super) static $name: LazyLock<EntityTypeName> =
            LazyLock::new(|| $word.parse().expect("the schema's type names are well formed"));)+
    };
}

types! {
    ACTION = "Action",
    AGENT = "Agent",
    FLAGS = "Flags",
    MESSAGE = "Message",
    NUMBERS = "Numbers",
    PROMPT = "Prompt",
    REQUEST = "Request",
    RESOURCE = "Resource",
    SERVER = "Server",
    TEXTS = "Texts",
    TOOL = "Tool",
    WORKFLOW = "Workflow",
}

pub(super) fn uid(of: &EntityTypeName, id: impl AsRef<str>) -> EntityUid {
    EntityUid::from_type_name_and_id(of.clone(), EntityId::new(id))
}

/// Who acts, upon what, and all that either lies in.
#[derive(Debug)]
pub(super) struct Parties {
    pub(super) principal: EntityUid,
    pub(super) action: EntityUid,
    pub(super) resource: EntityUid,
    /// The principal and what it lies in, nearest first.
    pub(super) principal_in: Vec<EntityUid>,
    /// The resource and what it lies in, nearest first.
    pub(super) resource_in: Vec<EntityUid>,
}

impl Parties {
    pub(super) fn of(view: View<'_>) -> Self {
        let agent = uid(&AGENT, view.mandate.agent.as_str());
        let workflow = uid(&WORKFLOW, view.mandate.workflow.as_str());
        let server = |name: &maso_core::ServerName| uid(&SERVER, name.as_str());
        let action = uid(&ACTION, view.hop.act.verb());
        let by_agent = |resource: EntityUid, above: Option<EntityUid>| Self {
            principal: agent.clone(),
            action: action.clone(),
            resource: resource.clone(),
            principal_in: vec![agent.clone(), workflow.clone()],
            resource_in: std::iter::once(resource).chain(above).collect(),
        };
        match &view.hop.act {
            Act::CallTool(tool) => by_agent(uid(&TOOL, tool.to_string()), Some(server(&tool.server))),
            Act::ReadResource { server: of, .. } => by_agent(uid(&RESOURCE, view.hop.act.object()), Some(server(of))),
            Act::GetPrompt { server: of, .. } => by_agent(uid(&PROMPT, view.hop.act.object()), Some(server(of))),
            Act::Complete { server: of } | Act::List { server: of, .. } => by_agent(server(of), None),
            Act::Report { .. } => by_agent(workflow.clone(), None),
            Act::Spawn { agent: started } => {
                let workflow = view.deployment.agents.get(started).map(|it| uid(&WORKFLOW, it.workflow.as_str()));
                by_agent(uid(&AGENT, started.as_str()), workflow)
            }
            Act::Request { agent: to, .. } | Act::Tell { agent: to, .. } => {
                let kind = if matches!(view.hop.act, Act::Tell { .. }) { &MESSAGE } else { &REQUEST };
                let mut parties = by_agent(uid(kind, view.hop.act.object()), Some(uid(&AGENT, to.as_str())));
                let workflow = view.deployment.agents.get(to).map(|mandate| mandate.workflow.as_str());
                parties.resource_in.extend(workflow.map(|workflow| uid(&WORKFLOW, workflow)));
                parties
            }
            Act::AskClient { server: from, .. } | Act::Notify { server: from, .. } => Self {
                principal: server(from),
                action,
                resource: agent.clone(),
                principal_in: vec![server(from)],
                resource_in: vec![agent, workflow],
            },
        }
    }
}

/// What is known of the parties themselves. An attribute that cannot be built would be our own mistake; the entity is
/// then left without any, and a policy that asks for one fails, which forbids.
pub(super) fn describe(view: View<'_>, parties: &Parties) -> Vec<Entity> {
    let workflow = uid(&WORKFLOW, view.mandate.workflow.as_str());
    let mut described = vec![agent(view.mandate, &workflow), entity(workflow, Vec::new(), None)];
    if let Some(server) = view.hop.act.server() {
        let uid = uid(&SERVER, server.as_str());
        described.push(entity(uid, server_attributes(view.server), None));
    }
    let above = parties.resource_in.get(1).cloned();
    match &view.hop.act {
        Act::CallTool(_) => {
            described.push(entity(parties.resource.clone(), tool_attributes(view.tool), above));
        }
        Act::ReadResource { uri, .. } => {
            described.push(entity(parties.resource.clone(), vec![text("uri", uri)], above));
        }
        Act::GetPrompt { prompt, .. } => {
            described.push(entity(parties.resource.clone(), vec![text("name", prompt)], above));
        }
        Act::Request { agent: to, .. } | Act::Tell { agent: to, .. } => {
            described.push(entity(parties.resource.clone(), Vec::new(), above));
            described.extend(other_agent(view, to));
        }
        Act::Spawn { agent: started } => described.extend(other_agent(view, started)),
        Act::Complete { .. } | Act::List { .. } | Act::AskClient { .. } | Act::Notify { .. } | Act::Report { .. } => {}
    }
    described
}

/// Another agent than the one that acts, with its workflow where that is another one.
fn other_agent(view: View<'_>, other: &AgentName) -> Vec<Entity> {
    let Some(mandate) = view.deployment.agents.get(other).filter(|_| *other != view.mandate.agent) else {
        return Vec::new();
    };
    let workflow = uid(&WORKFLOW, mandate.workflow.as_str());
    let is_elsewhere = mandate.workflow != view.mandate.workflow;
    let around = is_elsewhere.then(|| entity(workflow.clone(), Vec::new(), None));
    around.into_iter().chain([agent(mandate, &workflow)]).collect()
}

fn agent(mandate: &AgentMandate, workflow: &EntityUid) -> Entity {
    let attributes = vec![
        text("clearance", mandate.clearance.as_str()),
        long("clearance_level", mandate.clearance as i64),
        long("sequence_position", mandate.sequence_position.into()),
    ];
    entity(uid(&AGENT, mandate.agent.as_str()), attributes, Some(workflow.clone()))
}

fn server_attributes(server: Option<&ServerManifest>) -> Vec<(String, RestrictedExpression)> {
    let integrity = server.map_or(Label::WORST, |server| server.label).integrity;
    vec![text("integrity", integrity.as_str()), long("integrity_level", integrity as i64)]
}

fn tool_attributes(tool: Option<&ToolManifest>) -> Vec<(String, RestrictedExpression)> {
    let (class, reversibility, risk) = kind_of(tool);
    vec![
        text("class", class.as_str()),
        text("reversibility", reversibility.as_str()),
        text("risk", risk.as_str()),
        long("risk_level", risk as i64),
    ]
}

/// What a tool is; one that nobody classified is the worst there is.
fn kind_of(tool: Option<&ToolManifest>) -> (Class, Reversibility, Risk) {
    tool.map_or((Class::Execute, Reversibility::Irreversible, Risk::Critical), |tool| {
        (tool.class, tool.reversibility, tool.risk)
    })
}

/// What is true around the hop. `None` only if the facts cannot be built, which would be our own mistake.
pub(super) fn facts(view: View<'_>, seen: Label) -> Option<Context> {
    let (class, reversibility, risk) = match &view.hop.act {
        Act::CallTool(_) => kind_of(view.tool),
        _ => (Class::Read, Reversibility::Reversible, Risk::Low),
    };
    let phase: Phase = view.phase;
    let about = match &view.hop.act {
        Act::List { listing, .. } => listing.as_str(),
        Act::AskClient { wants, .. } => wants.as_str(),
        Act::Notify { topic, .. } => topic,
        Act::Request { request, .. } => request.as_str(),
        Act::Tell { contract, .. } => contract.as_str(),
        Act::Report { status } => status.as_str(),
        _ => "",
    };
    let task = match view.task.kind {
        TaskKind::Opened => "opened",
        TaskKind::Standing(_) => "standing",
    };
    let seen = RestrictedExpression::new_record([
        text("integrity", seen.integrity.as_str()),
        long("integrity_level", seen.integrity as i64),
        text("confidentiality", seen.confidentiality.as_str()),
        long("confidentiality_level", seen.confidentiality as i64),
    ]);
    let of =
        |name: &str, of: &EntityTypeName| (name.to_owned(), RestrictedExpression::new_entity_uid(uid(of, ARGUMENTS)));
    Context::from_pairs([
        long("tier", view.tier().number().into()),
        text("phase", phase.as_str()),
        long("phase_level", phase as i64),
        text("class", class.as_str()),
        text("reversibility", reversibility.as_str()),
        text("risk", risk.as_str()),
        long("risk_level", risk as i64),
        ("seen".to_owned(), seen.ok()?),
        text("task", task),
        text("about", about),
        of("text", &TEXTS),
        of("number", &NUMBERS),
        of("flag", &FLAGS),
    ])
    .ok()
}

fn entity(uid: EntityUid, attributes: Vec<(String, RestrictedExpression)>, above: Option<EntityUid>) -> Entity {
    Entity::new(uid.clone(), attributes.into_iter().collect(), above.into_iter().collect())
        .unwrap_or_else(|_| Entity::with_uid(uid))
}

fn text(name: &str, value: &str) -> (String, RestrictedExpression) {
    (name.to_owned(), RestrictedExpression::new_string(value.to_owned()))
}

fn long(name: &str, value: i64) -> (String, RestrictedExpression) {
    (name.to_owned(), RestrictedExpression::new_long(value))
}
