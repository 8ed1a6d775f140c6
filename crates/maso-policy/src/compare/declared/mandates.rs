//! What workflows and agents declare beyond what they may do.

use std::collections::{BTreeMap, BTreeSet};

use maso_core::{ServerName, Timestamp};
use maso_identity::DataScope;
use maso_intent::{
    AgentMandate, Channel, ContextTerms, Deployment, ExternalTerms, Grant, OiSpec, ProcessTerms, SolutionMandate,
    in_currency,
};
use serde_json::Value;

use super::{Direction, Ledger, Line, Milliseconds, both};

pub(super) fn compare(old: &Deployment, new: &Deployment, ledger: &mut Ledger) {
    for (name, before, after) in both(&old.workflows, &new.workflows) {
        limits(name.as_str(), before, after, ledger);
        sequence(name.as_str(), before, after, ledger);
        constants(name.as_str(), before, after, ledger);
        oispecs(&format!("workflow `{name}`"), &before.oispec, &after.oispec, ledger);
        let prohibited = |it: &SolutionMandate| keyed(&it.prohibited_actions);
        let kind = format!("what workflow `{name}` prohibits:");
        ledger.members(("prohibition", &kind), Direction::Narrower, &prohibited(before), &prohibited(after), |it| {
            format!("`{it}`")
        });
        let kind = format!("what a task of workflow `{name}` must say:");
        let parts = |it: &SolutionMandate| it.clarity.iter().map(|part| (part.to_string(), ())).collect();
        ledger.members(("clarity", &kind), Direction::Narrower, &parts(before), &parts(after), |part| {
            format!("an action in a task that does not say its {part}")
        });
        pre_approved(name.as_str(), before, after, ledger);
        for (grant, before, after) in both(&grants(before), &grants(after)) {
            terms(grant, before, after, ledger);
        }
        for (channel, before, after) in both(&channels(before), &channels(after)) {
            told(channel, before, after, ledger);
        }
    }
    for (name, before, after) in both(&old.agents, &new.agents) {
        agent(name.as_str(), before, after, ledger);
        oispecs(&format!("agent `{name}`"), &before.oispec, &after.oispec, ledger);
    }
}

fn limits(name: &str, old: &SolutionMandate, new: &SolutionMandate, ledger: &mut Ledger) {
    let what = |what: &str| format!("{what} in `{name}`");
    let line = |what| Line { topic: "limit", about: name, what };
    let (before, after) = (&old.limits, &new.limits);
    let transactions = (&before.max_transactions_per_batch, &after.max_transactions_per_batch);
    let most = transactions.0.min(transactions.1);
    let example = format!("transaction {} of one task", most.saturating_add(1));
    ledger.limit(line(what("the number of transactions of one task")), transactions.0, transactions.1, &example);
    let value = (before.max_value_minor, after.max_value_minor);
    if value.0 != value.1 {
        let shown = |minor: u64, it: &SolutionMandate| {
            it.limits.currency.as_deref().map_or(minor.to_string(), |of| in_currency(minor, of))
        };
        let direction = if value.1 > value.0 { Direction::Wider } else { Direction::Narrower };
        let example = format!("a task that moves {} in all", shown(value.0.min(value.1).saturating_add(1), new));
        let what = what("the money that one task may move");
        ledger.value(line(what), direction, &shown(value.0, old), &shown(value.1, new), &example);
    }
    let budget = |most: Option<u64>| Budget(most.unwrap_or(u64::MAX));
    let (tokens, cost) =
        (|it: &SolutionMandate| budget(it.limits.max_tokens), |it: &SolutionMandate| budget(it.limits.max_cost_minor));
    let example = "a hop when the smaller budget is used up";
    ledger.limit(line(what("the tokens of one task")), &tokens(old), &tokens(new), example);
    ledger.limit(line(what("what one task may cost to run")), &cost(old), &cost(new), example);
    let currency = |it: &SolutionMandate| it.limits.currency.clone().unwrap_or_else(|| "none".to_owned());
    ledger.either(line(what("the currency of amounts")), &currency(old), &currency(new), "any amount");
    let time = |it: &SolutionMandate| Milliseconds(it.limits.max_execution_ms);
    ledger.limit(
        line(what("the time box of one task")),
        &time(old),
        &time(new),
        "an action at the end of the shorter time",
    );
    let (before, after) = (&old.plan_attempts, &new.plan_attempts);
    let attempt = "one more call of a tool that an agent does not have";
    ledger.limit(line(what("plan attempts of one task")), &before.single_session, &after.single_session, attempt);
    ledger.limit(line(what("plan attempts of seven days")), &before.rolling_7day, &after.rolling_7day, attempt);
    ledger.limit(line(what("plan attempts of thirty days")), &before.rolling_30day, &after.rolling_30day, attempt);
    // Nothing is granted before the day, and without one never.
    let from = |it: &SolutionMandate| it.effective_from.unwrap_or(Timestamp::from_millis(i64::MAX));
    if from(old) != from(new) {
        let direction = if from(new) < from(old) { Direction::Wider } else { Direction::Narrower };
        let day = |it: &SolutionMandate| {
            if it.effective_from.is_some() { it.effective_date.clone() } else { "never".to_owned() }
        };
        let what = format!("the day from which `{name}` holds");
        ledger.value(line(what), direction, &day(old), &day(new), "any action of its agents between the two days");
    }
}

