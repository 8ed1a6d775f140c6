//! What is unsound in temporal rules: what can never happen, what never stops anything, and what another rule says already.

use std::{collections::HashMap, sync::Arc};

use maso_core::{Act, AgentName, Class, RequestName, ToolRef};

use super::{Found, Lint, LintRule, arguments::argument_suggestion, controls::no_such_control};
use crate::{
    Condition, Control, EventName, EventPattern, Formula, Measure, Occurrence, Quantity, Reach, Relation, Rule,
    Subject,
    argument::{Place, place},
    form::{At, EventForm, File, RuleForm, RulesForm},
    nearest::suggestion,
};

pub(super) fn check(lint: Lint<'_>, found: &mut Found) {
    lint.rules(found);
}

impl Lint<'_> {
    fn rules(self, found: &mut Found) {
        let known = Known::of(self.deployment.rules.iter());
        for file in &self.folder.rules {
            for (name, form) in &file.form.events {
                self.unknown(file, form, found);
                let Some(pattern) = known.events.get(&(file.path, &name.value)) else {
                    let message = format!("no rule names the event `{}`", name.value);
                    found.add(LintRule::EventUnused, file, name.start, message, "remove it");
                    continue;
                };
                if let Some(why) = self.impossible(pattern) {
                    let message = format!("`{}` never happens: {why}", name.value);
                    let remedy = "mend what is asked of it, or remove it and the rules that name it";
                    found.add(LintRule::EventImpossible, file, name.start, message, remedy);
                }
                self.arguments(file, form, pattern, found);
            }
            for form in &file.form.rules {
                if let Some((place, rule)) = known.rules.get(form.id.as_str()) {
                    constancy(file, form, rule, found);
                    known.shadow(*place, rule).into_iter().for_each(|other| {
                        let message =
                            format!("`{}` adds nothing to `{}`, which stops all that it stops", rule.id, other.id);
                        let remedy = format!("remove one of them; the other is in {}:{}", other.path, other.line);
                        found.add(LintRule::RuleShadowed, file, form.id.start, message, remedy);
                    });
                }
            }
        }
    }

    /// Names that nothing in the deployment has.
    fn unknown(self, file: &File<'_, RulesForm>, form: &EventForm, found: &mut Found) {
        let deployment = self.deployment;
        let mut problem = |start, message, remedy| {
            found.add(LintRule::EventNameUnknown, file, start, message, remedy);
        };
        for term in &form.tools {
            let Some(server) = deployment.servers.get(&term.server) else {
                let remedy =
                    suggestion(term.server.as_str(), deployment.servers.keys().map(|name| name.as_str()), || {
                        format!("declare it in tools/{}.toml", term.server)
                    });
                problem(term.start, format!("there is no server `{}`", term.server), remedy);
                continue;
            };
            if let Some(tool) = term.tool.as_ref().filter(|tool| !server.tools.contains_key(*tool)) {
                let names = server.tools.keys().map(|name| name.as_str());
                let remedy = suggestion(tool.as_str(), names, || format!("describe it in tools/{}.toml", term.server));
                problem(term.start, format!("server `{}` has no tool `{tool}`", term.server), remedy);
            }
        }
        for agent in &form.agents {
            self.known_agent(&agent.value, agent.start, &mut problem);
        }
        for term in &form.requests {
            if self.known_agent(&term.agent, term.start, &mut problem) && !self.granted(&term.agent, &term.request) {
                let message = format!("no grant names the request `{}:{}`", term.agent, term.request);
                problem(term.start, message, "grant it in the workflow's mandate, or remove it here".to_owned());
            }
        }
    }

    fn known_agent(self, agent: &AgentName, start: usize, problem: &mut impl FnMut(usize, String, String)) -> bool {
        let is_known = self.deployment.agents.contains_key(agent);
        if !is_known {
            let names = self.deployment.agents.keys().map(|name| name.as_str());
            let remedy = suggestion(agent.as_str(), names, || format!("declare it in agents/{agent}.toml"));
            problem(start, format!("there is no agent `{agent}`"), remedy);
        }
        is_known
    }

    fn granted(self, agent: &AgentName, request: &RequestName) -> bool {
        let mut grants = self.deployment.workflows.values().flat_map(|solution| &solution.grants);
        grants.any(|grant| grant.to == *agent && grant.request == *request)
    }

    /// Values that no tool has.
    fn arguments(self, file: &File<'_, RulesForm>, form: &EventForm, pattern: &EventPattern, found: &mut Found) {
        if matches!(pattern.occurrence, Occurrence::Answer) {
            return;
        }
        let definitions: Vec<_> = form
            .tools
            .iter()
            .filter_map(|term| Some(ToolRef::new(term.server.clone(), term.tool.clone()?)))
            .filter_map(|tool| Some((tool.clone(), self.deployment.tool(&tool)?.definition.clone()?)))
            .collect();
        for At { value: pointer, start } in form.values.keys() {
            for (tool, definition) in &definitions {
                if place(&definition.value, &pointer.0) == Place::Absent {
                    let message = format!("`{tool}` has no argument `{}`", pointer.0);
                    let remedy = argument_suggestion(&definition.value, &pointer.0);
                    found.add(LintRule::EventArgumentUnknown, file, *start, message, remedy);
                }
            }
        }
    }

    /// Why no hop is such an event. Only of single tools can that be told: what a server offers may still come.
    fn impossible(self, pattern: &EventPattern) -> Option<&'static str> {
        let deployment = self.deployment;
        let single = pattern.subjects.iter().map(|subject| match subject {
            Subject::Tool(tool) => Some(tool),
            Subject::Server(_) | Subject::Request(..) => None,
        });
        let tools: Vec<&ToolRef> = single.collect::<Option<_>>().filter(|tools: &Vec<_>| !tools.is_empty())?;
        let fits = |tool: &&&ToolRef| {
            let class = deployment.tool(tool).map_or(Class::Execute, |manifest| manifest.class);
            pattern.classes.is_empty() || pattern.classes.contains(&class)
        };
        let fitting: Vec<_> = tools.iter().filter(fits).collect();
        if fitting.is_empty() {
            return Some("none of these tools is of such a class");
        }
        let asks = |agent: &AgentName| pattern.agents.is_empty() || pattern.agents.contains(agent);
        let mut holders = deployment.authorities.iter().filter(|(agent, _)| asks(agent));
        let is_held = holders
            .any(|(_, authority)| fitting.iter().any(|tool| authority.permits(&Act::CallTool((***tool).clone()))));
        // What nobody may call can still be refused.
        (!is_held && pattern.occurrence != Occurrence::Refusal).then_some("no such agent holds such a tool")
    }
}

