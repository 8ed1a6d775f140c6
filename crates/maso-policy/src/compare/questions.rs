//! Which acts of an agent the versions are asked about, and what decides about each.

use std::collections::{BTreeMap, BTreeSet};

use maso_core::{Act, AgentName, Class, Listing, ServerName, ToolRef, Wants, WorkStatus};
use maso_intent::{AgentMandate, AuthorityArgument, Bound, SolutionMandate, ToolManifest};
use serde_json::Value;

use super::{
    Version,
    classes::{Cell, Classes},
    looks::{Looks, may_concern},
    space::{Axis, Space},
};
use crate::authorise::bounds::satisfies;

/// Acts of one agent that belong together.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) spaces: Vec<Space>,
    /// Why its classes may not be all there are.
    pub(super) beyond: BTreeSet<String>,
    /// Whether everything that both versions go by is the same.
    pub(super) same_ground: bool,
}

impl Question {
    /// Every question about an agent that either version gives a reason to ask.
    pub(super) fn all(old: &Version, new: &Version, agent: &AgentName) -> Vec<Self> {
        let mandates: Vec<&AgentMandate> =
            [old, new].iter().filter_map(|version| version.deployment.agents.get(agent)).map(AsRef::as_ref).collect();
        let solutions = [old, new].into_iter().flat_map(|version| version.deployment.workflows.values());
        let tools: BTreeSet<&ToolRef> = mandates.iter().flat_map(|mandate| mandate.tools.keys()).collect();
        let resources: BTreeSet<_> = mandates.iter().flat_map(|one| &one.resources).map(|term| &term.server).collect();
        let prompts: BTreeSet<_> = mandates.iter().flat_map(|one| &one.prompts).map(|(server, _)| server).collect();
        let asked_by: BTreeSet<_> = mandates.iter().flat_map(|one| &one.may_be_asked_by).collect();
        let requests: BTreeSet<_> = solutions
            .flat_map(|solution: &std::sync::Arc<SolutionMandate>| &solution.grants)
            .filter(|grant| grant.from == *agent)
            .map(|grant| (&grant.to, &grant.request))
            .collect();
        let messages: BTreeSet<_> = [old, new]
            .into_iter()
            .flat_map(|version| version.deployment.workflows.values())
            .flat_map(|solution| &solution.channels)
            .filter(|channel| channel.from == *agent)
            .map(|channel| (&channel.to, &channel.contract))
            .collect();
        let spawns: BTreeSet<_> = mandates.iter().flat_map(|one| one.spawns.keys()).collect();
        let servers: BTreeSet<&ServerName> = tools
            .iter()
            .map(|tool| &tool.server)
            .chain(resources.iter().chain(&prompts).chain(&asked_by).copied())
            .collect();

        let mut families: Vec<Vec<Act>> = tools.into_iter().map(|tool| vec![Act::CallTool(tool.clone())]).collect();
        families.extend(
            requests
                .into_iter()
                .map(|(to, request)| vec![Act::Request { agent: to.clone(), request: request.clone() }]),
        );
        families.extend(
            messages
                .into_iter()
                .map(|(to, contract)| vec![Act::Tell { agent: to.clone(), contract: contract.clone() }]),
        );
        families.extend(
            resources.into_iter().map(|server| vec![Act::ReadResource { server: server.clone(), uri: String::new() }]),
        );
        families.extend(
            prompts.into_iter().map(|server| vec![Act::GetPrompt { server: server.clone(), prompt: String::new() }]),
        );
        families.extend(asked_by.into_iter().flat_map(|server| {
            Wants::ALL.iter().map(|wants| vec![Act::AskClient { server: server.clone(), wants: *wants }])
        }));
        if [old, new].iter().any(|version| reports(version, agent)) {
            families.push(WorkStatus::ALL.iter().map(|status| Act::Report { status: *status }).collect());
        }
        families.extend(spawns.into_iter().map(|agent| vec![Act::Spawn { agent: agent.clone() }]));
        families.extend(servers.into_iter().map(|server| {
            let listings = LISTINGS.map(|listing| Act::List { server: server.clone(), listing });
            let others =
                [Act::Complete { server: server.clone() }, Act::Notify { server: server.clone(), topic: TOPIC.into() }];
            listings.into_iter().chain(others).collect()
        }));
        families.into_iter().map(|acts| Self::of(old, new, agent, acts)).collect()
    }

    /// The question about one act in one version.
    pub(super) fn about(version: &Version, agent: &AgentName, act: Act) -> Self {
        Self::of(version, version, agent, vec![act])
    }

