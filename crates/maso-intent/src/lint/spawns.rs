//! Whether who may start whom can be, ends, and gives nobody what no grant gives it (EC-1.5a, IA-2.2, IA-2.4).

use std::collections::BTreeSet;

use maso_core::AgentName;

use super::{Found, Lint, LintRule};
use crate::{
    AgentMandate, SpawnTerms,
    form::{AgentForm, At, File, SpawnForm},
    nearest::suggestion,
};

pub(super) fn check(lint: Lint<'_>, found: &mut Found) {
    for (name, file) in &lint.folder.agents {
        let Some(mandate) = lint.deployment.agents.get(name) else { continue };
        for (agent, form) in &file.form.spawns {
            numbers(file, agent, form, found);
            if is_known(lint, (mandate, file), agent, found) {
                lifetime(lint, file, (agent, form), found);
                grants(lint, (mandate, file), agent, found);
                circle(lint, (name, file), agent, found);
            }
        }
    }
}

fn numbers(file: &File<'_, AgentForm>, agent: &At<AgentName>, form: &SpawnForm, found: &mut Found) {
    for (key, number, most) in
        [("at_most", form.at_most, SpawnTerms::AT_MOST_MAX), ("per_hour", form.per_hour, SpawnTerms::PER_HOUR_MAX)]
    {
        if !(1..=most).contains(&number) {
            let message = format!("`{key}` of the instances of `{}` is {number}", agent.value);
            let remedy = format!("write a number from 1 to {most}, or remove the entry");
            found.add(LintRule::SpawnsOutOfBounds, file, agent.start, message, remedy);
        }
    }
    if !(1..=SpawnTerms::TTL_MS_MAX).contains(&form.ttl.0) {
        let message = format!("the instances of `{}` live for no time, or for more than a day", agent.value);
        found.add(LintRule::SpawnsOutOfBounds, file, form.ttl.start, message, "write `ttl = \"15m\"`, or the like");
    }
}

/// Whether it is an agent of the same workflow, and inside.
fn is_known(
    lint: Lint<'_>,
    (mandate, file): (&AgentMandate, &File<'_, AgentForm>),
    agent: &At<AgentName>,
    found: &mut Found,
) -> bool {
    let started = lint.deployment.agents.get(&agent.value);
    let is_fit = |it: &std::sync::Arc<AgentMandate>| it.workflow == mandate.workflow && it.external.is_none();
    if started.is_some_and(is_fit) {
        return true;
    }
    let (message, remedy) = match started {
        None => {
            let names = lint.deployment.agents.keys().map(|name| name.as_str());
            let remedy = suggestion(agent.as_str(), names, || format!("declare it in agents/{}.toml", agent.value));
            (format!("there is no agent `{}`, of which instances may be started", agent.value), remedy)
        }
        Some(_) => (
            format!("`{}` is outside, or of another workflow: none of it can be started", agent.value),
            "name an agent of the same workflow".to_owned(),
        ),
    };
    found.add(LintRule::SpawnUnknown, file, agent.start, message, remedy);
    false
}

fn lifetime(
    lint: Lint<'_>,
    file: &File<'_, AgentForm>,
    (agent, form): (&At<AgentName>, &SpawnForm),
    found: &mut Found,
) {
    let most = lint.deployment.credential_ms_max(&agent.value);
    if form.ttl.0 > most {
        let message = format!("instances of `{}` would outlive what any credential of it may", agent.value);
        let remedy = format!("write `{}s` or less: they end by then in any case", most / 1_000);
        found.add(LintRule::SpawnTtlTooLong, file, form.ttl.start, message, remedy);
    }
}

/// Whoever is started works for requests. Who starts it and may ask nothing of it starts something that acts by itself.
fn grants(
    lint: Lint<'_>,
    (mandate, file): (&AgentMandate, &File<'_, AgentForm>),
    agent: &At<AgentName>,
    found: &mut Found,
) {
    let may_ask = lint.deployment.authority(&mandate.agent).requests().any(|(asked, _)| *asked == agent.value);
    if !may_ask {
        let message = format!("`{}` may start `{}`, and ask nothing of it", mandate.agent, agent.value);
        let remedy = "grant a request, or remove the entry: an instance is to work for requests";
        found.add(LintRule::SpawnWithoutGrant, file, agent.start, message, remedy);
    }
}

/// Agents that start each other in a circle: what ends one of them would be started anew by the next.
fn circle(lint: Lint<'_>, (name, file): (&AgentName, &File<'_, AgentForm>), agent: &At<AgentName>, found: &mut Found) {
    let (mut seen, mut open) = (BTreeSet::new(), vec![&agent.value]);
    while let Some(next) = open.pop() {
        if next == name {
            let message = format!("`{name}` may start `{}`, which leads back to `{name}`", agent.value);
            let remedy = "remove an entry of the circle";
            return found.add(LintRule::SpawnCircle, file, agent.start, message, remedy);
        }
        if seen.insert(next) {
            open.extend(lint.deployment.agents.get(next).into_iter().flat_map(|mandate| mandate.spawns.keys()));
        }
    }
}