/// A control that nobody knows, and a condition that never changes.
fn constancy(file: &File<'_, RulesForm>, form: &RuleForm, rule: &Rule, found: &mut Found) {
    if Control::of(&form.control.value).is_none() {
        let (message, remedy) = no_such_control(&form.control.value);
        found.add(LintRule::ControlUnknown, file, form.control.start, message, remedy);
    }
    let stops = match (&rule.condition, constant(rule.condition.formula(), Some(&rule.stops))) {
        (_, None) => return,
        (Condition::When(_), Some(holds)) => holds,
        (Condition::Unless(_), Some(holds)) => !holds,
    };
    let (message, remedy) = if stops {
        let remedy = "say it in a policy or a mandate, or mend the condition";
        (format!("`{}` always stops `{}`: its condition never changes", rule.id, rule.stops), remedy)
    } else {
        (format!("`{}` never stops anything: its condition never changes", rule.id), "mend the condition")
    };
    found.add(LintRule::RuleConstant, file, form.id.start, message, remedy);
}

/// The rules of a deployment, found by what is asked about them.
struct Known<'r> {
    rules: HashMap<&'r str, (usize, &'r Rule)>,
    events: HashMap<(&'r str, &'r EventName), &'r EventPattern>,
    /// Rules that may say the same: of one reach, about the same events.
    alike: HashMap<Likeness<'r>, Vec<(usize, &'r Rule)>>,
}

type Likeness<'r> = (Reach, Option<&'r EventPattern>, Vec<Option<&'r EventPattern>>);

impl<'r> Known<'r> {
    fn of(rules: impl Iterator<Item = &'r Arc<Rule>>) -> Self {
        let mut known = Self { rules: HashMap::new(), events: HashMap::new(), alike: HashMap::new() };
        for (place, rule) in rules.map(AsRef::as_ref).enumerate() {
            known.rules.entry(&rule.id).or_insert((place, rule));
            known.events.extend(rule.events.iter().map(|(name, event)| ((rule.path.as_str(), name), event.as_ref())));
            known.alike.entry(likeness(rule)).or_default().push((place, rule));
        }
        known
    }