    fn of(old: &Version, new: &Version, agent: &AgentName, acts: Vec<Act>) -> Self {
        let mut question = Self { spaces: Vec::new(), beyond: BTreeSet::new(), same_ground: true };
        for act in acts {
            question.same_ground &= ground(old, agent, &act) == ground(new, agent, &act);
            let looks = question.looks(old, new, agent, &act);
            let space = match &act {
                Act::CallTool(tool) => of_tool(old, new, agent, tool, &looks),
                act => of_other(old, new, agent, act, &looks),
            };
            for axis in &space.axes {
                if let Axis::Argument(what, Classes { complete: false, .. }) = axis {
                    question.beyond.insert(format!("`{what}` has too many classes of text to try all of them"));
                }
                if matches!(axis, Axis::Object(Classes { complete: false, .. })) {
                    question.beyond.insert("there are too many classes of names to try all of them".to_owned());
                }
            }
            let pointers: Vec<_> = space
                .axes
                .iter()
                .filter_map(|axis| if let Axis::Argument(at, _) = axis { Some(at) } else { None })
                .collect();
            if pointers.iter().any(|one| pointers.iter().any(|other| other.starts_with(&format!("{one}/")))) {
                question
                    .beyond
                    .insert("arguments that lie inside each other were not tried in all combinations".to_owned());
            }
            question.spaces.push(space);
        }
        question
    }

    /// What the policies of both versions look at that may concern the act.
    fn looks(&mut self, old: &Version, new: &Version, agent: &AgentName, act: &Act) -> Looks {
        let texts =
            |version: &Version| version.policies.by_hand().iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        let (in_old, in_new) = (texts(old), texts(new));
        let mut all = Looks::default();
        for policy in old.policies.by_hand().iter().chain(new.policies.by_hand()) {
            if !may_concern(policy, agent, act) {
                continue;
            }
            let looks = Looks::of(policy);
            // What stands in both versions says the same in both, wherever it cannot be followed.
            let text = policy.to_string();
            if !(in_old.contains(&text) && in_new.contains(&text)) {
                self.beyond.extend(looks.beyond.iter().map(|what| format!("policy `{}` {what}", policy.id())));
            }
            all = all.join(&looks);
        }
        all
    }
}

/// All that a version goes by when it decides about an act of an agent, but for what it lets others do.
fn ground(version: &Version, agent: &AgentName, act: &Act) -> String {
    let deployment = &version.deployment;
    let mandate = deployment.agents.get(agent);
    let policies: Vec<_> = version.policies.by_hand().iter().filter(|policy| may_concern(policy, agent, act)).collect();
    let of_agent = mandate.map(|mandate| {
        let terms = act.tool().and_then(|tool| mandate.tools.get(tool)).map(|terms| &terms.bounds);
        (&mandate.workflow, mandate.clearance, mandate.sequence_position, &mandate.resources, &mandate.prompts, terms)
    });
    let of_server = act.server().and_then(|server| deployment.servers.get(server)).map(|server| server.label);
    let permitted = (deployment.authority(agent), deployment.tier, deployment.judges.len(), &deployment.deselected);
    let tool = act.tool().and_then(|tool| deployment.tool(tool));
    format!(
        "{of_agent:?} {of_server:?} {permitted:?} {tool:?} {:?}",
        policies.iter().map(ToString::to_string).collect::<Vec<_>>()
    )
}

/// What a version says of a tool for an agent that holds it.
struct Held<'a> {
    bounds: &'a BTreeMap<String, Bound>,
    tool: Option<&'a ToolManifest>,
}

fn held<'a>(version: &'a Version, agent: &AgentName, tool: &ToolRef) -> Option<Held<'a>> {
    let permitted = version.deployment.authority(agent).permits(&Act::CallTool(tool.clone()));
    let terms = version.deployment.agents.get(agent).filter(|_| permitted)?.tools.get(tool)?;
    Some(Held { bounds: &terms.bounds, tool: version.deployment.tool(tool).map(AsRef::as_ref) })
}

fn of_tool(old: &Version, new: &Version, agent: &AgentName, tool: &ToolRef, looks: &Looks) -> Space {
    let held: Vec<Held<'_>> = [old, new].into_iter().filter_map(|version| held(version, agent, tool)).collect();
    let bounds = |pointer: &str| held.iter().filter_map(|held| held.bounds.get(pointer)).collect::<Vec<_>>();
    let authority = |held: &Held<'_>| -> BTreeMap<String, AuthorityArgument> {
        let declared = held.tool.into_iter().flat_map(|tool| &tool.authority);
        declared.map(|(pointer, argument)| (pointer.replace('*', "0"), argument.clone())).collect()
    };
    let declared: Vec<_> = held.iter().map(authority).collect();
    let bounded: BTreeSet<&String> = held.iter().flat_map(|held| held.bounds.keys()).collect();
    let with_authority: BTreeSet<&String> = declared.iter().flat_map(BTreeMap::keys).collect();

    let mut axes = Vec::new();
    let mut fixed = BTreeMap::new();
    let arguments: BTreeSet<&String> =
        looks.arguments.keys().chain(bounded.iter().chain(&with_authority).copied()).collect();
    for pointer in arguments {
        let of_bounds: Vec<String> = held.iter().map(|held| format!("{:?}", held.bounds.get(pointer))).collect();
        let of_authority: Vec<_> = declared.iter().map(|one| one.get(pointer)).collect();
        let differs = of_bounds.windows(2).any(|pair| pair[0] != pair[1])
            || of_authority.windows(2).any(|pair| pair[0] != pair[1]);
        let classes = Classes::of_argument(&bounds(pointer), &looks.at(pointer));
        if looks.arguments.contains_key(pointer) || differs {
            axes.push(Axis::Argument(pointer.clone(), classes));
        } else if let Some(value) =
            satisfying(&classes, &bounds(pointer), of_authority.iter().flatten().next().copied())
        {
            fixed.insert(pointer.clone(), value);
        }
    }
    // An argument inside another one is what the outer one holds.
    let inner: Vec<String> = fixed.keys().chain(axes.iter().filter_map(pointer)).cloned().collect();
    fixed.retain(|pointer, _| !inner.iter().any(|other| other.starts_with(&format!("{pointer}/"))));
    if !with_authority.is_empty() {
        axes.push(Axis::Origin);
    }
    let sends = held.iter().any(|held| held.tool.is_none_or(|tool| tool.class == Class::Send));
    axes.extend(around(looks, sends));
    Space { agent: agent.clone(), act: Act::CallTool(tool.clone()), axes, fixed }
}