/// What holds the agents to their sequence.
fn sequence(name: &str, old: &SolutionMandate, new: &SolutionMandate, ledger: &mut Ledger) {
    let direction = match (old.sequence, new.sequence) {
        (Some(_), None) => Direction::Wider,
        (None, Some(_)) => Direction::Narrower,
        _ => Direction::Mixed,
    };
    let shown = |it: &SolutionMandate| it.sequence.map_or("nothing", |by| by.as_str());
    let what = format!("what holds the agents of `{name}` to their sequence");
    let line = Line { topic: "limit", about: name, what };
    ledger.value(line, direction, &shown(old), &shown(new), "an action before its turn");
}

/// What nobody is asked about where a task asks for it.
fn pre_approved(name: &str, old: &SolutionMandate, new: &SolutionMandate, ledger: &mut Ledger) {
    let words = |it: &SolutionMandate| {
        let each = it.pre_approved.iter().flat_map(|one| one.asked_by.iter().map(move |by| (&one.tool, by)));
        each.map(|(tool, by)| (format!("{tool} by `{by}`"), ())).collect::<BTreeMap<_, _>>()
    };
    let kind = format!("what is approved in advance in `{name}`:");
    let example = |what: &String| format!("{what}, in a task that says so");
    ledger.members(("approval", &kind), Direction::Wider, &words(old), &words(new), example);
}

fn constants(name: &str, old: &SolutionMandate, new: &SolutionMandate, ledger: &mut Ledger) {
    let kind = format!("constant of `{name}`");
    let example =
        |it: &String| format!("an action that uses the value of `{it}`, which is believed like an operator's word");
    ledger.members(("constant", &kind), Direction::Wider, &old.constants, &new.constants, example);
    for (constant, before, after) in both(&old.constants, &new.constants) {
        let what = format!("constant `{constant}` of `{name}`");
        ledger.either(Line { topic: "constant", about: constant, what }, before, after, &example(constant));
    }
}

