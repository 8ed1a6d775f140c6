//! From the written form of rules to rules. What it gives is well formed; the lint says whether it makes sense.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Condition, EventName, EventPattern, Formula, Measure, Occurrence, Quantity, Rule, RuleEffect, Rules, Subject, Told,
    ValueTerm,
};
use crate::{
    Problem, Severity,
    form::{At, EventForm, File, RuleForm, RulesForm, ValueForm},
    nearest::suggestion,
    parse::json,
    problem::line_and_column,
};

/// All rules that can be read, and what is wrong with the others.
pub(crate) fn rules(files: &[File<'_, RulesForm>], problems: &mut Vec<Problem>) -> Rules {
    let mut rules = Vec::new();
    let mut ids = BTreeSet::new();
    for file in files {
        let events: BTreeMap<_, _> = file
            .form
            .events
            .iter()
            .map(|(name, form)| (name.value.clone(), Arc::new(pattern(file, form, problems))))
            .collect();
        for form in &file.form.rules {
            if !ids.insert(form.id.value.clone()) {
                let message = format!("two rules have the id `{}`", form.id.value);
                problems.push(error(file, form.id.start, message, "give one of them another"));
            }
            rules.extend(rule(file, form, &events, problems));
        }
    }
    Rules::new(rules)
}

type Events = BTreeMap<EventName, Arc<EventPattern>>;

fn rule(file: &File<'_, RulesForm>, form: &RuleForm, events: &Events, problems: &mut Vec<Problem>) -> Option<Rule> {
    let (effect, stops) = match (&form.forbid, &form.hold) {
        (Some(stops), None) => (RuleEffect::Forbid, stops),
        (None, Some(stops)) => (RuleEffect::Hold, stops),
        _ => {
            let message = "a rule stops one event, by `forbid` or by `hold`";
            problems.push(error(file, form.id.start, message, "write exactly one of the two"));
            return None;
        }
    };
    let (said, condition): (_, fn(Formula) -> Condition) = match (&form.when, &form.unless) {
        (Some(said), None) => (said, Condition::When),
        (None, Some(said)) => (said, Condition::Unless),
        _ => {
            let message = "a rule has one condition, `when` or `unless`";
            let remedy = "write exactly one of the two; what is always forbidden is a matter for a policy or a mandate";
            problems.push(error(file, form.id.start, message, remedy));
            return None;
        }
    };
    let formula = formula(file, said, problems)?;
    let mut named = BTreeMap::new();
    let names = formula.names().into_iter().map(|name| (name, file.place_of(said, name.as_str())));
    for (name, start) in [(&stops.value, stops.start)].into_iter().chain(names) {
        match events.get(name) {
            Some(pattern) => drop(named.insert(name.clone(), Arc::clone(pattern))),
            None => {
                let message = format!("no event of this file is called `{name}`");
                let remedy = suggestion(name.as_str(), events.keys().map(EventName::as_str), || {
                    format!("say what it is as `[events.{name}]`")
                });
                problems.push(error(file, start, message, remedy));
            }
        }
    }
    let pattern = named.get(&stops.value)?;
    match (pattern.occurrence, effect) {
        (Occurrence::Call, _) | (Occurrence::Answer, RuleEffect::Forbid) => {}
        (Occurrence::Answer, RuleEffect::Hold) => {
            problems.push(error(file, stops.start, "an answer cannot wait for a person", "write `forbid`"));
            return None;
        }
        (other, _) => {
            let message = format!("`{}` is of the kind `{other}`, which has happened when it is known", stops.value);
            problems.push(error(file, stops.start, message, "stop a call or an answer"));
            return None;
        }
    }
    limits(file, said, &formula, problems);
    Some(Rule {
        id: form.id.value.clone(),
        path: file.path.to_owned(),
        line: line_and_column(file.text, form.id.start).0,
        control: form.control.value.clone(),
        effect,
        stops: stops.value.clone(),
        reach: form.per.value,
        condition: condition(formula),
        because: form.because.as_ref().map(|because| because.value.clone()),
        events: named,
    })
}

fn formula(file: &File<'_, RulesForm>, said: &At<String>, problems: &mut Vec<Problem>) -> Option<Formula> {
    match said.value.parse::<Formula>() {
        Ok(formula) => Some(formula),
        Err(wrong) => {
            // Where the text stands as it is written; with escapes in it, at its beginning.
            let start = file.place_of(said, &said.value) + wrong.offset;
            problems.push(error(file, start, wrong.message, wrong.remedy));
            None
        }
    }
}

/// What would need more memory, or a longer history, than a rule may.
fn limits(file: &File<'_, RulesForm>, said: &At<String>, formula: &Formula, problems: &mut Vec<Problem>) {
    if formula.windows().into_iter().any(|ms| ms > WINDOW_MS_MAX) {
        let message = format!("a window longer than {} days", WINDOW_MS_MAX / DAY_MS);
        let remedy = "shorten it, or leave it out to look at all of the history";
        problems.push(error(file, said.start, message, remedy));
    }
    formula.each(&mut |part| {
        let Formula::Compare(Measure { quantity, .. }, _, number) = part else { return };
        let most = match quantity {
            Quantity::Count => COUNT_MAX,
            Quantity::Distinct(_) | Quantity::DistinctAgents => DISTINCT_MAX,
            Quantity::Sum(_) => return,
        };
        if *number > most {
            let message = format!("{number} is more than the {most} that a rule can tell apart here");
            problems.push(error(file, said.start, message, "write a smaller number"));
        }
    });
}

fn pattern(file: &File<'_, RulesForm>, form: &EventForm, problems: &mut Vec<Problem>) -> EventPattern {
    let tools = form.tools.iter().map(|term| Subject::from(term.value.clone()));
    let requests =
        form.requests.iter().map(|term| Subject::Request(term.value.agent.clone(), term.value.request.clone()));
    let values = form.values.iter().filter_map(|(pointer, form)| {
        let term = value(file, pointer.start, form, problems)?;
        Some((pointer.value.0.clone(), term))
    });
    EventPattern {
        values: values.collect(),
        occurrence: form.is.as_ref().map_or(Occurrence::Call, |is| is.value),
        subjects: tools.chain(requests).collect(),
        classes: form.classes.iter().map(|class| class.value).collect(),
        agents: form.agents.iter().map(|agent| agent.value.clone()).collect(),
        confidentiality_min: form.confidentiality.as_ref().map(|at| at.value),
        integrity_max: form.integrity.as_ref().map(|at| at.value),
    }
}

fn value(file: &File<'_, RulesForm>, start: usize, form: &ValueForm, problems: &mut Vec<Problem>) -> Option<ValueTerm> {
    match form {
        ValueForm { one_of: Some(values), at_most: None, at_least: None } => {
            let values = values.iter().map(|value| Told::of(Some(&json(file, start, value, problems))));
            Some(ValueTerm::OneOf(values.collect()))
        }
        ValueForm { one_of: None, at_most: Some(most), at_least: None } => Some(ValueTerm::AtMost(*most)),
        ValueForm { one_of: None, at_most: None, at_least: Some(least) } => Some(ValueTerm::AtLeast(*least)),
        _ => {
            let message = "one thing is asked of a value: `one_of`, `at_most` or `at_least`";
            problems.push(error(file, start, message, "keep one; an event of its own can ask for another"));
            None
        }
    }
}

impl File<'_, RulesForm> {
    /// The byte offset at which a piece of a text stands; that of the text, where it is written with escapes.
    pub(crate) fn place_of(&self, said: &At<String>, piece: &str) -> usize {
        let written = self.text.get(said.start..).unwrap_or_default();
        written.find(piece).map_or(said.start, |offset| said.start + offset)
    }
}

fn error(file: &File<'_, RulesForm>, start: usize, message: impl Into<String>, remedy: impl Into<String>) -> Problem {
    file.problem(start, Severity::Error, "", message, remedy)
}

const DAY_MS: u64 = 86_400_000;

/// How far back a window may reach. Longer than the year after which mandates are reviewed, nobody remembers why.
const WINDOW_MS_MAX: u64 = 366 * DAY_MS;

/// To compare a count with N, N + 1 events are kept of each history.
const COUNT_MAX: u64 = 10_000;

/// To compare a number of different values with N, N + 1 of them are kept of each history, and looked through for each.
const DISTINCT_MAX: u64 = 1_000;