    /// A rule to which this one adds nothing. Of two that say the same, the second is the one too many.
    fn shadow(&self, place: usize, rule: &Rule) -> Option<&'r Rule> {
        let mut alike = self.alike.get(&likeness(rule)).into_iter().flatten();
        let shadow = alike.find(|(other_place, other)| {
            *other_place != place && shadows(other, rule) && (*other_place < place || !shadows(rule, other))
        });
        shadow.map(|(_, other)| *other)
    }
}

fn likeness(rule: &Rule) -> Likeness<'_> {
    let event = |name: &EventName| rule.events.get(name).map(AsRef::as_ref);
    (rule.reach, event(&rule.stops), rule.condition.formula().names().into_iter().map(event).collect())
}

/// What a formula gives for an event called `stops`, whatever happened before; `None` if that depends on it.
fn constant(formula: &Formula, stops: Option<&EventName>) -> Option<bool> {
    let is_stopped = |name: &EventName| stops == Some(name);
    match formula {
        Formula::Event(name) => is_stopped(name).then_some(true),
        Formula::Not(inner) => constant(inner, stops).map(|holds| !holds),
        Formula::And(one, other) => match (constant(one, stops), constant(other, stops)) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), rest) | (rest, Some(true)) => rest,
            _ if is_negation(one, other) => Some(false),
            _ => None,
        },
        Formula::Or(one, other) => match (constant(one, stops), constant(other, stops)) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), rest) | (rest, Some(false)) => rest,
            _ if is_negation(one, other) => Some(true),
            _ => None,
        },
        // What holds now held at some event; what does not may have held before, at an event of another name.
        Formula::Formerly(start, _) | Formula::Since(_, start, _) => {
            constant(start, stops).filter(|holds| *holds).or_else(|| constant(start, None))
        }
        Formula::Compare(measure, relation, number) => {
            let least = match measure.quantity {
                Quantity::Count | Quantity::Distinct(_) | Quantity::DistinctAgents => {
                    u128::from(is_stopped(&measure.event))
                }
                Quantity::Sum(_) => 0,
            };
            match relation {
                Relation::AtLeast if least >= u128::from(*number) => Some(true),
                Relation::MoreThan if least > u128::from(*number) => Some(true),
                Relation::AtMost | Relation::Exactly if least > u128::from(*number) => Some(false),
                Relation::LessThan if least >= u128::from(*number) => Some(false),
                _ => None,
            }
        }
    }
}

fn is_negation(one: &Formula, other: &Formula) -> bool {
    matches!(one, Formula::Not(inner) if **inner == *other) || matches!(other, Formula::Not(inner) if **inner == *one)
}

/// Whether whatever `narrow` stops, `wide` stops as well, and no less strictly. Both are of one likeness.
fn shadows(wide: &Rule, narrow: &Rule) -> bool {
    if wide.effect < narrow.effect || wide.control != narrow.control {
        return false;
    }
    match (&wide.condition, &narrow.condition) {
        (Condition::When(wide), Condition::When(narrow)) => wide == narrow || implies(narrow, wide),
        (Condition::Unless(wide), Condition::Unless(narrow)) => wide == narrow || implies(wide, narrow),
        (Condition::When(one), Condition::Unless(other)) | (Condition::Unless(other), Condition::When(one)) => {
            is_negation(one, other)
        }
    }
}

/// Whether one comparison holds wherever another does: the same measure, against another number.
fn implies(one: &Formula, other: &Formula) -> bool {
    let (Formula::Compare(measure, relation, number), Formula::Compare(of, other_relation, most)) = (one, other) else {
        return false;
    };
    let is_same = |one: &Measure, other: &Measure| {
        let same_window = one.within == other.within;
        one.event == other.event && one.quantity == other.quantity && same_window
    };
    // Over a longer window there is no less of anything.
    let is_longer = |long: &Measure, short: &Measure| {
        let reaches = match (long.within, short.within) {
            (None, _) => true,
            (Some(long), Some(short)) => long >= short,
            (Some(_), None) => false,
        };
        long.event == short.event && long.quantity == short.quantity && reaches
    };
    match (relation, other_relation) {
        (Relation::AtMost, Relation::AtMost) | (Relation::LessThan, Relation::LessThan) => {
            number <= most && is_longer(measure, of)
        }
        (Relation::AtLeast, Relation::AtLeast) | (Relation::MoreThan, Relation::MoreThan) => {
            number >= most && is_longer(of, measure)
        }
        _ => number == most && relation == other_relation && is_same(measure, of),
    }
}