fn agent(name: &str, old: &AgentMandate, new: &AgentMandate, ledger: &mut Ledger) {
    let line = |what| Line { topic: "limit", about: name, what };
    let calls = (&old.calls_per_hour_max, &new.calls_per_hour_max);
    let example = format!("call {} of one hour", calls.0.min(calls.1).saturating_add(1));
    ledger.limit(line(format!("the number of calls per hour of `{name}`")), calls.0, calls.1, &example);
    let example = format!("an answer that is {}", old.clearance.max(new.clearance));
    ledger.limit(line(format!("the clearance of `{name}`")), &old.clearance, &new.clearance, &example);
    ledger.either(
        line(format!("the place of `{name}` in the sequence")),
        &old.sequence_position,
        &new.sequence_position,
        "an action before its turn",
    );
    let plan = |it: &AgentMandate| it.plan.to_string();
    let what = format!("the plan of `{name}`");
    ledger.either(line(what), &plan(old), &plan(new), "a step out of its order");
    let required = |it: &AgentMandate| {
        let named: Vec<String> = it.required_tools.iter().map(ToString::to_string).collect();
        keyed(&named)
    };
    let kind = format!("what must have run before work of `{name}` is done:");
    let example = |tool: &String| format!("work that is handed on before `{tool}` has run");
    ledger.members(("limit", &kind), Direction::Narrower, &required(old), &required(new), example);
    // These words have operator integrity in its tasks: a value among them is believed.
    let words = |it: &AgentMandate| format!("{:?}", (&it.intent, &it.outcome));
    let what = format!("what `{name}` is for");
    ledger.either(line(what), &words(old), &words(new), "an action whose values stand in those words");
    let model = |it: &AgentMandate| {
        it.model.as_ref().map_or("none".to_owned(), |(provider, model)| format!("{provider}/{model}"))
    };
    let what = format!("the model behind `{name}`");
    ledger.either(line(what), &model(old), &model(new), "any action of it");
    let price =
        |it: &AgentMandate| it.price_per_million_tokens_minor.map_or("unknown".to_owned(), |price| price.to_string());
    let what = format!("the price of a million tokens of `{name}`");
    ledger.either(line(what), &price(old), &price(new), "a hop when the budget of its task is used up");
    let context = |it: &AgentMandate| {
        it.context.map_or("not watched".to_owned(), |ContextTerms { tokens, bytes_per_token, rotate_at }| {
            format!("{tokens} tokens of {bytes_per_token} bytes, to be rotated at {rotate_at} %")
        })
    };
    let what = format!("which process is `{name}`");
    let process = |it: &AgentMandate| {
        it.process.as_ref().map_or("none".to_owned(), |ProcessTerms { uid, executable, cgroup }| {
            let uid = uid.map(|uid| format!("of user {uid}"));
            let executable = executable.map(|program| format!("running {program}"));
            let cgroup = cgroup.as_ref().map(|cgroup| format!("in `{cgroup}`"));
            [uid, executable, cgroup].into_iter().flatten().collect::<Vec<_>>().join(", ")
        })
    };
    ledger.either(line(what), &process(old), &process(new), "a process that only one of them takes for the agent");
    let workload = |it: &AgentMandate| it.workload.as_ref().map_or("none".to_owned(), ToString::to_string);
    let what = format!("which workload of another trust domain is `{name}`");
    ledger.either(line(what), &workload(old), &workload(new), "a workload that only one of them takes for the agent");
    outside(name, old.external.as_ref(), new.external.as_ref(), ledger);
    let what = format!("what the context of `{name}` holds");
    ledger.either(line(what), &context(old), &context(new), "a hop when the smaller context is full");
}

/// Whether an agent is outside, and where it may be called back.
fn outside(name: &str, old: Option<&ExternalTerms>, new: Option<&ExternalTerms>, ledger: &mut Ledger) {
    let line = |what| Line { topic: "limit", about: name, what };
    let shown = |it: Option<&ExternalTerms>| if it.is_some() { "outside" } else { "of the deployment" };
    // What an agent outside says is never believed, and it comes by one door alone.
    let direction = if new.is_none() { Direction::Wider } else { Direction::Narrower };
    let what = format!("where `{name}` is");
    ledger.value(line(what), direction, &shown(old), &shown(new), "a request with a value that is believed of others");
    let called = |it: Option<&ExternalTerms>| -> BTreeMap<String, ()> {
        it.into_iter().flat_map(|it| &it.push).map(|prefix| (prefix.as_str().to_owned(), ())).collect()
    };
    let kind = format!("where `{name}` may be called back:");
    let example = |prefix: &String| format!("a call of `{prefix}` when a task of it goes on");
    ledger.members(("limit", &kind), Direction::Wider, &called(old), &called(new), example);
}

