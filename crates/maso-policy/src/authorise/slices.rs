//! The few policies that can concern a hop, assembled once.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use cedar_policy::{
    ActionConstraint, Authorizer, Decision, Entities, EntityUid, Policy, PolicySet, PrincipalConstraint, Request,
    ResourceConstraint,
};
use maso_core::{Act, AgentName, Label, ServerName, ToolRef};
use maso_intent::{Channel, Grant};
use parking_lot::RwLock;

use super::{arguments, compile::Compiled, entities};
use crate::view::View;
use entities::Parties;

/// What policy says of a hop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ruling {
    /// A permit holds and no forbid does.
    Permitted,
    /// No permit holds.
    NotPermitted,
    /// These policies forbid it.
    Forbidden(Vec<String>),
    /// Policies could not be evaluated, and each of them counts as a forbid.
    Broken(Vec<String>),
}

/// All policies, found by who and what they concern.
#[derive(Debug)]
pub(super) struct Slices {
    policies: Vec<Policy>,
    /// Policies before this place come from mandates, those from it on were written by hand.
    first_by_hand: usize,
    index: HashMap<Scope, Vec<u32>>,
    /// Resources that a policy names, so that any other of the same server shares one slice.
    named: BTreeSet<String>,
    authorizer: Authorizer,
    assembled: RwLock<HashMap<Key, Arc<Slice>>>,
}

/// What a policy's scope holds on to. `None` is anyone or anything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Scope {
    principal: Option<EntityUid>,
    resource: Option<EntityUid>,
}

/// Hops that share a slice. Holds declared names only, never what a sender chose: so there are only so many.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    agent: AgentName,
    verb: &'static str,
    object: Object,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Object {
    Tool(ToolRef),
    Server(ServerName),
    Named(String),
}

/// The policies that can concern certain hops, and what is known of those hops beforehand.
#[derive(Debug)]
struct Slice {
    policies: PolicySet,
    entities: Entities,
    /// What a slice of mandates alone says: nothing in it depends on the moment, so it is said once.
    settled: Option<Ruling>,
    by_hand: bool,
}

impl Slices {
    pub(super) fn new(compiled: Compiled) -> Self {
        let first_by_hand = compiled.of_mandates.len();
        let mut policies = compiled.of_mandates;
        policies.extend(compiled.of_hand);
        let mut index: HashMap<Scope, Vec<u32>> = HashMap::new();
        let mut named = BTreeSet::new();
        for (place, policy) in (0_u32..).zip(&policies) {
            let scope = Scope::of(policy);
            if let Some(resource) = &scope.resource {
                named.insert(resource.id().unescaped().to_owned());
            }
            index.entry(scope).or_default().push(place);
        }
        let authorizer = Authorizer::new();
        Self { policies, first_by_hand, index, named, authorizer, assembled: RwLock::default() }
    }

