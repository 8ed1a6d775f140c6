//! How often, how many, and how long it may go back and forth.

use maso_intent::{AgentMandate, Deployment, DryRunCall, SolutionMandate, ToolManifest};

use super::{Direction, Ledger, Line, Milliseconds, both};

pub(super) fn compare(old: &Deployment, new: &Deployment, ledger: &mut Ledger) {
    for (name, before, after) in both(&old.workflows, &new.workflows) {
        workflow(name.as_str(), before, after, ledger);
    }
    for (name, before, after) in both(&old.agents, &new.agents) {
        agent(name.as_str(), before, after, ledger);
    }
    for (_, before, after) in both(&old.servers, &new.servers) {
        for (_, before, after) in both(&before.tools, &after.tools) {
            tool(before, after, ledger);
        }
    }
}

fn workflow(name: &str, old: &SolutionMandate, new: &SolutionMandate, ledger: &mut Ledger) {
    let (old, new) = (&old.bounds, &new.bounds);
    let line = |what: &str| Line { topic: "limit", about: name, what: format!("{what} in `{name}`") };
    let more = |what: &str, old: u32, new: u32| format!("{what} {}", old.min(new).saturating_add(1));
    let example = more("turn", old.turns_max, new.turns_max);
    ledger.limit(line("the turns of a conversation between two agents"), &old.turns_max, &new.turns_max, &example);
    let example = more("one task's request", old.delegations_max, new.delegations_max);
    ledger.limit(line("requests between agents of one task"), &old.delegations_max, &new.delegations_max, &example);
    let (before, after) = (old.delegations_per_hour_max, new.delegations_per_hour_max);
    let example = more("one hour's request", before, after);
    ledger.limit(line("requests between agents of one hour"), &before, &after, &example);
    let example = more("one task's instance", old.spawns_max, new.spawns_max);
    ledger.limit(
        line("instances of agents that agents start for one task"),
        &old.spawns_max,
        &new.spawns_max,
        &example,
    );
    let example = "an instance that is started by the deepest one";
    ledger.limit(line("how deep instances may stand"), &old.spawn_depth, &new.spawn_depth, example);
    let example = more("retry", old.retries_max, new.retries_max);
    ledger.limit(line("retries of what failed"), &old.retries_max, &new.retries_max, &example);
    ledger.demand(
        line("how long what failed may not be tried again"),
        &Milliseconds(old.retry_cooldown_ms),
        &Milliseconds(new.retry_cooldown_ms),
        "the same call soon after it failed",
    );
    ledger.demand(
        line("how long decisions stay committed"),
        &Milliseconds(old.decisions_kept_ms),
        &Milliseconds(new.decisions_kept_ms),
        "the other decision at the end of the longer time",
    );
}

fn agent(name: &str, old: &AgentMandate, new: &AgentMandate, ledger: &mut Ledger) {
    let line = |what: &str| Line { topic: "limit", about: name, what: format!("{what} of `{name}`") };
    let depth = |it: &AgentMandate| Few(it.powers.max_delegation_depth);
    let example = "a request that is made for a request of it";
    ledger.limit(line("how far requests may be handed on"), &depth(old), &depth(new), example);
    let retries = |it: &AgentMandate| Few(it.on_fail.as_ref().map(|after| after.retry_max));
    ledger.limit(line("its own retries"), &retries(old), &retries(new), "one more retry of what failed");
    for (started, before, after) in both(&old.spawns, &new.spawns) {
        let line = |what: &str| Line { topic: "limit", about: name, what: format!("{what} `{started}` by `{name}`") };
        let example = "one instance more";
        ledger.limit(line("instances at once of"), &before.at_most, &after.at_most, example);
        ledger.limit(line("instances within an hour of"), &before.per_hour, &after.per_hour, example);
        let (before, after) = (Milliseconds(before.ttl_ms), Milliseconds(after.ttl_ms));
        ledger.limit(line("how long an instance lives of"), &before, &after, "a call of it after the shorter time");
    }
}

fn tool(old: &ToolManifest, new: &ToolManifest, ledger: &mut Ledger) {
    let about = old.tool.to_string();
    let shown = |tool: &ToolManifest| tool.decision_pointer.clone().unwrap_or_else(|| "nothing".to_owned());
    let direction = match (&old.decision_pointer, &new.decision_pointer) {
        (None, Some(_)) => Direction::Narrower,
        (Some(_), None) => Direction::Wider,
        _ => Direction::Mixed,
    };
    let line = Line { topic: "manifest", about: &about, what: format!("what calls of `{about}` decide") };
    ledger.value(line, direction, &shown(old), &shown(new), "a call that decides otherwise than one before it");
    let shown = |tool: &ToolManifest| match &tool.dry_run {
        None => "not at all".to_owned(),
        Some(DryRunCall { tool, set: None }) => format!("by `{tool}`"),
        Some(DryRunCall { tool, set: Some((argument, value)) }) => format!("by `{tool}` with `{argument}` = {value}"),
    };
    let line = Line { topic: "manifest", about: &about, what: format!("how calls of `{about}` are tried out") };
    ledger.either(line, &shown(old), &shown(new), "a call that is tried out first");
}

/// A number that bounds, or none that does.
#[derive(PartialEq)]
struct Few(Option<u32>);

impl PartialOrd for Few {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        let number = |few: &Self| few.0.map_or(u64::MAX, u64::from);
        Some(number(self).cmp(&number(other)))
    }
}

impl std::fmt::Display for Few {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(number) => number.fmt(f),
            None => f.write_str("not bounded"),
        }
    }
}