fn oispecs(whose: &str, old: &OiSpec, new: &OiSpec, ledger: &mut Ledger) {
    let mut list = |what: &str, direction, of: fn(&OiSpec) -> &Vec<String>| {
        let kind = format!("what the intent specification of {whose} {what}:");
        let example = |it: &String| format!("an action with, or without, `{it}`");
        ledger.members(("intent", &kind), direction, &keyed(of(old)), &keyed(of(new)), example);
    };
    list("prohibits", Direction::Narrower, |it| &it.prohibited_actions);
    list("prohibits as content", Direction::Narrower, |it| &it.prohibited_content);
    list("requires of every write", Direction::Narrower, |it| &it.required_fields);
    list("counts as failure", Direction::Narrower, |it| &it.failure_criteria);
    list("counts as success", Direction::Mixed, |it| &it.success_criteria);
    let what = format!("the goal of {whose}");
    ledger.either(
        Line { topic: "intent", about: whose, what },
        &old.goal,
        &new.goal,
        "an action that judges hold against it",
    );
}

fn grants(solution: &SolutionMandate) -> BTreeMap<String, &Grant> {
    // The first of two is the one that counts.
    let named = |grant: &Grant| format!("{} asking {} to {}", grant.from, grant.to, grant.request);
    solution.grants.iter().rev().map(|grant| (named(grant), grant)).collect()
}

fn channels(solution: &SolutionMandate) -> BTreeMap<String, &Channel> {
    let named = |channel: &Channel| format!("{} telling {} a {}", channel.from, channel.to, channel.contract);
    solution.channels.iter().rev().map(|channel| (named(channel), channel)).collect()
}

/// What a message may hold.
fn told(channel: &str, old: &Channel, new: &Channel, ledger: &mut Ledger) {
    schema(("message", channel), &old.schema, &new.schema, ledger);
    extracted(("message", channel), &old.extracted, &new.extracted, ledger);
}