    pub(super) fn policies(&self) -> std::slice::Iter<'_, Policy> {
        self.policies.iter()
    }

    pub(super) fn by_hand(&self) -> &[Policy] {
        &self.policies[self.first_by_hand..]
    }

    pub(super) fn rule(&self, view: View<'_>, seen: Label) -> Ruling {
        let slice = self.slice(view);
        slice.settled.clone().unwrap_or_else(|| self.evaluate(&slice, view, seen))
    }

    /// Whether the mandates alone still let the agent ask what is being answered.
    pub(super) fn rule_answer(&self, view: View<'_>) -> Ruling {
        let slice = self.slice(view);
        match &slice.settled {
            Some(ruling) => ruling.clone(),
            None => {
                let parties = Parties::of(view);
                let of_mandates = self.assemble(view, &parties, |place| place < self.first_by_hand);
                self.evaluate(&of_mandates, view, Label::NEUTRAL)
            }
        }
    }

    /// What all policies together say, for the test that a slice says the same.
    #[cfg(test)]
    pub(super) fn rule_whole(&self, view: View<'_>, seen: Label) -> Ruling {
        let policies = PolicySet::from_policies(self.policies.iter().cloned()).expect("no two policies share an id");
        let known = entities::describe(view, &Parties::of(view));
        let entities = Entities::from_entities(known, None).expect("no two entities share an id");
        self.evaluate(&Slice { policies, entities, settled: None, by_hand: true }, view, seen)
    }

    fn slice(&self, view: View<'_>) -> Arc<Slice> {
        let key = self.key(view);
        if let Some(slice) = key.as_ref().and_then(|key| self.assembled.read().get(key).cloned()) {
            return slice;
        }
        let parties = Parties::of(view);
        let mut slice = self.assemble(view, &parties, |_| true);
        if !slice.by_hand && fixed(&view.hop.act) {
            slice.settled = Some(self.evaluate(&slice, view, Label::NEUTRAL));
        }
        let slice = Arc::new(slice);
        if let Some(key) = key {
            let mut assembled = self.assembled.write();
            if assembled.len() < SLICES_MAX {
                assembled.insert(key, Arc::clone(&slice));
            }
        }
        slice
    }

    /// The key of the hop's slice. `None` where the sender names what nobody declared: nothing is kept of that.
    fn key(&self, view: View<'_>) -> Option<Key> {
        let act = &view.hop.act;
        let object = match act {
            Act::CallTool(tool) => {
                let declared = view.mandate.tools.contains_key(tool) || view.mandate.prohibited.contains(tool);
                declared.then(|| Object::Tool(tool.clone()))?
            }
            Act::ReadResource { server, .. } | Act::GetPrompt { server, .. } => {
                let name = act.object();
                if self.named.contains(&name) { Object::Named(name) } else { Object::Server(server.clone()) }
            }
            Act::Complete { server }
            | Act::List { server, .. }
            | Act::AskClient { server, .. }
            | Act::Notify { server, .. } => Object::Server(server.clone()),
            Act::Report { .. } => Object::Named(act.object()),
            Act::Spawn { agent } => view.mandate.spawns.contains_key(agent).then(|| Object::Named(act.object()))?,
            Act::Request { agent, request } => {
                let granted = |grant: &Grant| grant.to == *agent && grant.request == *request;
                view.solution.grants.iter().any(granted).then(|| Object::Named(act.object()))?
            }
            Act::Tell { agent, contract } => {
                let declared = |channel: &Channel| channel.to == *agent && channel.contract == *contract;
                view.solution.channels.iter().any(declared).then(|| Object::Named(act.object()))?
            }
        };
        Some(Key { agent: view.mandate.agent.clone(), verb: act.verb(), object })
    }

    fn assemble(&self, view: View<'_>, parties: &Parties, wanted: impl Fn(usize) -> bool) -> Slice {
        let mut policies = PolicySet::new();
        let mut by_hand = false;
        let principals = parties.principal_in.iter().cloned().map(Some).chain([None]);
        for principal in principals {
            let resources = parties.resource_in.iter().cloned().map(Some).chain([None]);
            for resource in resources {
                let scope = Scope { principal: principal.clone(), resource };
                for place in self.index.get(&scope).into_iter().flatten().map(|place| *place as usize) {
                    let policy = &self.policies[place];
                    if wanted(place) && concerns(policy, &parties.action) {
                        by_hand |= place >= self.first_by_hand;
                        policies
                            .add(policy.clone())
                            .expect("each policy stands under one scope, and no two share an id");
                    }
                }
            }
        }
        // Only what never changes between hops of one slice; a resource's address is added for each.
        let known = if fixed(&view.hop.act) { entities::describe(view, parties) } else { Vec::new() };
        let entities = Entities::from_entities(known, None).unwrap_or_else(|_| Entities::empty());
        Slice { policies, entities, settled: None, by_hand }
    }

    fn evaluate(&self, slice: &Slice, view: View<'_>, seen: Label) -> Ruling {
        let parties = Parties::of(view);
        let facts = if slice.by_hand { entities::facts(view, seen) } else { Some(cedar_policy::Context::empty()) };
        let Some(facts) = facts else { return broken("the facts about the hop could not be built") };
        let mut added = Vec::new();
        if !fixed(&view.hop.act) {
            added.extend(entities::describe(view, &parties));
        }
        if slice.by_hand {
            match arguments::entities_of(&view.hop.payload) {
                Some(entities) => added.extend(entities),
                None => {
                    let most = arguments::LEAVES_MAX;
                    return broken(&format!("the call has more than {most} values, too many to show to a policy"));
                }
            }
        }
        let more;
        let entities = if added.is_empty() {
            &slice.entities
        } else {
            match slice.entities.clone().add_entities(added, None) {
                Ok(entities) => more = entities,
                Err(error) => return broken(&error.to_string()),
            }
            &more
        };
        let request = match Request::new(parties.principal, parties.action, parties.resource, facts, None) {
            Ok(request) => request,
            Err(error) => return broken(&error.to_string()),
        };
        let response = self.authorizer.is_authorized(&request, &slice.policies, entities);
        let errors: Vec<String> = response.diagnostics().errors().map(ToString::to_string).collect();
        if !errors.is_empty() {
            return Ruling::Broken(errors);
        }
        if response.decision() == Decision::Allow {
            return Ruling::Permitted;
        }
        let mut forbids: Vec<String> = response.diagnostics().reason().map(ToString::to_string).collect();
        forbids.sort();
        if forbids.is_empty() { Ruling::NotPermitted } else { Ruling::Forbidden(forbids) }
    }
}

/// Whether everything that policies know of the resource is declared, and nothing is the sender's choice.
const fn fixed(act: &Act) -> bool {
    match act {
        Act::CallTool(_)
        | Act::Complete { .. }
        | Act::List { .. }
        | Act::AskClient { .. }
        | Act::Notify { .. }
        | Act::Request { .. }
        | Act::Tell { .. }
        | Act::Report { .. }
        | Act::Spawn { .. } => true,
        Act::ReadResource { .. } | Act::GetPrompt { .. } => false,
    }
}

fn broken(why: &str) -> Ruling {
    Ruling::Broken(vec![why.to_owned()])
}

impl Scope {
    fn of(policy: &Policy) -> Self {
        let principal = match policy.principal_constraint() {
            PrincipalConstraint::Eq(uid) | PrincipalConstraint::In(uid) | PrincipalConstraint::IsIn(_, uid) => {
                Some(uid)
            }
            PrincipalConstraint::Any | PrincipalConstraint::Is(_) => None,
        };
        let resource = match policy.resource_constraint() {
            ResourceConstraint::Eq(uid) | ResourceConstraint::In(uid) | ResourceConstraint::IsIn(_, uid) => Some(uid),
            ResourceConstraint::Any | ResourceConstraint::Is(_) => None,
        };
        Self { principal, resource }
    }
}

/// Whether the policy's scope has room for this action. The schema has no groups of actions.
fn concerns(policy: &Policy, action: &EntityUid) -> bool {
    match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(one) => one == *action,
        ActionConstraint::In(some) => some.contains(action),
    }
}

/// Slices that are kept. Beyond it one is assembled for each hop, which is slower and says the same.
const SLICES_MAX: usize = 16_384;