/// Whether the agent tells how its work stands.
fn reports(version: &Version, agent: &AgentName) -> bool {
    let mandate = version.deployment.agents.get(agent);
    let solution = mandate.and_then(|mandate| version.deployment.workflows.get(&mandate.workflow));
    solution.is_some_and(|solution| solution.sequence.is_some())
}

fn pointer(axis: &Axis) -> Option<&String> {
    if let Axis::Argument(pointer, _) = axis { Some(pointer) } else { None }
}

/// A value within all bounds; the one that reads best.
fn satisfying(classes: &Classes, bounds: &[&Bound], authority: Option<&AuthorityArgument>) -> Option<Value> {
    if bounds.is_empty() {
        let is_amount = authority.is_some_and(|argument| argument.role == "amount");
        return Some(if is_amount { 1.into() } else { "example".into() });
    }
    let within = |value: &Value| bounds.iter().all(|bound| satisfies(value, bound));
    let examples: Vec<Value> = classes.cells.iter().filter_map(Cell::example).filter(|value| within(value)).collect();
    examples.iter().find(|value| value.as_f64().is_some_and(|number| number >= 0.0)).or(examples.first()).cloned()
}

fn of_other(old: &Version, new: &Version, agent: &AgentName, act: &Act, looks: &Looks) -> Space {
    let mut axes: Vec<Axis> = Vec::new();
    let mandates = || [old, new].into_iter().filter_map(|version| version.deployment.agents.get(agent));
    let named = |server: &ServerName| -> BTreeSet<String> {
        let of_server = format!("{server}:");
        looks.named.iter().filter_map(|name| name.strip_prefix(&of_server)).map(str::to_owned).collect()
    };
    match act {
        Act::ReadResource { server, .. } => {
            let terms = mandates().flat_map(|mandate| &mandate.resources).filter(|term| term.server == *server);
            let prefixes = terms.map(|term| term.uri_prefix.clone()).collect();
            axes.push(Axis::Object(Classes::of_object(&prefixes, named(server), looks)));
        }
        Act::GetPrompt { server, .. } => {
            let terms = mandates().flat_map(|mandate| &mandate.prompts).filter(|(of, _)| of == server);
            let mut exact = named(server);
            exact.extend(terms.map(|(_, prompt)| prompt.clone()));
            axes.push(Axis::Object(Classes::of_object(&BTreeSet::new(), exact, looks)));
        }
        Act::Notify { .. } if looks.about => {
            axes.push(Axis::Object(Classes::of_object(&BTreeSet::new(), BTreeSet::from([TOPIC.to_owned()]), looks)));
        }
        _ => {}
    }
    let arguments = looks.arguments.keys().map(|pointer| (pointer, Classes::of_argument(&[], &looks.at(pointer))));
    axes.extend(arguments.map(|(pointer, classes)| Axis::Argument(pointer.clone(), classes)));
    axes.extend(around(looks, false));
    Space { agent: agent.clone(), act: act.clone(), axes, fixed: BTreeMap::new() }
}

/// What of the surroundings decides.
fn around(looks: &Looks, sends: bool) -> impl Iterator<Item = Axis> {
    let wanted = [
        (looks.seen_integrity, Axis::SeenIntegrity),
        (looks.seen_confidentiality || sends, Axis::SeenConfidentiality),
        (looks.task, Axis::Task),
        (looks.phase, Axis::Phase),
    ];
    wanted.into_iter().filter(|(wanted, _)| *wanted).map(|(_, axis)| axis)
}

/// What a server is asked to list.
const LISTINGS: [Listing; 4] = [Listing::Tools, Listing::Resources, Listing::ResourceTemplates, Listing::Prompts];

/// What a server says unasked, where no policy tells one thing from another.
const TOPIC: &str = "message";