/// What a text between agents may hold: whether one schema holds another nobody can say in general, but for the empty one.
fn schema((topic, edge): (&'static str, &str), old: &Value, new: &Value, ledger: &mut Ledger) {
    let is_open = |schema: &Value| schema.as_object().is_some_and(serde_json::Map::is_empty);
    let direction = match (is_open(old), is_open(new)) {
        (false, true) => Direction::Wider,
        (true, false) => Direction::Narrower,
        _ => Direction::Mixed,
    };
    let what = format!("the schema of {edge}");
    let shown = |schema: &Value| if is_open(schema) { "open to anything".to_owned() } else { schema.to_string() };
    let example = format!("a {topic} whose content only one of the two schemas accepts");
    ledger.value(Line { topic, about: edge, what }, direction, &shown(old), &shown(new), &example);
}

/// What of it must say from where it was read.
fn extracted((topic, edge): (&'static str, &str), old: &[String], new: &[String], ledger: &mut Ledger) {
    let kind = format!("what of {edge} must say where it was read:");
    let example = |pointer: &String| format!("a `{pointer}` of which nobody says in what document it was read");
    ledger.members((topic, &kind), Direction::Narrower, &keyed(old), &keyed(new), example);
}

/// What a request may hold, and how it is handled.
fn terms(grant: &str, old: &Grant, new: &Grant, ledger: &mut Ledger) {
    schema(("request", grant), &old.schema, &new.schema, ledger);
    let item = |grant: &Grant| grant.item_pointer.clone().unwrap_or_else(|| "nothing".to_owned());
    let what = format!("what says what {grant} is about");
    let example = "a request about one item after a request about another";
    ledger.either(Line { topic: "request", about: grant, what }, &item(old), &item(new), example);
    handed_on(grant, old, new, ledger);
    let waits = |grant: &Grant| match grant.queues {
        Some(true) => "may wait",
        Some(false) => "may not wait",
        None => "as the tier has it",
    };
    let what = format!("whether {grant} may wait for an agent that is not there");
    let example = "a request of an agent that is not there";
    let (old, new) = (waits(old).to_owned(), waits(new).to_owned());
    ledger.either(Line { topic: "request", about: grant, what }, &old, &new, example);
}

/// What a request hands on, and how far.
fn handed_on(grant: &str, old: &Grant, new: &Grant, ledger: &mut Ledger) {
    let terms = |terms: &BTreeSet<(ServerName, String)>, what: &str| {
        terms.iter().map(|(server, term)| (format!("{what} {server}:{term}"), ())).collect::<BTreeMap<_, _>>()
    };
    let named = |it: &Grant| {
        let tools = it.remit.tools.iter().map(|tool| (format!("tool {tool}"), ()));
        let mut all: BTreeMap<_, _> = tools.collect();
        all.extend(terms(&it.remit.resources, "resource"));
        all.extend(terms(&it.remit.prompts, "prompt"));
        all
    };
    let kind = format!("what may be used for {grant}:");
    let example = |what: &String| format!("a use of `{what}` by whoever works on the request");
    ledger.members(("request", &kind), Direction::Wider, &named(old), &named(new), example);
    let fixed = |it: &Grant| {
        let fixed = it.fixed.iter().map(|one| format!("{} of {} by {}", one.argument, one.tool, one.content));
        fixed.map(|what| (what, ())).collect::<BTreeMap<_, _>>()
    };
    let kind = format!("what the content of {grant} fixes:");
    let example = |what: &String| format!("a call that does not fit `{what}`");
    ledger.members(("request", &kind), Direction::Narrower, &fixed(old), &fixed(new), example);
    data_scope(grant, old.data.as_ref(), new.data.as_ref(), ledger);
    let depth = |it: &Grant| Budget(it.depth.map_or(u64::MAX, u64::from));
    let line = |what| Line { topic: "request", about: grant, what };
    let what = format!("over how many further requests {grant} may lead");
    ledger.limit(line(what), &depth(old), &depth(new), "one request more");
    let calls = |it: &Grant| Budget(it.quota.calls.unwrap_or(u64::MAX));
    let what = format!("how many calls may be made for {grant}");
    ledger.limit(line(what), &calls(old), &calls(new), "one call more");
    let value = |it: &Grant| Budget(it.quota.value_minor.unwrap_or(u64::MAX));
    let what = format!("how much may be moved for {grant}");
    ledger.limit(line(what), &value(old), &value(new), "a call that moves more than the smaller amount");
    let ttl = |it: &Grant| Budget(it.ttl_ms.unwrap_or(u64::MAX));
    let what = format!("the milliseconds that {grant} may take");
    ledger.limit(line(what), &ttl(old), &ttl(new), "a call after the shorter time");
    let answer = |it: &Grant| it.answer.as_ref().map_or_else(|| "anything".to_owned(), |schema| schema.to_string());
    let what = format!("the schema of the answer to {grant}");
    ledger.either(line(what), &answer(old), &answer(new), "an answer that only one of the two schemas accepts");
    extracted(("request", grant), &old.extracted, &new.extracted, ledger);
}

/// Which data may be used for a request.
fn data_scope(grant: &str, old: Option<&DataScope>, new: Option<&DataScope>, ledger: &mut Ledger) {
    let within = |inner: Option<&DataScope>, outer: Option<&DataScope>| match (inner, outer) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(inner), Some(outer)) => inner.sources().all(|(source, access)| outer.permits(source, access)),
    };
    let direction = match (within(old, new), within(new, old)) {
        (true, true) => return,
        (true, false) => Direction::Wider,
        (false, true) => Direction::Narrower,
        (false, false) => Direction::Mixed,
    };
    let shown = |scope: Option<&DataScope>| match scope {
        None => "whatever its tools lead to".to_owned(),
        Some(scope) => {
            let sources: Vec<_> = scope.sources().map(|(source, access)| format!("{source} for {access}")).collect();
            if sources.is_empty() { "none".to_owned() } else { sources.join(", ") }
        }
    };
    let line = Line { topic: "request", about: grant, what: format!("the data that may be used for {grant}") };
    let example = "a call of a tool that leads to data which only one of them names";
    ledger.value(line, direction, &shown(old), &shown(new), example);
}

fn keyed(list: &[String]) -> BTreeMap<String, ()> {
    list.iter().map(|one| (one.clone(), ())).collect()
}

/// A budget that may have no bound.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Budget(u64);

impl std::fmt::Display for Budget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            u64::MAX => f.write_str("no bound"),
            most => write!(f, "{most}"),
        }
    }
}
